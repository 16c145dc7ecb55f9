"""What masked architectures contain of themselves: the reading of two layers as one map, and the numbers behind it."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest

import ertheory
from ertheory.bounds.factored.one_map import factored_map
from ertheory.bounds.factored.own_masks import own_masks_factor, own_masks_widening, paired_layers
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.verdict import universal_by
from ertheory.cli import main
from ertheory.errors import InvalidInput
from ertheory.layerwise import layer_densities
from ertheory.layerwise.architectures import ARCHITECTURES, architecture
from ertheory.masks import DrawnMask

DELTA = Fraction(1, 1000)
ERK = {"ratio": "erk", "failure_probability": DELTA}


@pytest.mark.parametrize("model", [*ARCHITECTURES, "20-30-40-30-5"])
def test_pairs_follow_one_another_and_do_not_overlap(model):
    layers = architecture(model)
    pairs = paired_layers(layers)
    numbers = [number for pair in pairs for number in pair]
    assert len(set(numbers)) == len(numbers)
    for first, second in pairs:
        assert second == first + 1
        assert layers[first].outputs == layers[second].inputs
        assert not any("downsample" in layers[number].name for number in (first, second))
    if model.startswith("resnet"):
        assert len(pairs) == sum(layer.name.endswith("conv1") for layer in layers) - 1  # all but the stem


def test_no_pair_of_vgg16_reaches_over_a_pooling():
    torch = pytest.importorskip("torch")
    from ertrain.models import build_model

    modules = dict(build_model("vgg16", inputs=(3, 32, 32), classes=10).named_modules())
    layers = architecture("vgg16")
    for first, second in paired_layers(layers):
        start, stop = (int(layers[number].name.split(".")[1]) for number in (first, second))
        between = [type(modules[f"features.{number}"]) for number in range(start + 1, stop)]
        assert between == [torch.nn.BatchNorm2d, torch.nn.ReLU]


@pytest.mark.parametrize("density", ["0.5", "0.2"])
def test_a_pair_of_fully_connected_layers_needs_the_width_of_a_factored_map(density):
    needed = factored_map(40, 6, densities=(density, density), failure_probability=DELTA).inner
    found = own_masks_widening("40-32-6", ratio="uniform", density=density, failure_probability=DELTA)
    assert needed > 32
    assert 32 * found >= needed > 32 * found * Fraction(31, 33)


def test_masks_of_the_network_hold_the_maps_of_the_answer():
    """Fails in less than one of a million cases where each network holds its maps with probability 0.95."""
    found = own_masks_factor("resnet20", ratio="erk", density="0.8", failure_probability=Fraction(1, 20))
    assert 0 < found.factor < 1
    smaller = architecture("resnet20", width=found.factor)
    chosen = found.pairs[0], found.pairs[3]  # the second one has stride 2
    missing = 0
    for seed in range(16):
        lacking = False
        for one, other in chosen:
            first, second = found.layers[one], found.layers[other]
            taps = math.prod(first.kernel)
            drawn = [
                DrawnMask((layer.outputs, layer.fan_in), found.densities[number], seed, number).to_csr().toarray()
                for number, layer in ((one, first), (other, second))
            ]
            # Columns: the taps of the channels that are used; rows: the middle taps of those that are written.
            inner = drawn[0][:, : smaller[one].inputs * taps]
            outer = drawn[1].reshape(second.outputs, second.inputs, taps)[: smaller[other].outputs, :, taps // 2]
            lacking |= universal_by(MaskPair(_csr(inner), _csr(outer))) is None
        missing += lacking
    assert missing < 8


def _csr(mask):
    from scipy.sparse import csr_array

    return csr_array(np.ascontiguousarray(mask))


@pytest.mark.parametrize("stride", [1, 2])
def test_two_convolutions_with_a_relu_between_are_one_map_with_its_borders(stride):
    """Taps in the first one and a bias that lifts; or in the second, and a first one of positive weights."""
    torch = pytest.importorskip("torch")
    stream = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=stream, dtype=torch.float64)  # noqa: E731
    conv, images, target = torch.nn.functional.conv2d, draw(5, 3, 8, 8).abs(), draw(4, 3, 3, 3)
    wanted = conv(images, target, stride=stride, padding=1)

    outer = draw(4, 9)
    inner = (torch.linalg.pinv(outer) @ target.flatten(1)).reshape(9, 3, 3, 3)
    between = conv(images, inner, stride=stride, padding=1)
    lift = -between.amin((0, 2, 3)) + 1
    taps = torch.zeros(4, 9, 3, 3, dtype=torch.float64)
    taps[:, :, 1, 1] = outer
    got = conv((between + lift[:, None, None]).relu(), outer[:, :, None, None], bias=-outer @ lift)
    torch.testing.assert_close(got, wanted)
    same = conv((between + lift[:, None, None]).relu(), taps, bias=-outer @ lift, padding=1)
    torch.testing.assert_close(same, wanted)

    first = draw(5, 3).abs()
    last = torch.einsum("oixy,ik->okxy", target, torch.linalg.pinv(first))
    hidden = conv(images, first[:, :, None, None])
    torch.testing.assert_close(conv(hidden.relu(), last, stride=stride, padding=1), wanted)


def test_a_convolution_in_a_shortcut_is_part_of_the_map_of_a_basic_block():
    torch = pytest.importorskip("torch")
    stream = torch.Generator().manual_seed(1)
    images, target, shortcut = (torch.randn(*shape, generator=stream) for shape in ((2, 3, 8, 8), (4, 3, 3, 3), (4, 3)))
    conv, both = torch.nn.functional.conv2d, target.clone()
    both[:, :, 1, 1] += shortcut
    summed = conv(images, target, stride=2, padding=1) + conv(images, shortcut[:, :, None, None], stride=2)
    torch.testing.assert_close(conv(images, both, stride=2, padding=1), summed, rtol=1e-4, atol=1e-4)


def test_more_is_contained_in_denser_and_wider_masks_and_less_with_more_certainty():
    factors = [own_masks_factor("vgg16", density=density, **ERK).factor for density in ("0.4", "0.5", "0.7", "1")]
    assert factors == sorted(factors)
    assert factors[-1] == 1
    wider = own_masks_factor("vgg16", density="0.4", width=2, **ERK).factor
    certain = own_masks_factor("vgg16", density="0.5", ratio="erk", failure_probability="1e-9").factor
    assert wider > factors[0] > 0
    assert certain < factors[1]
    assert own_masks_widening("vgg16", density="1", **ERK) == 1
    least = own_masks_widening("vgg16", density="0.5", **ERK)
    half = own_masks_factor("vgg16", density="0.5", width=least, **ERK)
    assert half.factor >= 1 / least - Fraction(1, 256)


def test_what_is_contained_is_smaller_and_keeps_inputs_and_outputs():
    found = own_masks_factor("resnet50", density="0.6", **ERK)
    assert found.failure <= DELTA
    assert found.target[0].name == "conv1"
    assert len(found.target) == len(found.layers) - len(found.pairs)
    assert {"conv1", "layer1.0.conv3", "layer1.0.downsample.0", "fc"} <= set(found.alone)
    names = {layer.name: layer for layer in found.target}
    assert names["layer3.1.conv1"].kernel == (3, 3)
    inner = {layer.name: layer.outputs for layer in architecture("resnet50", width=found.factor)}
    assert names["layer3.1.conv1"].outputs == inner["layer3.1.conv2"]
    spent = layer_densities(architecture("resnet50"), "0.6", "erk")
    assert float(found.edges_expected) == pytest.approx(spent.density_realised * spent.weights)
    none = own_masks_factor("vgg16", density="0.01", **ERK)
    assert (none.factor, none.target, none.failure) == (0, (), 1)


def test_a_layer_without_edges_holds_nothing_at_any_width():
    assert own_masks_widening("resnet18", ratio="pyramidal", density="0.01", failure_probability=DELTA) is None
    assert own_masks_factor("784-10", ratio="uniform", density="0.1", failure_probability=DELTA).factor == 1  # alone


def test_the_command_and_its_bad_input(capsys):
    words = ["capacity", "--model", "vgg16", "--density", "0.5", "--delta", "0.001"]
    assert main([*words, "--ratio", "all", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = {row["ratio"]: row for row in document["results"]}
    assert document["inputs"]["density"] == ["0.5"]
    assert set(rows) == set(ertheory.RATIOS)
    for name, row in rows.items():
        found = own_masks_factor("vgg16", ratio=name, density="0.5", failure_probability=DELTA)
        assert (Fraction(row["width_factor"]), row["applies"]) == (found.factor, True)
        assert row["targets"][0][-1] == 10
        assert len(row["densities"]) == len(row["source"]) - 1 == 14
    assert main([*words, "--ratio", "all"]) == 0
    shown = capsys.readouterr().out
    assert "vgg16 x 0.3828" in shown
    assert shown.count("Conditions:") == shown.count("factored sources (ours)") == 1
    assert main([*words[:4], "0.05", *words[5:], "--ratio", "erk", "--explain"]) == 0
    assert "not even one channel" in capsys.readouterr().out
    for change, said in (
        ([*words, "--ratio", "best"], "--ratio"),
        ([*words, "--ratio", "erk", "--edges", "7"], "--edges: expected no --ratio beside it"),
        (["capacity", "--source", "4-9-2", *words[3:], "--ratio", "erk"], "--ratio: expected --model to go with it"),
    ):
        assert main(change) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="ratio"):
        ertheory.capacity(model="vgg16", density="0.1", delta="0.001", ratio="best")
