"""Draw where sparse products are faster than dense ones.

The numbers in inference.csv come from `benchmarks/inference.py`; they belong to the machine that it ran on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns, columns_of
from ertheory.plots.files import write_together
from ertheory.plots.style import BLUE, GREEN, GREY, ORANGE, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "inference"
CURVES = {
    "torch CSR": (BLUE, "o", "-"),
    "scipy CSR": (GREEN, "s", "--"),
    "fan-in, gather": (VERMILION, "^", "-"),
    "fan-in, compiled": (ORANGE, "v", "-."),
}


def drawing(figure: Figure, columns: Columns) -> None:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    batches = sorted({int(row["batch"]) for row in rows})
    places = sorted({(row["device"], row["threads"], row["outputs"], row["inputs"]) for row in rows})
    figure.set_size_inches(3.6 * len(batches), 2.9 * len(places))
    grid = figure.subplots(len(places), len(batches), sharex=True, sharey=True, squeeze=False)
    for line, place in zip(grid, places, strict=True):
        device, threads, outputs, inputs = place
        where = f"{device}, {threads} thread{'' if threads == 1 else 's'}" if threads else device
        for axes, batch in zip(line, batches, strict=True):
            here = [
                row
                for row in rows
                if (row["device"], row["threads"], row["outputs"], row["inputs"], row["batch"]) == (*place, batch)
            ]
            if not here:
                axes.set_axis_off()
                continue
            panel(axes, here)
            axes.set_title(f"{outputs} × {inputs}, batch {batch:,}; {where}")
        line[0].set_ylabel("dense time / sparse time")
    for column in zip(*grid, strict=True):
        lowest = [axes for axes in column if axes.axison][-1]
        lowest.set_xlabel("density p")
        lowest.tick_params(labelbottom=True)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(CURVES))


def panel(axes: Axes, rows: list[dict[str, object]]) -> None:
    """Draw the ratios of one layer and batch; above 1 a form is faster than dense."""
    for form, (colour, marker, dash) in CURVES.items():
        points = sorted((row["density"], row["speedup"]) for row in rows if row["form"] == form)
        if points:
            density, speedup = zip(*points, strict=True)
            axes.plot(density, speedup, color=colour, marker=marker, linestyle=dash, markersize=4, label=form)
    axes.axhline(1, color=GREY, linewidth=1.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([0.005, 0.02, 0.1, 0.5], ["0.005", "0.02", "0.1", "0.5"])
    axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.minorticks_off()


if __name__ == "__main__":
    folder = Path(__file__).parent
    columns = columns_of((folder / f"{NAME}.csv").read_text(encoding="utf-8"))
    files = {f"{NAME}{ending}": content for ending, content in rendered(drawing, columns).items()}
    print(*write_together(folder, files, force=True), sep="\n")
