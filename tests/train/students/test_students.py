"""Students: the theory's masks, weights that stay 0, and the same result alone as in company."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ertheory.errors import InvalidInput
from ertheory.masks import draw_masks
from ertheory.networks.source import Source
from ertheory.networks.target import Target

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students  # noqa: E402
from ertrain.students.teacher import TOLERANCE, draw_teacher  # noqa: E402

TEACHER = draw_teacher(Target.from_text("2-3-1"), seed=3)
HALVES = (Fraction(1, 2),) * 3


def students(widths, seeds, densities=HALVES):
    shapes = ((widths[0], 2), (widths[1], widths[0]), (1, widths[1]))
    return Students(student_masks(shapes, densities, seeds), seeds)


def test_masks_are_those_of_the_theory():
    shapes, seeds = ((6, 2), (5, 6), (1, 5)), [11, 2**62 + 1]
    source = Source.for_target(Target.from_text("2-3-1"), widths=(6, 5, 1), densities=("1/2", "1/3", "1"))
    stacked = student_masks(shapes, source.densities, seeds)
    for number, seed in enumerate(seeds):
        for layer, mask in enumerate(draw_masks(source, seed)):
            assert stacked[layer][number].numpy().tolist() == mask.to_csr().toarray().tolist()


def test_masked_weights_stay_zero_and_kept_ones_move():
    trained = students((8, 9), [0, 1, 2])
    before = [layer.weight.detach().clone() for layer in trained.children()]
    train_students(TEACHER, trained, Budget(steps=40))
    for layer, start in zip(trained.children(), before, strict=True):
        assert not layer.weight[~layer.weight_mask].any()
        assert (layer.weight != start).any()


def test_alone_as_in_company():
    # Differences of single precision grow with the steps; after 60 they are far below what a different mask or start
    # makes of the errors, which the last line sees.
    together = errors_of(train_students(TEACHER, students((8, 9), [4, 5, 6]), Budget(steps=60)), TEACHER)
    for number, seed in enumerate([4, 5, 6]):
        alone = errors_of(train_students(TEACHER, students((8, 9), [seed]), Budget(steps=60)), TEACHER)
        assert alone.rms.item() == pytest.approx(together.rms[number].item(), rel=1e-3)
        assert alone.largest.item() == pytest.approx(together.largest[number].item(), rel=1e-3)
    assert together.rms.diff().abs().min() > 0.003


def test_the_same_call_gives_the_same_bits():
    one, other = (
        errors_of(train_students(TEACHER, students((8, 9), [4, 5]), Budget(steps=30), seed=9), TEACHER)
        for _ in range(2)
    )
    assert torch.equal(one.rms, other.rms)
    assert torch.equal(one.largest, other.largest)


def test_wide_students_learn_and_those_without_an_edge_do_not():
    wide = errors_of(train_students(TEACHER, students((30, 30), range(8)), Budget(steps=1500)), TEACHER)
    assert TOLERANCE.met(wide.rms, wide.largest).all()
    # All that passes one neuron of layer 0 is a function of one direction: below every necessary width.
    narrow = errors_of(train_students(TEACHER, students((1, 30), range(8)), Budget(steps=1500)), TEACHER)
    assert not TOLERANCE.met(narrow.rms, narrow.largest).any()


def test_no_steps_are_refused():
    with pytest.raises(InvalidInput, match="steps"):
        train_students(TEACHER, students((3, 3), [0]), Budget(steps=0))
