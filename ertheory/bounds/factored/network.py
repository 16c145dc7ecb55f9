"""A whole network as a factored source: every map becomes two, and the failure probability is split among them.

The neurons between two maps of the target are those of the target, one each. So whatever stands between linear maps -
activations, normalisation, pooling, skips, attention - stays as it is, and the network is contained as soon as every
map is: by the union bound with probability 1 - sum_l delta_l, delta_l the share of map l.

The split. The width of a map grows with log(1 / delta_l). Where the shares minimise sum_l cost_l under sum_l delta_l =
delta, Lagrange's condition says that delta_l is proportional to the cost that a factor e in delta_l saves. These slopes
are measured between two equal shares, and the better of the equal and the weighted split is kept. Whatever the shares
are, every width is certified for its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from ertheory.bounds.factored.design import MapsDesign
from ertheory.bounds.factored.inner import Inner, ways
from ertheory.bounds.factored.least import ORIENTATIONS, Densities, Orientation, Split
from ertheory.bounds.factored.one_map import FactoredMap, factored_map
from ertheory.errors import InfeasibleWidth, InvalidInput, one_of
from ertheory.layerwise.architectures import LayerShape
from ertheory.networks.target import Layer, Target
from ertheory.numbers import Rational, probability

__all__ = ["FactoredDesign", "MapShape", "Objective", "factored_design", "shapes_of_model", "shapes_of_target"]

Objective = Literal["edges", "total"]

_APART = 16  # of the two shares between which a slope is measured
_SHARES = 10**6  # shares are multiples of delta over this number


@dataclass(frozen=True)
class MapShape:
    """The sizes of one linear map.

    Parameters
    ----------
    name
        The name of the layer.
    inputs, outputs, taps
        The numbers n, m and t.
    used
        How many inputs and outputs have non-zero weights.
    nonzeros
        The number of non-zero weights.
    dense
        Whether the layer is left as it is: a depthwise convolution, whose few weights need many edges each.
    nonnegative
        Whether no input of the map is negative, as behind a ReLU.
    """

    name: str
    inputs: int
    outputs: int
    taps: int
    used: tuple[int, int]
    nonzeros: int
    dense: bool = False
    nonnegative: bool = True


@dataclass(frozen=True)
class FactoredDesign(MapsDesign):
    """A factored source that contains every network of a shape with a stated probability.

    Parameters
    ----------
    maps
        The pairs, in order; layers that are left dense have none.
    dense
        The layers that are left as they are.
    nonzeros
        The non-zero weights of the target, all layers.
    failure_probability
        The number delta that was granted.
    objective
        What the shares of delta were chosen for.

    Examples
    --------
    >>> shapes = shapes_of_target(Target.from_text("784-128-10"))
    >>> design = factored_design(shapes, densities=["0.1"], failure_probability="0.001")
    >>> design.widths[1::2], round(float(design.edges_ratio), 2)
    ((128, 10), 1.91)
    """

    maps: tuple[FactoredMap, ...]
    dense: tuple[MapShape, ...]
    nonzeros: int
    failure_probability: Fraction
    objective: Objective

    @property
    def widths(self) -> tuple[int, ...]:
        """Outputs of all source layers in order: inner width, n_1, inner width, n_2, and so on."""
        return tuple(width for one in self.maps for width in (one.inner, one.outputs))

    @property
    def edges_expected(self) -> Fraction:
        """Expected number of kept weights, with all weights of the layers that are left dense."""
        return super().edges_expected + sum(shape.nonzeros for shape in self.dense)

    @property
    def inner_total(self) -> int:
        """Number of inner neurons of all maps."""
        return sum(one.inner for one in self.maps)


def shapes_of_target(target: Target) -> tuple[MapShape, ...]:
    """Read the maps of a target; those behind a flatten read every position as an input of its own.

    Examples
    --------
    >>> [(shape.inputs, shape.outputs) for shape in shapes_of_target(Target.from_text("784-128-10"))]
    [(784, 128), (128, 10)]
    """
    first = target.domain is None or bool((target.domain[:, 0] >= 0).all())
    positive = getattr(target, "nonnegative", ()) or (first, *(True,) * (target.depth - 1))
    names = getattr(target, "names", ()) or [f"layer {number}" for number in range(1, target.depth + 1)]
    layers = zip(names, target.layers, positive, strict=True)
    return tuple(_of_layer(name, layer, nonnegative=sign) for name, layer, sign in layers)


def _of_layer(name: str, layer: Layer, *, nonnegative: bool) -> MapShape:
    used_inputs = layer.inputs - layer.fan_out_counts.get(0, 0)
    used_outputs = layer.outputs - layer.fan_in_counts.get(0, 0)
    return MapShape(
        name,
        layer.inputs * layer.positions,
        layer.outputs,
        math.prod(layer.kernel),
        (used_inputs * layer.positions, used_outputs),
        layer.nonzeros,
        nonnegative=nonnegative,
    )


def shapes_of_model(layers: Sequence[LayerShape]) -> tuple[MapShape, ...]:
    """Read the maps of an architecture; depthwise convolutions, with one input for each of several groups, stay dense.

    Raises
    ------
    InvalidInput
        If a convolution has groups of several channels: it is as many maps as it has groups.

    Examples
    --------
    >>> from ertheory.layerwise.architectures import architecture
    >>> shapes_of_model(architecture("vgg16"))[0].taps
    9
    """
    for layer in layers:
        if layer.groups > 1 and not layer.depthwise:
            raise InvalidInput(f"groups of {layer.name}", "1, or as many as there are input channels", layer.groups)
    return tuple(
        MapShape(
            layer.name,
            layer.inputs,
            layer.outputs,
            math.prod(layer.kernel),
            (layer.inputs, layer.outputs),
            layer.weights,
            dense=layer.depthwise,
        )
        for layer in layers
    )


def factored_design(
    shapes: Sequence[MapShape],
    *,
    densities: Sequence[Rational],
    failure_probability: Rational,
    split: Split = "equal",
    objective: Objective = "edges",
    inner: Inner = "identity",
    orientations: Sequence[Orientation] = ORIENTATIONS,
) -> FactoredDesign:
    """Find inner widths for all maps together.

    Parameters
    ----------
    shapes
        The maps of the target.
    densities
        One density for all source layers, or two for each map that is not left dense, in order.
    failure_probability
        The number delta in (0, 1).
    split
        With ``best`` both densities of a pair are chosen, at the overall density of the given ones.
    objective
        ``edges`` for few expected edges, ``total`` for few inner neurons.
    inner
        What the inner neurons do, which decides the forms of convolutions: `ertheory.bounds.factored.inner`.
    orientations
        The theorems that may be used.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If no theorem is left for these inner neurons.
    InfeasibleWidth
        If a map needs more than 10**12 inner neurons.

    Examples
    --------
    >>> shapes = shapes_of_target(Target.from_text("20-10"))
    >>> factored_design(shapes, densities=["0.3"], failure_probability="0.001").widths
    (130, 10)
    """
    delta = probability("failure_probability", failure_probability)
    one_of("objective", objective, ("edges", "total"))
    treated = [shape for shape in shapes if not shape.dense]
    if len(densities) not in (1, 2 * len(treated)):
        raise InvalidInput("density", f"one number, or one per source layer ({2 * len(treated)})", len(densities))
    read = [probability("density", density, one=True) for density in densities]
    pairs = [(read[0], read[0])] * len(treated) if len(read) == 1 else list(zip(read[::2], read[1::2], strict=True))
    cost: Callable[[FactoredMap], Fraction] = _edges if objective == "edges" else _neurons
    allowed = tuple(orientations)

    def designed(shares: Sequence[Fraction], pairs: Sequence[Densities], split: Split) -> list[FactoredMap]:
        known: dict[tuple[MapShape, Densities, Fraction], FactoredMap] = {}  # deep networks repeat their shapes
        found: list[FactoredMap] = []
        for shape, pair, share in zip(treated, pairs, shares, strict=True):
            key = replace(shape, name=""), pair, share
            if key not in known:
                known[key] = min(_ways(shape, pair, share, split, inner, allowed), key=cost)
            found.append(replace(known[key], name=shape.name))
        return found

    maps = designed([delta / len(treated)] * len(treated), pairs, split) if treated else []
    if len(maps) > 1:
        found = [one.densities for one in maps]  # the best densities hardly depend on the shares
        thinner = designed([delta / (_APART * len(treated))] * len(treated), found, "equal")
        slopes = [max(Fraction(0), cost(low) - cost(high)) for low, high in zip(thinner, maps, strict=True)]
        if sum(slopes):
            shares = [delta * _rounded(slope / sum(slopes), len(treated)) for slope in slopes]
            weighted = designed(shares, found, "equal")
            maps = min(maps, weighted, key=lambda some: sum(map(cost, some)))
    return FactoredDesign(
        tuple(maps),
        tuple(shape for shape in shapes if shape.dense),
        sum(shape.nonzeros for shape in shapes),
        delta,
        objective,
    )


def _ways(
    shape: MapShape,
    pair: Densities,
    share: Fraction,
    split: Split,
    inner: Inner,
    orientations: tuple[Orientation, ...],
) -> list[FactoredMap]:
    """Give the best pair of each form that the inner neurons allow; the last error, where none has a width."""
    found: list[FactoredMap] = []
    failed: InfeasibleWidth | None = None
    listed = ways(shape.name, inner, orientations, convolution=shape.taps > 1, nonnegative=shape.nonnegative)
    for form, theorems in ((form, theorems) for forms, theorems in listed for form in forms):
        try:
            found.append(
                factored_map(
                    shape.inputs,
                    shape.outputs,
                    densities=pair,
                    failure_probability=share,
                    taps=shape.taps,
                    used=shape.used,
                    split=split,
                    orientations=theorems,
                    forms=(form,),
                    name=shape.name,
                )
            )
        except InfeasibleWidth as error:
            failed = error
    if not found and failed is not None:
        raise InfeasibleWidth(f"{shape.name}: {failed}") from failed
    return found


def _edges(one: FactoredMap) -> Fraction:
    return one.edges_expected


def _neurons(one: FactoredMap) -> Fraction:
    return Fraction(one.inner)


def _rounded(part: Fraction, count: int) -> Fraction:
    """Round a share down, so that all of them are at most 1 together, and at least a little."""
    return Fraction(math.floor(part * (_SHARES - count)) + 1, _SHARES)
