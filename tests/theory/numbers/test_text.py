"""Rationals written in decimal."""

from __future__ import annotations

import re
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from ertheory.numbers import decimal_text


@given(st.fractions(max_denominator=10**9), st.integers(0, 30))
@example(Fraction(-1, 10**6), 3)
@example(Fraction(1, 10**6), 3)
@example(Fraction(7), 0)
def test_decimals_are_rounded_in_the_direction_asked_for(value, digits):
    down, up = decimal_text(value, digits=digits), decimal_text(value, digits=digits, up=True)
    step = Fraction(1, 10**digits)
    assert Fraction(down) <= value < Fraction(down) + step
    assert Fraction(up) - step < value <= Fraction(up)
    for text in (down, up):
        assert re.fullmatch(rf"-?\d+\.\d{{{digits}}}" if digits else r"-?\d+", text)
