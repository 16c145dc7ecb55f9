"""Architecture tables against published parameter counts and against the rule that layers must chain."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import ARCHITECTURES, LayerShape, architecture


def weights(name: str, **options: object) -> int:
    return sum(layer.weights for layer in architecture(name, **options))


def normalised_channels(stages: list[tuple[int, int]], per_block: tuple[int, ...], shortcuts: int) -> int:
    """Channels that pass batch normalisation; ``per_block`` are multiples of a stage's width."""
    stem = stages[0][0]
    blocks = sum(width * sum(per_block) * repeats for width, repeats in stages)
    return stem + blocks + sum(width * per_block[-1] for width, _ in stages[len(stages) - shortcuts :])


# All trainable parameters, as the model zoos print them, less biases and the two numbers per normalised channel.
BASIC = normalised_channels([(64, 2), (128, 2), (256, 2), (512, 2)], (1, 1), shortcuts=3)
BOTTLENECK = normalised_channels([(64, 3), (128, 4), (256, 6), (512, 3)], (1, 1, 4), shortcuts=4)
SMALL = normalised_channels([(16, 3), (32, 3), (64, 3)], (1, 1), shortcuts=0)
VGG_CONVOLUTIONS = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512


@pytest.mark.parametrize(
    ("name", "layers", "expected"),
    [
        ("lenet-300-100", 3, 266_610 - 410),
        ("resnet18", 21, 11_173_962 - 2 * BASIC - 10),
        ("resnet18-imagenet", 21, 11_689_512 - 2 * BASIC - 1000),
        ("resnet20", 20, 269_722 - 2 * SMALL - 10),
        ("resnet50", 54, 23_520_842 - 2 * BOTTLENECK - 10),
        ("resnet50-imagenet", 54, 25_557_032 - 2 * BOTTLENECK - 1000),
        ("vgg16", 14, 14_715_584),
        ("vgg16-imagenet", 16, 138_357_544 - VGG_CONVOLUTIONS - 2 * 4096 - 1000),
    ],
)
def test_number_of_weights(name: str, layers: int, expected: int) -> None:
    assert len(architecture(name)) == layers
    assert weights(name) == expected


def test_torchvision_resnet18_has_the_known_number_of_weights() -> None:
    assert BASIC == 4800
    assert weights("resnet18-imagenet") == 11_678_912


def test_every_name_is_known_once() -> None:
    assert list(ARCHITECTURES) == sorted(set(ARCHITECTURES))
    for name in ARCHITECTURES:
        names = [layer.name for layer in architecture(name)]
        assert len(set(names)) == len(names)


def test_order_within_residual_blocks() -> None:
    assert [(layer.name, layer.shape) for layer in architecture("resnet18")[5:9]] == [
        ("layer2.0.conv1", (128, 64, 3, 3)),
        ("layer2.0.conv2", (128, 128, 3, 3)),
        ("layer2.0.downsample.0", (128, 64, 1, 1)),
        ("layer2.1.conv1", (128, 128, 3, 3)),
    ]
    assert [(layer.name, layer.shape) for layer in architecture("resnet50")[:6]] == [
        ("conv1", (64, 3, 3, 3)),
        ("layer1.0.conv1", (64, 64, 1, 1)),
        ("layer1.0.conv2", (64, 64, 3, 3)),
        ("layer1.0.conv3", (256, 64, 1, 1)),
        ("layer1.0.downsample.0", (256, 64, 1, 1)),
        ("layer1.1.conv1", (64, 256, 1, 1)),
    ]


def test_first_and_last_layers() -> None:
    for name in ("resnet18", "resnet50", "vgg16"):
        assert architecture(name)[0].shape == (64, 3, 3, 3)
        assert architecture(name)[-1].outputs == 10
    for name in ("resnet18-imagenet", "resnet50-imagenet"):
        assert architecture(name)[0].shape == (64, 3, 7, 7)
        assert architecture(name)[-1].outputs == 1000
    assert [layer.shape for layer in architecture("vgg16-imagenet")[-3:]] == [
        (4096, 512 * 7 * 7),
        (4096, 4096),
        (1000, 4096),
    ]


def test_vgg_names_are_those_of_the_normalised_modules() -> None:
    numbers = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
    assert [layer.name for layer in architecture("vgg16")] == [*(f"features.{n}" for n in numbers), "classifier"]
    assert [layer.name for layer in architecture("vgg16-imagenet")[-3:]] == [f"classifier.{n}" for n in (0, 3, 6)]


@given(
    st.sampled_from([name for name in ARCHITECTURES if name.startswith("resnet")]),
    st.fractions(Fraction(1, 100), 5),
    st.integers(1, 2000),
)
def test_residual_layers_chain_at_every_width(name: str, width: Fraction, classes: int) -> None:
    first, *layers, last = architecture(name, width=width, classes=classes)
    stream = block_input = first.outputs  # channels after the current block, and before it
    for layer in layers:
        if layer.name.endswith("conv1"):
            block_input = inside = stream
        if layer.name.endswith("downsample.0"):
            assert (layer.inputs, layer.outputs) == (block_input, stream)
            continue
        assert layer.inputs == inside
        inside = stream = layer.outputs
    assert last.shape == (classes, stream)


@given(st.fractions(Fraction(1, 100), 5), st.integers(1, 2000))
def test_vgg_layers_chain_at_every_width(width: Fraction, classes: int) -> None:
    for name, positions in (("vgg16", 1), ("vgg16-imagenet", 49)):
        layers = architecture(name, width=width, classes=classes)
        for below, above in pairwise(layers):
            flattened = positions if below.kernel and not above.kernel else 1
            assert above.inputs == below.outputs * flattened
        assert layers[-1].outputs == classes


@given(st.fractions(Fraction(1, 1000), 5))
def test_widths_are_rounded_to_the_nearest_halves_up(width: Fraction) -> None:
    nearest = max(1, math.floor(64 * width + Fraction(1, 2)))
    assert architecture("vgg16", width=width)[0].shape == (nearest, 3, 3, 3)
    assert architecture("resnet50", width=width)[3].shape == (4 * nearest, nearest, 1, 1)


def test_width_of_written_networks() -> None:
    assert [layer.shape for layer in architecture("7-5-3-2", width=0.5)] == [(3, 7), (2, 3), (2, 2)]
    assert [layer.shape for layer in architecture("7-5-3-2", width="1/10")] == [(1, 7), (1, 1), (2, 1)]
    assert [layer.shape for layer in architecture("7-5-3-2", classes=9, width=2)] == [(10, 7), (6, 10), (9, 6)]
    assert architecture("lenet-300-100") == architecture("784-300-100-10")
    assert [layer.name for layer in architecture("784-128-10")] == ["fc1", "fc2"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_quadrupled_weights_of_hidden_layers_at_double_width(name: str) -> None:
    pairs = list(zip(architecture(name), architecture(name, width=2), strict=True))
    assert all(wide.weights == 4 * layer.weights for layer, wide in pairs[1:-1])
    assert all(wide.weights == 2 * layer.weights for layer, wide in (pairs[0], pairs[-1]))


def test_properties_of_a_layer() -> None:
    layer = LayerShape("conv", (8, 4, 3, 5))
    assert (layer.outputs, layer.inputs, layer.kernel) == (8, 4, (3, 5))
    assert (layer.fan_in, layer.weights) == (60, 480)
    assert LayerShape("linear", (8, 4)).kernel == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.name = "other"  # type: ignore[misc]


def test_sizes_from_arrays_become_plain_integers() -> None:
    layer = LayerShape("fc", (np.int64(3), np.int32(2)))
    assert all(type(size) is int for size in layer.shape)
    assert hash(layer) == hash(LayerShape("fc", (3, 2)))
    assert LayerShape("fc", [3, 2]) == LayerShape("fc", (3, 2))


@pytest.mark.parametrize(
    "shape", [(), (3,), (3, 0), (3, -1), (3, 2.0), (True, 2), (3, 10**15 + 1), ("3", "2"), 7, None]
)
def test_shapes_refused(shape: object) -> None:
    with pytest.raises(InvalidInput, match="shape of fc"):
        LayerShape("fc", shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [0, 3, 2.0, True, None])
def test_groups_refused(groups: object) -> None:
    with pytest.raises(InvalidInput, match="groups of conv"):
        LayerShape("conv", (8, 1, 3, 3), groups=groups)  # type: ignore[arg-type]


def test_a_convolution_of_one_channel_is_not_depthwise() -> None:
    assert not LayerShape("conv", (8, 1, 3, 3)).depthwise
    assert LayerShape("conv", (8, 1, 3, 3), groups=4).depthwise
    assert not LayerShape("conv", (8, 2, 3, 3), groups=4).depthwise


@pytest.mark.parametrize(
    "name", ["resnet", "ResNet18", "", "784", "784-", "784--10", "784-0-10", "7" * 9999 + "-1", None, ["vgg16"]]
)
def test_names_refused(name: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        architecture(name)  # type: ignore[arg-type]
    assert caught.value.argument == "model"
    assert len(str(caught.value)) <= 400


def test_an_unknown_name_is_answered_with_the_names() -> None:
    with pytest.raises(InvalidInput) as caught:
        architecture("alexnet")
    assert all(name in str(caught.value) for name in ARCHITECTURES)


@pytest.mark.parametrize("classes", [0, -1, 2.0, True, "10"])
@pytest.mark.parametrize("name", ["vgg16", "784-10"])
def test_classes_refused(name: str, classes: object) -> None:
    with pytest.raises(InvalidInput, match="classes: expected a whole number of at least 1"):
        architecture(name, classes=classes)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [0, -1, math.nan, math.inf, True, "wide", None, 1e300])
def test_widths_refused(width: object) -> None:
    with pytest.raises(InvalidInput, match=r"width|shape of conv1"):
        architecture("resnet18", width=width)  # type: ignore[arg-type]
