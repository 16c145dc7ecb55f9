"""The exact interval for a probability that was counted, by Clopper and Pearson.

It covers the truth with at least the stated probability for every number of trials, so a check against it has a false
alarm rate that is known and can be made as small as one likes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, probability, whole_number

__all__ = ["Interval", "binomial_interval"]


@dataclass(frozen=True)
class Interval:
    """A confidence interval for a probability.

    Parameters
    ----------
    low, high
        Ends, 0 <= low < high <= 1.
    level
        Probability, at least, with which an interval so made covers the truth.
    """

    low: float
    high: float
    level: float

    def meets(self, low: float, high: float) -> bool:
        """Whether some number lies both in here and between low and high.

        Examples
        --------
        >>> Interval(0.2, 0.4, 0.95).meets(0.35, 0.9), Interval(0.2, 0.4, 0.95).meets(0.5, 0.5)
        (True, False)
        """
        return self.low <= high and low <= self.high


def binomial_interval(successes: int, trials: int, level: Rational) -> Interval:
    """Compute the two-sided Clopper-Pearson interval of a success probability.

    Parameters
    ----------
    successes
        How many trials succeeded, 0..trials.
    trials
        They are at least 1.
    level
        It lies in (0, 1) and below 1 also as a double; half of 1 - level is spent on either side.

    Raises
    ------
    InvalidInput
        If a number lies outside its domain.

    Notes
    -----
    The ends are quantiles of beta distributions: Clopper and Pearson, Biometrika 26 (1934). The upper one comes from
    the complement, so that no digits of 1 - level are lost.

    Examples
    --------
    >>> interval = binomial_interval(0, 10, "0.95")
    >>> interval.low, round(interval.high, 6)
    (0.0, 0.308497)
    """
    from scipy.special import betainccinv, betaincinv

    trials = whole_number("trials", trials, least=1)
    successes = whole_number("successes", successes, least=0, most=trials)
    covered = probability("level", level)
    if float(covered) == 1:
        raise InvalidInput("level", "a number in (0, 1) that a double tells from 1", level)
    tail = float((1 - covered) / 2)
    failures = trials - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betainccinv(successes + 1, failures, tail)) if failures else 1.0
    return Interval(low, high, float(covered))
