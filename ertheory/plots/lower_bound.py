"""Theorem 2.3 drawn: the width that one hidden layer needs for a single ReLU neuron, against the density."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.bounds import univariate_width
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.style import BLACK, BLUE, GREY, ORANGE, VERMILION, logit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_lower_bound", "lower_bound_data"]

_CASES = ((10, Fraction(1, 20)), (784, Fraction(1, 1000)))
_DENSITIES = (
    *("0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.3", "0.5", "0.7", "0.8"),
    *("0.9", "0.95", "0.97", "0.98", "0.985", "0.99", "0.995", "0.999"),
)
_HIGHEST = 3e8  # the axis ends here


def lower_bound_data() -> Columns:
    """Compute the widths of Theorem 2.3 and of its exact laws, with p_1 = p_2 = p.

    Returns
    -------
    Columns
        One row per number of inputs and density: ``inputs`` d, ``delta``, ``density`` p;
        ``printed_unrounded`` and ``printed`` the bound of Theorem 2.3, necessary;
        ``exact_relu`` and ``sufficient_relu`` the exact law and its closed form, ReLU at the output;
        ``exact_linear`` the exact law for a linear output.
    """
    names = ("inputs", "delta", "density", "printed_unrounded", "printed", "exact_relu", "sufficient_relu")
    rows: list[tuple[Cell, ...]] = []
    for inputs, delta in _CASES:
        for text in _DENSITIES:
            density = Fraction(text)
            relu = univariate_width(inputs, (density, density), delta)
            linear = univariate_width(inputs, (density, density), delta, output="linear")
            numbers = (float(relu.printed_value), relu.printed, relu.exact, relu.sufficient, linear.exact)
            rows.append((inputs, float(delta), float(density), *numbers))
    return dict(zip((*names, "exact_linear"), zip(*rows, strict=True), strict=True))


def draw_lower_bound(figure: Figure, columns: Columns) -> None:
    """Draw a panel per number of inputs."""
    figure.set_size_inches(9.5, 5.6)
    panels = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, (inputs, delta) in zip(panels, _CASES, strict=True):
        rows = [index for index, value in enumerate(columns["inputs"]) if value == inputs]
        _panel(axes, {name: tuple(values[index] for index in rows) for name, values in columns.items()})
        axes.set_title(f"d = {inputs} inputs, δ = {float(delta):g}")
        axes.set_xlabel("density p of both source layers")
    panels[0].set_ylabel("width n of the hidden layer")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, handlelength=3.2)
    figure.suptitle("One ReLU neuron in a source with one hidden layer", x=0.01, ha="left", fontsize=12)


def _panel(axes: Axes, columns: Columns) -> None:
    places = columns["density"]
    axes.set_yscale("log")
    curves = (
        ("exact_linear", "exact law, linear output (necessary and sufficient)", VERMILION, "--", "D", 1.8),
        ("sufficient_relu", "closed form, ReLU output (sufficient)", ORANGE, "-", "", 5.0),
        ("exact_relu", "exact law, ReLU output (necessary and sufficient)", BLUE, "-", "o", 1.8),
        ("printed", "Theorem 2.3 as printed (necessary)", BLACK, ":", "v", 1.8),
    )
    for name, label, colour, dash, marker, thickness in curves:
        axes.plot(
            *known(places, columns[name], most=1e30),
            color=colour,
            linestyle=dash,
            marker=marker,
            markersize=5,
            linewidth=thickness,
            label=label,
        )
    axes.set_ylim(0.6, _HIGHEST)
    logit_axis(axes, (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999), 0.0008, 0.9994)
    _gap(axes, columns)


def _gap(axes: Axes, columns: Columns) -> None:
    """Write the two widths at density 0.01 beside their curves."""
    place = columns["density"].index(0.01)
    for name, above in (("exact_relu", True), ("printed", False)):
        axes.annotate(
            f"{columns[name][place]:,}",
            (0.01, float(columns[name][place] or 0)),
            xytext=(8, 4) if above else (-8, -4),
            textcoords="offset points",
            ha="left" if above else "right",
            va="bottom" if above else "top",
            color=BLUE if above else GREY,
            fontweight="bold",
        )
