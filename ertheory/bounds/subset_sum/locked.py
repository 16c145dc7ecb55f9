"""Subset sums of which a part is frozen: some variables are never in the sum, others always.

In partially frozen networks a weight is pruned for good with some probability and locked, kept for good, with another;
only the rest is searched (Otsuka, Chijiwa, Garcia-Arias, Okoshi, Kawamura, Van Chu, Fujiki, Takeuchi and Motomura,
"Partially Frozen Random Networks Contain Compact Strong Lottery Tickets", arXiv 2402.14029, who extend the subset sum
lemma of the paper to that, with constants that are not named). The following is ours.

**Theorem F.** Let X_i be independent U[-1,1]; each is locked with probability q, free with probability f > 0, else
pruned, and q + f <= 1. Let 0 < epsilon < 1 and |z| <= 1. For every n_1 <= n, theta > 0 and t in (0, 1]

    P(no subset of the free X_i, with all locked ones, has a sum within epsilon of z)
        <= 2 a^n_1 b^(n - n_1) + epsilon^-t (1 - (f/2)(1 - 2^-t))^(n - n_1),
    b = 1 - q + q sinh(theta)/theta,   a = b - f (1/2 - (1 - e^-theta)/(2 theta)).

*Proof.* Let S be the sum of all locked variables. The free ones among the first n_1 are used to walk from S towards z:
as long as the distance is above 1, one that points there is taken; it shortens the distance by its size and never
passes z. So the walk ends within 1 of z unless W < |z - S| - 1 <= |S|, W being the sum of the X_i^+, or of the X_i^-,
of these free variables. By symmetry and Markov's inequality P(S > W) <= E exp(theta (S - W)), a factor

    1 - q - f + q sinh(theta)/theta + f (1/2 + (1 - e^-theta)/(2 theta)) = a

for each of the first n_1 variables and b for each of the others; 2 is for the two signs of S. What is left of the
target lies in [-1, 1], and depends on the free variables behind n_1 only through which of them are free. Given that,
Theorem A' for all of them live bounds the failure by epsilon^-t (1 - (1 - 2^-t)/2)^(number of free ones), and the mean
over their number is the second term.  *QED*

**Necessary.** Whatever is free and locked, a sum of one variable or more comes within epsilon of z with probability at
most epsilon (the density of a sum of U[-1,1] is at most 1/2), and there are (1 + f)^n choices of free variables on
average. The empty sum is 0. So with epsilon < |z|

    P(success) <= epsilon (1 + f)^n.

It is a statement about one sum. In a network locked weights also join neurons that a ticket has to keep apart, so no
widths of tickets follow from it; pruning for good alone is a smaller density.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.subset_sum.potential import Potential
from ertheory.errors import InvalidInput
from ertheory.numbers import Ball, Decision, Rational, ball, decide, enclose, log_fraction, probability, smallest

__all__ = ["Walk", "checked_locked", "locked_count", "locked_lower", "locked_upper", "necessary_locked"]

_SLOPES = tuple(Fraction(step, 16) for step in (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48))
_SHARES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)  # of the failure probability, for the walk
_LARGEST = 2**60


@dataclass(frozen=True)
class Walk:
    """The bound for one choice of theta and t.

    Parameters
    ----------
    free, locked
        The probabilities f and q.
    epsilon
        The tolerance.
    slope
        The number theta.
    exponent
        The number t.
    """

    free: Fraction
    locked: Fraction
    epsilon: Fraction
    slope: Fraction
    exponent: Fraction

    def factors(self) -> tuple[Ball, Ball]:
        """Enclose a and b."""
        theta = ball(self.slope)
        other = 1 + ball(self.locked) * (theta.sinh() / theta - 1)
        return other - ball(self.free) * (Ball(1) / 2 - (1 - (-theta).exp()) / (2 * theta)), other

    def bound(self, first: int, rest: int) -> Ball:
        """Enclose the bound with n_1 variables for the walk and so many behind it."""
        walking, other = self.factors()
        near = Potential(self.free, self.epsilon)
        return 2 * (first * walking.log() + rest * other.log()).exp() + near.log_bound(rest, self.exponent).exp()

    def within(self, first: int, rest: int, failure_probability: Fraction) -> Decision:
        """Decide whether the bound is at most delta."""
        return decide(lambda: ball(failure_probability) - self.bound(first, rest), undecided=False, most_bits=512)


@lru_cache(maxsize=4096)
def locked_count(free: Fraction, locked: Fraction, epsilon: Fraction, failure_probability: Fraction) -> int:
    """Give a number of variables that Theorem F is satisfied with.

    Parameters
    ----------
    free, locked
        The probabilities f in (0, 1], and q with q + f <= 1.
    epsilon
        The tolerance, in (0, 1).
    failure_probability
        The failure probability delta, in (0, 1).

    Examples
    --------
    >>> hundredth = Fraction(1, 100)
    >>> [locked_count(Fraction(1, 2), q, hundredth, hundredth) for q in (Fraction(0), Fraction(1, 10), Fraction(1, 2))]
    [69, 169, 297]
    """
    log_delta = log_fraction(failure_probability)
    near = Potential(free, epsilon)
    if not locked:
        return near.count(failure_probability)[0]
    best: tuple[int, Walk, int, int] | None = None
    for share in _SHARES:
        exponent, _ = near.exponent_for_count(Fraction(1 - share) * failure_probability)
        rate = -math.log1p(-float(free) / 2 * -math.expm1(-float(exponent) * math.log(2)))
        rest = math.ceil((float(exponent) * -log_fraction(epsilon) - log_delta - math.log(1 - share)) / rate)
        for slope in _SLOPES:
            walk = Walk(free, locked, epsilon, slope, exponent)
            walking, other = (math.log(float(factor)) for factor in walk.factors())
            if walking >= 0:
                continue
            first = max(0, math.ceil((math.log(2 / share) - log_delta + rest * other) / -walking))
            if first < _LARGEST and (best is None or first + rest < best[0]):
                best = first + rest, walk, first, rest
    assert best is not None  # a < 1 for a small theta, since its derivative there is -f/4
    _, walk, first, rest = best
    return rest + smallest(lambda number: walk.within(number, rest, failure_probability), first, least=0)[0]


def locked_upper(variables: int, *, free: Fraction, locked: Fraction, epsilon: Fraction) -> Fraction:
    """Bound the failure probability for n variables, from above.

    Examples
    --------
    >>> half, hundredth = Fraction(1, 2), Fraction(1, 100)
    >>> float(locked_upper(200, free=half, locked=Fraction(1, 10), epsilon=hundredth)) < 0.01
    True
    """
    if not locked:
        near = Potential(free, epsilon)
        exponent, log_value = near.exponent_at(variables)
        if log_value > 0:
            return Fraction(1)
        return min(Fraction(1), enclose(lambda: near.log_bound(variables, exponent).exp(), digits=12)[1])
    best = (math.inf, Walk(free, locked, epsilon, _SLOPES[0], Fraction(1)), 0)
    firsts = sorted({round(variables * step / 64) for step in range(64)})
    for slope in _SLOPES:
        start = Walk(free, locked, epsilon, slope, Fraction(1))
        walking, other = (math.log(float(factor)) for factor in start.factors())
        for first in firsts:
            rest = variables - first
            exponent, log_near = Potential(free, epsilon).exponent_at(rest)
            value = math.exp(min(300.0, log_near)) + 2 * math.exp(min(300.0, first * walking + rest * other))
            if value < best[0]:
                best = value, Walk(free, locked, epsilon, slope, exponent), first
    value, walk, first = best
    if value >= 1:
        return Fraction(1)
    return min(Fraction(1), enclose(lambda: walk.bound(first, variables - first), digits=12)[1])


def locked_lower(variables: int, *, free: Fraction, epsilon: Fraction) -> Fraction:
    """Bound the failure probability for n variables, from below, for a z that is further from 0 than epsilon.

    Examples
    --------
    >>> locked_lower(2, free=Fraction(1, 2), epsilon=Fraction(1, 100)) > Fraction(977, 1000)
    True
    """
    if float(epsilon) * math.exp(min(300.0, variables * math.log1p(float(free)))) >= 2:
        return Fraction(0)
    high = enclose(lambda: ball(epsilon) * (variables * ball(1 + free).log()).exp(), digits=12)[1]
    return max(Fraction(0), 1 - high)


def necessary_locked(free: Fraction, epsilon: Fraction, failure_probability: Fraction) -> int:
    """Give a number of variables below which they fail more often than delta, for such a z.

    Examples
    --------
    >>> necessary_locked(Fraction(2, 5), Fraction(1, 100), Fraction(1, 100))
    14
    """
    goal = (1 - failure_probability) / epsilon
    if goal <= 1:
        return 0

    def reaches(number: int) -> Decision:
        # Undecided is a tie, so that fewer are not claimed to fail.
        return decide(lambda: number * ball(1 + free).log() - ball(goal).log(), undecided=True)

    return smallest(reaches, max(1, round(math.log(float(goal)) / math.log1p(float(free)))), least=0)[0]


def checked_locked(locked: Rational, density: Fraction) -> Fraction:
    """Read q, which is part of the density p = q + f.

    Examples
    --------
    >>> checked_locked("1/4", Fraction(1, 2))
    Fraction(1, 4)
    """
    share = probability("locked", locked, zero=True)
    if not share < density:
        raise InvalidInput("locked", f"a probability in [0, {float(density):g}), below the density", locked)
    return share
