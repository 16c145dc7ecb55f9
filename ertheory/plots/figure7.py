"""Figure 7 of the paper: how the ratios share a budget of weights out among the layers of VGG16 and ResNet18."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.layerwise import layer_densities
from ertheory.layerwise.architectures import architecture
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_figure7", "figure7_data"]

_MODELS = {"vgg16": "VGG16 (CIFAR)", "resnet18": "ResNet18 (CIFAR)"}
_DENSITIES = (Fraction(1, 10), Fraction(1, 100))
# name: label, colour, dash, marker
_RATIOS = {
    "uniform": ("uniform", GREY, ":", ""),
    "erk": ("ERK", BLUE, "--", "s"),
    "pyramidal": ("pyramidal", GREEN, "-.", "^"),
    "balanced": ("balanced, exact budget", BLACK, "-", "o"),
    "balanced-printed": ("balanced, as printed", VERMILION, (0, (1, 1.2)), "x"),
}


def figure7_data() -> Columns:
    """Compute the densities p_l of five ratios for two networks at overall densities 0.1 and 0.01.

    Returns
    -------
    Columns
        One row per network, overall density, ratio and layer: ``model``, ``density_asked``, ``ratio``,
        ``density_realised`` (sum p_l m_l / M), ``layer`` (1 is the first), ``name``, ``weights`` m_l, ``density`` p_l.
        ERK has the kernel-size form.
    """
    names = ("model", "density_asked", "ratio", "density_realised", "layer", "name", "weights", "density")
    rows: list[tuple[Cell, ...]] = []
    for model in _MODELS:
        shapes = architecture(model)
        for asked in _DENSITIES:
            for ratio in _RATIOS:
                found = layer_densities(shapes, asked, ratio)
                head = (model, float(asked), ratio, found.density_realised)
                rows += [
                    (*head, number, layer.name, layer.weights, density)
                    for number, (layer, density) in enumerate(zip(shapes, found.densities, strict=True), start=1)
                ]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def draw_figure7(figure: Figure, columns: Columns) -> None:
    """Draw a panel per network and overall density."""
    figure.set_size_inches(9.5, 8.6)
    panels = figure.subplots(2, 2, sharex="row", sharey="col")
    for row, model in zip(panels, _MODELS, strict=True):
        for axes, asked in zip(row, _DENSITIES, strict=True):
            _panel(axes, columns, model, float(asked))
        row[0].set_ylabel("density $p_l$ of the layer")
    for axes in panels[-1]:
        axes.set_xlabel("layer $l$, in forward order (8, 13, 18: 1×1 shortcuts)")
    figure.suptitle("Layer-wise densities: one budget, five ratios", x=0.01, ha="left", fontsize=12)


def _panel(axes: Axes, columns: Columns, model: str, asked: float) -> None:
    wanted = [
        index
        for index, pair in enumerate(zip(columns["model"], columns["density_asked"], strict=True))
        if pair == (model, asked)
    ]
    last = 1
    for ratio, (label, colour, dash, marker) in _RATIOS.items():
        rows = [index for index in wanted if columns["ratio"][index] == ratio]
        last = len(rows)
        realised = columns["density_realised"][rows[0]]
        axes.plot(
            *known(*(tuple(columns[name][index] for index in rows) for name in ("layer", "density"))),
            color=colour,
            linestyle=dash,
            marker=marker,
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=1.4,
            label=f"{label}: {realised:.3g}",
        )
    axes.set_yscale("log")
    axes.set_ylim(asked / 60, 1.5)
    axes.set_xticks(range(1, last + 1, 2 if last < 16 else 4))
    axes.set_title(f"{_MODELS[model]}, density asked {asked:g}")
    axes.legend(loc="lower left", title="ratio: density realised", alignment="left", handlelength=3)
