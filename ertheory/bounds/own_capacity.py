"""What an architecture in random masks of its own contains of itself, as an answer about capacity."""

from __future__ import annotations

from collections.abc import Callable

from ertheory.bounds.capacity import Capacity
from ertheory.bounds.catalogue import find
from ertheory.bounds.factored.own_masks import own_masks_factor, own_masks_widening
from ertheory.numbers import Rational, probability

__all__ = ["capacity_of_own_masks"]


def capacity_of_own_masks(
    model: str,
    *,
    ratio: str,
    density: Rational,
    failure_probability: Rational,
    progress: Callable[[], object] | None = None,
) -> Capacity:
    """Find the part of an architecture that its own random masks contain, pairs of layers read as one map each.

    Parameters
    ----------
    model, ratio, density, failure_probability, progress
        They are as for `ertheory.bounds.factored.own_masks.own_masks_factor`.

    Examples
    --------
    >>> found = capacity_of_own_masks("vgg16", ratio="erk", density="0.5", failure_probability="0.001")
    >>> found.width_factor, found.widening
    (Fraction(49, 128), Fraction(5, 2))
    """
    kept, delta = probability("density", density, one=True), probability("delta", failure_probability)
    found = own_masks_factor(model, ratio=ratio, density=kept, failure_probability=delta, progress=progress)
    wider = own_masks_widening(model, ratio=ratio, density=kept, failure_probability=delta, progress=progress)
    read = (
        f"pairs of layers that are one map each, through ReLUs that biases lift on a bounded set of inputs: "
        f"{len(found.pairs)}; layers that stay as they are, masks and all: {len(found.alone)}"
    )
    return Capacity(
        method="factored",
        statement=find("factored").source,
        kind="sufficient",
        layer0="factored",
        applies=found.factor > 0,
        reason=read if found.factor else f"not even one channel a layer is certain where {read}",
        source=(found.layers[0].inputs, *(layer.outputs for layer in found.layers)),
        densities=found.densities,
        failure_probability=delta,
        targets=((found.target[0].inputs, *(one.outputs for one in found.target)),) if found.target else (),
        model=model,
        width_factor=found.factor,
        edges_expected=found.edges_expected,
        ratio=ratio,
        widening=wider,
    )
