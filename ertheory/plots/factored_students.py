"""At which widths students in factored sources learn, beside the construction on the same masks."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.montecarlo.intervals import binomial_interval
from ertheory.plots.columns import Columns
from ertheory.plots.style import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_factored_students"]

_LEVEL = Fraction(19, 20)
_KINDS = (("constructed", BLUE, "o", "mask holds the teacher"), ("learnt", VERMILION, "s", "student learns"))


def draw_factored_students(figure: Figure, columns: Columns) -> None:
    """Fill a figure: a panel for each target and share of the proved widths, shares of masks against sparsity.

    Parameters
    ----------
    figure
        An empty one.
    columns
        The columns are ``target``, ``sparsity``, ``share``, ``n``, ``constructed`` and ``learnt``, as
        ``benchmarks/factored_students.py`` writes them; intervals of Clopper and Pearson, 95 %, are drawn around both.
    """
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    targets = list(dict.fromkeys(row["target"] for row in rows))
    shares = sorted({row["share"] for row in rows}, reverse=True)
    sparsities = sorted({row["sparsity"] for row in rows})
    figure.set_size_inches(3.6 * len(targets), 0.5 + 2.9 * len(shares))
    panels = figure.subplots(len(shares), len(targets), sharex=True, sharey=True, squeeze=False)
    for line, share in zip(panels, shares, strict=True):
        for axes, target in zip(line, targets, strict=True):
            here = [row for row in rows if (row["target"], row["share"]) == (target, share)]
            for shift, (kind, colour, marker, label) in zip((-0.06, 0.06), _KINDS, strict=True):
                places = [sparsities.index(row["sparsity"]) + shift for row in here]
                axes.plot(places, [row[kind] / row["n"] for row in here], color=colour, marker=marker, markersize=5,
                          linewidth=1, label=label)  # fmt: skip
                for place, row in zip(places, here, strict=True):
                    interval = binomial_interval(row[kind], row["n"], _LEVEL)
                    axes.vlines(place, float(interval.low), float(interval.high), color=colour, linewidth=1.2)
            axes.set_xticks(range(len(sparsities)), [str(sparsity) for sparsity in sparsities])
            axes.set_ylim(-0.03, 1.03)
            axes.set_title(f"{target}, {f'{share:g} of the ' if share != 1 else ''}proved widths", fontsize=9.5)
        line[0].set_ylabel("share of masks, 95 %")
    for axes in panels[-1]:
        axes.set_xlabel("sparsity")
    panels[0][-1].legend(loc="center right")
