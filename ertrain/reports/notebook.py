"""Runs in a notebook: their curves as a picture, and the rows of a report as a frame."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.errors import InvalidInput, warn
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.picture import Picture
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from ertheory.tables import pandas_for
from ertrain.errors import RunFolderError
from ertrain.reports.curves import whole_lines
from ertrain.reports.report import rows_of
from ertrain.reports.results import configuration_of, read_results
from ertrain.reports.statistics import Mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_curves", "report_frame"]

_MEASURES = {
    "loss": "training loss",
    "accuracy_train": "training accuracy",
    "accuracy_validation": "validation accuracy",
}
_COLOURS = (BLACK, BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)
_DASHES = ("-", "--", "-.", ":")
_MANY = 32  # groups of runs, beyond which looks would repeat


def plot_curves(folder: str | PathLike[str], *, only: str = "") -> Picture:
    """Draw loss and accuracies against the epoch, of every run in a folder, done or not.

    Parameters
    ----------
    folder
        A run's own folder, or one with runs at any depth.
    only
        Runs are drawn whose name holds these words, such as ``"erk"`` or ``"erk 0.1"``; a name is what the picture says
        of a run. As many as 32 configurations can be told apart, each with any number of seeds.

    Returns
    -------
    Picture
        A notebook shows it, its `save` writes files, and its columns are the numbers. Runs that differ in their seed
        alone look the same.

    Raises
    ------
    InvalidInput
        If there is no run in the folder, or there are more configurations than looks.

    Warns
    -----
    UserWarning
        Of each run whose configuration is damaged: it is left out, as are lines that are not whole.
    """
    paths = sorted(Path(folder).rglob("metrics.jsonl")) if Path(folder).is_dir() else []
    rows: list[tuple[Cell, ...]] = []
    for path in paths:
        try:
            configuration = configuration_of(path.parent)
        except RunFolderError as error:
            warn(f"left out: {error}")
            continue
        if configuration is None or only not in (run := _name(configuration)):
            continue
        for line in whole_lines(path):
            rows.append((run, configuration["seed"], line["epoch"], *(line.get(name) for name in _MEASURES)))
    groups = {row[0] for row in rows}
    if not rows or len(groups) > _MANY:
        allowed = f"a folder with runs of 1 to {_MANY} configurations, or `only` some of them"
        raise InvalidInput("folder", allowed, f"{folder}: {len(groups)}")
    names = ("run", "seed", "epoch", *_MEASURES)
    return Picture("curves", _draw, dict(zip(names, zip(*rows, strict=True), strict=True)))


def _name(configuration: dict[str, Any]) -> str:
    method = "" if configuration["method"] == "fixed" else f"{configuration['method']} "
    final = configuration.get("final_density")
    to = f" to {final}" if final else ""
    data, model, ratio, density = (configuration[name] for name in ("data", "model", "ratio", "density"))
    return f"{data} {model} {method}{ratio} {density}{to}"


def _draw(figure: Figure, columns: Columns) -> None:
    groups = sorted({str(name) for name in columns["run"]})
    runs = list(zip(columns["run"], columns["seed"], strict=True))
    figure.set_size_inches(13, 4.2 + 0.11 * len(groups))
    for axes, (measure, words) in zip(figure.subplots(1, len(_MEASURES)), _MEASURES.items(), strict=True):
        for run in dict.fromkeys(runs):
            chosen = [place for place, one in enumerate(runs) if one == run]
            number = groups.index(str(run[0]))
            epochs, values = (tuple(columns[name][place] for place in chosen) for name in ("epoch", measure))
            axes.plot(
                *known(epochs, values),
                color=_COLOURS[number % len(_COLOURS)],
                linestyle=_DASHES[number // len(_COLOURS)],
                linewidth=1.2,
                marker=".",  # a single epoch is seen too
                markersize=4,
                label=str(run[0]),
            )
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
        axes.set_ylabel(words)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    once = dict(sorted(zip(labels, handles, strict=True), key=lambda one: one[0]))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=2, fontsize=8.5)


def report_frame(folder: str | PathLike[str]) -> Any:
    """Make a frame of what ``ertrain report`` shows: a row for each configuration, means over its seeds.

    Parameters
    ----------
    folder
        Where the runs are, at any depth.

    Returns
    -------
    pandas.DataFrame
        The fields of `Row`. A mean has its value in a column of its name, and the ends of its 95 % t-interval in two
        more, with ``_low`` and ``_high``; ``seeds`` is a tuple.

    Raises
    ------
    ImportError
        If pandas is not installed.
    InvalidInput
        If there are no runs that are done.
    """
    pandas = pandas_for("report_frame")
    return pandas.DataFrame([_flat(vars(row)) for row in rows_of(read_results(Path(folder)))])


def _flat(fields: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mean):
            flat |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            flat[name] = value
    return flat
