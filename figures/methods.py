"""Draw what methods reach from random masks, beside what they reach from a dense network or with a fixed mask.

Without arguments the figure is drawn from the numbers in methods.csv. They were measured, with three seeds, by

    ertrain run TABLE --only data=digits                                            TABLE: table2, ..., table5
    ertrain run table2 --only data=fashion-mnist density=START method=METHOD        fixed masks, RiGL
    ertrain run table3 --only data=fashion-mnist density=START                      STR
    ertrain run table4 --only data=fashion-mnist density=START --set epochs=2 round_keep=0.3    IMP
    ertrain run table5 --only data=fashion-mnist density=START final_density=0.1 --set epochs=4    edge-popup
    ertrain run table2 --only data=DATA method=fixed density=0.05 --density 1       the dense network

for the starts that the table has, and ``python figures/methods.py RUNS`` brought them from the folder of the runs into
methods.csv; that needs the extra 'train'.
"""

from __future__ import annotations

import csv
import sys
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Columns, csv_text
from ertheory.plots.files import write_together
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "methods"
REFERENCES = ("dense start", "fixed mask")
METHODS = {"rigl": "RiGL", "str": "STR", "imp": "IMP", "edge-popup": "edge-popup"}
STARTS = {"1": BLACK, "0.5": BLUE, "0.3": GREEN, "0.2": ORANGE, "0.1": VERMILION}
MARKERS = {"1": "s", "0.5": "o", "0.3": "D", "0.2": "^", "0.1": "v"}
LINEAR = 5.0  # points, up to which the axis is not compressed
UNBROKEN = 12.0  # points, up to which it is not compressed at all
PLACES = (-50, -10, -5, -2, 0, 2, 5, 10, 50)
COLLAPSED = 0.5  # accuracy, with ten classes


def table_of(runs: Path) -> Columns:
    """Bring runs into a line for each method, start and final density, with its paired comparison if it has one."""
    from ertrain import compare, read_results, rows_of

    results = read_results(runs)
    finals = {result["configuration"].get("final_density", result["density_target"]) for result in results}
    lines: list[dict[str, Any]] = []
    for final in sorted(finals, key=Fraction, reverse=True):
        those = [
            result
            for result in results
            if result["configuration"].get("final_density", result["density_target"]) == final
        ]
        compared = {
            (one.data, one.method, one.density_target): one for one in compare(those) if one.against in REFERENCES
        }
        for row in rows_of(those):
            one = compared.get((row.data, row.method, row.density_target))
            found = None if one is None else one.difference
            lines.append(
                {
                    "data": row.data,
                    "model": row.model,
                    "method": row.method,
                    "ratio": row.ratio,
                    "start": row.density_target,
                    "final": final,
                    "realised": row.density_realised,
                    "realised_final": row.density_final,
                    "epochs": row.epochs,
                    "n": row.accuracy_test.count,
                    "test": row.accuracy_test.value,
                    "low": row.accuracy_test.low,
                    "high": row.accuracy_test.high,
                    "best": row.accuracy_test_best.value,
                    "against": None if one is None else one.against,
                    "difference": None if found is None else found.mean.value,
                    "difference_low": None if found is None else found.mean.low,
                    "difference_high": None if found is None else found.mean.high,
                    "pairs": None if found is None else found.mean.count,
                    "p_value": None if found is None else found.p_value,
                    "claim": None if one is None else one.claim,
                    "verdict": None if one is None else one.verdict,
                }
            )
    order = ["fixed", *METHODS]
    lines.sort(key=lambda line: (line["data"] != "fashion-mnist", order.index(line["method"])))
    return {name: tuple(line[name] for line in lines) for name in lines[0]}


def draw(figure: Figure, lines: list[dict[str, str]]) -> None:
    """Fill a figure: a panel per data set, a row per method and final density, a marker per start."""
    panels = [(data, list(group)) for data, group in groupby(lines, key=lambda line: line["data"])]
    shown = [line for line in lines if line["difference"]]
    rows = sorted({(line["method"], line["final"]) for line in shown}, key=_place)
    figure.set_size_inches(10, 1.6 + 0.62 * len(rows))
    for axes, (data, group) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False).flat, panels, strict=True
    ):
        _panel(axes, group, rows)
        seeds = sorted({int(line["pairs"]) for line in group if line["pairs"]})
        shown_seeds = f"n = {seeds[0]}" if len(seeds) == 1 else f"n = {seeds[0]} to {seeds[-1]}"
        axes.set_title(f"{group[0]['model']} on {data}, {shown_seeds}")
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
        here = [line for line in group if line["difference"] and (line["method"], line["final"]) == (method, final)]
        here.sort(key=lambda line: -float(line["start"]))
        for place, line in enumerate(here):
            at = height + 0.15 * (place - (len(here) - 1) / 2)
            colour = STARTS.get(line["start"], PURPLE)
            if line["difference_low"]:
                ends = (100 * float(line["difference_low"]), 100 * float(line["difference_high"]))
                axes.hlines(at, *ends, color=colour, linewidth=1.2)
            axes.plot(
                100 * float(line["difference"]),
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
    """Name what a row is compared with, and its accuracy."""
    here = [line for line in group if line["difference"] and (line["method"], line["final"]) == row]
    if not here:
        return ""
    accuracy = _reference(here[0], group)
    collapsed = ",\ncollapsed" if accuracy < COLLAPSED else ""
    return f"{here[0]['against']}\n{100 * accuracy:.1f} %{collapsed}"


def _reference(line: dict[str, str], group: list[dict[str, str]]) -> float:
    """Return the accuracy of what a line is compared with."""
    dense = line["against"] == "dense start"
    wanted = (line["method"], "1", line["final"]) if dense else ("fixed", line["final"], line["final"])
    (found,) = [float(one["test"]) for one in group if (one["method"], one["start"], one["final"]) == wanted]
    return found


def _place(row: tuple[str, str]) -> tuple[int, float]:
    return list(METHODS).index(row[0]), -float(row[1])


if __name__ == "__main__":
    here = Path(__file__).parent
    if len(sys.argv) > 1:
        write_together(here, {f"{NAME}.csv": csv_text(table_of(Path(sys.argv[1]))).encode()}, force=True)
    with (here / f"{NAME}.csv").open(encoding="utf-8", newline="") as stream:
        kept = list(csv.DictReader(stream))
    files = rendered(lambda figure, _: draw(figure, kept), {})
    print(*write_together(here, {f"{NAME}{ending}": data for ending, data in files.items()}, force=True), sep="\n")
