"""A figure and its numbers as three files: what is drawn, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns, csv_text
from ertheory.plots.files import write_together
from ertheory.plots.style import rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_figure"]


def write_figure(
    name: str, drawing: Callable[[Figure, Columns], None], columns: Columns, folder: Path, *, force: bool = False
) -> tuple[Path, ...]:
    """Write NAME.png, NAME.svg and NAME.csv into a folder, all of them or none.

    Parameters
    ----------
    name
        It is that of the files.
    drawing
        Fills a figure from the columns.
    columns
        What is drawn.
    folder
        Files are written into this folder; it is made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder cannot be written to, or a file exists and `force` is not set.
    """
    files = {f"{name}{ending}": content for ending, content in rendered(drawing, columns).items()}
    return write_together(folder, {**files, f"{name}.csv": csv_text(columns).encode()}, force=force)
