"""Students that start from the construction: they are the teacher, and noise of growing size moves them away."""

from __future__ import annotations

from fractions import Fraction

import pytest

torch = pytest.importorskip("torch")

from ertheory.networks.target import Target  # noqa: E402
from ertrain.students.basin import constructed, return_rates, with_noise  # noqa: E402
from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students  # noqa: E402
from ertrain.students.teacher import Tolerance, draw_teacher, evaluate  # noqa: E402

TEACHER = draw_teacher(Target.from_text("2-3-1"), 0)
SHAPES = ((24, 2), (3, 24), (20, 3), (1, 20))
HALF = (Fraction(1, 2),) * 4


def test_a_student_that_starts_from_the_construction_is_the_teacher_inside_its_mask():
    seeds, start = constructed(TEACHER, SHAPES, HALF, range(6))
    masks = student_masks(SHAPES, HALF, seeds)
    assert len(seeds) > 3
    for (weight, _), mask in zip(start, masks, strict=True):
        assert not weight[~mask].any()
    points = 2 * torch.rand(200, 2, generator=torch.Generator().manual_seed(1)) - 1
    students = Students(masks, seeds, factors=2, start=start)
    wanted = evaluate(TEACHER, points).expand(len(seeds), -1, -1)
    torch.testing.assert_close(students(points), wanted, rtol=1e-3, atol=1e-3)


def test_masks_without_the_construction_are_left_out():
    thin = ((10, 2), (3, 10), (8, 3), (1, 8))
    seeds, _ = constructed(TEACHER, thin, HALF, range(40))
    from ertheory.builders.factored.pairs import MaskPair
    from ertheory.builders.factored.verdict import universal_by
    from ertheory.masks import DrawnMask

    for seed in range(40):
        masks = [DrawnMask(shape, Fraction(1, 2), seed, layer).to_csr() for layer, shape in enumerate(thin)]
        held = all(universal_by(MaskPair(*masks[at : at + 2])) for at in (0, 2))
        assert held == (seed in seeds)
    assert 0 < len(seeds) < 40


def test_noise_has_the_size_that_is_asked_for_and_stays_inside_the_masks():
    seeds, start = constructed(TEACHER, SHAPES, HALF, range(30))
    masks = student_masks(SHAPES, HALF, seeds)
    moved = with_noise(start, masks, 0.3, seeds)
    again = with_noise(start, masks, 0.3, seeds)
    for number, ((weight, bias), (noisy, shifted), mask) in enumerate(zip(start, moved, masks, strict=True)):
        assert torch.equal(noisy, again[number][0])
        off = noisy - weight
        assert not off[~mask].any()
        ratio = off[mask].square().sum() / weight[mask].square().sum()
        assert 0.15 < ratio.sqrt() < 0.6  # large weights of few students weigh much
        assert torch.equal(shifted, bias) == (number % 2 == 0)
    assert all(torch.equal(a, b) for one, other in zip(with_noise(start, masks, 0, seeds), start, strict=True)
               for a, b in zip(one, other, strict=True))  # fmt: skip


def test_those_that_start_nearer_begin_with_smaller_errors_and_all_are_in_the_same_masks():
    told = []
    found = return_rates(
        TEACHER, SHAPES, HALF, range(5), (0, 0.1, 3, None), Budget(steps=30, learning_rate=0.001), progress=told.append
    )
    none, little, much, drawn = found
    assert [one.noise for one in found] == [0, 0.1, 3, None]
    assert max(none.before) < 1e-3
    assert max(none.after) < 0.05
    assert all(none.learnt)
    assert max(none.before) < min(little.before)
    assert sum(little.before) < sum(much.before) / 3
    assert len({len(one.learnt) for one in found}) == len(set(told)) == 1
    assert min(drawn.before) > 0.1


def test_errors_are_measured_at_points_of_the_seed_before_and_after():
    held, start = constructed(TEACHER, SHAPES, HALF, range(5))
    masks = student_masks(SHAPES, HALF, held)
    told = {}
    for seed in (0, 5):
        (found,) = return_rates(
            TEACHER, SHAPES, HALF, range(5), (0.1,), Budget(steps=3, learning_rate=0.001), seed=seed
        )
        students = Students(masks, held, factors=2, start=with_noise(start, masks, 0.1, held))
        assert found.before == tuple(errors_of(students, TEACHER, seed=seed).rms.tolist())
        train_students(TEACHER, students, Budget(steps=3, learning_rate=0.001), seed=seed)
        assert found.after == tuple(errors_of(students, TEACHER, seed=seed).rms.tolist())
        told[seed] = found
    assert told[0].before != told[5].before
    assert told[0].after != told[5].after


def test_learnt_is_what_meets_both_bounds_of_the_tolerance():
    options = {"budget": Budget(steps=3, learning_rate=0.001), "noises": (0.1,)}
    (found,) = return_rates(TEACHER, SHAPES, HALF, range(5), **options)
    between = min(found.after) * 1.0001  # no largest error of several points is as small as the rms of them
    for tolerance, expected in (
        (Tolerance(rms=between, largest=1e9), [after <= between for after in found.after]),
        (Tolerance(rms=1e9, largest=between), [False] * len(found.after)),
    ):
        (again,) = return_rates(TEACHER, SHAPES, HALF, range(5), tolerance=tolerance, **options)
        assert list(again.learnt) == expected
        assert again.after == found.after
