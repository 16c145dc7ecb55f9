"""Hypotheses on weights that are known: decided, at every scale, and said to be assumed where they are not."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ertheory import Target, confidence, sparsity, width
from ertheory.bounds.necessary import meeting
from ertheory.bounds.necessary.elimination import full_rank, minors, whole_rows
from ertheory.bounds.necessary.meeting import meet_inside
from ertheory.bounds.necessary.position import position_of
from ertheory.bounds.necessary.simplex import largest_last
from tests.strategies import HALF

NECESSARY = ("degree", "size-lp", "parameter-count", "path-count", "coupled")
small = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0])


@st.composite
def matrices(draw, entries=small):
    rows = draw(st.integers(1, 4))
    columns = draw(st.integers(rows, 6))
    values = draw(st.lists(entries, min_size=rows * columns, max_size=rows * columns))
    return np.array(values).reshape(rows, columns)


def determinant(rows):
    """By Leibniz' formula."""
    total = Fraction(0)
    for order in itertools.permutations(range(len(rows))):
        sign = (-1) ** sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order)))
        product = Fraction(sign)
        for row, place in zip(rows, order, strict=True):
            product *= Fraction(row[place])
        total += product
    return total


@settings(max_examples=200, deadline=None)
@given(matrices(), st.lists(st.integers(-900, 900), min_size=4, max_size=4))
def test_ranks_and_minors_are_those_of_leibniz_at_every_scale(matrix, powers):
    values = [
        determinant(matrix[:, chosen].tolist())
        for chosen in itertools.combinations(range(matrix.shape[1]), len(matrix))
    ]
    scaled = np.ldexp(matrix, np.array(powers[: len(matrix)])[:, None])
    for rows in (whole_rows(matrix), whole_rows(scaled)):
        assert full_rank(rows) is any(values)
        if any(values):
            assert (minors(rows) == "none is zero") is all(values)
            assert (minors(rows) == "one is zero") is not all(values)


def test_large_matrices():
    matrix = np.random.default_rng(0).normal(size=(40, 120))
    assert full_rank(whole_rows(matrix))
    assert minors(whole_rows(matrix)) == "not decided"  # 10^32 of them
    twice = matrix.copy()
    twice[7] = 3 * twice[2] - twice[5]
    near = matrix.copy()
    near[7] = twice[7]
    near[7, 0] += np.spacing(near[7, 0])
    assert full_rank(whole_rows(near))
    exact = np.rint(matrix * 100)
    exact[7] = 3 * exact[2] - exact[5]
    assert not full_rank(whole_rows(exact))
    sparse = np.random.default_rng(1).normal(size=(20, 60))
    sparse[:, 20:] = np.rint(sparse[:, 20:] * 8)
    sparse[:, :20] = np.eye(20)
    sparse[3, 30] = 0.0  # beside the pivots
    assert minors(whole_rows(sparse)) == "one is zero"


@settings(max_examples=300, deadline=None)
@given(matrices(st.sampled_from([-2.0, -1.0, -0.5, 0.25, 1.0, 3.0])), st.data())
def test_whether_hyperplanes_meet_is_proved_either_way(matrix, data):
    if not full_rank(whole_rows(matrix)):
        return
    count = matrix.shape[1]
    if data.draw(st.booleans()):  # a common point on the boundary, perhaps: touching is not meeting
        point = data.draw(st.lists(st.sampled_from([-1, 0, 1, Fraction(1, 3)]), min_size=count, max_size=count))
        biases = [-sum(Fraction(a) * b for a, b in zip(row, point, strict=True)) for row in matrix.tolist()]
    else:
        biases = [Fraction(data.draw(small)) for _ in matrix]
    box = np.array([[-1.0, 1.0]] * count)
    answer = meet_inside(matrix, biases, box)
    assert answer is meeting._exactly(matrix, biases, box)
    scale = data.draw(st.integers(-900, 900))
    assert meet_inside(np.ldexp(matrix, scale), [bias * Fraction(2) ** scale for bias in biases], box) is answer


def test_a_solver_that_errs_is_not_believed(monkeypatch):
    matrix, box = np.array([[1.0, 1.0, 0.5]]), np.array([[-1.0, 1.0]] * 3)
    wrong = (np.array([0.9, 0.9, 0.9]), np.array([1.0]))
    monkeypatch.setattr(meeting, "_program", lambda *_: wrong)
    monkeypatch.setattr(meeting, "_nearest", lambda *_: wrong[0])
    monkeypatch.setattr(meeting, "_EXACT", 0)
    assert meet_inside(matrix, [Fraction(5, 2)], box) is False  # touches at a corner, proved by multipliers
    monkeypatch.setattr(meeting, "_program", lambda *_: (None, None))
    assert meet_inside(matrix, [Fraction(5, 2)], box) is None
    assert meet_inside(matrix, [Fraction(-9, 4)], box) is True  # corrected to a point that is proved to lie inside
    assert meet_inside(matrix, [Fraction(9)], box) is False


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=2), st.integers(0, 5))
def test_the_program_in_rationals(rows, right):
    from scipy.optimize import linprog

    equations = [[Fraction(entry) for entry in (*row, 0)] for row in rows]
    equations.append([Fraction(1)] * 4)  # bounds all of them
    values = [Fraction(right)] * len(rows) + [Fraction(6)]
    exact = largest_last(equations, values)
    found = linprog([0, 0, 0, -1], A_eq=np.array(equations, dtype=float), b_eq=np.array(values, dtype=float))
    assert (exact is None) is (found.status == 2)
    if exact is not None:
        assert abs(float(exact) + found.fun) < 1e-7


# --- what the statements make of it --------------------------------------------------------------------------------

BOX = [(-1, 1)] * 6
PAIRS = [[1.0, 1, 1, 0, 0, 0], [1, 1, -1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, -1]]
ASKED = {"density": "0.001,1,1"}


def test_a_sparse_vector_of_the_row_span_is_found():
    """With z = x_1 + x_2: relu(z + x_3) + relu(z - x_3) = z + |x_3| + relu(|z| - |x_3|), so three neurons do."""
    target = Target.from_arrays([PAIRS, [[1.0] * 4]], domain=BOX)
    answer = confidence(target, (3_000_000, 3), method="degree", **ASKED)[0]
    assert not answer.applies
    assert answer.success_upper is None
    assert answer.reason == "needs a row span of W_1 without vectors of d - n or fewer non-zeros"
    for method in NECESSARY:
        assert not width(target, method=method, delta=Fraction(1, 10), **ASKED).applies
    x = np.random.default_rng(0).uniform(-1, 1, (1000, 6))
    wanted = np.maximum(0, x @ np.array(PAIRS).T).sum(axis=1)
    z, w = x[:, 0] + x[:, 1], x[:, 3] + x[:, 4]
    built = z + abs(x[:, 2]) + w + abs(x[:, 5]) + 10 - 10
    built = built + np.maximum(0, abs(z) - abs(x[:, 2])) + np.maximum(0, abs(w) - abs(x[:, 5]))
    assert np.abs(built - wanted).max() < 1e-12


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 3), st.integers(1, 3), st.integers(0, 10**6))
def test_row_spans_with_sparse_vectors_are_never_taken(n, spare, seed):
    rng = np.random.default_rng(seed)
    d = n + spare
    span = rng.integers(-4, 5, size=(n, d)).astype(float)
    span[0, rng.permutation(d)[:n]] = 0.0  # d - n non-zeros
    weight = (rng.integers(-3, 4, size=(n, n)) + 7 * np.eye(n)) @ span
    assume(weight.any(axis=0).all())  # dead inputs are dropped, and what is left may be in general position
    position = position_of(Target.from_arrays([weight, np.ones((1, n))], domain=[(-1, 1)] * d))
    assert position.refusal
    assert not position.minors


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 2.0**500])
def test_dead_inputs_are_dropped(scale):
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(2, 5))
    padded = np.zeros((2, 9))
    padded[:, [0, 2, 3, 6, 8]] = weight * scale
    plain, more = (
        Target.from_arrays([array, np.ones((3, 2))], domain=[(-1, 1)] * array.shape[1]) for array in (weight, padded)
    )
    assert position_of(more) == position_of(plain)
    assert position_of(more).inputs == 5
    assert position_of(more).minors
    for method in NECESSARY:
        answers = [width(target, method=method, density=HALF, delta=Fraction(1, 10)) for target in (plain, more)]
        assert answers[0].widths == answers[1].widths
        assert answers[0].applies is answers[1].applies


@settings(max_examples=60, deadline=None)
@given(matrices(), st.lists(small, min_size=4, max_size=4), st.lists(st.integers(-900, 900), min_size=4, max_size=4))
@example(np.array([[1.0, 1.0]]), [-3.0] * 4, [-40] * 4)
def test_every_scale_of_the_weights_gives_the_same_answer(matrix, biases, powers):
    n, d = matrix.shape
    scales = np.array(powers[:n])
    answers = []
    for weight, bias in (
        (matrix, np.array(biases[:n])),
        (np.ldexp(matrix, scales[:, None]), np.ldexp(np.array(biases[:n]), scales)),
    ):
        target = Target.from_arrays([weight, np.ones((2, n))], [bias, np.zeros(2)], domain=[(-1, 1)] * d)
        answers.append([(row.applies, row.widths, row.reason) for row in asked(target)])
    assert answers[0] == answers[1]


def asked(target):
    return [width(target, method=method, density="0.2,0.5,0.5", delta=Fraction(1, 10)) for method in NECESSARY]


def test_what_is_assumed_is_said_in_every_answer():
    counts = Target.from_text("20-4-2")
    for row in asked(counts):
        assert "assumed, not checked: almost every W_1 and hyperplanes that meet inside the box" in row.reason
    for answers in (confidence(counts, (30, 30), density=HALF), sparsity(counts, (30, 30), delta=Fraction(1, 10))):
        for answer in answers:
            if answer.kind == "necessary" and answer.applies and "factored" not in answer.method:
                assert "assumed, not checked" in answer.reason
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(3, 5)), rng.normal(size=(2, 3))]
    known = Target.from_arrays(weights, [rng.normal(size=3) / 8, np.zeros(2)], domain=[(-1, 1)] * 5)
    told = confidence(known, (30, 30), density=HALF, method="degree")[0]
    assert "(checked: no vector of the row span of W_1" in told.reason
    assert "hyperplanes that meet inside the box)" in told.reason
    assert "assumed" not in told.reason
    # A count of parameters needs almost every W_1, whatever is known of its minors.
    counted = width(known, method="parameter-count", density="0.2,0.5,0.5", delta=Fraction(1, 10))
    assert "assumed, not checked: almost every W_1; checked: hyperplanes" in counted.reason


def test_a_trained_network_is_looked_at_in_reasonable_time():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(64, 200)), rng.normal(size=(10, 64))]
    target = Target.from_arrays(weights, [rng.normal(size=64), np.zeros(10)], domain=[(-1, 1)] * 200)
    position = position_of(target)
    assert (position.meeting, position.minors, position.refusal) == (True, False, "")
    assert "assumed, not checked: almost every W_1; checked: hyperplanes that meet" in position.conditions()
