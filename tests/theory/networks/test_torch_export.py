"""Programs of torch.export are read as what they compute, before and after decompositions, or refused by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Pool, Residual
from ertheory.networks.readers.targets import read_network, read_target
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.writers.torch_module import network_to_torch

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)


def settled(model: Any) -> Any:
    for module in model.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    return model.double().eval()


def exported(model: Any, *shape: int, free: bool = True) -> Any:
    dynamic = ({0: torch.export.Dim.AUTO},) if free else None
    return torch.export.export(model, (torch.randn(3, *shape, dtype=torch.float64),), dynamic_shapes=dynamic)


def assert_same(model: Any, *shape: int, free: bool = True, decomposed: bool = True) -> Any:
    """Export a model, read the program, and compare with the model itself."""
    model = settled(model)
    program = exported(model, *shape, free=free)
    points = np.random.default_rng(1).normal(size=(3, *shape))
    with torch.no_grad():
        expected = model(torch.from_numpy(points.copy())).numpy()
    assert np.ptp(expected) > 1e-4
    for one in (program, program.run_decompositions()) if decomposed else (program,):
        network = network_from_torch(one)
        np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-11, atol=1e-13)
    with torch.no_grad():
        written = network_to_torch(network)(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(written, expected, rtol=1e-11, atol=1e-13)
    return network


def image(*modules: Any) -> Any:
    return nn.Sequential(*modules)


MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "perceptron": (lambda: image(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(True), nn.Linear(6, 2)), (4,)),
    "flattened first": (lambda: image(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 2)), (3, 2, 2)),
    "line": (lambda: image(nn.Conv1d(2, 4, 3, 2, 1, groups=2), nn.SiLU(), nn.MaxPool1d(2), nn.Flatten(),
                           nn.Linear(12, 2)), (2, 11)),
    "plane": (lambda: image(nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                            nn.AvgPool2d(2, 1), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(), nn.Dropout(),
                            nn.Linear(24, 2)), (2, 9, 8)),
    "space": (lambda: image(nn.Conv3d(1, 2, 2, dilation=(1, 2, 1)), nn.GELU(), nn.AdaptiveMaxPool3d(1), nn.Flatten(),
                            nn.Linear(2, 2)), (1, 4, 5, 4)),
    "norm first": (lambda: image(nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1), nn.Flatten(1), nn.Linear(27, 2)),
                   (2, 3, 3)),
}  # fmt: skip


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("free", [True, False])
def test_chains(case: str, free: bool) -> None:
    make, shape = MODELS[case]
    # Before the decomposition a line may be read; behind it, its pooling is one of a plane.
    network = assert_same(make(), *shape, free=free, decomposed=case != "line")
    assert case != "flattened first" or isinstance(network.steps[0], Flatten)
    assert case != "plane" or Pool("average", outputs=(2, 3)) in network.steps


ACTIVATIONS = ["ELU", "CELU", "GELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "Mish", "PReLU", "ReLU",
               "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Tanh"]  # fmt: skip


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations(kind: str) -> None:
    act = getattr(nn, kind)()
    network = assert_same(nn.Sequential(nn.Linear(3, 5), act, nn.Linear(5, 2)), 3)  # written out in arithmetic, too
    name = network_from_torch(nn.Sequential(act, nn.Linear(5, 2))).activation
    assert network.activation == name.replace("prelu", "leaky_relu")


class Own(nn.Module):
    """Functions, a sum in place, and a view by the number of points."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Linear(4, 2)

    def forward(self, x: Any, scale: float = 1.0) -> Any:
        x = functional.relu(self.first(x))
        y = self.second(x).relu_()
        y += x
        y = functional.avg_pool2d(y + y, 2)
        return self.last(functional.adaptive_avg_pool2d(y, 1).view(x.size(0), -1))


def test_what_people_write() -> None:
    network = assert_same(Own(), 2, 7, 6)
    assert sum(isinstance(step, Residual) for step in network.steps) == 1


def test_models_of_torchvision_come_out_as_the_modules_do() -> None:
    resnet = pytest.importorskip("torchvision.models.resnet")
    mobile = pytest.importorskip("torchvision.models.mobilenetv2")
    small = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=3)
    for model in (small, mobile.mobilenet_v2(num_classes=3, width_mult=0.1)):
        network = network_from_torch(exported(settled(model), 3, 32, 32))
        direct = network_from_torch(model)
        assert [type(step) for step in network.steps] == [type(step) for step in direct.steps]
        for one, other in zip(network.affine, direct.affine, strict=True):
            np.testing.assert_array_equal(one.weight.toarray(), other.weight.toarray())
            np.testing.assert_array_equal(one.bias, other.bias)


def test_a_value_that_is_written_over_counts_as_it_is_then() -> None:
    assert_same(Apply(lambda x: x + functional.relu(x, inplace=True)), 1, 4, 4)
    late = Apply(lambda x: x.view(x.shape[0], 2, 9) + functional.relu(x, inplace=True).view(x.shape[0], 2, 9))
    with pytest.raises(InvalidInput, match=r"model \(Apply, relu_\).*inplace=False"):
        network_from_torch(exported(late.double().eval(), 1, 4, 4))  # through a view of it


def test_weights_that_are_computed_are_computed_when_read() -> None:
    class Masked(nn.Linear):
        def forward(self, x: Any) -> Any:
            return functional.linear(x, self.weight * (self.weight > 0), self.bias)

    norm = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    layer = Masked(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0, 2.0, 0.5], [-1.0, -2.0, 3.0, -0.5]]))
    network = assert_same(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), norm, nn.ReLU(), layer), 3)
    assert network.affine[2].weight.nnz == 4


def test_programs_are_read_like_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    program = torch.export.export(model, (torch.zeros(2, 3),))
    assert read_target(program).widths == (3, 4, 2)
    assert all(isinstance(step, Affine) for step in read_network(program).affine)


class Apply(nn.Module):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.first, self.last, self.function = nn.Conv2d(1, 2, 2), nn.Linear(18, 2), function

    def forward(self, x: Any) -> Any:
        return self.last(self.function(self.first(x)).flatten(1))


RAMPS: tuple[Callable[[Any], Any], ...] = (
    lambda x: (x + 3).clamp(0, 6),
    lambda x: torch.clamp_max(torch.clamp_min(x + 3, 0), 6),
    lambda x: functional.relu(3 + x).clamp_max(6),
    lambda x: functional.relu6(x + 3),
    lambda x: functional.hardtanh(x + 3, 0.0, 6.0),
)


class Many(nn.Module):
    """Functions one behind the other, each behind a product with a matrix."""

    def __init__(self, functions: Sequence[Callable[[Any], Any]]) -> None:
        super().__init__()
        self.functions = functions
        self.weights = nn.ParameterList([torch.randn(4, 4) for _ in range(len(functions) + 1)])

    def forward(self, x: Any) -> Any:
        products = itertools.cycle((torch.mm, torch.matmul, lambda one, other: one @ other))
        for function, weight, product in zip(self.functions, self.weights, products, strict=False):
            x = function(product(x, weight))
        return x @ self.weights[-1]


def test_products_are_layers_and_hard_activations_are_known_however_they_are_written() -> None:
    functions: list[Callable[[Any], Any]] = [lambda x, ramp=ramp: ramp(x) / 6 for ramp in RAMPS]
    for ramp in RAMPS[:2]:
        functions += [lambda x, ramp=ramp: x * ramp(x) / 6, lambda x, ramp=ramp: x * (ramp(x) / 6)]
    network = assert_same(Many(functions), 4)
    names = [step.name for step in network.steps if isinstance(step, Activation)]
    assert names == ["hardsigmoid"] * len(RAMPS) + ["hardswish"] * 4


@pytest.mark.parametrize(
    "other",
    [
        lambda x: torch.clamp_max(x + 3, 6) / 6,
        lambda x: functional.hardtanh(x + 3, 0.0, 5.0) / 6,
        lambda x: functional.relu6(x + 2) / 6,
        lambda x: x * functional.relu6(x + 3) / 5,
    ],
)
def test_a_ramp_of_other_ends_is_no_hard_activation(other: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidInput, match="Many"):
        network_from_torch(exported(Many([other]).double().eval(), 4))


@pytest.mark.parametrize(("on", "said"), [("values", "twice_values"), ("weights", "linear.*a constant weight")])
def test_operators_of_others_are_refused(on: str, said: str) -> None:
    """Also where they act on parameters alone: nothing that is not PyTorch's own is run."""

    @torch.library.custom_op(f"ertheory_tests::twice_{on}", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    twice.register_fake(torch.empty_like)

    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 4))

        def forward(self, x: Any) -> Any:
            return (
                functional.linear(twice(x), self.weight) if on == "values" else functional.linear(x, twice(self.weight))
            )

    with pytest.raises(InvalidInput, match=f"model \\(Other, {said}"):
        network_from_torch(exported(Other().double().eval(), 4))


class Padded(nn.Module):
    def __init__(self, *options: dict[str, Any]) -> None:
        super().__init__()
        self.convolutions, self.options = nn.ModuleList([nn.Conv2d(1, 1, 3) for _ in options]), options

    def forward(self, x: Any) -> Any:
        for convolution, options in zip(self.convolutions, self.options, strict=True):
            x = convolution(functional.pad(x, (2, 2, 1, 1), **options))
        return x


def test_zeros_that_are_put_around_a_map_are_its_padding() -> None:
    network = assert_same(Padded({}, {"value": 0.0}, {"mode": "constant"}), 1, 4, 5)
    assert [step.padding for step in network.affine] == [(1, 2)] * 3


@pytest.mark.parametrize("options", [{"value": 1.0}, {"mode": "reflect"}])
def test_other_numbers_around_a_map_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Padded"):
        network_from_torch(exported(Padded(options).double().eval(), 1, 4, 5))


def write(x: Any) -> Any:
    x[:, 0] = 1.0
    return x


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "soft": (lambda x: x.softmax(1), r"model \(Apply, softmax\)"),
    "product": (lambda x: x * x, r"\(Apply, mul\)"),
    "shifted": (lambda x: x + 1, r"\(Apply, add\)"),
    "weighted": (lambda x: torch.add(x, x, alpha=2), r"\(Apply, add\)"),
    "turned": (lambda x: x.transpose(2, 3), r"\(Apply, transpose\)"),
    "joined": (lambda x: torch.cat([x, x], 1)[:, :2], r"\(Apply, (slice|cat)\)"),
    "written over": (write, "inplace=False|another operator"),
    "mixed points": (lambda x: x.reshape(4, 9).reshape(2, 18), r"\(Apply, (view|reshape)\).*flattens"),
    "one axis": (lambda x: x.mean(3, keepdim=True).expand(-1, -1, -1, 3), r"\(Apply, (mean|expand)\)"),
    "rounded up": (lambda x: functional.max_pool2d(x, 2, ceil_mode=True).repeat(1, 1, 2, 2)[:, :, 1:, 1:],
                   r"\(Apply, (slice|repeat|max_pool2d)\)"),
    "clamped": (lambda x: x.clamp(-2, 1), r"\(Apply, clamp\).*bounds"),
    "transposed": (lambda x: functional.conv_transpose2d(x, torch.ones(2, 2, 1, 1)), r"\(Apply, conv_transpose2d\)"),
    "random": (lambda x: x + torch.randn(2, 1, 1), r"\(Apply, add\).*depend on the input"),
    "dropped": (lambda x: functional.dropout(x, 0.5), r"\(Apply, dropout\).*train=False"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_another_operation_is_refused_by_name(case: str) -> None:
    function, pattern = REFUSED[case]
    program = torch.export.export(Apply(function).eval(), (torch.randn(2, 1, 4, 4),))
    with pytest.raises(InvalidInput, match=pattern) as caught:
        network_from_torch(program)
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)


def test_programs_of_another_form_are_refused() -> None:
    class Two(nn.Module):
        def forward(self, x: Any, y: Any) -> Any:
            return x + y

    points = torch.zeros(2, 3)
    with pytest.raises(InvalidInput, match="one input and one output, got '2 and 1'"):
        network_from_torch(torch.export.export(Two(), (points, points)))
    norm = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).train()
    with pytest.raises(InvalidInput, match=r"export model\.eval\(\)"):
        network_from_torch(torch.export.export(norm, (points,)))
    with pytest.raises(InvalidInput, match=r"model \(Linear, linear\).*3 axes"):
        network_from_torch(torch.export.export(nn.Linear(3, 2), (torch.zeros(2, 5, 3),)))

    class Constant(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.ones(2, 2)

    with pytest.raises(InvalidInput, match="depends on the input"):
        network_from_torch(torch.export.export(Constant(), (points,)))
