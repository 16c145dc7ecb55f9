"""Theorem A': the explicit form of Lemma 2.4, against exact and enumerated failure probabilities."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory import failure_lower, failure_upper
from ertheory.bounds import UniformPart, mixed_failure_upper
from ertheory.bounds.subset_sum.explicit import explicit_count, potential_of, upper_of
from ertheory.bounds.subset_sum.problem import read_problem
from ertheory.errors import InvalidInput
from ertheory.montecarlo.intervals import binomial_interval
from tests import oracles_subset_sum as oracles

densities = st.fractions(Fraction(1, 50), 1, max_denominator=100)
tolerances = st.fractions(Fraction(1, 1000), Fraction(9, 10), max_denominator=1000)
deltas = st.fractions(Fraction(1, 10**6), Fraction(9, 10), max_denominator=10**6)
targets = st.fractions(0, 1, max_denominator=50)


def bound(n, p, epsilon, z, t):
    """Theorem A' in plain high precision."""
    with mpmath.workprec(200):
        p, epsilon, z, t = (mpmath.mpf(x.numerator) / x.denominator for x in (p, epsilon, z, t))
        start = min(mpmath.mpf(1), epsilon + min(epsilon, 1 - z))
        return start ** (-t) * (1 - p / 2 * (1 - mpmath.mpf(2) ** (-t))) ** n


# --- the bound itself ----------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.integers(0, 400), densities, tolerances, targets)
def test_the_upper_bound_is_the_formula_at_a_good_exponent(n, p, epsilon, z):
    value = failure_upper(n, density=p, epsilon=epsilon, z=z)
    if epsilon >= z:
        assert value == 0
        return
    t = np.arange(1, 1025) / 1024
    start = float(min(Fraction(1), epsilon + min(epsilon, 1 - z)))
    bounds = start**-t * (1 - float(p) / 2 * (1 - 2.0**-t)) ** n
    assert float(value) == pytest.approx(min(1.0, bounds.min()), rel=1e-9)
    best = Fraction(int(bounds.argmin()) + 1, 1024)
    assert value >= min(1, Fraction(float(bound(n, p, epsilon, z, best)))) * (1 - Fraction(1, 10**12))


@settings(max_examples=150)
@given(st.integers(0, 2), densities, tolerances, st.fractions(0, 2, max_denominator=50))
@example(1, Fraction(1), Fraction(1, 100), Fraction(1))
@example(2, Fraction(1), Fraction(1, 2), Fraction(1))
def test_two_variables_fail_as_often_as_the_bounds_say(n, p, epsilon, z):
    lower = failure_lower(n, density=p, epsilon=epsilon, z=z)
    upper = failure_upper(n, density=p, epsilon=epsilon, z=z)
    truth = oracles.exact_failure(n, p, epsilon, z) if z > epsilon else Fraction(0)
    assert lower <= truth <= upper


def test_one_variable_is_exact():
    assert oracles.exact_failure(1, Fraction(1, 2), Fraction(1, 100), Fraction(1)) == 1 - Fraction(1, 400)
    assert oracles.exact_failure(1, Fraction(1), Fraction(1, 10), Fraction(1, 2)) == Fraction(9, 10)


@pytest.mark.parametrize(
    ("n", "density", "epsilon", "z", "law", "uniform"),
    [
        (6, 1.0, 0.1, 1.0, "uniform", False),
        (9, 1.0, 0.1, 1.0, "uniform", False),
        (10, 0.5, 0.1, 0.5, "uniform", False),
        (11, 0.8, 0.02, 0.25, "uniform", False),
        (11, 1.0, 0.1, 1.75, "uniform", False),
        (11, 1.0, 0.1, 1.0, "product", False),
        (11, 0.7, 0.05, 0.3, "product", False),
        (10, 1.0, 0.1, 1.0, "uniform", True),
        (11, 1.0, 0.2, 0.5, "uniform", True),
        (11, 1.0, 0.2, 0.5, "product", True),
    ],
)
def test_enumerated_trials_lie_between_the_bounds(n, density, epsilon, z, law, uniform):
    # Seeds are fixed; before they were, each case could fail by chance with probability at most 1e-9.
    trials = 4_000
    failed = oracles.failures(n, density, epsilon, z, law=law, uniform=uniform, trials=trials, seed=n)
    interval = binomial_interval(failed, trials, 1 - Fraction(1, 10**9))
    options = {"density": str(density), "epsilon": str(epsilon), "z": str(z), "law": law, "uniform": uniform}
    lower, upper = failure_lower(n, **options), failure_upper(n, **options)
    assert lower <= interval.high
    assert interval.low <= upper
    assert lower <= upper


# --- what it is monotone in ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 300), densities, densities, tolerances, tolerances, targets, targets, st.booleans())
def test_more_helps_and_harder_hurts(n, p, q, epsilon, wider, z, farther, uniform):
    def upper(n, p, epsilon, z):
        return upper_of(read_problem(density=p, epsilon=epsilon, z=z, uniform=uniform), n)

    here = upper(n, p, epsilon, z)
    slack = 1 + Fraction(1, 10**12)  # of the exponent's choice in double precision
    assert upper(n + 1, p, epsilon, z) <= here * slack
    assert upper(n, max(p, q), epsilon, z) <= here * slack
    assert upper(n, p, max(epsilon, wider), z) <= here * slack
    assert upper(n, p, epsilon, max(z, farther)) * slack >= here


@settings(max_examples=50)
@given(densities, densities, tolerances, tolerances, deltas, deltas)
@example(Fraction(1), Fraction(1), Fraction(99, 1000), Fraction(101, 1000), Fraction(1, 100), Fraction(1, 100))
def test_the_count_is_monotone(p, q, epsilon, wider, delta, larger):
    def count(p, epsilon, delta, z="0.9"):  # the jump that a start of 2 epsilon would have is at epsilon = 1 - z
        return explicit_count(read_problem(density=p, epsilon=epsilon, z=z), delta)[0]

    here = count(p, epsilon, delta)
    assert count(max(p, q), epsilon, delta) <= here
    assert count(p, max(epsilon, wider), delta) <= here
    assert count(p, epsilon, max(delta, larger)) <= here
    assert count(p, epsilon, delta, z="1") >= here


def test_the_start_has_no_jump():
    def start(epsilon):
        return potential_of(read_problem(density=1, epsilon=epsilon, z="0.9"), UniformPart(1, 1)).start

    assert start("0.01") == Fraction(2, 100)
    assert start("0.1") == Fraction(1, 5)
    assert start("0.101") == Fraction(201, 1000)
    assert start("0.899") == Fraction(999, 1000)


# --- counts --------------------------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(densities, tolerances, deltas, targets)
def test_the_count_suffices_and_one_less_does_not(p, epsilon, delta, z):
    problem = read_problem(density=p, epsilon=epsilon, z=z)
    n, t, _ = explicit_count(problem, delta)
    if problem.trivial:
        assert n == 0
        return
    goal = mpmath.mpf(delta.numerator) / delta.denominator
    assert bound(n, p, epsilon, z, t) <= goal * (1 + mpmath.mpf(10) ** -30)
    assert n == 0 or bound(n - 1, p, epsilon, z, t) > goal
    assert upper_of(problem, n) <= delta * (1 + Fraction(1, 10**12))
    assert n == 0 or upper_of(problem, n - 1) > delta * (1 - Fraction(1, 10**6))


@pytest.mark.parametrize(
    ("density", "delta", "counts"),
    [
        ("1", "0.1", [17, 25, 33]),
        ("1", "0.01", [25, 33, 41]),
        ("0.8", "0.1", [21, 31, 42]),
        ("0.5", "0.1", [35, 52, 69]),
        ("0.5", "0.01", [52, 69, 87]),
        ("0.2", "0.1", [90, 135, 180]),
        ("0.2", "0.01", [135, 180, 225]),
        ("0.1", "0.01", [273, 364, 455]),
    ],
)
def test_counts_at_the_hardest_target(density, delta, counts):
    found = [
        explicit_count(read_problem(density=density, epsilon=e), Fraction(delta))[0] for e in ("0.1", "0.01", "0.001")
    ]
    assert found == counts


def test_a_tie_is_no_reason_for_one_variable_more():
    # (3/4)^n = epsilon delta exactly, at t = 1.
    n = 40
    delta = Fraction(3, 4) ** n / Fraction(1, 100)
    problem = read_problem(density=1, epsilon="0.01")
    assert explicit_count(problem, delta)[:2] == (n, Fraction(1))
    assert explicit_count(problem, delta * (1 - Fraction(1, 10**30)))[0] == n + 1


def test_extremes_take_no_time():
    problem = read_problem(density="1e-4", epsilon="1e-20")
    n, t, _ = explicit_count(problem, Fraction(1, 10**15))
    assert t == 1
    assert n == math.ceil(35 * math.log(10) / -math.log1p(-0.25e-4))
    assert 0 < upper_of(problem, 10**9) < Fraction(1, 10**3000)


@pytest.mark.parametrize(("p", "constant"), [("0.5", 10.4), ("0.9", 18.1), ("0.99", 32.4)])
def test_constants_that_suffice_for_the_printed_form(p, constant):
    # n >= C L / ln(1/(1-p)) implies the bound at t = 1 with epsilon = delta: (1 - p/4)^n <= e^{-2L}.
    density = float(p)
    assert constant >= 2 * math.log1p(-density) / math.log1p(-density / 4) > constant - 0.05


# --- corollaries ---------------------------------------------------------------------------------------------------


def test_a_uniform_part_is_a_smaller_density_and_a_coarser_start():
    part = UniformPart(Fraction(1, 2), Fraction(1, 3))
    mixed = failure_upper(80, density="0.6", epsilon="0.01", z="0.4", law=part)
    assert mixed == failure_upper(80, density="0.2", epsilon="0.02", z="0.8")


def test_a_target_beyond_one_uniform_is_met_in_blocks():
    blocks = failure_upper(121, density=1, epsilon="0.03", z=3)
    single = [failure_upper(n, density=1, epsilon="0.01", z=1) for n in (40, 41)]
    assert blocks == pytest.approx(float(2 * single[0] + single[1]), rel=1e-3)
    n, _, _ = explicit_count(read_problem(density=1, epsilon="0.03", z=3), Fraction(1, 100))
    assert n <= 3 * explicit_count(read_problem(density=1, epsilon="0.01"), Fraction(1, 300))[0]


def test_all_targets_cost_more_than_one():
    one = failure_upper(60, density=1, epsilon="0.01")
    every = failure_upper(60, density=1, epsilon="0.01", uniform=True)
    assert every == pytest.approx(200 * float(failure_upper(60, density=1, epsilon="0.005", z="0.995")), rel=1e-9)
    assert every > one


def test_the_product_law_contains_what_is_counted():
    # P(|X| <= b) of the uniform part is b ln(1/b), and X = U V has density ln(1/|x|)/2 >= ln(1/b)/2 below b.
    for z in ("0.05", "0.3", "0.7", "1", "1.6"):
        for part in read_problem(density=1, epsilon="0.01", z=z, law="product").parts:
            b = float(part.half_width)
            assert float(part.mass) == pytest.approx(b * math.log(1 / b), rel=1e-9)
            assert float(part.mass) <= b * math.log(1 / b)
            assert part.mass / (2 * part.half_width) <= Fraction(math.log(1 / b) / 2)


def test_different_widths():
    same = mixed_failure_upper([1] * 40, density="0.5", epsilon="0.01")
    assert same == pytest.approx(float(failure_upper(40, density="0.5", epsilon="0.01")), rel=1e-9)
    narrow = mixed_failure_upper(["0.5"] * 100, density="0.5", epsilon="0.01")
    assert narrow == 1  # none reaches the target
    two = mixed_failure_upper(["0.5"] * 200, density="0.9", epsilon="0.01", half_width="0.5")
    blocks = failure_upper(100, density="0.9", epsilon="0.01", z="1")
    assert two == pytest.approx(2 * float(blocks), rel=1e-9)
    # A wider uniform hits [-b, b] less often.
    wide = mixed_failure_upper([2] * 40, density=1, epsilon="0.01")
    assert wide == pytest.approx(float(failure_upper(40, density="0.5", epsilon="0.01")), rel=1e-9)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"density": 0}, "density: expected"),
        ({"density": "1.1"}, "density: expected"),
        ({"epsilon": 0}, "epsilon: expected"),
        ({"epsilon": 1}, "epsilon: expected"),
        ({"z": "far"}, "z: expected"),
        ({"z": 10**10}, "z: expected"),
        ({"law": "normal"}, "law: expected uniform or product"),
        ({"n": -1}, "n: expected"),
        ({"n": 2**60 + 1}, "n: expected"),
        ({"n": 2.5}, "n: expected"),
        ({"n": True}, "n: expected"),
    ],
)
@pytest.mark.parametrize("function", [failure_upper, failure_lower])
def test_bad_input_is_named(function, changed, said):
    arguments = {"n": 10, "density": "0.5", "epsilon": "0.1"} | changed
    with pytest.raises(InvalidInput, match=f"^{said}"):
        function(arguments.pop("n"), **arguments)


@pytest.mark.parametrize(
    ("half_width", "mass", "name"),
    [(0, "0.5", "half_width"), (-1, "0.5", "half_width"), (1, 0, "mass"), (1, 2, "mass")],
)
def test_a_uniform_part_has_a_width_and_a_mass(half_width, mass, name):
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        UniformPart(half_width, mass)


def test_widths_of_mixed_uniforms_are_positive():
    with pytest.raises(InvalidInput, match=r"^half_widths"):
        mixed_failure_upper([1, 0], density=1, epsilon="0.1")
    with pytest.raises(InvalidInput, match=r"^half_width"):
        mixed_failure_upper([1], density=1, epsilon="0.1", half_width=0)
