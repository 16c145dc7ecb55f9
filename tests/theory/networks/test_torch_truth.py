"""A module is read as what a call of it computes, or refused: hooks, stale weights, values that are written over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ertheory.check import evaluate
from ertheory.errors import InvalidInput
from ertheory.networks.network import Pool, Residual
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.writers.torch_module import network_to_torch

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(7)


def assert_same_function(model: Any, *shape: int) -> Any:
    """Read a model, and compare with what a call of it in evaluation mode gives."""
    model = model.double()
    points = np.random.default_rng(1).normal(size=(5, *shape))
    modes = [module.training for module in model.modules()]
    network = network_from_torch(model)
    assert [module.training for module in model.modules()] == modes
    model.eval()
    with torch.no_grad():
        expected = model(torch.from_numpy(points.copy())).numpy()
    assert np.ptp(expected) > 1e-6
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-11, atol=1e-12)
    return network


def chain(**replaced: Any) -> Any:
    parts = {"first": nn.Conv1d(1, 2, 3), "act": nn.ReLU(), "pool": nn.MaxPool1d(2), "flat": nn.Flatten()}
    model = nn.Sequential()
    for name, part in (parts | {"last": nn.Linear(6, 2)} | replaced).items():
        model.add_module(name, part)
    return model


# ---- hooks


@pytest.mark.parametrize("place", ["first", "act", "pool", "flat", "last", ""])
@pytest.mark.parametrize("pre", [False, True])
def test_hooks_are_refused_wherever_they_are(place: str, pre: bool) -> None:
    model = chain()
    assert_same_function(model, 1, 8)
    module = model.get_submodule(place)
    if pre:
        handle = module.register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))
    else:
        handle = module.register_forward_hook(lambda module, inputs, output: 2 * output)
    with pytest.raises(InvalidInput, match=rf"model{'.' if place else ''}{place} \(.*hook"):
        network_from_torch(model)
    handle.remove()
    assert_same_function(model, 1, 8)


def test_hooks_for_all_modules_are_refused() -> None:
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: 2 * output)
    try:
        with pytest.raises(InvalidInput, match="global"):
            network_from_torch(chain())
    finally:
        handle.remove()


def test_a_call_of_ones_own_is_refused_and_a_forward_is_traced() -> None:
    class Loud(nn.MaxPool1d):
        def __call__(self, x: Any) -> Any:
            return 2 * super().__call__(x)

    class Twice(nn.ReLU):
        def forward(self, x: Any) -> Any:
            return super().forward(x) + super().forward(x)

    class Same(nn.Linear):
        def forward(self, x: Any) -> Any:
            return super().forward(x)

    with pytest.raises(InvalidInput, match=r"model\.pool \(Loud\).*__call__"):
        network_from_torch(chain(pool=Loud(2)))
    with pytest.raises(InvalidInput, match=r"model\.act \(Twice, add\)"):
        network_from_torch(chain(act=Twice()))

    class Moved(nn.Conv1d):
        def forward(self, x: Any) -> Any:
            return functional.conv1d(x, self.weight, self.bias, 2, padding=1)

    class Shifted(nn.Linear):
        def forward(self, x: Any) -> Any:
            return functional.linear(x, self.weight) + self.bias

    assert_same_function(chain(last=Same(6, 2)), 1, 8)
    assert_same_function(chain(first=Moved(1, 2, 3), last=nn.Linear(4, 2)), 1, 8)
    with pytest.raises(InvalidInput, match=r"model\.last \(Shifted, add\)"):
        network_from_torch(chain(last=Shifted(6, 2)))
    patched = chain()
    patched.pool.forward = lambda x: functional.max_pool1d(x, 3, 2)
    patched.last = nn.Linear(4, 2)
    assert_same_function(patched, 1, 8)


@pytest.mark.parametrize("name", ["mul", "sub", "maximum", "cat"])
def test_two_values_are_read_as_their_sum_only_where_they_are_added(name: str) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            one, other = self.one(x), self.other(x)
            return torch.cat((one, other), 1) if name == "cat" else getattr(torch, name)(one, other)

    with pytest.raises(InvalidInput, match=rf"model \(Two, {name}\)"):
        network_from_torch(Two())


# ---- parameters that are set before a forward pass


NORMS: dict[str, Callable[[Any], Any]] = {
    "weight_norm": lambda layer: torch.nn.utils.weight_norm(layer),
    "spectral_norm": lambda layer: torch.nn.utils.spectral_norm(layer),
    "weight norm as parametrization": lambda layer: nn.utils.parametrizations.weight_norm(layer),
    "spectral norm as parametrization": lambda layer: nn.utils.parametrizations.spectral_norm(layer),
    "orthogonal": lambda layer: nn.utils.parametrizations.orthogonal(layer),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("case", NORMS)
def test_stale_weights_are_computed_anew(case: str) -> None:
    model, other = (nn.Sequential(nn.Linear(3, 5), nn.ReLU(), NORMS[case](nn.Linear(5, 4))) for _ in range(2))
    before = network_from_torch(other).affine[1].weight.toarray()
    other.load_state_dict(model.state_dict())
    network = assert_same_function(other, 3)
    assert np.abs(network.affine[1].weight.toarray() - before).max() > 1e-3
    assert_same_function(model, 3)


def test_pruning_is_multiplied_out_and_two_hooks_on_a_weight_are_refused() -> None:
    prune = pytest.importorskip("torch.nn.utils.prune")
    model = chain()
    prune.random_unstructured(model.last, "weight", 0.5)
    with torch.no_grad():
        model.last.weight_orig += 1
    assert assert_same_function(model, 1, 8).affine[1].weight.nnz == 6
    prune.random_unstructured(model.last, "weight", 0.5)  # becomes one container
    assert_same_function(model, 1, 8)


# ---- values that are written over


class Early(nn.Module):
    """Reads a value again after it was written over."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(3, 3), act, nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        before = self.first(x)
        after = self.act(before)
        return self.last(after) + before


class Added(nn.Module):
    """Adds in place, in an order that matters or does not."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.first, self.last, self.late = nn.Linear(3, 3), nn.Linear(3, 3), late

    def forward(self, x: Any) -> Any:
        before = self.first(x)
        same = before.view(-1, 3)
        sum = self.last(torch.relu(before))
        sum += same
        if self.late:
            before += x
            return self.last(torch.relu(before)) + same
        return sum


class Silent(nn.Module):
    """Writes over a value by a call of which the result is thrown away."""

    def __init__(self, how: Callable[[Any], Any]) -> None:
        super().__init__()
        self.first, self.last, self.how = nn.Linear(3, 3), nn.Linear(3, 3), how

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        self.how(x)
        return self.last(x)


def test_values_that_are_written_over_and_read_again_are_refused() -> None:
    assert_same_function(Early(nn.ReLU()), 3)
    with pytest.raises(InvalidInput, match=r"model\.act \(ReLU\).*inplace=False"):
        network_from_torch(Early(nn.ReLU(inplace=True)))
    assert_same_function(Added(late=False), 3)
    with pytest.raises(InvalidInput, match=r"iadd.*inplace=False"):
        network_from_torch(Added(late=True))
    for how in (
        lambda x: x.relu_(),
        torch.relu_,
        nn.ReLU(inplace=True),
        lambda x: functional.relu(x, inplace=True),
        lambda x: functional.leaky_relu(x, 0.1, True),
        lambda x: x.add_(1),
        lambda x: x.mul_(2),
    ):
        with pytest.raises(InvalidInput, match="inplace=False"):
            network_from_torch(Silent(how))


# ---- classes of one's own


class Own(nn.Module):
    """What people write."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.fc = nn.BatchNorm2d(4), nn.Linear(16, 3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Any, scale: float = 1.0) -> Any:
        x = functional.relu(self.norm(self.c1(x)))
        x = functional.max_pool2d(x, kernel_size=2)
        x = torch.relu(x + self.c2(functional.leaky_relu(x, 0.3)))
        x = functional.avg_pool2d(x, 2)
        x = functional.dropout(self.drop(x), 0.5, self.training)
        return self.fc(x.reshape(x.shape[0], -1))


class Endings(nn.Module):
    def __init__(self, flatten: Callable[[Any], Any], features: int) -> None:
        super().__init__()
        self.conv, self.fc, self.flatten = nn.Conv2d(1, 4, 3), nn.Linear(features, 2), flatten

    def forward(self, x: Any) -> Any:
        return self.fc(self.flatten(self.conv(x).tanh()))


FLATTENED: dict[str, tuple[Callable[[Any], Any], int]] = {
    "flatten": (lambda x: torch.flatten(x, 1), 16),
    "method": (lambda x: x.flatten(start_dim=1), 16),
    "view": (lambda x: x.view(x.size(0), -1), 16),
    "number": (lambda x: x.view(-1, 16), 16),
    "sizes": (lambda x: x.view(x.size(0), x.size(1) * x.size(2) * x.size(3)), 16),
    "part of the shape": (lambda x: x.reshape(x.shape[0], x.shape[1] * x.shape[2] * x.shape[-1]), 16),
    "first of the sizes": (lambda x: x.view(x.size()[0], -1), 16),
    "shape": (lambda x: x.reshape((x.shape[0], 16)), 16),
    "mean": (lambda x: x.mean((2, 3)), 4),
    "mean from behind": (lambda x: torch.mean(x, dim=[-2, -1]), 4),
    "kept mean": (lambda x: x.mean((2, 3), keepdim=True).flatten(1), 4),
    "global pooling": (lambda x: functional.adaptive_avg_pool2d(x, 1).flatten(1), 4),
    "global maximum": (lambda x: functional.adaptive_max_pool2d(x, (1, 1)).view(x.size(0), -1), 4),
}


@pytest.mark.parametrize("case", FLATTENED)
def test_all_ways_to_flatten_are_read(case: str) -> None:
    assert_same_function(Endings(*FLATTENED[case]), 1, 4, 4)


def test_modules_of_ones_own_are_traced() -> None:
    network = assert_same_function(Own(), 1, 8, 8)
    assert sum(isinstance(step, Residual) for step in network.steps) == 1
    assert sum(isinstance(step, Pool) for step in network.steps) == 2
    assert_same_function(nn.DataParallel(chain()), 1, 8)
    assert_same_function(torch.fx.symbolic_trace(Own().eval()), 1, 8, 8)


UNKNOWN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "half": (lambda x: x / 2, "truediv"),
    "constant": (lambda x: x + 1, "add"),
    "product": (lambda x: x * x, "mul"),
    "parts": (lambda x: torch.cat([x, x], 1), "cat"),
    "turned": (lambda x: x.transpose(2, 3), "transpose"),
    "soft": (lambda x: functional.softmax(x, 1), "softmax"),
    "one axis": (lambda x: x.mean(2), "mean"),
    "part of it": (lambda x: torch.flatten(x, 2), "start_dim"),
    "points and channels": (lambda x: x.flatten(0), "start_dim"),
    "channels first": (lambda x: x.view(x.size(1), x.size(0) * x.size(2) * x.size(3)), "view"),
    "all that there are": (lambda x: x.view(x.size(0) * x.size(1), x.size(2) * x.size(3)), "view"),
    "moved by a size": (lambda x: x + x.size(2), "add"),
    "scaled by a size": (lambda x: x * x.size(2), "mul"),
    "drop out": (lambda x: functional.dropout(x, 0.5), "dropout"),
    "weighted sum": (lambda x: torch.add(x, x, alpha=2), "add"),
    "branches on numbers": (lambda x: x if x.sum() > 0 else -x, "torch.fx can trace"),
    "loops over points": (lambda x: torch.stack(list(x)), "torch.fx can trace"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_operation_that_is_not_known_is_named(case: str) -> None:
    function, named = UNKNOWN[case]
    with pytest.raises(InvalidInput, match=named) as caught:
        network_from_torch(Endings(function, 4))
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)


def test_a_view_that_mixes_points_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"got 16"):
        network_from_torch(Endings(lambda x: x.view(-1, 8), 16))


def test_models_of_torchvision_are_read() -> None:
    models = pytest.importorskip("torchvision.models")
    model = models.mobilenet_v2(num_classes=4, width_mult=0.25)
    for module in model.modules():  # untrained, its outputs are next to 0
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.fill_(0.3)
    network = assert_same_function(model, 3, 64, 64)
    assert network.activation == "relu6"
    assert len(network.affine) == 53


@pytest.mark.parametrize("size", [32, 48, 224])
def test_a_vgg_is_read_for_every_size_of_image(size: int) -> None:
    vgg = pytest.importorskip("torchvision.models.vgg")
    widths = [2, 2, "M", 3, 3, "M", 4, 4, 4, "M", 4, 4, 4, "M", 4, 4, 4, "M"]  # VGG16, narrow
    model = vgg.VGG(vgg.make_layers(widths, batch_norm=size == 48), num_classes=3, init_weights=False)
    model.classifier[0], model.classifier[3] = nn.Linear(4 * 49, 8), nn.Linear(8, 6)
    model.classifier[6] = nn.Linear(6, 3)
    network = assert_same_function(model, 3, size, size)
    assert len(network.affine) == 16
    assert Pool("average", outputs=(7, 7)) in network.steps
    written = network_to_torch(network)
    points = np.random.default_rng(0).normal(size=(2, 3, size, size))
    with torch.no_grad():
        expected = model.double().eval()(torch.from_numpy(points)).numpy()
        np.testing.assert_allclose(written(torch.from_numpy(points)).numpy(), expected, rtol=1e-11, atol=1e-13)
