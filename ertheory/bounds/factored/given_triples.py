"""Factored sources of three maps for each map, of given widths: which theorem, and for a colouring which classes.

For given widths nothing is left to choose but the theorem, the place of the taps of a convolution, and the sizes q_1
and q_2 of the classes of a colouring. These grow as large as the failure of their matchings stays below one of some
levels; whichever level gives the least bound is taken. Every choice is a valid one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.factored.colouring import Classes, colouring_failure
from ertheory.bounds.factored.linking import linking_failure
from ertheory.bounds.factored.network import MapShape
from ertheory.bounds.factored.triple import Theorem, Triples
from ertheory.numbers import ball, decide

__all__ = ["triple_failure"]

_LEVELS = (*(Fraction(1, 2**exponent) for exponent in range(3, 21)), Fraction(1, 10**9), Fraction(1, 10**15))


@lru_cache(maxsize=4096)
def triple_failure(shape: MapShape, inner: tuple[int, int], densities: Triples) -> tuple[Fraction, Theorem]:
    """Bound the probability that a triple of given widths does not contain every map, by the best theorem.

    Parameters
    ----------
    shape
        The sizes of the map.
    inner
        The numbers N_1 and N_2 of inner neurons.
    densities
        The densities p_1, p_2 and p_3, each in (0, 1].

    Returns
    -------
    tuple
        The bound, and the theorem that it is from.

    Examples
    --------
    >>> shape = MapShape("", 784, 128, 1, (784, 128), 784 * 128)
    >>> failure, theorem = triple_failure(shape, (1892, 188), (Fraction(1, 10),) * 3)
    >>> failure < Fraction(1, 2000), theorem
    (True, 'linking')
    """
    if 0 in shape.used:
        return Fraction(0), "linking"
    found: list[tuple[Fraction, Theorem]] = []
    for before, after in {(shape.taps, 1), (1, shape.taps)}:
        columns, rows = shape.used[0] * before, shape.used[1] * after
        found.append((linking_failure(columns, rows, inner, densities), "linking"))
        turned = densities[2], densities[1], densities[0]
        found.append((linking_failure(rows, columns, inner[::-1], turned), "linking-transposed"))
        found.append((_coloured(columns, rows, inner, densities), "colouring"))
    return min(found)


def _coloured(columns: int, rows: int, inner: tuple[int, int], densities: Triples) -> Fraction:
    most = (inner[0] // columns) * (inner[1] // rows)
    missed = most * math.log1p(-float(densities[1])) if densities[1] < 1 else -math.inf
    if not most or math.log(columns * rows) + missed > 1:
        return Fraction(1)  # too few entries between classes, even of the largest sizes
    least = Fraction(1)
    tried: set[Classes] = set()
    for level in _LEVELS:
        classes = _largest(columns, inner[0], densities[0], level), _largest(rows, inner[1], densities[2], level)
        if 0 not in classes and classes not in tried:
            tried.add(classes)
            least = min(least, colouring_failure(columns, rows, inner, classes, densities))
    return least


def _largest(ends: int, neurons: int, density: Fraction, level: Fraction) -> int:
    """Find the largest size of the classes whose matching fails with at most this probability; 0 if there is none."""
    most = neurons // ends
    holds: Callable[[int], bool] = lambda size: (  # noqa: E731
        decide(lambda: ball(level) - hall_sum(neurons, ends, size, density), undecided=False, most_bits=256).holds
    )
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
