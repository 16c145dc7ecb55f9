"""Forms of the Erdos-Renyi ratio against their formulas, and densities of single layers."""

from __future__ import annotations

from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from ertheory.layerwise.architectures import LayerShape, architecture  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.ratios import allocate_sparsity, erdos_renyi  # noqa: E402

SIDES = st.integers(1, 40)
CONVOLUTIONS = st.lists(st.tuples(SIDES, SIDES, st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=6)
DENSITIES = st.fractions(Fraction(1, 100), 1)


def named(shapes):
    return [LayerShape(str(place), tuple(shape)) for place, shape in enumerate(shapes)]


@given(shapes=CONVOLUTIONS, density=DENSITIES, ratio=st.sampled_from(["er", "erk-power:0.5", "erk-power:2"]))
def test_densities_follow_the_score_and_spend_the_budget(shapes, density, ratio):
    layers = named(shapes)
    found = erdos_renyi(layers, density, ratio)
    total = sum(layer.weights for layer in layers)
    spent = sum(p * layer.weights for p, layer in zip(found, layers, strict=True))
    assert spent == pytest.approx(float(density) * total, rel=1e-9)
    scores = []
    for outputs, inputs, height, width in shapes:
        size = (outputs + inputs + height + width) / (outputs * inputs * height * width)
        scores.append((outputs + inputs) / (outputs * inputs) if ratio == "er" else size ** float(ratio[10:]))
    levels = [p / score for p, score in zip(found, scores, strict=True) if p < 1]
    assert all(level == pytest.approx(levels[0], rel=1e-9) for level in levels)
    for p, score in zip(found, scores, strict=True):  # what is full would be above 1 at the level of the others
        assert p < 1 or not levels or levels[0] * score >= 1 - 1e-9


@given(shapes=CONVOLUTIONS, density=DENSITIES)
def test_powers_one_and_zero_are_known_ratios(shapes, density):
    layers = named(shapes)
    for ratio, known in (("erk-power:1", "erk"), ("erk-power:0", "uniform")):
        wanted = layer_densities(layers, density, known).densities
        assert erdos_renyi(layers, density, ratio) == pytest.approx(wanted, rel=1e-9)


def test_without_kernels_the_plain_ratio_is_erk_and_in_networks_it_is_another():
    shapes = ((300, 784), (100, 300), (10, 100))
    wanted = layer_densities(shapes, "0.1", "erk").densities
    assert erdos_renyi(named(shapes), Fraction(1, 10), "er") == pytest.approx(wanted)
    layers = architecture("resnet18")
    others = layer_densities(layers, "0.1", "erk").densities
    assert (
        max(abs(one - other) for one, other in zip(erdos_renyi(layers, Fraction(1, 10), "er"), others, strict=True))
        > 0.1
    )


def test_densities_of_single_layers_by_name_and_pattern():
    network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
    found = allocate_sparsity(network, "0.3", "layers:2=0.5,*=0.25")
    assert found.densities == (0.25, 0.5)
    assert found.density == Fraction(300, 900)
    assert allocate_sparsity(network, 1, "layers:0=0.5").densities == (1.0, 1.0)
    assert allocate_sparsity(network, "0.3", "layers:0=0.5").densities == (0.5, 1.0)
    for ratio, word in (("layers:3=0.5", "densities"), ("layers:0=2", "density of '0'"), ("layers:", "density of ''")):
        with pytest.raises(InvalidInput, match=word):
            allocate_sparsity(network, "0.3", ratio)


@pytest.mark.parametrize("ratio", ["erk-power:", "erk-power:x", "erk-power:-1", "erk-power:nan", "erk-power:11"])
def test_powers_outside_are_refused(ratio):
    with pytest.raises(InvalidInput, match=r"^ratio: expected erk-power:E"):
        Configuration(recipe="x", ratio=ratio)
