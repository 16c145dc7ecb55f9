"""Coupled layers: the envelope and its theorem against all masks, reference widths, and what is said of hypotheses."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import Target, width
from ertheory.bounds.necessary.coupled import coupled, coupled_ceiling, narrowest
from ertheory.bounds.necessary.envelope import envelope_of, reached_above
from ertheory.bounds.necessary.parameter_count import parameter_count
from ertheory.bounds.necessary.path_count import path_count
from ertheory.bounds.necessary.univariate import path_failure
from ertheory.errors import InvalidInput
from ertheory.numbers import enclose
from tests.oracles import at_least, reached_law
from tests.strategies import HALF

DIGITS, DELTA = Target.from_text("784-128-10"), Fraction(1, 1000)
tenths = st.integers(1, 9).map(lambda count: Fraction(count, 10))
CASES = [
    (2, 1, (2, 3), (HALF, HALF, HALF), 1),
    (2, 2, (3, 4), (HALF, Fraction(3, 5), Fraction(4, 5)), 2),
    (3, 2, (3, 4), (Fraction(3, 5), HALF, Fraction(7, 10)), 3),
    (3, 3, (3, 6), (Fraction(7, 10), Fraction(7, 10), Fraction(9, 10)), 1),
    (2, 1, (3, 2), (Fraction(2, 5), HALF, Fraction(3, 5)), 4),
    (1, 1, (6, 5), (Fraction(1, 5), Fraction(1, 3), Fraction(2, 5)), 2),
]


@pytest.mark.parametrize(("inputs", "n", "hidden", "densities", "outputs"), CASES)
def test_no_masks_do_better(inputs, n, hidden, densities, outputs):
    law = reached_law(inputs, hidden, densities[:2])
    exact = sum(chance * at_least(n, number, densities[2]) ** outputs for number, chance in enumerate(law))
    target = Target.from_widths([inputs, n, outputs])
    ceiling = coupled_ceiling(target, densities, *hidden, affine=True)
    assert exact <= ceiling
    assert ceiling < at_least(n, hidden[1], densities[2]) ** outputs + Fraction(1, 100)  # not more than all neurons do
    evaded = coupled_ceiling(target, densities, *hidden) - ceiling
    assert 0 <= evaded <= 1


def concave_above(values, mean):
    """Least concave function above the points (N, values[N]), at a mean: by all pairs of points."""
    best = Fraction(0)
    for left in range(len(values)):
        for right in range(left, len(values)):
            if left <= mean <= right:
                share = Fraction(0) if left == right else (mean - left) / (right - left)
                best = max(best, (1 - share) * values[left] + share * values[right])
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), tenths, st.integers(0, 25), st.fractions(0, 1, max_denominator=50))
def test_the_envelope_is_the_least_concave_function_above(n, outputs, density, most, share):
    values = [at_least(n, number, density) ** outputs for number in range(most + 1)]
    mean = share * most
    exact = concave_above(values, mean)
    found = envelope_of(n, outputs, density).above(mean, most)
    assert exact <= found
    increasing = concave_above(values, Fraction(int(mean + 1)) if mean + 1 <= most else Fraction(most))
    assert found <= max(exact, increasing) + Fraction(1, 10**12)  # a slope between two whole numbers is guessed


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), tenths, st.integers(0, 40))
def test_what_serves_is_bounded_closely(n, outputs, density, neurons):
    exact = at_least(n, neurons, density) ** outputs
    assert exact <= envelope_of(n, outputs, density).at(neurons) <= exact + Fraction(1, 10**11)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 300), tenths, tenths)
def test_what_is_reached_is_bounded_closely(inputs, neurons, density, chance):
    low, high = enclose(lambda: 2 - path_failure(inputs, neurons, density, chance))
    assert low - 1 <= reached_above(inputs, neurons, density, chance) <= high - 1 + Fraction(1, 10**9)


def test_extremes_of_the_envelope():
    assert envelope_of(3, 2, Fraction(1)).at(2) < Fraction(1, 10**9)
    assert envelope_of(3, 2, Fraction(1)).at(3) == 1
    assert reached_above(4, 3, Fraction(1), Fraction(1)) == 1
    thin = envelope_of(1000, 3, Fraction(1, 1000))  # p^n is no double
    assert Fraction(1, 10) < thin.at(10**6) < Fraction(1, 5)
    assert reached_above(784, 1000, Fraction(1, 1000), Fraction(1, 1000)) < Fraction(1, 10**100)


@pytest.mark.parametrize("density", ["1/1000000", "1/400000", "1/100000", "1/100"])
def test_what_a_trillion_neurons_reach_is_bounded_closely(density):
    p = Fraction(density)
    reached, path = reached_above(24, 10**12, p, p), float(-(10**12) * p * p)
    # An input is missed by (1 - p p)^N, and the inputs hit help each other: the product of the chances is below.
    assert (1 - math.exp(path)) ** 24 * (1 - 1e-5) <= reached <= min(1, (1 - math.exp(path)) ** 24 * (1 + 1e-3))
    assert reached_above(24, 10**12, Fraction(1), p) == reached_above(1, 10**12, Fraction(1), Fraction(1)) == 1


WIDTHS = [
    ("0.1", 231, 128),
    ("0.2", 285, 135),
    ("0.3", 339, 152),
    ("0.9", 1850, 1053),
    ("0.95", 3513, 4367),
    ("0.99", 17656, 109587),
]


@pytest.mark.parametrize(("sparsity", "second", "first"), WIDTHS)
def test_reference_widths_beside_the_widths_of_sharp(sparsity, second, first):
    answer = width(DIGITS, method="coupled", sparsity=sparsity, failure_probability=DELTA)
    assert answer.applies
    assert answer.holds_up_to == (None, second, None)
    assert answer.widths[0] >= first
    assert answer.widths[0] - first <= 1
    assert ("only for sources whose layer 0 is affine on the box" in answer.reason) is (sparsity == "0.1")
    assert "assumed, not checked: almost every W_1" in answer.reason
    assert "W_1 without zeros" in answer.reason
    assert f"N_1 up to {second}" in answer.reason


def test_layer_1_is_that_of_sharp():
    for density in (HALF, Fraction(1, 10)):
        sharp = width(DIGITS, method="sharp", density=density, failure_probability=DELTA)
        assert narrowest(128, 10, density, DELTA) == sharp.widths[1]


@pytest.mark.parametrize("density", ["0.5", "0.1", "0.02"])
def test_one_neuron_less_is_ruled_out(density):
    densities = (Fraction(density),) * 3
    second = narrowest(128, 10, densities[2], DELTA)
    found = coupled(DIGITS, densities, DELTA, second_width=second).widths[0]
    counted = parameter_count(DIGITS, densities, DELTA, second_width=second).widths[0]
    assert found >= max(counted, path_count(DIGITS, densities, DELTA, second_width=second).widths[0])
    if found > counted:
        assert coupled_ceiling(DIGITS, densities, found - 1, second) < 1 - DELTA
        assert coupled_ceiling(DIGITS, densities, found, second) >= 1 - DELTA


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 4), st.integers(1, 3), st.tuples(tenths, tenths, tenths))
def test_the_ceiling_grows_with_both_widths(n, spare, outputs, densities):
    target = Target.from_widths([n + spare, n, outputs])
    table = np.array(
        [
            [float(coupled_ceiling(target, densities, first, second)) for second in (n, 2 * n, 9 * n)]
            for first in (1, 4, 20)
        ]
    )
    assert (np.diff(table, axis=0) > -1e-9).all()
    assert (np.diff(table, axis=1) > -1e-9).all()


def test_a_wider_layer_1_of_ours_belongs_to_what_is_spoken_of():
    sparse = {"density": "0.01,0.01,1", "failure_probability": DELTA}
    for text in ("20-3-1", "50-2-1", "10-2-2", "2-1-1"):
        answer, dropped = (width(Target.from_text(text), method=method, **sparse) for method in ("coupled", "drop"))
        assert dropped.widths[1] <= answer.holds_up_to[1]
        assert answer.widths[0] <= dropped.widths[0]


def test_where_nothing_is_said():
    assert not width(Target.from_text("4-8-3"), method="coupled", density=HALF, failure_probability=DELTA).applies
    assert "at least 0.0001 only" in coupled(DIGITS, (Fraction(1, 10**5),) * 3, DELTA, second_width=10**8).reason
    few = coupled(DIGITS, (HALF,) * 3, DELTA, second_width=200)
    assert "200 neurons in layer 1 are too few" in few.reason
    zeros = Target.from_arrays([[[1.0, 2.0, 1.0], [1.0, 0.0, 2.0]], [[1.0, 1.0]]])
    assert coupled(zeros, (HALF,) * 3, DELTA, second_width=99).reason == "needs W_1 without zeros"
    with pytest.raises(InvalidInput, match="second_width"):
        coupled(DIGITS, (HALF,) * 3, DELTA, second_width=127)
