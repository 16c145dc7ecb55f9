"""Means of losses from below, as Coq adds them up: some terms of Hall's sums, over a window of numbers of columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Window", "least_losses", "window_above"]

Floats = npt.NDArray[np.float64]

_CLEAR = 1e-6  # relative: what is closer to a number does not count as above it


@dataclass(frozen=True)
class Window:
    """So many terms at each end of Hall's sum, at the columns from `start` on, and the distance that has to be seen."""

    ends: int
    start: int
    length: int
    margin: float


def least_losses(rows: int, most: int, miss: float, ends: int) -> Floats:
    """Bound from below what is lost at 0, 1, ..., so many columns: the least so far of the terms at both ends.

    Examples
    --------
    >>> [round(float(lost), 3) for lost in least_losses(2, 4, 0.5, 1)]
    [1.0, 1.0, 1.0, 0.438, 0.188]
    """
    from scipy.special import gammaln  # slow to load

    losses = np.ones(most + 1)
    columns = np.arange(rows, most + 1, dtype=np.float64)[:, None]
    if not len(columns):
        return losses
    if not miss:
        losses[rows:] = 0.0
        return losses
    sizes = np.arange(1, rows + 1, dtype=np.float64)
    if 2 * ends < rows:
        sizes = np.concatenate([sizes[:ends], sizes[-ends:]])
    terms = gammaln(rows + 1) - gammaln(sizes + 1) - gammaln(rows - sizes + 1)
    terms = terms + gammaln(columns + 1) - gammaln(sizes) - gammaln(columns - sizes + 2)
    terms += sizes * (columns - sizes + 1) * np.log(miss)
    losses[rows:] = np.minimum(1.0, np.exp(np.minimum(terms, 1.0)).sum(axis=1))
    return np.minimum.accumulate(losses)


def window_above(shares: Floats, need: float, ends: int) -> Window | None:
    """Find a window whose shares add up to more than what is needed, or nothing where they do not all together.

    Examples
    --------
    >>> found = window_above(np.array([0.0, 0.1, 0.5, 0.4, 1e-9]), 0.8, 1)
    >>> (found.start, found.length, round(found.margin, 3)) if found else None
    (1, 3, 0.1)
    """
    margin = float(shares.sum()) * (1 - 1e-9) - need
    if margin <= _CLEAR * need:
        return None
    start = int(np.argmax(np.cumsum(shares) > margin / 8))
    end = len(shares) - int(np.argmax(np.cumsum(shares[::-1]) > margin / 8))
    return Window(ends, start, end - start, margin / 2)
