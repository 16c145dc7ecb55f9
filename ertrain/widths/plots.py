"""The picture of theory and training on one axis: how often each succeeds, by the number of hidden neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ertheory.plots.columns import Cell, Columns, csv_text
from ertheory.plots.files import write_together
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, VERMILION, rendered
from ertrain.widths.result import TheoryMeetsTraining

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_widths", "width_columns"]

_NAME = "theory-meets-training"
_STYLES = {"construction": (BLUE, "o", "-"), "training": (VERMILION, "s", "--")}
_BOUNDS = {"sharp": (GREEN, "-"), "exact": (GREY, "--"), "printed": (BLACK, ":")}


def width_columns(found: TheoryMeetsTraining) -> Columns:
    """Bring tests into columns: method, total, widths, trials, share of successes and the ends of its interval.

    Parameters
    ----------
    found
        As by `ertrain.widths.meet`.
    """
    lines: list[tuple[Cell, ...]] = [
        (
            one.kind,
            total,
            "-".join(map(str, found.line.widths(total))),
            made.trials,
            1 - made.failures / made.trials,
            1 - made.interval.high,
            1 - made.interval.low,
            made.verdict,
        )
        for one in (found.construction, found.training)
        for total, made in sorted(one.tests, key=lambda test: test[0])
    ]
    names = ("method", "total", "widths", "trials", "success", "low", "high", "verdict")
    return dict(zip(names, zip(*lines, strict=True), strict=True))


def draw_widths(found: TheoryMeetsTraining, folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write theory-meets-training.png, .svg and .csv into a folder.

    Parameters
    ----------
    found
        As by `ertrain.widths.meet`.
    folder
        Where to write; made where it is missing.
    force
        Whether to replace files that exist.

    Raises
    ------
    InvalidInput
        If the folder can not be written to, or a file exists and `force` is not set.
    """
    columns = width_columns(found)

    def drawing(figure: Figure, _: Columns) -> None:
        figure.set_size_inches(8, 4.8)
        axes = figure.subplots()
        delta = 1.0
        for one in (found.construction, found.training):
            colour, marker, dash = _STYLES[one.kind]
            tests = sorted(one.tests, key=lambda test: test[0])
            delta = float(tests[0][1].limit)
            shift = 0.15 if one.kind == "training" else -0.15  # intervals at one total stand side by side
            places = [total + shift for total, _ in tests]
            shares = [1 - made.failures / made.trials for _, made in tests]
            axes.plot(places, shares, color=colour, linestyle=dash, marker=marker, markersize=4, label=one.kind)
            low, high = zip(*((1 - made.interval.high, 1 - made.interval.low) for _, made in tests), strict=True)
            axes.vlines(places, low, high, color=colour, linewidth=0.9, alpha=0.6)
        axes.axhline(1 - delta, color=GREY, linewidth=0.8, label=f"1 - delta: {1 - delta:g}")
        for bound in found.bounds:
            colour, dash = _BOUNDS[bound.method]
            if bound.total is not None:
                name = bound.method if bound.applies else f"{bound.method} (does not apply)"
                axes.axvline(bound.total, color=colour, linestyle=dash, linewidth=1.2, label=f"{name}: {bound.total}")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("hidden neurons of the masked network, along the line of widths")
        axes.set_ylabel("share of masks with success")
        counts = sorted({made.trials for one in (found.construction, found.training) for _, made in one.tests})
        level = max(made.interval.level for _, made in found.training.tests)
        axes.set_title(
            f"Sequential tests of {counts[0]} to {counts[-1]} masks each, anytime-valid {100 * level:.2f} % intervals"
        )
        axes.legend(loc="lower center")

    files = {f"{_NAME}{ending}": content for ending, content in rendered(drawing, columns).items()}
    return write_together(folder, {**files, f"{_NAME}.csv": csv_text(columns).encode()}, force=force)
