"""The degree bound: reference widths, fractions on small cases, and every hypothesis refused where it fails."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp

from ertheory import Target
from ertheory.bounds import degree, degree_ceiling, width
from ertheory.bounds.necessary.degree import degree_refusal
from ertheory.bounds.necessary.position import position_of
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import HALF, ends

FIGURE2 = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))["figure2"]
TARGET = Target.from_widths(FIGURE2["target"])
DELTA = Fraction(FIGURE2["delta"])
ROWS = FIGURE2["rows"]
tenths = st.integers(1, 9).map(lambda count: Fraction(count, 10))


def of(row, delta=DELTA):
    density = 1 - Fraction(row["sparsity"])
    return degree(TARGET, (density,) * 3, delta, first_width=784 * row["printed_q0"])


@pytest.mark.parametrize("row", ROWS[2:], ids=lambda row: row["sparsity"])
def test_reference_widths(row):
    answer = of(row)
    assert answer.applies
    assert answer.widths == (None, row["degree_width"], 10)
    assert (answer.kind, answer.layer0, answer.variant) == ("necessary", "any", "exact")
    assert of(row, DELTA / 2).widths[1] == row["degree_width_half"]


def test_at_sparsity_a_fifth_a_layer_0_of_some_width_says_something():
    assert Fraction(ROWS[1]["sparsity"]) == Fraction(1, 5)
    answer = width(TARGET, method="degree", sparsity="0.2", failure_probability=DELTA)
    assert answer.widths == (None, ROWS[1]["degree_width"], 10)
    (first, *_) = answer.holds_up_to
    assert first == 2724
    assert oracle_tail(first) <= 1e-5 < oracle_tail(first + 1)  # a hundredth of delta


def oracle_tail(neurons):
    """P(sum (128 - z_u)^+ >= 128) for z ~ Bin(784, 1/5), by powers of a polynomial in high precision."""
    with mp.workdps(60):
        masses = [mp.binomial(784, z) * mp.mpf(1) / 5**z * (mp.mpf(4) / 5) ** (784 - z) for z in range(128)]
        single = [1 - sum(masses), *reversed(masses[1:])]
        power, result = single, [mp.mpf(1)]
        while neurons:
            if neurons % 2:
                result = product(result, power)
            neurons //= 2
            power = product(power, power)
        return 1 - sum(result)


def product(left, right):
    """Product of two polynomials of degree below 128."""
    result = [mp.mpf(0)] * 128
    for place, one in enumerate(left):
        for other, two in enumerate(right[: 128 - place]):
            result[place + other] += one * two
    return result


@pytest.mark.parametrize("row", ROWS[:1], ids=lambda row: row["sparsity"])
def test_where_layer_0_is_nearly_dense_it_says_nothing(row):
    answer = of(row)
    assert not answer.applies
    assert answer.widths == (None, None, 10)
    assert "says nothing" in answer.reason


def test_few_rows_of_a_dense_layer_0_are_enough_to_say_nothing():
    sparse = (Fraction(1, 10), Fraction(1, 10), Fraction(1, 10))
    assert degree(TARGET, sparse, DELTA, first_width=10**6).applies
    for first, rows in ((Fraction(1), 1), (Fraction(999, 1000), 20)):
        assert not degree(TARGET, (first, *sparse[1:]), DELTA, first_width=rows).applies


SMALL = [(2, 1, 1, 3), (3, 2, 2, 4), (4, 2, 3, 6), (4, 4, 1, 7), (5, 3, 2, 5), (6, 2, 1, 12)]
DENSITIES = [(Fraction(1, 10), HALF, HALF), (HALF, HALF, Fraction(9, 10)), (Fraction(1, 100), HALF, Fraction(1, 5))]


@pytest.mark.parametrize("densities", DENSITIES, ids=str)
@pytest.mark.parametrize(("inputs", "n", "outputs", "neurons"), SMALL)
def test_the_ceiling_contains_the_enumerated_sum(inputs, n, outputs, neurons, densities):
    target = Target.from_widths([inputs, n, outputs])
    neighbours = oracles.degree_probability(n, neurons, densities[2], outputs)
    dense_row = oracles.degree_probability(inputs - n + 1, inputs, densities[0], 1)
    for first_width in (0, 1, 7):
        low, high = ends(partial(degree_ceiling, target, densities, first_width, neurons))
        evaded = oracles.evasion_probability(inputs, n, densities[0], first_width)
        assert evaded <= first_width * dense_row
        assert low <= neighbours + evaded <= high
        assert high >= neighbours
        assert high - low < Fraction(1, 10**9)


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), tenths, tenths, st.sampled_from([100, 1000]), tenths)
def test_the_width_is_not_ruled_out_and_one_less_is(n, spare, outputs, first, last, shrink, delta):
    inputs, densities = n + spare, (first / shrink, HALF, last)
    target = Target.from_widths([inputs, n, outputs])
    answer = degree(target, densities, delta, first_width=2)
    assume(answer.applies)
    width = answer.widths[1]
    assume(width * outputs <= 20)

    def ceiling(neurons):
        neighbours = oracles.degree_probability(n, neurons, last, outputs)
        return neighbours + oracles.evasion_probability(inputs, n, densities[0], 2)

    assert ceiling(width) >= 1 - delta
    assert ceiling(width - 1) < 1 - delta


def test_dense_outputs_need_the_targets_own_neurons():
    answer = degree(Target.from_text("9-4-2"), (Fraction(1, 1000), HALF, Fraction(1)), DELTA, first_width=10)
    assert answer.widths == (None, 4, 2)


# --- hypotheses ----------------------------------------------------------------------------------------------------

OUT = [[1.0, 1.0]]
ROW = [1.0, 2.0, -1.0]


def refused(target):
    answer = degree(target, (Fraction(1, 1000), Fraction(1), HALF), Fraction(1, 2), first_width=5)
    assert not answer.applies
    assert answer.widths == (None,) * target.depth + (target.widths[-1],)
    assert answer.reason == degree_refusal(target)
    return answer.reason


@pytest.mark.parametrize("text", ["4-3", "4-3-3-2"])
def test_other_depths_are_refused(text):
    assert "one hidden layer" in refused(Target.from_text(text))


def test_convolutions_are_refused():
    filters = [[[1.0, 1.0]], [[1.0, 1.0]]]
    assert "fully connected" in refused(Target.from_arrays([filters, [[1.0, 1.0]]]))
    assert "fully connected" in refused(Target.from_arrays([filters, [[1.0] * 6]]))


def test_more_hidden_neurons_than_inputs_are_refused():
    assert "n = 5, d = 4" in refused(Target.from_text("4-5-1"))
    assert degree_refusal(Target.from_text("4-4-1")) == ""


def test_zeros_in_the_second_layer_are_refused():
    assert "W_2 without zeros" in refused(Target.from_arrays([[ROW, [1.0, 1.0, 1.0]], [[1.0, 0.0]]]))


def test_rows_with_few_entries_are_refused():
    assert "d - n + 1 non-zeros" in refused(Target.from_arrays([[ROW, [0.0, 0.0, 1.0]], OUT]))
    assert degree_refusal(Target.from_arrays([[ROW, [0.0, 1.0, 1.0]], OUT])) == ""


@pytest.mark.parametrize("factor", [1.0, -1.0, 3.0])
def test_equal_hyperplanes_are_refused(factor):
    # Represented with probability .735 for N_0 = 5000, N_1 = 2, p = (.001, 1, .5): one neuron can serve both rows.
    target = Target.from_arrays([[ROW, [factor * value for value in ROW]], OUT])
    assert "full rank" in refused(target)


@pytest.mark.parametrize(("shift", "meets"), [(-0.5, True), (-0.001, True), (0.0, False), (1.0, False), (-1.5, False)])
def test_hyperplanes_must_meet_inside_the_box(shift, meets):
    rows = [[1.0, 0.0], [0.0, 1.0]]
    target = Target.from_arrays([rows, OUT], [[shift, -0.5], [0.0]], domain=[[0.0, 1.0], [0.0, 1.0]])
    if meets:
        assert degree_refusal(target) == ""
    else:
        assert "meet inside the box" in refused(target)


def test_an_input_that_the_box_fixes_is_none():
    for shift, meets in ((-1.0, True), (-1.5, False), (0.5, False)):
        target = Target.from_arrays([[[1.0, 1.0]], [[1.0]]], [[shift], [0.0]], domain=[[0.5, 0.5], [0.0, 1.0]])
        assert position_of(target).inputs == 1
        if meets:
            assert degree_refusal(target) == ""
        else:
            assert "meet inside the box" in refused(target)


def test_weights_in_general_position_are_taken():
    target = Target.from_arrays([[ROW, [1.0, 1.0, 1.0]], OUT], domain=[[-1.0, 1.0]] * 3)
    answer = degree(target, (Fraction(1, 1000), HALF, HALF), Fraction(1, 10), first_width=5)
    assert answer.applies
    assert "checked: no vector of the row span of W_1" in answer.reason
    assert "assumed" not in answer.reason
    assert answer.widths[1] > 2


@settings(max_examples=40)
@given(
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=2),
    st.booleans(),
)
def test_the_scale_of_the_weights_decides_nothing(scales, meets):
    rows = np.array([[1.0, 0.75, -0.5], [-0.25, 1.5, 0.5]])
    point = np.array([0.5, 0.25, 0.75]) if meets else np.array([3.0, 3.0, 3.0])
    weight = np.ldexp(rows, np.array(scales)[:, None])
    bias = np.ldexp(-rows @ point, np.array(scales))
    target = Target.from_arrays([weight, np.ones((1, 2))], [bias, np.zeros(1)], domain=[(0, 1)] * 3)
    assert (degree_refusal(target) == "") == meets


# --- deeper targets ------------------------------------------------------------------------------------------------


def relu(values):
    return np.maximum(0.0, values)


def test_a_bend_needs_no_kink_along_the_hyperplane_where_it_bends():
    t, y = np.random.default_rng(0).uniform(-1, 1, (2, 10_000))
    target = relu(t + relu(y))  # two hidden layers, the first with a kink along y = 0
    first = relu(t)  # and here with one along t = 0; t + y + 3 and 3 + t pass through it unchanged
    assert np.abs(first + relu(t + y - first) - target).max() < 1e-15


@pytest.mark.parametrize("count", [2, 3, 5])
def test_one_kink_in_layer_1_may_do_for_many_hyperplanes(count):
    rng = np.random.default_rng(count)
    t, y = rng.uniform(-1, 1, 10_000), rng.uniform(-1, 1, (count, 10_000))
    inside = (t > 0) | ((y > 0).sum(axis=0) <= 1)
    target = relu(t + relu(y).sum(axis=0))
    built = relu(t) + relu(t + y - relu(t)).sum(axis=0)
    assert np.abs(built - target)[inside].max() < 1e-14
    assert np.abs(built - target)[~inside].max() > 0.1  # elsewhere the bends are more than that
    assert all(((y[j] > 0) & inside).any() and ((y[j] < 0) & inside).any() for j in range(count))


def test_a_hyperplane_meets_another_in_one_bend_at_most():
    """Bends of H = {y = 0}, one per cell of the first layer, are different: no other hyperplane contains two."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(4, 6)), rng.normal(size=4)
    bends = set()
    for cell in itertools.product((0.0, 1.0), repeat=3):  # which of the other three neurons are active
        normal = (second[1:] * cell) @ first[1:]
        if any(cell):
            # The bend as an affine set: reduced row echelon form of its two normals, and its offset.
            pair = np.array([[*first[0], 0.0], [*normal, 0.25]])
            pair[0] /= pair[0, 0]
            pair[1] -= pair[1, 0] * pair[0]
            pair[1] /= pair[1, 1]
            pair[0] -= pair[0, 1] * pair[1]
            bends.add(tuple(np.round(pair, 9).ravel()))
    assert len(bends) == 2**3 - 1


def test_what_is_known_of_deeper_targets_is_explained():
    answer = width(Target.from_text("9-4-3-2"), method="degree", density="1/2", failure_probability="1/20")
    assert not answer.applies
    text = answer.explain()
    assert "all n_1 = 4 hyperplanes" in text
    assert "N_1 >= n_1 = 4" in text
    assert "no width is claimed" in text
    shallow = width(Target.from_text("3-9-2"), method="degree", density="1/2", failure_probability="1/20")
    assert not shallow.applies
    assert "no width is claimed" not in shallow.explain()
