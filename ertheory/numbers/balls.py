"""Real numbers as balls: a middle and a radius that certainly contain the truth, by python-flint (Arb).

A formula written with balls is right at every working precision, only wider at a low one. So functions that make balls
take no precision: `at_precision` sets it, for one evaluation, and nothing else in the package does.

Comparisons of balls are certain: ``x < y`` is true if it holds for all numbers in both of them, so ``not x < y`` does
not mean ``x >= y``. A ball that contains the pole of a function has no image: the result is NaN, of which no comparison
is true.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

from flint import arb as Ball
from flint import ctx as _context
from flint import fmpq

from ertheory.errors import InfeasibleWidth

__all__ = [
    "Ball",
    "at_precision",
    "ball",
    "below",
    "enclose",
    "ends",
    "exp_complement",
    "hull",
    "log_choose",
    "log_complement",
    "log_some",
    "log_sparsity",
    "midpoint",
    "working_precision",
]

FIRST_BITS = 64
LAST_BITS = 2**16

_LARGEST_SHIFT = 10**6  # of the binary exponent of a number that is turned into a rational

# FLINT keeps one precision a process. A second thread waits here: balls are right at any precision, but the first one
# could be handed sharper or wider ones than it asked for, and a precision restored out of turn would stay behind.
_ONE_AT_A_TIME = threading.RLock()

_Value = TypeVar("_Value")


def at_precision(bits: int, value: Callable[[], _Value]) -> _Value:
    """Evaluate a function of no arguments while balls are computed with so many bits.

    The precision is restored afterwards, whatever happens. Evaluations may be nested; those of several threads follow
    one another.

    Examples
    --------
    >>> at_precision(20, lambda: Ball(2).log() < ball(Fraction(7, 10)))
    True
    """
    with _ONE_AT_A_TIME:
        before = _context.prec
        _context.prec = bits
        try:
            return value()
        finally:
            _context.prec = before


def working_precision() -> int:
    """Tell with how many bits balls are computed now."""
    return int(_context.prec)


def ball(value: Fraction | int) -> Ball:
    """Enclose a rational number.

    Examples
    --------
    >>> 3 * ball(Fraction(1, 3)) <= 1, ball(Fraction(1, 2)) <= ball(Fraction(1, 2))
    (False, True)
    """
    return Ball(fmpq(value.numerator, value.denominator))


def hull(low: Ball | int, high: Ball | int) -> Ball:
    """Enclose all numbers between two finite ones.

    Examples
    --------
    >>> hull(0, Ball(2)).contains(1)
    True
    """
    return Ball(low).union(high)


def below(value: Ball) -> Ball:
    """Enclose all numbers from 0 up to one that is certainly not negative.

    Examples
    --------
    >>> below(ball(Fraction(1, 3))).contains(0)
    True
    """
    return hull(0, value.upper())


def log_sparsity(density: Fraction) -> Ball:
    """Enclose log(1 - p) for p in [0, 1), to full relative precision.

    Examples
    --------
    >>> low, high = enclose(lambda: log_sparsity(Fraction(1, 10**300)))
    >>> float(high)
    -1e-300
    """
    if 2 * density > 1:
        return ball(1 - density).log()
    return (-ball(density)).log1p()


def log_complement(value: Ball) -> Ball:
    """Enclose log(1 - x) for x in [0, 1]; minus infinity where x is certainly 1 or more, NaN where it may be.

    Examples
    --------
    >>> float(log_complement(Ball(1)))
    -inf
    """
    if value >= 1:
        return Ball.neg_inf()
    return (-value).log1p()


def log_some(density: Fraction, trials: int | Fraction) -> Ball:
    """Enclose log(1 - (1 - p)^n) for p in (0, 1] and n > 0: of n independent events of probability p, some happens.

    Examples
    --------
    >>> low, high = enclose(lambda: log_some(Fraction(1, 10**300), 1))
    >>> float(high)
    -690.7755278982137
    """
    if density == 1:
        return Ball(0)
    exponent = ball(trials) * log_sparsity(density)
    if exponent > -1:  # where 1 - exp(y) would cancel
        return exp_complement(exponent).log()
    return log_complement(exponent.exp())


def exp_complement(exponent: Ball) -> Ball:
    """Enclose 1 - exp(y) for y <= 0.

    Examples
    --------
    >>> low, high = enclose(lambda: exp_complement(-ball(Fraction(1, 10**30))))
    >>> float(low)
    1e-30
    """
    return -exponent.expm1()


def log_choose(total: int, chosen: int) -> Ball:
    """Enclose log C(total, chosen)."""
    above, apart, rest = (Ball(n + 1).lgamma() for n in (total, chosen, total - chosen))
    return above - apart - rest


def ends(value: Ball) -> tuple[Fraction, Fraction]:
    """Give both ends of a finite ball as exact rationals.

    Raises
    ------
    InfeasibleWidth
        If they are too long to be written down.

    Examples
    --------
    >>> ends(Ball(3) / 2)
    (Fraction(3, 2), Fraction(3, 2))
    """
    middle, radius = _dyadic(value.mid()), _dyadic(value.rad())
    return middle - radius, middle + radius


def _dyadic(value: Ball) -> Fraction:
    mantissa, exponent = map(int, value.man_exp())
    if abs(exponent + mantissa.bit_length()) > _LARGEST_SHIFT:
        msg = "a value is too close to 0 or too large to be written down"
        raise InfeasibleWidth(msg)
    return Fraction(mantissa << max(exponent, 0), 1 << max(-exponent, 0))


def midpoint(value: Callable[[], Ball]) -> float:
    """Estimate a real number from a low-precision enclosure; a ball without ends counts as minus infinity.

    Examples
    --------
    >>> midpoint(lambda: Ball(2).log())
    0.6931471805599453
    """
    found = at_precision(FIRST_BITS, value)
    return float(found.mid()) if found.is_finite() else -math.inf


def enclose(value: Callable[[], Ball], *, digits: int = 17, most_bits: int = LAST_BITS) -> tuple[Fraction, Fraction]:
    """Enclose a real number between two rationals that agree to the given number of significant digits.

    Parameters
    ----------
    value
        Encloses the number, at whatever the working precision is.
    digits
        Significant digits to which both ends agree.
    most_bits
        The largest working precision that is tried.

    Raises
    ------
    InfeasibleWidth
        If no working precision up to the largest one is enough.

    Examples
    --------
    >>> low, high = enclose(lambda: Ball(2).log())
    >>> low < high, float(low)
    (True, 0.6931471805599453)
    """
    bits = FIRST_BITS
    while bits <= most_bits:
        found = at_precision(bits, value)
        if found.is_finite() and 2 * 10**digits * found.rad() <= found.abs_lower():
            return ends(found)
        bits *= 2
    raise InfeasibleWidth(f"a value could not be enclosed to {digits} digits with {most_bits} bits")
