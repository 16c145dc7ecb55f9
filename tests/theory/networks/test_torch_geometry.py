"""Windows and zeros that PyTorch has and others have not: read as what they compute, and written again."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory.builders.files import source_arrays
from ertheory.check import evaluate, evaluate_exact
from ertheory.check.steps import read_steps
from ertheory.errors import InvalidInput
from ertheory.networks.network import Affine, Network, Pool
from ertheory.networks.readers.torch_masks import masks_from_torch
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.writers.torch_module import network_to_torch
from tests import oracles_networks

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(17)


def assert_read(model: Any, *shape: int) -> Network:
    """Read a model, and compare with what it computes: by itself, and as a module that is written again."""
    model = model.double().eval()
    network = network_from_torch(model)
    points = np.random.default_rng(4).normal(size=(3, *shape))
    with torch.no_grad():
        expected = model(torch.from_numpy(points)).numpy()
        written = network_to_torch(network)(torch.from_numpy(points)).numpy()
    assert np.ptp(expected) > 1e-6
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(written, expected, rtol=1e-11, atol=1e-13)
    return network


class Made(nn.Module):
    """A convolution, something, and a linear layer."""

    def __init__(self, middle: Callable[[Any], Any], features: int, last: Any = None) -> None:
        super().__init__()
        self.conv, self.fc, self.middle = nn.Conv2d(2, 3, 2), last or nn.Linear(features, 2), middle

    def forward(self, x: Any) -> Any:
        return self.fc(self.middle(self.conv(x)))


# ---- zeros


@pytest.mark.parametrize("pads", [(1, 0, 0, 0), (0, 2, 1, 0), (3, 1, 0, 2)])
@pytest.mark.parametrize(
    "geometry", [{}, {"stride": (2, 1), "dilation": (1, 2)}, {"dilation": 2, "groups": 2, "padding": 1}]
)
def test_zeros_on_one_side_are_read_by_the_filters(pads: tuple[int, ...], geometry: dict[str, Any]) -> None:
    conv = nn.Conv2d(2, 4, (2, 3), **geometry)
    network = assert_read(nn.Sequential(nn.ZeroPad2d(pads), conv), 2, 7, 8)
    assert network.affine[0].weight.nnz == conv.weight.numel()  # taps of weight 0 are no weights
    with torch.no_grad():
        expected = conv(functional.pad(torch.ones(1, 2, 7, 8, dtype=torch.float64), pads)).numpy()
    exact = evaluate_exact(network, np.ones((1, 2, 7, 8))).ravel().tolist()
    assert max(abs(Fraction(a) - b) for a, b in zip(expected.ravel().tolist(), exact, strict=True)) < 1e-12


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # it costs PyTorch a copy
def test_same_padding_of_even_filters() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, (4, 2), padding="same"), nn.ReLU(), nn.Conv2d(3, 1, 2, padding="same"))
    assert_read(model, 1, 5, 6)
    assert_read(nn.Conv1d(2, 3, 4, padding="same", dilation=3), 2, 11)


def test_zeros_on_one_side_of_an_average_are_refused_by_name() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ZeroPad2d((1, 0, 0, 0)), nn.AvgPool2d(2), nn.Conv2d(1, 1, 1))
    with pytest.raises(InvalidInput, match=r"model\[1\] \(ZeroPad2d\).*takes its zeros up"):
        network_from_torch(model)
    uncounted = nn.AvgPool2d(2, padding=1, count_include_pad=False)
    with pytest.raises(InvalidInput, match=r"model\[1\] \(ZeroPad2d\)"):
        network_from_torch(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ZeroPad2d(1), uncounted, nn.Conv2d(1, 1, 1)))
    assert_read(nn.Sequential(nn.ZeroPad2d(1), nn.AvgPool2d(2, count_include_pad=False), nn.Conv2d(1, 1, 1)), 1, 4, 4)


# ---- windows

WINDOWS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "maximum that rounds up": (lambda: nn.MaxPool2d(2, ceil_mode=True), (5, 7)),
    "maximum that rounds up, padded": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), (6, 7)),
    "a window that would begin behind the border": (lambda: nn.MaxPool1d(2, 3, 1, ceil_mode=True), (6,)),
    "average that rounds up": (lambda: nn.AvgPool2d((2, 3), ceil_mode=True), (5, 7)),
    "average that rounds up, padded": (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), (6, 7)),
    "average of what is there": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), (6, 7)),
    "average of what is there, rounded up": (
        lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), (6, 8)
    ),
    "its own divisor beside uncounted padding": (
        lambda: nn.AvgPool2d(2, padding=1, count_include_pad=False, divisor_override=4), (4, 4)
    ),
    "line": (lambda: nn.AvgPool1d(4, 3, 2, ceil_mode=True, count_include_pad=False), (9,)),
    "space": (lambda: nn.MaxPool3d(2, ceil_mode=True), (3, 4, 5)),
    "as many as there are": (lambda: nn.AdaptiveAvgPool2d((None, 2)), (5, 6)),
    "maximum of as many": (lambda: nn.AdaptiveMaxPool2d((3, None)), (5, 6)),
}  # fmt: skip


@pytest.mark.parametrize("case", WINDOWS)
def test_windows(case: str) -> None:
    make, sizes = WINDOWS[case]
    axes = len(sizes)
    conv = getattr(nn, f"Conv{axes}d")
    norm = getattr(nn, f"BatchNorm{axes}d")(3)
    norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
    network = assert_read(nn.Sequential(conv(2, 3, 1), nn.Tanh(), make(), norm, conv(3, 2, 1)), 2, *sizes)
    (step,) = (one for one in network.steps if isinstance(one, Pool))
    points = np.random.default_rng(1).integers(-3, 4, size=(2, 2, *sizes)).astype(float)
    alone = Network((step, Affine.from_dense(np.eye(2).reshape(2, 2, *(1,) * axes))))
    for point, exact in zip(points, evaluate_exact(alone, points), strict=True):
        assert exact.ravel().tolist() == oracles_networks.evaluate(alone, point)


@given(data=st.data())
def test_windows_of_every_size_are_those_of_pytorch(data: Any) -> None:
    size, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    padding, length = data.draw(st.integers(0, size // 2)), data.draw(st.integers(size, 9))
    kind, ceil, counted = (
        data.draw(st.sampled_from(["max", "average"])),
        data.draw(st.booleans()),
        data.draw(st.booleans()),
    )
    options = {"ceil_mode": ceil} | ({"count_include_pad": counted} if kind == "average" else {})
    module = (nn.MaxPool1d if kind == "max" else nn.AvgPool1d)(size, stride, padding, **options)
    network = network_from_torch(nn.Sequential(module, nn.Conv1d(1, 1, 1)).double())
    points = np.random.default_rng(0).normal(size=(2, 1, length))
    wanted = module(torch.from_numpy(points)).numpy()
    alone = Network((*network.steps[:-1], Affine.from_dense([[[1.0]]])))
    np.testing.assert_allclose(evaluate(alone, points), wanted, rtol=1e-13)
    steps = [{"pool": step.kind, "size": list(step.size), "stride": list(step.stride), "padding": list(step.padding),
              "ceil": step.ceil, "counted": step.counted} for step in network.steps[:-1]]  # fmt: skip
    text = str([*steps, {"affine": 0, "kernel": [1]}]).replace("'", '"').replace("T", "t").replace("F", "f")
    last = network.affine[0]
    assert read_steps(text, [last.weight], [last.bias])[0][:-1] == network.steps[:-1]
    assert "W0_data" in source_arrays(network, ())


# ---- positions that are dropped, and activations that are written out

DROPPED: dict[str, Callable[[Any], Any]] = {
    "all at once": lambda x: functional.adaptive_avg_pool2d(x, 1).squeeze(),
    "one by one": lambda x: functional.adaptive_max_pool2d(x, 1).squeeze(-1).squeeze(-1),
    "from the front": lambda x: torch.squeeze(torch.squeeze(functional.adaptive_avg_pool2d(x, 1), 2), dim=2),
    "two": lambda x: x.mean((2, 3), keepdim=True).squeeze((2, 3)),
}


@pytest.mark.parametrize("case", DROPPED)
def test_the_one_position_behind_a_global_pooling_is_dropped(case: str) -> None:
    model = Made(DROPPED[case], 3)
    assert_read(model, 2, 4, 5)
    program = torch.export.export(model, (torch.randn(3, 2, 4, 5, dtype=torch.float64),))
    points = np.random.default_rng(6).normal(size=(3, 2, 4, 5))
    with torch.no_grad():
        expected = model(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(evaluate(network_from_torch(program), points), expected, rtol=1e-11)


@pytest.mark.parametrize(
    "middle",
    [
        lambda x: x.squeeze(2),
        lambda x: functional.adaptive_avg_pool2d(x, 1).squeeze(1),
        lambda x: functional.adaptive_avg_pool2d(x, 1).squeeze(-1),
        lambda x: functional.adaptive_avg_pool2d(x, (1, 2)).squeeze(),
    ],
)
def test_other_positions_are_not(middle: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidInput, match=r"squeeze|one position"):
        network_from_torch(Made(middle, 3))


GATES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "silu": (lambda x: x * torch.sigmoid(x), "silu"),
    "silu turned": (lambda x: x.sigmoid() * x, "silu"),
    "a module": (lambda x: x * nn.functional.hardsigmoid(x), "hardswish"),
    "hard swish of the first MobileNetV3": (lambda x: x * functional.relu6(x + 3) / 6, "hardswish"),
    "the same, differently": (lambda x: x * (functional.relu6(x + 3.0) / 6.0), "hardswish"),
    "hard sigmoid": (lambda x: functional.relu6(x + 3) / 6, "hardsigmoid"),
    "clamp": (lambda x: torch.clamp(3 + x, 0, 6) / 6, "hardsigmoid"),
    "mish": (lambda x: x * torch.tanh(functional.softplus(x)), "mish"),
}


@pytest.mark.parametrize("case", GATES)
def test_activations_that_are_written_out(case: str) -> None:
    function, name = GATES[case]
    assert assert_read(Made(lambda x: function(x).flatten(1), 12), 2, 3, 3).activation == name


def test_a_gate_by_a_module_is_read_and_another_gate_refused() -> None:
    class Gate(nn.Module):
        def __init__(self, act: Any, other: Any = None) -> None:
            super().__init__()
            self.fc, self.act, self.other, self.last = nn.Linear(3, 3), act, other, nn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            x = self.fc(x)
            return self.last(x * self.act(x if self.other is None else self.other(x)))

    assert assert_read(Gate(nn.Sigmoid()), 3).activation == "silu"
    assert assert_read(Gate(nn.Hardsigmoid()), 3).activation == "hardswish"
    for act, other in ((nn.Sigmoid(), nn.Linear(3, 3)), (nn.Tanh(), None), (nn.Softplus(2), None)):
        with pytest.raises(InvalidInput, match=r"model \(Gate, mul\)"):
            network_from_torch(Gate(act, other))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * functional.relu6(x + 3) / 5,
        lambda x: x * functional.relu6(x + 2) / 6,
        lambda x: functional.relu6(x + 3) * functional.relu6(x + 3) / 6,
        lambda x: x * torch.tanh(functional.softplus(x, 2)),
        lambda x: torch.clamp(x + 3, 0, 5) / 6,
        lambda x: torch.div(functional.relu6(x + 3), 6, rounding_mode="floor"),
        lambda x: torch.add(x, x, alpha=3) * torch.sigmoid(x),
    ],
)
def test_what_is_nearly_one_is_refused(function: Callable[[Any], Any]) -> None:
    model = Made(lambda x: function(x).flatten(1), 12).double()
    program = torch.export.export(model, (torch.randn(2, 2, 3, 3, dtype=torch.float64),))
    for one in (model, program, program.run_decompositions()):
        with pytest.raises(InvalidInput, match="Made"):
            network_from_torch(one)


# ---- masks


class Backwards(nn.Module):
    """Layers that are registered in another order than they are used in, and one that is not used at all."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(3, 3)
        self.last, self.norm, self.first = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)
        for layer, kept in ((self.unused, 0), (self.last, 1), (self.first, 2)):
            layer.register_buffer("weight_mask", torch.arange(9).reshape(3, 3) % 3 == kept)

    def forward(self, x: Any) -> Any:
        return self.last(self.norm(self.first(x).relu()).relu())


def test_masks_are_in_the_order_of_the_steps_and_a_norm_has_a_diagonal() -> None:
    model = Backwards()
    network, masks = network_from_torch(model), masks_from_torch(model)
    assert [mask.shape for mask in masks] == [step.weight.shape for step in network.affine]
    assert [mask.nnz for mask in masks] == [3, 3, 3]
    assert masks[0].toarray()[:, 2].all()
    assert (masks[1].toarray() == np.eye(3)).all()
    assert masks[2].toarray()[:, 1].all()
    compiled = masks_from_torch(nn.DataParallel(model))
    assert all((one != other).nnz == 0 for one, other in zip(masks, compiled, strict=True))
