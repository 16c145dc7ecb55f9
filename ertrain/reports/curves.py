"""Learning curves: the metrics of all runs in a folder as one table, and their validation accuracies as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.errors import InvalidInput
from ertheory.plots.columns import Cell, Columns
from ertheory.plots.figure_files import write_figure
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from ertrain.reports.results import Result, groups_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CURVE_COLUMNS", "curve_columns", "draw_curves", "whole_lines", "write_curves"]

_NAME = "curves"
_METRICS = ("epoch", "loss", "accuracy_train", "accuracy_validation", "learning_rate", "seconds")
CURVE_COLUMNS = ("recipe", "data", "model", "method", "ratio", "density", "final", "settings", "seed", *_METRICS)
_COLOURS = (BLACK, BLUE, GREEN, ORANGE, VERMILION, PURPLE, SKY, GREY)
_DASHES = ("-", "--", ":", "-.")
_IN_A_COLUMN, _MOST_COLUMNS = 24, 3  # of a legend


def curve_columns(results: Sequence[Result]) -> Columns:
    """Bring the metrics of runs into columns, a line for every run and epoch.

    Parameters
    ----------
    results
        It is what `ertrain.reports.results.read_results` gives.

    Raises
    ------
    InvalidInput
        If none of the runs has metrics, or they are something else.
    """
    lines: list[tuple[Cell, ...]] = []
    for run in (run for group in groups_of(results).values() for run in group):
        final = run["configuration"].get("final_density") or None
        named = (run["recipe"], run["data"]["name"], _model(run), run["method"], run["ratio"])
        kind: tuple[Cell, ...] = (*named, run["density_target"], final, run["settings"], run["seed"])
        lines += [(*kind, *(line.get(name) for name in _METRICS)) for line in _metrics(run)]
    if not lines:
        raise InvalidInput("DIR", "a folder with runs that have metrics", "none")
    return dict(zip(CURVE_COLUMNS, zip(*lines, strict=True), strict=True))


def draw_curves(figure: Figure, columns: Columns) -> None:
    """Fill a figure: a panel for each network and data set, a line for the mean of the runs that differ in their seed.

    Parameters
    ----------
    figure
        A figure that is empty so far.
    columns
        `CURVE_COLUMNS`, at least one line.
    """
    lines = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    panels = list(dict.fromkeys((line["recipe"], line["model"], line["data"]) for line in lines))
    figure.set_size_inches(11, 4.5 * len(panels))
    for axes, panel in zip(figure.subplots(len(panels), squeeze=False).flat, panels, strict=True):
        here = [line for line in lines if (line["recipe"], line["model"], line["data"]) == panel]
        _panel(axes, here, f"{panel[0]}: {panel[1]} on {panel[2]}")


def write_curves(results: Sequence[Result], folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write curves.png, curves.svg and curves.csv into a folder.

    Raises
    ------
    InvalidInput
        If there is nothing to draw, the folder cannot be written to, or a file exists and `force` is not set.
    """
    return write_figure(_NAME, draw_curves, curve_columns(results), folder, force=force)


def _panel(axes: Axes, lines: list[dict[str, Any]], title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    curves: dict[str, dict[int, list[float]]] = {}
    for line in lines:
        curves.setdefault(_label(line), {}).setdefault(line["epoch"], []).append(line["accuracy_validation"])
    for place, (label, epochs) in enumerate(curves.items()):
        means = [100 * sum(values) / len(values) for values in epochs.values()]
        dashes = _DASHES[place // len(_COLOURS) % len(_DASHES)]
        axes.plot(list(epochs), means, dashes, color=_COLOURS[place % len(_COLOURS)], label=label, linewidth=1.2)
    axes.set(title=title, xlabel="epoch", ylabel="validation accuracy in %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(curves) <= _IN_A_COLUMN * _MOST_COLUMNS:
        size = {"ncol": -(-len(curves) // _IN_A_COLUMN), "fontsize": 7, "handlelength": 2.5}
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), **size)


def _label(line: dict[str, Any]) -> str:
    method = "" if line["method"] == "fixed" else f"{line['method']} "
    final = "" if line["final"] in (None, line["density"]) else f" to {line['final']}"
    return f"{method}{line['ratio']} {line['density']}{final} {line['settings'] or ''}".strip()


def _model(run: Result) -> str:
    return str(run["model"]) if run["width"] == "1" else f"{run['model']} x {run['width']}"


def _metrics(run: Result) -> list[dict[str, Any]]:
    lines = whole_lines(Path(run["folder"], "metrics.jsonl"))
    return [line for line in lines if line.get("accuracy_validation") is not None]


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a file of metrics that are whole, as they are even of a run that was killed while it wrote."""
    found = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict) and all(isinstance(content.get(name), int | float | None) for name in _METRICS):
            if content.get("epoch") is not None:
                found.append(content)
    return found
