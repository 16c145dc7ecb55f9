"""State dicts: the order of the layers is known or the dict is refused."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.readers.targets import load_target, read_network, read_target, target_from_torch, target_of
from ertheory.networks.target import network_of

ROW = np.ones((1, 2))
torch = pytest.importorskip("torch")
nn = torch.nn


def deep(seed: int = 0) -> Any:
    """Seven layers of the same shape: their order in a file that sorts its keys is 0, 10, 12, 2, ..."""
    torch.manual_seed(seed)
    modules = [part for _ in range(7) for part in (nn.Linear(8, 8), nn.ReLU())]
    return nn.Sequential(*modules[:-1]).double()


def outputs(model: Any, points: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        result: np.ndarray = model(torch.from_numpy(points)).numpy()
    return result


@pytest.mark.parametrize("prefix", ["", "module.", "body.net."])
def test_layers_are_in_the_order_of_their_numbers(tmp_path: Path, prefix: str) -> None:
    model = deep()
    state = {f"{prefix}{key}": value for key, value in model.state_dict().items()}
    points = np.random.default_rng(0).normal(size=(20, 8))
    from safetensors.torch import save_file

    save_file(state, tmp_path / "net.safetensors")
    torch.save(OrderedDict(state), tmp_path / "net.pt")
    np.savez(tmp_path / "net.npz", **{key: value.numpy() for key, value in state.items()})
    backwards = dict(reversed(state.items()))
    for thing in (state, backwards, *(tmp_path / f"net.{end}" for end in ("safetensors", "pt", "npz"))):
        found = evaluate(network_of(target_of(thing)), points)
        np.testing.assert_allclose(found, outputs(model, points), rtol=1e-12, atol=1e-14)


def test_shapes_decide_where_numbers_do_not() -> None:
    shapes = {"conv2": (16, 6, 5, 5), "conv1": (6, 1, 5, 5), "fc1": (120, 400), "fc3": (10, 84), "fc2": (84, 120)}
    for names in itertools.permutations(shapes):
        target = read_target({f"{name}.weight": np.ones(shapes[name]) for name in names})
        assert target.widths == (1, 6, 16, 120, 84, 10)
    named = {"output": (3, 5), "hidden": (5, 4), "input": (4, 2)}
    for names in itertools.permutations(named):
        assert read_target({f"{name}.weight": np.ones(named[name]) for name in names}).widths == (2, 4, 5, 3)


@pytest.mark.parametrize(
    "shapes",
    [
        {"a": (8, 8), "b": (8, 8)},
        {"first": (8, 8), "body.0": (8, 8)},
        {"a": (3, 2), "b": (5, 4)},
        {f"x{'y' * place}": (4, 4) for place in range(30)},
    ],
)
def test_an_order_that_nothing_decides_is_refused(shapes: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(InvalidInput, match="order") as caught:
        read_target({f"{name}.weight": np.ones(shape) for name, shape in shapes.items()})
    assert len(str(caught.value)) <= 400


def test_transposed_weights_are_recognised() -> None:
    sizes = (6, 5, 4, 3)
    weights = [np.ones((below, above)) for below, above in itertools.pairwise(sizes)]
    state = {f"fc{place}.weight": weight for place, weight in enumerate(weights, start=1)}
    for thing in (state, weights, {f"W{place}": weight for place, weight in enumerate(weights, start=1)}):
        with pytest.raises(InvalidInput, match=r"layer 2: .*looks transposed"):
            read_target(thing)
    with_bias = {f"W{place}": weight for place, weight in enumerate(weights, start=1)}
    with_bias |= {f"b{place}": np.ones(size) for place, size in enumerate(sizes[1:], start=1)}
    with pytest.raises(InvalidInput, match=r"b1: expected shape \(6,\) .*looks transposed.*, got \(5,\)"):
        read_target(with_bias)
    with pytest.raises(InvalidInput, match=r"layer 2: .*looks transposed"):
        read_target([np.ones((5, 6)), np.ones((5, 4))])
    with pytest.raises(InvalidInput) as caught:
        read_target([np.ones((5, 6)), np.ones((3, 7))])
    assert "transposed" not in str(caught.value)


def test_convolutions_are_counted_and_not_built() -> None:
    state = {"body.0.weight": np.ones((4, 3, 3, 3)), "body.0.bias": np.arange(4.0), "head.weight": np.ones((2, 16))}
    target = target_from_torch(OrderedDict(state))
    assert target.widths == (3, 4, 2)
    assert target.layers[0].kernel == (3, 3)
    assert target.layers[1].positions == 4
    assert target.network is None
    with pytest.raises(InvalidInput, match="geometry"):
        read_network(state)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_tensors_of_every_kind_and_parameters_are_read(dtype: Any) -> None:
    layer = nn.Linear(3, 2).to(dtype)
    expected = layer.weight.detach().double().numpy()
    for mapping in ({"weight": layer.weight, "bias": layer.bias}, {"W1": layer.weight, "b1": layer.bias}):
        target = read_target(mapping)
        assert target.weights is not None
        np.testing.assert_array_equal(target.weights[0], expected)
        np.testing.assert_array_equal(target.biases[0], layer.bias.detach().double().numpy())
    pair = read_target([layer.weight])
    np.testing.assert_array_equal(pair.weights[0], expected)


def test_pruned_weights_are_multiplied_out() -> None:
    prune = pytest.importorskip("torch.nn.utils.prune")
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    prune.custom_from_mask(model[0], "weight", torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 3))
    assert target_from_torch(model).nonzeros == (3, 6)
    assert target_from_torch(model.state_dict()).nonzeros == (3, 6)


@pytest.mark.parametrize(
    ("state", "pattern"),
    [
        ({"0.weight": ROW, "1.weight": np.ones(1)}, "BatchNorm"),
        ({"0.weight": ROW, "1.running_mean": np.ones(1)}, "running_mean"),
        ({"0.weight": ROW, "1.bias": np.ones(1)}, "1.bias"),
        ({"0.weight": ROW, 7: np.ones(1)}, "7"),
        ({"0.weight_orig": ROW, "0.weight_u": np.ones(1)}, "state dict, 0"),
        ({"0.weight": ROW, "0.bias": np.ones(2)}, "b1"),
        ({"0.weight": "text"}, "real"),
        ({"0.weight": [[1.0], [1.0, 2.0]]}, "real"),
        ({"0.weight": torch.ones(1, 1, dtype=torch.complex64)}, "real"),
        ({"0.weight": torch.ones(1, 1, device="meta")}, "real"),
        ({"a\nb" * 300 + ".weight": np.ones(1)}, "state dict, a b"),
    ],
)
def test_a_state_dict_with_anything_else_is_refused(state: dict[Any, Any], pattern: str) -> None:
    with pytest.raises(InvalidInput, match=pattern) as caught:
        read_target(state)
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)


def test_checkpoints_are_loaded_and_whole_modules_are_not(tmp_path: Path) -> None:
    model = deep()
    for content in ({"state_dict": model.state_dict(), "epoch": 3}, {"model": model.state_dict()}):
        torch.save(content, tmp_path / "checkpoint.pth")
        assert load_target(str(tmp_path / "checkpoint.pth")).depth == 7
    torch.save(model, tmp_path / "module.pt")
    with pytest.raises(InvalidInput, match=r"weights_only=True.*module\.pt"):
        load_target(tmp_path / "module.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(InvalidInput, match=r"list\.pt: expected a state dict"):
        load_target(tmp_path / "list.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "checkpoint.pth").read_bytes()[:-100])
    with pytest.raises(InvalidInput, match=r"undamaged.*cut\.pt"):
        load_target(tmp_path / "cut.pt")
