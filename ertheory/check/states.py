"""What activations, pools and a flatten do to units that are known as units of the target, or as constants.

They act on each unit alone, so that copies stay copies and the elements keep their numbers. A constant c becomes the
constant phi(c), or an element of its own, named by c, where phi(c) is no rational number that is known.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.forms import Forms, nearest, selection
from ertheory.check.layer0 import at_zero, constant
from ertheory.check.numbering import Pair, constants
from ertheory.check.upwards import above, products, upper
from ertheory.networks.activations import ActivationFunction
from ertheory.networks.network import Pool

__all__ = ["activated", "flattened", "pooled"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


def activated(pair: Pair, function: ActivationFunction, *, blame_from: int) -> Pair:
    """Apply an activation to all units.

    Parameters
    ----------
    pair
        The units. Other affine forms than single units and constants can only be those of layer 0.
    function
        The activation.
    blame_from
        Number of source unit 0, for units with such forms: nothing is known of them afterwards.
    """
    slope = above(function.lipschitz)

    def size(value: Array) -> Array:
        return upper(at_zero(function) + products(slope, value), 4)

    return _mapped(pair, lambda value: constant(function, value), size, slope, blame_from)


def pooled(pair: Pair, step: Pool, *, blame_from: int) -> Pair:
    """Take maxima or averages over windows; zeros in the padding make an average of a constant no constant."""
    varies = step.kind == "average" and any(step.padding) and step.counted
    return _mapped(pair, lambda value: None if varies and value else value, np.abs, 1.0, blame_from)


def flattened(pair: Pair, positions: int, *, blame_from: int) -> Pair:
    """Make each of the positions of a channel a unit, channel by channel."""
    pair = _mapped(pair, lambda value: value, np.abs, 1.0, blame_from)

    def spread(forms: Forms) -> Forms:
        element, fixed = _decoded(forms)
        place = np.arange(positions)
        wide = np.where(element[:, None] >= 0, element[:, None] * positions + place, -1).ravel()
        each = {unit * positions + at: value for unit, value in fixed.items() if value for at in range(positions)}
        return selection(wide, forms.elements * positions, each)

    return Pair(
        target=spread(pair.target),
        source=spread(pair.source),
        error=np.repeat(pair.error, positions),
        blame=np.repeat(pair.blame, positions),
        magnitude=np.repeat(pair.magnitude, positions),
    )


def _mapped(
    pair: Pair,
    image: Callable[[Fraction], Fraction | None],
    size: Callable[[Array], Array],
    slope: float,
    blame_from: int,
) -> Pair:
    names: dict[Fraction, int] = {}
    zero = image(Fraction(0))

    def mapped(forms: Forms, known: npt.NDArray[np.bool_]) -> tuple[Integers, dict[int, Fraction]]:
        element, fixed = _decoded(forms)
        images: dict[int, Fraction] = {}
        for unit, value in fixed.items():
            new = image(value) if value else zero
            if new is not None:
                images[unit] = new
            elif known[unit]:
                element[unit] = forms.elements + names.setdefault(value, len(names))
        return element, images

    target = mapped(pair.target, np.ones(pair.target.units, dtype=np.bool_))
    source = mapped(pair.source, pair.blame < 0)
    elements = pair.target.elements + len(names)
    other = (source[0] == -2) & (pair.blame < 0)
    with np.errstate(over="ignore"):
        error = pair.error if slope == 1 else upper(products(pair.error, slope), 2)
        magnitude = size(np.concatenate([pair.magnitude, [abs(nearest(value)) for value in names]]))
    return Pair(
        target=selection(target[0], elements, target[1]),
        source=selection(source[0], elements, source[1]),
        error=error,
        blame=np.where(other, blame_from + np.arange(len(other)), pair.blame),
        magnitude=magnitude,
    )


def _decoded(forms: Forms) -> tuple[Integers, dict[int, Fraction]]:
    """Give the element of each unit, -1 for constants and -2 for other forms; and the constants."""
    fixed = constants(forms)
    element = np.full(forms.units, -2)
    single = np.flatnonzero(np.diff(forms.near.indptr) == 1)
    place = forms.near.indptr[single]
    alone = (forms.near.data[place] == 1) & (forms.near.indices[place] < forms.elements)
    if forms.fractions:
        odd = np.unique([row for row, _ in forms.fractions])
        alone &= ~np.isin(single, odd)
    element[single[alone]] = forms.near.indices[place[alone]]
    element[list(fixed)] = -1
    return element, fixed
