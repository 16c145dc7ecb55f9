"""Weights on a mask, gathered a few rows at a time, and filters as matrices and back.

>>> import numpy as np
>>> from scipy.sparse import csr_array
>>> held = HeldWeights((2, 3), np.float64)
>>> for row in ([[1, 0, 1]], [[0, 1, 1]]):
...     held.add(csr_array(row), csr_array([[0.0, 0.0, 5.0]]))
>>> [array.tolist() for array in held.taken()]
[[0, 2, 4, 5], [0.0, 5.0, 0.0, 5.0], [0, 2, 4]]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["HeldWeights", "moved_right", "rows_to_taps", "taps_to_rows"]


class HeldWeights:
    """The kept entries of a weight, of which rows are added from above to below.

    Parameters
    ----------
    shape
        It is that of the weight as a matrix.
    dtype
        It is that of its numbers.
    """

    def __init__(self, shape: tuple[int, int], dtype: Any) -> None:
        self._width = shape[1]
        self._dtype = np.dtype(dtype)
        self._small = shape[0] * shape[1] < 2**31
        self._places: list[Any] = []
        self._values: list[Any] = []
        self._starts: list[Any] = [np.zeros(1, dtype=np.int64)]
        self.kept = 0
        self._rows = 0

    def add(self, mask: csr_array, matrix: csr_array) -> None:
        """Add rows: those of the mask, and numbers on it, 0 where there is none."""
        kept, given = (_places(array) for array in (mask, matrix))
        values = np.zeros(len(kept), dtype=self._dtype)
        values[np.searchsorted(kept, given)] = matrix.data
        kept += self._rows * self._width
        self._places.append(kept.astype(np.int32) if self._small else kept)
        self._values.append(values)
        self._starts.append(self.kept + np.asarray(mask.indptr[1:], dtype=np.int64))
        self.kept += len(kept)
        self._rows += mask.shape[0]

    def taken(self) -> tuple[Any, Any, Any]:
        """Give places, values and row starts; nothing is held any more afterwards."""
        result = []
        for name in ("_places", "_values", "_starts"):
            parts = getattr(self, name)
            setattr(self, name, [])
            result.append(np.concatenate(parts))
            del parts
        return result[0], result[1], result[2]


def taps_to_rows(array: csr_array, taps: int) -> csr_array:
    """Write an array of shape (m, N * taps), channel by channel, as one of shape (m * taps, N).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> taps_to_rows(csr_array([[1, 2, 3, 4]]), 2).toarray().tolist()
    [[1, 3], [2, 4]]
    """
    return _moved(array, (array.shape[0] * taps, array.shape[1] // taps), lambda r, c: (r * taps + c % taps, c // taps))


def rows_to_taps(array: csr_array, taps: int) -> csr_array:
    """Write an array of shape (m * taps, N) as one of shape (m, N * taps): the way back of `taps_to_rows`."""
    return _moved(array, (array.shape[0] // taps, array.shape[1] * taps), lambda r, c: (r // taps, c * taps + r % taps))


def moved_right(array: csr_array, columns: int, width: int) -> csr_array:
    """Put empty columns at the left, and at the right up to a width."""
    from scipy.sparse import csr_array

    if columns == 0 and array.shape[1] == width:
        return array
    result: csr_array = csr_array((array.data, array.indices + columns, array.indptr), shape=(array.shape[0], width))
    return result


def _moved(array: csr_array, shape: tuple[int, int], move: Callable[[Any, Any], tuple[Any, Any]]) -> csr_array:
    from scipy.sparse import csr_array

    entries = array.tocoo()
    result: csr_array = csr_array(
        (entries.data, move(entries.row.astype(np.int64), entries.col.astype(np.int64))), shape=shape
    )
    result.sort_indices()
    return result


def _places(array: csr_array) -> Any:
    rows = np.repeat(np.arange(array.shape[0], dtype=np.int64), np.diff(array.indptr))
    rows *= array.shape[1]
    rows += array.indices
    return rows
