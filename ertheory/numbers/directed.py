"""Sums of non-negative numbers in double precision, with every rounding counted.

Where no number is negative nothing cancels: each rounding changes a result by a factor between 1 - u and 1 + u with
u = 2^-53, so a result that took k of them lies within a factor (1 - u)^-k of the truth, whatever the order of the
additions. For k u <= 1/8 that factor is at most 1 + 2 k u. Convolutions are summed directly, never by fast Fourier
transforms, whose errors are relative to the largest term and would drown the tails.

Products below 2^-1022 may lose everything. All factors are at most 1 and fewer than 2^60 products are ever formed, so
what is lost that way, and what lies outside the windows below, is less than `TINY` = 2^-900 in total; it is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ertheory.errors import InfeasibleWidth
from ertheory.numbers.decisions import Decision

__all__ = [
    "TINY",
    "Bounds",
    "Masses",
    "binomial_masses",
    "bounds",
    "convolve",
    "decided",
    "tail_bounds",
]

Floats = npt.NDArray[np.float64]
Bounds = tuple[Fraction, Fraction]

TINY = 2.0**-900
_UNIT = Fraction(1, 2**53)
_LOWEST = 2.0**-1000  # of the largest mass; masses below it are left out of a window
_MOST_TRIALS = 2**40
_LONGEST_WINDOW = 20_000_000


@dataclass(frozen=True)
class Masses:
    """Non-negative numbers at consecutive integers, and 0 elsewhere.

    Parameters
    ----------
    first
        The integer of the first number.
    values
        The numbers, shape (length,).
    roundings
        How many roundings each of them took at most.
    """

    first: int
    values: Floats
    roundings: int

    @property
    def last(self) -> int:
        """The integer of the last number."""
        return self.first + len(self.values) - 1

    def trimmed(self, loss: float) -> Masses:
        """Leave out numbers at both ends that sum to at most `loss` at each of them."""
        # Half, so that the rounding of these sums does not matter.
        if min(self.values[0], self.values[-1]) > loss / 2:  # as most laws do that are trimmed again and again
            return self
        below, above = np.cumsum(self.values), np.cumsum(self.values[::-1])
        low = int(np.searchsorted(below, loss / 2, side="right"))
        high = len(self.values) - int(np.searchsorted(above, loss / 2, side="right"))
        if low >= high:
            return self
        return Masses(self.first + low, self.values[low:high], self.roundings)


def bounds(value: float, roundings: int, lost: float = 0.0) -> Bounds:
    """Enclose a sum of non-negative numbers.

    Parameters
    ----------
    value
        What double precision gave.
    roundings
        How many roundings it took at most.
    lost
        An upper bound on what was left out of the sum.

    Returns
    -------
    tuple
        Rationals below and above the true sum.

    Raises
    ------
    InfeasibleWidth
        If there were too many roundings for a bound.

    Examples
    --------
    >>> low, high = bounds(0.1 + 0.2, 3)
    >>> low < Fraction(3, 10) < high
    True
    """
    error = 2 * roundings * _UNIT
    if error > Fraction(1, 4) or not math.isfinite(value):
        msg = "a sum is too long for double precision"
        raise InfeasibleWidth(msg)
    middle = Fraction(value)
    spare = Fraction(TINY)
    # Twice the error of one direction: a bound on the ratio of two numbers bounds it both ways.
    return max(Fraction(0), middle * (1 - error) - spare), middle * (1 + error) + spare + 2 * Fraction(lost)


def decided(value: Bounds, most: Fraction) -> Decision:
    """Decide whether an enclosed number is at most another one; where that stays open the answer is no.

    The working precision of a decision is 53 bits, and 54 if it stayed open.

    Examples
    --------
    >>> decided((Fraction(1, 3), Fraction(2, 3)), Fraction(1, 2))
    Decision(holds=False, bits=54)
    """
    low, high = value
    return Decision(high <= most, 54 if low <= most < high else 53)


def convolve(first: Masses, second: Masses) -> Masses:
    """Convolve: the law of the sum of two independent integers, if these are their laws.

    Examples
    --------
    >>> coin = Masses(0, np.array([0.5, 0.5]), 0)
    >>> convolve(coin, coin).values.tolist()
    [0.25, 0.5, 0.25]
    """
    terms = min(len(first.values), len(second.values))
    values = np.convolve(first.values, second.values)  # direct
    return Masses(first.first + second.first, values, first.roundings + second.roundings + terms)


def binomial_masses(trials: int, odds: float, *, roundings: int = 1) -> Masses:
    """Masses of Bin(trials, p) for given odds p / (1 - p), in the window where they are not negligible.

    Parameters
    ----------
    trials
        Number of trials, at least 0.
    odds
        They are p / (1 - p), above 0, and ``inf`` for p = 1.
    roundings
        How many roundings the odds took.

    Returns
    -------
    Masses
        All masses outside the window sum to less than `TINY`.

    Raises
    ------
    InfeasibleWidth
        If the window would be too long.

    Notes
    -----
    The masses relative to the largest one are products of ratios below 1, and sum to 1 over it: no factorial is needed.
    The ratios shrink outwards, so beyond the window, where the relative mass is below 2^-1000 at its end, there is at
    most `trials` times that.

    Examples
    --------
    >>> binomial_masses(2, 1.0).values.tolist()
    [0.25, 0.5, 0.25]
    """
    if trials > _MOST_TRIALS:
        msg = "a binomial law is too wide to be summed"
        raise InfeasibleWidth(msg)
    if trials == 0 or not 1e-290 < odds < 1e290:  # all other masses sum to less than 2^40 / 1e290
        return Masses(trials if odds > 1 else 0, np.ones(1), 1)
    chance, miss = odds / (1 + odds), 1 / (1 + odds)
    mode = min(trials, int((trials + 1) * chance))
    # Bernstein: a relative mass of e^-750 lies no further out than this; guessed, and checked below.
    reach = int(math.sqrt(1500 * trials * chance * miss) + 600) + 8
    low, high = max(0, mode - reach), min(trials, mode + reach)
    if high - low > _LONGEST_WINDOW:
        msg = "a binomial law is too wide to be summed"
        raise InfeasibleWidth(msg)
    down, up = np.arange(mode, low, -1, dtype=np.float64), np.arange(mode + 1, high + 1, dtype=np.float64)
    below = np.cumprod(down / (odds * (trials - down + 1)))[::-1]
    above = np.cumprod(odds * (trials - up + 1) / up)
    relative = np.concatenate([below, [1.0], above])
    if (low > 0 and relative[0] > _LOWEST) or (high < trials and relative[-1] > _LOWEST):
        msg = "a binomial law is too wide to be summed"
        raise InfeasibleWidth(msg)
    # Three roundings a step besides those of the odds, then a sum and a quotient; a guessed mode that is one off only
    # makes one ratio a little larger than 1.
    steps = max(mode - low, high - mode)
    taken = 2 * steps * (roundings + 3) + len(relative) + 1
    return Masses(low, relative / relative.sum(), taken)


@lru_cache(maxsize=4096)
def tail_bounds(trials: int, count: int, odds: float, *, roundings: int = 1) -> Bounds:
    """Enclose P(Bin(trials, p) < count) for given odds p / (1 - p).

    Examples
    --------
    >>> low, high = tail_bounds(4, 2, 1.0)
    >>> low < Fraction(5, 16) < high
    True
    """
    if count <= 0:
        return Fraction(0), Fraction(0)
    if count > trials:
        return Fraction(1), Fraction(1)
    masses = binomial_masses(trials, odds, roundings=roundings)
    inside = masses.values[: max(0, count - masses.first)]
    low, high = bounds(float(inside.sum()), masses.roundings + len(inside))
    return low, min(high, Fraction(1))
