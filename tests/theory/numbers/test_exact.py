"""Exact numbers: reading them, deciding comparisons, finding the smallest integer, enclosing and writing values."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers.enclosures import log_complement, log_sparsity, rational
from ertheory.numbers.exact import Decision, decide, decimal_text, enclose, exact_rational, probability, smallest
from tests.strategies import bits, context, densities, ends

HALF = Fraction(1, 2)
HUGE = Fraction(1, 2**3000)  # smaller than what the first precisions can tell from 0
fractions = st.fractions(max_denominator=10**9)


# --- reading -------------------------------------------------------------------------------------------------------


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
def test_floats_stand_for_their_binary_value(value):
    assert exact_rational("x", value) == exact_rational("x", np.float64(value)) == Fraction(value)


def test_text_is_decimal_and_floats_are_binary():
    tenth = Fraction(1, 10)
    assert exact_rational("x", "0.1") == exact_rational("x", "1/10") == exact_rational("x", "1e-1") == tenth
    assert exact_rational("x", ".1") == exact_rational("x", "+1.E-1") == exact_rational("x", Decimal("0.1")) == tenth
    assert exact_rational("x", 0.1) == Fraction(3602879701896397, 2**55) > tenth
    assert exact_rational("x", np.float32(0.1)) == Fraction(13421773, 2**27)
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
BAD += [math.nan, math.inf, Decimal("nan"), Decimal("-inf"), np.float32("nan"), True, None, 1j, [0.5], b"1", object()]
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


# --- deciding ------------------------------------------------------------------------------------------------------


@given(fractions | st.sampled_from((HUGE, -HUGE, HUGE - 1)))
@example(HUGE)
@example(-HUGE)
def test_the_sign_of_a_rational_is_decided(value):
    assume(value != 0)
    # The logarithms cancel, but hide x until the precision has grown to it.
    decision = decide(lambda c: (rational(c, value) + c.log(2)) - c.log(2), tie=lambda: False)
    assert decision.holds == (value > 0)
    assert decision.bits >= (4096 if abs(value) == HUGE else 64)


def test_intervals_that_separate_ask_for_no_tie():
    def never():
        raise AssertionError

    assert decide(lambda c: c.log(2), tie=never) == Decision(True, 64)
    assert decide(lambda c: -c.log(2), tie=never) == Decision(False, 64)
    assert decide(lambda c: c.mpf(0), tie=never) == Decision(True, 64)


def test_a_tie_is_decided_by_integers_and_asked_for_once():
    asked = []

    def difference(c):
        return c.log(9) - 2 * c.log(3)

    assert decide(difference, tie=lambda: asked.append(1) or True) == Decision(True, 0)
    assert asked == [1]
    # `undecided` is the answer after the tie was denied, in the largest precision.
    for safe in (True, False):
        asked.clear()
        decision = decide(difference, tie=lambda: bool(asked.append(1)), undecided=safe)
        assert decision.holds is safe
        assert decision.bits >= 2**14
        assert asked == [1]
    assert decide(difference, undecided=True, most_bits=512) == Decision(True, 512)
    with pytest.raises(InfeasibleWidth, match="too close to equality"):
        decide(difference)


def test_what_is_not_a_number_decides_nothing():
    infinite = context().mpf("inf")
    assert decide(lambda c: infinite - infinite, undecided=False).holds is False
    assert decide(lambda c: infinite - infinite, undecided=True).holds is True


# --- the smallest integer ------------------------------------------------------------------------------------------

wide = st.integers(1, 50) | st.integers(1, 10**18)


@given(wide, wide, wide, st.booleans())
@example(5, 5, 1, False)
@example(5, 4, 1, False)
@example(5, 6, 1, False)
@example(1, 1, 1, False)
@example(1, 10, 1, False)
@example(3, 1, 7, False)
def test_the_smallest_integer_is_certified_on_both_sides(threshold, guess, least, near):
    if near:
        guess = max(1, threshold + guess % 7 - 3)
    asked = {}

    def predicate(q):
        assert q >= least
        assert q not in asked, "asked twice"
        asked[q] = Decision(q >= threshold, 1 + len(asked))
        return asked[q]

    found, used = smallest(predicate, guess, least=least)
    assert found == max(threshold, least)
    assert asked[found].holds
    if found > least:
        assert not asked[found - 1].holds
        assert used == max(asked[found].bits, asked[found - 1].bits)
    else:
        assert used == asked[found].bits
    # Doubling steps away from the guess, then halving: two logarithms of the error.
    error = abs(found - max(guess, least))
    assert len(asked) <= 3 + 2 * math.ceil(math.log2(error + 2))


# --- enclosing -----------------------------------------------------------------------------------------------------


@given(fractions, bits)
def test_rationals_are_enclosed(value, precision):
    low, high = ends(rational(context(precision), value))
    assert low <= value <= high
    assert (high - low) * 2 ** (precision - 4) <= abs(value)


def log(value: Fraction, digits: int) -> Fraction:
    """Logarithm of a rational to so many digits, in a context of its own."""
    mp = mpmath.mp.clone()
    mp.dps = digits
    number = mp.log(mp.mpf(value.numerator) / value.denominator)
    return Fraction(int(mp.floor(number * mp.mpf(10) ** (digits - 20))), 10 ** (digits - 20))


beside = st.builds(lambda k, e: Fraction(k, 2**e), st.integers(-1000, 1000), st.integers(11, 200))


@given(beside | st.fractions(-40, 40, max_denominator=10**6), bits)
@example(Fraction(-7, 2**48), 64)
@example(Fraction(1, 2**48), 64)
@example(Fraction(-1, 2**24), 128)
def test_exponentials_and_logarithms_are_enclosed(value, precision):
    # Next to 0 and 1 the truth lies next to a number that the precision can hold, just beyond the bits that mpmath
    # works with: rounding outwards from there may leave the truth outside.
    c, mp = context(precision), mpmath.mp.clone()
    mp.dps = 400
    argument = rational(c, value)
    exact = c.mpf(argument.a)  # the argument itself, not an interval around it
    number = mp.make_mpf(argument._mpi_[0])
    low, high = map(mp.make_mpf, c.exp(exact)._mpi_)
    assert low <= mp.exp(number) <= high
    assert high - low <= mp.mpf(2) ** (4 - precision) * high
    one = c.mpf((1 + exact).a)
    if one > 0:
        low, high = map(mp.make_mpf, c.log(one)._mpi_)
        truth = mp.log(mp.make_mpf(one._mpi_[0]))
        assert low <= truth <= high
        assert high - low <= mp.mpf(2) ** (4 - precision) * abs(truth)


@given(densities, bits)
@example(Fraction(1, 10**300), 64)
@example(Fraction(1, 2**16), 64)
@example(Fraction(1, 2**16) - Fraction(1, 2**80), 64)
@example(Fraction(1, 2**16 - 1), 256)
def test_log_of_the_sparsity_is_enclosed(density, precision):
    assume(density < 1)
    low, high = ends(log_sparsity(context(precision), density))
    truth = log(1 - density, 800)
    ulp = Fraction(1, 10**780)
    assert low <= truth + ulp
    assert truth <= high
    assert (high - low) * 2 ** (precision - 20) <= -truth


@given(st.fractions(0, 1, max_denominator=10**6), st.fractions(0, 1, max_denominator=10**6))
@example(Fraction(0), Fraction(0))
@example(Fraction(1), Fraction(1))
@example(HALF, Fraction(1))
def test_log_of_a_complement_is_enclosed(one, other):
    low, high = sorted((one, other))
    c = context()
    ulp = Fraction(1, 10**60)
    below, above = ends(log_complement(c, c.mpf([rational(c, low).a, rational(c, high).b])))
    assert below == -math.inf if high == 1 else below <= log(1 - high, 80) + ulp
    assert above == -math.inf if low == 1 else log(1 - low, 80) <= above
    if high < 1:
        assert log(1 - high, 80) - below <= Fraction(1, 10**8)
    if low < 1:
        assert above - log(1 - low, 80) <= Fraction(1, 10**8)


@pytest.mark.parametrize("digits", [1, 17, 100, 2000])
@pytest.mark.parametrize(
    "value", [Fraction(2), Fraction(10**300), 1 + Fraction(1, 10**300), 1 - Fraction(1, 10**40)], ids=range(4)
)
def test_enclosures_contain_the_truth_and_are_narrow(value, digits):
    low, high = enclose(lambda c: c.log(rational(c, value)), digits=digits)
    truth = log(value, 2 * digits + 700)
    assert low <= truth + Fraction(1, 10 ** (2 * digits + 600))
    assert truth <= high
    assert (high - low) * 10**digits <= min(abs(low), abs(high))


def test_enclosing_zero_and_the_undefined():
    assert enclose(lambda c: c.mpf(0)) == (0, 0)
    with pytest.raises(InfeasibleWidth, match="17 digits"):
        enclose(lambda c: c.log(9) - 2 * c.log(3))
    with pytest.raises(InfeasibleWidth):
        enclose(lambda c: c.mpf("inf"))
    with pytest.raises(InfeasibleWidth):
        enclose(lambda c: c.exp(-(c.mpf(10) ** 30)))  # as a fraction it would fill the memory


# --- writing -------------------------------------------------------------------------------------------------------


@given(fractions, st.integers(0, 30))
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
