"""Enclosures of binomial probabilities and expectations, for laws that have no closed form.

Sums run outwards from the largest terms; what is left out is bounded by a geometric series, so every value returned
is an interval that certainly contains the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from mpmath.libmp import to_rational

from ertheory.errors import InfeasibleWidth
from ertheory.numbers.enclosures import rational
from ertheory.numbers.exact import Context, Interval

__all__ = ["expectation", "log_choose", "log_mass", "lower_tail"]

_MOST_TERMS = 100_000


def lower_tail(context: Context, trials: int, most: int, chance: Interval) -> Interval:
    """Enclose P(X <= most) for X ~ Bin(trials, chance), chance an interval inside [0, 1].

    Examples
    --------
    >>> from ertheory.numbers.exact import enclose
    >>> low, high = enclose(lambda context: lower_tail(context, 4, 1, context.mpf("0.5")))
    >>> low <= Fraction(5, 16) <= high
    True
    """
    if most < 0:
        return context.mpf(0)
    if most >= trials:
        return context.mpf(1)
    miss = 1 - chance
    if (chance > 0) is not True or (miss > 0) is not True:
        return _degenerate_tail(context, trials, most, chance, miss)
    if (trials * chance < most) is True:
        return 1 - _run_down(context, trials, trials - most - 1, miss, chance)
    return _run_down(context, trials, most, chance, miss)


def _degenerate_tail(context: Context, trials: int, most: int, chance: Interval, miss: Interval) -> Interval:
    # An end point at 0 or 1 leaves no logarithm; Markov's inequality on X or on trials - X still bounds the tail.
    if (chance > 0) is not True:
        return 1 - _between_zero_and(context, trials * chance / (most + 1))
    return _between_zero_and(context, trials * miss / (trials - most))


def _between_zero_and(context: Context, bound: Interval) -> Interval:
    return context.mpf([0, bound.b]) if (bound < 1) is True else context.mpf([0, 1])


def _run_down(context: Context, trials: int, most: int, chance: Interval, miss: Interval) -> Interval:
    """Sum P(X = most) + P(X = most - 1) + ... for most at or below the mean."""
    # Terms relative to the first one, as integers over 2^scale: many times faster than intervals, and rounding is
    # directed by hand.
    scale = context.prec + 32
    odds_low, odds_high = (_fixed_point(end, scale) for end in (miss / chance)._mpi_)
    odds_high += 1
    low = high = total_low = total_high = 1 << scale
    for count in range(most, 0, -1):
        rest = trials - count + 1
        low = (low * odds_low * count // rest) >> scale
        high = -((-high * odds_high * count // rest) >> scale)
        total_low += low
        total_high += high
        if high << (context.prec // 2) < total_low and odds_high * count < rest << scale:
            # Ratios only shrink further down, so what is left is below a geometric series.
            total_high += high * odds_high * count // ((rest << scale) - odds_high * count) + 1
            break
    relative = context.mpf([total_low, total_high]) / (1 << scale)
    return relative * context.exp(log_mass(context, trials, most, chance, miss))


def _fixed_point(value: object, scale: int) -> int:
    numerator, denominator = to_rational(value)
    return int(numerator << scale) // int(denominator)


def log_mass(context: Context, trials: int, count: int, chance: Interval, miss: Interval) -> Interval:
    """Enclose log P(X = count) for X ~ Bin(trials, chance), with miss = 1 - chance and both inside (0, 1)."""
    return log_choose(context, trials, count) + count * context.log(chance) + (trials - count) * context.log(miss)


def log_choose(context: Context, total: int, chosen: int) -> Interval:
    """Enclose log C(total, chosen)."""
    above, below, rest = (context.loggamma(context.mpf(n + 1)) for n in (total, chosen, total - chosen))
    return above - below - rest


def expectation(context: Context, trials: int, chance: Fraction, loss: Callable[[int], Interval]) -> Interval:
    """Enclose E[loss(K)] for K ~ Bin(trials, chance) and a loss that decreases in K from at most 1 to at least 0.

    Raises
    ------
    InfeasibleWidth
        If the sum would need more terms than is sensible.

    Examples
    --------
    >>> from ertheory.numbers.exact import enclose
    >>> low, high = enclose(lambda c: expectation(c, 3, Fraction(1, 2), lambda k: c.mpf(1) / 2**k))
    >>> low <= Fraction(27, 64) <= high
    True
    """
    if chance == 1 or trials == 0:
        return loss(trials)
    if 200 * trials * chance * (1 - chance) > _MOST_TERMS**2:  # seven standard deviations to either side
        raise InfeasibleWidth(f"the exact law needs more than {_MOST_TERMS} terms here; ask for its closed form")
    hit, miss = rational(context, chance), rational(context, 1 - chance)
    odds = hit / miss
    mode = min(trials, int((trials + 1) * chance))
    tolerance = context.mpf(2) ** (-context.prec // 2)
    center = context.exp(log_mass(context, trials, mode, hit, miss))
    total = center * loss(mode)

    term = center
    for count in range(mode, 0, -1):  # down: the loss is at most 1 there
        ratio = count / (odds * (trials - count + 1))
        term = term * ratio
        total += term * loss(count - 1)
        if (ratio < 1) is True and (rest := term * ratio / (1 - ratio)) < tolerance * total:
            total += context.mpf([0, rest.b])
            break

    term = center
    for count in range(mode + 1, trials + 1):  # up: the loss stays below its last value
        ratio = odds * (trials - count + 1) / count
        term = term * ratio
        value = loss(count)
        total += term * value
        if (ratio < 1) is True and (rest := term * value * ratio / (1 - ratio)) < tolerance * total:
            total += context.mpf([0, rest.b])
            break
    return total
