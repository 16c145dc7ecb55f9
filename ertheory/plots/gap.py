"""The gap: hidden neurons against sparsity, from the paper's construction down to what is necessary.

Two targets, and for each the total of the hidden layers and the width of the last one, which most of the statements
speak about. Everything is for sources with all layers masked, except for the printed statement, which needs a dense
layer 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.bounds import width
from ertheory.plots.columns import Cell, Columns, known
from ertheory.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, logit_axis
from ertheory.results import Width
from ertheory.target import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_gap", "gap_data"]

_TARGETS = ("784-128-10", "784-300-100-10")
_DELTA = Fraction(1, 1000)
_SPARSITIES = ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.98", "0.99", "0.995", "0.998")
_METHODS = ("printed", "exact", "drop", "matching", "sharp", "theorem-2.3", "degree", "size-lp")
_CURVES = (
    ("printed", "printed (Theorems 2.1, 2.2; layer 0 dense)", ORANGE, "-", 5.0),
    ("exact", "exact law of the same construction", BLACK, (0, (1, 1.6)), 1.8),
    ("drop", "drop: bad copies left out", BLUE, "-.", 1.8),
    ("matching", "matching, layer 0 coded or matched", PURPLE, ":", 2.2),
    ("sharp", "sharp: the best we can prove", GREEN, "-", 2.2),
    ("necessary", "necessary, where proved", VERMILION, "--", 1.8),
)


def gap_data() -> Columns:
    """Compute the widths of two targets at sparsities from 0.1 to 0.998; delta = 0.001.

    Returns
    -------
    Columns
        ``target``, ``sparsity``, ``method``, ``kind``, ``layer0``, and ``total`` and ``last``: all hidden neurons, and
        those of the last hidden layer. ``None`` where a statement says nothing. The rows with method ``necessary`` have
        the largest of what theorem-2.3, degree and size-lp ask for, layer by layer.
    """
    rows: list[tuple[Cell, ...]] = []
    for text in _TARGETS:
        target = Target.from_text(text)
        for sparsity in _SPARSITIES:
            answers = [_answer(target, method, 1 - Fraction(sparsity)) for method in _METHODS]
            place = text, float(sparsity)
            for answer in answers:
                shown = (answer.total, answer.widths[-2]) if answer.applies else (None, None)
                rows.append((*place, answer.method, answer.kind, answer.layer0, *shown))
            rows.append((*place, "necessary", "necessary", "any", *_necessary(answers)))
    names = ("target", "sparsity", "method", "kind", "layer0", "total", "last")
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _answer(target: Target, method: str, density: Fraction) -> Width:
    first = Fraction(1) if method == "printed" else density
    densities = (first, *(density,) * target.depth)
    return width(target, method=method, density=densities, failure_probability=_DELTA)


def _necessary(answers: list[Width]) -> tuple[int | None, int | None]:
    """Combine necessary widths: each holds for every source, so all of them do."""
    bounds = [answer.widths for answer in answers if answer.kind == "necessary" and answer.applies]
    layers = [max((n for n in layer if n is not None), default=None) for layer in zip(*bounds, strict=True)]
    hidden = [number for number in layers[:-1] if number is not None]
    return (sum(hidden) if len(hidden) == len(layers) - 1 else None), layers[-2]


def draw_gap(figure: Figure, columns: Columns) -> None:
    """Draw the totals above and the last hidden layers below, one column for each target."""
    figure.set_size_inches(10, 8)
    grid = figure.subplots(2, 2, sharex=True, sharey="row")
    for place, target in enumerate(_TARGETS):
        for row, measure in enumerate(("total", "last")):
            _panel(grid[row][place], columns, target, measure)
        grid[0][place].set_title(f"target {target}, confidence 0.999")
        grid[1][place].set_xlabel("sparsity 1 - p of the masked layers")
    grid[0][0].set_ylabel("hidden neurons in all")
    grid[1][0].set_ylabel("neurons of the last hidden layer")
    grid[0][0].legend(loc="upper left")


def _panel(axes: Axes, columns: Columns, target: str, measure: str) -> None:
    axes.set_yscale("log")
    methods = list(zip(columns["target"], columns["method"], strict=True))
    for method, label, colour, dash, thickness in _CURVES:
        chosen = [place for place, key in enumerate(methods) if key == (target, method)]
        places, values = (tuple(columns[name][place] for place in chosen) for name in ("sparsity", measure))
        axes.plot(
            *known(places, values),
            color=colour,
            linestyle=dash,
            linewidth=thickness,
            alpha=0.75 if method == "printed" else 1.0,
            label=label,
        )
    logit_axis(axes, (0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.998), 0.09, 0.9985)
