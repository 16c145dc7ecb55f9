"""Draw what storing and multiplying the kept weights alone saves in training, in time and in memory.

The numbers in sparse-training.csv come from `benchmarks/sparse_training.py`; they belong to the machine that it ran on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns, columns_of
from ertheory.plots.files import write_together
from ertheory.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "sparse-training"
CURVES = {
    "sparse": ("kept weights (time: compiled)", VERMILION, "o", "-"),
    "torch": ("the same, time with torch CSR", ORANGE, "v", "-."),
    "stock": ("stock torch.sparse.mm", GREY, "s", "--"),
    "tuned": ("torch.sparse.mm, SGD by hand", BLUE, "s", ":"),
    "set-mlp": ("SET-MLP, its published program", PURPLE, "D", "--"),
    "dense": ("dense, no mask", GREEN, "^", ":"),
}
BATCH = 128


def drawing(figure: Figure, columns: Columns) -> None:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    rows = [row for row in rows if row["batch"] == BATCH]
    networks = list(dict.fromkeys(str(row["sizes"]) for row in rows))
    figure.set_size_inches(7.2, 2.9 * len(networks))
    grid = figure.subplots(len(networks), 2, sharex=True, squeeze=False)
    for (time, memory), sizes in zip(grid, networks, strict=True):
        here = [row for row in rows if row["sizes"] == sizes]
        masked = {row["density"]: row["memory"] for row in here if row["form"] == "masked"}
        panel(time, here, lambda row: row["speedup"])
        here = [row for row in here if row["form"] != "torch"]  # it holds what the compiled form holds
        panel(memory, here, lambda row, masked=masked: masked[row["density"]] / row["memory"])
        time.set_title(f"{sizes}")
        time.set_ylabel(f"masked time / time, batch {BATCH}")
        memory.set_ylabel("masked memory / memory")
    for axes in grid[-1]:
        axes.set_xlabel("density p")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)


def panel(axes: Axes, rows: list[dict[str, object]], value: object) -> None:
    """Draw one quantity of all forms, relative to dense weights with masks: above 1 less is needed."""
    for form, (label, colour, marker, dash) in CURVES.items():
        points = sorted((row["density"], value(row)) for row in rows if row["form"] == form)  # type: ignore[operator]
        if points:
            density, saved = zip(*points, strict=True)
            axes.plot(density, saved, color=colour, marker=marker, linestyle=dash, markersize=4, label=label)
    axes.axhline(1, color=GREY, linewidth=1.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([0.01, 0.02, 0.05, 0.1, 0.25, 0.5], ["0.01", "0.02", "0.05", "0.1", "0.25", "0.5"])
    axes.set_yticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    axes.minorticks_off()


if __name__ == "__main__":
    folder = Path(__file__).parent
    columns = columns_of((folder / f"{NAME}.csv").read_text(encoding="utf-8"))
    files = {f"{NAME}{ending}": content for ending, content in rendered(drawing, columns).items()}
    print(*write_together(folder, files, force=True), sep="\n")
