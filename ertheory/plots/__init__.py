"""The figures: what is drawn, the numbers behind it, and files that are complete or not there.

Each figure is a pure function that returns columns of numbers and one that draws them. `draw` writes both as NAME.png,
NAME.svg and NAME.csv; drawing again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ertheory._typed import name_wrong_types
from ertheory.errors import one_of
from ertheory.plots.columns import Columns
from ertheory.plots.factored import draw_factored, factored_data
from ertheory.plots.figure2 import draw_figure2, figure2_data
from ertheory.plots.figure4 import draw_figure4, figure4_data
from ertheory.plots.figure4_factored import draw_figure4_factored, figure4_factored_data
from ertheory.plots.figure7 import draw_figure7, figure7_data
from ertheory.plots.figure_files import write_figure
from ertheory.plots.files import refuse_existing
from ertheory.plots.gap import draw_gap, gap_data
from ertheory.plots.lower_bound import draw_lower_bound, lower_bound_data
from ertheory.plots.subset_sums import (
    draw_sandwich,
    draw_subset_sum_constant,
    draw_subset_sum_n,
    sandwich_data,
    subset_sum_data,
)
from ertheory.plots.ticket_success import draw_ticket_success, ticket_success_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "FIGURES",
    "Columns",
    "draw",
    "factored_data",
    "figure2_data",
    "figure4_data",
    "figure4_factored_data",
    "figure7_data",
    "figure_data",
    "gap_data",
    "lower_bound_data",
    "sandwich_data",
    "subset_sum_data",
    "ticket_success_data",
]

_DATA: dict[str, Callable[..., Columns]] = {
    "figure2": figure2_data,
    "figure4": figure4_data,
    "figure4-factored": figure4_factored_data,
    "figure7": figure7_data,
    "factored": factored_data,
    "gap": gap_data,
    "lower-bound": lower_bound_data,
    "subset-sum-n": subset_sum_data,
    "subset-sum-constant": subset_sum_data,
    "subset-sum-sandwich": sandwich_data,
    "ticket-success": ticket_success_data,
}
# These take a function that is told of progress.
_SLOW = {"gap", "subset-sum-constant", "subset-sum-n", "subset-sum-sandwich", "ticket-success"}
_DRAWINGS: dict[str, Callable[[Figure, Columns], None]] = {
    "figure2": draw_figure2,
    "figure4": draw_figure4,
    "figure4-factored": draw_figure4_factored,
    "figure7": draw_figure7,
    "factored": draw_factored,
    "gap": draw_gap,
    "lower-bound": draw_lower_bound,
    "subset-sum-n": draw_subset_sum_n,
    "subset-sum-constant": draw_subset_sum_constant,
    "subset-sum-sandwich": draw_sandwich,
    "ticket-success": draw_ticket_success,
}

# The names that `draw` knows.
FIGURES = tuple(_DATA)


def draw(
    name: str, out_dir: str | Path, *, force: bool = False, progress: Callable[[float], object] | None = None
) -> tuple[Path, ...]:
    """Draw a figure and write it as NAME.png, NAME.svg and NAME.csv.

    Parameters
    ----------
    name
        One of `FIGURES`.
    out_dir
        Folder to write into; it is made where it is missing.
    force
        Whether to replace files that exist.
    progress
        It is told of every share of the work that is done, by figures that take their time.

    Returns
    -------
    tuple of Path
        The three files.

    Raises
    ------
    InvalidInput
        If there is no such figure, the folder cannot be one, or a file exists and `force` is not set.

    Notes
    -----
    Either all three files are written or none is.
    """
    _check(name)
    folder = Path(out_dir)
    if not force:
        refuse_existing(folder / f"{name}{ending}" for ending in (".png", ".svg", ".csv"))
    return write_figure(name, _DRAWINGS[name], figure_data(name, progress=progress), folder, force=force)


def figure_data(name: str, *, progress: Callable[[float], object] | None = None) -> Columns:
    """Compute the columns that a figure shows.

    Parameters
    ----------
    name
        One of `FIGURES`.
    progress
        It is as for `draw`.

    Raises
    ------
    InvalidInput
        If there is no such figure.

    Examples
    --------
    >>> sorted(set(figure_data("figure7")["ratio"]))
    ['balanced', 'balanced-printed', 'erk', 'pyramidal', 'uniform']
    """
    _check(name)
    return _DATA[name](progress) if name in _SLOW else _DATA[name]()


def _check(name: str) -> None:
    one_of("name", name, FIGURES)


name_wrong_types(__name__)
