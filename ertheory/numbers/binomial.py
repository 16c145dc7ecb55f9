"""Enclosures of binomial probabilities and expectations, for laws that have no closed form.

Sums run outwards from the largest terms; what is left out is bounded by a geometric series, so every value returned
is a ball that certainly contains the truth. FLINT has binomial tails as incomplete beta functions, but needs
milliseconds for one of a hundred thousand trials, and seconds at a thousand bits.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ertheory.errors import InfeasibleWidth
from ertheory.numbers.balls import Ball, ball, below, hull, log_choose, working_precision

__all__ = ["expectation", "log_mass", "lower_tail"]

_MOST_TERMS = 100_000


def lower_tail(trials: int, most: int, chance: Ball) -> Ball:
    """Enclose P(X <= most) for X ~ Bin(trials, chance), chance a ball inside [0, 1] or a little wider.

    Parameters
    ----------
    trials
        Number of trials, at least 0.
    most
        The largest count that belongs to the tail.
    chance
        Probability of a success.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> low, high = enclose(lambda: lower_tail(4, 1, ball(Fraction(1, 2))))
    >>> low <= Fraction(5, 16) <= high
    True
    """
    if most < 0:
        return Ball(0)
    if most >= trials:
        return Ball(1)
    miss = 1 - chance
    if not (chance > 0 and miss > 0):
        return _degenerate_tail(trials, most, chance, miss)
    if trials * chance < most:
        return 1 - _run_down(trials, trials - most - 1, miss, chance)
    return _run_down(trials, most, chance, miss)


def _degenerate_tail(trials: int, most: int, chance: Ball, miss: Ball) -> Ball:
    # An end point at 0 or 1 leaves no logarithm; Markov's inequality on X or on trials - X still bounds the tail.
    if not chance > 0:
        return 1 - _probability_below(trials * chance / (most + 1))
    return _probability_below(trials * miss / (trials - most))


def _probability_below(bound: Ball) -> Ball:
    return below(bound) if bound < 1 else hull(0, 1)


def _run_down(trials: int, most: int, chance: Ball, miss: Ball) -> Ball:
    """Sum P(X = most) + P(X = most - 1) + ... for most at or below the mean."""
    odds = miss / chance
    term = total = Ball(1)  # relative to the first
    tolerance = Ball(2) ** (-working_precision() // 2)
    for count in range(most, 0, -1):
        ratio = odds * count / (trials - count + 1)
        term = term * ratio
        total += term
        # Ratios only shrink further down, so what is left is below a geometric series.
        if term < tolerance * total and ratio < 1:
            total += below(term * ratio / (1 - ratio))
            break
    return total * log_mass(trials, most, chance, miss).exp()


def log_mass(trials: int, count: int, chance: Ball, miss: Ball) -> Ball:
    """Enclose log P(X = count) for X ~ Bin(trials, chance), with miss = 1 - chance and both inside (0, 1)."""
    return log_choose(trials, count) + count * chance.log() + (trials - count) * miss.log()


def expectation(trials: int, chance: Fraction, loss: Callable[[int], Ball]) -> Ball:
    """Enclose E[loss(K)] for K ~ Bin(trials, chance) and a loss that decreases in K from at most 1 to at least 0.

    Parameters
    ----------
    trials
        Number of trials, at least 0.
    chance
        Probability of a success, in (0, 1].
    loss
        Encloses the loss at an integer.

    Raises
    ------
    InfeasibleWidth
        If the sum would need more terms than is sensible.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> low, high = enclose(lambda: expectation(3, Fraction(1, 2), lambda k: Ball(1) / 2**k))
    >>> low <= Fraction(27, 64) <= high
    True
    """
    if chance == 1 or trials == 0:
        return loss(trials)
    if 200 * trials * chance * (1 - chance) > _MOST_TERMS**2:  # seven standard deviations to either side
        raise InfeasibleWidth(f"the exact law needs more than {_MOST_TERMS} terms here; ask for its closed form")
    hit, miss = ball(chance), ball(1 - chance)
    odds = hit / miss
    mode = min(trials, int((trials + 1) * chance))
    tolerance = Ball(2) ** (-working_precision() // 2)
    center = log_mass(trials, mode, hit, miss).exp()
    total = center * loss(mode)

    term = center
    for count in range(mode, 0, -1):  # down: the loss is at most 1 there
        ratio = count / (odds * (trials - count + 1))
        term = term * ratio
        total += term * loss(count - 1)
        if ratio < 1 and (rest := term * ratio / (1 - ratio)) < tolerance * total:
            total += below(rest)
            break

    term = center
    for count in range(mode + 1, trials + 1):  # up: the loss stays below its last value
        ratio = odds * (trials - count + 1) / count
        term = term * ratio
        value = loss(count)
        total += term * value
        if ratio < 1 and (rest := term * value * ratio / (1 - ratio)) < tolerance * total:
            total += below(rest)
            break
    return total
