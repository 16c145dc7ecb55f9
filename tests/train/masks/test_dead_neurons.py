"""Dead neurons in networks of every kind: none without masks, those of the graph with them, or a refusal."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402
from torch.autograd import forward_ad  # noqa: E402
from torch.nn import functional  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import maskable  # noqa: E402
from ertrain.masks import attach_masks, dead_neurons, layer_shapes, masks_of  # noqa: E402
from ertrain.masks.uses import Uses  # noqa: E402

NORMS = {
    "layer": lambda: nn.GroupNorm(1, 6), "group": lambda: nn.GroupNorm(3, 6), "batch": lambda: nn.BatchNorm2d(6),
    "instance": lambda: nn.InstanceNorm2d(6, affine=True),
}  # fmt: skip


def small(norm):
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), norm, nn.ReLU6(), nn.MaxPool2d(3, 2, 1, dilation=2, ceil_mode=True), nn.Conv2d(6, 6, 3),
        nn.GELU(), nn.MaxPool2d(2, ceil_mode=True), nn.Flatten(), nn.LazyLinear(5), nn.LogSoftmax(1),
    )  # fmt: skip


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(32, 4), nn.Linear(4, 4)

    def forward(self, inputs):
        hidden = functional.hardswish(self.body(inputs))
        return {"logits": self.head(hidden), "aside": [hidden.argmax()]}


class Gated(nn.Module):
    """Blocks that multiply what they are given by gates, in each of the ways in which that can be written."""

    def __init__(self, depth):
        super().__init__()
        self.first, self.gates = nn.Conv2d(3, 4, 3), nn.ModuleList(nn.Linear(4, 4) for _ in range(depth))

    def forward(self, inputs):
        hidden = self.first(inputs).mean((2, 3))
        for place, gate in enumerate(self.gates):
            opened = gate(hidden).sigmoid()
            if place % 4 == 0:
                hidden = hidden * opened
            elif place % 4 == 1:
                hidden = torch.einsum("bi,bi->bi", hidden, opened)
            elif place % 4 == 2:
                hidden = torch.matmul(hidden[:, :, None], opened[:, None]).mean(1) + hidden
            else:
                hidden = hidden.clone()
                hidden *= opened
        return hidden


MODELS = {
    **{name: lambda make=make: small(make()) for name, make in NORMS.items()},
    "mobilenet": lambda: torchvision.models.mobilenet_v2(width_mult=0.25, num_classes=5),
    "convnext": lambda: torchvision.models.ConvNeXt([torchvision.models.convnext.CNBlockConfig(8, None, 2)]),
    "vit": lambda: torchvision.models.VisionTransformer(32, 8, 2, 4, 16, 24, num_classes=5),
    "swin": lambda: torchvision.models.SwinTransformer([4, 4], 8, [2, 2], [2, 4], [4, 4], num_classes=5),
    "dictionary": Named,
    # So deep that the values of products, of queries and keys or of gates, would leave the range of doubles.
    "deep-vit": lambda: torchvision.models.VisionTransformer(32, 8, 16, 4, 16, 24, num_classes=5),
    "deep-swin": lambda: torchvision.models.SwinTransformer([4, 4], 8, [6, 6], [2, 4], [4, 4], num_classes=5),
    "gated": lambda: Gated(24),
}


def made(name):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, 32, 32))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_a_dense_network_has_no_dead_neuron(name):
    model = made(name)
    layers = dead_neurons(model, (3, 32, 32))
    assert [layer.name for layer in layers] == [layer.name for layer in layer_shapes(model)]
    assert sum(layer.dead for layer in layers) == 0


@pytest.mark.parametrize("name", MODELS)
def test_a_neuron_without_weights_is_dead_and_its_readers_are_told(name):
    model = made(name)
    shapes = layer_shapes(model)
    masks = {layer.name: torch.ones(layer.shape, dtype=torch.bool) for layer in shapes}
    for mask in masks.values():
        mask[0] = False
    attach_masks(model, masks)
    layers = {layer.name: layer for layer in dead_neurons(model, (3, 32, 32))}
    assert all(layer.without_weights == 1 for layer in layers.values())
    assert all(layer.without_input >= 1 for layer in layers.values())
    # Nothing is left of a layer through which all paths go, so nothing of the others either.
    first = next(iter(masks))
    attach_masks(model, {first: torch.zeros_like(masks[first])})
    layers = dead_neurons(model, (3, 32, 32))
    assert all(layer.dead == layer.neurons for layer in layers)
    assert int(masks_of(model)[first].sum()) == 0


@pytest.mark.parametrize(
    ("padding", "stride", "dilation", "ceil"), [(0, 2, 1, True), (1, 2, 2, True), (1, 3, 1, False)]
)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pooling_reaches_what_its_maxima_reach(axes, padding, stride, dilation, ceil):
    from ertrain.masks.positive import INSTEAD

    maximum = getattr(functional, f"max_pool{axes}d")
    for place in range(7):
        given = torch.zeros(1, 1, *(7,) * axes, dtype=torch.float64)
        given[(0, 0, *(place,) * axes)] = 1
        options = (3, stride, padding, dilation, ceil)
        assert (INSTEAD[maximum](given, *options) > 0).equal(maximum(given, *options) > 0)


def test_a_product_needs_both_of_its_factors():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right, self.out = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, inputs):
            return self.out(self.left(inputs) * self.right(inputs))

    model = Product()
    mask = torch.ones(4, 3, dtype=torch.bool)
    mask[1] = False
    attach_masks(model, {"right": mask})
    left, right, out = dead_neurons(model, (3,))
    assert (left.without_input, left.without_output, left.dead) == (0, 1, 1)
    assert (right.without_weights, right.without_input, right.without_output, right.dead) == (1, 1, 0, 1)
    assert out.dead == 0


class Between(nn.Module):
    """Two layers, and a gate, with something between them."""

    def __init__(self, between):
        super().__init__()
        self.first, self.gate, self.last, self.between = nn.Linear(6, 5), nn.Linear(6, 5), nn.Linear(5, 3), between

    def forward(self, inputs):
        return self.last(self.between(self.first(inputs), self.gate(inputs)))


class Recurrent(nn.Module):
    def __init__(self, kind, **how):
        super().__init__()
        self.memory, self.out = kind(3, 5, batch_first=True, **how), nn.Linear(5, 2)

    def forward(self, inputs):
        return self.out(self.memory(inputs.reshape(-1, 2, 3))[0][:, -1])


PATHS = {
    "gate": lambda: Between(lambda one, other: one.tanh() * other.sigmoid()),
    "softplus": lambda: Between(lambda one, other: functional.softplus(one) * other),
    "centred": lambda: Between(lambda one, other: one - one.mean(1, keepdim=True) - other),
    "turned": lambda: Between(lambda one, other: (1 - one) * 2 + -other),
    "quotient": lambda: Between(lambda one, other: one / (1 + other * other).sqrt()),
    "root mean square": lambda: Between(lambda one, other: one * (one.pow(2) + 1).mean(1, True).rsqrt() + other),
    "GRU": lambda: maskable(Recurrent(nn.GRU)),
    "LSTM": lambda: maskable(Recurrent(nn.LSTM)),
    "two layers": lambda: maskable(Recurrent(nn.GRU, num_layers=2)),
}


def dead_by_derivatives(model, inputs):
    """Count the neurons of every layer with which outputs, at random weights, do not move, or which inputs do not move.

    With biases of 0, and where functions are smooth and numbers random, a derivative is 0 where no path leads alone.
    """
    model = copy.deepcopy(model).double()
    for name, parameter in model.named_parameters():
        parameter.data.normal_() if name.endswith("weight") else parameter.data.zero_()
    seen, rises = [], []
    point, along = torch.randn(1, *inputs).double(), torch.randn(1, *inputs).double()
    with Uses(model, lambda name, result, axis: (result.retain_grad(), seen.append((name, result)))):
        given = model(point).flatten()
        (given @ torch.randn(len(given)).double()).backward()
    with torch.no_grad(), forward_ad.dual_level():
        with Uses(model, lambda name, result, axis: rises.append(forward_ad.unpack_dual(result).tangent)):
            model(forward_ad.make_dual(point, along))
    lives = {}
    for (name, result), rise in zip(seen, rises, strict=True):
        slopes = (torch.zeros_like(result) if one is None else one for one in (rise, result.grad))
        moved, leads = (one.reshape(-1, one.shape[-1]).ne(0).any(0) for one in slopes)
        before = lives.get(name, (False, False))
        lives[name] = before[0] | moved, before[1] | leads
    return {name: int((~(moved & leads)).sum()) for name, (moved, leads) in lives.items()}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of derivatives forwards
@pytest.mark.parametrize("name", PATHS)
def test_neurons_are_dead_where_no_derivative_passes(name):
    torch.manual_seed(0)
    model, found = PATHS[name](), []
    assert [layer.dead for layer in dead_neurons(model, (6,))] == [0] * len(layer_shapes(model))
    for _ in range(5):
        attach_masks(model, {layer.name: torch.rand(layer.shape) < 0.3 for layer in layer_shapes(model)})
        layers = {layer.name: layer.dead for layer in dead_neurons(model, (6,))}
        assert layers == dead_by_derivatives(model, (6,))
        found.append(sum(layers.values()))
    assert max(found) > 0


# Functions that hand their derivative to one of several numbers, or turn it around, and others with the same paths.
SAME_PATHS = {
    "larger": (torch.maximum, torch.add),
    "smaller": (lambda one, other: one.min(other), torch.add),
    "largest": (lambda one, other: torch.stack([one, other]).amax(0), torch.add),
    "with places": (lambda one, other: torch.stack([one, other], 2).max(2, keepdim=True)[0].flatten(1), torch.add),
    "of all": (lambda one, other: one.max() + other, lambda one, other: one.mean() + other),
    "adaptive": (lambda one, other: nn.AdaptiveMaxPool1d(5)(torch.stack([one, other], 1)).sum(1), torch.add),
    "sine": (lambda one, other: (30 * one).sin() + other, torch.add),
    "cut off": (lambda one, other: one.clamp(-1, max=0.5) + torch.clip(other, max=1), torch.add),
    "cosine": (
        lambda one, other: functional.cosine_similarity(one, other)[:, None] + one,
        lambda one, other: (one * other).mean() + one,
    ),
    "spread": (lambda one, other: one / one.std(1, keepdim=True) * other, lambda one, other: one * one.mean() * other),
    "variance": (
        lambda one, other: one / torch.var(one, 1, False) + other,
        lambda one, other: one * one.mean() + other,
    ),
}


@pytest.mark.parametrize("name", SAME_PATHS)
def test_what_chooses_among_numbers_has_the_paths_of_all_of_them(name):
    torch.manual_seed(0)
    (model, other), dead = map(Between, SAME_PATHS[name]), 0
    for _ in range(5):
        masks = {layer.name: torch.rand(layer.shape) < 0.3 for layer in layer_shapes(model)}
        for one in (model, other):
            attach_masks(one, masks)
        found = dead_neurons(model, (6,))
        assert found == dead_neurons(other, (6,))
        dead += sum(layer.dead for layer in found)
    assert dead > 0


def test_paths_that_depend_on_the_numbers_are_refused():
    model = Between(lambda one, other: (one + 0.5).lgamma() + other)  # it falls up to 1.46, and rises from there on
    halves, others = (torch.arange(6) % 2 == 0).repeat(5, 1), torch.ones(5, 6, dtype=torch.bool)
    others[0] = False
    attach_masks(model, {"first": halves, "gate": others})
    with pytest.raises(InvalidInput, match=r"^module: .*layer 'first', whose dead neurons change with the weights"):
        dead_neurons(model, (6,))


def test_what_cannot_be_followed_is_refused():
    for between in (lambda one, other: one.cos() + other, lambda one, other: one.round() + other):
        with pytest.raises(InvalidInput, match=r"^module: .*dead neurons though it is dense"):
            dead_neurons(Between(between), (6,))
    with pytest.raises(InvalidInput, match=r"^module: .*got 'sort'"):
        dead_neurons(Between(lambda one, other: one.sort(1).values + other), (6,))
    with pytest.raises(InvalidInput, match=r"^module: .*; ertrain\.maskable\(model\) makes linear layers"):
        dead_neurons(Recurrent(nn.GRU), (6,))
