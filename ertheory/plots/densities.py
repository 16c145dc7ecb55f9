"""Layer-wise densities as a picture: a row for each layer, its density on the left and what it keeps on the right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns
from ertheory.plots.picture import Picture
from ertheory.plots.style import BLACK, BLUE, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ertheory.layerwise.result import LayerDensities

__all__ = ["picture_of_densities"]


def picture_of_densities(found: LayerDensities) -> Picture:
    """Draw the density of every layer beside that of the network, and its kept weights beside all its weights.

    Examples
    --------
    >>> from ertheory import densities
    >>> picture_of_densities(densities("lenet-300-100", ratio="balanced", density=0.1)).columns["layer"]
    ('fc1', 'fc2', 'fc3')
    """
    columns: Columns = {
        "layer": tuple(layer.name for layer in found.layers),
        "weights": tuple(layer.weights for layer in found.layers),
        "density": found.densities,
        "kept": found.nonzeros_expected,
    }
    title = f"{found.heading}: density asked {float(found.density):g}, realised {found.density_realised:.3g}"
    return Picture("densities", partial(_draw, title=title, realised=found.density_realised), columns)


def _draw(figure: Figure, columns: Columns, *, title: str, realised: float) -> None:
    count = len(columns["layer"])
    figure.set_size_inches(9.5, 1.6 + 0.3 * count)
    figure.suptitle(title, x=0.01, ha="left")
    left, right = figure.subplots(1, 2, sharey=True)
    _points(left, columns, "density", "o", BLUE, "density")
    _points(right, columns, "weights", "|", BLACK, "all weights")
    _points(right, columns, "kept", "o", BLUE, "kept weights, expected")
    left.axvline(realised, color=GREY, linestyle=":", zorder=0)
    left.set_xlabel("density of the layer; dotted: of the network")
    right.set_xlabel("weights")
    left.set_ylim(count - 0.4, -0.6)  # the first layer stands at the top
    left.set_yticks(range(count), [str(name) for name in columns["layer"]])
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=2)


def _points(axes: Axes, columns: Columns, name: str, marker: str, colour: str, label: str) -> None:
    # A layer that keeps nothing has no place on a logarithmic axis.
    shown = [(float(value), place) for place, value in enumerate(columns[name]) if value]
    axes.plot(*zip(*shown, strict=True), marker=marker, color=colour, linestyle="", markersize=7, label=label)
    axes.set_xscale("log")
    axes.margins(x=0.08)
