"""Coordinate descent on whole numbers: where constructions look for small designs that have no closed form.

Nothing rests on what is found: any design is valid, and its law decides it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

__all__ = ["Point", "coordinate_descent"]

Point = tuple[int, ...]

_COARSEST = 0.3


def coordinate_descent(value: Callable[[Point], float], start: Point, *, finest: float, fixed: int = 0) -> Point:
    """Move one coordinate after another as long as a value falls, by shares of it that get smaller.

    Parameters
    ----------
    value
        What shall be small: a function of the point alone, infinite where there is nothing.
    start
        Whole numbers from which to go; of those that move, none falls below 1.
    finest
        Steps are made smaller down to this share of a coordinate, in (0, 0.3); none is smaller than 1.
    fixed
        So many coordinates in front stay as they are.

    Returns
    -------
    tuple
        A point no worse than the first one, where no step of a coordinate by the last share makes it better.

    Examples
    --------
    >>> coordinate_descent(lambda at: (at[0] - 70) ** 2 + (at[1] - 3) ** 2, (1, 9), finest=0.01)
    (70, 3)
    """
    value = cache(value)
    found, share = start, _COARSEST
    while share > finest:
        before = found
        for place in range(fixed, len(start)):
            for direction in (1, -1):
                found = _walked(value, found, place, direction, share)
        share = share / 3 if found == before else share
    return found


def _walked(value: Callable[[Point], float], found: Point, place: int, direction: int, share: float) -> Point:
    """Go on in one direction, which ends as the value falls with every step."""
    ahead = _moved(found, place, direction, share)
    while value(ahead) < value(found):
        found, ahead = ahead, _moved(ahead, place, direction, share)
    return found


def _moved(point: Point, place: int, direction: int, share: float) -> Point:
    moved = max(1, point[place] + direction * max(1, round(share * point[place])))
    return (*point[:place], moved, *point[place + 1 :])
