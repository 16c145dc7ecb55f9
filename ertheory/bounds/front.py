"""Largest points at which a condition holds that larger numbers only make harder.

A point is *maximal* if the condition holds there and no longer holds with one of its numbers one larger, or that number
is at its limit. Of two numbers all maximal points lie on a staircase, which is walked through; of three and more there
can be very many, and some are looked for: one for each number that comes first, and one that raises all alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Front", "maximal_points"]

Point = tuple[int, ...]

_MOST = 24  # steps of a staircase that are looked at
_SCALES = 2**10


@dataclass(frozen=True)
class Front:
    """Maximal points, and whether these are all.

    Parameters
    ----------
    points
        The points, sorted.
    complete
        Whether every maximal point is among them, if the condition is monotone.
    """

    points: tuple[Point, ...]
    complete: bool


def maximal_points(holds: Callable[[Point], bool], limits: Point) -> Front:
    """Find maximal points among those with numbers from 1 to their limits.

    Parameters
    ----------
    holds
        The condition.
    limits
        The largest value of each number, at least 1; empty if there is none to choose.

    Examples
    --------
    >>> maximal_points(lambda point: point[0] * point[1] <= 6, (10, 10)).points
    ((1, 6), (2, 3), (3, 2), (6, 1))
    """
    known = lru_cache(maxsize=None)(holds)
    if not known((1,) * len(limits)):
        return Front((), complete=True)
    if len(limits) < 2:
        return Front((_raised(known, (1,) * len(limits), limits),), complete=True)
    if len(limits) == 2:
        return _staircase(known, limits)
    orders = [[(first + shift) % len(limits) for shift in range(len(limits))] for first in range(len(limits))]
    found = {_raised(known, (1,) * len(limits), limits, order) for order in orders}
    found.add(_raised(known, _balanced(known, limits), limits))
    return Front(tuple(sorted(found)), complete=False)


def _staircase(holds: Callable[[Point], bool], limits: Point) -> Front:
    highest = _largest(holds, (1, 1), 1, limits)
    lowest = _largest(holds, (_largest(holds, (1, 1), 0, limits), 1), 1, limits)
    step = max(1, math.ceil((highest - lowest) / _MOST))
    heights = {*range(lowest, highest + 1, step), highest}
    return Front(tuple(sorted({_raised(holds, (1, height), limits) for height in heights})), complete=step == 1)


def _balanced(holds: Callable[[Point], bool], limits: Point) -> Point:
    """Give the largest point that holds on the line from the ones to the limits."""
    low, high = 0, _SCALES
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(_scaled(limits, middle)) else (low, middle - 1)
    return _scaled(limits, low)


def _scaled(limits: Point, part: int) -> Point:
    return tuple(1 + (limit - 1) * part // _SCALES for limit in limits)


def _raised(holds: Callable[[Point], bool], point: Point, limits: Point, order: list[int] | None = None) -> Point:
    """Raise one number after the other, until none can be raised."""
    while True:
        before = point
        for index in order or range(len(limits)):
            point = (*point[:index], _largest(holds, point, index, limits), *point[index + 1 :])
        if point == before:
            return point


def _largest(holds: Callable[[Point], bool], point: Point, index: int, limits: Point) -> int:
    """Find how large one number can be, from a point on that holds."""

    def allowed(number: int) -> bool:
        return number <= limits[index] and holds((*point[:index], number, *point[index + 1 :]))

    low, step = point[index], 1
    while allowed(low + step):
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low
