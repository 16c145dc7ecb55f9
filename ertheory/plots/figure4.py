"""Figure 4 of the paper, from a construction that was really made: target, source with its blocks, subnetwork."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ertheory.builders import Embedding, plan
from ertheory.networks.target import Target
from ertheory.plots.columns import Cell, Columns
from ertheory.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_figure4", "figure4_data"]

_DENSITY = "1,1/2,1/2"
_DELTA = "1/2"
_SEED = 1
# Layers from the inputs to the outputs; a colour for every target neuron, and for its copies.
_COLOURS = ((BLUE, ORANGE), (GREEN, VERMILION, SKY), (PURPLE, GREY))
_NAMES = ("x", "h", "y")


def _target() -> Target:
    first = [[1.0, -2.0], [0.5, 1.5], [-1.0, 0.75]]
    second = [[1.0, -1.0, 0.5], [0.25, 2.0, -1.5]]
    return Target.from_arrays([first, second], [[0.5, 0.0, 1.0], [0.0, -0.5]], domain=[[-1, 1], [-1, 1]])


def figure4_data() -> Columns:
    """Build a 2-3-2 target inside a masked source and list what there is.

    Returns
    -------
    Columns
        One row per neuron and per edge: ``network`` (target, source), ``kind`` (neuron, edge), ``layer``: -1 for the
        inputs, 0.. for source layers and 1.. for target layers; ``neuron``, ``owner``: the target neuron that a neuron
        is, or of whose block it is part; ``reads`` the neuron of the layer before (edges only); ``weight``; ``used``, 1
        for what the subnetwork consists of. Edges of the source are the entries that the mask keeps.
    """
    target = _target()
    embedding = plan(target, method="exact", density=_DENSITY, failure_probability=_DELTA).embed(_SEED)
    names = ("network", "kind", "layer", "neuron", "owner", "reads", "weight", "used")
    rows = [*_target_rows(target), *_source_rows(embedding)]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _target_rows(target: Target) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for layer, width in enumerate(target.widths):
        rows += [("target", "neuron", layer, index, index, None, None, 1) for index in range(width)]
    for layer, weight in enumerate(target.weights or (), start=1):
        for (out, into), value in np.ndenumerate(weight):
            rows.append(("target", "edge", layer, int(out), int(out), int(into), float(value), 1))
    return rows


def _source_rows(embedding: Embedding) -> list[tuple[Cell, ...]]:
    inputs = embedding.masks[0].shape[1]
    rows: list[tuple[Cell, ...]] = [("source", "neuron", -1, index, index, None, None, 1) for index in range(inputs)]
    sizes = (inputs, *(step.outputs for step in embedding.target.affine))
    for layer, (owners, mask, step) in enumerate(
        zip(embedding.owners, embedding.masks, embedding.source.affine, strict=True)
    ):
        neurons = mask.shape[0]
        block = [index * sizes[layer] // neurons for index in range(neurons)]
        for index in range(neurons):
            rows.append(("source", "neuron", layer, index, block[index], None, None, int(owners[index] >= 0)))
        weights = step.weight.toarray()
        for out, into in zip(*(part.tolist() for part in mask.to_csr().nonzero()), strict=True):
            value = float(weights[out, into])
            rows.append(("source", "edge", layer, out, block[out], into, value, int(value != 0)))
    return rows


def draw_figure4(figure: Figure, columns: Columns) -> None:
    """Draw the three networks side by side, inputs at the left."""
    figure.set_size_inches(10, 5.6)
    target, source, subnetwork = figure.subplots(1, 3, width_ratios=(1, 1.5, 1.5))
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    _panel(target, [row for row in rows if row["network"] == "target"], blocks=False, faint=False)
    _panel(source, [row for row in rows if row["network"] == "source"], blocks=True, faint=True)
    _panel(subnetwork, [row for row in rows if row["network"] == "source"], blocks=True, faint=False)
    kept = sum(row["network"] == "source" and row["kind"] == "edge" for row in rows)
    used = sum(row["network"] == "source" and row["kind"] == "edge" and row["used"] == 1 for row in rows)
    target.set_title("(a) target")
    source.set_title(f"(b) random source, sparsity 0.5:\n{kept} edges, a block of copies per neuron")
    subnetwork.set_title(f"(c) the target inside it:\n{used} edges, one into each block that is read")


def _panel(axes: Axes, rows: list[dict[str, Cell]], *, blocks: bool, faint: bool) -> None:
    neurons = [row for row in rows if row["kind"] == "neuron"]
    layers = sorted({_number(row["layer"]) for row in neurons})
    place: dict[tuple[int, int], tuple[float, float]] = {}
    for at, layer in enumerate(layers):
        owners = [_number(row["owner"]) for row in neurons if row["layer"] == layer]
        heights = _heights(owners)
        place |= {(layer, index): (float(at), height) for index, height in enumerate(heights)}
        if blocks and len(owners) > len(set(owners)):
            _boxes(axes, at, owners, heights, layer)
    for row in sorted((row for row in rows if row["kind"] == "edge"), key=lambda row: _number(row["used"])):
        layer = _number(row["layer"])
        used = row["used"] == 1 and not faint
        if not used and not blocks:
            continue
        (x0, y0), (x1, y1) = place[layer - 1, _number(row["reads"])], place[layer, _number(row["neuron"])]
        colour = _colour(layers.index(layer), _number(row["owner"]), len(layers)) if used else "#C4C4C4"
        axes.plot([x0, x1], [y0, y1], color=colour, linewidth=1.3 if used else 0.45, zorder=2 if used else 1)
    for row in neurons:
        layer, owner = _number(row["layer"]), _number(row["owner"])
        colour = _colour(layers.index(layer), owner, len(layers))
        idle = row["used"] == 0 and not faint
        face = "white" if idle else colour
        axes.plot(
            *place[layer, _number(row["neuron"])], "o", color=colour, markerfacecolor=face, markersize=7, zorder=3
        )
    _labels(axes, layers, place, neurons)
    axes.set_axis_off()
    axes.set_xlim(-0.35, len(layers) - 0.65)
    axes.set_ylim(-0.08, 1.05)


def _heights(owners: list[int]) -> list[float]:
    """Spread neurons from top to bottom, with a gap between blocks."""
    gaps = [index + 0.9 * owner for index, owner in enumerate(owners)]
    middle = (gaps[0] + gaps[-1]) / 2
    step = min(1.0 / max(gaps[-1], 1), 0.28)
    return [0.5 + (middle - gap) * step for gap in gaps]


def _boxes(axes: Axes, x: int, owners: list[int], heights: list[float], layer: int) -> None:
    from matplotlib.patches import FancyBboxPatch

    for owner in sorted(set(owners)):
        inside = [height for height, own in zip(heights, owners, strict=True) if own == owner]
        corner = (x - 0.1, min(inside) - 0.022)
        colour = _COLOURS[max(layer, 0)][owner]
        style = "round,pad=0,rounding_size=0.02"
        axes.add_patch(
            FancyBboxPatch(corner, 0.2, max(inside) - min(inside) + 0.044, style, facecolor=colour, alpha=0.18, lw=0)
        )


def _colour(place: int, owner: int, layers: int) -> str:
    """Colour a neuron; inputs and layer 0 of the source share the colours of the inputs."""
    return _COLOURS[place if layers == 3 else max(0, place - 1)][owner]


def _labels(
    axes: Axes, layers: list[int], place: dict[tuple[int, int], tuple[float, float]], neurons: list[dict[str, Cell]]
) -> None:
    for at, shift, align in ((0, -0.12, "right"), (len(layers) - 1, 0.12, "left")):
        name = _NAMES[0 if at == 0 else -1]
        for row in neurons:
            if row["layer"] == layers[at]:
                x, y = place[layers[at], _number(row["neuron"])]
                label = f"${name}_{_number(row['neuron']) + 1}$"
                axes.text(x + shift, y, label, ha=align, va="center", fontsize=11)
    names = ["inputs", "hidden", "outputs"] if len(layers) == 3 else ["inputs", "layer 0", "layer 1", "layer 2"]
    for x, name in enumerate(names):
        axes.text(x, -0.06, name, ha="center", va="top", fontsize=9, color=GREY)


def _number(cell: Cell) -> int:
    assert isinstance(cell, int)
    return cell
