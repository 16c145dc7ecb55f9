"""A figure that a notebook shows and a file keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns
from ertheory.plots.figure_files import write_figure
from ertheory.plots.style import rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture"]


@dataclass(frozen=True)
class Picture:
    """What is drawn, and the numbers that it is drawn from.

    Parameters
    ----------
    name
        The files of `save` are called so.
    drawing
        Fills an empty figure from the numbers.
    columns
        The numbers.
    """

    name: str
    drawing: Callable[[Figure, Columns], None]
    columns: Columns

    @cached_property
    def _files(self) -> dict[str, bytes]:
        return rendered(self.drawing, self.columns)

    def _repr_png_(self) -> bytes:
        return self._files[".png"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {len(next(iter(self.columns.values()), ()))} rows)"

    def save(self, folder: str | Path, *, force: bool = False) -> tuple[Path, ...]:
        """Write NAME.png, NAME.svg and NAME.csv into a folder, all of them or none.

        Parameters
        ----------
        folder
            Files are written into this folder; it is made where it is missing.
        force
            Whether to replace files that exist.

        Raises
        ------
        InvalidInput
            If the folder cannot be written to, or a file exists and `force` is not set.
        """
        return write_figure(self.name, self.drawing, self.columns, Path(folder), force=force)
