"""The reduction keeps the function, in rational arithmetic, and leaves nothing behind that it could remove."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.reduction import Reduction, RemovedNeuron, reduce
from ertheory.networks.target import Target

Box = list[tuple[float, float]] | None

FEW = st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.5, -2.0, 0.1, -0.3, 3.0])
DYADIC = st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.5, -2.0, 0.25, -0.75, 3.0])
ANY = st.one_of(FEW, st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def targets(draw: st.DrawFn, numbers: st.SearchStrategy[float] = FEW) -> Target:
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    weights, biases = [], []
    for inputs, outputs in pairwise(widths):
        # Whole rows and columns vanish often: that is where the reduction has work.
        rows = draw(st.lists(st.booleans(), min_size=outputs, max_size=outputs))
        entries = draw(st.lists(numbers, min_size=inputs * outputs, max_size=inputs * outputs))
        weights.append(np.reshape(entries, (outputs, inputs)) * np.array(rows)[:, None])
        biases.append(draw(st.lists(numbers, min_size=outputs, max_size=outputs)))
    return Target.from_arrays(weights, biases)


@st.composite
def boxes(draw: st.DrawFn, inputs: int) -> Box:
    if draw(st.booleans()):
        return None
    ends = st.sampled_from([-2.0, -1.0, 0.0, 0.0, 0.1, 1.0, 1.5])
    return [(low, high) for low, high in (sorted((draw(ends), draw(ends))) for _ in range(inputs))]


@st.composite
def points(draw: st.DrawFn, box: Box, inputs: int) -> list[Fraction]:
    if box is None:
        return [draw(st.fractions(-(10**6), 10**6, max_denominator=50)) for _ in range(inputs)]
    shares = [draw(st.one_of(st.sampled_from([0, 1]), st.fractions(0, 1, max_denominator=50))) for _ in range(inputs)]
    return [
        Fraction(low) + share * (Fraction(high) - Fraction(low)) for (low, high), share in zip(box, shares, strict=True)
    ]


def exact(values: object) -> list[Fraction]:
    return [Fraction(value) for value in np.asarray(values).tolist()]


def forward(weights: object, biases: object, point: list[Fraction]) -> list[Fraction]:
    """Evaluate a ReLU network with a linear last layer in rational arithmetic."""
    layers = list(zip(weights, biases, strict=True))
    values = point
    for depth, (weight, bias) in enumerate(layers, start=1):
        sums = [
            offset + sum((w * x for w, x in zip(exact(row), values, strict=True)), Fraction(0))
            for row, offset in zip(weight, bias, strict=True)
        ]
        values = sums if depth == len(layers) else [max(Fraction(0), value) for value in sums]
    return values


def of_target(target: Target, point: list[Fraction]) -> list[Fraction]:
    return forward(target.weights, [exact(bias) for bias in target.biases], point)


def of_reduction(reduction: Reduction, point: list[Fraction]) -> list[Fraction]:
    return forward(reduction.target.weights, reduction.biases_exact, point)


def reasons(reduction: Reduction) -> list[dict[int, str]]:
    return [{neuron.index: neuron.reason for neuron in layer} for layer in reduction.removed]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_reduced_target_is_the_same_function_in_rational_arithmetic(data: st.DataObject) -> None:
    target = data.draw(targets())
    box = data.draw(boxes(target.inputs))
    reduction = reduce(target, domain=box)
    point = data.draw(points(box, target.inputs))
    assert of_reduction(reduction, point) == of_target(target, point)


@settings(max_examples=75, deadline=None)
@given(st.data())
def test_the_function_stays_the_same_for_numbers_of_every_size(data: st.DataObject) -> None:
    target = data.draw(targets(ANY))
    box = data.draw(boxes(target.inputs))
    try:
        reduction = reduce(target, domain=box)
    except InvalidInput:  # a folded bias beyond the doubles, which has a test of its own
        return
    point = data.draw(points(box, target.inputs))
    assert of_reduction(reduction, point) == of_target(target, point)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_reducing_twice_removes_nothing_more(data: st.DataObject) -> None:
    target = data.draw(targets(DYADIC))
    once = reduce(target, domain=data.draw(boxes(target.inputs)))
    assert once.bias_rounding == 0
    twice = reduce(once.target)
    assert twice.removed == ((),) * target.depth
    assert twice.kept == tuple(tuple(range(width)) for width in once.target.widths[1:])
    assert twice.biases_exact == once.biases_exact
    assert [len(layer) for layer in twice.affine] == [len(layer) for layer in once.affine]
    for first, second in zip(once.target.weights, twice.target.weights, strict=True):
        np.testing.assert_array_equal(first, second)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_kept_and_removed_share_out_each_layer_and_only_connected_neurons_are_kept(data: st.DataObject) -> None:
    target = data.draw(targets())
    reduction = reduce(target, domain=data.draw(boxes(target.inputs)))
    assert reduction.original is target
    for width, kept, gone, affine in zip(
        target.widths[1:], reduction.kept, reduction.removed, reduction.affine, strict=True
    ):
        assert sorted([*kept, *(neuron.index for neuron in gone)]) == list(range(width))
        assert set(affine) <= set(kept)
    assert reduction.target.widths == (target.inputs, *map(len, reduction.kept))
    if reduction.is_constant:
        return
    for below, above in pairwise(reduction.target.weights):
        assert (below != 0).any(axis=1).all()
        assert (above != 0).any(axis=0).all()
    # Rows and columns of the original, in order, at the places that were kept.
    kept_all = (tuple(range(target.inputs)), *reduction.kept)
    for layer, (columns, rows) in enumerate(pairwise(kept_all)):
        expected = target.weights[layer][np.ix_(rows, columns)]
        np.testing.assert_array_equal(reduction.target.weights[layer], expected)


def interval(weight: list[Fraction], bias: Fraction, box: list[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    ends = [sorted((w * low, w * high)) for w, (low, high) in zip(weight, box, strict=True)]
    return bias + sum(low for low, _ in ends), bias + sum(high for _, high in ends)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_stable_neurons_agree_with_exact_interval_bounds(data: st.DataObject) -> None:
    target = data.draw(targets())
    reduction = reduce(target, domain=data.draw(boxes(target.inputs).filter(bool)))
    box = [(Fraction(low), Fraction(high)) for low, high in reduction.target.domain.tolist()]
    slack = Fraction(1, 10**9)
    for layer in range(target.depth - 1):
        weight, bias = reduction.target.weights[layer], reduction.biases_exact[layer]
        bounds = [interval(exact(row), b, box) for row, b in zip(weight, bias, strict=True)]
        if not reduction.is_constant:
            for index, (low, high) in zip(reduction.kept[layer], bounds, strict=True):
                if index in reduction.affine[layer]:
                    assert low >= 0  # never wrong
                else:
                    assert low < slack  # and hardly ever missed
                assert high > -slack
        box = [(max(low, Fraction(0)), max(high, Fraction(0))) for low, high in bounds]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-3, 3).filter(bool), min_size=1, max_size=5),
    st.floats(-2, 0),
    st.floats(0, 2),
    st.sampled_from([-1, 0, 1]),
    st.booleans(),
)
def test_a_sign_is_decided_exactly_next_to_zero(
    row: list[float], low: float, high: float, step: int, upper: bool
) -> None:
    extreme = interval(exact(row), Fraction(0), [(Fraction(low), Fraction(high))] * len(row))[upper]
    bias = float(-extreme)
    bias = math.nextafter(bias, math.inf * step) if step else bias
    target = Target.from_arrays([[row], [[1.0]]], [[bias], [0.0]])
    reduction = reduce(target, domain=(low, high))
    smallest, largest = interval(exact(row), Fraction(bias), [(Fraction(low), Fraction(high))] * len(row))
    assert reduction.is_constant == (largest <= 0)
    assert reduction.affine == (((0,) if smallest >= 0 and largest > 0 else ()), ())


def test_a_tie_that_floating_point_gets_wrong() -> None:
    # 0.1 + 0.2 + b with b = -fl(0.1 + 0.2): a float sum gives 0, the doubles themselves sum to less.
    bias = -(0.1 + 0.2)
    assert Fraction(0.1) + Fraction(0.2) + Fraction(bias) < 0
    target = Target.from_arrays([[[0.1, 0.2]], [[1.0]]], [[bias], [0.0]])
    assert reduce(target, domain=(0, 1)).is_constant
    # 0.1 + 0.7 + b with b = -fl(0.1 + 0.7), where the doubles sum to more: the neuron is needed in a corner.
    bias = -(0.1 + 0.7)
    assert Fraction(0.1) + Fraction(0.7) + Fraction(bias) > 0
    target = Target.from_arrays([[[0.1, 0.7]], [[1.0]]], [[bias], [0.0]])
    assert not reduce(target, domain=(0, 1)).is_constant


def test_each_reason_on_a_network_made_by_hand() -> None:
    first = [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]]
    second = [[1.0, 10.0, 0.0, 7.0, -1.0], [2.0, 20.0, 0.0, 7.0, 0.0]]
    target = Target.from_arrays([first, second], [[0.0, 3.0, 5.0, -0.5, -1.0], [1.0, 1.0]])
    reduction = reduce(target, domain=(0, 1))
    assert reasons(reduction) == [{1: "constant", 2: "dead", 3: "inactive"}, {}]
    assert reduction.removed[0][0] == RemovedNeuron(1, "constant")
    assert reduction.kept == ((0, 4), (0, 1))
    assert reduction.affine == ((0,), ())
    assert reduction.biases_exact == ((0, -1), (31, 61))
    assert reduction.unread_inputs == (1,)
    assert reduction.target.widths == (2, 2, 2)
    assert reduction.target.nonzeros == (2, 3)
    # Without the box neither the negative nor the positive neuron is known to be stable.
    free = reduce(target)
    assert reasons(free) == [{1: "constant", 2: "dead"}, {}]
    assert free.affine == ((), ())
    assert free.target.domain is None


def test_removal_is_repeated_through_the_layers() -> None:
    # Neuron 1 of layer 2 reads nothing; its constant 1 makes h = 1 - 2 = -1 in layer 3, which then is constant too.
    # The neurons of layer 1 are read only by what has gone.
    target = Target.from_arrays(
        [[[1.0], [1.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.0, -2.0], [0.0, 3.0]], [[5.0, 7.0]]],
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.5], [0.25]],
    )
    reduction = reduce(target)
    assert reduction.is_constant
    assert reduction.biases_exact[-1] == (Fraction("24.75"),)  # 0.25 + 5 * max(0, 1 - 2) + 7 * max(0, 0.5 + 3)
    assert of_target(target, [Fraction(9)]) == [Fraction("24.75")]


def test_a_constant_target_keeps_one_silent_neuron_per_hidden_layer() -> None:
    target = Target.from_arrays([[[1.0], [2.0]], [[0.0, 0.0]], [[4.0]]], [[1.0, 1.0], [0.5], [1.0]])
    reduction = reduce(target)
    assert reduction.is_constant
    assert reduction.target.widths == (1, 1, 1, 1)
    assert reduction.target.nonzeros == (0, 0, 0)
    assert reduction.kept == ((0,), (0,), (0,))
    assert reasons(reduction) == [{1: "dead"}, {}, {}]
    assert reduction.affine == ((), (), ())
    assert reduction.biases_exact == ((0,), (0,), (3,))
    assert reduction.unread_inputs == (0,)
    assert "The target is constant." in reduction.to_markdown()


def test_outputs_stay_even_if_they_read_nothing() -> None:
    target = Target.from_arrays([[[1.0], [0.0]], [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]], [[0.0, 2.0], [1.0, 5.0, 0.0]])
    reduction = reduce(target)
    assert reduction.target.widths == (1, 1, 3)
    assert reduction.biases_exact[-1] == (3, 5, 0)
    assert reduction.target.layers[-1].row_nonzeros == (0, 0, 1)


def test_a_target_without_hidden_layer_is_left_as_it_is() -> None:
    target = Target.from_arrays([[[0.0, 2.0], [0.0, 0.0]]], [[1.0, -1.0]], domain=[[-1.0, 1.0]] * 2)
    reduction = reduce(target)
    assert reduction.removed == ((),)
    assert reduction.unread_inputs == (0,)
    assert not reduction.is_constant
    np.testing.assert_array_equal(reduction.target.weights[0], target.weights[0])


def test_folding_is_exact_and_the_rounding_of_the_bias_is_stated() -> None:
    # The constant 0.1 times the weight 0.1 is no double.
    target = Target.from_arrays([[[0.0], [1.0]], [[0.1, 1.0]]], [[0.1, 0.0], [0.3]])
    reduction = reduce(target)
    total = Fraction(0.3) + Fraction(0.1) * Fraction(0.1)
    assert reduction.biases_exact[-1] == (total,)
    assert reduction.bias_rounding == abs(total - Fraction(float(total))) > 0
    assert reduction.target.biases[-1].tolist() == [float(total)]
    assert "rounded to doubles" in reduction.to_markdown()
    for factor in (0.1, 0.7, 0.9, 1.3, 2.3):
        other = reduce(Target.from_arrays([[[0.0], [1.0]], [[factor, 1.0]]], [[1e-5 / 3, 0.0], [0.3]]))
        written = other.to_dict()["bias_rounding"]
        assert math.nextafter(written, 0) < other.bias_rounding <= Fraction(written)


def test_a_folded_bias_beyond_the_doubles_is_refused() -> None:
    target = Target.from_arrays([[[0.0], [1.0]], [[1e200, 1.0]]], [[1e200, 0.0], [0.0]])
    with pytest.raises(InvalidInput, match="doubles") as caught:
        reduce(target)
    assert len(str(caught.value)) < 400


def test_bounds_that_leave_the_doubles_are_still_safe() -> None:
    # h_2 = 1e308 * h_1 with h_1 up to 1e308, and a twin with the opposite sign that is never active.
    target = Target.from_arrays(
        [[[1e308]], [[1e308], [-1e308]], [[1.0, 1.0], [1.0, -1.0]], [[1.0, 1.0]]],
        [[1.0], [0.0, 0.0], [-1.0, 0.0], [0.0]],
    )
    reduction = reduce(target, domain=(0, 1))
    assert reasons(reduction) == [{}, {1: "inactive"}, {}, {}]
    assert reduction.affine == ((0,), (0,), (0, 1), ())
    # Subnormal products: 5e-324 * 0.25 rounds to 0, yet the neuron is above 0.
    tiny = Target.from_arrays([[[5e-324]], [[1.0]]], [[0.0], [0.0]])
    assert not reduce(tiny, domain=(0.25, 0.25)).is_constant


def test_without_a_box_a_deeper_neuron_may_still_be_stable() -> None:
    # Layer 2 reads values >= 0, so the signs of its weights and of its bias decide.
    target = Target.from_arrays(
        [[[1.0], [-1.0]], [[1.0, 2.0], [-1.0, 0.0], [1.0, -1.0]], [[1.0, 1.0, 1.0]]],
        [[0.0, 0.0], [0.5, -0.5, 0.0], [0.0]],
    )
    reduction = reduce(target)
    assert reasons(reduction) == [{}, {1: "inactive"}, {}]
    assert reduction.affine == ((), (0,), ())


def test_the_box_is_the_argument_or_that_of_the_target() -> None:
    target = Target.from_arrays([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], None, domain=[[-1.0, 0.0], [0.0, 1.0]])
    assert reasons(reduce(target)) == [{0: "inactive"}, {}]
    assert reasons(reduce(target, domain=[[0.0, 1.0], [-1.0, 0.0]])) == [{1: "inactive"}, {}]
    assert reduce(target, domain=(2, 3)).affine == ((0, 1), ())
    np.testing.assert_array_equal(reduce(target, domain=(2, 3)).target.domain, [[2.0, 3.0]] * 2)


@pytest.mark.parametrize("domain", [(1, 0), (0, math.nan), (0, math.inf), [[0, 1]], [0, 1, 2], "0,1", [[0], [1, 2]]])
def test_a_box_that_is_none_is_refused(domain: object) -> None:
    with pytest.raises(InvalidInput, match="domain"):
        reduce(Target.from_arrays([[[1.0, 1.0]]]), domain=domain)


def test_targets_without_weights_and_convolutions_are_refused_with_the_reason() -> None:
    with pytest.raises(TheoremNotApplicable, match="counts alone"):
        reduce(Target.from_text("4-8-3"))
    with pytest.raises(TheoremNotApplicable, match="convolutional"):
        reduce(Target.from_arrays([np.ones((2, 1, 3)), np.ones((1, 8))]))


def test_the_result_is_frozen_and_can_be_written() -> None:
    target = Target.from_arrays([[[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0, 1.0]]], [[0.0, 2.0, 0.0], [0.0]])
    reduction = reduce(target, domain=(0, 1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        reduction.affine = ()  # type: ignore[misc]
    document = json.loads(json.dumps(reduction.to_dict(), allow_nan=False))
    assert document["widths_before"] == [2, 3, 1]
    assert document["widths_after"] == [2, 1, 1]
    assert document["nonzeros_before"] == [2, 3]
    assert document["nonzeros_after"] == [1, 1]
    assert document["removed"] == [
        {"layer": 1, "neuron": 1, "reason": "constant"},
        {"layer": 1, "neuron": 2, "reason": "inactive"},
    ]
    assert document["affine"] == [[0], []]
    assert document["domain"] == [[0.0, 1.0], [0.0, 1.0]]
    table = reduction.to_markdown().splitlines()
    assert table[2] == "| 1 | 3 | 1 | 2 | 1 | 0 | 1 | 1 | 1 |"
    assert table[3] == "| 2 | 1 | 1 | 3 | 1 | 0 | 0 | 0 | 0 |"
    assert "on the box" in table[-1]
    assert "1 of 2 inputs are not read" in table[-1]
