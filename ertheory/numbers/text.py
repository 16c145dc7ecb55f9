"""Rationals as people read them."""

from __future__ import annotations

import math
from fractions import Fraction

__all__ = ["decimal_text"]


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
