"""Theorem 2.5 against what pruning really finds: the share of random networks that hold a ticket, by width.

Targets 2-4-1 with weights and biases uniform on [-1, 1] and inputs in [-1, 1]^2, a new one for every source; epsilon is
0.1. A success is a ticket that is certified on the whole box. Beside the measurement stand the widths that Theorem 2.5
asks for all such targets, at epsilon = delta = 0.1: proved, and with measured subset sums in the place of proved ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ertheory.networks.target import Target
from ertheory.plots.columns import Cell, Columns
from ertheory.plots.style import BLUE, GREEN, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_ticket_success", "random_target", "ticket_success_data"]

_SIZES = (2, 4, 1)
_EPSILON = _DELTA = Fraction(1, 10)
_SEEDS = 20
_LEVEL = Fraction(19, 20)
_SHARES = (Fraction(1, 2), Fraction(3, 5), Fraction(7, 10), Fraction(4, 5), Fraction(1))
_WIDEST = {Fraction(1): (80, 60), Fraction(1, 2): (210, 160), Fraction(1, 5): (780, 600)}
_STYLES = {1.0: (BLUE, "o"), 0.5: (GREEN, "s"), 0.2: (VERMILION, "^")}
_LINES = {"calibrated": (0, (4, 2)), "rigorous": (0, (1, 1.5))}


def random_target(seed: int, sizes: Sequence[int]) -> Target:
    """Draw a target: all weights from the inputs on, then all biases, uniform on [-1, 1]; the box is [-1, 1]^d.

    Examples
    --------
    >>> str(random_target(0, (2, 4, 1)))
    '2-4-1'
    """
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(-1, 1, (after, before)) for before, after in pairwise(sizes)]
    biases = [rng.uniform(-1, 1, outputs) for outputs in sizes[1:]]
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * sizes[0])


def ticket_success_data(progress: Callable[[float], object] | None = None) -> Columns:
    """Build tickets in 20 sources at each of five widths and three densities, and compute the widths of the theorem.

    Parameters
    ----------
    progress
        It is told of every share of the work that is done; the shares add up to 1.

    Returns
    -------
    Columns
        ``kind``: ``measured``, or ``calibrated`` and ``rigorous`` for the widths of Theorem 2.5; ``density``, ``first``
        and ``second`` for N_0 and N_1, ``total`` of both; ``sources`` and ``successes``, and their ``share`` with the
        ends ``low`` and ``high`` of its exact interval at level 0.95.
    """
    from ertheory.bounds import ticket_widths
    from ertheory.builders import build_ticket
    from ertheory.montecarlo import binomial_interval

    rows: list[tuple[Cell, ...]] = []
    for density, widest in _WIDEST.items():
        for share in _SHARES:
            first, second = (round(share * width) for width in widest)
            successes = 0
            for seed in range(_SEEDS):
                successes += build_ticket(
                    random_target(seed, _SIZES),
                    widths=(first, second),
                    density=density,
                    epsilon=_EPSILON,
                    seed=seed,
                    workers=1,
                ).success
                if progress is not None:
                    progress(1 / (len(_WIDEST) * len(_SHARES) * _SEEDS))
            interval = binomial_interval(successes, _SEEDS, _LEVEL)
            counted = _SEEDS, successes, successes / _SEEDS, interval.low, interval.high
            rows.append(("measured", float(density), first, second, first + second, *counted))
        for mode in ("calibrated", "rigorous"):
            answer = ticket_widths(
                Target.from_widths(_SIZES),
                density=density,
                epsilon=_EPSILON,
                failure_probability=_DELTA,
                domain=(-1, 1),
                mode=mode,
                extrapolate=mode == "calibrated",
            )
            rows.append((mode, float(density), *answer.widths[:2], answer.total, *[None] * 5))
    names = ("kind", "density", "first", "second", "total", "sources", "successes", "share", "low", "high")
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def draw_ticket_success(figure: Figure, columns: Columns) -> None:
    """Draw the shares with their intervals, and the widths of the theorem as upright lines in the same colours."""
    figure.set_size_inches(9, 5.5)
    axes = figure.subplots()
    axes.set_xscale("log")
    kinds = list(zip(columns["kind"], columns["density"], strict=True))
    for density, (colour, marker) in _STYLES.items():
        chosen = [place for place, key in enumerate(kinds) if key == ("measured", density)]
        total, share, low, high = (
            np.array([columns[name][place] for place in chosen], dtype=np.float64)
            for name in ("total", "share", "low", "high")
        )
        ends = np.maximum(np.stack([share - low, high - share]), 0.0)
        label = f"density p = {density:g}"
        axes.errorbar(total, share, yerr=ends, color=colour, marker=marker, capsize=2.5, elinewidth=1.0, label=label)
        for mode, dash in _LINES.items():
            place = kinds.index((mode, density))
            width = float(columns["total"][place] or 0)
            axes.axvline(width, color=colour, linestyle=dash, linewidth=1.4)
            axes.plot(width, 1.05, color=colour, marker=marker, linestyle="none", clip_on=False)  # also without colour
    for mode, dash in _LINES.items():
        words = "proved" if mode == "rigorous" else "with measured subset sums"
        axes.plot([], [], color="black", linestyle=dash, linewidth=1.4, label=f"Theorem 2.5, {words}, δ = 0.1")
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("hidden neurons of the source, N₀ + N₁")
    axes.set_ylabel("share of sources with a certified ticket")
    axes.set_title("strong tickets for random targets 2-4-1, ε = 0.1; 20 sources a point, 95 % intervals")
    figure.legend(loc="outside lower center", ncols=3)
