"""The picture of lower bounds in practice: every student's error against the floor of its mask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Cell, Columns
from ertheory.plots.figure_files import write_figure
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION
from ertrain.students.floors import FloorStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_floors", "floor_columns"]

_NAME = "error-floors"
_STYLES = ((VERMILION, "o"), (ORANGE, "s"), (GREEN, "^"), (BLUE, "D"))
_LEAST = 1e-4  # smaller errors are drawn here


def floor_columns(found: FloorStudy) -> Columns:
    """Bring students into columns: width, seed, unseen inputs t, floor, largest error and rms error.

    Parameters
    ----------
    found
        As by `ertrain.students.floors.study_floors`.
    """
    lines: list[tuple[Cell, ...]] = [
        (result.width, str(one.seed), one.unseen, float(one.floor), one.largest, one.rms)
        for result in found.results
        for one in result.students
    ]
    names = ("width", "seed", "unseen", "floor", "largest", "rms")
    return dict(zip(names, zip(*lines, strict=True), strict=True))


def draw_floors(found: FloorStudy, folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write error-floors.png, .svg and .csv into a folder.

    Parameters
    ----------
    found
        As by `ertrain.students.floors.study_floors`.
    folder
        Where to write; made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder cannot be written to, or a file exists and `force` is not set.
    """
    columns = floor_columns(found)

    def drawing(figure: Figure, _: Columns) -> None:
        figure.set_size_inches(9, 4.8)
        left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [1, 2.4], "wspace": 0.04})
        floors = sorted({float(one.floor) for result in found.results for one in result.with_floor}) or [1.0]
        ends = [floors[0] / 1.3, floors[-1] * 1.3]
        right.fill_between(ends, [_LEAST / 2] * 2, ends, color=GREY, alpha=0.18, linewidth=0)
        right.plot(ends, ends, color=BLACK, linewidth=1.2, label="error = floor")
        count = len(found.results)
        for place, (result, (colour, marker)) in enumerate(zip(found.results, _STYLES, strict=False)):
            bound = result.with_floor
            free = [one for one in result.students if not one.floor]
            # Masks with the same unseen inputs have the same floor: widths stand side by side.
            shift = 1 + 0.035 * (place - (count - 1) / 2)
            right.scatter(
                [float(one.floor) * shift for one in bound],
                [max(one.largest, _LEAST) for one in bound],
                s=14,
                color=colour,
                marker=marker,
                alpha=0.6,
                linewidths=0,
                label=f"{result.width} neurons: {len(bound)} of {len(result.students)} masks with a floor",
            )
            steps = [place + 0.6 * ((number + 0.5) / max(len(free), 1) - 0.5) for number in range(len(free))]
            left.scatter(
                steps,
                [max(one.largest, _LEAST) for one in free],
                s=14,
                color=colour,
                marker=marker,
                alpha=0.6,
                linewidths=0,
            )
        left.axhline(found.results[0].tolerance.largest, color=GREY, linewidth=0.9, linestyle="--")
        right.axhline(found.results[0].tolerance.largest, color=GREY, linewidth=0.9, linestyle="--", label="tolerance")
        left.set_yscale("log")
        right.set_xscale("log")
        right.set_xlim(*ends)
        left.set_ylim(_LEAST / 2, None)
        left.set_xticks(range(count), [f"{result.width:,}" for result in found.results])
        left.set_xlabel("hidden neurons")
        left.set_ylabel("largest error of the trained student")
        left.set_title("masks without a floor")
        right.set_xlabel("floor of the mask")
        total = sum(len(result.with_floor) for result in found.results)
        below = sum(result.below for result in found.results)
        right.set_title(f"{total} students on masks with a floor, {below} below it")
        right.legend(loc="lower right")

    return write_figure(_NAME, drawing, columns, folder, force=force)
