"""The figure of accuracies: drawn from its numbers alone, every curve at the places that the table says."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ertheory.plots.accuracy import ACCURACY_COLUMNS, draw_accuracies, read_accuracies
from ertheory.plots.columns import csv_text

FIGURES = Path(__file__).resolve().parents[3] / "figures"


@pytest.fixture(scope="module")
def table():
    return read_accuracies(FIGURES / "ratios.csv")


def test_the_table_of_ratios_is_whole(table):
    assert csv_text(table) == (FIGURES / "ratios.csv").read_text(encoding="utf-8")
    cells = list(zip(table["ratio"], table["density"], strict=True))
    sparse = {cell for cell in cells if cell[1] != "1"}
    assert len(set(cells)) == len(cells) == 61
    assert len({ratio for ratio, _ in sparse}) * len({density for _, density in sparse}) == len(sparse) == 60
    assert set(table["n"]) == {3}
    assert all(low <= test <= high for low, test, high in zip(table["low"], table["test"], table["high"], strict=True))


def test_curves_stand_where_the_table_says():
    lines = [
        ("digits", "a", "erk", "0.5", 0.49, 2, 0.9, 0.8, 1.0, 0.9, 0.5, "fixed", 0.49, "x"),
        ("digits", "a", "erk", "0.1", 0.11, 2, 0.7, None, None, 0.7, 0.1, "fixed", 0.11, "x"),
        ("digits", "a", "uniform", "1", 1.0, 3, 0.95, 0.9, 1.0, 0.9, 1.0, "fixed", 1.0, "x"),
        ("digits", "a", "erk", "0.5", 0.5, 2, 0.6, 0.5, 0.7, 0.6, 0.2, "imp", 0.2, "y"),
    ]
    figure = Figure()
    draw_accuracies(figure, dict(zip(ACCURACY_COLUMNS, zip(*lines, strict=True), strict=True)))
    first, second = figure.axes
    curves = {line.get_label(): line.get_xydata().tolist() for line in first.lines}
    assert curves["erk"] == [[0.49, 0.9], [0.11, 0.7]]
    assert "uniform" not in curves
    assert curves["dense"][0][1] == 0.95
    assert first.get_title("left" if first.get_title("left") else "center").endswith("n = 2 to 3")
    assert {line.get_label(): line.get_xydata().tolist() for line in second.lines} == {"imp from 0.5": [[0.2, 0.6]]}


def test_no_two_curves_look_alike(table):
    figure = Figure()
    draw_accuracies(figure, table)
    whole, best = figure.axes
    for axes in (whole, best):
        looks = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axes.lines[:-1]]
        assert len(looks) == 10
        assert all(sum(a != b for a, b in zip(*pair, strict=True)) >= 2 for pair in combinations(looks, 2))
    # Every curve but those that fall out of it is in the panel of the best ones, at places of its own.
    low, high = best.get_ylim()
    shown = {line.get_label(): line.get_xydata() for line in best.lines[:-1]}
    within = {name for name, points in shown.items() if (points[:, 1] > low).all() and (points[:, 1] < high).all()}
    assert set(shown) - within == {"pyramidal", "uniform"}
    assert len({tuple(points[:, 0]) for points in shown.values()}) == 10
