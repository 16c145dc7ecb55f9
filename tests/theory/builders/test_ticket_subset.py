"""The subset that is charged least, against every subset."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.builders.ticket.few import cheapest_few, most_values
from ertheory.builders.ticket.limits import MOST_VALUES
from ertheory.builders.ticket.subset import cheapest_subset, choose_row

numbers = st.floats(-1, 1).map(lambda value: round(value, 3)) | st.floats(-1, 1)


def charge(values, prices, target, slope, subset):
    taken = [place for place in range(len(values)) if subset >> place & 1]
    return slope * abs(target - sum(values[place] for place in taken)) + sum(prices[place] for place in taken)


@given(st.lists(numbers, max_size=9), st.floats(-2, 2), st.sampled_from([0.0, 0.01, 1.0, 50.0]), st.data())
@settings(max_examples=300)
def test_no_subset_is_charged_less(values, target, slope, data):
    prices = data.draw(st.lists(st.floats(0, 1), min_size=len(values), max_size=len(values)))
    subset, charged = cheapest_subset(np.array(values), np.array(prices), target, slope)
    best = min(charge(values, prices, target, slope, other) for other in range(2 ** len(values)))
    assert charged == pytest.approx(best, abs=1e-12)
    assert charge(values, prices, target, slope, int(subset)) == pytest.approx(best, abs=1e-12)


@given(
    st.lists(numbers, max_size=9),
    st.floats(-2, 2),
    st.sampled_from([0.0, 0.01, 1.0, 50.0]),
    st.integers(1, 9),
    st.data(),
)
@settings(max_examples=200)
def test_no_subset_of_so_few_values_is_charged_less(values, target, slope, kept, data):
    prices = data.draw(st.lists(st.floats(0, 1), min_size=len(values), max_size=len(values)))
    taken = np.zeros(len(values), dtype=np.bool_)
    charged = cheapest_few(np.array(values), np.array(prices), target, slope, kept, taken)
    few = [other for other in range(2 ** len(values)) if other.bit_count() <= kept]
    best = min(charge(values, prices, target, slope, other) for other in few)
    assert charged == pytest.approx(best, abs=1e-12)
    assert taken.sum() <= kept
    found = sum(1 << place for place in np.flatnonzero(taken).tolist())
    assert charge(values, prices, target, slope, found) == pytest.approx(best, abs=1e-12)


def test_among_fewer_terms_more_values_are_searched():
    for kept in (1, 2, 3, 5, 12, 30):
        half = most_values(kept) // 2
        ways = [sum(math.comb(size, terms) for terms in range(min(kept, size) + 1)) for size in (half, half + 1)]
        assert ways[0] <= 4096 < ways[1]
    values = np.random.default_rng(0).uniform(-1, 1, most_values(2))
    taken = np.zeros(len(values), dtype=np.bool_)
    missed = cheapest_few(values, np.zeros(len(values)), 0.7, 1.0, 2, taken)
    pairs = [abs(0.7 - one - other) for place, one in enumerate(values) for other in [0.0, *values[:place]]]
    assert missed == pytest.approx(min(pairs), abs=1e-12)


def test_a_row_keeps_no_more_edges_for_a_weight_than_it_may():
    values = [0.25, 0.25, 0.25, 0.4, 0.1, 0.1, 0.15]
    charged, chosen = row(values, [0, 4, 7], [0.75, 0.2])
    assert (charged, sum(chosen[:4]), sum(chosen[4:])) == (pytest.approx(0.0, abs=1e-12), 3, 2)
    charged, chosen = row(values, [0, 4, 7], [0.75, 0.2], kept=2)
    assert (charged, sum(chosen[:4]), sum(chosen[4:])) == (pytest.approx(0.1, abs=1e-12), 2, 2)
    charged, chosen = row(values, [0, 4, 7], [0.75, 0.2], kept=1)
    assert (charged, sum(chosen[:4]), sum(chosen[4:])) == (pytest.approx(0.35 + 0.05, abs=1e-12), 1, 1)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=11), st.floats(-1, 1))
@settings(max_examples=100)
def test_a_steep_slope_gives_the_smallest_l1_norm_among_the_closest_subsets(values, target):
    """Equal values make ties, of which the one with the smallest norm has to win."""
    values = [round(value * 4) / 4 for value in values]
    target = round(target * 4) / 4
    subset, _ = cheapest_subset(np.array(values), np.abs(values), target, 1e6)

    def parts(chosen):
        taken = [values[place] for place in range(len(values)) if chosen >> place & 1]
        return abs(target - sum(taken)), sum(map(abs, taken))

    assert parts(int(subset)) == min(parts(other) for other in range(2 ** len(values)))


def row(values, starts, targets, *, middles=None, radii=None, centres=None, slopes=None, allowance=np.inf, kept=0):
    count, units = len(values), len(targets)
    chosen = np.zeros(count, dtype=np.bool_)
    zeros = np.zeros(count)
    charged = choose_row(
        np.array(values, dtype=float),
        np.array(starts),
        zeros if middles is None else np.array(middles),
        zeros if radii is None else np.array(radii),
        np.array(targets, dtype=float),
        np.zeros(units) if centres is None else np.array(centres),
        np.ones(units) if slopes is None else np.array(slopes),
        allowance,
        kept,
        chosen,
    )
    return charged, chosen.tolist()


def test_a_row_chooses_unit_by_unit_and_the_bias_takes_up_the_middle():
    # The weight 0.5 is met by 0.25 only, which leaves 0.25 x, x in [0, 2]: 0.25 in the middle, which the bias adds.
    charged, chosen = row([0.25, 0.3, 0.25, 0.5], [0, 1, 4], [0.5, 0.0], centres=[1.0, 1.0], slopes=[1.0, 0.0])
    assert chosen == [True, False, True, False]
    assert charged == pytest.approx(0.25)
    # A weight of 0 keeps nothing, and an entry of 0 is no edge.
    charged, chosen = row([0.25, 0.0, 0.5], [0, 1, 3], [0.0, 0.5])
    assert (charged, chosen) == (0.0, [False, False, True])


def test_a_row_pays_for_the_errors_of_what_it_reads():
    # 0.5 exactly by a copy that is off by 1, or 0.375 by one that is not.
    values, starts, targets = [0.5, 0.375, 0.0], [0, 2, 3], [0.5, 0.0]
    assert row(values, starts, targets)[1] == [True, False, False]
    assert row(values, starts, targets, radii=[1.0, 0.0, 0.0])[1] == [False, True, False]
    # The middle of an error is no error: the bias takes it away.
    charged, chosen = row([0.5, -0.25], [0, 1, 2], [0.5, 0.0], middles=[0.5, 0.0])
    assert (charged, chosen) == (0.0, [True, True])


def test_a_row_gives_up_beyond_its_allowance():
    assert row([0.25, 0.0], [0, 1, 2], [1.0, 0.0], allowance=0.7)[0] == np.inf
    assert row([0.25, 0.0], [0, 1, 2], [1.0, 0.0], allowance=0.8)[0] == pytest.approx(0.75)


def test_of_too_many_values_those_with_small_errors_are_searched_unless_they_do_not_reach():
    many = 2 * MOST_VALUES
    radii = np.append(np.repeat([0.5, 0.0], MOST_VALUES), 0.0)
    _, chosen = row([*[0.125] * many, 0.0], [0, many, many + 1], [1.0, 0.0], radii=radii)
    assert sum(chosen) == 8
    assert not any(chosen[:MOST_VALUES])
    values = [*[0.125] * MOST_VALUES, *[0.0625] * MOST_VALUES, 0.0]
    charged, _ = row(values, [0, many, many + 1], [2.5, 0.0], radii=np.where(radii > 0, 1e-3, 0.0))
    assert charged == pytest.approx(2.5e-3)


def test_few_values_are_searched_only_where_all_units_together_use_up_an_eighth_of_the_allowance():
    units, each = 20, 40
    values = [*np.random.default_rng(1).uniform(-1, 1, units * each), 0.0]
    starts, targets = [*range(0, units * each + 1, each), units * each + 1], [0.3] * units + [0.0]
    most = row(values, starts, targets)[0]  # without an allowance all values that can be are searched
    allowances = np.geomspace(40 * most, 1e5 * most, 12)
    charges = [row(values, starts, targets, allowance=allowance)[0] for allowance in allowances]
    assert charges[0] < 1.5 * most
    assert charges[-1] > 10 * most  # few values are enough there, and miss by more
    for charge_of_all, allowance in zip(charges, allowances, strict=True):
        assert charge_of_all <= allowance / 8
