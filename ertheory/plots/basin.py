"""How far from the construction training still comes back: the share of students that learn, against noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Columns
from ertheory.plots.style import BLUE, GREEN, GREY, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_basin"]


def draw_basin(figure: Figure, columns: Columns) -> None:
    """Fill a figure: a panel for each case, a curve for each learning rate, drawn starts as dashed lines.

    Parameters
    ----------
    figure
        An empty one.
    columns
        The columns are ``density``, ``widths``, ``rate``, ``noise`` (nothing where starts are drawn), ``n``,
        ``learnt``, and ``low`` and ``high``, the ends of its interval, as ``benchmarks/basin.py`` writes them.
    """
    rows: list[dict[str, Any]] = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    cases = list(dict.fromkeys((row["density"], row["widths"]) for row in rows))
    rates = sorted({row["rate"] for row in rows}, reverse=True)
    figure.set_size_inches(max(6.2, 4.2 * len(cases)), 4.2)
    for axes, (density, widths) in zip(
        figure.subplots(1, len(cases), sharey=True, squeeze=False)[0], cases, strict=True
    ):
        for rate, colour, marker in zip(rates, (BLUE, VERMILION, GREEN), "os^", strict=False):
            here = [row for row in rows if (row["density"], row["widths"], row["rate"]) == (density, widths, rate)]
            if not here:
                continue
            noisy = [row for row in here if row["noise"] is not None]
            places = [max(row["noise"], 0.03) for row in noisy]
            axes.plot(places, [row["learnt"] / row["n"] for row in noisy], color=colour, marker=marker, markersize=5,
                      label=f"learning rate {rate:g}")  # fmt: skip
            axes.vlines(places, [row["low"] for row in noisy], [row["high"] for row in noisy], color=colour, alpha=0.7)
            (drawn,) = (row for row in here if row["noise"] is None)
            axes.axhline(drawn["learnt"] / drawn["n"], color=colour, linestyle="--", linewidth=1)
        axes.set(xscale="log", ylim=(-0.03, 1.03), xlabel="noise over the size of the weights")
        axes.set_xticks([0.03, 0.1, 0.3, 1, 3, 10], ["0", "0.1", "0.3", "1", "3", "10"])
        axes.minorticks_off()
        held = next(row["n"] for row in rows if (row["density"], row["widths"]) == (density, widths))
        axes.set_title(f"density {density}, hidden {widths}, n = {held}")
    axes = figure.axes[0]
    axes.set_ylabel("share that has learnt the teacher, 95 %")
    axes.plot([], [], color=GREY, linestyle="--", linewidth=1, label="drawn starts")
    axes.legend(loc="lower left")
