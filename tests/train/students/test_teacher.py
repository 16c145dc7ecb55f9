"""Teachers: normalised, bent everywhere, and told apart from constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.networks.layer import Layer
from ertheory.networks.target import Target, network_of

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.students.teacher import TOLERANCE, draw_teacher, evaluate, normalised, points_of  # noqa: E402


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 6), min_size=3, max_size=4), st.integers(0, 2**40))
def test_outputs_are_normalised_and_every_first_neuron_bends_inside_the_box(widths, seed):
    try:
        teacher = draw_teacher(Target.from_widths(widths), seed)
    except InvalidInput:  # a narrow teacher may be dead behind its first layer
        assume(len(widths) < 4)
        raise
    outputs = evaluate(teacher, points_of(teacher.domain, 2**14, torch.Generator().manual_seed(seed)).double())
    assert outputs.mean(0).abs().max() < 1e-6
    assert outputs.square().mean() == pytest.approx(1, abs=1e-6)
    # |w . x| reaches the sum of |w| in the corners, so the bend -b lies strictly inside.
    assert (np.abs(teacher.weights[0]).sum(1) > np.abs(teacher.biases[0])).all()


def test_a_teacher_has_the_same_bits_on_every_number_of_processors():
    before = torch.get_num_threads()
    teachers = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            teachers.append(draw_teacher(Target.from_text("4-8-3")))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for teacher in teachers[1:]:
        for one, other in zip(teachers[0].weights + teachers[0].biases, teacher.weights + teacher.biases, strict=True):
            assert (one == other).all()


def test_a_teacher_is_the_network_that_the_theory_sees():
    teacher = draw_teacher(Target.from_text("4-8-3"), seed=5)
    points = points_of(teacher.domain, 100, torch.Generator().manual_seed(0)).double()
    hidden = points.numpy()
    for step in network_of(teacher).steps:
        hidden = hidden @ step.weight.toarray().T + step.bias if hasattr(step, "weight") else np.maximum(hidden, 0)
    assert np.allclose(evaluate(teacher, points).numpy(), hidden, atol=1e-12)


def test_points_fill_the_box_and_seeds_differ():
    points = points_of([(0, 1), (-3, 5)], 4000, torch.Generator().manual_seed(0))
    assert points.min(0).values.tolist() == pytest.approx([0, -3], abs=0.02)
    assert points.max(0).values.tolist() == pytest.approx([1, 5], abs=0.02)
    one, other = (draw_teacher(Target.from_text("2-3-1"), seed).weights[0] for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_weights_of_a_teacher_have_the_variance_of_their_fan_in():
    """2 / inputs, but for the last layer, which is scaled; 20,000 numbers, within five times sqrt(2 / n)."""
    teacher = draw_teacher(Target.from_text("40-100-200-5"), seed=2)
    for weight in teacher.weights[:-1]:
        variance = float(weight.var()) * weight.shape[1] / 2
        assert abs(variance - 1) < 5 * (2 / weight.size) ** 0.5
    last = teacher.weights[-1]
    assert abs(float(last.mean())) < 5 * float(last.std()) * last.size**-0.5


def test_points_are_uniform_in_the_box():
    points = points_of([(0, 1), (-3, 5)], 4000, torch.Generator().manual_seed(0))
    inside = (points - torch.tensor([0, -3])) / torch.tensor([1, 8])
    for share in (0.1, 0.5, 0.9):  # within five standard deviations
        counts = (inside < share).double().mean(0)
        assert ((counts - share).abs() < 5 * (share * (1 - share) / 4000) ** 0.5).all()


def test_given_weights_are_scaled_alone():
    given_target = Target.from_arrays([[[1.0, -1.0]], [[5.0]]], [[0.5], [7.0]], domain=[(0, 1), (0, 2)])
    teacher = normalised(given_target)
    assert np.array_equal(teacher.weights[0], given_target.weights[0])
    assert np.array_equal(teacher.domain, given_target.domain)
    nowhere = Target.from_arrays([[[1.0, -1.0]], [[5.0]]], [[0.5], [7.0]])  # then it is the one of [-1, 1]^2
    somewhere = Target.from_arrays(nowhere.weights, nowhere.biases, domain=[(-1, 1)] * 2)
    assert np.array_equal(normalised(nowhere).domain, somewhere.domain)
    assert np.array_equal(normalised(nowhere).weights[1], normalised(somewhere).weights[1])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: draw_teacher(Target.from_text("2-3-1"), -1), "seed: "),
        (lambda: draw_teacher(Target.from_arrays([[[1.0, 0.0]], [[1.0]]])), "target: expected widths of a fully"),
        (lambda: draw_teacher(Target((Layer(2, 3, kernel=(1, 1)), Layer(1, 2)))), "target: expected widths of a"),
        (lambda: normalised(Target.from_text("2-3-1")), "target: expected a fully connected network with weights"),
        (lambda: normalised(Target.from_arrays([[[1.0]], [[1.0]]], [[-5.0], [0.0]])), "target: .*not constant"),
    ],
)
def test_bad_teachers_are_refused(ask, said):
    with pytest.raises(InvalidInput, match=rf"^{said}"):
        ask()


def test_an_error_that_is_no_number_is_a_failure():
    rms, largest = torch.tensor([0.01, float("nan"), 0.01, 0.06]), torch.tensor([0.1, 0.1, 0.6, 0.1])
    assert TOLERANCE.met(rms, largest).tolist() == [True, False, False, False]
