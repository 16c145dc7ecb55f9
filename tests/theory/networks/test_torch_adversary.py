"""Whatever a user may hand in is read as what it computes, or refused by the name of the module that is at fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks import network_from_torch, network_to_torch

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(23)


class Made(nn.Module):
    """Parts by name, and a function of them and of the input."""

    def __init__(self, function: Callable[[Any, Any], Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def conv(*modules: Any) -> Any:
    return nn.Sequential(nn.Conv2d(1, 2, 2), *modules)


def maps(function: Callable[[Any], Any], features: int = 18) -> Any:
    """A function of the feature maps (points, 2, 3, 3) of a convolution."""
    return Made(lambda m, x: m.last(function(m.conv(x))), conv=nn.Conv2d(1, 2, 2), last=nn.Linear(features, 2))


SHARED = nn.Linear(3, 3)
PARTS: dict[str, Callable[[], Any]] = {
    "conv": lambda: nn.Conv2d(1, 2, 2), "same": lambda: nn.Conv2d(2, 2, 1), "norm": lambda: nn.BatchNorm2d(2),
    "down": lambda: nn.Conv2d(2, 2, 3, stride=2, padding=1),
}  # fmt: skip


def parts(*names: str) -> dict[str, Any]:
    return {name: PARTS[name]() for name in names}


READ: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "a module that is used twice": (lambda: nn.Sequential(SHARED, nn.ReLU(), SHARED), (3,)),
    "a norm that is used twice": (
        lambda: Made(lambda m, x: m.same(m.norm(m.norm(m.conv(x)).relu())), **parts("conv", "norm", "same")), (1, 3, 3)
    ),
    "a norm of what is read without it too": (
        lambda: Made(lambda m, x: m.norm(y := m.conv(x)) + y, **parts("conv", "norm")), (1, 3, 3)
    ),
    "the same, with a layer between": (
        lambda: Made(lambda m, x: m.same(m.norm(y := m.conv(x)).relu()) + y, **parts("conv", "norm", "same")),
        (1, 3, 3),
    ),
    "a skip over two layers, from inside": (
        lambda: Made(lambda m, x: m.c(m.b(y := m.a(x).relu()).relu() + y) + y, a=nn.Linear(3, 3), b=nn.Linear(3, 3),
                     c=nn.Linear(3, 3)), (3,)
    ),
    "two long ways": (
        lambda: Made(lambda m, x: m.b(m.a(x).relu()) + m.d(m.c(x).relu()), a=nn.Linear(3, 4), b=nn.Linear(4, 2),
                     c=nn.Linear(3, 5), d=nn.Linear(5, 2)), (3,)
    ),
    "three ways of other lengths": (
        lambda: Made(lambda m, x: m.b(m.a(x).relu()) + m.d(m.c(m.d(x).tanh()).relu()) + m.d(x), a=nn.Linear(3, 4),
                     b=nn.Linear(4, 3), c=nn.Linear(3, 3), d=nn.Linear(3, 3)), (3,)
    ),
    "sums of sums of one value": (
        lambda: Made(lambda m, x: m.b((((y := m.a(x)) + y) + (y + y) + y).relu()), a=nn.Linear(3, 4),
                     b=nn.Linear(4, 2)), (3,)
    ),
    "a layer beside a pooling": (
        lambda: Made(lambda m, x: m.down(y := m.conv(x).relu()) + functional.max_pool2d(y, 2), **parts("conv", "down")),
        (1, 5, 5),
    ),
    "one position, and a convolution of it": (
        lambda: conv(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(3, 2)), (1, 5, 5)
    ),
    "zeros around maps": (lambda: conv(nn.ZeroPad2d((1, 1, 2, 2)), nn.Conv2d(2, 1, 3, padding=1)), (1, 4, 5)),
    "zeros around a line": (lambda: nn.Sequential(nn.BatchNorm1d(1), nn.ZeroPad1d(2), nn.Conv1d(1, 2, 2)), (1, 4)),
    "zeros that are averaged": (
        lambda: maps(lambda x: functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1)), 3, 2).flatten(1), 8), (1, 4, 4)
    ),
    "no zeros": (lambda: maps(lambda x: functional.pad(x, (0, 0)).flatten(1)), (1, 4, 4)),
    "brain floats": (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).bfloat16(), (3,)),
    "half precision": (lambda: conv(nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)).half(), (1, 4, 4)),
    "training mode": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Tanh(), nn.Linear(4, 2)), (3,)
    ),
    "a norm without parameters": (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, affine=False)), (3,)),
    "Identity with arguments": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Identity(5, a=1), nn.Linear(4, 2)), (3,)),
    "parameters of one's own": (
        lambda: Made(lambda m, x: functional.linear(functional.conv1d(x, m.a.weight, m.a.bias, 2, 1).relu().flatten(1),
                     m.b.weight), a=nn.Conv1d(2, 3, 3), b=nn.Linear(9, 2)), (2, 6)
    ),
    "a flag with a usual value": (lambda: torch.fx.symbolic_trace(conv(nn.Flatten(), nn.Linear(18, 1))), (1, 4, 4)),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_what_is_read_is_what_is_computed(case: str) -> None:
    make, shape = READ[case]
    model = make()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            if module.bias is not None:
                nn.init.normal_(module.bias)
    kept = dict(vars(model))
    network = network_from_torch(model)
    assert vars(model).keys() == kept.keys()
    points = np.random.default_rng(1).normal(size=(4, *shape))
    with torch.no_grad():
        expected = model.double().eval()(torch.from_numpy(points.copy())).numpy()
        written = network_to_torch(network)(torch.from_numpy(points)).numpy()
    assert np.ptp(expected) > 1e-6
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(written, expected, rtol=1e-11, atol=1e-12)


def hooked(model: Any, register: Callable[[Any], Any]) -> Any:
    register(model[-1])
    return model


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "layer norm": (lambda: nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), r"model\[1\] \(LayerNorm\)"),
    "group norm": (lambda: conv(nn.GroupNorm(1, 2)), r"model\[1\] \(GroupNorm\)"),
    "instance norm": (lambda: conv(nn.InstanceNorm2d(2)), r"model\[1\] \(InstanceNorm2d\)"),
    "norm of several devices": (lambda: conv(nn.SyncBatchNorm(2)), r"model\[1\] \(SyncBatchNorm\)"),
    "norm without a shape": (lambda: conv(nn.LazyBatchNorm2d()), r"model\[1\] \(LazyBatchNorm2d\)"),
    "reflected": (lambda: conv(nn.ReflectionPad2d(1), nn.Conv2d(2, 1, 2)), r"model\[1\] \(ReflectionPad2d\)"),
    "constants around": (lambda: conv(nn.ConstantPad2d(1, 0.5), nn.Conv2d(2, 1, 2)), r"model\[1\] \(ConstantPad2d\)"),
    "zeros less": (lambda: conv(nn.ZeroPad2d(-1), nn.Conv2d(2, 1, 2)), r"model\[1\] \(ZeroPad2d\)"),
    "zeros that win": (lambda: conv(nn.ZeroPad2d(1), nn.MaxPool2d(2), nn.Conv2d(2, 1, 1)), r"takes its zeros up"),
    "zeros at the end": (lambda: conv(nn.ZeroPad2d(1)), r"model\[1\].*takes its zeros up"),
    "ones around": (lambda: maps(lambda x: functional.pad(x, (1, 1, 1, 1), value=1.0)), r"\(Made, pad\).*value=0"),
    "zeros on one axis": (lambda: maps(lambda x: functional.pad(x, (1, 1))), r"\(Made, pad\).*2 axes"),
    "turned maps": (lambda: maps(lambda x: x.permute(0, 2, 3, 1).flatten(1)), r"\(Made, permute\)"),
    "a part": (lambda: maps(lambda x: x[:, :, 0, 0], 2), r"\(Made, getitem\)"),
    "turned around": (lambda: maps(lambda x: (-x).flatten(1)), r"\(Made, neg\)"),
    "one after the other": (lambda: maps(lambda x: x.mean(3).mean(2), 2), r"\(Made, mean\)"),
    "over channels": (lambda: maps(lambda x: x.mean(1).flatten(1), 9), r"\(Made, mean\)"),
    "norm as a function": (
        lambda: Made(lambda m, x: functional.batch_norm(m.a(x), m.b.running_mean, m.b.running_var), a=nn.Linear(3, 3),
                     b=nn.BatchNorm1d(3)), r"\(Made, batch_norm\)"
    ),
    "computed weights": (
        lambda: Made(lambda m, x: functional.linear(x, m.a.weight * 2), a=nn.Linear(3, 3)), r"\(Made, linear\)"
    ),
    "scaled": (lambda: Made(lambda m, x: m.a(x) * m.a.bias, a=nn.Linear(3, 3)), r"\(Made, mul\)"),
    "wider by repeating": (
        lambda: Made(lambda m, x: m.a(x) + m.b(x), a=nn.Linear(3, 3), b=nn.Linear(3, 1)), r"\(Made, add\).*3 channels"
    ),
    "several values": (lambda: Made(lambda m, x: (m.a(x), x), a=nn.Linear(3, 3)), "one tensor as its output"),
    "scripted": (lambda: torch.jit.script(nn.Sequential(nn.Linear(3, 3))), "torch.fx can trace"),
    "a list": (lambda: nn.ModuleList([nn.Linear(3, 3)]), "torch.fx can trace"),
    "random slopes": (lambda: nn.Sequential(nn.Linear(3, 3), nn.RReLU(), nn.Linear(3, 1)), r"model\[1\] \(RReLU\)"),
    "a variance that is none": (
        lambda: hooked(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), lambda m: m.running_var.fill_(-1)),
        r"model\[1\] \(BatchNorm1d\).*variance",
    ),
    "a hook with names": (
        lambda: hooked(conv(), lambda m: m.register_forward_pre_hook(lambda m, a, k: (a, k), with_kwargs=True)),
        r"model\[0\] \(Conv2d\).*pre-hook",
    ),
    "a hook that always runs": (
        lambda: hooked(conv(), lambda m: m.register_forward_hook(lambda m, a, y: 2 * y, always_call=True)),
        r"model\[0\] \(Conv2d\).*forward hook",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # scripting is old, lazy modules are a feature under development
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case: str) -> None:
    make, pattern = REFUSED[case]
    with pytest.raises(InvalidInput, match=pattern) as caught:
        network_from_torch(make())
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)
