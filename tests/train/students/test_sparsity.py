"""Cells of students, and which function of the density explains their errors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertrain.masks.flow import dead_neurons  # noqa: E402
from ertrain.masks.masking import attach_masks  # noqa: E402
from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students  # noqa: E402
from ertrain.students.cells import Cell, dead_hidden, expected_dead, train_cells  # noqa: E402
from ertrain.students.ratio_choice import RatioPrediction, choose_ratio, predict_ratio  # noqa: E402
from ertrain.students.sparsity_fits import FORMS, compare_forms  # noqa: E402
from ertrain.students.sparsity_plots import draw_ratio_errors, draw_sparsity  # noqa: E402
from ertrain.students.teacher import TOLERANCE, Tolerance, draw_teacher  # noqa: E402

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
PLACES = [0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 0.9, 0.95, 1.0]


def test_students_of_a_cell_are_those_that_learn_alone():
    teacher = draw_teacher(Target.from_text("2-3-1"), seed=3)
    cells = [Cell((6, 5, 1), (HALF,) * 3), Cell((6, 5, 1), (HALF, THIRD, Fraction(1))), Cell((4, 4, 1), (HALF,) * 3)]
    found = train_cells(teacher, cells, seeds=[4, 5], budget=Budget(steps=60))
    assert list(found) == cells
    for cell in cells:
        masks = student_masks(cell.shapes(2), cell.densities, [4, 5])
        alone = errors_of(train_students(teacher, Students(masks, [4, 5]), Budget(steps=60)), teacher)
        assert found[cell].rms == pytest.approx(alone.rms.tolist(), rel=1e-3)
        assert found[cell].largest == pytest.approx(alone.largest.tolist(), rel=1e-3)
        assert list(found[cell].dead) == dead_hidden(masks).tolist()
    errors = [error for cell in cells for error in found[cell].rms]
    middle = Tolerance(rms=float(np.median(errors)), largest=99, points=TOLERANCE.points)
    again = train_cells(teacher, cells, seeds=[4, 5], budget=Budget(steps=60), tolerance=middle)
    learnt = [one for cell in cells for one in again[cell].learnt]
    assert learnt == [error <= middle.rms for error in errors]
    assert any(learnt)
    assert not all(learnt)


@pytest.mark.parametrize("widths", [(6, 1), (6, 5, 2), (4, 5, 3, 2)])
def test_dead_neurons_are_those_on_no_path(widths):
    cell = Cell(widths, (THIRD,) * len(widths))
    masks = student_masks(cell.shapes(3), cell.densities, range(12))
    counts = dead_hidden(masks)
    for student in range(12):
        layers = [nn.Linear(inputs, outputs) for outputs, inputs in cell.shapes(3)]
        network = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))
        attach_masks(network, {str(2 * number): mask[student] for number, mask in enumerate(masks)})
        assert int(counts[student]) == sum(layer.dead for layer in dead_neurons(network, (3,))[:-1])
    assert counts.sum() > 0


def test_expected_dead_is_the_mean_with_one_hidden_layer():
    # There a neuron lies on no path just if it lacks edges in or out. 4000 masks: false alarm below 1e-9 (six sigma).
    cell = Cell((8, 2), (THIRD, HALF))
    counts = dead_hidden(student_masks(cell.shapes(3), cell.densities, range(4000))).double()
    assert abs(counts.mean() - expected_dead(cell, 3)) < 6 * counts.std() / 4000**0.5
    alive = (1 - (2 / 3) ** 3) * (1 - 1 / 4)
    assert expected_dead(cell, 3) == pytest.approx(8 * (1 - alive))


def test_expected_dead_counts_neurons_without_edges_in_every_hidden_layer():
    # 4000 masks: false alarm below 1e-8 (six sigma), if the seeds were not fixed.
    cell = Cell((6, 5, 2), (THIRD, HALF, Fraction(1, 4)))
    masks = student_masks(cell.shapes(3), cell.densities, range(4000))
    lonely = [~(into.any(2) & out.any(1)) for into, out in pairwise(masks)]
    counts = sum(layer.sum(1) for layer in lonely).double()
    assert abs(counts.mean() - expected_dead(cell, 3)) < 6 * counts.std() / 4000**0.5
    # In layer 1 by hand: 1 - (1 - (1 - 1/2)^6) (1 - (1 - 1/4)^2) of five neurons.
    second = 5 * (1 - (1 - 2**-6) * (1 - 9 / 16))
    first = 6 * (1 - (1 - (2 / 3) ** 3) * (1 - 2**-5))
    assert expected_dead(cell, 3) == pytest.approx(first + second)


@pytest.mark.parametrize("name", FORMS)
def test_the_form_that_made_the_data_is_found(name):
    values = 0.1 + 0.03 * FORMS[name](np.array(PLACES))
    noise = np.random.default_rng(1).normal(0, 2e-4, (len(PLACES), 40))
    found = compare_forms(PLACES, values[:, None] + noise)
    best = min(found.fits, key=lambda fit: fit.cross_validated)
    assert best.form == min(found.fits, key=lambda fit: fit.aic).form == name
    assert (best.intercept, best.slope) == pytest.approx((0.1, 0.03), rel=0.02)
    assert best.r_squared > 0.999
    assert found.best[name] > 0.95
    if name != "log(1/density)":
        assert found.explains == name


def test_cross_validation_leaves_each_density_out():
    values = np.random.default_rng(2).normal(size=(len(PLACES), 3)).cumsum(0)
    means, errors = values.mean(1), []
    for left in range(len(PLACES)):
        rest = [place for place in range(len(PLACES)) if place != left]
        slope, intercept = np.polyfit([1 / PLACES[place] for place in rest], means[rest], 1)
        errors.append(means[left] - intercept - slope / PLACES[left])
    fit = compare_forms(PLACES, values).fits[1]
    assert fit.form == "1/density"
    assert fit.cross_validated == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def validated(form, means):
    """Root mean square of what each mean is off its prediction from the others, by a straight line in the form."""
    x, off = FORMS[form](np.array(PLACES)), []
    for left in range(len(PLACES)):
        rest = np.arange(len(PLACES)) != left
        slope, intercept = np.polyfit(x[rest], means[rest], 1)
        off.append(means[left] - intercept - slope * x[left])
    return float(np.sqrt(np.mean(np.square(off))))


def test_fits_and_their_intervals_are_those_of_their_definitions():
    values = np.random.default_rng(2).normal(size=(len(PLACES), 6)).cumsum(0)
    found = compare_forms(PLACES, values, level=0.8, resamples=120, seed=5)
    means, count = values.mean(1), len(PLACES)
    columns = np.random.default_rng(5).integers(0, 6, (120, 6))
    again = {form: [validated(form, values[:, chosen].mean(1)) for chosen in columns] for form in FORMS}
    for fit in found.fits:
        x = FORMS[fit.form](np.array(PLACES))
        slope, intercept = np.polyfit(x, means, 1)
        left = float(np.square(means - intercept - slope * x).sum())
        assert (fit.intercept, fit.slope) == pytest.approx((intercept, slope))
        assert fit.r_squared == pytest.approx(1 - left / float(np.square(means - means.mean()).sum()))
        assert fit.aic == pytest.approx(count * np.log(left / count) + 4)
        assert fit.cross_validated == pytest.approx(validated(fit.form, means))
        assert fit.interval == pytest.approx(tuple(np.quantile(again[fit.form], [0.1, 0.9])))
        best = np.mean([again[fit.form][at] == min(again[form][at] for form in FORMS) for at in range(120)])
        assert found.best[fit.form] == pytest.approx(best)
    one, other = "1/log(1/sparsity)", "1/density"
    assert found.difference == pytest.approx(validated(one, means) - validated(other, means))
    differences = np.array(again[one]) - np.array(again[other])
    assert found.interval == pytest.approx(tuple(np.quantile(differences, [0.1, 0.9])))
    assert (found.count, found.level) == (6, 0.8)


def test_where_the_two_hardly_differ_nothing_is_claimed():
    places = [0.01, 0.02, 0.03, 0.05]  # 1/log(1/(1-p)) is 1/p - 1/2 up to 0.005 here
    noise = np.random.default_rng(3).normal(0, 1, (4, 20))
    assert compare_forms(places, [[1 / p] for p in places] + noise).explains is None


@pytest.mark.parametrize(
    ("densities", "errors", "options", "named"),
    [
        ([0.1, 0.2, 0.3], np.ones((3, 2)), {}, "densities"),
        ([0.1, 0.2, 0.3, 1.1], np.ones((4, 2)), {}, "densities"),
        ([0.1, 0.2, 0.3, 0.4], np.ones((4, 1)), {}, "errors"),
        ([0.1, 0.2, 0.3, 0.4], np.full((4, 2), np.nan), {}, "errors"),
        ([0.1, 0.2, 0.3, 0.4], np.ones((4, 2)), {"level": 1}, "level"),
        ([0.1, 0.2, 0.3, 0.4], np.ones((4, 2)), {"resamples": 1}, "resamples"),
    ],
)
def test_bad_arguments_are_refused(densities, errors, options, named):
    with pytest.raises(InvalidInput, match=named):
        compare_forms(densities, errors, **options)


def test_the_least_that_can_be_compared_is_taken():
    """Four densities, two seeds, a hundred resamples; whatever the level, if it is inside."""
    errors = 1 / np.array([0.25, 0.5, 0.75, 1.0])[:, None] + [[0.0, 0.1], [0.1, 0.0], [0.0, 0.2], [0.2, 0.0]]
    for level in (1e-9, 1 - 1e-9):
        found = compare_forms([0.25, 0.5, 0.75, 1.0], errors, level=level, resamples=100)
        assert (found.count, found.level, list(found.best)) == (2, level, list(FORMS))
        assert sum(found.best.values()) == pytest.approx(1)
    for interval, said in (
        ((0.0, 1.0), None),
        ((-1.0, 0.0), None),
        ((0.1, 1.0), "1/density"),
        ((-1.0, -0.1), "1/log(1/sparsity)"),
    ):
        assert replace(found, interval=interval).explains == said


def test_what_the_theory_says_of_a_ratio():
    teacher, seeds = draw_teacher(Target.from_text("2-3-1"), seed=3), range(20)
    found = {
        ratio: predict_ratio(teacher, (9, 9, 1), "0.45", ratio, seeds=seeds, failure_probability="1/5")
        for ratio in ("uniform", "balanced", "pyramidal")
    }
    for ratio, one in found.items():
        assert one.ratio == ratio
        assert float(one.cell.expected_weights(2)) == pytest.approx(0.45 * (18 + 81 + 9))
        assert one.expected_dead == expected_dead(one.cell, 2)
        assert len(one.built) == 20
        # The construction, with as many neurons as are proved to be enough at delta = 1/5, exists on nearly every mask.
        if one.sharp is not None and one.sharp[0] <= 9 and one.sharp[1] <= 9:
            assert sum(one.built) >= 10  # by chance below 1e-5, at a rate of 0.8
    assert found["balanced"].sharp is not None
    assert sum(found["balanced"].built) > sum(found["pyramidal"].built)
    assert choose_ratio(list(found.values())) is found["balanced"]


def test_the_choice_goes_by_masks_then_widths_then_dead_neurons():
    def one(built, sharp, dead):
        cell = Cell((4, 1), (HALF,) * 2)
        return RatioPrediction(ratio="erk", cell=cell, expected_dead=dead, sharp=sharp, built=built)

    first, second, third = one((True, True), None, 9), one((True, False), (3,), 1), one((True, True), (8,), 9)
    assert choose_ratio([first, second]) is first
    assert choose_ratio([first, second, third]) is third
    assert choose_ratio([first, one((True, True), None, 8)]).expected_dead == 8


def test_figures_come_with_their_numbers(tmp_path):
    errors = 0.1 + 0.03 * FORMS["1/density"](np.array(PLACES))[:, None] * [0.9, 1.0, 1.1]
    draw_sparsity({"fixed widths": (PLACES, errors, compare_forms(PLACES, errors))}, tmp_path)
    header, *lines = (tmp_path / "sparsity.csv").read_text().splitlines()
    assert header == "study,density,seeds,error,low,high," + ",".join(FORMS)
    assert [float(line.split(",")[1]) for line in lines] == PLACES
    for line in lines:
        _, density, seeds, error, low, high, _, fitted, _ = line.split(",")
        assert int(seeds) == 3
        assert float(low) < float(error) < float(high)
        assert float(fitted) == pytest.approx(float(error)) == 0.1 + 0.03 / float(density)
    draw_ratio_errors({("0.5", "erk"): [0.1, 0.2], ("0.5", "uniform"): [0.2, 0.4]}, tmp_path)
    names = ["ratio-choice.csv", "ratio-choice.png", "ratio-choice.svg", "sparsity.csv", "sparsity.png", "sparsity.svg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "sparsity-fits.csv"])
    fits = (tmp_path / "sparsity-fits.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in fits[1:]] == list(FORMS)
    with pytest.raises(InvalidInput, match="out"):
        draw_ratio_errors({("0.5", "erk"): [0.1, 0.2]}, tmp_path)
