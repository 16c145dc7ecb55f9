"""The gap: hidden neurons against sparsity, from the paper's construction down to what is necessary.

Three targets, and for each the total of the hidden layers and the width of the last one, which most of the statements
speak about. Everything is for sources with all layers masked, except for the printed statement, which needs a dense
layer 0. What was measured stands in `gap_measured.csv`, which `benchmarks/calibrated.py` writes.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING

from ertheory.bounds import STATEMENTS, width
from ertheory.bounds.necessary.first_layer import AFFINE_ONLY
from ertheory.bounds.result import Width
from ertheory.networks.target import Layer, Target
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, logit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_gap", "gap_data"]

_LENET = Target(
    (
        Layer(outputs=6, inputs=1, kernel=(5, 5)),
        Layer(outputs=16, inputs=6, kernel=(5, 5)),
        Layer(outputs=120, inputs=16, positions=16),
        Layer(outputs=84, inputs=120),
        Layer(outputs=10, inputs=84),
    )
)
_FEW = ("0.3", "0.5", "0.7", "0.8", "0.9", "0.95", "0.98", "0.99")
_MANY = ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.98", "0.99", "0.995", "0.998")
_TARGETS = (
    ("784-128-10", Target.from_text("784-128-10"), _MANY),
    ("784-300-100-10", Target.from_text("784-300-100-10"), _MANY),
    ("LeNet-5", _LENET, _FEW),
)
_DELTA = Fraction(1, 1000)
# All for sources with one layer more than the target; `joint` is hardly to be told from `exact`.
_STATED = tuple(one for one in STATEMENTS if "factored" not in (one.scope, *one.readings) and one.name != "joint")
_METHODS = tuple(one.name for one in _STATED)
# Necessary for constructions that colour the last hidden layer, not for all.
(_COLOURINGS,) = (one.name for one in _STATED if one.scope == "colouring")
_COLUMNS = ("target", "sparsity", "delta", "method", "kind", "layer0", "total", "last", "low", "high", "trials")
_CURVES = (
    ("printed", "printed (Theorems 2.1, 2.2; layer 0 dense)", ORANGE, "-", 5.0),
    ("exact", "exact law of the same construction", BLACK, (0, (1, 1.6)), 1.8),
    ("drop", "drop: bad copies left out", BLUE, "-.", 1.8),
    ("sequential", "sequential colouring, layer 0 coded or matched", SKY, "-", 7.0),
    ("matching", "private matching, layer 0 coded or matched", PURPLE, ":", 2.2),
    ("sharp", "sharp: the best we can prove", GREEN, "-", 1.6),
    ("necessary", "necessary, where proved", VERMILION, "--", 1.8),
    (_COLOURINGS, "necessary for any colouring", GREY, (0, (4, 1, 1, 1)), 1.4),
)

_MARKERS = (
    ("measured", "o", "white", "measured, confidence 0.95: the builder succeeds"),
    ("proved", "v", BLACK, "proved, confidence 0.95, for the same layers"),
)


def gap_data(progress: Callable[[float], object] | None = None) -> Columns:
    """Compute the widths of three targets at sparsities from 0.1 to 0.998; delta = 0.001.

    Parameters
    ----------
    progress
        It is told of every share of the work that is done; the shares add up to 1.

    Returns
    -------
    Columns
        ``target``, ``sparsity``, ``delta``, ``method``, ``kind``, ``layer0``, and ``total`` and ``last``: all hidden
        neurons, and those of the last hidden layer. ``None`` where a statement says nothing. The rows with method
        ``necessary`` have the largest of what the necessary ones ask for, layer by layer. Those with method
        ``measured`` have widths at which the builder succeeds, for a delta of their own: ``last`` where the layers
        below are dense, so that nothing fails there, and ``total`` where every layer is masked; ``low`` and ``high``
        are the interval for the probability that it fails there, after so many ``trials``. The row before it has the
        method ``proved``, and what is proved to be enough for the same delta and the same layers.
    """
    rows: list[tuple[Cell, ...]] = []
    steps = [(name, target, sparsity) for name, target, sparsities in _TARGETS for sparsity in sparsities]
    for name, target, sparsity in steps:
        answers: list[Width] = []
        for method in _METHODS:
            answers.append(_answer(target, method, 1 - Fraction(sparsity)))
            if progress is not None:
                progress(1 / len(steps) / len(_METHODS))
        place = name, float(sparsity), float(_DELTA)
        for answer in answers:
            shown = (answer.total, answer.widths[-2]) if answer.applies else (None, None)
            rows.append((*place, answer.method, answer.kind, answer.layer0, *shown, None, None, None))
        rows.append((*place, "necessary", "necessary", "any", *_necessary(answers), None, None, None))
    rows += _measured()
    return dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))


def _measured() -> Iterator[tuple[Cell, ...]]:
    with (files("ertheory.plots") / "gap_measured.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            place = row["target"], float(row["sparsity"]), float(Fraction(row["delta"]))
            interval = float(row["low"]), float(row["high"]), int(row["trials"])
            total = sum(map(int, row["widths"].split("-")))
            shown = (total, None) if row["masked"] == "all" else (None, total)
            layer0 = "coded" if row["masked"] == "all" else "any"
            proved = tuple(None if number is None else int(row["proved"]) for number in shown)
            yield (*place, "proved", "sufficient", layer0, *proved, None, None, None)
            yield (*place, "measured", "measured", layer0, *shown, *interval)


def _answer(target: Target, method: str, density: Fraction) -> Width:
    first = Fraction(1) if method == "printed" else density
    densities = (first, *(density,) * target.depth)
    return width(target, method=method, density=densities, failure_probability=_DELTA)


def _necessary(answers: list[Width]) -> tuple[int | None, int | None]:
    """Combine necessary widths that hold for every source; those of `coupled` hold beside a narrow layer 1 alone."""
    stated = [
        answer
        for answer in answers
        if answer.kind == "necessary"
        and answer.applies
        and answer.method not in (_COLOURINGS, "coupled")
        and AFFINE_ONLY not in answer.reason
    ]
    bounds = [answer.widths for answer in stated]
    layers = [max((n for n in layer if n is not None), default=None) for layer in zip(*bounds, strict=True)]
    hidden = [number for number in layers[:-1] if number is not None]
    totals = [answer.total_at_least for answer in stated if answer.total_at_least is not None]
    if len(hidden) == len(layers) - 1:
        totals.append(sum(hidden))
    return max(totals, default=None), layers[-2]


def draw_gap(figure: Figure, columns: Columns) -> None:
    """Draw the totals above and the last hidden layers below, one column for each target."""
    figure.set_size_inches(13, 8)
    grid = figure.subplots(2, len(_TARGETS), sharex=True, sharey="row")
    for place, (target, _, _) in enumerate(_TARGETS):
        for row, measure in enumerate(("total", "last")):
            _panel(grid[row][place], columns, target, measure)
        grid[0][place].set_title(f"target {target}")
        grid[1][place].set_xlabel("sparsity 1 - p of the masked layers")
    grid[0][0].set_ylabel("hidden neurons (channels) in all")
    grid[1][0].set_ylabel("of the last hidden layer")
    handles, labels = grid[1][0].get_legend_handles_labels()
    title = "Curves: confidence 0.999. Markers: confidence 0.95, with all layers but the last one dense."
    figure.legend(handles, labels, loc="outside lower center", ncols=3, title=title)


def _panel(axes: Axes, columns: Columns, target: str, measure: str) -> None:
    axes.set_yscale("log")
    methods = list(zip(columns["target"], columns["method"], strict=True))

    def points(method: str) -> tuple[list[float], list[float]]:
        chosen = [place for place, key in enumerate(methods) if key == (target, method)]
        places, values = (tuple(columns[name][place] for place in chosen) for name in ("sparsity", measure))
        return known(places, values)

    for method, label, colour, dash, thickness in _CURVES:
        axes.plot(
            *points(method),
            color=colour,
            linestyle=dash,
            linewidth=thickness,
            alpha=0.75 if method == "printed" else 1.0,
            label=label,
        )
    for method, mark, face, label in _MARKERS:
        axes.plot(
            *points(method),
            linestyle="none",
            marker=mark,
            markersize=6,
            markerfacecolor=face,
            markeredgecolor=BLACK,
            zorder=5,
            label=label,
        )
    logit_axis(axes, (0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.998), 0.09, 0.9985)
