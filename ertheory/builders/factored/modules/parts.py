"""How layers are cut into maps that are solved by themselves, and how wide each of these has to be.

The channels of a grouped convolution fall apart anyway. A layer with thousands of inputs and outputs is cut as well,
for the time of a solve grows with the cube of the number of outputs: in b blocks of outputs, each with inner neurons of
its own, so that the outer factor is block diagonal on its mask. This needs more inner neurons, by a tenth or so for
blocks of 512, and the same theorems say how many; every block has its share of the failure probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from ertheory.bounds.factored import (
    FORMS,
    ORIENTATIONS,
    FactoredMap,
    Form,
    MapShape,
    Orientation,
    Split,
    factored_design,
    factored_map,
)

if TYPE_CHECKING:
    from ertheory.builders.factored.modules.layers import Layer

__all__ = ["LayerPlan", "Limits", "Part", "plan_layers"]

_WORK = 2 * 10**13  # multiplications of a layer that is not cut: some minutes
_ROWS = 512  # equations at most in a block


@dataclass(frozen=True)
class Limits:
    """Which theorems and which forms may be used for a layer."""

    orientations: tuple[Orientation, ...] = ORIENTATIONS
    forms: tuple[Form, ...] = FORMS


@dataclass(frozen=True)
class Part:
    """One map of a layer.

    Parameters
    ----------
    name
        It is that of the layer, and of the part where there are several.
    group
        The group of channels that it belongs to.
    inner
        Its inner channels, among those of the layer.
    inputs, outputs
        Its channels, inputs among those of its group, and outputs among those of the layer.
    beside
        Its first inner channel among those of its group.
    """

    name: str
    group: int
    inner: slice
    inputs: slice
    outputs: slice
    beside: int


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """The maps of one layer, which are all of one size.

    Parameters
    ----------
    layer
        What is replaced.
    one
        Width, form and theorem of each of its maps.
    blocks
        How many there are in every group.
    along
        Whether the outputs are cut, or the inputs.
    """

    layer: Layer
    one: FactoredMap
    blocks: int
    along: Literal["outputs", "inputs"]

    @property
    def inner(self) -> int:
        """Inner channels of each map; one at least, also of a layer of zeros, which asks for none."""
        return max(1, self.one.inner)

    def parts(self) -> Iterator[Part]:
        """Go through the maps, group after group, in the order of their inner channels."""
        groups, (outputs, inputs) = self.layer.groups, self.layer.weight.shape[:2]
        size = outputs // groups
        for group in range(groups):
            for block in range(self.blocks):
                across = slice(group * size, (group + 1) * size)
                cut = _piece(size if self.along == "outputs" else inputs, self.blocks, block)
                by_output = self.along == "outputs"
                first = (group * self.blocks + block) * self.inner
                yield Part(
                    self.layer.name + _described(group if groups > 1 else None, block if self.blocks > 1 else None),
                    group,
                    slice(first, first + self.inner),
                    slice(0, inputs) if by_output else cut,
                    slice(across.start + cut.start, across.start + cut.stop) if by_output else across,
                    block * self.inner,
                )


def plan_layers(
    layers: Sequence[Layer],
    density: Fraction,
    failure_probability: Fraction,
    *,
    split: Split,
    limits: Sequence[Limits],
) -> tuple[LayerPlan, ...]:
    """Choose widths for all layers together, so that few weights are kept.

    Parameters
    ----------
    layers
        The layers, those with one weight only once.
    density
        The overall density p.
    failure_probability
        The number delta, which is shared out among all maps by `ertheory.bounds.factored.factored_design`.
    split
        It is as there.
    limits
        The theorems and the forms that may be used, layer by layer.
    """
    each = failure_probability / max(1, len(layers))
    cuts = [_cut(layer, density, each, one) for layer, one in zip(layers, limits, strict=True)]
    shapes = [
        shape
        for layer, (blocks, along) in zip(layers, cuts, strict=True)
        for shape in [_shape(layer, blocks, along)] * (layer.groups * blocks)
    ]
    theorems = tuple(dict.fromkeys(name for one in limits for name in one.orientations))
    maps = factored_design(
        shapes, densities=[density], failure_probability=failure_probability, split=split, orientations=theorems
    ).maps
    plans: list[LayerPlan] = []
    at = 0
    for layer, (blocks, along), limit in zip(layers, cuts, limits, strict=True):
        one = maps[at]
        if one.orientation not in limit.orientations or one.form not in limit.forms:
            one = _limited(shapes[at], one, density, split, limit)
        plans.append(LayerPlan(layer, one, blocks, along))
        at += layer.groups * blocks
    return tuple(plans)


def _limited(shape: MapShape, one: FactoredMap, density: Fraction, split: Split, limit: Limits) -> FactoredMap:
    """Choose the width of one map anew, with its share of the failure probability."""
    return factored_map(
        shape.inputs,
        shape.outputs,
        densities=(density, density),
        failure_probability=one.share,
        taps=shape.taps,
        used=shape.used,
        split=split,
        orientations=limit.orientations,
        forms=limit.forms,
        name=shape.name,
    )


def _shape(layer: Layer, blocks: int, along: str) -> MapShape:
    outputs, inputs = int(layer.weight.shape[0]) // layer.groups, int(layer.weight.shape[1])
    used = (inputs, -(-outputs // blocks)) if along == "outputs" else (-(-inputs // blocks), outputs)
    # The mask of every weight is drawn, though a block needs only its own.
    return MapShape(layer.name, inputs, outputs, layer.taps, used, used[0] * used[1] * layer.taps)


def _cut(layer: Layer, density: Fraction, delta: Fraction, limit: Limits) -> tuple[int, Literal["outputs", "inputs"]]:
    outputs, inputs, taps = int(layer.weight.shape[0]) // layer.groups, int(layer.weight.shape[1]), layer.taps
    if max(inputs * taps * outputs**3, outputs * taps * inputs**3) <= _WORK:
        return 1, "outputs"
    whole = factored_map(
        inputs,
        outputs,
        densities=(density, density),
        failure_probability=delta,
        taps=taps,
        orientations=limit.orientations,
        forms=limit.forms,
    )
    dual = "dual" in whole.orientation
    rows, columns = (whole.rows, whole.columns) if dual else (whole.columns, whole.rows)
    blocks = 1 if columns * rows**3 <= _WORK else min(outputs if dual else inputs, -(-rows // _ROWS))
    return blocks, "outputs" if dual else "inputs"


def _piece(size: int, pieces: int, at: int) -> slice:
    """Cut into pieces that differ by 1 at most."""
    return slice(size * at // pieces, size * (at + 1) // pieces)


def _described(group: int | None, block: int | None) -> str:
    words = [f"{name} {at}" for name, at in (("group", group), ("block", block)) if at is not None]
    return f" ({', '.join(words)})" if words else ""
