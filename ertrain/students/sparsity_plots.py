"""Errors against the density, with what each form makes of them; and errors of layer-wise ratios beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ertheory.plots.columns import Cell, Columns
from ertheory.plots.figure_files import write_figure
from ertheory.plots.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, logit_axis
from ertrain.reports.statistics import mean_of
from ertrain.students.sparsity_fits import FORMS, Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_ratio_errors", "draw_sparsity"]

Array = npt.NDArray[np.float64]

_FORMS = {"1/log(1/sparsity)": (BLUE, "-"), "1/density": (VERMILION, "--"), "log(1/density)": (GREEN, ":")}
_RATIOS = {"uniform": (BLACK, "o"), "erk": (BLUE, "s"), "balanced": (ORANGE, "D"), "pyramidal": (VERMILION, "^")}


def draw_sparsity(
    studies: Mapping[str, tuple[Sequence[float], Array, Comparison]],
    folder: Path,
    *,
    name: str = "sparsity",
    error: str = "rms error, in spreads of the teacher's outputs",
    force: bool = False,
) -> tuple[Path, ...]:
    """Write NAME.png, .svg and .csv: a panel per study, the means with their intervals and the three fits.

    Parameters
    ----------
    studies
        By name: densities, errors (densities, seeds) and what `compare_forms` made of them.
    folder
        Where to write.
    name
        Of the files.
    error
        What the errors are, in words.
    force
        Whether to replace files that exist.
    """
    lines: list[tuple[Cell, ...]] = []
    for study, (densities, errors, found) in studies.items():
        for density, row in zip(densities, errors, strict=True):
            mean = mean_of(row.tolist())
            fitted = (_fitted(found, form, np.array([density]))[0].item() for form in FORMS)
            lines.append((study, density, mean.count, mean.value, mean.low, mean.high, *fitted))
    names = ("study", "density", "seeds", "error", "low", "high", *FORMS)
    columns = dict(zip(names, zip(*lines, strict=True), strict=True))

    def drawing(figure: Figure, columns: Columns) -> None:
        figure.set_size_inches(9.5, 4.8)
        panels = figure.subplots(1, len(studies), sharey=True, squeeze=False)[0]
        for axes, (title, (densities, _, found)) in zip(panels, studies.items(), strict=True):
            rows = [number for number, study in enumerate(columns["study"]) if study == title]
            shown = [min(density, 0.985) for density in densities]  # density 1 at the end of the axis
            means, low, high = ([float(columns[key][row] or 0) for row in rows] for key in ("error", "low", "high"))
            axes.vlines(shown, low, high, color=BLACK, linewidth=1)
            axes.plot(shown, means, "o", color=BLACK, markersize=4, label="mean of the seeds, 95 % t-interval")
            least = 0.85 * min(densities)
            places = 1 / (1 + np.exp(-np.linspace(np.log(least / (1 - least)), np.log(0.985 / 0.015), 300)))
            for fit in found.fits:
                colour, dash = _FORMS[fit.form]
                low_error, high_error = fit.interval
                label = f"{fit.form}: CV error {fit.cross_validated:.3f} [{low_error:.3f}, {high_error:.3f}]"
                axes.plot(places, _fitted(found, fit.form, places), color=colour, linestyle=dash, label=label)
            logit_axis(axes, (0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.985), least, 0.988)
            axes.set_xticklabels(["0.05", "0.1", "0.2", "0.5", "0.8", "0.9", "0.95", "1"])
            axes.set_xlabel("density of every layer")
            axes.set_title(title)
            axes.legend(loc="upper right", fontsize=8.5)
        panels[0].set_ylim(0, 1.45 * max(float(mean or 0) for mean in columns["error"]))
        panels[0].set_ylabel(error)

    return write_figure(name, drawing, columns, folder, force=force)


def draw_ratio_errors(
    errors: Mapping[tuple[str, str], Sequence[float]], folder: Path, *, force: bool = False
) -> tuple[Path, ...]:
    """Write ratio-choice.png, .svg and .csv: mean rms errors with 95 % t-intervals by ratio and density.

    Parameters
    ----------
    errors
        By (density, ratio), one per seed.
    folder
        Where to write.
    force
        Whether to replace files that exist.
    """
    lines: list[tuple[Cell, ...]] = []
    for (density, ratio), values in errors.items():
        mean = mean_of(values)
        lines.append((density, ratio, mean.count, mean.value, mean.low, mean.high))
    names = ("density", "ratio", "seeds", "rms", "low", "high")
    columns = dict(zip(names, zip(*lines, strict=True), strict=True))

    def drawing(figure: Figure, _: Columns) -> None:
        figure.set_size_inches(7, 4.6)
        axes = figure.subplots()
        for place, (ratio, (colour, marker)) in enumerate(_RATIOS.items()):
            rows = [line for line in lines if line[1] == ratio]
            places = [float(str(row[0])) * (1 + 0.012 * (place - 1.5)) for row in rows]
            axes.vlines(
                places, [float(row[4] or 0) for row in rows], [float(row[5] or 0) for row in rows], color=colour
            )
            axes.plot(places, [float(row[3] or 0) for row in rows], color=colour, marker=marker, label=ratio)
        axes.set_xscale("log")
        ticks = sorted({float(str(line[0])) for line in lines})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_yscale("log")
        axes.set_xlabel("density of the whole network")
        axes.set_ylabel("rms error, in spreads of the teacher's outputs")
        axes.legend()

    return write_figure("ratio-choice", drawing, columns, folder, force=force)


def _fitted(found: Comparison, form: str, densities: Array) -> Array:
    fit = next(one for one in found.fits if one.form == form)
    return fit.intercept + fit.slope * FORMS[form](densities)
