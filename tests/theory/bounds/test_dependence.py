"""Which inputs a target depends on: by evaluation at many points, at every scale, and not where nothing depends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import Target, confidence, width
from ertheory.bounds import coverage, essential_inputs
from ertheory.bounds.necessary.dependence import dependence_of
from tests.strategies import HALF

entries = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])


@st.composite
def networks(draw, depth):
    sizes = [draw(st.integers(1, 4)) for _ in range(depth + 1)]
    shapes = list(zip(sizes[1:], sizes, strict=False))
    weights = [np.array(draw(st.lists(entries, min_size=a * b, max_size=a * b))).reshape(a, b) for a, b in shapes]
    biases = [np.array(draw(st.lists(entries, min_size=a, max_size=a))) for a, _ in shapes]
    return weights, biases


def moved(weights, biases, points):
    """Inputs that change an output somewhere, by exact evaluation in small multiples of 1/64."""
    found = set()
    rng = np.random.default_rng(0)
    inputs = weights[0].shape[1]
    starts = rng.integers(-64, 65, (points, inputs)) / 64
    before = value(weights, biases, starts)
    for index in range(inputs):
        ends = starts.copy()
        ends[:, index] = rng.integers(-64, 65, points) / 64
        if (value(weights, biases, ends) != before).any():
            found.add(index)
    return found


def value(weights, biases, points):
    signal = points.T
    for weight, bias in zip(weights[:-1], biases, strict=False):
        signal = np.maximum(0, weight @ signal + bias[:, None])
    return weights[-1] @ signal + biases[-1][:, None]


@settings(max_examples=300, deadline=None)
@given(networks(2))
def test_with_one_hidden_layer_it_is_the_whole_truth(network):
    weights, biases = network
    target = Target.from_arrays(weights, biases, domain=[(-1, 1)] * weights[0].shape[1])
    found = dependence_of(target)
    assert found.checked
    assert found.uncounted == 0
    assert found.inputs >= len(moved(weights, biases, 300))  # what is seen to move an output is counted
    # What is counted moves one: with these weights and 4000 points none is missed but for some corners.
    if found.inputs > len(moved(weights, biases, 4000)):
        assert np.abs(biases[0]).max() > 0
        assert found.inputs <= weights[0].shape[1]


@settings(max_examples=100, deadline=None)
@given(networks(3))
def test_in_deeper_targets_no_input_is_counted_that_does_not_matter(network):
    weights, biases = network
    target = Target.from_arrays(weights, biases, domain=[(-1, 1)] * weights[0].shape[1])
    found = dependence_of(target)
    assert found.checked
    assert found.inputs <= len(moved(weights, biases, 20_000)) or np.abs(biases[0]).max() > 0


@settings(max_examples=60, deadline=None)
@given(networks(2), st.lists(st.integers(-900, 900), min_size=4, max_size=4))
def test_the_scale_of_the_weights_decides_nothing(network, powers):
    weights, biases = network
    box = [(-1, 1)] * weights[0].shape[1]
    scales = np.array(powers[: len(weights[0])])
    scaled = [np.ldexp(weights[0], scales[:, None]), weights[1]]
    moved_biases = [np.ldexp(biases[0], scales), biases[1]]
    # The second layer is not scaled back: kinks may then weigh differently, so only those that never cancel are alike.
    plain, other = (
        dependence_of(Target.from_arrays(w, b, domain=box)) for w, b in ((weights, biases), (scaled, moved_biases))
    )
    if len(weights[0]) == 1:
        assert plain == other
    back = [scaled[0], np.ldexp(weights[1], -scales)]
    assert dependence_of(Target.from_arrays(back, moved_biases, domain=box)) == plain


CONSTANT = {
    "dead on the box": ([[[1.0, 1.0]], [[1.0]]], [[-3.0], [0.0]]),
    "columns that cancel": ([[[1.0, 1.0], [2.0, 2.0]], [[2.0, -1.0]]], None),
    "nothing read": ([[[0.0, 0.0]], [[1.0]]], None),
    "dead in the second layer": ([[[1.0, 1.0]], [[-1.0]], [[1.0]]], None),
}


@pytest.mark.parametrize("name", CONSTANT)
@pytest.mark.parametrize("scale", [1.0, 2.0**-40, 1e-300, 2.0**600])
def test_nothing_is_claimed_of_a_constant_target(name, scale):
    weights, biases = CONSTANT[name]
    weights = [np.array(weights[0]) * scale, *weights[1:]]
    biases = None if biases is None else [np.array(biases[0]) * scale, *biases[1:]]
    target = Target.from_arrays(weights, biases, domain=[(-1, 1)] * 2)
    assert essential_inputs(target) == 0
    answer = coverage(target, (HALF,) * (target.depth + 1), Fraction(1, 10))
    assert not answer.applies
    assert answer.widths[0] is None
    assert answer.reason == "the target depends on no input"
    found = confidence(target, (1,) * target.depth, density=HALF, method="theorem-2.3")[0]
    assert not found.applies


def test_a_neuron_that_is_active_in_a_corner_alone_counts():
    target = Target.from_arrays([[[1.0] * 9], [[1.0]]], [[-8.999], [0.0]], domain=[(-1, 1)] * 9)
    assert dependence_of(target).inputs == 9


def test_what_cancels_in_one_input_leaves_the_others():
    target = Target.from_arrays([[[1.0, 1.0], [1.0, 2.0], [-1.0, -1.0], [-1.0, -2.0]], [[1.0, -1.0, -1.0, 1.0]]])
    assert dependence_of(target).inputs == 1  # relu(z) - relu(-z) = z, and the difference is -x_2
    assert width(target, method="theorem-2.3", density=HALF, delta=Fraction(1, 1000)).widths[0] == 10


def test_what_is_not_checked_is_said():
    counts = coverage(Target.from_text("784-128-10"), (HALF,) * 3, Fraction(1, 10))
    assert "784 inputs that reach an output (assumed, not checked)" in counts.reason
    told = confidence("784-128-10", (100, 100), density=HALF, method="theorem-2.3")[0]
    assert "assumed, not checked" in told.reason
    filters = Target.from_arrays([np.ones((2, 3, 2)), np.ones((1, 2))])
    assert "3 inputs that reach an output (assumed, not checked)" in coverage(filters, (HALF,) * 3, HALF).reason
    known = Target.from_arrays([[[1.0, 2.0, 0.0]], [[1.0]]])
    assert "2 inputs (checked)" in coverage(known, (HALF,) * 3, HALF).reason


def test_deep_targets_say_how_many_inputs_are_left_out():
    # Active only where all inputs are close to 1, in the second hidden layer.
    target = Target.from_arrays(
        [np.eye(12), np.ones((1, 12)), [[1.0]]], [np.zeros(12), [-11.9], [0.0]], domain=[(0, 1)] * 12
    )
    found = dependence_of(target)
    assert found.checked
    assert found.inputs + found.uncounted == 12
    if found.uncounted:
        assert f"{found.inputs} inputs (checked), of 12 that reach an output" in found.words
