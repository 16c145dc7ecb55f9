"""Lemma 2.4 drawn: how many weights a random subset sum needs, and how often it fails.

What is measured comes from simulations made for the figure, with fixed seeds and simultaneous 95 % intervals; what is
proved holds for every n, p and epsilon. The printed lemma does not name its constant C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.bounds.subset_sum import failure_lower, failure_upper, n_necessary, n_required
from ertheory.montecarlo import StoppingTimes, sign_stratified, stopping_times
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.style import BLACK, BLUE, ORANGE, PURPLE, VERMILION, logit_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "draw_sandwich",
    "draw_subset_sum_constant",
    "draw_subset_sum_n",
    "sandwich_data",
    "subset_sum_data",
]

_TRIALS, _RARE_TRIALS, _SEED = 200_000, 20_000, 1
_CASES = (Fraction(1, 10), Fraction(1, 100))  # epsilon and delta
_CONSTANT = 5  # of the printed formula, to have something to draw
_DENSITIES = (
    *("0.05", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.97", "0.98"),
    *("0.99", "0.995", "0.998", "0.999"),
)
_SANDWICH = (("1", 46), ("0.5", 100), ("0.1", 520))  # density and the largest n shown
_POINTS = 46  # of every curve there
_PLACES = (0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)


def subset_sum_data(progress: Callable[[float], object] | None = None) -> Columns:
    """Compute the numbers of weights for one target z = 1, weights U[-1, 1], epsilon = delta.

    Parameters
    ----------
    progress
        It is told of every share of the work that is done; the shares add up to 1.

    Returns
    -------
    Columns
        One row per epsilon and density: ``epsilon`` = delta, ``density`` p; ``measured``, ``low`` and ``high`` from a
        simulation; ``printed`` Lemma 2.4 with C = 5; ``sufficient`` the explicit theorem; ``necessary`` what is proved
        necessary; and the constant C with which C log(1/epsilon) / log(1/(1 - p)) is each of these:
        ``constant_measured``, ``constant_low``, ``constant_high``, ``constant_sufficient``, ``constant_necessary``;
        ``constant_limit`` is necessary as epsilon = delta tends to 0.
    """
    names = ("epsilon", "density", "measured", "low", "high", "printed", "sufficient", "necessary")
    constants = ("measured", "low", "high", "sufficient", "necessary", "limit")
    rows: list[tuple[Cell, ...]] = []
    for epsilon in _CASES:
        run = stopping_times(epsilon, trials=_TRIALS, seed=_SEED)
        for density in _DENSITIES:
            rows.append((float(epsilon), float(density), *_numbers(run, density, epsilon)))
            if progress is not None:
                progress(1 / (len(_CASES) * len(_DENSITIES)))
    return dict(zip((*names, *(f"constant_{name}" for name in constants)), zip(*rows, strict=True), strict=True))


def _numbers(run: StoppingTimes, density: str, epsilon: Fraction) -> tuple[Cell, ...]:
    found = run.required(density, epsilon)
    printed = n_required(
        density=density, epsilon=epsilon, failure_probability=epsilon, mode="printed", constant=_CONSTANT
    ).n
    sufficient = n_required(density=density, epsilon=epsilon, failure_probability=epsilon).n
    necessary = n_necessary(density=density, epsilon=epsilon, failure_probability=epsilon)
    sparsity = -math.log1p(-float(density))
    per_weight = sparsity / -math.log(epsilon)
    limit = 2 * sparsity / -math.log1p(-float(density) / 2)
    constants = (per_weight * n for n in (found.n, found.low, found.high, sufficient, necessary))
    return found.n, found.low, found.high, printed, sufficient, necessary, *constants, limit


def draw_subset_sum_n(figure: Figure, columns: Columns) -> None:
    """Draw the numbers of weights, a panel per epsilon."""
    figure.set_size_inches(9.5, 5.6)
    panels = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, epsilon in zip(panels, _CASES, strict=True):
        rows = _rows(columns, "epsilon", float(epsilon))
        axes.set_yscale("log")
        _curve(axes, rows, "printed", f"Lemma 2.4 as printed, with C = {_CONSTANT}", ORANGE, "-", 5.0)
        _curve(axes, rows, "sufficient", "explicit theorem (sufficient, proved)", BLUE, "-", 1.8)
        _measured(axes, rows, "measured", "low", "high")
        _curve(axes, rows, "necessary", "necessary (proved)", VERMILION, "--", 1.8)
        logit_axis(axes, _PLACES, 0.04, 0.9994)
        axes.set_title(f"ε = δ = {float(epsilon):g}")
        axes.set_xlabel("density p of the mask")
    panels[0].set_ylabel("weights n")
    _legend(figure, panels[0], 2)
    figure.suptitle("Some of n masked weights add up to z = 1 within ε, with probability 1 - δ", x=0.01, ha="left")


def draw_subset_sum_constant(figure: Figure, columns: Columns) -> None:
    """Draw the constant that the printed formula would need, a panel per epsilon."""
    figure.set_size_inches(9.5, 5.6)
    panels = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, epsilon in zip(panels, _CASES, strict=True):
        rows = _rows(columns, "epsilon", float(epsilon))
        _curve(axes, rows, "constant_sufficient", "C that is proved to be enough", BLUE, "-", 1.8)
        _measured(axes, rows, "constant_measured", "constant_low", "constant_high")
        _curve(axes, rows, "constant_necessary", "C that is proved to be necessary", VERMILION, "--", 1.8)
        _curve(axes, rows, "constant_limit", "the same as ε = δ tends to 0", PURPLE, ":", 2.2)
        logit_axis(axes, _PLACES, 0.04, 0.9994)
        axes.set_ylim(0, 40)
        axes.set_title(f"ε = δ = {float(epsilon):g}")
        axes.set_xlabel("density p of the mask")
    panels[0].set_ylabel("C in n = C log(1/ε) / log(1/(1 - p))")
    _legend(figure, panels[0], 2)
    figure.suptitle("The constant that Lemma 2.4 as printed needs grows without bound", x=0.01, ha="left")


def sandwich_data(progress: Callable[[float], object] | None = None) -> Columns:
    """Compute failure probabilities for one target z = 1, weights U[-1, 1], epsilon = 1/100.

    Parameters
    ----------
    progress
        It is told of every share of the work that is done; the shares add up to 1.

    Returns
    -------
    Columns
        One row per density and n: ``density``, ``n``; ``lower`` and ``upper`` are proved; ``measured``, ``low`` and
        ``high`` are counted, with a simultaneous 95 % interval, where its ends differ by a factor of 4 at most;
        ``rare`` and ``rare_error`` are the sign-stratified estimate and its standard error.
    """
    epsilon = _CASES[-1]
    run = stopping_times(epsilon, trials=_TRIALS, seed=_SEED)
    signs = sign_stratified(epsilon, trials=_RARE_TRIALS, seed=_SEED)
    names = ("density", "n", "lower", "measured", "low", "high", "rare", "rare_error", "upper")
    rows: list[tuple[Cell, ...]] = []
    for density, most in _SANDWICH:
        for place in range(1, _POINTS + 1):
            n = round(place * most / _POINTS)
            counted, rare = run.failure(n, density), signs.failure(n, density)
            bounds = [bound(n, density=density, epsilon=epsilon) for bound in (failure_lower, failure_upper)]
            shown = (counted.value, counted.interval.low, counted.interval.high)
            rows.append(
                (
                    *(float(density), n, float(bounds[0])),
                    *(shown if counted.interval.high <= 4 * counted.interval.low else (None, None, None)),
                    *(rare.value, rare.standard_error, float(bounds[1])),
                )
            )
            if progress is not None:
                progress(1 / (len(_SANDWICH) * _POINTS))
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def draw_sandwich(figure: Figure, columns: Columns) -> None:
    """Draw failure probabilities between their bounds, a panel per density."""
    figure.set_size_inches(11, 5)
    panels = figure.subplots(1, len(_SANDWICH), sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, (density, _) in zip(panels, _SANDWICH, strict=True):
        rows = _rows(columns, "density", float(density))
        axes.set_yscale("log")
        axes.set_ylim(1e-8, 2)
        _curve(axes, rows, "upper", "upper bound (proved)", BLUE, "-", 1.8, place="n")
        _curve(axes, rows, "rare", f"measured by signs, {_RARE_TRIALS:,} trials", PURPLE, ":", 2.2, place="n")
        _measured(axes, rows, "measured", "low", "high", place="n")
        _curve(axes, rows, "lower", "lower bound (proved)", VERMILION, "--", 1.8, place="n")
        axes.set_title(f"density p = {density}")
        axes.set_xlabel("weights n")
    panels[0].set_ylabel("failure probability")
    _legend(figure, panels[0], 2)
    figure.suptitle("No subset of n masked weights adds up to z = 1 within ε = 0.01", x=0.01, ha="left")


def _rows(columns: Columns, name: str, value: float) -> Columns:
    chosen = [place for place, found in enumerate(columns[name]) if found == value]
    return {key: tuple(values[place] for place in chosen) for key, values in columns.items()}


def _curve(
    axes: Axes,
    rows: Columns,
    name: str,
    label: str,
    colour: str,
    dash: str,
    thickness: float,
    *,
    place: str = "density",
) -> None:
    axes.plot(
        *known(rows[place], rows[name]),
        color=colour,
        linestyle=dash,
        linewidth=thickness,
        alpha=0.75 if thickness > 4 else 1.0,
        label=label,
    )


def _measured(axes: Axes, rows: Columns, name: str, low: str, high: str, *, place: str = "density") -> None:
    places, values = known(rows[place], rows[name])
    ends = [known(rows[place], rows[end])[1] for end in (low, high)]
    spread = [
        [value - end for value, end in zip(values, ends[0], strict=True)],
        [end - value for value, end in zip(values, ends[1], strict=True)],
    ]
    axes.errorbar(
        places,
        values,
        yerr=spread,
        color=BLACK,
        linestyle="",
        marker="o",
        markersize=3.5,
        elinewidth=1.2,
        label=f"measured, {_TRIALS:,} trials",
    )


def _legend(figure: Figure, axes: Axes, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=3.2)
