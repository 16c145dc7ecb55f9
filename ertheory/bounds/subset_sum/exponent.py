"""The sharp exponent of the random subset sum problem: what is necessary to leading order, and a good guess.

With epsilon = e^{-sn} the exponential converse gives, for every fixed z > 0 and every symmetric law with a bounded
density,

    limsup -(1/n) ln P(fail) <= max_{0 <= t <= 1} { -t s - ln(1 - p (1 - 2^{-t})) },

hence n >= (1 - o(1)) min_{0 < t <= 1} [t ln(1/epsilon) + ln(1/delta)] / ln(1/(1 - p (1 - 2^{-t}))). This has the form
of Theorem A' with p for p/2, so Theorem A' is within a factor 2.41 of what is necessary. That as many variables also
*suffice*, to leading order, is a conjecture which fits what has been measured.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ertheory.numbers import Rational, probability

__all__ = ["sharp_count", "sharp_exponent"]

_STEPS = 1024
_GRID = np.arange(1, _STEPS + 1) / _STEPS
_LOSS = -np.expm1(-_GRID * math.log(2))  # 1 - 2^{-t}


def sharp_exponent(*, density: Rational, epsilon: Rational, failure_probability: Rational) -> float:
    """Compute the number of variables to leading order: necessary as epsilon tends to 0, elsewhere a heuristic.

    Parameters
    ----------
    density
        p in (0, 1].
    epsilon
        Tolerance in (0, 1).
    failure_probability
        delta in (0, 1).

    Returns
    -------
    float
        min over t in (0, 1] of [t ln(1/epsilon) + ln(1/delta)] / ln(1/(1 - p (1 - 2^{-t}))), in double precision. It
        is a bound only in the limit: for a finite n take `ertheory.failure_lower`.

    Examples
    --------
    >>> round(sharp_exponent(density=1, epsilon="0.01", failure_probability="0.01"), 3)  # log2(1/(epsilon delta))
    13.288
    """
    return sharp_count(
        probability("density", density, one=True),
        probability("epsilon", epsilon),
        probability("failure_probability", failure_probability),
    )


def sharp_count(density: Fraction, epsilon: Fraction, failure_probability: Fraction) -> float:
    """Compute `sharp_exponent` of arguments that were read already."""
    bits, rarity = (math.log(value.denominator) - math.log(value.numerator) for value in (epsilon, failure_probability))
    return float(np.min((_GRID * bits + rarity) / -np.log1p(-float(density) * _LOSS)))
