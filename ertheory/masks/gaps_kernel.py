"""Compiled: the entries of a row by the gaps between them, each row from a stream of its own.

Gap number g of row r comes from word g % 4 of the Philox block with counter (g // 4, r, 0, 0).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit, prange, uint64

from ertheory.kernels import kernel
from ertheory.masks.philox import Word, Words, philox_words, round_keys

__all__ = ["count_entries", "draw_entries"]

Integers: TypeAlias = npt.NDArray[np.int64]
Columns: TypeAlias = npt.NDArray[np.int32]


@njit(inline="always", nogil=True)
def _after(column: float, word: Word, scale: float) -> float:
    """Give the column that is kept next after one; whole numbers in floating point, as they may be large."""
    uniform = (float(word >> uint64(11)) + 0.5) * 2.0**-53
    return column + 1.0 + math.floor(math.log(uniform) * scale)


@kernel(parallel=True)
def count_entries(first_row: int, width: int, scale: float, key: Words, counts: Integers) -> None:
    """Count the entries of rows from `first_row` on; `scale` is 1 / log(1 - p)."""
    keys = round_keys(key)
    for row in prange(len(counts)):
        column, block, count = -1.0, 0, 0
        while column < width:
            for word in philox_words(uint64(block), uint64(first_row + row), uint64(0), uint64(0), keys):
                column = _after(column, word, scale)
                if column < width:
                    count += 1
            block += 1
        counts[row] = count


@kernel(parallel=True)
def draw_entries(first_row: int, width: int, scale: float, key: Words, starts: Integers, columns: Columns) -> None:
    """Put the columns of the entries where the rows begin; `width` and the others as in `count_entries`."""
    keys = round_keys(key)
    for row in prange(len(starts) - 1):
        column, block, place = -1.0, 0, starts[row]
        while column < width:
            for word in philox_words(uint64(block), uint64(first_row + row), uint64(0), uint64(0), keys):
                column = _after(column, word, scale)
                if column < width:
                    columns[place] = np.int32(column)
                    place += 1
            block += 1
