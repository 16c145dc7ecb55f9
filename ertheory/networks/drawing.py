"""How targets, sources and masks draw themselves in a notebook, as SVG: neurons and edges, or where weights are.

Small networks are drawn neuron by neuron, as in Figure 4 of the paper; of wide layers some neurons stand for all. A
matrix that is large becomes a grid in which a cell is as dark as the share of its entries that is not zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

__all__ = ["GRID", "MOST_DRAWN", "network_svg", "shares_of", "spy_svg"]

MOST_DRAWN = 12  # neurons of a layer
GRID = 64  # cells along a side of a large matrix
_STEP, _GAP, _RADIUS, _MARGIN = 110, 22, 6, 40
_POSITIVE, _NEGATIVE, _UNKNOWN = "#0072B2", "#D55E00", "#9A9A9A"
_SIDE = 200  # of the longer side of a matrix, in pixels

Floats = npt.NDArray[np.float64]


def network_svg(sizes: Sequence[int], weights: Sequence[Floats | None], notes: Sequence[str] = ()) -> str:
    """Draw neurons in layers, inputs at the left.

    Parameters
    ----------
    sizes
        The widths of the layers, inputs first.
    weights
        A matrix for each pair of neighbouring layers, shape (outputs, inputs): positive entries are blue, negative ones
        red and dashed, larger ones thicker, zeros are left out. ``None`` draws every edge in grey. Of layers with more
        than `MOST_DRAWN` neurons the first ones are drawn.
    notes
        A text below each pair of layers, such as a density.

    Examples
    --------
    >>> network_svg([2, 1], [np.array([[1.0, 0.0]])]).count("<line")
    1
    """
    shown = [size if size <= MOST_DRAWN else MOST_DRAWN - 1 for size in sizes]
    rows = max(min(size, MOST_DRAWN) for size in sizes)
    height, width = rows * _GAP + 2 * _MARGIN, (len(sizes) - 1) * _STEP + 2 * _MARGIN

    def place(layer: int, neuron: int) -> tuple[float, float]:
        taken = min(sizes[layer], MOST_DRAWN)
        return _MARGIN + layer * _STEP, _MARGIN - 10 + (rows - taken) * _GAP / 2 + (neuron + 0.5) * _GAP

    parts: list[str] = []
    for layer, matrix in enumerate(weights):
        largest = 1.0 if matrix is None or not matrix.any() else float(np.abs(matrix).max())
        for out in range(shown[layer + 1]):
            for into in range(shown[layer]):
                value = None if matrix is None else float(matrix[out, into])
                if value != 0:
                    parts.append(_line(place(layer, into), place(layer + 1, out), value, largest))
    for layer, size in enumerate(sizes):
        for neuron in range(shown[layer]):
            x, y = place(layer, neuron)
            parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{_RADIUS}" fill="white" stroke="black"/>')
        if size > MOST_DRAWN:
            x, y = place(layer, shown[layer])
            parts.append(_text(x, y + 4, "⋮"))
        parts.append(_text(place(layer, 0)[0], height - 22, f"{size:,}"))
    parts += [_text(place(layer, 0)[0] + _STEP / 2, height - 6, note, 11) for layer, note in enumerate(notes)]
    return _svg(width, height, parts, f"layers of {', '.join(map(str, sizes))} neurons")


def spy_svg(matrices: Sequence[tuple[str, tuple[int, int], Floats]]) -> str:
    """Draw where matrices have weights, side by side.

    Parameters
    ----------
    matrices
        A title, the shape, and by `shares_of` the shares of non-zeros of its cells.

    Examples
    --------
    >>> spy_svg([("mask", (2, 2), shares_of(np.eye(2)))]).count("<rect")
    3
    """
    parts: list[str] = []
    left = _MARGIN / 2
    for title, (rows, columns), shares in matrices:
        scale = _SIDE / max(rows, columns)
        high, wide = max(12.0, rows * scale), max(12.0, columns * scale)
        cell_high, cell_wide = high / shares.shape[0], wide / shares.shape[1]
        densest = float(shares.max(initial=0.0)) or 1.0
        parts.append(_text(left + wide / 2, 16, title))
        parts.append(_rect(left, 24, wide, high, "none", 'stroke="#595959"'))
        for row, column in zip(*(part.tolist() for part in shares.nonzero()), strict=True):
            shade = round(235 * (1 - float(shares[row, column]) / densest))
            colour = f"rgb({shade},{shade},{shade})"
            parts.append(_rect(left + column * cell_wide, 24 + row * cell_high, cell_wide, cell_high, colour))
        parts.append(_text(left + wide / 2, 24 + high + 16, f"{rows:,} x {columns:,}, {shares.mean():.3g} of all"))
        left += max(wide, 150) + _MARGIN
    return _svg(left, 24 + _SIDE + 30, parts, "where the weights are")


def shares_of(matrix: npt.ArrayLike) -> Floats:
    """Give the share of non-zeros in each cell of a grid of at most `GRID` by `GRID` cells of nearly equal size.

    Examples
    --------
    >>> shares_of(np.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    kept = np.asarray(matrix) != 0
    ends = [np.linspace(0, size, min(size, GRID) + 1).astype(int) for size in kept.shape]
    sums = np.add.reduceat(np.add.reduceat(kept.astype(np.float64), ends[0][:-1], axis=0), ends[1][:-1], axis=1)
    areas = np.diff(ends[0])[:, None] * np.diff(ends[1])[None, :]
    shares: Floats = sums / areas
    return shares


def _line(start: tuple[float, float], end: tuple[float, float], value: float | None, largest: float) -> str:
    colour = _UNKNOWN if value is None else _POSITIVE if value > 0 else _NEGATIVE
    thickness = 0.6 if value is None else 0.5 + 2 * abs(value) / largest
    dash = ' stroke-dasharray="5 2"' if value is not None and value < 0 else ""
    ends = f'x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{thickness:.2f}"{dash}/>'


def _rect(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    box = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    return f'<rect {box} fill="{fill}" shape-rendering="crispEdges" {more}/>'


def _text(x: float, y: float, text: str, size: int = 12) -> str:
    style = f'text-anchor="middle" font-family="sans-serif" font-size="{size}"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str], says: str) -> str:
    box = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} style="background:white" role="img">'
    return "".join([head, f"<title>{escape(says)}</title>", *parts, "</svg>"])
