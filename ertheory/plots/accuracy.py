"""Test accuracy against density: a curve per ratio or start, a panel per experiment, from numbers that others made."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Cell, Columns
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ACCURACY_COLUMNS", "draw_accuracies", "read_accuracies"]

_Dash = str | tuple[int, tuple[int, ...]]

# Names of the columns; an empty cell is one that has no interval.
ACCURACY_COLUMNS = (
    "data", "model", "ratio", "density", "realised", "n", "test", "low", "high", "validation", "flops_ratio",
    "method", "final", "recipe",
)  # fmt: skip
_WORDS = ("data", "model", "ratio", "density", "method", "recipe")

# Colour, marker and dash of each ratio; no two share two of them.
_LOOKS: dict[str, tuple[str, str, _Dash]] = {
    "balanced": (GREEN, "o", "-"),
    "balanced-printed": (GREEN, "x", ":"),
    "erk": (BLUE, "s", "-"),
    "grasp": (SKY, "D", "-."),
    "imp": (VERMILION, "^", "-."),
    "magnitude": (GREY, "v", ":"),
    "pyramidal": (ORANGE, "P", "-"),
    "snip": (PURPLE, "<", "--"),
    "synflow": (VERMILION, ">", "--"),
    "uniform": (BLACK, "*", (0, (6, 2))),
}
_STARTS = (BLACK, GREEN, ORANGE, VERMILION, PURPLE, SKY)
_MARKERS = "osD^vP<>*x"
_APART = 0.025  # of neighbouring curves, in natural logarithms of the density
_SPREAD = 0.15  # of accuracies, from which on the best curves have a panel of their own
_NEAR = 0.1  # of the best accuracy at the same density: curves that this panel shows in full


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
        A figure that is empty so far.
    columns
        `ACCURACY_COLUMNS`, at least one line of them. A point stands at its density at the end: where a run realised
        less than it asked for, at what it realised.
    """
    lines = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    panels = sorted({_panel_of(line) for line in lines})
    kept = [[line for line in lines if _panel_of(line) == panel] for panel in panels]
    columns_of_axes = 1 + any(_low(group) is not None for group in kept)
    figure.set_size_inches(7 * columns_of_axes, 4.8 * len(panels))
    for row, group in zip(figure.subplots(len(panels), columns_of_axes, squeeze=False), kept, strict=True):
        low, title = _low(group), _title(group)
        _panel(row[0], group)
        row[0].set_title(title)
        if columns_of_axes == 2 and low is not None:
            _panel(row[1], group, low=low)
            row[1].set_title(f"the same from {low:.2f} on: the best curves")
        elif columns_of_axes == 2:
            row[1].set_axis_off()
        handles, labels = row[0].get_legend_handles_labels()
        row[-1].legend(handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5))


def _low(lines: list[dict[str, Any]]) -> float | None:
    """Say from which accuracy on a panel shows the best curves, where others are far below; else None."""
    means = [line["test"] for line in lines]
    best = {density: max(line["test"] for line in lines if line["density"] == density) for density in _densities(lines)}
    near = min(line["test"] for line in lines if line["test"] > best[line["density"]] - _NEAR)
    return near - 0.02 if max(means) - min(means) > _SPREAD and min(means) < near - _NEAR else None


def _densities(lines: list[dict[str, Any]]) -> set[str]:
    return {line["density"] for line in lines}


def _panel(axes: Axes, lines: list[dict[str, Any]], low: float | None = None) -> None:
    curves = sorted({_curve(line) for line in lines if line["final"] < 1})
    for number, curve in enumerate(curves):
        spare = (_STARTS[number % len(_STARTS)], _MARKERS[number % len(_MARKERS)], "-")
        colour, marker, dash = _LOOKS.get(curve, spare)
        points = [line for line in lines if _curve(line) == curve and line["final"] < 1]
        aside = math.exp(_APART * (number - (len(curves) - 1) / 2)) if len(curves) > 1 else 1.0
        places = [line["final"] * aside for line in points]
        means = [line["test"] for line in points]
        axes.plot(places, means, color=colour, linestyle=dash, linewidth=1.2, marker=marker, markersize=5, label=curve)
        for place, line in zip(places, points, strict=True):
            if line["low"] is not None:
                ends = max(0.0, line["low"]), min(1.0, line["high"])
                axes.vlines(place, *ends, color=colour, linewidth=0.9, alpha=0.7)
    dense = [line["test"] for line in lines if line["method"] == "fixed" and line["realised"] == 1]
    if dense:
        axes.axhline(dense[0], color=GREY, linewidth=1, label="dense")
    axes.set_xscale("log")
    axes.invert_xaxis()
    if low is not None:
        axes.set_ylim(low, max(line["test"] for line in lines) + 0.01)
    else:
        axes.margins(y=0.04)
    asked = sorted({float(line["density"]) for line in lines if line["final"] < 1}, reverse=True)
    axes.set_xticks(asked, [f"{density:g}" for density in asked])
    axes.minorticks_off()
    axes.set_xlabel("realised density at the end; curves are moved apart sideways")
    axes.set_ylabel("test accuracy")


def _title(lines: list[dict[str, Any]]) -> str:
    counts = sorted({int(line["n"]) for line in lines})
    shown = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    return f"{lines[0]['model']} on {lines[0]['data']}, means and 95 % t-intervals, {shown}"


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
