"""Figure 2 of the paper: how wide source layer 1 must be, against the sparsity, for the target 784-128-10.

The paper plots the width before rounding. Beside it stand the rounded widths of the theorem, the smallest ones by the
exact law, and the necessary ones, so that the distance between them can be seen.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.bounds import degree, exact, printed
from ertheory.bounds.blocks.grids import exact_factor
from ertheory.networks.target import Target
from ertheory.plots.columns import Columns, known
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, logit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_figure2", "figure2_data"]

_TARGET = "784-128-10"
_DELTA = Fraction(1, 1000)
_NAMED = (0.1, 0.9, 0.999)  # sparsities whose widths are written into the picture


def figure2_data() -> Columns:
    """Compute the widths of source layer 1 at sparsities from 0.1 to 0.999; delta = 0.001.

    Returns
    -------
    Columns
        ``sparsity`` 1 - p;
        ``printed_unrounded`` n_1 q_1 with the real q_1 of Theorem 2.1, the paper's curve;
        ``printed`` with q_1 rounded up, and ``exact`` by the exact law, both with layer 0 dense;
        ``exact_half_unrounded``, ``exact_full_unrounded`` the exact law of layer 1 alone, before rounding, with half
        and with all of delta;
        ``necessary`` the degree bound with all layers masked, ``None`` where it says nothing.
    """
    target = Target.from_text(_TARGET)
    neurons = target.widths[1]
    sparsities = _sparsities()
    as_stated, by_law, needed = [], [], []
    unrounded = []
    for sparsity in sparsities:
        kept = 1 - sparsity
        statement = printed(target, (Fraction(1), kept, kept), _DELTA)
        assert statement.real_factors is not None
        assert statement.widths[0] is not None
        unrounded.append(float(statement.real_factors[1] * neurons))
        as_stated.append(statement.widths[1])
        by_law.append(exact(target, (Fraction(1), kept, kept), _DELTA).widths[1])
        bound = degree(target, (kept,) * 3, _DELTA, first_width=statement.widths[0])
        needed.append(bound.widths[1] if bound.applies else None)
    plain = tuple(float(sparsity) for sparsity in sparsities)
    density = [float(1 - sparsity) for sparsity in sparsities]
    links = target.nonzeros[1]
    shares = {"half": _DELTA / 2, "full": _DELTA}
    real = {
        share: neurons * exact_factor(links, density=density, failure_probability=float(delta))
        for share, delta in shares.items()
    }
    return {
        "sparsity": plain,
        "printed_unrounded": tuple(unrounded),
        "printed": tuple(as_stated),
        "exact": tuple(by_law),
        "exact_half_unrounded": tuple(real["half"].tolist()),
        "exact_full_unrounded": tuple(real["full"].tolist()),
        "necessary": tuple(needed),
    }


def _sparsities() -> tuple[Fraction, ...]:
    steps = [Fraction(n, 200) for n in range(20, 180)]
    steps += [Fraction(n, 400) for n in range(360, 396)]
    steps += [Fraction(n, 4000) for n in range(3960, 3997)]
    return tuple(steps)


def draw_figure2(figure: Figure, columns: Columns) -> None:
    """Draw the widths, and below them their ratio to the paper's curve."""
    figure.set_size_inches(8, 7.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.3, 1))
    _widths(above, columns)
    _ratios(below, columns)
    for axes in (above, below):
        logit_axis(axes, (0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999), 0.087, 0.99935)
    above.tick_params(labelbottom=False)
    below.set_xlabel("sparsity 1 - p of the masked layers")


def _widths(axes: Axes, columns: Columns) -> None:
    places = columns["sparsity"]
    axes.set_yscale("log")
    axes.plot(
        *known(places, columns["printed"]),
        color=ORANGE,
        linewidth=5,
        alpha=0.75,
        label="printed, q₁ rounded up (Theorem 2.1; sufficient, layer 0 dense)",
    )
    axes.plot(
        *known(places, columns["printed_unrounded"]),
        color=BLACK,
        label="printed, before rounding (Theorem 2.1; the curve of the paper)",
    )
    axes.plot(
        *known(places, columns["exact"]),
        color=BLUE,
        linestyle=(0, (1, 1.6)),
        linewidth=2.4,
        label="exact law of the construction (sufficient, layer 0 dense)",
    )
    axes.plot(
        *known(places, columns["necessary"]),
        color=VERMILION,
        linestyle="--",
        marker="v",
        markersize=6,
        markevery=0.07,
        label="degree bound (necessary, all layers masked; where proved)",
    )
    for sparsity in _NAMED:
        value = columns["printed_unrounded"][places.index(sparsity)]
        assert isinstance(value, float)
        axes.plot([sparsity], [value], "o", color=BLACK, markersize=7)
        first = sparsity == _NAMED[0]
        axes.annotate(
            f"{value:,.0f}",
            (sparsity, value),
            xytext=(2 if first else -9, 11 if first else 6),
            textcoords="offset points",
            ha="left" if first else "right",
            va="bottom",
            fontweight="bold",
        )
    axes.set_ylim(90, 6e6)
    axes.set_ylabel("width N₁ of source layer 1")
    axes.set_title("How wide must source layer 1 be?  Target 784-128-10, confidence 0.999")
    axes.legend(loc="upper left")
    _gap(axes, columns)


def _gap(axes: Axes, columns: Columns) -> None:
    """Mark how far the theorem is from what is necessary, at sparsity 0.99."""
    place = columns["sparsity"].index(0.99)
    high, low = columns["printed"][place], columns["necessary"][place]
    assert isinstance(high, int)
    assert isinstance(low, int)
    axes.annotate("", (0.99, high * 0.86), (0.99, low * 1.2), arrowprops={"arrowstyle": "<->", "color": GREY})
    axes.text(0.9893, (high * low) ** 0.5, f"{high / low:.1f}×", color=GREY, ha="right", va="center")


def _ratios(axes: Axes, columns: Columns) -> None:
    places, reference = columns["sparsity"], columns["printed_unrounded"]
    curves = (
        ("printed", "printed, rounded up", ORANGE, "-", 1.6),
        ("exact", "exact law", BLUE, (0, (1, 1)), 1.6),
        ("exact_full_unrounded", "exact law of layer 1 with all of δ, before rounding", GREEN, "-.", 1.8),
    )
    shown = known(places, reference)[0]
    for name, label, colour, dash, thickness in curves:
        ratio = tuple(
            value / base
            for value, base in zip(columns[name], reference, strict=True)
            if isinstance(value, int | float) and isinstance(base, float)
        )
        axes.plot(shown, ratio, color=colour, linestyle=dash, linewidth=thickness, label=label)
    axes.axhline(1, color=BLACK, linewidth=1.2)
    axes.set_ylim(0.94, 1.16)
    axes.set_ylabel("relative to\nprinted, unrounded")
    axes.legend(loc="upper right")
