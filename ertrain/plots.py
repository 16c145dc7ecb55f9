"""The picture of a report: test accuracy against density, a curve per ratio or start, a panel per recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Cell, Columns, csv_text
from ertheory.plots.files import write_together
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, rendered
from ertrain.report import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_report", "report_columns"]

_NAME = "accuracy"
_COLOURS = {
    "balanced": GREEN,
    "balanced-printed": SKY,
    "erk": BLUE,
    "grasp": GREY,
    "imp": VERMILION,
    "magnitude": GREY,
    "pyramidal": ORANGE,
    "snip": PURPLE,
    "synflow": VERMILION,
    "uniform": BLACK,
}
_DASHES = {"balanced-printed": ":", "imp": "-.", "magnitude": ":", "snip": "--", "synflow": "--", "uniform": "-."}


_STARTS = (BLACK, GREEN, ORANGE, VERMILION, PURPLE, SKY)


def report_columns(rows: Sequence[Row]) -> Columns:
    """Bring the rows of a report into columns: one per value, and the ends of the interval of the test accuracy.

    Parameters
    ----------
    rows
        As by `ertrain.report.rows_of`; at least one.
    """
    shared = ("data", "model", "ratio", "density", "realised", "n", "test", "low", "high", "validation", "flops_ratio")
    names = (*shared, "method", "final")
    lines: list[tuple[Cell, ...]] = [
        (
            row.data,
            row.model,
            row.ratio,
            row.density_target,
            row.density_realised,
            row.accuracy_test.count,
            row.accuracy_test.value,
            row.accuracy_test.low,
            row.accuracy_test.high,
            row.accuracy_validation.value,
            row.flops_ratio,
            row.method,
            row.density_final,
        )
        for row in rows
    ]
    return dict(zip(names, zip(*lines, strict=True), strict=True))


def draw_report(rows: Sequence[Row], folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write accuracy.png, accuracy.svg and accuracy.csv into a folder.

    Parameters
    ----------
    rows
        As by `ertrain.report.rows_of`; at least one.
    folder
        Where to write; made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder can not be written to, or a file exists and `force` is not set.
    """
    columns = report_columns(rows)
    panels = sorted({(row.data, row.model, row.recipe) for row in rows})

    def drawing(figure: Figure, _: Columns) -> None:
        figure.set_size_inches(8, 4.5 * len(panels))
        for axes, panel in zip(figure.subplots(len(panels), squeeze=False).flat, panels, strict=True):
            _panel(axes, [row for row in rows if (row.data, row.model, row.recipe) == panel])

    files = {f"{_NAME}{ending}": content for ending, content in rendered(drawing, columns).items()}
    return write_together(folder, {**files, f"{_NAME}.csv": csv_text(columns).encode()}, force=force)


def _panel(axes: Axes, rows: Sequence[Row]) -> None:
    curves = sorted({_curve(row) for row in rows})
    starts = [curve for curve in curves if curve not in _COLOURS]
    colours = {**_COLOURS, **{curve: _STARTS[place % len(_STARTS)] for place, curve in enumerate(starts)}}
    for curve in curves:
        # Where a run realised less than it asked for, it stands at what it realised.
        points = [row for row in rows if _curve(row) == curve and row.density_final < 1]
        places = [row.density_final for row in points]
        means = [row.accuracy_test for row in points]
        axes.plot(
            places,
            [mean.value for mean in means],
            color=colours[curve],
            linestyle=_DASHES.get(curve, "-"),
            marker="o",
            markersize=3,
            label=curve,
        )
        for place, mean in zip(places, means, strict=True):
            if mean.low is not None and mean.high is not None:
                axes.vlines(place, mean.low, mean.high, color=colours[curve], linewidth=0.8, alpha=0.6)
    dense = [row.accuracy_test.value for row in rows if row.method == "fixed" and row.density_realised == 1]
    if dense:
        axes.axhline(dense[0], color=GREY, linewidth=1, label="dense")
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_ylim(0, 1)
    axes.set_xlabel("realised density at the end, from dense to sparse")
    axes.set_ylabel("test accuracy")
    counts = sorted({row.accuracy_test.count for row in rows})
    shown = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    axes.set_title(f"{rows[0].model} on {rows[0].data}, means and 95 % t-intervals, {shown}")
    axes.legend(loc="lower left", ncols=2)


def _curve(row: Row) -> str:
    """Name the curve of a row: by its ratio, or by its method and the density that it starts from."""
    return row.ratio if row.method == "fixed" else f"{row.method} from {row.density_target}"
