"""A small plot for every method of ``width``: what it asks for, against sparsity, beside the statements next to it."""

from __future__ import annotations

import functools
import io
import re

from ertheory import width
from ertheory.bounds.catalogue import METHODS, find

__all__ = ["caption_of", "plot_of"]

TARGET, DELTA = "64-16-10", "0.01"
SPARSITIES = ("0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.85", "0.9", "0.93", "0.95")
# What is drawn: hidden neurons, those of one layer, or expected edges, and beside which other method.
EDGES = ("factored", "factored-paths", "factored-count")
BESIDE = {
    "printed": "exact",
    "exact": "printed",
    "joint": "exact",
    "drop": "exact",
    "sequential": "drop",
    "matching": "drop",
    "sharp": "drop",
    "factored": "factored-paths",
    "factored-paths": "factored",
    "factored-count": "factored",
    "theorem-2.3": "sharp",
    "degree": "sharp",
    "size-lp": "sharp",
    "parameter-count": "sharp",
    "path-count": "sharp",
    "coupled": "sharp",
    "least-total": "sharp",
    "first-moment": "sequential",
}
LAYER = {
    "theorem-2.3": 0,
    "parameter-count": 0,
    "path-count": 0,
    "coupled": 0,
    "degree": 1,
    "size-lp": 1,
    "first-moment": 1,
}


def caption_of(name: str) -> str | None:
    """Say what the plot of a page shows, or ``None`` where there is none."""
    if name not in METHODS:
        return None
    what = "Expected edges" if name in EDGES else f"Neurons N_{LAYER[name]}" if name in LAYER else "Hidden neurons"
    masked = "layer 0 dense, the others masked" if _dense(name) else "every layer masked"
    return (
        f"{what} against sparsity: {name} ({find(name).kind}) and {BESIDE[name]}, for {TARGET} at δ = {DELTA}, {masked}"
    )


@functools.cache
def plot_of(name: str) -> str | None:
    """Draw the plot of a page as SVG text, the same for the same numbers."""
    if name not in METHODS:
        return None
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "ertheory", "svg.fonttype": "path"}):
        figure = Figure(figsize=(6, 3.2), layout="constrained")
        axes = figure.subplots()
        for number, one in enumerate((name, BESIDE[name])):
            points = [(float(s), value) for s in SPARSITIES if (value := _value(one, name, s)) is not None]
            axes.plot(
                *zip(*points, strict=True),
                color=("#0072B2", "#D55E00")[number],
                linestyle=("-", "--")[number],
                marker=("o", "s")[number],
                markersize=4,
                label=f"{one} ({find(one).kind})",
            )
        axes.set_yscale("log")
        axes.set_xlabel("sparsity")
        axes.set_ylabel(caption_of(name).partition(" against")[0])
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.M)


def _dense(name: str) -> bool:
    """Whether layer 0 is dense in the plot: so the paper's statements are read as they are printed."""
    return name in ("printed", "exact", "joint")


def _value(method: str, page: str, sparsity: str) -> float | None:
    sparsities = f"0,{sparsity},{sparsity}" if _dense(page) else sparsity
    answer = width(TARGET, method=method, sparsity=sparsities, delta=DELTA)
    if not answer.applies:
        return None
    if page in EDGES:
        return float(answer.edges_expected)
    if page in LAYER:
        return answer.widths[LAYER[page]]
    return answer.total
