"""Three densities for the three factors of a map that ask for few edges, at the overall density of those given.

The overall density of a triple, (p_1 c N_1 + p_2 N_1 N_2 + p_3 N_2 r) / (c N_1 + N_1 N_2 + N_2 r), depends on its
widths, which depend on the densities. So p_1 and p_3 are searched, by smaller and smaller steps, and for each of these
pairs p_2 is moved until the overall density is nearly that of the given ones, never above it. What is found is good,
not certainly the best; its widths are certified all the same.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.bounds.factored.network import MapShape, Objective
from ertheory.bounds.factored.triple import TripleMap, Triples, triple_map
from ertheory.errors import InfeasibleWidth

__all__ = ["best_triple"]

_STEPS = (2.0, 1.3, 1.1)
_WAYS = ((1, 1, 0), (0, 0, 1), (0, 0, -1), (1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (-1, -1, 0))
_MOVES = 3  # of p_2 for one pair of the others
_CLOSE = 0.02  # relative, of p_2
_GRID = 10**9  # largest denominator of a density


def best_triple(shape: MapShape, one: TripleMap, *, objective: Objective = "edges") -> TripleMap:
    """Change the densities of a triple so that it has fewer expected edges, or neurons.

    Parameters
    ----------
    shape
        The sizes of the map.
    one
        The triple, with the densities that were given.
    objective
        ``edges`` for few expected edges, ``total`` for few inner neurons.

    Returns
    -------
    TripleMap
        It has the same theorem and form, an overall density of at most that of the given one, and nowhere more edges,
        or neurons.

    Examples
    --------
    >>> from ertheory.bounds.factored import MapShape
    >>> shape = MapShape("", 30, 10, 1, (30, 10), 300)
    >>> equal = triple_map(shape, densities=("0.1",) * 3, failure_probability="0.001")
    >>> best = best_triple(shape, equal)
    >>> best.density <= equal.density, best.edges_expected < equal.edges_expected
    (True, True)
    """
    if 0 in one.inner or one.density == 1:
        return one
    best, ways = one, list(_WAYS)

    def cost(some: TripleMap) -> Fraction:
        return some.edges_expected if objective == "edges" else Fraction(sum(some.inner))

    def changed(first: Fraction, last: Fraction, beside: int | None) -> TripleMap | None:
        """Give the triple of these densities whose p_2 makes the overall density nearly that of the given one."""
        middle = best.densities[1]
        found: TripleMap | None = None
        for _ in range(_MOVES):
            tried = _at(shape, one, (first, middle, last), objective, beside)
            if tried is None:
                break
            room = float((one.density * tried.entries - tried.edges_expected) / math.prod(tried.inner))
            if room >= 0:
                found = tried if found is None or cost(tried) < cost(found) else found
                if room < _CLOSE * float(middle):
                    break
            middle = min(Fraction(1), (middle + Fraction(room * (0.9 if room > 0 else 1.02))).limit_denominator(_GRID))
        return found

    for step in _STEPS:
        better = True
        while better:
            better = False
            for way in ways:
                ends = [_moved(best.densities[at], step**sign) for at, sign in ((0, way[0]), (2, way[1]))]
                other = changed(ends[0], ends[1], max(1, round(best.inner[_beside(one)] * step ** way[2])))
                if other is not None and cost(other) < cost(best):
                    best, better = other, True
                    ways = [way, *(one_way for one_way in ways if one_way != way)]  # it may be good once more
                    break
    last = changed(best.densities[0], best.densities[2], None)
    return best if last is None or cost(last) >= cost(best) else last


def _beside(one: TripleMap) -> int:
    """Say which inner layer the solved factor does not touch."""
    return 0 if one.theorem == "linking-transposed" else 1


def _moved(density: Fraction, factor: float) -> Fraction:
    return min(Fraction(1), (density * Fraction(factor)).limit_denominator(_GRID))


def _at(
    shape: MapShape, given: TripleMap, densities: Triples, objective: Objective, beside: int | None
) -> TripleMap | None:
    if min(densities) <= 0:
        return None
    try:
        return triple_map(
            shape,
            densities=densities,
            failure_probability=given.share,
            objective=objective,
            theorems=(given.theorem,),
            forms=(given.form,),
            beside=beside,
        )
    except InfeasibleWidth:
        return None
