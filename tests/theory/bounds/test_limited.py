"""Subset sums of few variables: Theorem K against its lemma, one exact law, drawn sums, and the count of sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from ertheory.bounds import n_required, ticket_widths
from ertheory.bounds.subset_sum.explicit import explicit_count, potential_of
from ertheory.bounds.subset_sum.limited import Groups, _mean_power, limited_count, limited_upper, necessary_limited
from ertheory.bounds.subset_sum.problem import read_problem
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.montecarlo import verify
from ertheory.montecarlo.events.subset_sums import limited_event
from ertheory.networks.target import Target
from ertheory.numbers import ball, ends

FALSE_ALARM = 1e-9
PROBLEM = read_problem(density="1/2", epsilon="1/50", z="1/2")


def margin(trials: int) -> float:
    """Distance of a mean in [0, 1] from its expectation that is passed with probability `FALSE_ALARM` (Hoeffding)."""
    return math.sqrt(-math.log(FALSE_ALARM) / (2 * trials))


@pytest.mark.parametrize("mean", [Fraction(1, 10), Fraction(3), Fraction(40)])
@pytest.mark.parametrize("power", [1, 2, 5])
def test_the_mean_of_a_power_of_a_poisson_variable(mean, power):
    masses, mass = [], math.exp(-mean)
    for number in range(400):
        masses.append(mass / (1 + number) ** power)
        mass *= float(mean) / (number + 1)
    low, high = map(float, ends(_mean_power(ball(mean), power)))
    assert low <= math.fsum(masses) * (1 + 1e-12)
    assert math.fsum(masses) * (1 - 1e-12) <= high < low * (1 + 1e-9)


@pytest.mark.parametrize(("start", "size", "power"), [(0.05, 12, 1), (0.05, 12, 4), (0.2, 8, 2)])
def test_a_group_lets_the_potential_shrink_as_the_lemma_says(start, size, power):
    # A = [-e, e] cut to [-1/2, 1/2], and its shifts: their union is measured exactly.
    trials, chance = 4_000, 0.75
    rng = np.random.default_rng(1)
    shifts = np.where(rng.random((trials, size)) < chance, rng.uniform(-1, 1, (trials, size)), 9.0)
    shifts = np.sort(np.hstack([shifts, np.zeros((trials, 1))]), axis=1)
    low, high = (np.clip(shifts + side * start / 2, -0.5, 0.5) for side in (-1, 1))
    low[:, 1:] = np.maximum(low[:, 1:], np.maximum.accumulate(high, axis=1)[:, :-1])
    lengths = np.maximum(high - low, 0).sum(axis=1)
    assert lengths.min() >= start * (1 - 1e-12)
    covered = 1 - (1 - chance * start / 2) ** size
    allowed = ends(_mean_power(ball(Fraction((1 - start) * covered / start)), power))[1]
    assert (lengths / start).__pow__(-power).mean() <= float(allowed) + margin(trials)


def test_one_variable_is_the_exact_law():
    for epsilon, z in (("1/50", "1/2"), ("1/10", "1"), ("1/10", "19/20")):
        problem = read_problem(density="1/2", epsilon=epsilon, z=z)
        near = (problem.epsilon + min(problem.epsilon, 1 - problem.z)) / 2
        assert float(limited_upper(problem, 90, 1)) == pytest.approx(float((1 - near / 2) ** 90), rel=1e-9)
    found = limited_count(PROBLEM, Fraction(1, 20), 1)
    assert (1 - Fraction(1, 50) / 2) ** found <= Fraction(1, 20) < (1 - Fraction(1, 50) / 2) ** (found - 1)


@pytest.mark.parametrize(("kept", "density", "z"), [(2, "1", "1"), (2, "1/2", "1/3"), (3, "3/4", "1/2")])
def test_drawn_sums_fail_no_more_often_than_allowed(kept, density, z):
    delta, trials = Fraction(1, 2), 600
    problem = read_problem(density=density, epsilon="1/20", z=z)
    number = limited_count(problem, delta, kept)
    event = limited_event(number, problem.density, problem.epsilon, kept, z=problem.z)
    share = event.occurs(np.random.default_rng(3), trials).mean()
    assert share >= 1 - delta - margin(trials)
    fewer = necessary_limited(problem, delta, kept) - 1
    event = limited_event(fewer, problem.density, problem.epsilon, kept, z=problem.z)
    assert event.occurs(np.random.default_rng(4), trials).mean() < 1 - delta + margin(trials)


def test_counts_are_monotone_and_above_what_is_necessary():
    delta = Fraction(1, 1000)
    counts = [limited_count(PROBLEM, delta, kept) for kept in (*range(1, 12), 20, 40, 10**6)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == explicit_count(PROBLEM, delta)[0]
    for kept in (1, 2, 5, 20):
        assert limited_count(PROBLEM, delta, kept) >= necessary_limited(PROBLEM, delta, kept)
        assert limited_count(PROBLEM, delta, kept) >= limited_count(PROBLEM, 2 * delta, kept)
        found = n_required(density="1/2", epsilon="1/50", z="1/2", failure_probability=delta, kept=kept)
        assert found.n >= found.necessary
        assert found.failure_upper <= delta


def test_the_bound_is_the_formula():
    potential = potential_of(PROBLEM, PROBLEM.parts[0])
    groups = Groups(potential, kept=3, size=40, length=Fraction(1, 4), power=1)
    mean = 3 * (1 - (1 - 1 / 16) ** 40)
    value = 0.25 / 0.04 * (-math.expm1(-mean) / mean) ** 2 + (1 - 1 / 16) ** 30
    low, high = ends(groups.bound(30))
    assert float(low) <= value * (1 + 1e-12)
    assert float(high) >= value * (1 - 1e-12)
    assert groups.total(30) == 110


def test_targets_that_few_variables_cannot_reach_are_refused():
    with pytest.raises(InfeasibleWidth, match="needs at least 3 variables, more than kept = 2"):
        n_required(density=1, epsilon="0.1", failure_probability="0.1", z=3, kept=2)
    with pytest.raises(InvalidInput, match="kept: expected no kept unless the mode is rigorous"):
        n_required(density=1, epsilon="0.1", failure_probability="0.1", kept=2, mode="calibrated")
    with pytest.raises(InvalidInput, match="kept"):
        n_required(density=1, epsilon="0.1", failure_probability="0.1", kept=0)


@pytest.mark.parametrize("depth", ["L+1", "2L"])
def test_tickets_of_few_weights_are_wider_and_sparser(depth):
    asked = {"density": "1/2", "epsilon": "1/10", "failure_probability": "1/10", "depth": depth}
    free = ticket_widths(Target.from_text("2-3-1"), **asked)
    few, fewer = (ticket_widths(Target.from_text("2-3-1"), **asked, kept=kept) for kept in (20, 6))
    assert free.total <= few.total <= fewer.total
    assert free.kept_most is None
    share, smaller = (found.kept_most / found.edges_expected for found in (few, fewer))
    assert smaller < share < 1
    if depth == "2L":  # 9 weights and 4 biases, each of 6 weights, and an edge to each feature of a weight
        assert fewer.kept_most <= 6 * 13 * 2
        assert fewer.kept_most >= 6 * 13


def test_drawn_sums_agree():
    assert verify("lemma-2.4-kept", trials=1_000, seed=1, level=1 - FALSE_ALARM).agrees
