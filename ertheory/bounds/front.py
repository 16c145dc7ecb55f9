"""Largest points at which a condition holds that larger numbers only make harder.

A point is *maximal* if the condition holds there and no longer holds with one of its numbers one larger, or that number
is at its limit. With the first number fixed, the maximal points of the others are found in the same way, down to a
single number, which is searched for; raised in the first number too, they are maximal, and none is missed as long as
every first number was looked at. Where there are too many of these, some are left out, evenly, and that is said; then
one point for each number that comes first is added, and one that raises all alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Front", "maximal_points"]

Point = tuple[int, ...]

_FEW = 200  # combinations of all numbers but the last that are all looked at
_MOST = {2: 24, 3: 8, 4: 4}  # else, values of each of them, by how many numbers there are
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
    # The number with the longest way to go is the one that is searched for.
    reach = [_largest(known, (1,) * len(limits), index, limits) for index in range(len(limits))]
    order = sorted(range(len(limits)), key=lambda index: reach[index])
    back = [order.index(index) for index in range(len(limits))]
    points, complete = _slices(
        lambda point: known(tuple(point[place] for place in back)),
        tuple(limits[index] for index in order),
        _values_looked_at(sorted(reach)),
    )
    found = {_raised(known, tuple(point[place] for place in back), limits) for point in points}
    if not complete and len(limits) > 2:
        orders = [[(first + shift) % len(limits) for shift in range(len(limits))] for first in range(len(limits))]
        found |= {_raised(known, (1,) * len(limits), limits, order) for order in orders}
        found.add(_raised(known, _balanced(known, limits), limits))
    return Front(tuple(sorted(found)), complete)


def _values_looked_at(reach: list[int]) -> int:
    """Give how many values of each number but the last are tried: all of them if these are few combinations."""
    if math.prod(reach[:-1]) <= _FEW:
        return max(reach)
    return _MOST.get(len(reach), 0)


def _slices(holds: Callable[[Point], bool], limits: Point, most: int) -> tuple[set[Point], bool]:
    """Give points among which, once they are raised, all maximal ones are, unless values were left out."""
    if len(limits) == 1:
        return {(_largest(holds, (1,), 0, limits),)}, True
    if not most:
        return set(), False
    rest = (1,) * (len(limits) - 1)
    highest = _largest(holds, (1, *rest), 0, limits)
    lowest = 1
    if len(limits) == 2:  # below, the first number can be raised whatever the second is
        lowest = _largest(holds, (1, _largest(holds, (1, 1), 1, limits)), 0, limits)
    step = max(1, math.ceil((highest - lowest) / most))
    found: set[Point] = set()
    complete = step == 1
    for value in sorted({*range(highest, lowest - 1, -step), lowest}):
        points, whole = _slices(lambda point, value=value: holds((value, *point)), limits[1:], most)  # type: ignore[misc]
        found |= {(value, *point) for point in points}
        complete &= whole
    return found, complete


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
