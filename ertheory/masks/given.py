"""Masks that come from elsewhere: arrays, sparse matrices, the buffers of a PyTorch module."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.masks.drawn import Bools, DrawnMask, Integers, Rows
from ertheory.masks.gaps import GapMask

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["GivenMask", "read_mask"]


@dataclass(frozen=True, eq=False)
class GivenMask:
    """A mask that is held as the pattern of a sparse array, shape (N_l, columns); its stored entries are kept."""

    pattern: csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """(N_l, columns)."""
        rows, columns = self.pattern.shape
        return int(rows), int(columns)

    def rows(self, start: int, stop: int) -> Rows:
        """Give the rows start..stop - 1: where each begins, and the columns that it keeps."""
        starts = self.pattern.indptr[start : stop + 1].astype(np.int64)
        return starts - starts[0], self.pattern.indices[starts[0] : starts[-1]].astype(np.int32)

    def contains(self, rows: Integers, columns: Integers) -> Bools:
        """Say of single entries whether they are kept; both arguments have one shape (entries,)."""
        width = self.shape[1]
        owners = np.repeat(np.arange(self.shape[0]), np.diff(self.pattern.indptr))
        # Row by row with sorted columns, so the numbers of the entries increase.
        entries = owners * width + self.pattern.indices
        asked = np.asarray(rows, dtype=np.int64) * width + np.asarray(columns, dtype=np.int64)
        places = np.minimum(np.searchsorted(entries, asked), max(len(entries) - 1, 0))
        found: Bools = entries[places] == asked if len(entries) else np.zeros(len(asked), dtype=np.bool_)
        return found

    def _repr_svg_(self) -> str:
        from ertheory.masks.drawing import mask_svg

        return mask_svg(self, "given mask")

    def to_csr(self, start: int = 0, stop: int | None = None) -> csr_array:
        """Give the rows start..stop - 1, all of them if left out, as a sparse array of booleans."""
        return self.pattern[start : self.shape[0] if stop is None else stop]


def read_mask(thing: Any, *, name: str = "mask") -> DrawnMask | GapMask | GivenMask:
    """Read the mask of one source layer.

    Parameters
    ----------
    thing
        A mask; an array or a tensor of zeros and ones, shape (N_l, N_{l-1}) or (N_l, N_{l-1} / groups, *kernel); or a
        sparse matrix of zeros and ones, whose filters lie row by row.
    name
        The name that stands in an error.

    Raises
    ------
    InvalidInput
        If it is none of these.

    Examples
    --------
    >>> read_mask([[0, 1], [1, 1]]).to_csr().nnz
    3
    """
    from scipy.sparse import csr_array, issparse

    if isinstance(thing, DrawnMask | GapMask | GivenMask):
        return thing
    if issparse(thing):
        if thing.ndim != 2:
            raise InvalidInput(name, "a sparse array of two dimensions", thing.shape)
        pattern = csr_array(thing, copy=True)
        if not np.isin(pattern.data, (0, 1)).all():
            raise InvalidInput(name, "zeros and ones", pattern.data[~np.isin(pattern.data, (0, 1))][0].item())
        pattern.sum_duplicates()
        if not np.isin(pattern.data, (0, 1)).all():
            raise InvalidInput(name, "every entry once", "an entry that is stored twice")
        pattern.eliminate_zeros()
        return GivenMask(pattern.astype(np.bool_))
    try:
        array = np.asarray(thing.detach().cpu() if hasattr(thing, "detach") else thing)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInput(name, "a rectangular array of zeros and ones", type(thing).__name__) from None
    if array.dtype.kind not in "biuf" or array.ndim < 2:
        raise InvalidInput(name, "zeros and ones in two or more dimensions", f"{array.dtype} of shape {array.shape}")
    kept = array != 0
    if not np.array_equal(array, kept):
        raise InvalidInput(name, "zeros and ones", array[array != kept][0].item())
    return GivenMask(csr_array(kept.reshape(len(kept), math.prod(kept.shape[1:]))))
