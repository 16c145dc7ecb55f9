"""Teachers with a name, a classifier of digits and a single ReLU; students that are as accurate as their teacher."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from ertheory.errors import InvalidInput

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students  # noqa: E402
from ertrain.students.examples import digits_teacher, named_teacher, relu_teacher  # noqa: E402
from ertrain.students.teacher import evaluate, normalised  # noqa: E402


@pytest.fixture(scope="module")
def digits():
    return digits_teacher(8, seed=3)


def test_names_are_those_of_teachers_alone():
    assert [named_teacher(text) for text in ("4-8-3", "relu", "relu-0", "digits-x", "digits-", "net.npz")] == [None] * 6
    assert str(named_teacher("relu-7")[0]) == "7-1-1"
    assert str(named_teacher("relu-99999")[0]) == "99999-1-1"
    assert named_teacher("relu-100000") is None


def test_a_classifier_has_16_hidden_neurons_or_as_many_as_its_name_says(monkeypatch):
    monkeypatch.setattr("ertrain.students.examples.digits_teacher", lambda hidden, seed: (hidden, seed))
    assert [named_teacher(text, seed=3) for text in ("digits", "digits-1", "digits-99999")] == [
        (16, 3),
        (1, 3),
        (99999, 3),
    ]


def test_a_classifier_has_learnt_the_digits_and_another_seed_gives_another(digits):
    teacher, examples = digits
    assert str(teacher) == "64-8-10"
    right = evaluate(teacher, examples.test).argmax(1) == examples.labels
    assert right.double().mean() > 0.85
    assert len(examples.labels) == 360
    other, same = digits_teacher(8, seed=4)
    assert same.digest == examples.digest
    assert not np.array_equal(other.weights[0], teacher.weights[0])


def test_points_lie_in_the_box_between_images_and_anything(digits):
    teacher, examples = digits
    points = examples.around_train(4000, torch.Generator().manual_seed(0))
    assert points.shape == (4000, 64)
    assert points.min() >= 0
    assert points.max() <= 1
    # The nearest to the images are images but for a little noise, and all share pixels that no image has.
    distances = torch.cdist(points, examples.train).amin(1)
    assert distances.min() < 0.02
    assert distances.max() > 2
    outputs = evaluate(normalised(teacher, draw=examples.around_train), points.double())
    assert outputs.square().mean().sqrt() == pytest.approx(1, abs=0.05)


def test_students_are_as_accurate_only_if_they_learn(digits):
    raw, examples = digits
    teacher = normalised(raw, draw=examples.around_train)
    shapes = ((40, 64), (30, 40), (10, 30))
    students = Students(student_masks(shapes, (Fraction(1, 2),) * 3, range(2)), range(2))
    assert not examples.as_accurate(students, teacher).any()  # a start is right once in ten
    train_students(teacher, students, Budget(steps=600), draw=examples.around_train)
    assert examples.as_accurate(students, teacher).all()
    assert (errors_of(students, teacher, draw=examples.around_test).rms < 0.2).all()


@pytest.mark.parametrize("inputs", [1, 2, 5])
def test_every_input_of_the_single_relu_is_needed_with_all_others(inputs):
    teacher = relu_teacher(inputs)
    side = 2 / (2 * inputs - 1)  # the sum is positive in one corner of this cube alone, and there side / 2
    low = -side * (inputs - 0.5) / inputs
    corners = np.array(list(product((0, 1), repeat=inputs)))
    values = evaluate(teacher, torch.tensor(low + side * corners))[:, 0].numpy()
    signs = (-1.0) ** (inputs - corners.sum(1))
    assert (values * signs).sum() == pytest.approx(side / 2)
    assert np.abs(low + side * corners).max() <= 1


def test_bad_seeds_and_sizes_are_refused():
    with pytest.raises(InvalidInput, match="seed"):
        named_teacher("digits", seed=2**32)
    with pytest.raises(InvalidInput, match="inputs"):
        relu_teacher(0)
