"""Errors against the density, with what each form makes of them; and errors of layer-wise ratios beside one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ertheory.plots.columns import Columns
from ertheory.plots.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, logit_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIT_COLUMNS", "draw_ratio_choice", "draw_sparsity_fits"]

# Of the fits, a line for each study and form.
FIT_COLUMNS = ("study", "form", "intercept", "slope", "cross_validated", "low", "high")

_FORMS: dict[str, tuple[str, str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]]] = {
    "1/log(1/sparsity)": (BLUE, "-", lambda p: -1 / np.log1p(-p)),
    "1/density": (VERMILION, "--", lambda p: 1 / p),
    "log(1/density)": (GREEN, ":", lambda p: -np.log(p)),
}
_RATIOS = {
    "uniform": (BLACK, "o", ":"),
    "erk": (BLUE, "s", "--"),
    "balanced": (ORANGE, "D", "-"),
    "pyramidal": (VERMILION, "^", "-."),
}
_LAST = 0.985  # where density 1 is drawn


def draw_sparsity_fits(figure: Figure, columns: Columns, fits: Columns, *, error: str) -> None:
    """Fill a figure: a panel per study, the means with their intervals and the fits.

    Parameters
    ----------
    figure
        An empty one.
    columns
        The columns study, density, error, low and high, among others.
    fits
        The columns `FIT_COLUMNS`.
    error
        What the errors are, in words.
    """
    figure.set_size_inches(9.5, 4.8)
    studies = list(dict.fromkeys(columns["study"]))
    panels = figure.subplots(1, len(studies), sharey=True, squeeze=False)[0]
    for axes, study in zip(panels, studies, strict=True):
        rows = [number for number, known in enumerate(columns["study"]) if known == study]
        densities, means, low, high = (
            [float(columns[key][row] or 0) for row in rows] for key in ("density", "error", "low", "high")
        )
        shown = [min(density, _LAST) for density in densities]
        axes.vlines(shown, low, high, color=BLACK, linewidth=1)
        axes.plot(shown, means, "o", color=BLACK, markersize=4, label="mean of the seeds, 95 % t-interval")
        least = 0.85 * min(densities)
        places = 1 / (1 + np.exp(-np.linspace(np.log(least / (1 - least)), np.log(_LAST / (1 - _LAST)), 300)))
        for known, form, *numbers in zip(*(fits[name] for name in FIT_COLUMNS), strict=True):
            if known == study:
                intercept, slope, validated, least_error, largest = (float(number or 0) for number in numbers)
                colour, dash, function = _FORMS[str(form)]
                label = f"{form}: CV error {validated:.3f} [{least_error:.3f}, {largest:.3f}]"
                axes.plot(places, intercept + slope * function(places), color=colour, linestyle=dash, label=label)
        logit_axis(axes, (0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, _LAST), least, 0.988)
        axes.set_xticklabels(["0.05", "0.1", "0.2", "0.5", "0.8", "0.9", "0.95", "1"])
        axes.set_xlabel("density of every layer")
        axes.set_title(str(study))
        axes.legend(loc="upper right", fontsize=8.5)
    panels[0].set_ylim(0, 1.45 * max(float(mean or 0) for mean in columns["error"]))
    panels[0].set_ylabel(error)


def draw_ratio_choice(figure: Figure, columns: Columns) -> None:
    """Fill a figure: errors with their intervals, a curve per ratio.

    Parameters
    ----------
    figure
        An empty one.
    columns
        The columns density, ratio, rms, low and high, among others.
    """
    figure.set_size_inches(7, 4.6)
    axes = figure.subplots()
    for number, (ratio, (colour, marker, dash)) in enumerate(_RATIOS.items()):
        rows = [row for row, known in enumerate(columns["ratio"]) if known == ratio]
        densities, means, low, high = (
            [float(columns[key][row] or 0) for row in rows] for key in ("density", "rms", "low", "high")
        )
        places = [density * (1 + 0.012 * (number - 1.5)) for density in densities]
        axes.vlines(places, low, high, color=colour)
        axes.plot(places, means, color=colour, marker=marker, linestyle=dash, label=ratio)
    axes.set_xscale("log")
    ticks = sorted({float(density or 0) for density in columns["density"]})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yscale("log")
    axes.set_xlabel("density of the whole network")
    axes.set_ylabel("rms error, in spreads of the teacher's outputs")
    seeds = sorted({int(count or 0) for count in columns["seeds"]})
    shown = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    title = "How well students learn a teacher, by the ratio of their masks"
    axes.set_title(f"{title}\nmeans over {shown} masks, 95 % t-intervals; curves are moved apart sideways")
    axes.legend()
