"""The study of factored networks in training: the committed table is whole, and the figure is drawn from it."""

from __future__ import annotations

import csv
import runpy
from itertools import groupby
from pathlib import Path

import pytest

from ertheory.plots.style import rendered

FIGURES = Path(__file__).parents[3] / "figures"


@pytest.fixture(scope="module")
def lines():
    with (FIGURES / "factored-training.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_arm_has_every_density_and_the_same_seeds(lines):
    script = runpy.run_path(str(FIGURES / "factored_training.py"))
    without = {"lenet-300-100": {"as much work"}, "resnet20": set(), "transformer": {"as much work"}}
    for (_, model), group in groupby(lines, key=lambda line: (line["data"], line["model"])):
        own = list(group)
        assert len({(line["density"], line["n"]) for line in own}) == len({line["density"] for line in own})
        places = sorted((line["arm"], float(line["density"])) for line in own)
        densities = {density for arm, density in places if arm != "dense"}
        arms = set(script["ARMS"]) - without[model]
        assert places == sorted([("dense", 1.0), *((arm, one) for arm in arms for one in densities)])
        for line in own:
            assert float(line["low"]) <= float(line["test"]) <= float(line["high"])
            assert 0 <= float(line["test"]) <= 1


@pytest.mark.parametrize("task", ["digits", "digits-resnet20"])
def test_arms_are_told_apart_by_their_configurations(task):
    pytest.importorskip("torch")
    from ertrain.recipes.factored import DENSE, arms_at

    arm_of = runpy.run_path(str(FIGURES / "factored_training.py"))["arm_of"]
    assert arm_of(DENSE[task].to_dict()) == "dense"
    arms = arms_at(task, "0.2")
    assert [arm_of(one.to_dict()) for one in arms.values()] == list(arms)


def test_new_runs_leave_the_lines_of_other_networks(lines):
    script = runpy.run_path(str(FIGURES / "factored_training.py"))
    place = ("digits", "resnet20", "0.5")
    new = {name: ("x",) for name in lines[0]} | dict(zip(("data", "model", "density"), zip(place), strict=True))
    table = script["beside_others"](new, lines)
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    kept = [row for row in rows if (row["data"], row["model"], row["density"]) != place]
    assert len(kept) == len(rows) - 1 == len(lines) - 5
    assert all(row in lines for row in kept)


def test_the_figure_is_drawn_from_the_table(lines):
    script = runpy.run_path(str(FIGURES / "factored_training.py"))
    files = rendered(lambda figure, _: script["draw"](figure, lines), {})
    for ending, content in files.items():
        kept = (FIGURES / f"factored-training{ending}").read_bytes()
        assert len(kept) == pytest.approx(len(content), rel=0.2)  # another matplotlib may round otherwise
