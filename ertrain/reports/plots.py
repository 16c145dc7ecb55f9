"""The picture of a report, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ertheory.errors import InvalidInput
from ertheory.plots.accuracy import ACCURACY_COLUMNS, draw_accuracies
from ertheory.plots.columns import Cell, Columns
from ertheory.plots.figure_files import write_figure
from ertrain.reports.report import Row

__all__ = ["draw_report", "report_columns"]

_NAME = "accuracy"


def report_columns(rows: Sequence[Row]) -> Columns:
    """Bring the rows of a report into columns: one per value, and the ends of the interval of the test accuracy.

    Parameters
    ----------
    rows
        It is what `ertrain.reports.report.rows_of` gives; at least one.
    """
    lines: list[tuple[Cell, ...]] = [
        (
            row.data,
            row.model,
            f"{row.ratio} {row.settings}".strip(),
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
            row.recipe,
        )
        for row in rows
    ]
    if not lines:
        raise InvalidInput("rows", "at least one row", list(rows))
    return dict(zip(ACCURACY_COLUMNS, zip(*lines, strict=True), strict=True))


def draw_report(rows: Sequence[Row], folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write accuracy.png, accuracy.svg and accuracy.csv into a folder.

    Parameters
    ----------
    rows
        It is what `ertrain.reports.report.rows_of` gives; at least one.
    folder
        Files are written into this folder; it is made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder cannot be written to, or a file exists and `force` is not set.
    """
    columns = report_columns(rows)
    return write_figure(_NAME, draw_accuracies, columns, folder, force=force)
