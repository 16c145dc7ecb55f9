"""Factored networks: shapes that contain, maps that are those of the given network, starts that keep signals."""

from __future__ import annotations

from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertheory.bounds import width  # noqa: E402
from ertheory.bounds.factored import factored_design, shapes_of_model  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from ertheory.networks import Target  # noqa: E402
from ertrain import attach_masks, draw_masks, layer_shapes  # noqa: E402
from ertrain.models import FactoredLayer, build_model, factor_model, initialise  # noqa: E402
from ertrain.models.factored import linear_layers  # noqa: E402

MODELS = {
    "lenet-300-100": ((1, 28, 28), "1"),
    "resnet18": ((3, 32, 32), "1/8"),
    "resnet20": ((1, 8, 8), "1/2"),
    "resnet50": ((3, 32, 32), "1/8"),
    "transformer": ((2, 11), "1/8"),
    "vgg16": ((3, 32, 32), "1/8"),
    "wrn-22-2": ((3, 32, 32), "1/8"),
    "encoder-decoder": ((2, 11), "1"),
}


def built(name: str) -> nn.Module:
    inputs, factor = MODELS[name]
    return build_model(name, inputs=inputs, classes=10, width=factor)


def layer_pairs(model: nn.Module) -> dict[str, FactoredLayer]:
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, FactoredLayer)}


@pytest.mark.parametrize("factors", [2, 3])
@pytest.mark.parametrize("density", ["1/2", "1/10"])
def test_widths_are_those_of_the_statement(factors, density):
    target = Target.from_text("784-128-10")
    stated = width(target, density=density, failure_probability="0.001", method="factored", factors=factors)
    model = factor_model(build_model("mlp-128", inputs=(1, 28, 28), classes=10), density=density, factors=factors)
    assert tuple(layer.shape[0] for layer in layer_shapes(model)) == stated.widths


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_factored_and_the_rest_stays(name):
    plain, model = built(name), factor_model(built(name), density="1/2")
    pairs = layer_pairs(model)
    assert list(pairs) == [layer.name for layer in layer_shapes(plain)]
    for layer in layer_shapes(plain):
        given, pair = plain.get_submodule(layer.name), pairs[layer.name]
        assert pair.inner.bias is None
        assert (pair.outer.bias is None) == (given.bias is None)
        assert pair.inner.weight.shape[1] == layer.shape[1]
        assert pair.outer.weight.shape[0] == layer.shape[0]
    inputs, _ = MODELS[name]
    batch = torch.rand(3, *inputs)
    assert model.eval()(batch).shape == plain.eval()(batch).shape
    others = {key for key in plain.state_dict() if key.rpartition(".")[0] not in pairs}
    assert others <= set(model.state_dict())


def test_only_convolutions_of_several_channels_are_depthwise():
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 16, 3, groups=8))
    shapes = shapes_of_model(layer_shapes(network))
    assert [shape.dense for shape in shapes] == [False, True, True]
    assert not shapes_of_model(layer_shapes(nn.Conv2d(1, 1, 3)))[0].dense
    design = factored_design(shapes, densities=["1/2"], failure_probability="0.001")
    assert [one.name for one in design.maps] == ["0"]
    with pytest.raises(InvalidInput, match="groups of 0"):
        shapes_of_model(layer_shapes(nn.Sequential(nn.Conv2d(8, 8, 3, groups=4))))


@pytest.mark.parametrize("form", ["spatial-first", "spatial-last"])
def test_a_pair_computes_the_convolution_of_its_product(form):
    """Where the taps are in one factor, the product of the two is the kernel of one convolution."""
    size = (3, 40) if form == "spatial-first" else (40, 3)
    given = nn.Conv2d(*size, 3, stride=2, padding=1, dilation=2)
    pair = factor_model(given, density="1/2").double()
    taps_first = pair.inner.kernel_size == (3, 3)
    assert taps_first == (form == "spatial-first")
    inner, outer = pair.inner.weight, pair.outer.weight
    if taps_first:
        product = torch.einsum("mk,kncd->mncd", outer[:, :, 0, 0], inner)
    else:
        product = torch.einsum("mkcd,kn->mncd", outer, inner[:, :, 0, 0])
    images = torch.rand(2, size[0], 9, 9, dtype=torch.float64)
    whole = nn.functional.conv2d(images, product, pair.outer.bias, stride=2, padding=1, dilation=2)
    torch.testing.assert_close(pair(images), whole)


def test_frozen_outer_factors_are_the_dual_ones_and_are_not_trained():
    model = factor_model(build_model("mlp-20", inputs=(1, 6, 6), classes=5), density="1/2", outer="frozen")
    trained = factor_model(build_model("mlp-20", inputs=(1, 6, 6), classes=5), density="1/2")
    for name, pair in layer_pairs(model).items():
        assert not pair.outer.weight.requires_grad
        assert pair.outer.bias.requires_grad
        assert pair.inner.weight.requires_grad
        assert len(pair.inner.weight) >= len(layer_pairs(trained)[name].inner.weight)


@pytest.mark.parametrize("name", ["lenet-300-100", "vgg16", "transformer"])
@pytest.mark.parametrize("start", ["sparse", "sparse-neuron", "kaiming"])
def test_starts_keep_signals_as_the_plain_network_does(name, start):
    """The outputs of every factored layer spread as those of the plain dense layer, on the same inputs.

    Within a factor 2 for starts that know the mask: the mean square over hundreds of outputs and 64 inputs has a
    standard deviation of a few per cent. Starts that do not know it lose a factor of 4 in two masks of density 1/2.
    """
    plain, model = built(name), factor_model(built(name), density="1/2")
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), "1/2", "uniform"), seed=3))
    generator = torch.Generator().manual_seed(5)
    for network in (plain, model):
        initialise(network, "sparse" if network is plain else start, generator)
    ratios = []
    for layer in layer_shapes(plain):
        if layer.outputs < 20:
            continue
        given, pair = plain.get_submodule(layer.name), model.get_submodule(layer.name)
        shape = (64, layer.shape[1], 8, 8) if len(layer.shape) == 4 else (64, layer.shape[1])
        values = torch.randn(shape, generator=generator)
        with torch.no_grad():
            ratios.append(float(pair(values).square().mean() / given(values).square().mean()))
    if start == "kaiming":
        assert all(0.15 < ratio < 0.4 for ratio in ratios)
    else:
        assert all(0.5 < ratio < 2 for ratio in ratios)
    assert ratios


def test_names_of_linear_layers_are_those_before_the_last_factor():
    model = factor_model(build_model("mlp-4", inputs=(1, 2, 2), classes=2), density="1/2", factors=3)
    assert linear_layers(model) == {"fc1.inner", "fc1.middle", "fc2.inner", "fc2.middle"}
    assert linear_layers(build_model("mlp-4", inputs=(1, 2, 2), classes=2)) == set()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"density": "0"}, "density: expected"),
        ({"factors": 4}, "factors: expected 2 or 3"),
        ({"outer": "drawn"}, "outer: expected one of frozen, trained"),
        ({"outer": "frozen", "factors": 3}, "outer: expected trained with three factors"),
        ({"failure_probability": 1}, "failure_probability: expected"),
    ],
)
def test_bad_arguments_are_one_line(changed, message):
    with pytest.raises(InvalidInput, match=message):
        factor_model(nn.Sequential(nn.Linear(3, 2)), **{"density": "1/2", **changed})


def test_layers_that_cannot_be_factored_are_named():
    grouped = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2))
    with pytest.raises(InvalidInput, match="layer '0': expected a plain linear layer or convolution"):
        factor_model(grouped, density="1/2")
    tied = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    tied[2].weight = tied[0].weight
    with pytest.raises(InvalidInput, match=r"layer '0': .*tied"):
        factor_model(tied, density="1/2")
    assert isinstance(tied[0], nn.Linear)
    spoken = nn.ModuleDict({"embedding": nn.Embedding(5, 3), "head": nn.Linear(3, 5)})
    spoken["head"].weight = spoken["embedding"].weight
    with pytest.raises(InvalidInput, match=r"layer 'head': .*tied"):
        factor_model(spoken, density="1/2")
    with pytest.raises(InvalidInput, match=r"layer 'self_attn.out_proj': .*attention"):
        factor_model(nn.TransformerEncoderLayer(8, 2), density="1/2")
    masked = nn.Sequential(nn.Linear(3, 2))
    attach_masks(masked, {"0": torch.ones(2, 3, dtype=torch.bool)})
    with pytest.raises(InvalidInput, match="no masks"):
        factor_model(masked, density="1/2")


def test_expected_edges_are_those_of_the_statement():
    model = factor_model(build_model("mlp-128", inputs=(1, 28, 28), classes=10), density="1/10")
    stated = width(Target.from_text("784-128-10"), density="1/10", failure_probability="0.001", method="factored")
    assert sum(layer.weights for layer in layer_shapes(model)) * Fraction(1, 10) == stated.edges_expected
