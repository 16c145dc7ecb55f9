"""Factored sources of given widths: every second layer is read as an inner one, and the failures of the maps add up.

For given inner widths nothing is left to choose but, map by map, the theorem, the form of a convolution and the split
of a mixed bound. The least bound of each map is taken; their sum bounds the failure by the union bound.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.factored.least import ORIENTATIONS, Densities, map_failure
from ertheory.bounds.factored.network import MapShape, shapes_of_target
from ertheory.bounds.statement import GivenWidths, Inverse

__all__ = ["FACTORED_INVERSE", "pair_failure"]

_BUDGETS = tuple(Fraction(1, 10**exponent) for exponent in (1, 2, 3, 4, 6, 9, 15))  # of the mixed bounds


@lru_cache(maxsize=4096)
def pair_failure(
    shape: MapShape, inner: int, densities: Densities, budgets: tuple[Fraction, ...] = _BUDGETS
) -> Fraction:
    """Bound the probability that a pair of given inner width does not contain every map, by the best theorem.

    Parameters
    ----------
    shape
        The sizes of the map.
    inner
        The number N >= 0 of inner neurons.
    densities
        The pair (p_1, p_2), each in (0, 1].
    budgets
        The failure probabilities that the choices of a mixed theorem aim at, of which the best one is taken.

    Examples
    --------
    >>> from ertheory.networks.target import Target
    >>> (shape,) = shapes_of_target(Target.from_text("784-128"))
    >>> tenth = (Fraction(1, 10), Fraction(1, 10))
    >>> pair_failure(shape, 1881, tenth) < Fraction(1, 1000) < pair_failure(shape, 1880, tenth)
    True
    """
    inputs, outputs = shape.used
    if not inputs or not outputs:
        return Fraction(0)
    least = Fraction(1)
    for columns, rows in {(inputs * shape.taps, outputs), (inputs, outputs * shape.taps)}:
        for orientation in ORIENTATIONS:
            for budget in budgets if "mixed" in orientation else budgets[:1]:
                least = min(least, map_failure(columns, rows, inner, densities, orientation, budget).failure)
    return least


def _failure(given: GivenWidths, densities: tuple[Fraction, ...], budgets: tuple[Fraction, ...] = _BUDGETS) -> Fraction:
    pairs = zip(densities[::2], densities[1::2], strict=True)
    maps = zip(shapes_of_target(given.target), given.widths[::2], pairs, strict=True)
    return min(Fraction(1), sum((pair_failure(*one, budgets) for one in maps), Fraction(0)))


def _refuses(given: GivenWidths) -> str:
    if any(wide < least for wide, least in zip(given.widths[1::2], given.target.widths[1:], strict=True)):
        return "every second source layer has to be as wide as the layer of the target that it carries"
    return ""


def _reason(given: GivenWidths) -> str:
    wider = ""
    if given.widths[1::2] != given.target.widths[1:]:
        wider = "; of layers that are wider than the target's, as many neurons as it has are used"
    jumps = "a mixed theorem's bound may jump, the probability does not"
    return (
        f"every map of the target is a product of two masked ones; the layers between them are linear; {jumps}{wider}"
    )


def _holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
    quick = _failure(given, densities, (failure_probability / given.target.depth,))
    return quick <= failure_probability or _failure(given, densities) <= failure_probability


def _success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[Fraction, None]:
    return 1 - _failure(given, densities), None


FACTORED_INVERSE = Inverse(reason=_reason, holds=_holds, success=_success, refuses=_refuses)
