"""Balls contain the truth, by mpmath with many more digits, and are as narrow as the working precision allows."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

import mpmath
import pytest
from flint import ctx
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ertheory import numbers
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import (
    Ball,
    at_precision,
    ball,
    below,
    enclose,
    exp_complement,
    hull,
    log_complement,
    log_some,
    log_sparsity,
    midpoint,
    working_precision,
)
from tests.strategies import bits, densities, ends

HALF = Fraction(1, 2)
fractions = st.fractions(max_denominator=10**9)
ULP = Fraction(1, 10**780)  # of the oracle


def many_digits(function, value: Fraction) -> Fraction:
    """A function of mpmath at a rational to 780 digits behind the point, in a context of its own."""
    mp = mpmath.mp.clone()
    mp.dps = 1300
    number = getattr(mp, function)(mp.mpf(value.numerator) / value.denominator)
    return Fraction(int(mp.floor(number * mp.mpf(10) ** 780)), 10**780)


def encloses(found: tuple, truth: Fraction, *, within: Fraction | None = None) -> bool:
    low, high = found
    return low <= truth + ULP and truth <= high and (within is None or high - low <= within * abs(truth) + 2 * ULP)


# --- the working precision -----------------------------------------------------------------------------------------


def test_the_precision_is_set_for_one_evaluation_and_always_restored():
    before = ctx.prec
    assert at_precision(100, working_precision) == 100
    assert ctx.prec == before
    assert at_precision(100, lambda: (at_precision(1000, working_precision), working_precision())) == (1000, 100)
    with pytest.raises(ZeroDivisionError):
        at_precision(100, lambda: 1 // 0)
    assert ctx.prec == before


def test_threads_do_not_see_the_precision_of_each_other():
    before, seen = ctx.prec, set()
    start = threading.Barrier(8)

    def work(precision):
        def evaluate():
            for _ in range(50):
                seen.add(working_precision() == precision)
                Ball(2).log()
                start_switching.wait(1e-4)  # gives the other threads their turn, in the middle of an evaluation

        start.wait()
        for _ in range(3):
            at_precision(precision, evaluate)

    start_switching = threading.Event()
    threads = [threading.Thread(target=work, args=(64 + 32 * index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {True}
    assert ctx.prec == before


# --- making balls --------------------------------------------------------------------------------------------------


@given(fractions, bits)
def test_rationals_are_enclosed(value, precision):
    low, high = ends(lambda: ball(value), precision)
    assert low <= value <= high
    assert (high - low) * 2 ** (precision - 4) <= abs(value)


@given(fractions, fractions)
def test_hulls_contain_both_numbers_and_hardly_more(one, other):
    low, high = sorted((one, other))
    for found, least in ((ends(lambda: hull(ball(low), ball(high))), low), (ends(lambda: below(ball(abs(high)))), 0)):
        most = high if least == low else abs(high)
        assert found[0] <= least <= most <= found[1]
        assert found[1] - found[0] - (most - least) <= (abs(most) + abs(least)) / 2**24


# --- functions -----------------------------------------------------------------------------------------------------

beside = st.builds(lambda k, e: Fraction(k, 2**e), st.integers(-1000, 1000), st.integers(11, 200))


@given(beside | st.fractions(-40, 40, max_denominator=10**6), bits)
@example(Fraction(-7, 2**48), 64)
@example(Fraction(1, 2**48), 64)
@example(Fraction(-1, 2**24), 128)
def test_exponentials_and_logarithms_are_enclosed(value, precision):
    narrow = Fraction(2**10, 2**precision)
    assert encloses(ends(lambda: ball(value).exp(), precision), many_digits("exp", value), within=narrow)
    if value <= 0:
        truth = -many_digits("expm1", value)
        assert encloses(ends(lambda: exp_complement(ball(value)), precision), truth, within=narrow)
    if value > 0:
        assert encloses(ends(lambda: ball(value).log(), precision), many_digits("log", value))


@given(densities, bits)
@example(Fraction(1, 10**300), 64)
@example(HALF, 64)
@example(HALF + Fraction(1, 2**80), 64)
@example(Fraction(1, 2**16 - 1), 256)
def test_log_of_the_sparsity_is_enclosed(density, precision):
    assume(density < 1)
    truth = many_digits("log1p", -density)
    assert encloses(ends(lambda: log_sparsity(density), precision), truth, within=Fraction(2**20, 2**precision))


@given(densities, st.integers(1, 10**6) | st.fractions(Fraction(1, 1000), 1000, max_denominator=1000), bits)
@example(Fraction(1, 10**300), 1, 64)
@example(Fraction(1, 10**300), 10**6, 64)
@example(1 - Fraction(1, 10**300), 2, 64)
@example(Fraction(1), 3, 64)
def test_that_some_event_happens_is_enclosed(density, trials, precision):
    if density == 1:
        assert ends(lambda: log_some(density, trials)) == (0, 0)
        return
    mp = mpmath.mp.clone()
    mp.dps = 1300
    sparsity = mp.mpf((1 - density).numerator) / (1 - density).denominator
    none = sparsity ** (mp.mpf(Fraction(trials).numerator) / Fraction(trials).denominator)
    found = at_precision(precision, lambda: log_some(density, trials))
    truth = mp.log1p(-none)
    middle, radius = (mp.mpf(tuple(map(int, part.man_exp()))) for part in (found.mid(), found.rad()))
    assert abs(middle - truth) <= radius + mp.mpf(10) ** -1000 * abs(truth)
    assert radius <= abs(truth) * mp.mpf(2) ** (45 - precision)  # a power of 10^6 costs twenty bits


def test_nothing_is_lost_where_hardly_anything_is_missing():
    # At 64 bits, 1 - 1e-300 is 1: a logarithm of a difference would be infinite.
    low, high = enclose(lambda: log_some(Fraction(1, 10**300), 10), most_bits=64, digits=15)
    assert float(low) == float(high) == pytest.approx(math.log(1e-299))


@given(st.fractions(0, 1, max_denominator=10**6), st.fractions(0, 1, max_denominator=10**6))
@example(Fraction(0), Fraction(0))
@example(HALF, Fraction(1))
def test_log_of_a_complement_is_enclosed(one, other):
    low, high = sorted((one, other))
    least, most = ends(lambda: log_complement(hull(ball(low), ball(high))))
    if high == 1:
        assert (least, most) == (-math.inf, math.inf)
    else:
        assert least <= many_digits("log1p", -high) + ULP
        assert many_digits("log1p", -low) <= most
        if low == high:
            assert most - least <= Fraction(1, 10**8)


def test_log_of_what_certainly_does_not_happen():
    for impossible in (Ball(1), Ball(2), hull(2, 3)):
        assert log_complement(impossible) < -(10**100)
    assert not log_complement(hull(Ball(1) / 2, 1)) < 0  # it is, but a ball cannot say so
    assert not log_complement(hull(Ball(1) / 2, 1)) >= 0


# --- enclosing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [1, 17, 100, 700])
@pytest.mark.parametrize(
    "value", [Fraction(2), Fraction(10**300), 1 + Fraction(1, 10**300), 1 - Fraction(1, 10**40)], ids=range(4)
)
def test_enclosures_contain_the_truth_and_are_narrow(value, digits):
    low, high = enclose(lambda: ball(value).log(), digits=digits)
    assert encloses((low, high), many_digits("log", value))
    assert (high - low) * 10**digits <= min(abs(low), abs(high))


def test_enclosing_zero_and_the_undefined():
    assert enclose(lambda: Ball(0)) == (0, 0)
    with pytest.raises(InfeasibleWidth, match="17 digits"):
        enclose(lambda: Ball(9).log() - 2 * Ball(3).log())
    for undefined in (Ball.pos_inf(), Ball.nan()):
        with pytest.raises(InfeasibleWidth):
            enclose(lambda number=undefined: number)
    with pytest.raises(InfeasibleWidth, match="written down"):
        enclose(lambda: (-(Ball(10) ** 30)).exp())  # as a fraction it would fill the memory


@given(fractions)
def test_the_ends_of_a_ball_are_exact(value):
    low, high = numbers.ends(ball(value))
    assert low <= value <= high
    assert high - low <= abs(value) / 2**50
    if value.denominator == 1 and abs(value) < 2**53:
        assert low == high


def test_midpoints_are_estimates_and_never_fail():
    assert midpoint(lambda: ball(Fraction(1, 3))) == 1 / 3
    for undefined in (Ball.pos_inf(), Ball.neg_inf(), Ball.nan()):
        assert midpoint(lambda number=undefined: number) == -math.inf
