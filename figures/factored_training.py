"""Draw what factored networks reach in training, beside the dense network in them and plain masks.

Without arguments the figure is drawn from the numbers in factored-training.csv. They were measured by

    ertrain run factored --only data=digits --seeds 10 --out RUNS
    ertrain run factored --only data=fashion-mnist --seeds 10 --data-dir DATA --out RUNS
    ertrain run factored --scale small --only model=lenet-300-100 data=fashion-mnist density=0.02 --seeds 10 --out RUNS
    ertrain run factored --scale small --only model=resnet20 data=digits --seeds 5 --out RUNS
    ertrain run factored --scale small --only model=resnet20 data=fashion-mnist --seeds 5 --out RUNS
    ertrain run factored --scale paper --only model=resnet20 data=fashion-mnist --seeds 5 --out RUNS
    ertrain run factored --scale small --only model=transformer --seeds 5 --out RUNS

and ``python figures/factored_training.py RUNS [RUNS ...]`` brought them from the folders of the runs into the table;
that needs the extra 'train'. Lines of other networks and densities are kept. Seeds that not all arms of a density have
are left out: its means are over the same ones.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.plots.columns import Columns, csv_text
from ertheory.plots.files import write_together
from ertheory.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "factored-training"
ARMS = {
    "same width": ("mask of its width", GREY, "v"),
    "widened": ("plain mask, widened to as many weights", BLUE, "o"),
    "as much work": ("plain mask, widened to as many operations", PURPLE, "^"),
    "factored": ("factored, contains every dense one", VERMILION, "s"),
    "frozen": ("factored, outer factors frozen", ORANGE, "D"),
}
PANELS = {  # which networks on which data have one, and what is below the dense accuracy and still drawn
    ("digits", "lenet-300-100"): ("LeNet-300-100, digits", 0.04),
    ("fashion-mnist", "lenet-300-100"): ("LeNet-300-100, Fashion-MNIST", 0.04),
    ("digits", "resnet20"): ("ResNet-20 × 1/4, digits", 0.04),
    ("fashion-mnist", "resnet20"): ("ResNet-20 × 1/4, 1,000 Fashion-MNIST images", 0.17),
    ("modular-addition-97", "transformer"): ("half of a transformer, sums modulo 97", 1.0),
}


def arm_of(configuration: dict[str, Any]) -> str:
    from ertrain.recipes.factored import DENSE, arms_at

    one = configuration
    if one["density"] == "1":
        return "dense"
    if one.get("factored"):
        return "frozen" if one["outer"] == "frozen" else "factored"
    (task,) = (name for name, run in DENSE.items() if (run.data, run.model) == (one["data"], one["model"]))
    plain = {name: run for name, run in arms_at(task, one["density"]).items() if not run.factored}
    return next(name for name, run in plain.items() if run.width == one["width"])


def table_of(folders: Sequence[Path]) -> Columns:
    """Bring runs into a line for each data set, arm and density."""
    from ertrain import read_results
    from ertrain.reports.statistics import mean_of

    results = [result for folder in folders for result in read_results(folder)]
    found: dict[tuple[str, str, str, str], dict[int, float]] = {}
    for one in results:
        place = one["data"]["name"], one["model"], arm_of(one["configuration"]), one["density_target"]
        found.setdefault(place, {})[one["seed"]] = one["accuracy_test"]
    lines: list[dict[str, Any]] = []
    for (data, model, arm, density), tests in sorted(found.items()):
        beside = (data, model, density)
        shared = set.intersection(*(set(other) for at, other in found.items() if (*at[:2], at[3]) == beside))
        mean = mean_of([test for seed, test in sorted(tests.items()) if seed in shared])
        ends = {"n": mean.count, "test": mean.value, "low": mean.low, "high": mean.high}
        lines.append({"data": data, "model": model, "arm": arm, "density": density, **ends})
    return {name: tuple(line[name] for line in lines) for name in lines[0]}


def beside_others(table: Columns, lines: Sequence[dict[str, str]]) -> Columns:
    """Put new lines beside those of other networks and densities."""
    names = list(table)
    new = [dict(zip(names, values, strict=True)) for values in zip(*table.values(), strict=True)]
    places = {(line["data"], line["model"], line["density"]) for line in new}
    others = [line for line in lines if (line["data"], line["model"], line["density"]) not in places]
    rows = sorted([*new, *others], key=lambda line: [line[name] for name in names[:4]])
    return {name: tuple(row[name] for row in rows) for name in names}


def draw(figure: Figure, lines: list[dict[str, str]]) -> None:
    """Fill a figure: a panel per network and data set, accuracy against density, a curve per arm."""
    panels = [
        (title, below, own)
        for place, (title, below) in PANELS.items()
        if (own := [line for line in lines if (line["data"], line["model"]) == place])
    ]
    rows = math.ceil(len(panels) / 2)
    figure.set_size_inches(10.4, 0.8 + 3.9 * rows)
    places = figure.subplots(rows, 2, squeeze=False).flat
    for axes, (title, below, own) in zip(places, panels, strict=False):
        _panel(axes, own, below)
        axes.set_title(f"{title}, {_seeds(own)}")
    for axes in figure.axes[::2]:
        axes.set_ylabel("test accuracy in %, 95 % t-intervals")
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    named: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=2)


def _seeds(lines: list[dict[str, str]]) -> str:
    """Say how many seeds there are, and where there are others than at most densities."""
    counts = {line["density"]: line["n"] for line in lines if line["arm"] != "dense"}
    usual = max(counts.values(), key=list(counts.values()).count)
    others = ", ".join(f"{count} at {density}" for density, count in counts.items() if count != usual)
    return f"n = {usual}" + (f" ({others})" if others else "")


def _percent(share: str) -> float:
    """Cut a t-interval at 1, which no accuracy exceeds; at 0 the axis does."""
    return 100 * min(float(share), 1.0)


def _panel(axes: Axes, lines: list[dict[str, str]], below: float) -> None:
    (dense,) = (line for line in lines if line["arm"] == "dense")
    level = float(dense["test"])
    axes.axhspan(100 * float(dense["low"]), _percent(dense["high"]), color="#E6F3EE", zorder=0)
    axes.axhline(100 * level, color=GREEN, linewidth=1, label="dense")
    bottom = max(0.0, level - below)
    for number, (arm, (label, colour, marker)) in enumerate(ARMS.items()):
        here = sorted((line for line in lines if line["arm"] == arm), key=lambda line: -float(line["density"]))
        if not here:
            continue
        places = [float(line["density"]) * 1.05 ** (number - 2) for line in here]
        means = [float(line["test"]) for line in here]
        axes.plot(places, [100 * max(mean, bottom) for mean in means], color=colour, marker=marker, markersize=5,
                  linewidth=1.2, label=label)  # fmt: skip
        for place, mean, line in zip(places, means, here, strict=True):
            if mean < bottom:
                axes.annotate(f"{100 * mean:.1f}", (place, 100 * bottom), (0, 8), textcoords="offset points",
                              ha="center", fontsize=8.5, color=colour)  # fmt: skip
            elif line["low"]:
                axes.vlines(place, 100 * max(bottom, float(line["low"])), _percent(line["high"]), color=colour)
    axes.set_xscale("log")
    axes.invert_xaxis()
    asked = sorted({float(line["density"]) for line in lines if line["arm"] != "dense"}, reverse=True)
    axes.set_xlim(1.2 * asked[0], asked[-1] / 1.2)
    axes.set_xticks(asked, [f"{density:g}" for density in asked])
    axes.minorticks_off()
    axes.set_xlabel("density of the masks; curves are moved apart sideways")


if __name__ == "__main__":
    here = Path(__file__).parent
    if len(sys.argv) > 1:
        with (here / f"{NAME}.csv").open(encoding="utf-8", newline="") as stream:
            table = beside_others(table_of([Path(folder) for folder in sys.argv[1:]]), list(csv.DictReader(stream)))
        write_together(here, {f"{NAME}.csv": csv_text(table).encode()}, force=True)
    with (here / f"{NAME}.csv").open(encoding="utf-8", newline="") as stream:
        kept = list(csv.DictReader(stream))
    files = rendered(lambda figure, _: draw(figure, kept), {})
    print(*write_together(here, {f"{NAME}{end}": content for end, content in files.items()}, force=True), sep="\n")
