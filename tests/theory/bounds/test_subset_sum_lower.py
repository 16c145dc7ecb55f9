"""Lower bounds on the failure probability of random subset sums, and the sharp exponent."""

from __future__ import annotations

import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import failure_lower, failure_upper, n_necessary, sharp_exponent
from ertheory.bounds import UniformPart
from ertheory.bounds.subset_sum.converse import converse
from ertheory.bounds.subset_sum.lower import lower_of, necessary_count, quick_lower_of
from ertheory.bounds.subset_sum.problem import read_problem

densities = st.fractions(Fraction(1, 50), 1, max_denominator=100)
tolerances = st.fractions(Fraction(1, 10**6), Fraction(9, 10), max_denominator=10**6)
laws = st.sampled_from(["uniform", "product"])


@settings(max_examples=80)
@given(st.integers(0, 300), densities, tolerances, st.fractions(0, 3, max_denominator=20), laws, st.booleans())
def test_the_lower_bound_is_below_the_upper_bound(n, p, epsilon, z, law, uniform):
    options = {"density": p, "epsilon": epsilon, "z": z, "law": law, "uniform": uniform}
    lower, upper = failure_lower(n, **options), failure_upper(n, **options)
    assert 0 <= lower <= upper <= 1


@settings(max_examples=100)
@given(st.integers(0, 200), densities, densities, tolerances, laws, st.booleans())
def test_sign_range_and_counting_fall_with_n_and_p(n, p, q, epsilon, law, uniform):
    def lower(n, p):
        return quick_lower_of(read_problem(density=p, epsilon=epsilon, law=law, uniform=uniform), n)

    slack = 1 + Fraction(1, 10**12)
    assert lower(n + 1, p) <= lower(n, p) * slack
    assert lower(n, max(p, q)) <= lower(n, p) * slack


@settings(max_examples=60)
@given(st.integers(0, 60), densities, tolerances)
def test_each_bound_by_its_sum(n, p, epsilon):
    """The sums of the module's docstring in fractions; the largest of them is what is returned."""
    z = Fraction(1)
    if epsilon >= z:
        return

    def mass(k, chance):
        return math.comb(n, k) * chance**k * (1 - chance) ** (n - k)

    sign = (1 - p / 2) ** n
    reach = sum(mass(j, p / 2) * (z - epsilon) ** j / math.factorial(j) for j in range(n + 1))
    plain = sum(mass(k, p) * max(0, 1 - (2**k - 1) * epsilon) for k in range(n + 1))
    found = quick_lower_of(read_problem(density=p, epsilon=epsilon), n)
    # Counting by the Irwin-Hall law is at least as large as counting with epsilon for every subset.
    assert found >= max(sign, reach, plain) * (1 - Fraction(1, 10**15))


def test_the_window_of_two_uniforms():
    # One of four: r_1 = epsilon/2 at the end z = 1, r_2 = P(1 - e <= X + Y <= 1 + e) by the triangular density.
    e = Fraction(1, 100)
    problem = read_problem(density=1, epsilon=e)
    tail = lambda x: (2 - x) ** 2 / 8  # noqa: E731  P(X + Y > x) for 0 <= x <= 2
    truth = 1 - 2 * e / 2 - (tail(1 - e) - tail(1 + e))
    assert quick_lower_of(problem, 2) == pytest.approx(float(truth), rel=1e-12)


@pytest.mark.parametrize("z", ["1.5", "2.3"])
def test_targets_beyond_one_by_the_irwin_hall_law(z):
    # Seeds are fixed; the normal approximation to 400,000 trials is 6 standard deviations wide.
    rng = np.random.default_rng(5)
    for n in (3, 6):
        live = rng.random((400_000, n)) < 0.5
        reached = (np.clip(rng.uniform(-1, 1, live.shape), 0, None) * live).sum(axis=1) >= float(z) - 0.1
        frequency = 1 - reached.mean()
        bound = float(failure_lower(n, density="0.5", epsilon="0.1", z=z))
        assert bound >= frequency - 6 * math.sqrt(frequency * (1 - frequency) / 400_000)


# --- the converse --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("density", "epsilon", "n"), [("0.1", "1e-8", 1000), ("1", "1e-12", 80), ("0.5", "1e-6", 160)])
def test_the_converse_beats_the_others_where_epsilon_is_small(density, epsilon, n):
    problem = read_problem(density=density, epsilon=epsilon)
    found = converse(problem.density, problem.epsilon, problem.z, n)
    assert quick_lower_of(problem, n) < found == lower_of(problem, n)
    assert found < failure_upper(n, density=density, epsilon=epsilon)


def test_the_converse_is_the_expectation_of_its_docstring():
    """Largest over the same N and m, by quadrature over one variable: never below, and close."""
    epsilon, z = 1e-3, 1.0
    found = float(converse(Fraction(1), Fraction(1, 1000), Fraction(1), 1))

    def expected(cells, m):
        h = 2 / cells
        x = (np.arange(200_000) + 0.5) / 100_000 - 1
        inside = 1 - 2 * epsilon / h * math.exp(-m * (z - epsilon)) * (1 + np.exp(m * (x + h)))
        return np.maximum(0, inside).mean()

    values = [expected(1, m) for m in (0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0)]
    assert found <= max(values) + 1e-9
    assert found >= max(values) - 0.01


def test_the_converse_keeps_its_digits_near_density_one():
    almost = 1 - Fraction(1, 10**30)
    dense = converse(Fraction(1), Fraction(1, 10**12), Fraction(1), 80)
    assert converse(almost, Fraction(1, 10**12), Fraction(1), 80) == pytest.approx(float(dense), rel=1e-9)


# --- the sharp exponent --------------------------------------------------------------------------------------------


def test_corner_cases_of_the_exponent():
    half = {"density": "0.5"}
    # delta far below epsilon: ln(1/(epsilon delta)) / ln(1/(1-p/2)).
    found = sharp_exponent(**half, epsilon="0.1", failure_probability="1e-100")
    assert found == pytest.approx(101 * math.log(10) / math.log(4 / 3), rel=1e-9)
    # delta fixed: log2(1/epsilon)/p to leading order.
    found = sharp_exponent(**half, epsilon="1e-900", failure_probability="0.5")
    assert found == pytest.approx(900 * math.log2(10) / 0.5, rel=0.06)


@pytest.mark.parametrize(("density", "s"), [(1.0, 0.3), (0.5, 0.1), (0.5, 0.25), (0.2, 0.05)])
def test_the_exponent_is_the_minimax_of_the_converse(density, s):
    """inf over m of sup over t of { -ts - ln(1-p + p E(1+e^{mX})^{-t}) } equals the maximum over t in [0, 1]."""
    x = (np.arange(300) + 0.5) / 150 - 1
    t = np.linspace(0, 8, 401)

    def inner(m):
        means = np.exp(-t[:, None] * np.logaddexp(0, m * x)).mean(axis=1)
        return np.max(-t * s - np.log(1 - density + density * means))

    minimax = min(inner(m) for m in np.concatenate([[0.0], np.geomspace(0.05, 40, 40)]))
    short = t[t <= 1]
    law_free = np.max(-short * s - np.log(1 - density * (1 - 2.0**-short)))
    assert minimax == pytest.approx(law_free, abs=5e-3)
    assert minimax >= law_free - 1e-4


@given(densities, st.fractions(Fraction(1, 10**9), Fraction(1, 2)), st.fractions(Fraction(1, 10**9), Fraction(1, 2)))
@settings(max_examples=60)
def test_the_explicit_theorem_is_within_2_41_of_the_exponent(p, epsilon, delta):
    t = np.arange(1, 1025) / 1024
    bits, rarity = -math.log(epsilon), -math.log(delta)
    explicit = np.min((t * bits + rarity) / -np.log1p(-float(p) / 2 * (1 - 2.0**-t)))
    ratio = explicit / sharp_exponent(density=p, epsilon=epsilon, failure_probability=delta)
    assert 1.999 < ratio < 2.4095


@pytest.mark.parametrize(
    ("density", "constant"), [(0.1, 4.11), (0.5, 4.82), (0.8, 6.30), (0.9, 7.70), (0.95, 9.30), (0.99, 13.5)]
)
def test_constants_that_the_printed_form_needs(density, constant):
    small = "1e-900"
    needed = sharp_exponent(density=str(density), epsilon=small, failure_probability=small)
    assert needed / (900 * math.log(10)) * -math.log1p(-density) == pytest.approx(constant, abs=0.05)


# --- necessary counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("density", "delta", "at_least", "measured"),
    [
        ("1", "0.1", [9, 9, 11], [9, 11, 14]),
        ("1", "0.01", [14, 15, 15], [14, 16, 19]),
        ("0.8", "0.1", [11, 12, 14], [12, 15, 19]),
        ("0.5", "0.1", [19, 20, 27], [19, 25, 32]),
        ("0.5", "0.01", [31, 32, 34], [31, 36, 42]),
        ("0.2", "0.1", [48, 51, 65], [50, 65, 83]),
        ("0.1", "0.01", [164, 171, 172], [166, 194, 229]),
    ],
)
def test_necessary_counts_are_close_below_the_measured_ones(density, delta, at_least, measured):
    for epsilon, least, most in zip(("0.1", "0.01", "0.001"), at_least, measured, strict=True):
        found = n_necessary(density=density, epsilon=epsilon, failure_probability=delta)
        assert least <= found <= most


@settings(max_examples=12)
@given(densities, st.fractions(Fraction(1, 1000), Fraction(1, 2)), st.fractions(Fraction(1, 1000), Fraction(1, 2)))
def test_one_variable_less_is_proved_to_fail(p, epsilon, delta):
    problem = read_problem(density=p, epsilon=epsilon)
    found = necessary_count(problem, delta)
    assert lower_of(problem, found) <= delta
    assert found == 0 or lower_of(problem, found - 1) > delta
    assert necessary_count(problem, delta, least=found) == found


def test_more_targets_need_more():
    options = {"density": "0.5", "epsilon": "0.01"}
    one = [failure_lower(n, **options) for n in (5, 10, 20)]
    every = [failure_lower(n, **options, uniform=True) for n in (5, 10, 20)]
    assert all(a <= b for a, b in zip(one, every, strict=True))
    assert every[0] > Fraction(99, 100)  # 2^K epsilon < 1 for K <= 5


def test_caps_on_the_success_of_few_variables():
    """P(success) <= E min(1, (2^K - 1) epsilon) at epsilon = 0.01, z = 1."""
    for n, density, cap in ((7, "0.5", 0.159), (20, "0.5", 0.971), (2, "0.9", 0.026), (6, "0.9", 0.460)):
        assert 1 - float(failure_lower(n, density=density, epsilon="0.01")) <= cap + 5e-4


@pytest.mark.parametrize("uniform", [False, True])
def test_without_a_live_variable_there_is_the_empty_sum_alone(uniform):
    law = UniformPart(Fraction(1, 2), Fraction(1, 3))
    options = {"epsilon": "0.1", "law": law, "uniform": uniform}
    assert failure_lower(3, density="0.4", **options) == Fraction(27, 125)
    assert [failure_lower(n, density=1, **options) for n in (0, 1)] == [1, 0]
    many = failure_lower(4_000, density="0.01", **options)  # too long for an exact power
    assert 0 < many <= Fraction(99, 100) ** 4_000 <= many * Fraction(1_000_001, 1_000_000)
    assert n_necessary(density="0.4", failure_probability=Fraction(27, 125), **options) == 3
    assert n_necessary(density="0.4", failure_probability="0.2159", **options) == 4


def test_what_is_not_known_is_not_claimed():
    assert failure_lower(5, density="0.5", epsilon="0.3", z="0.2", law=UniformPart(1, 1)) == 0
    assert failure_lower(5, density=1, epsilon="0.3", z="0.2") == 0
    assert failure_lower(10**6, density="0.5", epsilon="0.1") == 0  # too small to be written down
    assert failure_lower(0, density="0.5", epsilon="0.1") == 1


def test_large_numbers_take_no_time():
    problem = read_problem(density="1e-4", epsilon="1e-20")
    low = lower_of(problem, 2 * 10**6)
    assert math.log(low) > 2 * 10**6 * math.log1p(-0.5e-4) + 10  # more than by the sign alone


@pytest.mark.parametrize(("z", "epsilon"), [("300", "0.5"), ("201.75", "0.25"), ("250", "0.999")])
@pytest.mark.parametrize("density", [Fraction(1), Fraction(4, 5)])
def test_far_targets_need_as_many_live_positive_variables_as_reach_them(z, epsilon, density):
    # The range argument alone: fewer of them than z - epsilon never reach, and with more nothing is said.
    reach, chance = Fraction(z) - Fraction(epsilon), density / 2
    for n in (int(2 * reach / density) + shift for shift in (-60, 0, 60)):
        masses = [comb(n, j) * chance**j * (1 - chance) ** (n - j) for j in range(int(reach) + 1)]
        claimed = failure_lower(n, density=density, epsilon=epsilon, z=z)
        assert sum(masses[:-1]) * (1 - Fraction(1, 10**20)) <= claimed <= sum(masses)
