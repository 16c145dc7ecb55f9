"""Lemma 2.4 as printed: n >= C ln(1/min(epsilon, delta)) / ln(1/(1-p)), with a constant C that the paper does not name.

No constant is right for every p: at p = 1 the formula asks for no variable at all, and for p > 1 - 1/e for fewer than
without a mask. As epsilon = delta tends to 0 at least C = 2 ln(1/(1-p)) / ln(1/(1-p/2)) is needed: 4 for p near 0, 4.82
at p = 1/2, 7.70 at p = 0.9. Theorem A' shows that C = 10.4 is enough for p <= 1/2, 18.1 for p <= 0.9.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.numbers import ball, decide, enclose, log_sparsity, smallest

__all__ = ["printed_count"]

_LONGEST_POWER = 100_000  # bits of a rational power that settles a tie


def printed_count(density: Fraction, epsilon: Fraction, failure_probability: Fraction, constant: Fraction) -> int:
    """Give the smallest n >= 0 that the printed formula allows, decided exactly.

    Examples
    --------
    >>> hundredth = Fraction(1, 100)
    >>> printed_count(Fraction(99, 100), hundredth, hundredth, Fraction(5))  # ceil of doubles would give 6
    5
    """
    if density == 1:
        return 0
    smaller = min(epsilon, failure_probability)

    def tie(variables: int) -> bool:
        # n ln(1-p) = C ln(min), that is (1-p)^(n b) = min^a for C = a/b.
        powers = variables * constant.denominator, constant.numerator
        longest = powers[0] * density.denominator.bit_length() + powers[1] * smaller.denominator.bit_length()
        return longest <= _LONGEST_POWER and (1 - density) ** powers[0] == smaller ** powers[1]

    low, _ = enclose(
        lambda: ball(constant) * ball(smaller).log() / log_sparsity(density),
        digits=12,
    )
    found, _ = smallest(
        lambda variables: decide(
            lambda: ball(constant) * ball(smaller).log() - variables * log_sparsity(density),
            tie=lambda: tie(variables),
            undecided=True,
        ),
        max(0, math.ceil(low)),
        least=0,
    )
    return found
