"""Draw a figure."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from ertheory.commands.arguments import called

__all__ = ["figure"]


def figure(
    name: str,
    *,
    out: str | PathLike[str] = ".",
    force: bool = False,
    progress: Callable[[float], object] | None = None,
) -> tuple[Path, ...]:
    """Draw a figure as PNG and SVG, with its numbers as CSV, as ``ertheory figure`` does.

    Parameters
    ----------
    name
        One of `ertheory.plots.FIGURES`.
    out
        The folder to write into; it is made where it is missing.
    force
        Whether files that exist are written over.
    progress
        A function that is told of every share of the work that is done.

    Returns
    -------
    tuple of Path
        The three files NAME.png, NAME.svg and NAME.csv. Either all are written or none is.

    Raises
    ------
    InvalidInput
        If there is no such figure, the folder cannot be one, or a file exists and `force` is not set.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in figure("lower-bound", out=folder)]
    ['lower-bound.png', 'lower-bound.svg', 'lower-bound.csv']
    """
    from ertheory.plots import draw

    with called(out_dir="out", path="out"):
        return draw(name, Path(out), force=force, progress=progress)
