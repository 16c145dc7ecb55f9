"""ER masks that are drawn by the gaps between their entries: time goes with what is kept, not with what is looked at.

A mask of 500,000 x 500,000 entries of which every ten-thousandth is kept takes `DrawnMask` minutes, because it decides
every entry, and this one a second or two. Which entries are kept is another matter: the two draw other masks from a
seed, this one does not contain a sparser one of its seed, and to look at one entry, its row is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.masks.drawn import Bools, DrawnMask, Integers, Rows, pattern_csr

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["GapMask"]

_GAPS = 3  # the stream of a layer; masks have none, weights 1, biases 2


@dataclass(frozen=True)
class GapMask:
    """A mask whose entries are kept with probability p, independently, drawn where it is looked at.

    Parameters
    ----------
    shape
        (N_l, columns), at most 2^31 - 1 columns.
    density
        p in (0, 1].
    seed
        0 <= seed < 2^128.
    layer
        Number of the source layer. Layers have streams of their own.

    Notes
    -----
    The number of entries left out before the next one that is kept is floor(log U / log(1 - p)) for a uniform number U
    of 53 binary digits, in double precision: its law differs from the geometric one by relative errors near 2^-50, and
    gaps beyond 37 / p do not occur. For exact probabilities use `DrawnMask`. Rows are drawn each on its own, so blocks
    of any size give the same bits.

    Examples
    --------
    >>> mask = GapMask((500_000, 500_000), Fraction(1, 10_000), seed=3)
    >>> mask.to_csr(1000, 1010).shape, mask.to_csr(1000, 1010).nnz
    ((10, 500000), 514)
    """

    shape: tuple[int, int]
    density: Fraction
    seed: int = 0
    layer: int = 0

    def __post_init__(self) -> None:
        checked = DrawnMask(self.shape, self.density, self.seed, self.layer)
        for name in ("density", "seed", "layer"):
            object.__setattr__(self, name, getattr(checked, name))
        if float(self.density) < 2.0**-60:
            raise InvalidInput("density", "0, 1 or at least 2^-60", float(self.density))

    def rows(self, start: int, stop: int) -> Rows:
        """Draw the rows start..stop - 1: where each begins, stop - start + 1 numbers, and the columns that it keeps."""
        if self.density == 1:
            return DrawnMask(self.shape, self.density).rows(start, stop)
        from ertheory.masks.gaps_kernel import count_entries, draw_entries

        scale = 1 / float(np.log1p(-float(self.density)))
        key = np.random.SeedSequence(self.seed, spawn_key=(self.layer, _GAPS)).generate_state(2, np.uint64)
        drawn = start, self.shape[1], scale, key.astype(np.uint64)
        starts = np.zeros(stop - start + 1, dtype=np.int64)
        count_entries(*drawn, starts[1:])
        np.cumsum(starts, out=starts)
        columns = np.empty(starts[-1], dtype=np.int32)
        draw_entries(*drawn, starts, columns)
        return starts, columns

    def contains(self, rows: Integers, columns: Integers) -> Bools:
        """Say of single entries whether they are kept, by drawing their rows; both arguments have shape (entries,)."""
        found = np.zeros(len(rows), dtype=np.bool_)
        for row in np.unique(rows):
            asked = rows == row
            found[asked] = np.isin(columns[asked], self.rows(int(row), int(row) + 1)[1])
        return found

    def to_csr(self, start: int = 0, stop: int | None = None) -> csr_array:
        """Draw the rows start..stop - 1, all of them if left out, as a sparse array of booleans."""
        stop = self.shape[0] if stop is None else stop
        return pattern_csr(*self.rows(start, stop), self.shape[1])
