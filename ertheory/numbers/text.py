"""Rationals as people read them: exactly, on the safe side, and as JSON can hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

__all__ = ["decimal_text", "named_numbers", "number_for_json", "number_of", "rational_text", "success_text"]

_MOST_PLACES = 4000  # Python writes integers of up to 4300 digits


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


def rational_text(value: Fraction) -> str:
    """Write a rational exactly: as a decimal where it ends, as a fraction otherwise.

    Examples
    --------
    >>> rational_text(Fraction(1, 1000)), rational_text(Fraction(1, 3)), rational_text(Fraction(1, 10**30))
    ('0.001', '1/3', '1e-30')
    """
    rest, places = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        places = max(places, count)
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = value.numerator * 10**places // value.denominator
    if places > 20:
        return f"{digits}e-{places}"
    return decimal_text(value, digits=places)


def success_text(value: Fraction, *, up: bool = False) -> str:
    """Write a probability as a decimal, rounded down (or up) so that its complement keeps four significant digits.

    After 4000 places the decimal ends, on the safe side.

    Examples
    --------
    >>> success_text(1 - Fraction(1, 3000)), success_text(Fraction(1, 3), up=True)
    ('0.9996666', '0.3334')
    """
    failure = 1 - value
    if failure <= 0:
        return "1"
    digits, scaled = 4, failure
    while scaled < Fraction(1, 10) and digits < _MOST_PLACES:
        scaled *= 10
        digits += 1
    return decimal_text(value, digits=digits, up=up)


def number_for_json(value: Fraction) -> int | float | str:
    """Give an integer as such, other numbers as a float, or as a decimal string where a float would overflow."""
    if value.denominator == 1:
        return value.numerator
    try:
        return float(value)
    except OverflowError:
        return decimal_text(value, digits=0)


def named_numbers(values: Mapping[str, Fraction | int]) -> str:
    """Write what symbols stand for; numbers that are long are rounded to six digits.

    Examples
    --------
    >>> named_numbers({"d": 784, "p": Fraction(1, 10), "e": Fraction(1, 3**30)})
    'd = 784, p = 0.1, e = 4.85694e-15'
    """
    texts = {name: rational_text(Fraction(value)) for name, value in values.items()}
    return ", ".join(
        f"{name} = {text if isinstance(values[name], int) or len(text) <= 12 else format(float(values[name]), '.6g')}"
        for name, text in texts.items()
    )


def number_of(count: int, one: str) -> str:
    """Say how many there are of something, whose plural ends in s.

    Examples
    --------
    >>> number_of(1, "layer"), number_of(2000, "layer")
    ('1 layer', '2,000 layers')
    """
    return f"{count:,} {one}{'' if count == 1 else 's'}"
