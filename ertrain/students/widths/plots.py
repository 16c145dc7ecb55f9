"""The picture of theory and training on one axis: how often each succeeds, by the number of hidden neurons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ertheory.bounds.result import rational_text
from ertheory.plots.columns import Cell, Columns
from ertheory.plots.figure_files import write_figure
from ertheory.plots.trained import TRAINED, draw_trained
from ertrain.students.widths.result import TheoryMeetsTraining

__all__ = ["draw_widths", "width_columns"]

_NAME = "theory-meets-training"


def width_columns(found: TheoryMeetsTraining) -> Columns:
    """Bring bounds and tests into the columns of `ertheory.plots.trained`.

    Parameters
    ----------
    found
        It is what `ertrain.students.widths.measurement` gives.

    Notes
    -----
    The total that is necessary counts one neuron in a layer of which no necessary statement says anything.
    """
    rows = [*_bounds(found), *_tests(found)]
    return dict(zip(TRAINED, zip(*rows, strict=True), strict=True))


def _inputs(found: TheoryMeetsTraining) -> tuple[Cell, ...]:
    densities = list(map(rational_text, found.bounds[0].densities))
    shown = densities[0] if len(set(densities)) == 1 else ",".join(densities)
    return str(found.bounds[0].target), shown, float(found.training.tests[0][1].limit)


def _bounds(found: TheoryMeetsTraining) -> Iterator[tuple[Cell, ...]]:
    nothing = (None,) * (len(TRAINED) - 7)
    necessary = found.necessary
    total, shown = sum(width or 1 for width in necessary), "-".join(str(width or "?") for width in necessary)
    yield (*_inputs(found), "necessary", total, shown, "yes", *nothing)
    for one in found.bounds:
        widths = "-".join(map(str, one.widths[:-1]))
        yield (*_inputs(found), one.method, one.total, widths, "yes" if one.applies else "no", *nothing)


def _tests(found: TheoryMeetsTraining) -> Iterator[tuple[Cell, ...]]:
    for one in (found.construction, found.training):
        for total, made in sorted(one.tests, key=lambda test: test[0]):
            widths, interval = "-".join(map(str, found.line.widths(total))), made.interval
            counted = made.trials, made.failures, 1 - made.failures / made.trials
            ends = 1 - interval.high, 1 - interval.low, interval.level
            yield (*_inputs(found), one.kind, total, widths, "yes", *counted, *ends, made.verdict)


def draw_widths(found: TheoryMeetsTraining, folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write theory-meets-training.png, .svg and .csv into a folder.

    Parameters
    ----------
    found
        It is what `ertrain.students.widths.measurement` gives.
    folder
        Files are written into this folder; it is made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder cannot be written to, or a file exists and `force` is not set.
    """
    columns = width_columns(found)
    return write_figure(_NAME, draw_trained, columns, folder, force=force)
