"""Means with intervals over repeated runs, and a paired comparison of two methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ertheory.errors import InvalidInput
from ertheory.numbers import probability
from ertrain.arguments import taken

__all__ = ["Mean", "PairedDifference", "mean_of", "paired_difference", "student_quantile"]

_DIGITS = 12


@dataclass(frozen=True)
class Mean:
    """A mean over runs, with its interval.

    Parameters
    ----------
    value
        The mean.
    low, high
        Ends of the interval; None if there is one run only, which says nothing about the spread.
    count
        n, the number of runs.
    level
        Confidence of the interval.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    level: float = 0.95


@dataclass(frozen=True)
class PairedDifference:
    """How much better one method is than another, over runs that share their seeds.

    Parameters
    ----------
    mean
        It is that of the differences, first minus second.
    p_value
        Two-sided, of the t-test that the differences have mean 0; None with fewer than two pairs, and None where all
        differences are the same.
    """

    mean: Mean
    p_value: float | None


def mean_of(values: Sequence[float], level: float = 0.95) -> Mean:
    """Average values and compute the t-interval of their mean.

    Parameters
    ----------
    values
        They are at least one number.
    level
        Confidence, in (0, 1).

    Raises
    ------
    InvalidInput
        If there are no values, one is beyond any double, or the level lies outside.

    Notes
    -----
    The interval is exact for normal values; with few runs it is wide, as it should be.

    Examples
    --------
    >>> mean = mean_of([0.9, 0.91, 0.92])
    >>> round(mean.value, 6), round(mean.low, 6), round(mean.high, 6)
    (0.91, 0.885159, 0.934841)
    """
    if not values:
        raise InvalidInput("values", "at least one number", values)
    level = float(probability("level", level))
    with taken("values", "numbers that a double holds", list(values)):
        values = [float(value) for value in values]
        math.fsum(values)
    count = len(values)
    mean = values[0] if min(values) == max(values) else math.fsum(values) / count
    if count == 1:
        return Mean(mean, None, None, 1, level)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1) / count)
    reach = student_quantile(count, level) * spread
    return Mean(mean, mean - reach, mean + reach, count, level)


def student_quantile(count: int, level: float) -> float:
    """Give the quantile t of Student's law that a two-sided interval over so many values, at least 2, reaches to.

    Examples
    --------
    >>> round(student_quantile(10, 0.95), 4)
    2.2622
    """
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, (1 + level) / 2))


def paired_difference(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> PairedDifference:
    """Compare two methods on the same seeds.

    Parameters
    ----------
    first, second
        Their results, seed by seed; at least one.
    level
        Confidence of the interval.

    Raises
    ------
    InvalidInput
        If there are none, or not equally many, or one is beyond any double.

    Examples
    --------
    >>> compared = paired_difference([0.93, 0.95, 0.94], [0.91, 0.92, 0.93])
    >>> round(compared.mean.value, 3), round(compared.p_value, 3)
    (0.02, 0.074)
    """
    from scipy.special import stdtr

    if len(first) != len(second):
        raise InvalidInput("second", f"{len(first)} numbers, one per number of first", len(second))
    with taken("first", "numbers that a double holds, like those of second", list(first)):
        first, second = ([float(value) for value in given] for given in (first, second))
    # Differences that are the same but for the rounding of doubles are the same.
    mean = mean_of([round(one - other, _DIGITS) for one, other in zip(first, second, strict=True)], level)
    if mean.low is None or mean.high is None or mean.low == mean.high:
        return PairedDifference(mean, None)
    spread = (mean.high - mean.value) / student_quantile(mean.count, level)
    return PairedDifference(mean, 2 * float(stdtr(mean.count - 1, -abs(mean.value) / spread)))
