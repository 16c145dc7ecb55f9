"""Random subset sums on a lattice: quantised weights, of which a subset adds up to a target exactly.

Weights have B bits behind the point: they are multiples of 1/M in [-1, 1] with M = 2^B, drawn uniformly from all
2M + 1 of them, 0 among them. Kumar and Natale, "Quantization vs Pruning: Insights from the Strong Lottery Ticket
Hypothesis" (arXiv 2508.11020), show by the results of Borgs, Chayes and Pittel on number partitioning that discrete
targets are then represented exactly. Their bounds are asymptotic; the following one is ours and has explicit constants.

**Theorem Q.** Let X_i be independent and uniform on {-M, .., M}, kept with probability p in (0, 1], and z an integer
with |z| <= M. For every t in (0, 1]

    P(no subset of the live X_i has the sum z) <= (M+1)^t (1 - p lambda (1 - 2^-t))^n,   lambda = (M+1)/(2M+1).

*Proof.* That of Theorem A', with counting in place of length. Let z >= 0, B = {0, .., M}, A_0 = {0}, and A_i the union
of A_(i-1) and (A_(i-1) + X_i) cut to B if X_i is live. Two points of B differ by at most M, and X hits every such
difference with probability 1/(2M+1). So with a = |A_(i-1)|/(M+1) and z not in A_(i-1), z is hit with probability
lambda a, and the growth G of a has mean lambda a (1-a) and lies in [0, min(a, 1-a)]. Let Phi_i = a_i^-t as long as z is
not hit, else 0, and k = 1 - 2^-t <= 1/2. As there, E[Phi_i]/Phi_(i-1) is at most

    1 - lambda a - k lambda (1 - 2a) = 1 - k lambda - lambda a (1 - 2k) <= 1 - k lambda   for a <= 1/2,
    1 - lambda a <= 1 - lambda/2 <= 1 - k lambda                                          for a >= 1/2,

and Phi_0 = (M+1)^t, Phi_n >= 1 on failure.  *QED*

An integer target beyond M is met in J = ceil(|z|/M) blocks, each for one of J integers of size at most M.

**Necessary.** A sum over a non-empty subset equals z != 0 with probability at most 1/(2M+1), whatever all its terms but
one are; so P(success) <= ((1 + p)^n - 1)/(2M+1).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.subset_sum.potential import Potential
from ertheory.numbers import Decision, enclose, smallest, whole_number

__all__ = ["checked_bits", "codes_of", "necessary_quantised", "quantised_count", "quantised_upper"]

_MOST_BITS = 64


def checked_bits(bits: object) -> int:
    """Read B, the bits behind the point."""
    return whole_number("bits", bits, least=0, most=_MOST_BITS)


def codes_of(value: Fraction, bits: int) -> int | None:
    """Give a weight as a multiple of 2^-B, or ``None`` if it is none.

    Examples
    --------
    >>> codes_of(Fraction(3, 4), 2), codes_of(Fraction(3, 4), 1)
    (3, None)
    """
    scaled = value * 2**bits
    return scaled.numerator if scaled.denominator == 1 else None


@lru_cache(maxsize=65_536)
def quantised_count(density: Fraction, bits: int, target: int, failure_probability: Fraction) -> int:
    """Give the smallest n that Theorem Q asks for.

    Parameters
    ----------
    density
        p in (0, 1].
    bits
        B, at least 0.
    target
        z in multiples of 2^-B, of any size.
    failure_probability
        delta in (0, 1).

    Examples
    --------
    >>> [quantised_count(Fraction(1, 2), bits, 1, Fraction(1, 100)) for bits in (0, 2, 4, 8)]
    [30, 42, 54, 76]
    """
    if target == 0:
        return 0
    return _potential(density, bits, target).count(failure_probability)[0]


def quantised_upper(variables: int, *, density: Fraction, bits: int, target: int) -> Fraction:
    """Bound the probability that no subset of the live variables has the sum z, from above.

    Examples
    --------
    >>> float(quantised_upper(46, density=Fraction(1, 2), bits=2, target=3)) <= 0.01
    True
    """
    if target == 0:
        return Fraction(0)
    potential = _potential(density, bits, target)
    exponent, log_value = potential.exponent_at(variables)
    if log_value > 0:
        return Fraction(1)
    return min(Fraction(1), enclose(lambda: potential.log_bound(variables, exponent).exp(), digits=15)[1])


def necessary_quantised(density: Fraction, bits: int, target: int, failure_probability: Fraction) -> int:
    """Give a number of variables below which they fail more often than delta.

    Examples
    --------
    >>> necessary_quantised(Fraction(1), 8, 1, Fraction(1, 100))
    9
    """
    if target == 0:
        return 0
    goal = 1 + (1 - failure_probability) * (2 ** (bits + 1) + 1)
    guess = max(1, round(math.log(float(goal)) / math.log1p(float(density))))
    return smallest(lambda number: Decision((1 + density) ** number >= goal, 0), guess, least=1)[0]


def _potential(density: Fraction, bits: int, target: int) -> Potential:
    most = 2**bits
    chance = density * Fraction(2 * (most + 1), 2 * most + 1)
    return Potential(chance, Fraction(1, most + 1), max(1, math.ceil(Fraction(abs(target), most))))
