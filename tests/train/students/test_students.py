"""Students: the theory's masks, weights that stay 0, and the same result alone as in company."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from ertheory.errors import InvalidInput
from ertheory.masks import draw_masks
from ertheory.networks.source import Source
from ertheory.networks.target import Target

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.streams import generator  # noqa: E402
from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students  # noqa: E402
from ertrain.students.teacher import TOLERANCE, Tolerance, draw_teacher, evaluate, points_of  # noqa: E402

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


def test_students_start_as_it_is_written_down():
    """Variance 2 / (kept inputs) of each neuron; hidden biases uniform in [-1/2, 1/2]; biases of the outputs 0."""
    started = students((30, 40), range(40))
    for number, layer in enumerate(started.children()):
        kept = layer.weight_mask.sum(2, keepdim=True)
        standard = (layer.weight * (kept / 2).sqrt())[layer.weight_mask].detach()
        # Their variance spreads by sqrt(2 / n): within five times that, for fixed seeds.
        assert abs(float(standard.var()) - 1) < 5 * (2 / len(standard)) ** 0.5
        assert abs(float(standard.mean())) < 5 * len(standard) ** -0.5
        bias = layer.bias.detach()
        if number == 2:
            assert not bias.any()
        else:
            assert -0.5 <= float(bias.min()) < -0.49
            assert 0.49 < float(bias.max()) <= 0.5
            assert abs(float(bias.mean())) < 5 * (12 * bias.numel()) ** -0.5


@pytest.mark.parametrize("steps", [1, 4])
def test_students_learn_by_adam_along_half_a_cosine_from_fresh_points(steps):
    """In double precision and written out: one batch after another, every student alone, masked gradients."""
    budget = Budget(steps=steps, batch=16, learning_rate=0.02)
    trained = students((5, 4), [3, 8])
    begun = [
        [part[number].detach().double() for layer in trained.children() for part in (layer.weight, layer.bias)]
        for number in range(2)
    ]
    masks = [[layer.weight_mask[number] for layer in trained.children()] for number in range(2)]
    train_students(TEACHER, trained, budget, seed=6)
    points = points_of(TEACHER.domain, steps * 16, generator(6, "points")).double()
    hidden = (points @ torch.tensor(TEACHER.weights[0]).T + torch.tensor(TEACHER.biases[0])).clamp(min=0)
    wanted = hidden @ torch.tensor(TEACHER.weights[1]).T + torch.tensor(TEACHER.biases[1])
    for number, parts in enumerate(begun):
        first, second = ([torch.zeros_like(part) for part in parts] for _ in range(2))
        for step in range(steps):
            rate = 0.02 * (1 + math.cos(math.pi * step / steps)) / 2
            here = slice(16 * step, 16 * (step + 1))
            parts = [part.requires_grad_() for part in parts]
            hidden = (points[here] @ parts[0].T + parts[1]).clamp(min=0)
            hidden = (hidden @ parts[2].T + parts[3]).clamp(min=0)
            off = hidden @ parts[4].T + parts[5] - wanted[here]
            slopes = torch.autograd.grad(off.square().mean(), parts)
            slopes = [slope * masks[number][at // 2] if at % 2 == 0 else slope for at, slope in enumerate(slopes)]
            first = [0.9 * one + 0.1 * slope for one, slope in zip(first, slopes, strict=True)]
            second = [0.999 * one + 0.001 * slope**2 for one, slope in zip(second, slopes, strict=True)]
            moves = [
                one / (1 - 0.9 ** (step + 1)) / ((two / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
                for one, two in zip(first, second, strict=True)
            ]
            parts = [(part - rate * move).detach() for part, move in zip(parts, moves, strict=True)]
        found = [part[number].detach().double() for layer in trained.children() for part in (layer.weight, layer.bias)]
        for ours, theirs in zip(found, parts, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def test_errors_are_those_at_fresh_points():
    looked = students((5, 4), [3, 8])
    errors = errors_of(looked, TEACHER, tolerance=Tolerance(rms=1, largest=1, points=50), seed=4)
    points = points_of(TEACHER.domain, 50, generator(4, "test"))
    off = looked(points).detach() - evaluate(TEACHER, points)
    torch.testing.assert_close(errors.rms, (off**2).mean((1, 2)).sqrt())
    torch.testing.assert_close(errors.largest, off.abs().flatten(1).max(1).values)


def test_no_steps_are_refused():
    with pytest.raises(InvalidInput, match="steps"):
        train_students(TEACHER, students((3, 3), [0]), Budget(steps=0))
