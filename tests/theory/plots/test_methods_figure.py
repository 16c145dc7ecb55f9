"""The figure of methods inside random masks shows the comparisons of Tables 2 to 5 that were made, and no other."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ertheory.plots.style import rendered

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "figures" / "methods.py"))


@pytest.fixture(scope="module")
def figure(script):
    figure = Figure()
    script["draw"](figure, script["comparisons"]())
    return figure


def drawn(axes):
    """The differences of a panel: where the markers are, and between which ends the lines."""
    markers = [(line.get_xdata()[0], line.get_label()) for line in axes.lines if line.get_marker() not in ("None", "")]
    ends = [tuple(segment[:, 0]) for lines in axes.collections for segment in lines.get_segments()]
    return sorted((x, low, high, label) for (x, label), (low, high) in zip(markers, ends, strict=True))


def test_every_comparison_is_drawn_where_the_table_has_it(figure):
    with (ROOT / "benchmarks" / "claims.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["recipe"] in ("table2", "table3", "table4", "table5")]
    for axes, data in zip(figure.axes[:2], ("fashion-mnist", "digits"), strict=True):
        wanted = sorted(
            (*(float(row[name]) for name in ("difference", "low", "high")), f"start {row['start']}")
            for row in rows
            if row["data"] == data and (row["against"] == "fixed mask") == (row["method"] == "rigl")
        )
        assert len(wanted) > 10
        assert drawn(axes) == wanted
        assert data in axes.get_title()


def test_the_figure_is_drawn_from_the_table(script):
    lines = script["comparisons"]()
    files = rendered(lambda figure, _: script["draw"](figure, lines), {})
    for ending, content in files.items():
        kept = (ROOT / "figures" / f"methods{ending}").read_bytes()
        assert len(kept) == pytest.approx(len(content), rel=0.2)  # another matplotlib may round otherwise


def test_seeds_are_named_in_the_title_and_where_a_row_has_others(script):
    row = dict(data="digits", model="m", method="str", start="0.5", against="dense start", difference="1", low="0")
    lines = [{**row, "final": "0.1", "high": "2", "n": "10"}, {**row, "final": "0.02", "high": "3", "n": "3"}]
    figure = Figure()
    script["draw"](figure, lines)
    (axes,) = figure.axes
    (right,) = axes.child_axes
    assert axes.get_title() == "m on digits, n = 3 to 10"
    assert [label.get_text() for label in right.get_yticklabels()] == ["dense start,\nn = 10", "dense start,\nn = 3"]


def test_an_axis_that_bends_says_so_and_has_ticks_there(figure):
    even, bent = figure.axes[:2]
    assert (even.get_xscale(), bent.get_xscale()) == ("linear", "symlog")
    assert "beyond ±5 points the axis is logarithmic" in bent.get_xlabel()
    assert {-5, 5, 10, 50} <= set(bent.get_xticks())
    assert len(bent.get_xticks(minor=True)) > 8
