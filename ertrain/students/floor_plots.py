"""Files of lower bounds in practice: every student's error and the floor of its mask."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ertheory.plots.columns import Cell, Columns
from ertheory.plots.figure_files import write_figure
from ertheory.plots.floors import FLOORS, draw_error_floors
from ertrain.students.floors import FloorStudy

__all__ = ["draw_floors", "floor_columns"]

_NAME = "error-floors"


def floor_columns(found: FloorStudy) -> Columns:
    """Bring students into the columns of `ertheory.plots.floors`.

    Parameters
    ----------
    found
        The study, as by `ertrain.students.floors.study_floors`.
    """
    lines: list[tuple[Cell, ...]] = [
        (result.width, str(one.seed), one.unseen, float(one.floor), one.largest, one.rms)
        for result in found.results
        for one in result.students
    ]
    return dict(zip(FLOORS, zip(*lines, strict=True), strict=True))


def draw_floors(found: FloorStudy, folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write error-floors.png, .svg and .csv into a folder.

    Parameters
    ----------
    found
        The study, as by `ertrain.students.floors.study_floors`.
    folder
        Files are written into this folder; it is made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder cannot be written to, or a file exists and `force` is not set.
    """
    drawing = partial(draw_error_floors, tolerance=found.results[0].tolerance.largest)
    return write_figure(_NAME, drawing, floor_columns(found), folder, force=force)
