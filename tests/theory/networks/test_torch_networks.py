"""PyTorch modules, the networks read from them and the modules written from these compute the same."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual
from ertheory.networks.readers.torch_masks import masks_from_torch
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.target import Target, network_of
from ertheory.networks.writers.torch_module import network_to_torch

torch = pytest.importorskip("torch")
nn = torch.nn


class Block(nn.Module):
    """What a user may have written."""

    def __init__(self, branch: Any, skip: Any) -> None:
        super().__init__()
        self.skip = skip
        self.branch = branch

    def forward(self, x: Any) -> Any:
        return self.branch(x) + self.skip(x)


Block.__name__ = "Residual"


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(5)


def settled(model: Any) -> Any:
    """Give every BatchNorm statistics and parameters of its own; float64, evaluation mode."""
    for module in model.modules():
        if hasattr(module, "running_mean") and module.running_mean is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 1.5)
            if module.weight is not None:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.3)
    return model.double().eval()


def output(model: Any, points: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        result: np.ndarray = model(torch.from_numpy(points)).numpy()
    return result


def assert_read(model: Any, *shape: int, rtol: float = 1e-12, direct: bool = True) -> Network:
    """Read a model, write it and read it again: values agree up to rounding, weights bit for bit."""
    model = settled(model)
    points = np.random.default_rng(2).normal(size=(4, *shape)) * 1.5
    expected = output(model, points.copy())
    assert np.ptp(expected) > 1e-3
    network = network_from_torch(model)
    written = network_to_torch(network)
    atol = rtol * np.abs(expected).max()
    np.testing.assert_allclose(output(written, points), expected, rtol=rtol, atol=atol)
    if direct:
        np.testing.assert_allclose(evaluate(network, points), expected, rtol=rtol, atol=atol)
    assert_same(network, network_from_torch(written))
    return network


def assert_same(one: Network, other: Network) -> None:
    assert len(one.affine) == len(other.affine)
    for first, second in zip(one.affine, other.affine, strict=True):
        for part in ("inputs", "kernel", "stride", "padding", "dilation", "groups"):
            assert getattr(first, part) == getattr(second, part)
        assert (first.weight != second.weight).nnz == 0
        np.testing.assert_array_equal(first.bias, second.bias)
    assert kinds(one) == kinds(other)


def kinds(network: Network) -> list[Any]:
    """Everything but the layers."""

    def one(step: Any) -> Any:
        if isinstance(step, Residual):
            return [one(part) for part in (*step.branch, "skip", *step.skip)]
        return "affine" if isinstance(step, Affine) else step

    return [one(step) for step in network.steps]


# ---- activations

ACTIVATION_MODULES = {
    "relu": lambda: nn.ReLU(),
    "leaky_relu:0.25": lambda: nn.LeakyReLU(0.25),
    "leaky_relu:0.01": lambda: nn.LeakyReLU(),
    "prelu:0.25": lambda: nn.PReLU(),
    "prelu:-0.3": lambda: nn.PReLU(init=-0.3, dtype=torch.float64),
    "elu:1.5": lambda: nn.ELU(1.5),
    "selu": lambda: nn.SELU(),
    "celu:0.7": lambda: nn.CELU(0.7),
    "relu6": lambda: nn.ReLU6(),
    "hardtanh": lambda: nn.Hardtanh(),
    "hardsigmoid": lambda: nn.Hardsigmoid(),
    "hardswish": lambda: nn.Hardswish(),
    "silu": lambda: nn.SiLU(),
    "gelu": lambda: nn.GELU(),
    "gelu_tanh": lambda: nn.GELU("tanh"),
    "tanh": lambda: nn.Tanh(),
    "sigmoid": lambda: nn.Sigmoid(),
    "mish": lambda: nn.Mish(),
    "softshrink:0.125": lambda: nn.Softshrink(0.125),
    "softplus": lambda: nn.Softplus(),
    "identity": lambda: nn.Identity(),
}


@pytest.mark.parametrize("name", ACTIVATION_MODULES)
def test_every_activation_is_read_and_written(name: str) -> None:
    model = nn.Sequential(nn.Linear(6, 12), ACTIVATION_MODULES[name](), nn.Linear(12, 4))
    with torch.no_grad():
        model[0].weight *= 3
    network = assert_read(model, 6)
    assert network.activation == name
    assert network.is_chain


def test_a_clamp_to_six_is_relu6_and_other_clamps_are_none() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Hardtanh(0.0, 6.0), nn.Linear(3, 1))
    assert network_from_torch(model).activation == "relu6"


def test_softplus_is_the_exact_function() -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Softplus(), nn.Linear(1, 1, bias=False)).double()
    with torch.no_grad():
        model[0].weight.fill_(1.0), model[2].weight.fill_(1.0)
    points = np.array([[20.25], [25.0], [39.0], [41.0], [800.0], [-700.0]])
    exact = np.logaddexp(0, points)
    written = output(network_to_torch(network_from_torch(model)), points)
    np.testing.assert_allclose(written, exact, rtol=1e-15)
    assert 1e-9 < np.abs(output(model, points) - exact).max() < np.exp(-20)


def test_an_identity_is_left_out_beside_another_activation() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2), nn.Identity())
    assert assert_read(model, 3).is_chain


# ---- layers

CONVOLUTIONS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "line": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1), (4, 11)),
    "dilated line": (lambda: nn.Conv1d(4, 6, 3, dilation=3, padding="same", bias=False), (4, 9)),
    "plane": (lambda: nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(2, 0), dilation=(1, 2)), (4, 7, 8)),
    "even kernel, same by dilation": (lambda: nn.Conv2d(4, 6, (2, 5), dilation=(2, 1), padding="same"), (4, 6, 5)),
    "valid": (lambda: nn.Conv2d(4, 6, 3, padding="valid"), (4, 6, 5)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2), (4, 5, 5)),
    "depthwise": (lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1), (4, 5, 4)),
    "space": (lambda: nn.Conv3d(4, 6, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1), groups=2), (4, 3, 4, 5)),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("norm", ["", "before", "behind", "behind the activation"])
def test_convolutions_of_every_geometry_with_norms_around_them(case: str, norm: str) -> None:
    make, shape = CONVOLUTIONS[case]
    conv = make()
    axes = len(shape) - 1
    norm_of = getattr(nn, f"BatchNorm{axes}d")
    before = norm_of(shape[0])
    modules: list[Any] = [conv, nn.Tanh(), nn.Flatten()]
    if norm == "before":
        modules.insert(0, before)
    if norm == "behind":
        modules.insert(1, norm_of(conv.out_channels))
    if norm == "behind the activation":
        modules.insert(2, norm_of(conv.out_channels))
    probe = nn.Sequential(*modules).eval()
    modules.append(nn.Linear(probe(torch.zeros(1, *shape)).shape[1], 3))
    network = assert_read(nn.Sequential(*modules), *shape)
    # No bias takes the place of a shift in front of padding: the norm is a step of its own.
    apart = int(norm == "before" and any(network.affine[-2].padding))
    assert len(network.affine) == 2 + apart
    assert network.affine[apart].groups == conv.groups
    assert network.affine[apart].weight.nnz == conv.weight.numel()
    assert not apart or network.affine[0].weight.nnz == shape[0]


def test_a_norm_without_a_shift_may_stand_before_padding() -> None:
    norm = nn.BatchNorm2d(2, affine=False)
    model = nn.Sequential(norm, nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 1, 2)).double().eval()
    norm.running_var.uniform_(0.5, 2)
    points = np.random.default_rng(0).normal(size=(3, 2, 5, 5))
    np.testing.assert_allclose(evaluate(network_from_torch(model), points), output(model, points), rtol=1e-12)


def test_norms_in_front_of_grouped_filters_scale_the_channels_of_each_group() -> None:
    model = nn.Sequential(nn.BatchNorm1d(6), nn.Conv1d(6, 9, 2, groups=3), nn.ReLU(), nn.BatchNorm1d(9),
                          nn.BatchNorm1d(9), nn.Conv1d(9, 6, 1, groups=3), nn.BatchNorm1d(6))  # fmt: skip
    assert len(assert_read(model, 6, 5).affine) == 2


POOLS: dict[str, tuple[Callable[[], Any], tuple[int, ...], int]] = {
    "max line": (lambda: nn.MaxPool1d(3, 2, padding=1), (9,), 5),
    "max plane": (lambda: nn.MaxPool2d((2, 3), stride=(1, 2)), (5, 7), 12),
    "max space": (lambda: nn.MaxPool3d(2), (4, 4, 2), 4),
    "average line": (lambda: nn.AvgPool1d(3, 2, padding=1), (9,), 5),
    "average plane": (lambda: nn.AvgPool2d((2, 3), padding=(1, 0)), (6, 6), 8),
    "average space": (lambda: nn.AvgPool3d(2, stride=1), (3, 3, 3), 8),
    "nothing to round": (lambda: nn.MaxPool1d(3, 1, ceil_mode=True), (9,), 7),
    "no padding to count": (lambda: nn.AvgPool1d(3, 1, count_include_pad=False), (9,), 7),
    "its own divisor": (lambda: nn.AvgPool2d((2, 3), divisor_override=6), (4, 6), 4),
    "three of nine": (lambda: nn.AdaptiveAvgPool1d(3), (9,), 3),
    "shares that overlap": (lambda: nn.AdaptiveAvgPool2d((3, 4)), (7, 6), 12),
    "more than there are": (lambda: nn.AdaptiveMaxPool2d((7, 2)), (3, 5), 14),
    "maximum in space": (lambda: nn.AdaptiveMaxPool3d((1, 2, 3)), (2, 3, 4), 6),
    "global line": (lambda: nn.AdaptiveMaxPool1d(1), (9,), 1),
    "global plane": (lambda: nn.AdaptiveAvgPool2d((1, 1)), (4, 5), 1),
    "global space": (lambda: nn.AdaptiveMaxPool3d(1), (2, 3, 4), 1),
}


@pytest.mark.parametrize("case", POOLS)
@pytest.mark.parametrize("norm", [False, True])
def test_poolings_and_norms_behind_them(case: str, norm: bool) -> None:
    make, sizes, left = POOLS[case]
    axes = len(sizes)
    conv = getattr(nn, f"Conv{axes}d")(2, 3, 1)
    norms = [getattr(nn, f"BatchNorm{axes}d")(3)] if norm else []
    # Behind the activation the norm waits for the next layer, through the Flatten.
    model = nn.Sequential(conv, nn.SiLU(), make(), *norms, nn.Flatten(), nn.Linear(3 * left, 2))
    network = assert_read(model, 2, *sizes)
    assert sum(isinstance(step, Pool) for step in network.steps) == 1


def test_a_norm_goes_through_a_pooling_where_the_two_commute() -> None:
    for pool in (nn.MaxPool1d(3, 2, padding=1), nn.AvgPool1d(3, 2)):
        model = nn.Sequential(nn.Conv1d(2, 3, 1), pool, nn.BatchNorm1d(3), nn.ReLU(), nn.Conv1d(3, 1, 1))
        assert len(assert_read(model, 2, 9).affine) == 2
        before = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(2), pool, nn.Conv1d(2, 1, 1))
        assert_read(before, 2, 9)
    model = nn.Sequential(nn.Conv1d(2, 3, 1), nn.MaxPool1d(2), nn.BatchNorm1d(3), nn.ReLU(), nn.Conv1d(3, 1, 1))
    with torch.no_grad():
        model[2].weight[1] = -1
    points = np.random.default_rng(1).normal(size=(3, 2, 9))
    network = network_from_torch(model.double().eval())
    assert len(network.affine) == 3  # behind a negative scale the maximum would be a minimum
    np.testing.assert_allclose(evaluate(network, points), output(model, points), rtol=1e-12)
    padded = nn.Sequential(nn.Conv1d(2, 3, 1), nn.AvgPool1d(2, padding=1), nn.BatchNorm1d(3), nn.Conv1d(3, 1, 1))
    assert_read(padded, 2, 9)  # it does not commute, and waits for the next layer
    apart = assert_read(nn.Sequential(*padded[:3], nn.Flatten(), nn.ReLU(), nn.Linear(15, 1)), 2, 9)
    assert [type(step) for step in apart.steps] == [Affine, Pool, Affine, Flatten, Activation, Affine]
    for before in (nn.AvgPool1d(2, padding=1), nn.MaxPool1d(2)):
        norm = settled(nn.BatchNorm1d(2))
        with torch.no_grad():
            norm.weight[1] = -1
        model = nn.Sequential(norm, before, nn.Conv1d(2, 1, 1)).double().eval()
        points = np.random.default_rng(0).normal(size=(3, 2, 8))
        network = network_from_torch(model)
        assert [type(step) for step in network.steps] == [Affine, Pool, Affine]
        np.testing.assert_allclose(evaluate(network, points), output(model, points), rtol=1e-12)


def test_flattens_are_kept_where_they_do_something() -> None:
    leading = assert_read(nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2)), 6)
    assert leading.is_chain
    pooled = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.BatchNorm1d(8), nn.Linear(8, 3))
    network = assert_read(pooled, 2, 4, 4)
    assert [type(step).__name__ for step in network.steps] == ["Pool", "Flatten", "Affine"]


def test_models_may_be_nested_and_have_dropout_and_shared_modules() -> None:
    act, layer = nn.ReLU(), nn.Linear(4, 4)
    inner = nn.Sequential(layer, act, nn.Dropout(0.5), layer, act)
    network = assert_read(nn.Sequential(inner, nn.Sequential(nn.Linear(4, 2), nn.AlphaDropout())), 4)
    assert len(network.affine) == 3
    assert network.is_chain
    assert len(masks_from_torch(nn.Sequential(inner, nn.Linear(4, 2)))) == 3


def random_model(rng: np.random.Generator) -> tuple[Any, tuple[int, ...]]:
    """Stack what fits at random, for the shape that is tracked by running it."""
    axes = int(rng.integers(0, 3))
    shape = (int(rng.integers(1, 4)) * 2, *(int(size) for size in rng.integers(8, 12, axes)))
    modules: list[Any] = []

    def channels() -> tuple[int, ...]:
        return tuple(nn.Sequential(*modules).eval()(torch.zeros(1, *shape)).shape[1:]) if modules else shape

    activations = ["ReLU", "Tanh", "SiLU", "LeakyReLU", "Softshrink", "Mish"]
    for _ in range(int(rng.integers(1, 4))):
        now = channels()
        width = int(rng.integers(1, 4)) * 2
        if len(now) > 1 and min(now[1:]) >= 3:
            options = {"padding": int(rng.integers(0, 2)), "stride": int(rng.integers(1, 3))}
            conv = getattr(nn, f"Conv{axes}d")
            modules.append(conv(now[0], width, int(rng.integers(1, 4)), groups=int(rng.integers(1, 3)), **options))
            if rng.random() < 0.5:
                modules.append(getattr(nn, f"BatchNorm{axes}d")(width))
            modules.append(getattr(nn, str(rng.choice(activations)))())
            if rng.random() < 0.3 and min(channels()[1:]) >= 2:
                modules.append(getattr(nn, f"{rng.choice(['Max', 'Avg'])}Pool{axes}d")(2))
        else:
            if len(now) > 1:
                modules.append(nn.Flatten())
            modules += [nn.Linear(channels()[0], width), getattr(nn, str(rng.choice(activations)))()]
            if rng.random() < 0.5:
                modules.append(nn.BatchNorm1d(width))
    if len(channels()) > 1:
        modules.append(nn.Flatten())
    modules.append(nn.Linear(channels()[0], 3))
    return nn.Sequential(*modules), shape


@pytest.mark.parametrize("seed", range(40))
def test_random_models(seed: int) -> None:
    model, shape = random_model(np.random.default_rng(seed))
    assert_read(model, *shape)


# ---- residual blocks


def test_a_resnet_of_torchvision_is_read_whole() -> None:
    resnet = pytest.importorskip("torchvision.models.resnet")
    model = resnet.resnet18(num_classes=7)
    network = assert_read(model, 3, 33, 33, rtol=1e-10)
    assert len(network.affine) == 21
    blocks = [step for step in network.steps if isinstance(step, Residual)]
    assert [len(block.skip) for block in blocks] == [0, 0, 1, 0, 1, 0, 1, 0]
    assert network.activation == "relu"
    assert network.affine[-1].outputs == 7
    # The masks are those of the same layers, in the same order.
    shapes = [mask.shape for mask in masks_from_torch(model)]
    assert shapes == [layer.weight.shape for layer in network.affine]


def test_bottlenecks_with_groups_are_read() -> None:
    resnet = pytest.importorskip("torchvision.models.resnet")
    down = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
    first = resnet.Bottleneck(8, 4, stride=2, downsample=down, groups=2, base_width=32)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), first, resnet.Bottleneck(16, 4), nn.Flatten(),
                          nn.Linear(16 * 9, 2))  # fmt: skip
    network = assert_read(model, 3, 8, 8)
    assert [layer.groups for layer in network.affine] == [1, 1, 2, 1, 1, 1, 1, 1, 1]
    shapes = [mask.shape for mask in masks_from_torch(model)]
    assert shapes == [layer.weight.shape for layer in network.affine]


def test_blocks_that_compute_something_else_are_refused() -> None:
    resnet = pytest.importorskip("torchvision.models.resnet")

    class Halved(resnet.BasicBlock):
        def forward(self, x: Any) -> Any:
            return super().forward(x) / 2

    class Renamed(resnet.BasicBlock):
        pass

    class Whole(resnet.ResNet):
        def _forward_impl(self, x: Any) -> Any:
            return 2 * super()._forward_impl(x)

    with pytest.raises(InvalidInput, match=r"model\[1\] \(Halved, truediv\)"):
        network_from_torch(nn.Sequential(nn.Conv2d(1, 4, 1), Halved(4, 4), nn.Conv2d(4, 1, 1)))
    assert_read(nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), Renamed(4, 4), nn.Conv2d(4, 1, 1)), 1, 4, 4)
    with pytest.raises(InvalidInput, match=r"Whole, mul"):
        network_from_torch(Whole(resnet.BasicBlock, [1, 1, 1, 1]))
    model = nn.Sequential(nn.Conv2d(1, 4, 1), resnet.BasicBlock(4, 4), nn.Conv2d(4, 1, 1))
    model[1].forward = lambda x: x.relu()
    assert_read(model, 1, 3, 3)  # what is traced is what is computed
    elsewhere = type("BasicBlock", (nn.Module,), {})()
    with pytest.raises(InvalidInput, match="BasicBlock"):
        network_from_torch(nn.Sequential(nn.Linear(2, 2), elsewhere))


def test_blocks_of_ones_own_are_read_and_written() -> None:
    first = Block(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 4)), nn.Sequential())
    inner = Block(nn.Sequential(nn.Tanh(), nn.Linear(5, 5)), nn.Sequential())
    branch = nn.Sequential(nn.Linear(4, 5), inner, nn.Tanh(), nn.Linear(5, 3), nn.BatchNorm1d(3))
    second = Block(branch, nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)))
    model = nn.Sequential(nn.Linear(2, 4), first, nn.Tanh(), second, nn.BatchNorm1d(3), nn.Linear(3, 2))
    network = assert_read(model, 2)
    expected = [(4, 2), (6, 4), (4, 6), (5, 4), (5, 5), (3, 5), (3, 4), (2, 3)]
    assert [layer.weight.shape for layer in network.affine] == expected
    # Though a block registers its skip first.
    assert [mask.shape for mask in masks_from_torch(model)] == expected


def test_two_ways_with_activations_are_read_and_written() -> None:
    block = Block(*(nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3)) for width in (5, 6)))
    network = assert_read(nn.Sequential(nn.Linear(2, 4), block, nn.ReLU(), nn.Linear(3, 2)), 2)
    assert [layer.outputs for layer in network.affine] == [4, 5, 3, 6, 3, 2]


BLOCKS: dict[str, tuple[Callable[[], Any], str]] = {
    "identity of another width": (lambda: Block(nn.Linear(4, 3), nn.Sequential()), r"model\[1\] .*skip"),
    "skip of another width": (lambda: Block(nn.Linear(4, 3), nn.Linear(4, 2)), r"model\[1\] .*skip"),
    "two ways with blocks": (
        lambda: Block(*(nn.Sequential(Block(nn.Linear(4, 4), nn.Sequential()), nn.Linear(4, 4)) for _ in range(2))),
        r"model\[1\] \(Residual, add\): .*input of the block",
    ),
    "in place": (
        lambda: Block(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 4)), nn.Sequential()),
        r"model\[1\]\.branch\[0\].*inplace=False",
    ),
    "unknown": (lambda: Block(nn.Sequential(nn.Linear(4, 4), nn.Softmax(1)), nn.Sequential()), "branch.1.*Softmax"),
    "third child": (lambda: nn.ModuleDict({"branch": nn.Linear(4, 4), "skip": nn.Sequential()}), "ModuleDict"),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_that_do_not_fit_are_refused(case: str) -> None:
    make, pattern = BLOCKS[case]
    with pytest.raises(InvalidInput, match=pattern):
        network_from_torch(nn.Sequential(nn.Linear(2, 4), make(), nn.ReLU(), nn.Linear(4, 1)))


def test_blocks_may_stand_behind_a_flatten() -> None:
    block = Block(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 6)), nn.Sequential())
    front = [nn.Conv1d(1, 2, 2), nn.ReLU(), nn.Flatten()]
    assert_read(nn.Sequential(*front, block, nn.ReLU(), nn.Linear(6, 1)), 1, 4)
    # The flatten lies before the block, or the layer, and no longer before what follows.
    for module in (block, nn.Linear(6, 6)):
        with pytest.raises(InvalidInput, match=r"model\[4\].*expected 6 inputs.*got 12"):
            network_from_torch(nn.Sequential(*front, module, nn.Linear(12, 1)))


def test_an_activation_in_place_is_fine_behind_a_layer() -> None:
    branch = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 4))
    model = nn.Sequential(nn.Linear(2, 4), Block(branch, nn.Sequential()), nn.ReLU(inplace=True), nn.Linear(4, 1))
    assert_read(model, 2)


NORMS: dict[str, tuple[list[Callable[[], Any]], tuple[int, ...], str]] = {
    # What no layer beside it can take up is a layer of its own, D below; A are the others, R blocks.
    "first, in front of an activation": ([lambda: nn.BatchNorm1d(4), nn.ReLU, lambda: nn.Linear(4, 2)], (4,), "D.A"),
    "first, in front of padding": (
        [lambda: nn.BatchNorm2d(2), lambda: nn.Conv2d(2, 3, 3, padding=1)], (2, 4, 5), "DA"
    ),
    "first, of a line": ([lambda: nn.BatchNorm1d(2), nn.Tanh, lambda: nn.Conv1d(2, 3, 3)], (2, 7), "D.A"),
    "first, pooled over everything": (
        [lambda: nn.BatchNorm3d(2), nn.ReLU, lambda: nn.AdaptiveAvgPool3d(1), nn.Flatten, lambda: nn.Linear(2, 2)],
        (2, 3, 4, 3), "D..A",
    ),
    "first, flattened": (
        [lambda: nn.BatchNorm2d(2), nn.Flatten, nn.ReLU, lambda: nn.Linear(12, 2)], (2, 2, 3), "D..A"
    ),
    "two, between activations": (
        [lambda: nn.Linear(3, 4), nn.ReLU, lambda: nn.BatchNorm1d(4), lambda: nn.BatchNorm1d(4), nn.Tanh,
         lambda: nn.Linear(4, 2)], (3,), "A.D.A",
    ),
    "of maps and of neurons": (
        [lambda: nn.Conv2d(2, 3, 2), nn.ReLU, lambda: nn.BatchNorm2d(3), nn.Flatten, lambda: nn.BatchNorm1d(12),
         nn.Tanh, lambda: nn.Linear(12, 2)], (2, 3, 3), "A.D.D.A",
    ),
    "last": ([lambda: nn.Linear(3, 4), nn.ReLU, lambda: nn.BatchNorm1d(4)], (3,), "A.D"),
    "last, behind a pooling": (
        [lambda: nn.Conv2d(2, 3, 2), nn.ReLU, lambda: nn.AdaptiveMaxPool2d(1), nn.Flatten, lambda: nn.BatchNorm1d(3)],
        (2, 4, 4), "A..D",
    ),
    "in front of a block": (
        [lambda: nn.Linear(2, 4), nn.ReLU, lambda: nn.BatchNorm1d(4), lambda: Block(nn.Linear(4, 4), nn.Sequential()),
         lambda: nn.Linear(4, 1)], (2,), "A.DRA",
    ),
    "at the end of a branch": (
        [lambda: nn.Conv1d(2, 4, 2),
         lambda: Block(nn.Sequential(nn.Conv1d(4, 4, 1), nn.ReLU(), nn.BatchNorm1d(4)), nn.Sequential()),
         lambda: nn.Conv1d(4, 1, 1)], (2, 5), "ARA",
    ),
    "behind a pooling in a branch": (
        [lambda: nn.Conv2d(2, 4, 2),
         lambda: Block(nn.Sequential(nn.ReLU(), nn.AvgPool2d(3, 1, 1), nn.BatchNorm2d(4)), nn.Sequential()),
         nn.ReLU, lambda: nn.Conv2d(4, 1, 1)], (2, 5, 4), "AR.A",
    ),
    "alone in a skip": ([lambda: Block(nn.Linear(4, 4), nn.BatchNorm1d(4)), lambda: nn.Linear(4, 1)], (4,), "RA"),
    "alone in a branch": ([lambda: nn.Linear(4, 4), lambda: Block(nn.BatchNorm1d(4), nn.Sequential())], (4,), "AR"),
}  # fmt: skip


@pytest.mark.parametrize("case", NORMS)
def test_a_norm_that_no_layer_takes_up_is_a_step_of_its_own(case: str) -> None:
    makes, shape, expected = NORMS[case]
    network = assert_read(nn.Sequential(*(make() for make in makes)), *shape)

    def kind(step: Any) -> str:
        if isinstance(step, Residual):
            return "R"
        if not isinstance(step, Affine):
            return "."
        square = step.inputs == step.outputs == step.weight.nnz and step.taps == 1
        return "D" if square and (step.weight.nonzero()[0] == step.weight.nonzero()[1]).all() else "A"

    assert "".join(map(kind, network.steps)) == expected


def test_twice_the_same_value_is_its_double() -> None:
    class Doubled(nn.Module):
        def forward(self, x: Any) -> Any:
            return x + x

    model = nn.Sequential(nn.Linear(3, 4), Doubled(), nn.ReLU(), nn.Linear(4, 2), Doubled())
    assert len(assert_read(model, 3).affine) == 2
    beside = Block(Doubled(), nn.Linear(4, 4))
    assert_read(nn.Sequential(nn.Linear(3, 4), beside, nn.ReLU(), Block(nn.Tanh(), Doubled()), nn.Linear(4, 2)), 3)
    with pytest.raises(InvalidInput, match=r"model\[0\] \(Doubled, add\)\.branch"):
        network_from_torch(nn.Sequential(Doubled(), nn.Linear(3, 1)))  # nothing says how many there are


def test_a_branch_may_end_with_an_activation_or_a_pooling() -> None:
    branch = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    network = assert_read(nn.Sequential(Block(branch, nn.Sequential()), nn.Linear(4, 1)), 4)
    assert isinstance(network.steps[0], Residual)
    assert [type(step) for step in network.steps[0].branch] == [Affine, Activation, Affine]
    pooled = Block(nn.Sequential(nn.Tanh(), nn.MaxPool2d(3, 1, 1)), nn.Conv2d(2, 2, 1))
    assert_read(nn.Sequential(nn.Conv2d(1, 2, 2), pooled, nn.ReLU(), nn.Conv2d(2, 1, 1)), 1, 5, 4)


def test_norms_of_other_features_or_axes_are_refused_where_they_stand() -> None:
    for model, pattern in (
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(4), nn.Tanh()), r"\[2\] \(BatchNorm1d\).*3 features"),
        (nn.Sequential(nn.Conv1d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(3)), "a multiple of 2 features"),
        (nn.Sequential(nn.Conv1d(1, 2, 2), nn.BatchNorm2d(2)), r"\[1\] \(BatchNorm2d\).*1 axes"),
        (nn.Sequential(nn.BatchNorm2d(2), nn.Linear(2, 2)), r"\[1\] \(Linear\).*neurons in front"),
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm2d(2)), r"\[1\] \(BatchNorm2d\).*2 axes"),
        (nn.Sequential(nn.Conv2d(1, 2, 2), nn.Conv1d(2, 1, 1)), r"\[1\] \(Conv1d\).*2 axes"),
        (nn.Sequential(nn.Conv2d(1, 2, 2), nn.MaxPool1d(2), nn.Conv2d(2, 1, 1)), r"\[1\] \(MaxPool1d\).*2 axes"),
    ):
        with pytest.raises(InvalidInput, match=pattern):
            network_from_torch(model)


# ---- what is refused

LINE = nn.Conv1d(1, 1, 2)
BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "no module": (lambda: 3, "model: .*int"),
    "another module": (lambda: nn.Sequential(nn.Linear(1, 1), nn.Softmax(1)), r"model\[1\].*Softmax"),
    "transposed": (lambda: nn.ConvTranspose1d(1, 1, 2), "ConvTranspose1d"),
    "lazy": (lambda: nn.LazyLinear(2), "LazyLinear"),
    "meta": (lambda: nn.Linear(2, 1, device="meta"), r"model \(Linear\).*real"),
    "nothing": (lambda: nn.Sequential(), "last module"),
    "activation at the end": (lambda: nn.Sequential(nn.Linear(1, 1), nn.ReLU()), "last module.*Activation"),
    "no flatten": (lambda: nn.Sequential(LINE, nn.ReLU(), nn.Linear(3, 1)), r"model\[2\] \(Linear\).*neurons"),
    "flat by pooling": (lambda: nn.Sequential(LINE, nn.AdaptiveAvgPool1d(1), nn.Linear(1, 1)), r"model\[2\].*points"),
    "convolution of neurons": (lambda: nn.Sequential(nn.Linear(3, 3), nn.ReLU(), LINE), r"model\[2\] \(Conv1d\)"),
    "convolution behind flatten": (lambda: nn.Sequential(nn.Flatten(), LINE), r"model\[1\] \(Conv1d\)"),
    "pooled neurons": (lambda: nn.Sequential(nn.Linear(3, 3), nn.MaxPool1d(2), nn.Linear(1, 1)), r"model\[1\]"),
    "part of a flatten": (lambda: nn.Sequential(LINE, nn.Flatten(2), nn.Linear(1, 1)), "start_dim"),
    "other inputs": (lambda: nn.Sequential(nn.Linear(1, 3), nn.Linear(2, 1)), r"model\[1\].*3 inputs"),
    "other channels": (lambda: nn.Sequential(nn.Conv1d(1, 4, 2), nn.Conv1d(2, 2, 1, groups=2)), "4 inputs.*got 2"),
    "no multiple": (lambda: nn.Sequential(nn.Conv1d(1, 2, 2), nn.Flatten(), nn.Linear(3, 1)), "multiple of 2"),
    "reflected": (lambda: nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect"), "reflect"),
    "circular": (lambda: nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), "circular"),
    "slope per channel": (lambda: nn.Sequential(nn.Linear(1, 2), nn.PReLU(2), nn.Linear(2, 1)), r"PReLU.*got 2"),
    "another clamp": (lambda: nn.Sequential(nn.Linear(1, 1), nn.Hardtanh(-2, 2), nn.Linear(1, 1)), "bounds"),
    "softplus of another scale": (lambda: nn.Sequential(nn.Linear(1, 1), nn.Softplus(2), nn.Linear(1, 1)), "beta"),
    "softplus that is soon linear": (lambda: nn.Sequential(nn.Softplus(1, 5), nn.Linear(1, 1)), "threshold"),
    "negative elu": (lambda: nn.Sequential(nn.ELU(-1.0), nn.Linear(1, 1)), r"model\[0\] \(ELU\).*positive"),
    "idle shrinkage": (lambda: nn.Sequential(nn.Softshrink(0.0), nn.Linear(1, 1)), r"model\[0\] \(Softshrink\)"),
    "dilated pooling": (lambda: nn.Sequential(nn.MaxPool1d(2, dilation=2), LINE), "dilation"),
    "indices": (lambda: nn.Sequential(nn.MaxPool2d(2, return_indices=True), LINE), "return_indices"),
    "divisor": (lambda: nn.Sequential(nn.AvgPool2d(2, divisor_override=3), nn.Conv2d(1, 1, 1)), "divisor 4"),
    "no statistics": (lambda: nn.Sequential(LINE, nn.BatchNorm1d(1, track_running_stats=False)), "running statistics"),
    "norm of other features": (lambda: nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(3)), "2 features"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_network_is_refused_and_the_module_is_named(case: str) -> None:
    make, pattern = BAD[case]
    with pytest.raises(InvalidInput, match=pattern) as caught:
        network_from_torch(make())
    assert "\n" not in str(caught.value)


def test_numbers_that_overflow_are_refused_at_their_layer() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.BatchNorm1d(1)).double()
    with torch.no_grad():
        model[2].weight.fill_(1e300), model[3].weight.fill_(1e300)
    with pytest.raises(InvalidInput, match=r"model\[3\] \(BatchNorm1d\), weight"):
        network_from_torch(model)
    with torch.no_grad():
        model[0].bias.fill_(float("nan"))
    with pytest.raises(InvalidInput, match=r"model\[0\] \(Linear\), bias"):
        network_from_torch(model)


# ---- masks


def pruned() -> Any:
    prune = pytest.importorskip("torch.nn.utils.prune")
    model = nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    prune.random_unstructured(model[0], "weight", 0.5)
    prune.random_unstructured(model[0], "bias", 0.5)
    return model


def test_pruned_layers_are_multiplied_out_and_their_masks_read() -> None:
    model = pruned()
    with torch.no_grad():
        model[0].weight_orig += 1.0  # now `weight` is stale
    network = assert_read(model, 2, 4, 4)
    assert network.affine[0].weight.nnz == 18
    assert np.count_nonzero(network.affine[0].bias) == 2
    masks = masks_from_torch(model)
    assert [mask.shape for mask in masks] == [(4, 9), (3, 16)]
    np.testing.assert_array_equal(masks[0].toarray(), model[0].weight_mask.numpy().reshape(4, 9) == 1)
    assert masks[1].nnz == 48
    assert all(mask.dtype == np.bool_ for mask in masks)
    assert (network.affine[0].weight != 0).nnz == (masks[0] != 0).nnz


def test_a_buffer_of_the_right_shape_is_a_mask_by_its_name() -> None:
    layer = nn.Linear(3, 2)
    layer.register_buffer("my_mask_of_ones", torch.tensor([[1, 0, 1], [0, 0, 1]], dtype=torch.int8))
    layer.register_buffer("mask_of_bias", torch.zeros(2))
    layer.register_buffer("other", torch.zeros(2, 3))
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), layer)
    first, second = masks_from_torch(model)
    assert first.nnz == 12
    assert second.toarray().tolist() == [[True, False, True], [False, False, True]]
    layer.register_buffer("mask2", torch.ones(2, 3))
    with pytest.raises(InvalidInput, match=r"model\[2\] \(Linear\).*my_mask_of_ones, mask2"):
        masks_from_torch(model)
    layer.register_buffer("weight_mask", torch.eye(3, dtype=torch.bfloat16)[:2])
    assert masks_from_torch(model)[1].toarray().tolist() == [[True, False, False], [False, True, False]]


@pytest.mark.parametrize(
    ("mask", "pattern"),
    [
        ([[0.5, 1.0]], "zeros and ones, got 0.5"),
        ([[float("nan"), 1.0]], "zeros and ones, got nan"),
        ([[-1.0, 1.0]], "got -1.0"),
        ([[1.0], [1.0]], r"shape \(1, 2\)"),
    ],
)
def test_masks_of_other_numbers_or_shapes_are_refused(mask: Any, pattern: str) -> None:
    layer = nn.Linear(2, 1)
    layer.register_buffer("weight_mask", torch.tensor(mask))
    with pytest.raises(InvalidInput, match=f"Linear.*weight_mask.*{pattern}"):
        masks_from_torch(nn.Sequential(layer))


def test_masks_are_read_from_any_module_that_has_layers() -> None:
    transformer = nn.TransformerEncoderLayer(4, 1, 8)
    assert (8, 4) in [mask.shape for mask in masks_from_torch(transformer)]
    with pytest.raises(InvalidInput, match=r"model\[0\].*weight"):
        masks_from_torch(nn.Sequential(nn.LazyLinear(2)))
    for other in (nn.ReLU(), nn.Sequential()):
        with pytest.raises(InvalidInput, match="at least one"):
            masks_from_torch(other)
    with pytest.raises(InvalidInput, match="Module"):
        masks_from_torch([np.ones((2, 2))])


# ---- writing


def masked_network() -> tuple[Network, list[np.ndarray]]:
    rng = np.random.default_rng(4)
    shapes = ((4, 2, 3, 1), (4, 2, 3, 3), (4, 4, 1, 1), (4, 4, 1, 1), (3, 16))
    masks = [rng.random(shape) < 0.6 for shape in shapes]
    weights = [rng.normal(size=shape) * mask for shape, mask in zip(shapes, masks, strict=True)]
    a, b, c, d, e = (Affine.from_dense(w, rng.normal(size=len(w)), **g) for w, g in zip(
        weights, [{"padding": (1, 0)}, {"groups": 2, "padding": (1, 1)}, {}, {}, {}], strict=True
    ))  # fmt: skip
    block = Residual((b, Activation("mish"), c), (d,))
    return Network((a, Activation("mish"), block, Activation("mish"), Pool("average", (2, 2)), Flatten(), e)), masks


def test_networks_and_masks_come_back_bit_for_bit() -> None:
    network, masks = masked_network()
    model = network_to_torch(network, masks)
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    assert_same(network, network_from_torch(model))
    again = masks_from_torch(model)
    assert len(again) == 5
    for mask, kept in zip(again, masks, strict=True):
        np.testing.assert_array_equal(mask.toarray(), kept.reshape(len(kept), -1))
    points = np.random.default_rng(0).normal(size=(3, 2, 4, 4))
    np.testing.assert_allclose(output(model, points), evaluate(network, points), rtol=1e-12, atol=1e-12)


def test_masks_go_where_the_module_goes() -> None:
    network, masks = masked_network()
    model = network_to_torch(network, masks)
    buffers = {name: buffer for name, buffer in model.named_buffers() if name.endswith("weight_mask")}
    assert len(buffers) == 5
    assert all(buffer.dtype == torch.bool for buffer in buffers.values())
    assert set(buffers) <= set(model.state_dict())
    points = np.random.default_rng(0).normal(size=(3, 2, 4, 4))
    saved = io.BytesIO()
    torch.save(model, saved)
    saved.seek(0)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(saved, weights_only=False)]
    for other in copies:
        np.testing.assert_array_equal(output(other, points), output(model, points))
        assert_same(network_from_torch(other), network)
        for one, two in zip(masks_from_torch(other), masks_from_torch(model), strict=True):
            assert (one != two).nnz == 0
    single = masks_from_torch(copies[0].float())
    assert [mask.nnz for mask in single] == [np.count_nonzero(mask) for mask in masks]


class Rows:
    """Something that gives its mask on request."""

    def to_csr(self) -> csr_array:
        return csr_array(np.array([[True, True]]))


@pytest.mark.parametrize(
    "mask",
    [[[1, 1]], np.ones((1, 2)), csr_array(np.ones((1, 2))), torch.ones(1, 2, dtype=torch.bool), Rows()],
)
def test_masks_are_taken_in_every_form(mask: Any) -> None:
    layer = network_to_torch(Network((Affine.from_dense([[1.0, 0.0]]),)), [mask])[0]
    assert layer.weight_mask.tolist() == [[True, True]]
    assert layer.weight.tolist() == [[1.0, 0.0]]


def test_without_masks_there_are_no_buffers() -> None:
    network, _ = masked_network()
    assert not list(network_to_torch(network).buffers())
    assert all(mask.nnz == np.prod(mask.shape) for mask in masks_from_torch(network_to_torch(network)))


@pytest.mark.parametrize(
    ("masks", "pattern"),
    [
        ([], "masks: expected 1, one per affine step, got 0"),
        ([[[1, 1]], [[1, 1]]], "masks: .*got 2"),
        ([[[1, 2]]], r"masks\[0\]: .*zeros and ones"),
        ([[[1], [1]]], r"masks\[0\]: .*shape \(1, 2\)"),
        ([[[0, 1]]], r"masks\[0\]: .*1 weights outside"),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks: Any, pattern: str) -> None:
    with pytest.raises(InvalidInput, match=pattern):
        network_to_torch(Network((Affine.from_dense([[1.0, 0.0]]),)), masks)


def test_weights_that_would_be_too_large_are_refused_at_once() -> None:
    wide = Affine(weight=csr_array((30_000, 20_000)), bias=np.zeros(30_000), inputs=20_000)
    with pytest.raises(InvalidInput, match=r"at most 4 GiB of dense weights, got '4\.5 GiB'"):
        network_to_torch(Network((wide,)))


def test_what_pytorch_has_not_is_refused() -> None:
    layer = Affine.from_dense(np.ones((1, 1, 1, 1, 1, 1)))
    with pytest.raises(InvalidInput, match="three axes"):
        network_to_torch(Network((layer,)))
    with pytest.raises(InvalidInput, match="three axes"):
        network_to_torch(Network((Pool("max"), Affine.from_dense([[1.0]]))))
    with pytest.raises(InvalidInput, match="activation"):
        network_to_torch(Network((Activation("swish"), Affine.from_dense([[1.0]]))))


def test_a_global_pooling_leaves_no_positions() -> None:
    steps = Affine.from_dense(np.ones((2, 1, 2, 2))), Pool("max"), Affine.from_dense([[1.0, 1.0]])
    points = np.random.default_rng(0).normal(size=(3, 1, 4, 5))
    for network in (Network(steps), Network((*steps[:2], Flatten(), steps[2]))):
        model = network_to_torch(network)
        np.testing.assert_allclose(output(model, points), evaluate(network, points), rtol=1e-13)
        assert [type(step) for step in network_from_torch(model).steps] == [Affine, Pool, Affine]


def test_writing_leaves_the_random_numbers_of_pytorch_and_the_network_alone() -> None:
    network = network_of(Target.from_arrays([np.ones((3, 2)), np.ones((1, 3))]))
    before = torch.random.get_rng_state()
    model = network_to_torch(network, [np.ones((3, 2)), np.ones((1, 3))])
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7)
    assert network.affine[0].weight.toarray().tolist() == [[1, 1]] * 3
    assert network.affine[0].bias.tolist() == [0] * 3


def test_reading_loads_no_pytorch() -> None:
    modules = "ertheory, ertheory.networks.readers.torch_read, ertheory.networks.writers.torch_module"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_a_model_is_left_as_it_was() -> None:
    """Its modes, module by module, and its attributes: a trace puts constants of a forward pass there."""

    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.last = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.last(torch.relu(self.norm(self.first(x)) + torch.ones(4)))

    for model in (Shifted(), nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))):
        for place, module in enumerate(model.modules()):
            module.training = place % 2 == 0
        modes, attributes = [module.training for module in model.modules()], set(vars(model))
        with contextlib.suppress(InvalidInput):
            network_from_torch(model)
        assert [module.training for module in model.modules()] == modes
        assert set(vars(model)) == attributes
