"""Sign-stratified sampling against enumeration, exact laws of few weights, and plain counting.

Standard errors are of means of many shares, taken as normal: 6.1 of them are exceeded once in a thousand million runs.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from ertheory.errors import InvalidInput
from ertheory.montecarlo import sign_stratified, stopping_times
from ertheory.montecarlo.subset_sums.draw_kernel import fill_weights
from ertheory.montecarlo.subset_sums.draws import LAWS, stream_key
from ertheory.montecarlo.subset_sums.stratification import _sign_probabilities
from tests.theory.montecarlo.test_stopping_times import covered, sums_of

ERRORS = 6.1


def magnitudes(trials, *, law, seed, stream):
    drawn = np.empty((trials, 12))
    fill_weights(drawn, 0, stream, law == "product", stream_key(seed))
    return np.abs(drawn)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("z", [1.0, 0.25, None])
def test_rows_against_all_subsets(law, z):
    epsilon, most = 0.125, 5
    settings = {"uniform": True} if z is None else {"z": z}
    run = sign_stratified(epsilon, law=law, trials=25, seed=2, **settings)
    positive, negative = (magnitudes(25, law=law, seed=2, stream=stream) for stream in (2, 4))
    for row in range(25):
        for plus in range(most + 1):
            for minus in range(most + 1):
                sums = sums_of([*positive[row, :plus], *-negative[row, :minus]])
                assert covered(sums, epsilon, z) == (minus >= run.needed[row, plus])


def test_signs_are_trinomial():
    table = _sign_probabilities(7, 0.6)
    for plus in range(8):
        for minus in range(9):
            pairs = [(plus, other, 7 - plus - other) for other in range(minus) if plus + other <= 7]
            expected = sum(multinomial.pmf(pair, 7, (0.3, 0.3, 0.4)) for pair in pairs)
            assert table[plus, minus] == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
def test_many_weights_lose_nothing(density):
    table = _sign_probabilities(400, density)
    assert (np.diff(table, axis=1) >= -1e-12).all()
    assert table[:, -1].sum() == pytest.approx(1, abs=1e-10)
    np.testing.assert_allclose(table[:-1, -1], binom.pmf(np.arange(32), 400, density / 2), rtol=1e-8, atol=1e-300)


def test_few_weights_are_known():
    run = sign_stratified("0.1", trials=20_000, seed=1)
    assert run.failure(0, 1).value == pytest.approx(1)
    for density in (Fraction(1), Fraction(1, 4)):
        one = run.failure(1, density)
        assert abs(one.value - float(1 - density * Fraction(1, 20))) <= ERRORS * one.standard_error


@pytest.mark.parametrize(("law", "n", "density"), [("uniform", 14, 1), ("uniform", 30, "1/2"), ("product", 20, 1)])
def test_agrees_with_plain_counting(law, n, density):
    plain = stopping_times("0.05", law=law, trials=200_000, seed=3).failure(n, density)
    rare = sign_stratified("0.05", law=law, trials=10_000, seed=4).failure(n, density)
    # A mixture varies less than a single count would.
    error = np.hypot(rare.standard_error, np.sqrt(plain.value / 200_000))
    assert abs(rare.value - plain.value) <= ERRORS * error
    assert rare.standard_error < 0.1 * rare.value


def test_rare_failures_are_seen_from_few_trials():
    run = sign_stratified("0.1", trials=20_000, seed=5)
    for n in (20, 30, 40):
        rare = run.failure(n, 1)
        # Positive weights that do not add up to 0.9 are too few: the larger part of all failures at this epsilon.
        short = sum(comb(n, count) * 2.0**-n * 0.9**count / factorial(count) for count in range(n + 1))
        assert short - ERRORS * rare.standard_error < rare.value < 2 * short
        assert rare.effective_failures > 10


def test_workers_do_not_change_the_numbers():
    one, two = (sign_stratified("0.05", trials=2_000, seed=1, workers=workers) for workers in (1, 2))
    assert (one.needed == two.needed).all()
    assert not one.needed.flags.writeable


def test_opposite_targets_are_the_same():
    up, down = (sign_stratified("0.05", z=z, trials=200, seed=1) for z in ("0.7", "-0.7"))
    assert (up.needed == down.needed).all()


def test_nothing_to_do():
    run = sign_stratified("0.05", z="0.05", trials=10)
    assert (run.needed == 0).all()
    with pytest.raises(InvalidInput, match="trials: expected more: fewer than 10 failures support"):
        run.failure(5, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": "1e-5"}, "epsilon: expected at least 0.0001"),
        ({"trials": 1}, "trials: expected at least 2"),
        ({"z": 2}, "z: expected a number in"),
        ({"law": "normal"}, "law: expected one of"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        sign_stratified(**{"epsilon": "0.1", "trials": 10, **change})


def test_bad_numbers():
    run = sign_stratified("0.1", trials=10)
    with pytest.raises(InvalidInput, match="n: expected a whole number"):
        run.failure(100_001, 1)
