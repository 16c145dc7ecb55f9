"""Exact numbers: reading them from text, floats and NumPy, and refusing what is none."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.numbers import decimal_text, exact_rational, probability

HUGE = Fraction(1, 2**3000)  # far below what a double can hold
fractions = st.fractions(max_denominator=10**9)


@given(fractions)
def test_fractions_are_kept_and_read_back_from_text(value):
    assert exact_rational("x", value) == value
    assert exact_rational("x", str(value)) == value
    assert exact_rational("x", f" {value.numerator} / {value.denominator} ") == value


@given(st.integers(-(10**30), 10**30), st.integers(-300, 300))
def test_decimals_are_read_without_rounding(mantissa, exponent):
    expected = mantissa * Fraction(10) ** exponent
    assert exact_rational("x", f"{mantissa}e{exponent}") == expected
    assert exact_rational("x", Decimal(f"{mantissa}e{exponent}")) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(1.7976931348623157e308)
@example(-0.0)
def test_floats_stand_for_their_shortest_decimal(value):
    number = exact_rational("x", value)
    assert number == exact_rational("x", np.float64(value)) == exact_rational("x", repr(value))
    assert float(number) == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from([np.float16, np.float32]))
def test_short_floats_of_numpy_stand_for_the_decimal_of_their_own_precision(value, kind):
    with np.errstate(over="ignore"):
        short = kind(value)
    assume(np.isfinite(short))
    number = exact_rational("x", short)
    assert number == Fraction(str(short))
    assert kind(float(number)) == short


def test_print_options_change_no_number():
    with np.printoptions(precision=2, legacy="1.13"):
        assert exact_rational("x", np.float32(0.1234567)) == Fraction("0.1234567")


def test_an_exponent_is_read_up_to_a_thousand():
    for text, value in (("1e1000", 10**1000), ("1E-1000", Fraction(1, 10**1000))):
        assert exact_rational("x", text) == value
    for text in ("1e1001", "1e-1001", "1e-999999999"):
        with pytest.raises(InvalidInput, match="an exponent of at most 1000"):
            exact_rational("x", text)


def test_text_and_floats_are_decimal():
    tenth = Fraction(1, 10)
    assert exact_rational("x", "0.1") == exact_rational("x", "1/10") == exact_rational("x", "1e-1") == tenth
    assert exact_rational("x", ".1") == exact_rational("x", "+1.E-1") == exact_rational("x", Decimal("0.1")) == tenth
    for float_type in (float, np.float16, np.float32, np.float64, np.longdouble):
        assert exact_rational("x", float_type("0.1")) == tenth
    assert 1 - exact_rational("x", 0.9) == tenth
    assert exact_rational("x", "1.5e3/7") == Fraction(1500, 7)
    assert exact_rational("x", "1e-900") == Fraction(1, 10**900)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), Fraction(3), Decimal(3), 3.0, "3"])
def test_whole_numbers_become_plain_integers(value):
    number = exact_rational("x", value)
    # A NumPy integer inside would overflow in silence, and JSON does not know it.
    assert type(number) is Fraction
    assert type(number.numerator) is int
    assert type(number.denominator) is int
    assert number**50 == 3**50


BAD = ["", "abc", "0.1.2", "1/0", "1e", "1/2/3", "1/-2", "nan", "inf", "1_0", "0x1", "1e99999", "1e-999999999"]
BAD += [
    math.nan,
    math.inf,
    Decimal("nan"),
    Decimal("-inf"),
    np.float32("nan"),
    np.float16("inf"),
    -np.longdouble("inf"),
    True,
    None,
    1j,
    [0.5],
    b"1",
    object(),
]
BAD += ["1" * 6000, Decimal("1e999999999"), Decimal("1e-999999999"), np.array([0.5, 0.5])]


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
def test_what_is_no_number_is_refused_in_one_line(value):
    with pytest.raises(InvalidInput, match=r"\Adelta: expected .* got .*\Z") as caught:
        exact_rational("delta", value)
    assert len(str(caught.value)) <= 400
    assert isinstance(value, Decimal) or caught.value.value is value


BAD_PROBABILITIES = ["2", "-0.1", "1e-99999", "x", 10**400, Fraction(10**400), math.nan]


LONG = ["0." + "1" * 4400, "1/" + "3" * 4400, "1e-4999", "0." + "0" * 4000 + "1e-999"]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_numbers_are_read_or_refused_but_never_crash(text):
    # Python by itself refuses to convert more than 4300 digits, with an error that names no argument.
    try:
        value = probability("delta", text)
    except InvalidInput as error:
        assert len(str(error)) <= 400  # noqa: PT017
    else:
        assert Fraction(decimal_text(value, digits=5100)) > 0


@given(st.fractions(max_denominator=10**6), st.booleans(), st.booleans())
@example(Fraction(0), True, False)
@example(Fraction(1), False, True)
@example(Fraction(0), False, True)
@example(Fraction(1), True, False)
@example(-HUGE, True, True)
@example(1 + HUGE, True, True)
@example(1 - HUGE, False, False)
def test_probabilities_lie_in_their_interval(value, zero, one):
    if 0 < value < 1 or (value == 0 and zero) or (value == 1 and one):
        assert probability("p", value, zero=zero, one=one) == value
    else:
        brackets = f"{'[' if zero else '('}0, 1{']' if one else ')'}"
        with pytest.raises(InvalidInput) as caught:
            probability("p", value, zero=zero, one=one)
        assert caught.value.allowed == f"a number in {brackets}"


@pytest.mark.parametrize("value", BAD_PROBABILITIES, ids=range(len(BAD_PROBABILITIES)))
def test_bad_probabilities_are_one_line(value):
    with pytest.raises(InvalidInput, match=r"\Asparsity: expected a number in \[0, 1\).*\Z") as caught:
        probability("sparsity", value, zero=True)
    assert len(str(caught.value)) <= 400
