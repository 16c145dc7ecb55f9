"""Decided comparisons, and the smallest integers that they lead to.

A width must never come out of ``ceil`` of a float: ``ceil(log(2**29) / log(2))`` is 30, not 29. Every comparison that
decides a width is made here instead, on balls whose precision doubles until the answer is certain. Where both sides can
be equal, balls never separate, and `decide` asks for exact integers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from ertheory.errors import InfeasibleWidth
from ertheory.numbers.balls import FIRST_BITS, LAST_BITS, Ball, at_precision, midpoint

__all__ = ["Decision", "decide", "near_zero", "smallest"]

_LONGEST_GUESS = 14_000  # bits; Python writes integers of up to 4300 digits


@dataclass(frozen=True)
class Decision:
    """A comparison that is certain.

    Parameters
    ----------
    holds
        Whether the inequality holds.
    bits
        Working precision of the balls that separated both sides; 0 if exact integers decided.
    """

    holds: bool
    bits: int


def decide(
    difference: Callable[[], Ball],
    *,
    tie: Callable[[], bool] | None = None,
    undecided: bool | None = None,
    most_bits: int = LAST_BITS,
) -> Decision:
    """Decide whether a real number is at least 0.

    Parameters
    ----------
    difference
        Encloses the number, at whatever the working precision is.
    tie
        Tells whether the number is exactly 0. It is asked once, when the first balls do not separate it from 0.
    undecided
        The answer on the safe side, returned if the largest working precision does not separate the number from 0.
    most_bits
        The largest working precision. Bounds that no precision sharpens need not be evaluated with all of it.

    Raises
    ------
    InfeasibleWidth
        If there is no such answer.

    Examples
    --------
    >>> decide(lambda: Ball(8).log() - 3 * Ball(2).log(), tie=lambda: 2**3 == 8)
    Decision(holds=True, bits=0)
    """
    bits = FIRST_BITS
    while bits <= most_bits:
        value = at_precision(bits, difference)
        if value >= 0:
            return Decision(True, bits)
        if value < 0:
            return Decision(False, bits)
        if tie is not None and tie():
            return Decision(True, 0)
        tie = None
        bits *= 2
    if undecided is not None:
        return Decision(undecided, bits // 2)
    raise InfeasibleWidth(f"the inequality is too close to equality to be decided with {most_bits} bits")


def smallest(predicate: Callable[[int], Decision], guess: int, *, least: int = 1) -> tuple[int, int]:
    """Find the smallest integer of a monotone predicate, certified on both sides.

    Parameters
    ----------
    predicate
        Decides a condition that is false below some integer and true from there on.
    guess
        The number to look at first. Close guesses are cheap, wrong ones cost a logarithm.
    least
        Smallest integer to consider.

    Returns
    -------
    tuple
        The integer q with ``predicate(q)`` true and ``predicate(q - 1)`` false (or q = least), and the largest
        working precision that these two decisions took.

    Examples
    --------
    >>> smallest(lambda q: Decision(q * q >= 50, 0), guess=3)
    (8, 0)
    """
    high = max(guess, least)
    found = predicate(high)
    step = 1
    if found.holds:
        low, below = high, found
        while below.holds and low > least:
            high, found = low, below
            low = max(least, high - step)
            below = predicate(low)
            step *= 2
        if below.holds:
            return low, below.bits
    else:
        low, below = high, found
        while not found.holds:
            low, below = high, found
            high += step
            if high.bit_length() > _LONGEST_GUESS:
                msg = "no integer that can be written down satisfies the inequality"
                raise InfeasibleWidth(msg)
            found = predicate(high)
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        decision = predicate(middle)
        if decision.holds:
            high, found = middle, decision
        else:
            low, below = middle, decision
    return high, max(found.bits, below.bits)


def near_zero(decreasing: Callable[[int], Ball], start: int, *, least: int = 1) -> int:
    """Guess where a decreasing function of an integer passes 0, by a few secant steps in low precision.

    The guess is only a place for `smallest` to start from; nothing rests on it.

    Parameters
    ----------
    decreasing
        Encloses the function at an integer.
    start
        The number to begin with.
    least
        Smallest integer to consider.

    Examples
    --------
    >>> near_zero(lambda q: Ball(1000).log() - q * Ball(2).log(), 1)
    10
    """

    def value(number: int) -> float:
        return midpoint(lambda: decreasing(number))

    left, right = start, max(least, start + max(1, start // 1000))
    at_left, at_right = value(left), value(right)
    for _ in range(12):
        falls = at_left > at_right if left < right else at_right > at_left
        if left == right or not math.isfinite(at_right - at_left) or not falls:
            break
        step = Fraction(at_right) * (right - left) / Fraction(at_left - at_right)  # a float could not hold it
        left, at_left = right, at_right
        right = max(least, min(2 * right + 2, right + math.ceil(step)))
        if right == left or abs(step) < 0.5:
            break
        at_right = value(right)
    return right
