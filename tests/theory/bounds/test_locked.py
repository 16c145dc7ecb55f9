"""Subset sums with locked variables: Theorem F against integrals, the case without any, and drawn sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad

from ertheory.bounds import n_required
from ertheory.bounds.subset_sum.explicit import explicit_count
from ertheory.bounds.subset_sum.locked import Walk, locked_count, locked_lower, locked_upper, necessary_locked
from ertheory.bounds.subset_sum.problem import read_problem
from ertheory.errors import InvalidInput
from ertheory.montecarlo import verify
from ertheory.montecarlo.events.subset_sums import locked_event

FALSE_ALARM = 1e-9
HALF, TENTH, HUNDREDTH = Fraction(1, 2), Fraction(1, 10), Fraction(1, 100)


@pytest.mark.parametrize("slope", [Fraction(1, 8), Fraction(1), Fraction(5, 2)])
def test_the_factors_are_means(slope):
    free, locked = Fraction(3, 10), Fraction(1, 5)
    theta = float(slope)
    always = quad(lambda x: math.exp(theta * x) / 2, -1, 1)[0]
    walked = quad(lambda x: math.exp(-theta * max(x, 0.0)) / 2, -1, 1)[0]
    walking, other = map(float, Walk(free, locked, HUNDREDTH, slope, Fraction(1)).factors())
    assert walking == pytest.approx(0.5 + 0.2 * always + 0.3 * walked, rel=1e-9)
    assert other == pytest.approx(0.8 + 0.2 * always, rel=1e-9)


def test_without_locked_variables_it_is_the_theorem_without_them():
    assert (
        locked_count(HALF, Fraction(0), HUNDREDTH, HUNDREDTH)
        == explicit_count(read_problem(density=HALF, epsilon=HUNDREDTH), HUNDREDTH)[0]
    )


@pytest.mark.parametrize(("free", "locked"), [(HALF, TENTH), (Fraction(9, 10), Fraction(1, 10)), (HALF, HALF)])
def test_counts_satisfy_the_bound(free, locked):
    found = locked_count(free, locked, HUNDREDTH, HUNDREDTH)
    assert locked_upper(found, free=free, locked=locked, epsilon=HUNDREDTH) <= Fraction(12, 10) * HUNDREDTH
    assert found >= locked_count(free, locked, HUNDREDTH, TENTH)
    assert found >= locked_count(free, locked / 2, HUNDREDTH, HUNDREDTH)
    assert found >= locked_count(free, locked, TENTH, HUNDREDTH)


@pytest.mark.parametrize("z", [Fraction(0), Fraction(1)])
def test_drawn_sums_fail_no_more_often_than_allowed(z):
    free, locked, epsilon, delta, trials = HALF, Fraction(1, 20), Fraction(1, 5), HALF, 200
    number = locked_count(free, locked, epsilon, delta)
    event = locked_event(number, free, locked, epsilon, z=z)
    share = event.occurs(np.random.default_rng(3), trials).mean()
    assert share >= 1 - delta - math.sqrt(-math.log(FALSE_ALARM) / (2 * trials))


@pytest.mark.parametrize(("free", "locked"), [(HALF, Fraction(1, 4)), (Fraction(1, 4), HALF)])
def test_fewer_than_necessary_fail_more_often_than_delta(free, locked):
    """With few variables the bound on the success is not far: at 3 of them it is at most eight times as much."""
    trials, z = 40_000, HALF
    number = necessary_locked(free, TENTH, Fraction(3, 4))
    assert TENTH * (1 + free) ** number >= Fraction(1, 4) > TENTH * (1 + free) ** (number - 1)
    for few in (1, 3):
        bound = 1 - locked_lower(few, free=free, epsilon=TENTH)
        assert bound == pytest.approx(float(TENTH * (1 + free) ** few), rel=1e-9)
        event = locked_event(few, free, locked, TENTH, z=z)
        share = event.occurs(np.random.default_rng(few), trials).mean()
        assert bound / 8 < share <= bound + math.sqrt(-math.log(FALSE_ALARM) / (2 * trials))


def test_what_is_no_question_is_refused():
    asked = {"density": HALF, "epsilon": HUNDREDTH, "failure_probability": HUNDREDTH}
    answer = n_required(**asked, locked=TENTH)
    assert answer.n == locked_count(HALF - TENTH, TENTH, HUNDREDTH, HUNDREDTH)
    assert (answer.necessary, answer.failure_lower) == (14, 0)
    assert n_required(**asked, locked=TENTH, z=HUNDREDTH).necessary == 0  # the empty sum may do
    assert answer.failure_upper <= HUNDREDTH
    assert "Theorem F" in answer.explain()
    for more in ({"locked": HALF}, {"locked": TENTH, "kept": 3}, {"locked": TENTH, "uniform": True}):
        with pytest.raises(InvalidInput, match="locked"):
            n_required(**asked, **more)


def test_drawn_masks_agree():
    assert verify("lemma-2.4-locked", trials=200, seed=1, level=1 - FALSE_ALARM).agrees


@pytest.mark.parametrize(
    ("drawn", "alone", "with_it"),
    [(0.0, False, True), (0.4999, False, True), (0.5, True, True), (0.7499, True, True), (0.75, True, False)],
)
def test_draws_below_q_are_locked_and_those_below_q_plus_f_free(drawn, alone, with_it):
    """One variable that is 1: locked, it cannot be left out; free, it may be in the sum or not; pruned, it is not."""

    class Written:
        def uniform(self, low, high, shape):
            return np.ones(shape)

        def random(self, shape):
            return np.full(shape, drawn)

    for z, occurs in ((Fraction(0), alone), (Fraction(1), with_it)):
        assert locked_event(1, Fraction(1, 4), HALF, TENTH, z=z).occurs(Written(), 1).tolist() == [occurs]
