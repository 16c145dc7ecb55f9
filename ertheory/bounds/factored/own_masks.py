"""What a randomly masked network contains of its own architecture, where two of its layers are read as one map.

Between two layers of VGG16, or of a residual block, stand a normalisation and a ReLU. A bias lifts what the first layer
gives above 0, where the ReLU does nothing, and the second takes it off again; then the two are one map, and
`ertheory.bounds.factored` says when their masks hold every such map of given sizes. So the network contains every
network whose layers are those maps, its widths times some factor: the first channels of each layer are used. Layers
without a partner stay as they are: the target has them with the very masks that they have.

Which layers are pairs: in a fully connected network the first and the second, and so on; in VGG16 likewise within each
group, as a pooling of largest values is not linear; in a residual block the first and the second, around which the
shortcut stays. A convolution in a shortcut adds to the middle tap of a map that the pair of a basic block holds anyway.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.factored.inner import ways
from ertheory.bounds.factored.least import ORIENTATIONS, Densities, Orientation, map_failure
from ertheory.bounds.factored.one_map import FORMS, Form
from ertheory.layerwise import layer_densities
from ertheory.layerwise.architectures import LayerShape, architecture
from ertheory.numbers import Rational, exact_rational, probability

__all__ = ["OwnMasks", "own_masks_factor", "own_masks_widening", "paired_layers"]

_PARTS = 512  # factors are multiples of its inverse: one channel of the widest layers
_WIDEST = 2**12  # times as wide
_UNITS = 32  # of the larger factors, in a power of two


@dataclass(frozen=True)
class OwnMasks:
    """A randomly masked network, and the part of its architecture that is certainly in it.

    Parameters
    ----------
    factor
        What is contained has the widths of the network times this number; 0 where not even one channel a layer is
        certain.
    layers, densities
        They are those of the network and its masks, first layer first.
    pairs
        Which of the layers are read as one map, as (first, second).
    target
        The layers of what is contained: one for each pair, and those that stand alone.
    failure
        An upper bound on the probability that not all such networks are contained; 1 where the factor is 0.
    """

    factor: Fraction
    layers: tuple[LayerShape, ...]
    densities: tuple[Fraction, ...]
    pairs: tuple[tuple[int, int], ...]
    target: tuple[LayerShape, ...]
    failure: Fraction

    @property
    def alone(self) -> tuple[str, ...]:
        """The names of the layers without a partner; shortcuts of basic blocks are part of a pair."""
        paired = {number for pair in self.pairs for number in pair}
        bottlenecks = any(layer.name.endswith("conv3") for layer in self.layers)
        rest = (layer.name for number, layer in enumerate(self.layers) if number not in paired)
        return tuple(name for name in rest if bottlenecks or "downsample" not in name)

    @property
    def edges_expected(self) -> Fraction:
        """Expected number of kept weights of the network."""
        pairs = zip(self.layers, self.densities, strict=True)
        return sum((density * layer.weights for layer, density in pairs), Fraction(0))


def paired_layers(layers: Sequence[LayerShape]) -> tuple[tuple[int, int], ...]:
    """Say which layers of an architecture are read as one map, by their numbers.

    Examples
    --------
    >>> paired_layers(architecture("vgg16"))
    ((0, 1), (2, 3), (4, 5), (7, 8), (10, 11))
    >>> [architecture("resnet50")[number].name for number in paired_layers(architecture("resnet50"))[0]]
    ['layer1.0.conv1', 'layer1.0.conv2']
    """
    pairs: list[tuple[int, int]] = []
    for number in range(len(layers) - 1):
        taken = bool(pairs) and pairs[-1][1] == number
        if not taken and _adjacent(layers[number].name, layers[number + 1].name):
            pairs.append((number, number + 1))
    return tuple(pairs)


def own_masks_factor(
    model: str,
    *,
    ratio: str,
    density: Rational,
    failure_probability: Rational,
    width: Rational = 1,
    progress: Callable[[], object] | None = None,
) -> OwnMasks:
    """Find the largest factor on the widths of a masked network with which it contains its own architecture.

    Parameters
    ----------
    model
        It is as for `ertheory.layerwise.architectures.architecture`.
    ratio, density
        The layer-wise ratio and the overall density, as for `ertheory.layerwise.layer_densities`.
    failure_probability
        The number delta in (0, 1).
    width
        Factor on the widths of the masked network itself.
    progress
        It is called after each factor that was looked at.

    Returns
    -------
    OwnMasks
        It has the largest multiple of 1/512, at most 1, that bisection finds.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Notes
    -----
    The theorems of `ertheory.bounds.factored`, pair by pair, with the densities of both layers; the union bound adds
    their failures. Inputs are from a bounded set, so that a bias can lift what the first layer gives. Where the second
    layer alone has taps, zeros are padded to what it reads and no bias may be used: its inputs must not be negative
    then, and the first layer is drawn with positive weights. A mixed theorem's bound may jump, so that a larger factor
    might be certified too.

    Examples
    --------
    >>> found = own_masks_factor("vgg16", ratio="uniform", density="0.5", failure_probability="0.001")
    >>> found.factor, found.failure <= Fraction(1, 1000)
    (Fraction(131, 512), True)
    """
    delta, own = probability("failure_probability", failure_probability), exact_rational("width", width)
    layers = architecture(model, width=own)
    densities = _densities(layers, density, ratio)
    found: list[tuple[int, Fraction]] = [(0, Fraction(1))]

    def holds(parts: int) -> bool:
        failure = _all_failures(layers, densities, architecture(model, width=own * Fraction(parts, _PARTS)), delta)
        if progress is not None:
            progress()
        if failure <= delta:
            found.append((parts, failure))
        return failure <= delta

    pairs = paired_layers(layers)
    low, high = (_PARTS, _PARTS) if not pairs or holds(_PARTS) else (0, _PARTS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    parts, failure = found[-1] if pairs else (_PARTS, Fraction(0))
    factor = Fraction(parts, _PARTS)
    target = _merged(architecture(model, width=own * factor), pairs) if parts else ()
    return OwnMasks(factor, layers, densities, pairs, target, failure)


def own_masks_widening(
    model: str,
    *,
    ratio: str,
    density: Rational,
    failure_probability: Rational,
    width: Rational = 1,
    progress: Callable[[], object] | None = None,
) -> Fraction | None:
    """Find how many times as wide a masked network has to be to contain its own architecture at its own widths.

    Parameters
    ----------
    model, ratio, density, failure_probability, width, progress
        They are as for `own_masks_factor`.

    Returns
    -------
    fractions.Fraction or None
        A number of at least 1 that is enough, and up to one part in 32 the least that bisection finds; None if 4,096
        are not enough.

    Notes
    -----
    The wider network has the same ratio and overall density; densities of its layers follow from its own widths.

    Examples
    --------
    >>> own_masks_widening("vgg16", ratio="uniform", density="0.5", failure_probability="0.001")
    Fraction(17, 8)
    """
    delta, own = probability("failure_probability", failure_probability), exact_rational("width", width)
    target = architecture(model, width=own)

    def holds(factor: Fraction) -> bool:
        layers = architecture(model, width=own * factor)
        failure = _all_failures(layers, _densities(layers, density, ratio), target, delta)
        if progress is not None:
            progress()
        return failure <= delta

    high = Fraction(1)
    while not holds(high):
        high *= 2
        if high > _WIDEST:
            return None
    low, step = high / 2, high / (2 * _UNITS)
    while high > 1 and high - low > step:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _densities(layers: Sequence[LayerShape], density: Rational, ratio: str) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, layer_densities(layers, density, ratio).densities))


def _all_failures(
    layers: Sequence[LayerShape], densities: Sequence[Fraction], target: Sequence[LayerShape], delta: Fraction
) -> Fraction:
    """Add up the failures of the pairs of a network, until they are more than what is granted."""
    pairs = paired_layers(layers)
    total = Fraction(0)
    for one, other in pairs:
        sizes = layers[one], layers[other], target[one].inputs, target[other].outputs
        total += _failure(*sizes, (densities[one], densities[other]), delta / len(pairs), nonnegative=one > 0)
        if total > delta:
            break
    return total


def _failure(
    first: LayerShape,
    second: LayerShape,
    inputs: int,
    outputs: int,
    densities: Densities,
    budget: Fraction,
    *,
    nonnegative: bool,
) -> Fraction:
    """Bound the probability that a pair does not hold every map of so many inputs and outputs."""
    least = Fraction(1)
    if not min(densities):
        return least
    convolution = bool(first.kernel)
    for forms, theorems in ways(first.name, "relu", ORIENTATIONS, convolution=convolution, nonnegative=nonnegative):
        for form in (form for form in forms if form in _forms(first, second)):
            columns = inputs * (math.prod(first.kernel) if form == "spatial-first" else 1)
            rows = outputs * (math.prod(second.kernel) if form == "spatial-last" else 1)
            least = min(least, _by_theorems(columns, rows, first.outputs, densities, theorems, budget))
    return least


@lru_cache(maxsize=4096)
def _by_theorems(
    columns: int, rows: int, inner: int, densities: Densities, theorems: tuple[Orientation, ...], budget: Fraction
) -> Fraction:
    least = Fraction(1)
    for theorem in theorems:  # the first ones are quick
        least = min(least, map_failure(columns, rows, inner, densities, theorem, budget).failure)
        if least <= budget:
            break
    return least


def _adjacent(one: str, other: str) -> bool:
    """Whether nothing but a normalisation and a ReLU stands between two layers."""
    block = re.fullmatch(r"(layer\d+\.\d+)\.conv1", one)
    if block:
        return other == f"{block[1]}.conv2"
    first, second = (re.fullmatch(r"(fc|features\.|classifier\.)(\d+)", name) for name in (one, other))
    if not first or not second or first[1] != second[1]:
        return False
    # The numbers of VGG16 are those of modules: a normalisation and an activation lie between, a pooling is one more.
    return int(second[2]) - int(first[2]) == (1 if first[1] == "fc" else 3)


def _forms(first: LayerShape, second: LayerShape) -> tuple[Form, ...]:
    """Say which of the two may have the taps of their map; a first one of stride 2 has to have them."""
    if not first.kernel:
        return ("linear",)
    slides, follows = math.prod(first.kernel) > 1, math.prod(second.kernel) > 1
    strided = slides and bool(re.fullmatch(r"layer[2-9]\.0\.conv1", first.name))
    return (*FORMS[1:2] * slides, *FORMS[2:] * (follows and not strided))


def _merged(target: Sequence[LayerShape], pairs: Sequence[tuple[int, int]]) -> tuple[LayerShape, ...]:
    """Put a map in the place of each pair, with the taps of whichever slides."""
    partner, seconds = dict(pairs), {second for _, second in pairs}
    found = []
    for number, layer in enumerate(target):
        if number in partner:
            second = target[partner[number]]
            kernel = max(layer.kernel, second.kernel, key=math.prod)
            found.append(LayerShape(layer.name, (second.outputs, layer.inputs, *kernel)))
        elif number not in seconds:
            found.append(layer)
    return tuple(found)
