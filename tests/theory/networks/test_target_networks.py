"""A target keeps the very network that was counted: what is planned and built for it computes what the model does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ertheory import check_embedding, embed_target, plan
from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Network, Pool, Residual
from ertheory.networks.readers.targets import read_target
from ertheory.networks.target import Target, network_of
from ertheory.networks.writers.torch_module import network_to_torch

torch = pytest.importorskip("torch")
nn = torch.nn

# Models, and the shape of one of their inputs.
GEOMETRIES: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "dense": (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (3,)),
    "stride": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)), (1, 7, 7)),
    "padding": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 2)), (1, 4, 4)),
    "dilation": (lambda: nn.Sequential(nn.Conv1d(1, 2, 3, dilation=2), nn.ReLU(), nn.Conv1d(2, 1, 2)), (1, 9)),
    "groups": (lambda: nn.Sequential(nn.Conv1d(2, 3, 2), nn.ReLU(), nn.Conv1d(3, 6, 2, groups=3)), (2, 6)),
    "max pooling": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)),
        (1, 6, 6),
    ),
    "average pooling": (
        lambda: nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.AvgPool1d(2, 1), nn.Conv1d(2, 1, 1)),
        (1, 7),
    ),
    "adaptive pooling": (
        lambda: nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)),
        (1, 5, 4),
    ),
    "norms": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3, 1, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)),
        (1, 3, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GEOMETRIES)
def test_what_is_planned_for_a_model_computes_the_model(case: str) -> None:
    make, shape = GEOMETRIES[case]
    torch.manual_seed(1)
    model = make().double().eval()
    target = read_target(model)
    points = np.random.default_rng(0).uniform(-1, 1, size=(6, *shape))
    with torch.no_grad():
        expected = model(torch.from_numpy(points)).numpy()
    built = plan(target, density="1,1/2,1/2", failure_probability="0.001", domain=(-1, 1)).embed(seed=5)
    np.testing.assert_allclose(evaluate(built.source, points), expected, rtol=1e-11, atol=1e-12)
    checked = check_embedding(built.target, built.source, built.masks, points=points)
    assert checked.passed
    # And so does the source as a module, on the inputs of the model.
    exported = network_to_torch(built.source, built.masks)
    with torch.no_grad():
        np.testing.assert_allclose(exported(torch.from_numpy(points)).numpy(), expected, rtol=1e-11, atol=1e-12)


def test_a_target_is_its_network() -> None:
    steps = (Affine.from_dense(np.ones((2, 1, 3)), stride=(2,)), Activation("relu"), Affine.from_dense([[1.0, 2.0]]))
    network = Network(steps, np.array([[0.0, 1.0]]))
    target = Target.from_network(network)
    assert network_of(target).steps is steps
    assert target.domain is not None
    assert target.domain.tolist() == [[0, 1]]
    assert network_of(target, activation="tanh").activation == "tanh"
    assert network_of(target, activation="tanh").affine == network.affine


def test_groups_are_counted_and_written_out_with_zeros() -> None:
    weight = np.arange(1.0, 25.0).reshape(4, 1, 2, 3)
    steps = Affine.from_dense(np.ones((2, 3, 1, 1))), Activation("relu"), Affine.from_dense(weight, groups=2)
    target = Target.from_network(Network(steps))
    assert target.weights is not None
    full = target.weights[1]
    assert full.shape == (4, 2, 2, 3)
    assert target.layers[1].column_nonzeros == (12, 12)
    np.testing.assert_array_equal(full[:2, 0], weight[:2, 0])
    np.testing.assert_array_equal(full[2:, 1], weight[2:, 0])
    assert not full[:2, 1].any()
    assert not full[2:, 0].any()


def test_pooling_leaves_the_counts_and_keeps_the_network() -> None:
    pooled, plain = (read_target(nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), *parts, nn.Flatten(), nn.Linear(12, 5)))
                     for parts in ([nn.MaxPool2d(2)], []))  # fmt: skip
    assert pooled.layers == plain.layers
    assert pooled.layers[1].positions == 4
    assert pooled.weights is None
    assert pooled.network is not None
    assert plain.weights is not None


@pytest.mark.parametrize("text", ["4-8-3", "784-128-10"])
def test_a_target_of_counts_is_asked_about_and_not_built(text: str) -> None:
    target = Target.from_text(text)
    for ask in (
        lambda: plan(target, density="1/2", failure_probability="0.1"),
        lambda: embed_target(target, [[[1]]]),
        lambda: network_of(target),
    ):
        with pytest.raises(InvalidInput, match=f"target: expected a network with its .*{text}, known by its counts"):
            ask()


LAYER = Affine.from_dense([[1.0]])
RELU = Activation("relu")


@pytest.mark.parametrize(
    ("steps", "pattern"),
    [
        ((LAYER, RELU, Residual((LAYER,)), RELU, LAYER), "a residual block"),
        ((LAYER, Activation("tanh"), LAYER), "activation: expected ReLU.*tanh"),
        ((LAYER, RELU, LAYER, LAYER), "none before layer 3"),
        ((LAYER, Pool("max"), LAYER), "none before layer 2"),
        ((LAYER, RELU, Affine.from_dense([[1.0, 2.0]])), "layer 2: expected 1 inputs"),
    ],
)
def test_networks_without_widths_are_refused(steps: tuple[Any, ...], pattern: str) -> None:
    with pytest.raises(InvalidInput, match=pattern):
        Target.from_network(Network(steps))


def test_leading_zeros_are_no_digits_to_cut() -> None:
    assert Target.from_text("784-000000000000000000128-10").widths == (784, 128, 10)
