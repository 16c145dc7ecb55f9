"""Theory meets training: how often a target is in a mask, and how often it is learnt there, by hidden neurons."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Cell, Columns
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, PURPLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["TRAINED", "draw_trained", "read_trained"]

# Of the columns that are drawn; where `method` is a bound, there are no trials.
TRAINED = (
    "target", "densities", "delta", "method", "total", "widths", "applies",
    "trials", "failures", "success", "low", "high", "level", "verdict",
)  # fmt: skip

_NUMBERS = {"delta", "success", "low", "high", "level"}
_COUNTS = {"total", "trials", "failures"}
_MEASURED = {
    "construction": ("masks in which the target was built (as measured then)", BLUE, "o", "-", -1),
    "training": ("masks in which Adam learns it", VERMILION, "s", "--", 1),
}
# What a bound says, the colour and the dash of its line.
_BOUNDS = {
    "necessary": ("fewer are not enough (proved)", PURPLE, "-."),
    "sharp": ("enough for the sharp construction (proved)", GREEN, "-"),
    "exact": ("enough for the paper's, by its exact law (proved)", GREY, (0, (7, 3))),
    "printed": ("Theorem 2.1 as printed", BLACK, (0, (1, 1.5))),
}

_BESIDE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"),
    "textcoords": "offset points",
    "ha": "right",
    "va": "top",
    "fontsize": 9,
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1},
}


def read_trained(path: Path) -> Columns:
    """Read the columns back from the file that `ertheory.plots.columns.csv_text` made of them."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [[_read(name, row[name]) for name in TRAINED] for row in csv.DictReader(lines)]
    return dict(zip(TRAINED, zip(*rows, strict=True), strict=True))


def _read(name: str, text: str) -> Cell:
    if text == "":
        return None
    return float(text) if name in _NUMBERS else int(text) if name in _COUNTS else text


def draw_trained(figure: Figure, columns: Columns) -> None:
    """Draw shares of success over the number of hidden neurons, and the bounds as vertical lines.

    Parameters
    ----------
    figure
        A figure that is empty so far.
    columns
        Those of `TRAINED`, a row for every test and every bound.
    """
    figure.set_size_inches(9, 6.4)
    axes = figure.subplots()
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for name in _MEASURED:
        _shares(axes, name, [row for row in rows if row["method"] == name])
    bounds = [row for row in rows if row["method"] in _BOUNDS and row["total"] is not None]
    for row in sorted(bounds, key=lambda row: list(_BOUNDS).index(str(row["method"]))):
        _bound(axes, row)
    first = rows[0]
    wanted = 1 - float(first["delta"] or 0)
    axes.axhline(wanted, color=GREY, linewidth=0.8)
    axes.annotate(f"wanted: {wanted:.0%}", (1, wanted), (-4, -3), **_BESIDE)
    totals = [int(row["total"]) for row in rows if row["total"] is not None]
    axes.set_xscale("log")
    axes.set_xlim(min(totals) / 1.35, max(totals) * 1.2)
    ticks = [tick for tick in (2**power * 5 for power in range(-2, 30)) if min(totals) / 1.35 <= tick]
    whole = [int(tick) for tick in ticks if tick == int(tick) and tick <= max(totals) * 1.2]
    axes.set_xticks(whole, [f"{tick:,}" for tick in whole])
    axes.minorticks_off()
    axes.set_ylim(-0.02, 1.06)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("hidden neurons of the randomly masked network, in all (log scale)")
    axes.set_ylabel("share of random masks")
    axes.set_title(_title(rows))
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)


def _shares(axes: Axes, name: str, rows: list[dict[str, Cell]]) -> None:
    words, colour, marker, dash, side = _MEASURED[name]
    rows.sort(key=lambda row: float(row["total"] or 0))
    places = [float(row["total"] or 0) * (1 + 0.004 * side) for row in rows]  # intervals at one total side by side
    shares, low, high = ([float(row[end] or 0) for row in rows] for end in ("success", "low", "high"))
    axes.plot(places, shares, color=colour, linestyle=dash, marker=marker, markersize=4, label=words)
    axes.vlines(places, low, high, color=colour, linewidth=0.9, alpha=0.6)


def _bound(axes: Axes, row: Mapping[str, Cell]) -> None:
    words, colour, dash = _BOUNDS[str(row["method"])]
    total = int(row["total"] or 0)
    star = "" if row["applies"] == "yes" else " (not for a masked layer 0)"
    axes.axvline(total, color=colour, linestyle=dash, linewidth=1.5, label=f"{total:,} neurons: {words}{star}")


def _title(rows: list[dict[str, Cell]]) -> str:
    made = [row for row in rows if row["trials"] is not None]
    counts = sorted({int(row["trials"] or 0) for row in made})
    level = max(float(row["level"] or 0) for row in made)
    masks = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    density = str(rows[0]["densities"])
    return (
        f"Is a network {rows[0]['target']} in a random mask of density {density}, and is it learnt there?\n"
        f"{masks} masks at each point, with {level:.2%} intervals that hold however often one looks"
    )
