"""Factored sources of given widths: every second layer is read as an inner one, and the failures of the maps add up.

As many widths as three for each map of the target mean a source of three factors, of which `given_triples` speaks. For
given inner widths nothing is left to choose but, map by map, the theorem, the form of a convolution and the split
of a mixed bound. The least bound of each map is taken; their sum bounds the failure by the union bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.factored.given_triples import triple_failure
from ertheory.bounds.factored.least import ORIENTATIONS, Densities, map_failure
from ertheory.bounds.factored.network import MapShape, shapes_of_target
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Inverse, Step

__all__ = ["FACTORED_INVERSE", "pair_failure"]

_THREE = 3
_MOST = 6  # maps that are shown
_JUMPS = "; a mixed theorem's bound may jump, the probability does not"
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
    return min(Fraction(1), sum((failure for _, failure in _failures(given, densities, budgets)), Fraction(0)))


def _failures(
    given: GivenWidths, densities: tuple[Fraction, ...], budgets: tuple[Fraction, ...] = _BUDGETS
) -> Iterator[tuple[str, Fraction]]:
    """Give what each map of the target rests on, in words, and its failure."""
    shapes, widths = shapes_of_target(given.target), given.widths
    if _factors(given) == _THREE:
        inner = zip(widths[::3], widths[1::3], strict=True)
        triples = zip(densities[::3], densities[1::3], densities[2::3], strict=True)
        for shape, two, triple in zip(shapes, inner, triples, strict=True):
            failure, theorem = triple_failure(shape, two, triple)
            yield f"{theorem}, n = {shape.inputs}, m = {shape.outputs}, N1 = {two[0]}, N2 = {two[1]}", failure
        return
    pairs = zip(densities[::2], densities[1::2], strict=True)
    for shape, one, pair in zip(shapes, widths[::2], pairs, strict=True):
        failure = pair_failure(shape, one, pair, budgets)
        yield f"the best theorem, n = {shape.inputs}, m = {shape.outputs}, N = {one}", failure


def _factors(given: GivenWidths) -> int:
    return len(given.widths) // given.target.depth


def _refuses(given: GivenWidths) -> str:
    factors = _factors(given)
    outer = given.widths[factors - 1 :: factors]
    if any(wide < least for wide, least in zip(outer, given.target.widths[1:], strict=True)):
        which = "second" if factors != _THREE else "third"
        return f"every {which} source layer has to be as wide as the layer of the target that it carries"
    return ""


def _reason(given: GivenWidths) -> str:
    factors, wider = _factors(given), ""
    if given.widths[factors - 1 :: factors] != given.target.widths[1:]:
        wider = "; of layers that are wider than the target's, as many neurons as it has are used"
    many, jumps = ("three", "") if factors == _THREE else ("two", _JUMPS)
    return (
        f"every map of the target is a product of {many} masked ones; the layers between them are linear{jumps}{wider}"
    )


def _steps(answer: Width) -> tuple[Step, ...]:
    """Show the failure of every map; answers about widths that are given have no design."""
    given = GivenWidths(target=answer.target, widths=tuple(wide or 0 for wide in answer.widths), layer0="factored")
    found = list(_failures(given, answer.densities))
    lines = [
        f"layer {number}: {words}: P <= {float(failure):.4g}" for number, (words, failure) in enumerate(found, start=1)
    ]
    more = [f"and {len(lines) - _MOST} more maps"] if len(lines) > _MOST else []
    total = min(Fraction(1), sum((failure for _, failure in found), Fraction(0)))
    return (*lines[:_MOST], *more, f"P(failure) <= {float(total):.4g} in all")


def _holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
    quick = _failure(given, densities, (failure_probability / given.target.depth,))
    return quick <= failure_probability or _failure(given, densities) <= failure_probability


def _success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[Fraction, None]:
    return 1 - _failure(given, densities), None


FACTORED_INVERSE = Inverse(reason=_reason, holds=_holds, success=_success, refuses=_refuses, steps=_steps)
