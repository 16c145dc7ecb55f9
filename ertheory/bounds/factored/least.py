"""The least number of inner neurons, by whichever theorem asks for fewest, and the two densities that ask for fewest.

A pair of c columns (what an inner neuron may read), r rows (what may read it) and N inner neurons has N (c + r) entries
and N (c p_1 + r p_2) expected edges. At a given *overall density* p = (c p_1 + r p_2) / (c + r) fewest inner neurons
are therefore fewest edges. The best pair (p_1, p_2) is searched among rationals that keep p exactly: on a coarse grid
of the density on the shorter side, then by smaller and smaller steps from the best one found. It is a good pair, not
certainly the best one; the width that it gives is certified all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from ertheory.bounds.factored.failure import MixedBound, dual_failure, mixed_failure
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, log_fraction, near_zero, smallest

__all__ = ["ORIENTATIONS", "Choice", "Densities", "Orientation", "Pair", "Split", "least_width", "map_failure"]

Orientation = Literal["dual", "primal", "mixed-dual", "mixed-primal"]
Split = Literal["equal", "best"]
Densities = tuple[Fraction, Fraction]

ORIENTATIONS: tuple[Orientation, ...] = ("dual", "primal", "mixed-dual", "mixed-primal")

_WIDEST = 10**12
_FIRST_LOOK = tuple(Fraction(i, 100) for i in (60, 40, 80, 20, 15, 30, 95, 10, 85, 5, 2))  # of the largest density
_FIRST_STEP, _LAST_STEP = Fraction(1, 8), Fraction(1, 64)  # relative, of the search that follows
_GRID = 10**9  # largest denominator of a density that is searched
_LONG_SEARCH = 200  # guesses above it are improved before the search
_COARSE = 500  # widths are first searched in units of this part of the least one known


@dataclass(frozen=True)
class Pair:
    """What one map asks of a pair of masks.

    Parameters
    ----------
    columns, rows
        The sizes c and r that are drawn.
    used_columns, used_rows
        How many of them a non-zero weight needs.
    densities
        The pair (p_1, p_2), each in (0, 1].
    """

    columns: int
    rows: int
    used_columns: int
    used_rows: int
    densities: Densities


@dataclass(frozen=True)
class Choice:
    """A number of inner neurons that is enough, with the densities and the theorem that it rests on."""

    inner: int
    orientation: Orientation
    densities: Densities
    bound: MixedBound


def map_failure(
    columns: int, rows: int, neurons: int, densities: Densities, orientation: Orientation, budget: Fraction
) -> MixedBound:
    """Bound the probability that a pair is not universal, by one of the theorems.

    Parameters
    ----------
    columns, rows, neurons, densities
        The sizes c, r and N of the pair, and (p_1, p_2).
    orientation
        The theorem.
    budget
        The failure probability that the choices of a mixed theorem aim at.

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> dual = map_failure(784, 128, 342, half, "dual", Fraction(1, 1000))
    >>> dual == map_failure(128, 784, 342, half, "primal", Fraction(1, 1000))
    True
    """
    if orientation in ("primal", "mixed-primal"):
        columns, rows, densities = rows, columns, densities[::-1]
    if orientation in ("dual", "primal"):
        return MixedBound(dual_failure(columns, rows, neurons, densities), 0, 0)
    return mixed_failure(columns, rows, neurons, densities, budget)


@lru_cache(maxsize=4096)
def least_width(pair: Pair, delta: Fraction, split: Split, orientations: tuple[Orientation, ...]) -> Choice:
    """Find the least number of inner neurons, at the given densities or at the best ones.

    Parameters
    ----------
    pair
        The sizes and the densities.
    delta
        The failure probability in (0, 1).
    split
        With ``best`` the densities may change, but not the overall one.
    orientations
        The theorems that may be used.

    Raises
    ------
    InfeasibleWidth
        If more than 10**12 inner neurons are needed.

    Examples
    --------
    >>> fifth = (Fraction(1, 5), Fraction(1, 5))
    >>> choice = least_width(Pair(200, 200, 200, 200, fifth), Fraction(1, 1000), "equal", ORIENTATIONS)
    >>> choice.inner, choice.orientation
    (1018, 'mixed-dual')
    """
    if 0 in (pair.used_columns, pair.used_rows):  # nothing is to be reached
        return Choice(0, orientations[0], pair.densities, MixedBound(Fraction(0), 0, 0))
    if split == "equal":
        best = _narrower(pair, delta, orientations, None, 1)
    else:
        best = _best_densities(pair, delta, orientations)
    if best is None:
        sizes = f"{pair.used_columns} inputs and {pair.used_rows} outputs"
        raise InfeasibleWidth(f"a factored map of {sizes} needs more than {_WIDEST} inner neurons here")
    return best


def _best_densities(pair: Pair, delta: Fraction, orientations: tuple[Orientation, ...]) -> Choice | None:
    edges = pair.densities[0] * pair.columns + pair.densities[1] * pair.rows  # of one inner neuron
    shorter, longer = sorted((pair.columns, pair.rows))
    best = _narrower(pair, delta, orientations, None, 1)
    density = pair.densities[1] if pair.rows <= pair.columns else pair.densities[0]  # of the factor on the shorter side

    def tried(candidates: Iterable[Fraction]) -> None:
        nonlocal best, density
        for short in candidates:
            long = (edges - short * shorter) / longer
            if 0 < short <= 1 and 0 < long <= 1:
                both = (long, short) if pair.rows <= pair.columns else (short, long)
                unit = 1 if best is None else max(1, best.inner // _COARSE)
                found = _narrower(_at(pair, both), delta, orientations, best, unit)
                if found is not best:
                    best, density = found, short

    highest = min(Fraction(1), edges / shorter)
    tried(highest * part for part in _FIRST_LOOK)
    step = _FIRST_STEP
    while step >= _LAST_STEP:
        center = density
        tried((center * (1 + sign * step)).limit_denominator(_GRID) for sign in (-1, 1))
        if density == center:
            step /= 2
    return None if best is None else _narrower(_at(pair, best.densities), delta, orientations, best, 1)


def _at(pair: Pair, densities: Densities) -> Pair:
    return Pair(pair.columns, pair.rows, pair.used_columns, pair.used_rows, densities)


def _narrower(
    pair: Pair, delta: Fraction, orientations: tuple[Orientation, ...], best: Choice | None, unit: int
) -> Choice | None:
    """Find the least multiple of `unit` that is enough, where it undercuts the best width so far."""
    if _WIDEST * math.prod(pair.densities) < 1 - delta:  # not even one input has a path to one output
        return best
    for orientation in orientations:

        def bound(neurons: int, orientation: Orientation = orientation) -> MixedBound:
            return map_failure(pair.used_columns, pair.used_rows, neurons, pair.densities, orientation, delta)

        def holds(units: int) -> Decision:
            if units * unit > _WIDEST:
                raise InfeasibleWidth
            return Decision(bound(units * unit).failure <= delta, 53)

        highest = None if best is None else (best.inner - 1) // unit
        if highest is None:
            guess = _guess(pair, delta, orientation)
        elif highest >= 1 and _plausible(pair, delta, orientation, highest * unit) and holds(highest).holds:
            guess = highest * unit
        else:
            continue
        try:
            inner = unit * smallest(holds, max(1, _located(bound, guess, delta) // unit))[0]
        except InfeasibleWidth:
            continue
        best = Choice(inner, orientation, pair.densities, bound(inner))
    return best


def _plausible(pair: Pair, delta: Fraction, orientation: Orientation, neurons: int) -> bool:
    """Whether a bound may hold: says no only where it cannot hold, or hardly."""
    both = float(pair.densities[0] * pair.densities[1])
    paths = neurons * math.log1p(-both) if both < 1 else -math.inf
    if math.log(pair.used_columns) + math.log(pair.used_rows) + paths > log_fraction(delta) + 1:
        return False
    if orientation == "dual":
        return neurons * pair.densities[0] >= pair.used_rows
    if orientation == "primal":
        return neurons * pair.densities[1] >= pair.used_columns
    return True


def _located(bound: Callable[[int], MixedBound], guess: int, delta: Fraction) -> int:
    """Improve a guess where a search by doubled steps would be long; the logarithm of a bound is nearly linear."""
    if not _LONG_SEARCH < guess < _WIDEST:
        return guess

    def excess(neurons: int) -> Ball:
        return Ball(log_fraction(bound(min(neurons, _WIDEST)).failure / delta))

    return min(_WIDEST, near_zero(excess, guess))


def _guess(pair: Pair, delta: Fraction, orientation: Orientation) -> int:
    both = float(pair.densities[0] * pair.densities[1])
    paths = (math.log(pair.used_columns) + math.log(pair.used_rows) - log_fraction(delta)) / both
    primal = orientation in ("primal", "mixed-primal")
    count = pair.used_columns / pair.densities[1] if primal else pair.used_rows / pair.densities[0]
    return min(_WIDEST, max(1, math.ceil(paths), math.ceil(count)))
