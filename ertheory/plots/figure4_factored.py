"""Figure 4 in the form of factored sources, from one that was built: target, masks, and the target inside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ertheory.builders.factored.planning import plan_factored
from ertheory.builders.factored.result import FactoredChain
from ertheory.networks.target import Target, network_of
from ertheory.plots.columns import Cell, Columns
from ertheory.plots.style import BLUE, GREEN, GREY, PURPLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_figure4_factored", "figure4_factored_data"]

_DENSITY, _DELTA, _SEED = "1/2", "1/2", 1
_KEPT, _DRAWN, _SOLVED = "#C4C4C4", GREY, VERMILION
_SIDES = (BLUE, GREEN, PURPLE)  # inputs, hidden neurons, outputs


def _target() -> Target:
    first = [[1.0, -2.0], [0.5, 1.5], [-1.0, 0.75]]
    second = [[1.0, -1.0, 0.5], [0.25, 2.0, -1.5]]
    return Target.from_arrays([first, second], [[0.5, 0.0, 1.0], [0.0, -0.5]], domain=[[-1, 1], [-1, 1]])


def figure4_factored_data() -> Columns:
    """Build a 2-3-2 target inside a factored source and list what there is.

    Returns
    -------
    Columns
        One row per neuron and per edge: ``network`` (target, source), ``kind`` (neuron, edge), ``layer``: 0 for the
        inputs, then one more for every layer; ``neuron``, ``reads`` the neuron of the layer before (edges only),
        ``weight``, and ``role``: of neurons ``target`` or ``inner``, of edges ``target``, ``drawn`` or ``solved``.
    """
    network = network_of(_target())
    built = plan_factored(network, density=_DENSITY, failure_probability=_DELTA, inner="identity").embed(_SEED)
    names = ("network", "kind", "layer", "neuron", "reads", "weight", "role")
    rows = [*_target_rows(), *_source_rows(built)]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _target_rows() -> Iterator[tuple[Cell, ...]]:
    target = _target()
    for layer, size in enumerate(target.widths):
        for neuron in range(size):
            yield "target", "neuron", layer, neuron, None, None, "target"
    for layer, weight in enumerate(target.weights or (), start=1):
        for (out, into), value in np.ndenumerate(weight):
            yield "target", "edge", layer, int(out), int(into), float(value), "target"


def _source_rows(built: FactoredChain) -> Iterator[tuple[Cell, ...]]:
    sizes = (built.source.inputs, *built.widths)
    for layer, size in enumerate(sizes):
        for neuron in range(size):
            yield "source", "neuron", layer, neuron, None, None, "inner" if layer % 2 else "target"
    for layer, (mask, step) in enumerate(zip(built.masks, built.source.affine, strict=True)):
        solved = built.factors[layer // 2].scheme == ("dual" if layer % 2 == 0 else "primal")
        weights = step.weight.toarray()
        for out, into in zip(*(part.tolist() for part in mask.to_csr().nonzero()), strict=True):
            role = "solved" if solved else "drawn"
            yield "source", "edge", layer + 1, out, into, float(weights[out, into]), role


def draw_figure4_factored(figure: Figure, columns: Columns) -> None:
    """Draw the three networks side by side, inputs at the left."""
    from matplotlib.lines import Line2D

    figure.set_size_inches(11, 5.4)
    target, source, inside = figure.subplots(1, 3, width_ratios=(1, 1.6, 1.6))
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    parts = [[row for row in rows if row["network"] == name] for name in ("target", "source")]
    edges = [sum(row["kind"] == "edge" for row in part) for part in parts]
    _panel(target, parts[0], {"target": BLUE})
    _panel(source, parts[1], {"drawn": _KEPT, "solved": _KEPT})
    _panel(inside, parts[1], {"drawn": _DRAWN, "solved": _SOLVED})
    target.set_title(f"(a) target: {edges[0]} weights")
    source.set_title(f"(b) random source, sparsity 0.5:\n{edges[1]} edges, two masks for each layer")
    inside.set_title("(c) the target inside it:\nA B = W in both pairs")
    handles = [
        Line2D([], [], color=colour, linewidth=1.6, label=label)
        for colour, label in ((_DRAWN, "weights that are drawn"), (_SOLVED, "weights that are solved for"))
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=2)


def _panel(axes: Axes, rows: list[dict[str, Cell]], colours: dict[str, str]) -> None:
    neurons = [(_number(row["layer"]), _number(row["neuron"]), row["role"]) for row in rows if row["kind"] == "neuron"]
    layers = max(layer for layer, _, _ in neurons)
    place: dict[tuple[int, int], tuple[float, float]] = {}
    for layer in range(layers + 1):
        size = sum(one == layer for one, _, _ in neurons)
        step = min(0.24, 1.0 / max(1, size - 1))
        for neuron in range(size):
            place[layer, neuron] = float(layer), 0.5 + ((size - 1) / 2 - neuron) * step
    for row in rows:
        if row["kind"] == "edge":
            layer, out, into = (_number(row[name]) for name in ("layer", "neuron", "reads"))
            (x0, y0), (x1, y1) = place[layer - 1, into], place[layer, out]
            axes.plot([x0, x1], [y0, y1], color=colours[str(row["role"])], linewidth=0.9, zorder=1)
    for layer, neuron, role in neurons:
        at = _SIDES[0 if layer == 0 else 2 if layer == layers else 1] if role == "target" else GREY
        size, face = (8, at) if role == "target" else (4, "white")
        axes.plot(*place[layer, neuron], "o", color=at, markerfacecolor=face, markersize=size, zorder=3)
    for layer, text in ((0, "x"), (layers // 2, "h"), (layers, "y")):
        axes.text(layer, -0.08, f"${text}$", ha="center", va="top", fontsize=12)
    if layers > 2:
        for layer in (1, layers - 1):
            axes.text(layer, -0.08, "inner", ha="center", va="top", fontsize=9, color=GREY)
    axes.set_axis_off()
    axes.set_ylim(-0.16, 1.05)


def _number(cell: Cell) -> int:
    assert isinstance(cell, int)
    return cell
