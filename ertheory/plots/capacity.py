"""What masked networks contain of themselves, by layer-wise ratio, and the accuracies of those that were trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Columns
from ertheory.plots.style import BLUE, GREEN, GREY, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_capacity"]

_RATIOS = {"uniform": (BLUE, "o"), "erk": (GREEN, "s"), "balanced": (ORANGE, "^"), "pyramidal": (VERMILION, "D")}
_WIDEST = 2**12  # times as wide: beyond it nothing is asked
_BEYOND = 2.0**13


def draw_capacity(figure: Figure, columns: Columns) -> None:
    """Fill a figure: above how wide networks must be to contain themselves, below accuracies against that.

    Parameters
    ----------
    figure
        An empty one.
    columns
        The columns are ``network``, ``density``, ``ratio``, ``wider`` (nothing where 4,096 times are not enough), and
        for networks that were trained ``test`` with the ends ``low`` and ``high`` of its interval, as
        ``benchmarks/capacity.py`` writes them.
    """
    lines = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    networks = list(dict.fromkeys(line["network"] for line in lines))
    trained = [name for name in networks if any(line["test"] for line in lines if line["network"] == name)]
    computed = [name for name in networks if name not in trained]
    rows = -(-len(trained) // len(computed))
    figure.set_size_inches(3.6 * len(computed), 3.7 * (1 + rows))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, rows))[:, 0]
    for axes, name in zip(above.subplots(1, len(computed), sharey=True, squeeze=False)[0], computed, strict=True):
        _computed(axes, [line for line in lines if line["network"] == name])
        axes.set_title(name)
    above.axes[0].set_ylabel("times as wide to contain itself")
    above.axes[0].legend(loc="lower right")
    places = below.subplots(rows, len(computed), squeeze=False).ravel()
    for axes, name in zip(places, trained, strict=False):
        _trained(axes, [line for line in lines if line["network"] == name])
        axes.set_title(name)
    for axes in places[len(trained) :]:
        axes.remove()
    for axes in places[:: len(computed)]:
        axes.set_ylabel("test accuracy, 95 %")


def _wider(lines: Sequence[dict[str, Any]]) -> list[float]:
    return [_BEYOND if line["wider"] is None else float(line["wider"]) for line in lines]


def _computed(axes: Axes, lines: Sequence[dict[str, Any]]) -> None:
    for ratio, (colour, marker) in _RATIOS.items():
        here = [line for line in lines if line["ratio"] == ratio]
        places = [float(line["density"]) for line in here]
        axes.plot(places, _wider(here), color=colour, marker=marker, markersize=4, linewidth=1.2, label=ratio)
    axes.axhline(_WIDEST, color=GREY, linewidth=0.8, linestyle=":")
    axes.text(0.5, _BEYOND, "over 4,096 times", color=GREY, fontsize=8.5, va="center")
    axes.set(xscale="log", yscale="log", xlabel="density")
    axes.set_xticks([0.5, 0.1, 0.01, 0.001], ["0.5", "0.1", "0.01", "0.001"])
    axes.minorticks_off()
    axes.invert_xaxis()


def _trained(axes: Axes, lines: Sequence[dict[str, Any]]) -> None:
    for ratio, (colour, marker) in _RATIOS.items():
        here = [line for line in lines if line["ratio"] == ratio]
        values = _wider(here)
        axes.plot(values, [line["test"] for line in here], color=colour, marker=marker, markersize=4, linewidth=0.8)
        for value, line in zip(values, here, strict=True):
            if line["low"] is not None:
                axes.vlines(value, max(0, line["low"]), min(1, line["high"]), color=colour, linewidth=0.9, alpha=0.7)
    if _BEYOND in _wider(lines):
        axes.axvline(_WIDEST, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="times as wide to contain itself")
