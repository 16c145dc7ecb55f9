"""Draw how often training finds a strong ticket, beside construction and the widths of Theorem 2.5.

The numbers in ticket-training.csv come from `benchmarks/ticket_training.py`, which takes some minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ertheory.plots.columns import Columns, columns_of
from ertheory.plots.files import write_together
from ertheory.plots.style import BLACK, BLUE, GREY, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "ticket-training"
EPSILON = 0.1
CURVES = {"constructed": (BLUE, "o", "constructed, certified"), "trained": (VERMILION, "^", "trained: edge-popup")}
LINES = {"calibrated": ((0, (4, 2)), "with measured subset sums"), "rigorous": ((0, (1, 1.5)), "proved")}


def drawing(figure: Figure, columns: Columns) -> None:
    figure.set_size_inches(11, 7)
    densities = sorted({float(density) for density in columns["density"] if density is not None}, reverse=True)
    grid = figure.subplots(2, len(densities), sharey="row", sharex=True, squeeze=False)
    for column, density in enumerate(densities):
        shares, errors = grid[0][column], grid[1][column]
        panel(shares, columns, density, ("share", "low", "high"))
        panel(errors, columns, density, ("error_median", "error_least", "error_largest"))
        for axes in (shares, errors):
            axes.set_xscale("log")
        errors.set_yscale("log")
        errors.axhline(EPSILON, color=GREY, linewidth=1.0)
        shares.set_ylim(-0.03, 1.05)
        shares.set_title(f"density p = {density:g}, random targets 2-4-1, ε = {EPSILON:g}")
        errors.set_xlabel("hidden neurons of the source, N₀ + N₁")
    grid[0][0].set_ylabel("share of networks with a ticket,\n95 % intervals")
    grid[1][0].set_ylabel("largest error, certified or on a grid:\nmedian and range")
    for dash, words in LINES.values():
        grid[0][0].plot([], [], color=BLACK, linestyle=dash, label=f"Theorem 2.5, {words}, δ = 0.1")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)


def panel(axes: Axes, columns: Columns, density: float, names: tuple[str, str, str]) -> None:
    """Draw a value with its two ends against the widths, and the widths of the theorem."""
    keys = list(zip(columns["kind"], columns["density"], strict=True))
    for kind, (colour, marker, label) in CURVES.items():
        chosen = [place for place, key in enumerate(keys) if key == (kind, density)]
        total, value, low, high = (
            np.array([columns[name][place] for place in chosen], dtype=np.float64) for name in ("total", *names)
        )
        ends = np.maximum(np.stack([value - low, high - value]), 0.0)
        axes.errorbar(total, value, yerr=ends, color=colour, marker=marker, capsize=2.5, elinewidth=1.0, label=label)
    for mode, (dash, _) in LINES.items():
        width = columns["total"][keys.index((mode, density))]
        axes.axvline(float(width or 0), color=BLACK, linestyle=dash, linewidth=1.4)


if __name__ == "__main__":
    folder = Path(__file__).parent
    columns = columns_of((folder / f"{NAME}.csv").read_text(encoding="utf-8"))
    files = {f"{NAME}{ending}": content for ending, content in rendered(drawing, columns).items()}
    print(*write_together(folder, files, force=True), sep="\n")
