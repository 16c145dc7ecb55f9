"""Lower bounds in practice: floors of students' masks, their errors in rationals, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from ertheory.bounds.necessary.error_floor import error_floor
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.cli import main  # noqa: E402
from ertrain.students.batched import Budget, student_masks  # noqa: E402
from ertrain.students.floor_plots import floor_columns  # noqa: E402
from ertrain.students.floors import study_floors  # noqa: E402
from ertrain.students.widths import SCALES, Scale, trial_seeds  # noqa: E402

# 40 students at each of four widths; the intervals together are wrong with probability at most 1/1000.
TINY = Scale(budget=Budget(steps=150), level=Fraction(3, 4), effort=16, students=40, least=40)


@pytest.fixture(scope="module")
def found():
    return study_floors(
        Target.from_text("3-1-1"), densities=("1/2", "1/2"), failure_probability="1/5", scale=TINY, seed=2
    )


def test_no_student_is_below_its_floor_and_floors_are_as_frequent_as_the_law(found):
    assert found.necessary == 25
    assert [result.width for result in found.results] == [4, 7, 13, 25]
    assert found.agrees
    for result in found.results:
        assert result.predicted == Fraction(15, 16) ** result.width
        assert float(result.interval.level) == pytest.approx(1 - 1 / 4000)  # all four together at 1 - 1/1000
        for one in result.with_floor:
            assert one.at_corners >= one.floor
            assert one.largest >= float(one.at_corners)
    assert sum(len(result.with_floor) for result in found.results) > 40


def test_floors_are_those_of_the_masks(found):
    for result in found.results[:2]:
        seeds = [one.seed for one in result.students]
        assert seeds == trial_seeds(2, result.width, 0, 40)
        masks = student_masks(((result.width, 3), (1, result.width)), found.densities, seeds)
        for number, one in enumerate(result.students):
            first, last = (mask[number].numpy() for mask in masks)
            assert one.floor == error_floor(found.teacher, [first, last]).value
            assert (one.floor == 0) == bool((first.all(1) & last[0]).any())


def test_students_without_a_floor_reach_less_than_the_floors_of_the_others(found):
    largest = [one.largest for one in found.results[-1].students if not one.floor]
    floors = [float(one.floor) for result in found.results for one in result.with_floor]
    assert np.median(largest) < np.median(floors)


def test_a_student_below_its_floor_would_be_seen(found):
    result = found.results[0]
    one = replace(result.with_floor[0], at_corners=result.with_floor[0].floor / 2)
    broken = replace(result, students=(one, *result.students[1:]))
    assert (broken.below, broken.agrees) == (1, False)
    assert not replace(found, results=(broken, *found.results[1:])).agrees
    assert not replace(result, predicted=Fraction(1, 100)).agrees


def test_columns_have_a_line_per_student(found):
    columns = floor_columns(found)
    assert {len(column) for column in columns.values()} == {160}
    assert all((unseen > 0) == (floor > 0) for unseen, floor in zip(columns["unseen"], columns["floor"], strict=True))


def test_the_explanation_has_the_numbers_of_every_width(found):
    lines = [line.strip() for line in found.explain().splitlines()]
    (law,) = (line for line in lines if line.startswith("n >= ") and "~" in line)
    assert float(law.rpartition("~")[2]) == pytest.approx(np.log(5) / np.log(16 / 15), rel=1e-9)
    for result in found.results:
        first, *nearest = (line for line in lines if line.startswith(f"n = {result.width}: "))
        share = (15 / 16) ** result.width
        assert f"P = {share:.6g}; m = 40, k = {len(result.with_floor)}, level = 0.99975: low" in first
        assert len(nearest) == (len(result.with_floor) > 0)


def test_the_command_keeps_its_contract(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(SCALES, "quick", replace(TINY, budget=Budget(steps=20), least=20))
    words = ["verify", "floors", "--target", "2-1-1", "--sparsity", ".5", "--delta", "1/5"]
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["schema"], content["command"], content["seed"], content["agrees"]) == (1, "verify", 0, True)
    assert content["inputs"]["density"] == ["0.5", "0.5"]
    assert [row["students"] for row in content["results"]] == [20] * len(content["results"])
    assert main([*words, "--plot", str(tmp_path / "plots")]) == 0
    assert "law of Theorem 2.3" in " ".join(capsys.readouterr().out.split())
    assert main([*words, "--explain"]) == 0
    assert "k floors in m masks" in " ".join(capsys.readouterr().out.split())
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        f"error-floors{ending}" for ending in (".csv", ".png", ".svg")
    ]
    assert main([*words, "--plot", str(tmp_path / "plots")]) == 2  # nothing is written over
    assert "--plot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--target", "3-2-1"], "--target"),
        (["--target", "9-1-1"], "--target"),
        (["--target", "3-1-1", "--out", "x"], "--out"),
        (["--target", "3-1-1", "--workers", "2"], "--workers"),
        (["--target", "3-1-1", "--device", "abacus"], "--device"),
    ],
)
def test_bad_words_give_one_line(capsys, words, named):
    assert main(["verify", "floors", *words, "--density", ".5", "--delta", ".2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


def test_bad_densities_are_refused():
    with pytest.raises(InvalidInput, match="density"):
        study_floors(Target.from_text("3-1-1"), densities=("2", "1/2"), failure_probability="1/5", scale=TINY)
