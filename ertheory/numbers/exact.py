"""Numbers that are certainly right: exact rationals, enclosures, decided comparisons.

A width must never come out of ``ceil`` of a float: ``ceil(log(2**29) / log(2))`` is 30, not 29. Every comparison that
decides a width is made here instead, on intervals whose precision doubles until the answer is certain. Where both
sides can be equal, intervals never separate, and `decide` asks for exact integers.

Densities, sparsities and failure probabilities are `fractions.Fraction`. A ``float`` stands for its exact binary
value (0.1 is a little more than 1/10); a string such as ``"0.1"``, ``"1/10"`` or ``"1e-1"`` is read exactly.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp import finf, fnan, fninf, to_float, to_rational

from ertheory.errors import InfeasibleWidth, InvalidInput

__all__ = [
    "Decision",
    "Rational",
    "decide",
    "decimal_text",
    "enclose",
    "exact_rational",
    "log_fraction",
    "midpoint",
    "near_zero",
    "probability",
    "smallest",
]

# mpmath ships no types: a context makes intervals, an interval supports arithmetic and three-valued comparison.
Context: TypeAlias = Any
Interval: TypeAlias = Any
Rational: TypeAlias = int | float | str | Fraction | Decimal

_FIRST_BITS = 64
_LAST_BITS = 2**16
_LARGEST_SHIFT = 10**6  # of the binary exponent of a number that is turned into a rational
_LONGEST_TEXT = 1000  # Python converts at most 4300 digits, and products of some such numbers are written out
_LARGEST_EXPONENT = 1000
_LONGEST_GUESS = 14_000  # bits; Python writes integers of up to 4300 digits
_RATIONAL_TEXT = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?(\s*/\s*\d+)?\s*")


def exact_rational(argument: str, value: object) -> Fraction:
    """Read a number without rounding it.

    Parameters
    ----------
    argument
        Name for the error message.
    value
        An integer, Fraction, Decimal, text (``"0.1"``, ``"1/10"``, ``"1e-1"``), or a float, taken at its exact binary
        value.

    Raises
    ------
    InvalidInput
        If it is not a finite rational number.

    Examples
    --------
    >>> exact_rational("density", "1e-1"), exact_rational("density", 0.5)
    (Fraction(1, 10), Fraction(1, 2))
    """
    allowed = "a number such as 0.1, 1/10 or 1e-1"
    if isinstance(value, str | Decimal):  # Decimal("1e-999999999") is as dangerous as its text
        return _from_text(argument, allowed, str(value))
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidInput(argument, allowed, value)
    if isinstance(value, numbers.Rational):  # of NumPy perhaps, whose integers overflow
        return Fraction(int(value.numerator), int(value.denominator))
    try:
        return Fraction(float(value))
    except (ValueError, OverflowError):
        raise InvalidInput(argument, "a finite number", value) from None


def _from_text(argument: str, allowed: str, text: str) -> Fraction:
    match = _RATIONAL_TEXT.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise InvalidInput(argument, allowed, text)
    numerator, _, denominator = text.partition("/")
    exponent = match[3]
    # 1e-999999999 is a short text, but not a number that fits into memory.
    if exponent is not None and (len(exponent) > 7 or abs(int(exponent[1:])) > _LARGEST_EXPONENT):
        raise InvalidInput(argument, f"an exponent of at most {_LARGEST_EXPONENT}", text)
    if denominator and int(denominator) == 0:
        raise InvalidInput(argument, allowed, text)
    return Fraction(numerator.strip()) / (int(denominator) if denominator else 1)


def probability(argument: str, value: object, *, zero: bool = False, one: bool = False) -> Fraction:
    """Read a probability; 0 and 1 are refused unless allowed.

    Raises
    ------
    InvalidInput
        If the value is no number or lies outside the interval.

    Examples
    --------
    >>> probability("delta", "1/1000")
    Fraction(1, 1000)
    >>> probability("density", 1, one=True)
    Fraction(1, 1)
    """
    allowed = f"a number in {'[' if zero else '('}0, 1{']' if one else ')'}"
    try:
        number = exact_rational(argument, value)
    except InvalidInput as error:
        detail = allowed if "exponent" not in error.allowed else f"{allowed} with {error.allowed}"
        raise InvalidInput(argument, detail, value) from None
    if not (0 < number < 1 or (zero and number == 0) or (one and number == 1)):
        raise InvalidInput(argument, allowed, value)
    return number


@dataclass(frozen=True)
class Decision:
    """A comparison that is certain.

    Parameters
    ----------
    holds
        Whether the inequality holds.
    bits
        Working precision of the intervals that separated both sides; 0 if exact integers decided.
    """

    holds: bool
    bits: int


def decide(
    difference: Callable[[Context], Interval],
    *,
    tie: Callable[[], bool] | None = None,
    undecided: bool | None = None,
    most_bits: int = _LAST_BITS,
) -> Decision:
    """Decide whether a real number is at least 0.

    Parameters
    ----------
    difference
        Encloses the number, given a context of mpmath intervals.
    tie
        Whether the number is exactly 0; asked for once, when the first intervals do not separate it from 0.
    undecided
        The answer on the safe side, returned if the largest working precision does not separate the number from 0.
    most_bits
        The largest working precision; bounds that no precision sharpens need not be evaluated with all of it.

    Raises
    ------
    InfeasibleWidth
        If there is no such answer.

    Examples
    --------
    >>> decide(lambda context: context.log(8) - 3 * context.log(2), tie=lambda: 2**3 == 8)
    Decision(holds=True, bits=0)
    """
    bits = _FIRST_BITS
    while bits <= most_bits:
        value = difference(_context(bits))
        if (value >= 0) is True:
            return Decision(True, bits)
        if (value < 0) is True:
            return Decision(False, bits)
        if tie is not None and tie():
            return Decision(True, 0)
        tie = None
        bits *= 2
    if undecided is not None:
        return Decision(undecided, bits // 2)
    raise InfeasibleWidth(f"the inequality is too close to equality to be decided with {most_bits} bits")


def smallest(predicate: Callable[[int], Decision], guess: int, *, least: int = 1) -> tuple[int, int]:
    """Find the smallest integer of a monotone predicate, certified on both sides.

    Parameters
    ----------
    predicate
        False below some integer, true from there on.
    guess
        Where to look first; close guesses are cheap, wrong ones cost a logarithm.
    least
        Smallest integer to consider.

    Returns
    -------
    tuple
        The integer q with ``predicate(q)`` true and ``predicate(q - 1)`` false (or q = least), and the largest
        working precision that these two decisions took.

    Examples
    --------
    >>> smallest(lambda q: Decision(q * q >= 50, 0), guess=3)
    (8, 0)
    """
    high = max(guess, least)
    found = predicate(high)
    step = 1
    if found.holds:
        low, below = high, found
        while below.holds and low > least:
            high, found = low, below
            low = max(least, high - step)
            below = predicate(low)
            step *= 2
        if below.holds:
            return low, below.bits
    else:
        low, below = high, found
        while not found.holds:
            low, below = high, found
            high += step
            if high.bit_length() > _LONGEST_GUESS:
                msg = "no integer that can be written down satisfies the inequality"
                raise InfeasibleWidth(msg)
            found = predicate(high)
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        decision = predicate(middle)
        if decision.holds:
            high, found = middle, decision
        else:
            low, below = middle, decision
    return high, max(found.bits, below.bits)


def near_zero(decreasing: Callable[[Context, int], Interval], start: int, *, least: int = 1) -> int:
    """Guess where a decreasing function of an integer passes 0, by a few secant steps in low precision.

    The guess is only a place for `smallest` to start from; nothing rests on it.

    Examples
    --------
    >>> near_zero(lambda context, q: context.log(1000) - q * context.log(2), 1)
    10
    """

    def value(number: int) -> float:
        return midpoint(lambda context: decreasing(context, number))

    left, right = start, max(least, start + max(1, start // 1000))
    at_left, at_right = value(left), value(right)
    for _ in range(12):
        if not math.isfinite(at_right - at_left) or at_left <= at_right:
            break
        step = Fraction(at_right) * (right - left) / Fraction(at_left - at_right)  # a float could not hold it
        left, at_left = right, at_right
        right = max(least, min(2 * right + 2, right + math.ceil(step)))
        if right == left or abs(step) < 0.5:
            break
        at_right = value(right)
    return right


def midpoint(value: Callable[[Context], Interval]) -> float:
    """Estimate a real number from a low-precision enclosure; an infinite end counts as minus infinity.

    Examples
    --------
    >>> midpoint(lambda context: context.log(2))
    0.6931471805599453
    """
    middle = value(_context(_FIRST_BITS)).mid._mpi_[0]
    return -math.inf if middle in (finf, fninf, fnan) else float(to_float(middle))


def enclose(
    value: Callable[[Context], Interval], *, digits: int = 17, most_bits: int = _LAST_BITS
) -> tuple[Fraction, Fraction]:
    """Enclose a real number between two rationals that agree to the given number of significant digits.

    Examples
    --------
    >>> low, high = enclose(lambda context: context.log(2))
    >>> low < high, float(low)
    (True, 0.6931471805599453)
    """
    bits = _FIRST_BITS
    while bits <= most_bits:
        interval = value(_context(bits))
        low, high = interval._mpi_
        if low != fninf and high != finf and (interval.delta * 10**digits <= abs(interval).a) is True:
            if max(abs(end[2]) for end in (low, high)) > _LARGEST_SHIFT:
                msg = "a value is too close to 0 or too large to be written down"
                raise InfeasibleWidth(msg)
            return Fraction(*to_rational(low)), Fraction(*to_rational(high))
        bits *= 2
    raise InfeasibleWidth(f"a value could not be enclosed to {digits} digits with {most_bits} bits")


def decimal_text(value: Fraction, *, digits: int, up: bool = False) -> str:
    """Write a rational in decimal, rounded down (or up) to a number of decimal places.

    Examples
    --------
    >>> decimal_text(Fraction(2, 3), digits=4), decimal_text(Fraction(2, 3), digits=4, up=True)
    ('0.6666', '0.6667')
    """
    scaled = value * 10**digits
    mantissa = math.ceil(scaled) if up else math.floor(scaled)
    sign, whole = ("-", -mantissa) if mantissa < 0 else ("", mantissa)
    if not digits:
        return f"{sign}{whole}"
    padded = str(whole).rjust(digits + 1, "0")
    return f"{sign}{padded[:-digits]}.{padded[-digits:]}"


def log_fraction(value: Fraction) -> float:
    """Estimate the natural logarithm of a rational above 0, which may be too small or too large for a double.

    Examples
    --------
    >>> round(log_fraction(Fraction(1, 10**400)), 6)
    -921.034037
    """
    return math.log(value.numerator) - math.log(value.denominator)


@lru_cache
def _context(bits: int) -> Context:
    # A context of one's own: mpmath's shared `iv` would leak its precision to other users of mpmath.
    context = MPIntervalContext()
    context.prec = bits
    # mpmath 1.3 rounds these functions outward after computing them with a few guard bits, and can then miss the truth
    # by a unit in the last place (exp of -7 / 2^48, for example). Four units are added on each side.
    margin = 1 + context.mpf([-1, 1]) / 2 ** (bits - 2)
    for name in ("exp", "log", "loggamma"):
        setattr(context, name, _widened(getattr(context, name), margin))
    return context


def _widened(function: Callable[[Interval], Interval], margin: Interval) -> Callable[[Interval], Interval]:
    def outward(value: Interval) -> Interval:
        return function(value) * margin

    return outward
