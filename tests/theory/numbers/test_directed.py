"""Sums in double precision that are rounded outwards, against sums of fractions and scipy's laws."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from ertheory.errors import InfeasibleWidth
from ertheory.numbers.decisions import Decision
from ertheory.numbers.directed import Masses, binomial_masses, bounds, convolve, decided, tail_bounds

ODDS = st.integers(-40, 40).map(lambda digits: 2.0**digits) | st.floats(0.01, 100)


def law(trials: int, odds: float) -> list[Fraction]:
    """Masses as fractions, for odds as they are."""
    ratio = Fraction(odds)
    return [math.comb(trials, count) * ratio**count / (1 + ratio) ** trials for count in range(trials + 1)]


def encloses(bound: tuple[Fraction, Fraction], truth: Fraction) -> bool:
    """Whether it does, and is about as narrow as doubles are."""
    low, high = bound
    return low <= truth <= high and high - low <= truth / 10**9 + Fraction(1, 10**200)


@settings(max_examples=30)
@given(st.integers(0, 40), ODDS)
@example(1, 1.0)
@example(40, 2.0**40)
@example(3, 2.0**-40)
def test_masses_and_tails_of_binomial_laws_are_enclosed(trials, odds):
    masses, truth = binomial_masses(trials, odds), law(trials, odds)
    assert (masses.first, masses.last) == (0, trials)
    for value, mass in zip(masses.values.tolist(), truth, strict=True):
        assert encloses(bounds(value, masses.roundings), mass)
    assert tail_bounds(trials, 0, odds) == tail_bounds(trials, -1, odds) == (0, 0)
    assert tail_bounds(trials, trials + 1, odds) == (1, 1)
    for count in range(1, trials + 1):
        low, high = tail_bounds(trials, count, odds)
        assert encloses((low, high), sum(truth[:count], Fraction(0)))
        assert high <= 1


@pytest.mark.parametrize(("trials", "chance"), [(10**4, 0.3), (10**6, 0.5), (10**6, 1e-4), (10**5, 0.999)])
def test_long_laws_are_those_of_scipy_where_they_are_not_negligible(trials, chance):
    odds = chance / (1 - chance)
    masses, binomial = binomial_masses(trials, odds), stats.binom(trials, chance)
    counts = np.arange(masses.first, masses.last + 1)
    np.testing.assert_allclose(masses.values, binomial.pmf(counts), rtol=1e-7, atol=1e-300)
    # Bernstein: what lies further out than 40 standard deviations is below 2^-1000.
    wide = 40 * math.sqrt(trials * chance * (1 - chance)) + 800
    assert masses.first <= max(0, trials * chance - 36 * binomial.std())
    assert masses.last >= min(trials, trials * chance + 36 * binomial.std())
    assert len(masses.values) <= 2 * wide
    for count in map(int, binomial.ppf([1e-9, 0.1, 0.5, 0.9])):
        low, high = tail_bounds(trials, count, odds)
        assert float(low) <= binomial.cdf(count - 1) * (1 + 1e-8)
        assert float(high) >= binomial.cdf(count - 1) * (1 - 1e-8)
        assert high - low < high / 10**5


def test_odds_beyond_the_doubles_leave_one_value():
    for trials, odds, count in ((5, math.inf, 5), (5, 1e300, 5), (5, 0.0, 0), (5, 1e-300, 0), (0, 1.0, 0)):
        masses = binomial_masses(trials, odds)
        assert (masses.first, masses.values.tolist()) == (count, [1.0])
    with pytest.raises(InfeasibleWidth, match="too wide to be summed"):
        binomial_masses(10**30, 1.0)


@given(st.integers(0, 12), st.integers(0, 12), ODDS)
def test_the_law_of_a_sum_is_a_convolution(one, other, odds):
    both = convolve(binomial_masses(one, odds), binomial_masses(other, odds))
    assert (both.first, both.last) == (0, one + other)
    for value, mass in zip(both.values.tolist(), law(one + other, odds), strict=True):
        assert encloses(bounds(value, both.roundings), mass)
    shifted = convolve(Masses(3, np.array([0.5, 0.5]), 0), Masses(-1, np.array([0.25, 0.75]), 0))
    assert (shifted.first, shifted.last, shifted.values.tolist()) == (2, 4, [0.125, 0.5, 0.375])


def test_what_is_left_out_at_each_end_is_at_most_the_loss():
    masses = Masses(5, np.array([2.0, 3.0, 50.0, 30.0, 1.0, 4.0]) / 90, 7)
    for loss in (0.0, 1.9 / 90, 2.1 / 90, 4.1 / 90, 8.1 / 90, 10.1 / 90, 20 / 90):
        left = masses.trimmed(loss)
        below, above = masses.values[: left.first - 5], masses.values[left.last - 4 :]
        assert left.values.tolist() == masses.values[left.first - 5 : left.last - 4].tolist()
        assert left.roundings == 7
        assert below.sum() <= loss  # and with one more at either end it would be more than half of it
        assert above.sum() <= loss
        assert below.sum() + left.values[0] > loss / 2 < above.sum() + left.values[-1]
    assert masses.trimmed(1000.0) is masses  # nothing would be left


@given(st.lists(st.floats(0, 1e9), max_size=30), st.floats(0, 1))
@example([0.1, 0.2], 0.0)
def test_sums_are_enclosed_with_what_was_left_out(values, lost):
    total = 0.0
    for value in values:
        total += value
    truth = sum(map(Fraction, values), Fraction(0))
    low, high = bounds(total, len(values), lost)
    assert low <= truth
    assert truth + Fraction(lost) <= high
    assert high - low - 2 * Fraction(lost) <= truth / 10**12 + Fraction(1, 10**200)


@pytest.mark.parametrize(("value", "roundings"), [(math.inf, 1), (math.nan, 1), (1.0, 2**51)])
def test_sums_that_are_too_long_have_no_bounds(value, roundings):
    with pytest.raises(InfeasibleWidth, match="too long for double precision"):
        bounds(value, roundings)


@pytest.mark.parametrize(
    ("low", "high", "holds", "bits"),
    [(0, 1, True, 53), (0, 2, True, 53), (0, 3, False, 54), (2, 3, False, 54), (3, 4, False, 53)],
)
def test_what_stays_open_is_no(low, high, holds, bits):
    assert decided((Fraction(low), Fraction(high)), Fraction(2)) == Decision(holds=holds, bits=bits)
