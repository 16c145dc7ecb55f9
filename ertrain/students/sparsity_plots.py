"""Files of errors against the density with fitted forms, and of errors of layer-wise ratios beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ertheory.plots.columns import Cell, Columns, csv_text
from ertheory.plots.figure_files import write_figure
from ertheory.plots.files import write_together
from ertheory.plots.sparsity import FIT_COLUMNS, draw_ratio_choice, draw_sparsity_fits
from ertrain.reports.statistics import mean_of
from ertrain.students.sparsity_fits import FORMS, Comparison

__all__ = ["draw_ratio_errors", "draw_sparsity"]

Array = npt.NDArray[np.float64]


def draw_sparsity(
    studies: Mapping[str, tuple[Sequence[float], Array, Comparison]],
    folder: Path,
    *,
    name: str = "sparsity",
    error: str = "rms error, in spreads of the teacher's outputs",
    force: bool = False,
) -> tuple[Path, ...]:
    """Write NAME.png, .svg and .csv, the means with their intervals and the three fits, and NAME-fits.csv.

    Parameters
    ----------
    studies
        The studies by their names: densities, errors (densities, seeds) and what `compare_forms` made of them.
    folder
        Files are written into this folder; it is made where it is missing.
    name
        The name of the files.
    error
        What the errors are, in words.
    force
        Whether to replace files that exist.
    """
    lines: list[tuple[Cell, ...]] = []
    fits: list[tuple[Cell, ...]] = []
    for study, (densities, errors, found) in studies.items():
        fits += [(study, fit.form, fit.intercept, fit.slope, fit.cross_validated, *fit.interval) for fit in found.fits]
        for density, row in zip(densities, errors, strict=True):
            mean = mean_of(row.tolist())
            fitted = (fit.intercept + fit.slope * FORMS[fit.form](np.array([density])).item() for fit in found.fits)
            lines.append((study, density, mean.count, mean.value, mean.low, mean.high, *fitted))
    columns = _columns(("study", "density", "seeds", "error", "low", "high", *FORMS), lines)
    fitted_columns = _columns(FIT_COLUMNS, fits)
    drawing = partial(draw_sparsity_fits, fits=fitted_columns, error=error)
    beside = write_together(folder, {f"{name}-fits.csv": csv_text(fitted_columns).encode()}, force=force)
    return (*write_figure(name, drawing, columns, folder, force=force), *beside)


def draw_ratio_errors(
    errors: Mapping[tuple[str, str], Sequence[float]], folder: Path, *, force: bool = False
) -> tuple[Path, ...]:
    """Write ratio-choice.png, .svg and .csv: mean rms errors with 95 % t-intervals by ratio and density.

    Parameters
    ----------
    errors
        The errors by (density, ratio), one per seed.
    folder
        Files are written into this folder; it is made where it is missing.
    force
        Whether to replace files that exist.
    """
    lines: list[tuple[Cell, ...]] = []
    for (density, ratio), values in errors.items():
        mean = mean_of(values)
        lines.append((density, ratio, mean.count, mean.value, mean.low, mean.high))
    columns = _columns(("density", "ratio", "seeds", "rms", "low", "high"), lines)
    return write_figure("ratio-choice", draw_ratio_choice, columns, folder, force=force)


def _columns(names: Sequence[str], lines: Sequence[tuple[Cell, ...]]) -> Columns:
    return dict(zip(names, zip(*lines, strict=True), strict=True))
