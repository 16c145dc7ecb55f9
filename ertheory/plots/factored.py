"""Kept weights for each weight of the target, against sparsity: copies, factored sources, and what cannot be undercut.

Four targets: two chains of fully connected layers, VGG16, and ResNet18, whose skips stay as they are. Every layer of a
source is masked, except for layer 0 of the printed statement. Residual networks have no printed or sharp widths here.
All of it is computed by `benchmarks/factored_edges.py`, which writes `factored_edges.csv`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns, columns_of, known
from ertheory.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, logit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_factored", "factored_data"]

_TARGETS = ("784-128-10", "784-1024-1024-1024-10", "VGG16", "ResNet18")
_CURVES = (
    ("printed", "printed (Theorems 2.1, 2.2; layer 0 dense)", ORANGE, "-", 5.0),
    ("sharp", "sharp: the best we can prove with copies", GREEN, "-", 2.2),
    ("factored", "factored: two maps for each, one density", BLUE, "-", 2.2),
    ("factored-best", "factored, densities chosen at the same sparsity", SKY, "-.", 2.2),
    ("factored-3", "factored, three maps for each, one density", PURPLE, ":", 2.2),
    ("necessary", "necessary for two maps for each, one density", VERMILION, "--", 1.8),
)
_NOTES = {
    "ResNet18": "printed, sharp: none with skips",
}


def factored_data() -> Columns:
    """Give the expected kept weights of four targets at sparsities from 0.1 to 0.98; delta = 0.001.

    Returns
    -------
    Columns
        ``target``, ``weights`` of the target, ``sparsity``, ``delta``, ``method``, ``kind``, ``edges``, the expected
        number of kept weights, and ``ratio``, edges over weights. Rows with method ``necessary`` have what paths,
        counts and ranks ask of every source of two maps for each with one density in all layers, map by map; a
        smaller one contains almost no target with probability 1 - delta.
    """
    return columns_of((files("ertheory.plots") / "factored_edges.csv").read_text(encoding="utf-8"))


def draw_factored(figure: Figure, columns: Columns) -> None:
    """Draw one column for each target: all sources above, the factored ones alone below."""
    figure.set_size_inches(13, 7.2)
    grid = figure.subplots(2, len(_TARGETS), sharex=True, sharey="row")
    for place, name in enumerate(_TARGETS):
        for row in (0, 1):
            _panel(grid[row][place], columns, name)
        weights = columns["weights"][columns["target"].index(name)]
        grid[0][place].set_title(f"{name}\n{weights:,} weights")
        grid[0][place].text(0.04, 0.16, _NOTES.get(name, ""), transform=grid[0][place].transAxes, fontsize="small")
        grid[1][place].set_xlabel("sparsity 1 - p")
    grid[0][0].set_yscale("log")
    grid[0][0].set_ylim(0.8, 1e5)
    grid[1][0].set_ylim(0.9, 4)
    grid[0][0].set_ylabel("kept weights : weights of the target")
    grid[1][0].set_ylabel("the same, up to 4")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


def _panel(axes: Axes, columns: Columns, name: str) -> None:
    axes.axhline(1.0, color=GREY, linewidth=1.2, label="the target alone: the limit 1")
    keys = list(zip(columns["target"], columns["method"], strict=True))
    for method, label, colour, dash, thickness in _CURVES:
        chosen = [place for place, key in enumerate(keys) if key == (name, method)]
        places, values = (tuple(columns[column][place] for place in chosen) for column in ("sparsity", "ratio"))
        axes.plot(*known(places, values), color=colour, linestyle=dash, linewidth=thickness, label=label)
    logit_axis(axes, (0.1, 0.5, 0.9, 0.98), 0.09, 0.982)
