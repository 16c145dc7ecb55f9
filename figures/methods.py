"""Draw what methods reach from random masks, beside what they reach from a dense network or with a fixed mask.

The figure is drawn from the comparisons of Tables 2 to 5 in ``benchmarks/claims.csv``, each with as many seeds as it
has there; ``python benchmarks/claims.py RUNS`` brings them from folders of runs.
"""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.files import write_together
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "methods"
TABLE = Path(__file__).resolve().parents[1] / "benchmarks" / "claims.csv"
REFERENCES = {"rigl": "fixed mask", "str": "dense start", "imp": "dense start", "edge-popup": "dense start"}
METHODS = {"rigl": "RiGL", "str": "STR", "imp": "IMP", "edge-popup": "edge-popup"}
STARTS = {"1": BLACK, "0.5": BLUE, "0.3": GREEN, "0.2": ORANGE, "0.1": VERMILION}
MARKERS = {"1": "s", "0.5": "o", "0.3": "D", "0.2": "^", "0.1": "v"}
LINEAR = 5.0  # points, up to which the axis is not compressed
UNBROKEN = 12.0  # points, up to which it is not compressed at all
PLACES = (-50, -10, -5, -2, 0, 2, 5, 10, 50)


def comparisons() -> list[dict[str, str]]:
    """Read the comparisons that are drawn: RiGL beside the fixed mask, others beside their dense start."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["recipe"] in ("table2", "table3", "table4", "table5")]
    drawn = [line for line in lines if REFERENCES.get(line["method"]) == line["against"]]
    return sorted(drawn, key=lambda line: (line["data"] != "fashion-mnist", *_place((line["method"], line["final"]))))


def draw(figure: Figure, lines: list[dict[str, str]]) -> None:
    """Fill a figure: a panel per data set, a row per method and final density, a marker per start."""
    panels = [(data, list(group)) for data, group in groupby(lines, key=lambda line: line["data"])]
    rows = sorted({(line["method"], line["final"]) for line in lines}, key=_place)
    figure.set_size_inches(10, 1.6 + 0.62 * len(rows))
    for axes, (data, group) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False).flat, panels, strict=True
    ):
        _panel(axes, group, rows)
        axes.set_title(f"{group[0]['model']} on {data}, {_seeds(group)}")
    first = figure.axes[0]
    first.set_yticks(range(len(rows)), [f"{METHODS[method]} to {final}" for method, final in rows])
    first.set_ylim(len(rows) - 0.5, -0.5)
    handles = {
        line: handle for axes in figure.axes for handle, line in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    order = sorted(handles, key=lambda label: -float(label.rpartition(" ")[2]))
    figure.legend(
        [handles[label] for label in order],
        order,
        loc="outside lower center",
        ncols=len(order),
        title="test accuracy minus that on the right, in points; paired 95 % intervals; shaded: up to 1 point less",
    )


def _panel(axes: Axes, group: list[dict[str, str]], rows: list[tuple[str, str]]) -> None:
    axes.axvline(0, color=GREY, linewidth=1)
    for height, (method, final) in enumerate(rows):
        here = [line for line in group if (line["method"], line["final"]) == (method, final)]
        here.sort(key=lambda line: -float(line["start"]))
        for place, line in enumerate(here):
            at = height + 0.15 * (place - (len(here) - 1) / 2)
            colour = STARTS.get(line["start"], PURPLE)
            axes.hlines(at, float(line["low"]), float(line["high"]), color=colour, linewidth=1.2)
            axes.plot(
                float(line["difference"]),
                at,
                color=colour,
                marker=MARKERS.get(line["start"], "x"),
                markersize=4.5,
                linestyle="",
                label=f"start {line['start']}",
            )
    axes.axvspan(-1, 0, color="#EEEEEE", zorder=0)
    low, high = axes.get_xlim()
    if max(-low, high) > UNBROKEN:
        axes.set_xscale("symlog", linthresh=LINEAR, linscale=1.0)
        places = [place for place in PLACES if low <= place <= high]
        axes.set_xticks(places, [f"{place:g}" for place in places])
        signs, ones = (-1, 1), (6, 7, 8, 9, 20, 30, 40, 60, 70)
        axes.set_xticks([sign * one for sign in signs for one in ones if low <= sign * one <= high], minor=True)
        for side in (-LINEAR, LINEAR):
            axes.axvline(side, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.set_xlabel(f"dotted: beyond ±{LINEAR:g} points the axis is logarithmic", fontsize=9)
    else:
        axes.set_xlabel("linear axis", fontsize=9)
    axes.set_xlim(low, high)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(rows)), [_against(group, row) for row in rows])
    right.tick_params(length=0, labelcolor=GREY)
    right.spines["right"].set_visible(False)


def _against(group: list[dict[str, str]], row: tuple[str, str]) -> str:
    """Name what a row is compared with, and its seeds where they are not those of the panel."""
    here = [line for line in group if (line["method"], line["final"]) == row]
    if not here:
        return ""
    return here[0]["against"] if _seeds(here) == _seeds(group) else f"{here[0]['against']},\n{_seeds(here)}"


def _seeds(group: list[dict[str, str]]) -> str:
    numbers = sorted({int(line["n"]) for line in group})
    return f"n = {numbers[0]}" if len(numbers) == 1 else f"n = {numbers[0]} to {numbers[-1]}"


def _place(row: tuple[str, str]) -> tuple[int, float]:
    return list(METHODS).index(row[0]), -float(row[1])


if __name__ == "__main__":
    files = rendered(lambda figure, _: draw(figure, comparisons()), {})
    written = {f"{NAME}{ending}": data for ending, data in files.items()}
    print(*write_together(Path(__file__).parent, written, force=True), sep="\n")
