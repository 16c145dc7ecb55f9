"""Lower bounds in practice: the error of every trained student against the floor that its mask sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ertheory.plots.columns import Columns
from ertheory.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FLOORS", "draw_error_floors"]

# Of the columns that are drawn, a line per student; the floor is 0 where the mask has none.
FLOORS = ("width", "seed", "unseen", "floor", "largest", "rms")

_STYLES = ((VERMILION, "o"), (ORANGE, "s"), (GREEN, "^"), (BLUE, "D"))
_LEAST = 1e-4  # smaller errors are drawn here


def draw_error_floors(figure: Figure, columns: Columns, *, tolerance: float = 0.5) -> None:
    """Fill a figure.

    Parameters
    ----------
    figure
        An empty one.
    columns
        The columns `FLOORS`.
    tolerance
        The largest error of a student that has learnt, where a line is drawn.
    """
    figure.set_size_inches(9, 4.8)
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [1, 2.4], "wspace": 0.04})
    students = [
        (int(width or 0), float(floor or 0), float(largest or 0))
        for width, floor, largest in zip(columns["width"], columns["floor"], columns["largest"], strict=True)
    ]
    bound = [(floor, largest) for _, floor, largest in students if floor]
    floors = sorted(floor for floor, _ in bound) or [1.0]
    ends = [floors[0] / 1.3, floors[-1] * 1.3]
    right.fill_between(ends, [_LEAST / 2] * 2, ends, color=GREY, alpha=0.18, linewidth=0)
    right.plot(ends, ends, color=BLACK, linewidth=1.2, label="error = floor")
    widths = sorted({width for width, _, _ in students})
    for place, (width, (colour, marker)) in enumerate(zip(widths, _STYLES, strict=False)):
        here = [(floor, max(largest, _LEAST)) for known, floor, largest in students if known == width]
        with_floor, free = [one for one in here if one[0]], [error for floor, error in here if not floor]
        # Masks with the same unseen inputs have the same floor: widths stand side by side.
        shift = 1 + 0.035 * (place - (len(widths) - 1) / 2)
        shape = {"s": 14, "color": colour, "marker": marker, "alpha": 0.6, "linewidths": 0}
        right.scatter(
            [floor * shift for floor, _ in with_floor],
            [error for _, error in with_floor],
            label=f"{width} neurons: {len(with_floor)} of {len(here)} masks with a floor",
            **shape,
        )
        left.scatter([place + 0.6 * ((at + 0.5) / max(len(free), 1) - 0.5) for at in range(len(free))], free, **shape)
    left.axhline(tolerance, color=GREY, linewidth=0.9, linestyle="--")
    right.axhline(tolerance, color=GREY, linewidth=0.9, linestyle="--", label="tolerance")
    left.set_yscale("log")
    right.set_xscale("log")
    right.set_xlim(*ends)
    left.set_ylim(_LEAST / 2, None)
    left.set_xticks(range(len(widths)), [f"{width:,}" for width in widths])
    left.set_xlabel("hidden neurons")
    left.set_ylabel("largest error of the trained student")
    left.set_title("masks without a floor")
    right.set_xlabel("floor of the mask")
    below = sum(largest < floor for floor, largest in bound)
    right.set_title(f"{len(bound)} students on masks with a floor, {below} below it")
    right.legend(loc="lower right")
