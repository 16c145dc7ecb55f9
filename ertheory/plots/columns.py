"""Columns of numbers: what a figure shows, and what stands in its CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal

__all__ = ["Cell", "Columns", "columns_of", "csv_text", "known"]

Cell = int | float | str | None
Columns = Mapping[str, tuple[Cell, ...]]

_EXACT_INTEGERS = 10**15  # larger ones are written in powers of ten


def csv_text(columns: Columns) -> str:
    """Write columns as CSV: real numbers to 12 digits, an empty cell where a statement says nothing.

    Examples
    --------
    >>> print(csv_text({"sparsity": (0.5, 1 / 3), "width": (7, None)}), end="")
    sparsity,width
    0.5,7
    0.333333333333,
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return stream.getvalue()


def columns_of(text: str) -> dict[str, tuple[Cell, ...]]:
    """Read CSV as `csv_text` writes it: whole numbers, real numbers, words, and None for an empty cell.

    Examples
    --------
    >>> columns_of(csv_text({"form": ("CSR", "dense"), "share": (0.5, None)}))
    {'form': ('CSR', 'dense'), 'share': (0.5, None)}
    """
    names, *lines = csv.reader(io.StringIO(text))
    return dict(zip(names, zip(*(map(_read, line) for line in lines), strict=True), strict=True))


def known(
    places: tuple[Cell, ...], values: tuple[Cell, ...], *, most: float = 1e300
) -> tuple[list[float], list[float]]:
    """Pick the points of a curve that have a value of at most `most`.

    Examples
    --------
    >>> known((0.1, 0.2, 0.3), (None, 7, 10**400))
    ([0.2], [7.0])
    """
    pairs = [
        (float(place), float(value))
        for place, value in zip(places, values, strict=True)
        if isinstance(place, int | float) and isinstance(value, int | float) and value <= most
    ]
    return [place for place, _ in pairs], [value for _, value in pairs]


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, int) and value >= _EXACT_INTEGERS:
        return f"{Decimal(value):.12g}"
    return str(value)


def _read(cell: str) -> Cell:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell or None
