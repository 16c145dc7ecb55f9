"""How figures look: colours that everyone can tell apart, with a dash or a marker of their own; sizes; file forms."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "SKY",
    "VERMILION",
    "logit_axis",
    "rendered",
]

# The palette of Okabe and Ito (2008).
BLACK, ORANGE, GREEN = "#000000", "#E69F00", "#009E73"
BLUE, VERMILION = "#0072B2", "#D55E00"
SKY, PURPLE = "#56B4E9", "#CC79A7"
GREY = "#595959"

_DOTS_PER_INCH = 150
_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 10.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 10,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.dpi": _DOTS_PER_INCH,
    "svg.fonttype": "path",
    "svg.hashsalt": "ertheory",  # without it, names inside the file are random
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
}


def rendered(
    drawing: Callable[[Figure, Columns], None], columns: Columns, forms: Sequence[str] = ("png", "svg")
) -> dict[str, bytes]:
    """Draw columns and return the PNG and the SVG file.

    Parameters
    ----------
    drawing
        Fills an empty figure.
    columns
        What it shows.
    forms
        The files that are wanted, if not both.

    Returns
    -------
    dict
        File endings and bytes; neither dates nor versions are kept in them.
    """
    with _settings():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 6), layout="constrained")
        FigureCanvasAgg(figure)
        drawing(figure, columns)
        files = {}
        unsaid: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
        for form in forms:
            stream = io.BytesIO()
            figure.savefig(stream, format=form, metadata=unsaid[form])
            files[f".{form}"] = stream.getvalue()
    return files


def logit_axis(axes: Axes, places: tuple[float, ...], low: float, high: float) -> None:
    """Stretch the horizontal axis near 0 and near 1, with plain numbers at the given places."""
    from matplotlib.ticker import FixedLocator, NullFormatter

    axes.set_xscale("logit")
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.set_xlim(low, high)


@contextmanager
def _settings() -> Iterator[None]:
    """Start from matplotlib's own defaults, so that nobody's configuration changes the picture."""
    import matplotlib.style

    with matplotlib.style.context(["default", _SETTINGS]):
        yield
