"""Masks draw themselves in a notebook: edges of small ones, where large ones keep entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ertheory.networks.drawing import GRID, MOST_DRAWN, network_svg, spy_svg

if TYPE_CHECKING:
    from ertheory.masks.drawn import DrawnMask
    from ertheory.masks.given import GivenMask

__all__ = ["mask_svg"]

_MOST_ENTRIES = 20_000_000  # that are drawn for a picture; of larger masks the first rows


def mask_svg(mask: DrawnMask | GivenMask, title: str) -> str:
    """Draw a mask, or as many of its first rows as are quick to draw.

    Parameters
    ----------
    mask
        It is that of shape (rows, columns).
    title
        What stands above it.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from ertheory.masks.drawn import DrawnMask
    >>> mask_svg(DrawnMask((3, 2), Fraction(1)), "all").count("<line")
    6
    """
    rows, columns = mask.shape
    if not rows or not columns:
        return network_svg([max(1, columns), max(1, rows)], [np.zeros((max(1, rows), max(1, columns)))])
    shown = min(rows, max(1, _MOST_ENTRIES // columns))
    entries = mask.to_csr(0, shown).tocoo()
    if max(rows, columns) <= MOST_DRAWN:
        small = np.zeros((rows, columns))
        small[entries.row, entries.col] = 1
        return network_svg([columns, rows], [small])
    cells = min(shown, GRID), min(columns, GRID)
    ends = [np.linspace(0, size, count + 1).astype(int) for size, count in zip((shown, columns), cells, strict=True)]
    counts, _, _ = np.histogram2d(entries.row, entries.col, bins=[end - 0.5 for end in ends])
    areas = np.diff(ends[0])[:, None] * np.diff(ends[1])[None, :]
    part = "" if shown == rows else f", first {shown:,} of {rows:,} rows"
    return spy_svg([(title + part, (shown, columns), counts / areas)])
