"""One ReLU neuron of d inputs from a linear output: some hidden neuron must read all inputs and reach the output.

    P_B(n) = 1 - (1 - p_2 p_1^d)^n.

The chance p_2 p_1^d of one neuron is a rational number that may be too long to be written down, for a million inputs
say, although the width is a small one. Then it is a ball. No tie is lost: in lowest terms the denominator of (1 - p_2
p_1^d)^n is far longer than that of a failure probability, so the two are never equal.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.bounds.blocks.closed_form import union_factor
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, ball, decide, enclose, log_complement, smallest

__all__ = ["linear_failure", "linear_width"]

_LONGEST_POWER = 100_000  # bits of p_1^d that are written out
_LONGEST_WIDTH = 14_000  # bits; Python writes integers of up to 4300 digits


def linear_failure(inputs: int, neurons: int, into: Fraction, out: Fraction) -> Ball:
    """Enclose (1 - p_2 p_1^d)^n, the probability that no neuron reads all inputs and reaches the output.

    Examples
    --------
    >>> low, high = enclose(lambda: linear_failure(2, 3, Fraction(1, 2), Fraction(1)))
    >>> round(float(high), 6)
    0.421875
    """
    return (neurons * _log_unfit(inputs, into, out)).exp()


def _log_unfit(inputs: int, into: Fraction, out: Fraction) -> Ball:
    return log_complement(ball(out) * ball(into) ** inputs)


def linear_width(inputs: int, into: Fraction, out: Fraction, failure_probability: Fraction) -> int:
    """Find the smallest n with (1 - p_2 p_1^d)^n at most delta.

    Parameters
    ----------
    inputs
        d >= 1.
    into, out
        p_1 and p_2 in (0, 1].
    failure_probability
        delta in (0, 1).

    Raises
    ------
    InfeasibleWidth
        If the width is too long to be written down.

    Examples
    --------
    >>> linear_width(1_000_000, 1 - Fraction(1, 10**6), 1 - Fraction(1, 10**6), Fraction(1, 2))
    2
    """
    if into == 1 or inputs * into.denominator.bit_length() <= _LONGEST_POWER:
        return union_factor(out * into**inputs, 1, failure_probability)[0]

    def real() -> Ball:
        return ball(failure_probability).log() / _log_unfit(inputs, into, out)

    length = math.ceil(enclose(real)[0]).bit_length()
    if length > _LONGEST_WIDTH:
        msg = f"the width has about {length * 3 // 10} digits, more than can be written down"
        raise InfeasibleWidth(msg)
    guess = math.ceil(enclose(real, digits=length // 3 + 17)[0])
    return smallest(
        lambda neurons: decide(lambda: ball(failure_probability).log() - neurons * _log_unfit(inputs, into, out)), guess
    )[0]
