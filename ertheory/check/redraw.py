"""A drawn source once more, by NumPy's own Philox: the checker shares no code with what drew it.

Only the definition of the streams is shared. Of source layer l, with keys from `numpy.random.SeedSequence`:

- spawn key (l,): the mask. Digits 4 c, .., 4 c + 3 of the entries 64 w, .., 64 w + 63 of row r, one bit each, are the
  block with counter (w, r, c, 0). An entry is kept if its number, so written in binary, is below p.
- spawn key (l, 1): the weights, entries 4 k, .., 4 k + 3 of row r from the block (k, r, 0, 0). Of a word, the upper 53
  bits n stand for (2 n + 1 - 2^53) / 2^53.
- spawn key (l, 2): the biases, as the weights of row 0.

Where weights have B bits behind the point, a number u stands for (floor((u + 1) (M + 1/2)) - M) / M, at most 1, with
M = 2^B, computed in doubles.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["biases_again", "kept_again", "weights_again"]

_DIGITS = 256


def weights_again(seed: int, layer: int, row: int, columns: int, bits: int | None = None) -> npt.NDArray[np.float64]:
    """Draw a row of weights, before the mask."""
    return _coded(_uniform(seed, (layer, 1), row, columns), bits)


def biases_again(seed: int, layer: int, rows: int, bits: int | None = None) -> npt.NDArray[np.float64]:
    """Draw the biases of a layer."""
    return _coded(_uniform(seed, (layer, 2), 0, rows), bits)


def kept_again(seed: int, layer: int, row: int, columns: int, density: Fraction) -> npt.NDArray[np.bool_]:
    """Draw a row of the mask.

    Examples
    --------
    >>> bool(kept_again(3, 1, 0, 5, Fraction(1)).all())
    True
    """
    if density == 1:
        return np.ones(columns, dtype=np.bool_)
    words = -(-columns // 64)
    digits = f"{int(density * 2**_DIGITS):0{_DIGITS}b}"
    smaller = np.zeros(columns, dtype=np.bool_)
    undecided = np.ones(columns, dtype=np.bool_)
    for block in range(_DIGITS // 4):
        drawn = _blocks(seed, (layer,), row, block, words)
        for lane in range(4):
            bits = np.unpackbits(drawn[:, lane].astype("<u8").view(np.uint8), bitorder="little")[:columns] == 1
            one = digits[4 * block + lane] == "1"
            smaller |= undecided & ~bits & one
            undecided &= bits == one
        if not undecided.any():
            break
    return smaller


def _uniform(seed: int, spawn_key: Sequence[int], row: int, count: int) -> npt.NDArray[np.float64]:
    words = _blocks(seed, spawn_key, row, 0, -(-count // 4)).ravel()[:count]
    odd = 2 * (words >> np.uint64(11)).astype(np.int64) + 1 - 2**53  # as a double only in the end: all of it is exact
    return np.ldexp(odd.astype(np.float64), -53)


def _coded(numbers: npt.NDArray[np.float64], bits: int | None) -> npt.NDArray[np.float64]:
    if bits is None:
        return numbers
    steps = 1 << bits
    places = np.floor((1.0 + numbers) * (0.5 + steps))
    values: npt.NDArray[np.float64] = np.ldexp(np.where(places > 2 * steps, 2 * steps, places) - steps, -bits)
    return values


def _blocks(seed: int, spawn_key: Sequence[int], row: int, block: int, count: int) -> npt.NDArray[np.uint64]:
    """Give the blocks with counters (0, row, block, 0), (1, row, block, 0), .., shape (count, 4)."""
    key = _key(seed, tuple(spawn_key))
    before: Any = ((block << 128) + (row << 64) - 1) % 2**256  # NumPy counts up before it draws
    return np.random.Philox(key=key, counter=before).random_raw(4 * count).astype(np.uint64).reshape(count, 4)


@lru_cache(maxsize=64)
def _key(seed: int, spawn_key: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    return np.random.SeedSequence(seed, spawn_key=spawn_key).generate_state(2, np.uint64).astype(np.uint64)
