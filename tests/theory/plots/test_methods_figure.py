"""The study of methods inside random masks: the committed table is consistent, and the figure is drawn from it."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ertheory.plots.style import rendered

FIGURES = Path(__file__).parents[3] / "figures"


@pytest.fixture(scope="module")
def lines():
    with (FIGURES / "methods.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def reference(line, lines):
    """The line of the dense start, or of the fixed mask."""
    dense = line["against"] == "dense start"
    method, start = (line["method"], "1") if dense else ("fixed", line["final"])
    wanted = (line["data"], method, start, line["final"])
    (found,) = [one for one in lines if (one["data"], one["method"], one["start"], one["final"]) == wanted]
    return found


def test_differences_are_those_of_the_means(lines):
    compared = [line for line in lines if line["difference"]]
    assert compared
    for line in compared:
        other = reference(line, lines)
        if line["pairs"] == line["n"] == other["n"]:
            assert float(line["difference"]) == pytest.approx(float(line["test"]) - float(other["test"]), abs=1e-9)
        if line["difference_low"]:
            assert float(line["difference_low"]) <= float(line["difference"]) <= float(line["difference_high"])
        assert line["verdict"] in ("agrees", "disagrees", "cannot tell")


def test_masks_have_the_densities_that_were_asked_for(lines):
    """Drawn ones to within chance, those at the end to within rounding; RiGL and fixed masks end as drawn."""
    for line in lines:
        start, final = float(line["start"]), float(line["final"])
        weights = 266200 if line["data"] == "fashion-mnist" else 50200
        five_deviations = 5 * (start * (1 - start) / weights / int(line["n"])) ** 0.5
        assert abs(float(line["realised"]) - start) <= five_deviations
        if line["method"] not in ("fixed", "rigl"):
            assert abs(float(line["realised_final"]) - final) <= 1 / weights
        assert float(line["realised_final"]) <= float(line["realised"])


def test_the_figure_is_drawn_from_the_table(lines):
    script = runpy.run_path(str(FIGURES / "methods.py"))
    files = rendered(lambda figure, _: script["draw"](figure, lines), {})
    assert files == rendered(lambda figure, _: script["draw"](figure, lines), {})
    for ending, content in files.items():
        kept = (FIGURES / f"methods{ending}").read_bytes()
        assert len(kept) == pytest.approx(len(content), rel=0.2)  # another matplotlib may round otherwise


def test_an_axis_that_bends_says_so_and_has_ticks_there(lines):
    script = runpy.run_path(str(FIGURES / "methods.py"))
    figure = Figure()
    script["draw"](figure, lines)
    even, bent = figure.axes[:2]
    assert (even.get_xscale(), bent.get_xscale()) == ("linear", "symlog")
    assert "beyond ±5 points the axis is logarithmic" in bent.get_xlabel()
    assert {-10, -5, 5, 10, 50} <= set(bent.get_xticks())
    assert len(bent.get_xticks(minor=True)) > 8
