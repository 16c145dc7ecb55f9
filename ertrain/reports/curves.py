"""Learning curves: the metrics of all runs in a folder as one table, and their validation accuracies as a picture."""

from __future__ import annotations

import json
import math
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
_MOST_PANELS = 40
_LARGEST = 1e300  # hundred times as much is a number too


def curve_columns(results: Sequence[Result]) -> Columns:
    """Bring the metrics of runs into columns, a line for every run and epoch.

    Parameters
    ----------
    results
        It is what `ertrain.reports.results.read_results` gives, also of runs without a test.

    Returns
    -------
    dict
        ``recipe``, ``data``, ``model``, ``method``, ``ratio``, ``density``, ``final`` and ``seed`` are those of the
        run, ``settings`` what else tells it from others that look the same. ``loss`` and ``accuracy_train`` are means
        over the epoch ``epoch``, ``accuracy_validation`` is that after it, ``learning_rate`` that of its last step, and
        ``seconds`` are those since the run began. A value that is no finite number, as after a run diverged, is None.

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
    if len(panels) > _MOST_PANELS:  # more than a picture holds
        drawn = f"The first {_MOST_PANELS} of {len(panels)} networks and data sets; {_NAME}.csv has all of them."
        figure.suptitle(drawn)
        panels = panels[:_MOST_PANELS]
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
        values = curves.setdefault(_label(line), {}).setdefault(line["epoch"], [])
        if line["accuracy_validation"] is not None:
            values.append(line["accuracy_validation"])
    for place, (label, epochs) in enumerate(curves.items()):
        means = [100 * sum(epochs[at]) / len(epochs[at]) if epochs[at] else math.nan for at in sorted(epochs)]
        dashes = _DASHES[place // len(_COLOURS) % len(_DASHES)]
        alone = [
            at for at in range(len(means)) if all(map(math.isnan, means[max(at - 1, 0) : at] + means[at + 1 : at + 2]))
        ]
        style: dict[str, Any] = {
            "color": _COLOURS[place % len(_COLOURS)],
            "linewidth": 1.2,
            "marker": ".",
            "markevery": alone,
        }
        axes.plot(sorted(epochs), means, dashes, label=label, **style)  # no line goes to a point alone
    axes.set(title=title, xlabel="epoch", ylabel="validation accuracy in %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if len(curves) <= _IN_A_COLUMN * _MOST_COLUMNS:
        size = {"ncol": -(-len(curves) // _IN_A_COLUMN), "fontsize": 7, "handlelength": 2.5}
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), **size)
    else:
        axes.set_title(f"{title}: {len(curves)} lines, named in {_NAME}.csv")


def _label(line: dict[str, Any]) -> str:
    method = "" if line["method"] == "fixed" else f"{line['method']} "
    final = "" if line["final"] in (None, line["density"]) else f" to {line['final']}"
    return f"{method}{line['ratio']} {line['density']}{final} {line['settings'] or ''}".strip()


def _model(run: Result) -> str:
    return str(run["model"]) if run["width"] == "1" else f"{run['model']} x {run['width']}"


def _metrics(run: Result) -> list[dict[str, Any]]:
    return whole_lines(Path(run["folder"], "metrics.jsonl"))


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a file of metrics that are whole, as they are even of a run that was killed while it wrote.

    What is no finite number is None, and of an epoch that is there twice the last line counts.
    """
    found: dict[int, dict[str, Any]] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(content, dict) or "accuracy_validation" not in content:
            continue
        if all(_is_number(content.get(name)) for name in _METRICS):
            numbers = {name: _finite(content[name]) for name in _METRICS if name in content}
            epoch = content.get("epoch")
            if isinstance(epoch, int) and 0 < epoch < _LARGEST:
                found[epoch] = {**content, **numbers}
    return [found[epoch] for epoch in sorted(found)]


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _finite(value: float | None) -> float | None:
    return value if value is not None and -_LARGEST < value < _LARGEST else None
