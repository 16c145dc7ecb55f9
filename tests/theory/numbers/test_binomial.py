"""Enclosures of binomial tails and expectations against sums of fractions, or of many digits where n is large."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import mpmath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, ball, expectation, hull, log_choose, log_mass, lower_tail
from tests.strategies import bits, densities, ends, plain_densities

HALF = Fraction(1, 2)
TINY = Fraction(1, 10**12)


def mass(trials: int, count: int, chance: Fraction) -> Fraction:
    return math.comb(trials, count) * chance**count * (1 - chance) ** (trials - count)


def tail(trials: int, most: int, chance: Fraction) -> Fraction:
    return sum((mass(trials, count, chance) for count in range(min(most, trials) + 1)), Fraction(0))


def assert_narrow(low: Fraction, high: Fraction, allowed: Fraction) -> None:
    assert high - low <= allowed * abs(high)


# --- tails ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(1, 120), st.integers(-1, 121), densities, bits)
@example(10, 3, Fraction(1, 10**12), 64)  # 1 - a tiny tail above
@example(10, 3, 1 - Fraction(1, 10**12), 64)
@example(1, 0, HALF, 64)
@example(100, 99, 1 - Fraction(1, 10**300), 64)
@example(100, 99, 1 - Fraction(1, 10**300), 256)
@example(100, 50, HALF, 256)
@example(100, 51, HALF, 256)
@example(100, 49, HALF, 256)
def test_tails_are_enclosed(trials, most, chance, precision):
    low, high = ends(lambda: lower_tail(trials, most, ball(chance)), precision)
    truth = tail(trials, most, chance)
    assert low <= truth <= high
    if Fraction(1, 10**6) < chance < 1 - Fraction(1, 10**6):  # else the chance itself is hardly an interval
        # On the side that is summed the relative error is small, on the other side that of the complement.
        assert min((high - low) / high if high else 0, (high - low) / (1 - low) if low < 1 else 0) < 2.0 ** (
            20 - precision // 2
        )


@given(st.integers(1, 60), st.integers(0, 60), plain_densities, st.integers(1, 30))
@example(4, 2, HALF, 1)
def test_a_chance_known_roughly_gives_a_tail_for_each_value_in_it(trials, most, chance, spread):
    above = min(Fraction(1), chance + Fraction(1, spread))
    below = max(Fraction(0), chance - Fraction(1, spread))
    low, high = ends(lambda: lower_tail(trials, most, hull(ball(below), ball(above))))
    for value in (below, chance, (chance + above) / 2, above):
        assert low <= tail(trials, most, value) <= high


@pytest.mark.parametrize("end", [0, 1])
def test_a_chance_that_may_be_0_or_1_leaves_a_bound(end):
    chance = hull(0, Ball(2) ** -70) if end == 0 else hull(1 - Ball(2) ** -63, 1)
    low, high = ends(lambda: lower_tail(100, 50, chance))
    if end == 0:
        assert 1 - Fraction(1, 2**60) < low <= 1 <= high < 1 + Fraction(1, 2**60)
    else:
        assert -Fraction(1, 2**60) < low <= 0
        assert tail(100, 50, 1 - Fraction(1, 2**63)) <= high < Fraction(1, 2**50)


@pytest.mark.parametrize(
    ("trials", "most", "chance"),
    [
        (25_872, 32, Fraction(1, 50)),
        (179_634, 228, Fraction(1, 100)),
        (10**6, 499_000, HALF),
        (10**6, 501_000, HALF),
        (10**12, 3, Fraction(1, 10**12)),
        (10**12, 10**12 - 5, 1 - Fraction(1, 10**12)),
    ],
)
def test_large_tails_agree_with_a_sum_of_forty_digits(trials, most, chance):
    low, high = ends(lambda: lower_tail(trials, most, ball(chance)), 128)
    mp = mpmath.mp.clone()
    mp.dps = 40
    # A plain sum of the smaller side, from its largest term outwards.
    p = mp.mpf(chance.numerator) / chance.denominator
    up = most >= p * trials
    k = most + 1 if up else most
    log_comb = mp.loggamma(trials + 1) - mp.loggamma(k + 1) - mp.loggamma(trials - k + 1)
    term = truth = mp.exp(log_comb + k * mp.log(p) + (trials - k) * mp.log1p(-p))
    while 0 < k < trials and term > truth * mp.mpf(10) ** -35:
        term *= (trials - k) * p / ((k + 1) * (1 - p)) if up else k * (1 - p) / ((trials - k + 1) * p)
        truth += term
        k += 1 if up else -1
    truth = 1 - truth if up else truth
    assert abs(mp.mpf(low.numerator) / low.denominator / truth - 1) < mp.mpf(10) ** -15
    assert abs(mp.mpf(high.numerator) / high.denominator / truth - 1) < mp.mpf(10) ** -15


# --- masses --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.integers(0, 300), bits)
def test_binomial_coefficients_are_enclosed(total, chosen, precision):
    chosen = min(chosen, total)
    low, high = ends(lambda: log_choose(total, chosen).exp(), precision)
    assert low <= math.comb(total, chosen) <= high
    assert_narrow(low, high, Fraction(2**20, 2**precision))


@given(st.integers(1, 80), st.integers(0, 80), plain_densities, bits)
def test_masses_are_enclosed(trials, count, chance, precision):
    count = min(count, trials)
    low, high = ends(lambda: log_mass(trials, count, ball(chance), ball(1 - chance)).exp(), precision)
    assert low <= mass(trials, count, chance) <= high
    assert_narrow(low, high, Fraction(2**20, 2**precision))


def test_a_coefficient_of_a_huge_number():
    low, high = ends(lambda: log_choose(10**15, 2).exp(), 128)
    assert low <= 10**15 * (10**15 - 1) // 2 <= high
    assert_narrow(low, high, TINY)


# --- expectations --------------------------------------------------------------------------------------------------

Loss = Callable[[int], Fraction]


def losses(decay: Fraction, power: int) -> Loss:
    """1 - (1 - r^k)^m: decreases from 1 to 0 like those of the laws, slowly where m is large."""
    return lambda alive: 1 - (1 - decay**alive) ** power


@settings(max_examples=50)
@given(st.integers(0, 80), densities, plain_densities, st.integers(1, 60), bits)
@example(0, HALF, HALF, 1, 64)
@example(50, Fraction(1), HALF, 3, 64)
@example(120, Fraction(1, 10**12), HALF, 60, 64)
@example(120, 1 - Fraction(1, 10**12), HALF, 60, 64)
@example(120, HALF, Fraction(1, 12), 1, 64)  # the sum lives far below the mean
def test_expectations_are_enclosed(trials, chance, decay, power, precision):
    loss = losses(decay, power)
    low, high = ends(lambda: expectation(trials, chance, lambda alive: ball(loss(alive))), precision)
    truth = sum((mass(trials, count, chance) * loss(count) for count in range(trials + 1)), Fraction(0))
    assert low <= truth <= high
    assert_narrow(low, high, Fraction(2**12, 2 ** (precision // 2)))


@settings(max_examples=30)
@given(st.integers(1, 2000), plain_densities, plain_densities)
@example(2000, Fraction(11, 12), Fraction(1, 12))
def test_a_geometric_loss_has_a_closed_form(trials, chance, decay):
    low, high = ends(lambda: expectation(trials, chance, lambda alive: ball(decay) ** alive), 128)
    truth = (1 - chance * (1 - decay)) ** trials
    assert low <= truth <= high
    assert_narrow(low, high, Fraction(2**12, 2**64))


@pytest.mark.parametrize(("trials", "chance"), [(10**6, Fraction(1, 10**6)), (10**12, Fraction(5, 10**12))])
def test_a_geometric_loss_of_very_many_rare_trials(trials, chance):
    low, high = ends(lambda: expectation(trials, chance, lambda alive: Ball(1) / 2**alive), 128)
    mp = mpmath.mp.clone()
    mp.dps = 60
    truth = mp.exp(trials * mp.log1p(-mp.mpf(chance.numerator) / chance.denominator / 2))
    for end in (low, high):
        assert abs(mp.mpf(end.numerator) / end.denominator / truth - 1) < mp.mpf(10) ** -14
    assert low < high


@pytest.mark.parametrize("power", [0, 1])
def test_constant_and_vanishing_losses(power):
    low, high = ends(lambda: expectation(30, HALF, lambda alive: Ball(1 - power)))
    assert low <= 1 - power <= high
    assert high - low < Fraction(1, 10**8)


@pytest.mark.parametrize("chance", [HALF, Fraction(1, 9)])
def test_an_enclosure_has_what_is_left_out_at_both_ends(chance):
    """Masses sum to 1, and where they fall by hundredths only, what is left out is many times its first term."""
    low, high = ends(lambda: expectation(20_000, chance, lambda _: Ball(1)), 64)
    assert low <= 1 <= high
    assert_narrow(low, high, Fraction(2**12, 2**32))


def test_a_sum_of_far_too_many_terms_is_refused():
    with pytest.raises(InfeasibleWidth, match="terms"):
        expectation(10**15, HALF, lambda alive: Ball(1) / (alive + 1))
