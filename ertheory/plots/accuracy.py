"""Test accuracy against density: a curve per ratio or start, a panel per experiment, from numbers that others made."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Cell, Columns
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACCURACY_COLUMNS", "draw_accuracies", "read_accuracies"]

# Names of the columns; an empty cell is one that has no interval.
ACCURACY_COLUMNS = (
    "data", "model", "ratio", "density", "realised", "n", "test", "low", "high", "validation", "flops_ratio",
    "method", "final", "recipe",
)  # fmt: skip
_WORDS = ("data", "model", "ratio", "density", "method", "recipe")

_COLOURS = {
    "balanced": GREEN,
    "balanced-printed": SKY,
    "erk": BLUE,
    "grasp": SKY,
    "imp": VERMILION,
    "magnitude": GREY,
    "pyramidal": ORANGE,
    "snip": PURPLE,
    "synflow": VERMILION,
    "uniform": BLACK,
}
_DASHES = {
    "balanced-printed": ":",
    "grasp": "-.",
    "imp": "-.",
    "magnitude": ":",
    "snip": "--",
    "synflow": "--",
    "uniform": "-.",
}
_STARTS = (BLACK, GREEN, ORANGE, VERMILION, PURPLE, SKY)


def read_accuracies(path: Path) -> Columns:
    """Read the columns that were written as CSV: words as they are, numbers as numbers, None where nothing stands."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    return {name: tuple(_cell(name, line[name]) for line in lines) for name in ACCURACY_COLUMNS}


def draw_accuracies(figure: Figure, columns: Columns) -> None:
    """Fill a figure.

    Parameters
    ----------
    figure
        Empty.
    columns
        `ACCURACY_COLUMNS`, at least one line of them. A point stands at its density at the end: where a run realised
        less than it asked for, at what it realised.
    """
    lines = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    panels = sorted({_panel_of(line) for line in lines})
    figure.set_size_inches(8, 4.5 * len(panels))
    for axes, panel in zip(figure.subplots(len(panels), squeeze=False).flat, panels, strict=True):
        _panel(axes, [line for line in lines if _panel_of(line) == panel])


def _panel(axes: Axes, lines: list[dict[str, Any]]) -> None:
    curves = sorted({_curve(line) for line in lines})
    starts = [curve for curve in curves if curve not in _COLOURS]
    colours = {**_COLOURS, **{curve: _STARTS[place % len(_STARTS)] for place, curve in enumerate(starts)}}
    for curve in curves:
        points = [line for line in lines if _curve(line) == curve and line["final"] < 1]
        axes.plot(
            [line["final"] for line in points],
            [line["test"] for line in points],
            color=colours[curve],
            linestyle=_DASHES.get(curve, "-"),
            marker="o",
            markersize=3,
            label=curve,
        )
        for line in points:
            if line["low"] is not None:
                axes.vlines(line["final"], line["low"], line["high"], color=colours[curve], linewidth=0.8, alpha=0.6)
    dense = [line["test"] for line in lines if line["method"] == "fixed" and line["realised"] == 1]
    if dense:
        axes.axhline(dense[0], color=GREY, linewidth=1, label="dense")
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_ylim(0, 1)
    axes.set_xlabel("realised density at the end, from dense to sparse")
    axes.set_ylabel("test accuracy")
    counts = sorted({int(line["n"]) for line in lines})
    shown = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    axes.set_title(f"{lines[0]['model']} on {lines[0]['data']}, means and 95 % t-intervals, {shown}")
    axes.legend(loc="lower left", ncols=2)


def _panel_of(line: dict[str, Any]) -> tuple[str, str, str]:
    return line["data"], line["model"], line["recipe"]


def _curve(line: dict[str, Any]) -> str:
    """Name the curve of a line: by its ratio, or by its method and the density that it starts from."""
    return str(line["ratio"]) if line["method"] == "fixed" else f"{line['method']} from {line['density']}"


def _cell(name: str, text: str) -> Cell:
    if name in _WORDS:
        return text
    if name == "n":
        return int(text)
    return float(text) if text else None
