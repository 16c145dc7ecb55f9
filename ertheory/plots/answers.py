"""Answers of `width` as a picture: points at one sparsity, curves over several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ertheory.bounds.result import Width
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.picture import Picture
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_widths"]

_COLOURS = (BLACK, BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)
_MARKERS = "osD^vP<>*X"
_MEASURES = {"hidden": "hidden neurons, in all", "edges": "expected edges for each weight of the target"}

_ENOUGH, _NECESSARY, _NO = ("o", BLUE, "enough"), ("s", "white", "necessary"), ("x", BLUE, "does not apply here")


def picture_of_widths(answers: Sequence[Width]) -> Picture:
    """Draw hidden neurons and expected edges of answers that have both, or one of them.

    Examples
    --------
    >>> from ertheory import width
    >>> picture_of_widths(width("4-8-3", sparsity=0.5, delta=0.05)).columns["method"][:3]
    ('printed', 'exact', 'drop')
    """
    rows: list[tuple[Cell, ...]] = []
    for one in answers:
        ratio = None if one.edges_ratio is None or one.edges_ratio > 10**300 else float(one.edges_ratio)
        if one.total is not None or ratio is not None:
            rows.append((one.method, one.kind, "yes" if one.applies else "no", _sparsity(one), one.total, ratio))
    names = ("method", "kind", "applies", "sparsity", "hidden", "edges")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    return Picture("widths", _draw, columns)


def _sparsity(answer: Width) -> float:
    return float(1 - min(answer.densities))


def _draw(figure: Figure, columns: Columns) -> None:
    if len(set(columns["sparsity"])) > 1:
        _curves(figure, columns)
    else:
        _points(figure, columns)


def _points(figure: Figure, columns: Columns) -> None:
    """Draw points, not bars: a length on a logarithmic axis would say nothing."""
    count = len(columns["method"])
    figure.set_size_inches(9.5, 1.5 + 0.34 * count)
    for axes, (measure, words) in zip(figure.subplots(1, 2, sharey=True), _MEASURES.items(), strict=True):
        rows = zip(columns[measure], columns["kind"], columns["applies"], strict=True)
        for place, (value, kind, applies) in enumerate(rows):
            if value is not None:
                look = _NECESSARY if kind == "necessary" else _ENOUGH if applies == "yes" else _NO
                marker, face, _ = look
                axes.plot(float(value), place, marker=marker, color=BLUE, markerfacecolor=face, markersize=7)
                number = f"{float(value):,.0f}" if float(value) >= 1000 else f"{float(value):.3g}"
                axes.annotate(
                    number, (float(value), place), (7, 0), textcoords="offset points", va="center", fontsize=8
                )
        axes.set_xscale("log")
        axes.margins(x=0.25)
        axes.set_xlabel(words)
        axes.set_ylim(count - 0.4, -0.6)
        axes.set_yticks(range(count), [str(name) for name in columns["method"]])
    for marker, face, label in (_ENOUGH, _NECESSARY, _NO):
        figure.axes[0].plot([], [], marker=marker, color=BLUE, markerfacecolor=face, linestyle="", label=label)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def _curves(figure: Figure, columns: Columns) -> None:
    figure.set_size_inches(11, 4.4)
    methods = list(dict.fromkeys(columns["method"]))
    for axes, (measure, words) in zip(figure.subplots(1, 2), _MEASURES.items(), strict=True):
        for number, method in enumerate(methods):
            chosen = [place for place, one in enumerate(columns["method"]) if one == method]
            kind = columns["kind"][chosen[0]]
            places, values = (tuple(columns[name][place] for place in chosen) for name in ("sparsity", measure))
            axes.plot(
                *known(places, values),
                color=_COLOURS[number % len(_COLOURS)],
                marker=_MARKERS[number % len(_MARKERS)],
                markerfacecolor="white" if kind == "necessary" else None,
                linestyle="--" if kind == "necessary" else "-",
                label=str(method),
            )
        axes.set_yscale("log")
        axes.set_xlabel("sparsity")
        axes.set_ylabel(words)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, title="dashed, white markers: necessary")
