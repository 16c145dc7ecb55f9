"""Private matching: its union bound against every mask, against max-flow, and the reference widths."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import beta

from ertheory.bounds.blocks.hall import exact_hall_sum
from ertheory.bounds.sharp import private as module
from ertheory.bounds.sharp.private import private_failure, private_width
from ertheory.errors import InvalidInput
from tests import oracles
from tests.strategies import HALF, plain_densities

FALSE_ALARM = 1e-9  # of every Monte-Carlo comparison; seeds are fixed, so this is the rate over seeds


def union(demands: tuple[int, ...], neurons: int, density: Fraction) -> Fraction:
    """The sum of the theorem, set by set."""
    total = Fraction(0)
    for size in range(1, len(demands) + 1):
        read = 1 - (1 - density) ** size
        for outputs in itertools.combinations(demands, size):
            total += sum(
                comb(neurons, k) * read**k * (1 - read) ** (neurons - k) for k in range(min(sum(outputs), neurons + 1))
            )
    return total


@pytest.mark.parametrize("density", [Fraction(1, 4), HALF, Fraction(5, 6)])
@pytest.mark.parametrize(
    ("demands", "neurons"), [((1, 1), 4), ((1, 2), 6), ((2, 1, 1), 5), ((1, 1, 1), 6), ((3, 0), 5)]
)
def test_the_union_covers_every_mask(demands, neurons, density):
    low, high = private_failure(demands, neurons, density)
    served = tuple(demand for demand in demands if demand)
    expected = union(served, neurons, density)
    assert low <= expected
    assert min(expected, 1) <= high
    assert high - min(low, Fraction(1)) < Fraction(1, 10**10)
    assert 1 - oracles.b_matching_probability(served, neurons, density) <= high


def test_the_reviewed_unions():
    settings = [((1, 1), 4), ((1, 2), 5), ((2, 1, 1), 5), ((1, 1, 1), 5)]
    for demands, neurons in settings:
        assert private_failure(demands, neurons, HALF)[1] >= 1 - oracles.b_matching_probability(demands, neurons, HALF)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(0, 25), plain_densities)
def test_sets_are_counted_right(demands, neurons, density):
    low, high = private_failure(demands, neurons, density)
    served = tuple(demand for demand in demands if demand)
    if neurons < sum(served):
        assert (low, high) == (1, 1)
    else:
        expected = union(served, neurons, density)
        assert low <= expected
        assert min(expected, 1) <= high < min(expected, 1) + Fraction(1, 10**10)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.integers(10, 60), plain_densities)
def test_grouped_sets_cost_more(demands, neurons, density):
    grouped = tuple(sorted(demands, reverse=True))
    expected = union(grouped, neurons, density)
    largest = max(demands)
    equal = exact_hall_sum(neurons, len(demands), largest, density) if neurons >= largest * len(demands) else 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LONGEST_COUNT", 0)
        module._sets.cache_clear()
        _, high = private_failure(demands, neurons, density)
        module._sets.cache_clear()
    if neurons >= sum(demands):
        assert min(expected, 1) <= high <= min(1, equal) + Fraction(1, 10**10)


@pytest.mark.parametrize(
    ("sparsity", "width"),
    [("0.5", 1286), ("0.8", 1479), ("0.9", 2075), ("0.95", 3513), ("0.98", 8816), ("0.99", 17656), ("0.999", 176782)],
)
def test_the_reference_widths_are_reached(sparsity, width):
    demands, density, share = (128,) * 10, 1 - Fraction(sparsity), Fraction(1, 2000)
    assert private_width(demands, density, share) == (width, 53)
    assert private_failure(demands, width, density)[1] <= share < private_failure(demands, width - 1, density)[0]


@pytest.mark.parametrize(("density", "neurons"), [(0.5, 72), (0.2, 132), (0.1, 262)])
def test_max_flow_never_contradicts_the_union(density, neurons):
    random, trials = np.random.default_rng(20240609), 600
    failed = 0
    for _ in range(trials):
        mask = np.repeat(random.random((4, neurons)) < density, 16, axis=0)
        failed += (maximum_bipartite_matching(csr_matrix(mask), perm_type="column") >= 0).sum() < 64
    _, high = private_failure((16,) * 4, neurons, Fraction(density))
    assert (float(beta.ppf(FALSE_ALARM, failed, trials - failed + 1)) if failed else 0.0) <= high
    assert float(beta.ppf(1 - FALSE_ALARM, failed + 1, trials - failed)) > high / 5


def test_many_outputs_go_by_the_hall_sum(monkeypatch):
    few = private_width((5,) * 12, Fraction(1, 5), Fraction(1, 100))
    monkeypatch.setattr(module, "_MOST_OUTPUTS", 3)
    assert private_width((5,) * 12, Fraction(1, 5), Fraction(1, 100))[0] == few[0]
    assert private_width((5, *(4,) * 11), Fraction(1, 5), Fraction(1, 100))[0] == few[0]
    low, high = private_failure((5,) * 12, few[0], Fraction(1, 5))
    assert low <= exact_hall_sum(few[0], 12, 5, Fraction(1, 5)) <= high <= Fraction(1, 100)


def test_widths_move_the_right_way():
    share = Fraction(1, 100)
    by_density = [private_width((3, 5, 2), Fraction(k, 10), share)[0] for k in range(1, 11)]
    assert by_density == sorted(by_density, reverse=True)
    assert by_density[-1] == 10
    assert private_width((3, 5, 2), HALF, share)[0] < private_width((5, 5, 5), HALF, share)[0]
    assert private_width((3, 5, 2), HALF, share)[0] < private_width((3, 5, 2), HALF, share / 100)[0]
    values = [private_failure((3, 5, 2), n, HALF) for n in range(10, 80)]
    assert all(above[1] <= below[1] for below, above in itertools.pairwise(values))


def test_edges_of_the_domain():
    assert private_failure((), 0, HALF) == (0, 0)
    assert private_failure((0, 0), 0, HALF) == (0, 0)
    assert private_failure((2, 1), 2, Fraction(1)) == (1, 1)
    assert private_failure((2, 1), 3, Fraction(1)) == (0, 0)
    assert private_width((), HALF, HALF) == (0, 53)
    with pytest.raises(InvalidInput, match=r"^neurons: "):
        private_failure((-1,), 3, HALF)
    with pytest.raises(InvalidInput, match=r"^density: "):
        private_failure((1,), 3, Fraction(0))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=4), st.integers(0, 30), plain_densities)
def test_where_outputs_are_many_the_largest_demand_counts_for_all(demands, neurons, density):
    served = tuple(demand for demand in demands if demand)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_OUTPUTS", 0)
        _, high = private_failure(demands, neurons, density)
    if not served or (density == 1 and sum(served) <= neurons):
        assert high == 0
    else:
        assert high >= min(1, union(served, neurons, density))
        assert high >= min(1, union((max(served),) * len(served), neurons, density))


def test_four_hundred_small_demands_do_not_hide_a_large_one():
    demands, neurons, density = (5, *(1,) * 400), 405, Fraction(1, 20)
    starved = sum(comb(neurons, k) * density**k * (1 - density) ** (neurons - k) for k in range(5))
    assert private_failure(demands, neurons, density)[1] >= starved > Fraction(1, 10**6)
    width, _ = private_width(demands, density, Fraction(1, 100))
    assert private_failure(demands, width, density)[1] <= Fraction(1, 100)
    assert width >= 405
