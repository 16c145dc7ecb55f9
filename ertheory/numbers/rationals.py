"""Exact rationals: how densities, sparsities, failure probabilities and tolerances are read.

They are `fractions.Fraction` wherever a width is decided. A string such as ``"0.1"``, ``"1/10"`` or ``"1e-1"`` is read
exactly. A ``float``, NumPy's of any precision included, stands for the shortest decimal that is read back as the same
float, which is what Python prints: 0.1 is 1/10, although the double lies a little above it. Weights are no such
numbers: a network is the function of its doubles as they are.
"""

from __future__ import annotations

import math
import numbers
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from ertheory.errors import InvalidInput

__all__ = ["Rational", "exact_rational", "log_fraction", "probability"]

Rational: TypeAlias = int | float | str | Fraction | Decimal

_MOST_BITS = 14_284  # 4300 digits, which is what Python writes down
_LONGEST_TEXT = 1000  # Python converts at most 4300 digits, and products of some such numbers are written out
_LARGEST_EXPONENT = 1000
_LONGEST_PERCENT = 20
_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")
_RATIONAL_TEXT = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?(\s*/\s*\d+)?\s*")


def exact_rational(argument: str, value: object) -> Fraction:
    """Read a number without rounding it.

    Parameters
    ----------
    argument
        Name of the argument for the error message.
    value
        An integer, a Fraction, a Decimal, a text (``"0.1"``, ``"1/10"``, ``"1e-1"``), or a finite float, which stands
        for its shortest decimal.

    Raises
    ------
    InvalidInput
        If it is not a finite rational number.

    Examples
    --------
    >>> exact_rational("density", "1e-1"), exact_rational("density", 0.1), exact_rational("density", np.float32(0.3))
    (Fraction(1, 10), Fraction(1, 10), Fraction(3, 10))
    """
    allowed = "a number such as 0.1, 1/10 or 1e-1"
    if isinstance(value, str | Decimal):  # Decimal("1e-999999999") is as dangerous as its text
        return _from_text(argument, allowed, str(value))
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidInput(argument, allowed, value)
    if isinstance(value, numbers.Rational):  # of NumPy perhaps, whose integers overflow
        parts = int(value.numerator), int(value.denominator)
        if max(part.bit_length() for part in parts) > _MOST_BITS:
            raise InvalidInput(argument, "a number of at most 4300 digits", value)
        return Fraction(*parts)
    try:
        return Fraction(_shortest(value))
    except (ValueError, OverflowError):  # NaN, infinity, and what is too large for a float
        raise InvalidInput(argument, "a finite number", value) from None


def _shortest(value: Any) -> str:
    # Not str() of NumPy's floats, which its print options change. A double of NumPy is a float.
    if isinstance(value, np.floating) and value.dtype != np.float64:
        return np.format_float_scientific(value)
    return float.__repr__(float(value))


def _from_text(argument: str, allowed: str, text: str) -> Fraction:
    match = _RATIONAL_TEXT.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise InvalidInput(argument, allowed + _percent_hint(text), text)
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

    Parameters
    ----------
    argument
        Name of the argument for the error message.
    value
        Anything that `exact_rational` reads.
    zero, one
        Whether 0 and 1 are allowed.

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
        if isinstance(value, str):
            detail += _percent_hint(value)
        raise InvalidInput(argument, detail, value) from None
    if not (0 < number < 1 or (zero and number == 0) or (one and number == 1)):
        raise InvalidInput(argument, allowed, value)
    return number


def log_fraction(value: Fraction) -> float:
    """Estimate the natural logarithm of a rational above 0, which may be too small or too large for a double.

    Examples
    --------
    >>> round(log_fraction(Fraction(1, 10**400)), 6)
    -921.034037
    """
    return math.log(value.numerator) - math.log(value.denominator)


def _percent_hint(text: str) -> str:
    """Say how 90% is written here."""
    match = _PERCENT.fullmatch(text) if len(text) <= _LONGEST_PERCENT else None
    return "" if match is None else f", so write {Decimal(match[1]) / 100:f}"
