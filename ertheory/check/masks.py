"""Whether the weights of a source lie in its masks.

>>> from ertheory.networks.network import Affine, Network
>>> network = Network((Affine.from_dense([[1.0, 2.0]]),))
>>> off_mask(network, [[[True, False]]])
((0, 0, 1),)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.network import Network

__all__ = ["off_mask"]

_SHOWN = 10
_AT_ONCE = 2**20


def off_mask(source: Network, masks: Sequence[Any]) -> tuple[tuple[int, int, int], ...]:
    """Give the first few weights that lie outside of the masks, as (layer, row, column).

    Parameters
    ----------
    source
        Its affine steps are the layers.
    masks
        One per affine step, of the shape of its weights: dense or sparse, non-zero where a weight may be, or an object
        with ``shape`` and ``contains(rows, columns)``, which gives booleans. A dense mask may have one axis per axis of
        the kernel.

    Raises
    ------
    InvalidInput
        If the number of masks or a shape is not that of the source.
    """
    layers = source.affine
    if len(masks) != len(layers):
        raise InvalidInput("masks", f"{len(layers)} masks, one per affine step", len(masks))
    outside: list[tuple[int, int, int]] = []
    for layer, (step, mask) in enumerate(zip(layers, masks, strict=True)):
        kept = _readable(layer, mask, step.weight.shape)
        rows = np.repeat(np.arange(step.outputs, dtype=np.int64), np.diff(step.weight.indptr))
        columns = step.weight.indices.astype(np.int64)
        for start in range(0, len(rows), _AT_ONCE):
            cut = slice(start, start + _AT_ONCE)
            for place in np.flatnonzero(~kept(rows[cut], columns[cut])).tolist():
                outside.append((layer, int(rows[cut][place]), int(columns[cut][place])))
                if len(outside) == _SHOWN:
                    return tuple(outside)
    return tuple(outside)


def _readable(layer: int, mask: Any, shape: tuple[int, int]) -> Any:
    """Give a function of rows and columns."""
    from scipy.sparse import csr_array, issparse

    if hasattr(mask, "contains"):
        _check_shape(layer, tuple(mask.shape), shape)
        return lambda rows, columns: np.asarray(mask.contains(rows, columns), dtype=np.bool_)
    if not issparse(mask):
        dense = np.asarray(mask) != 0
        dense = dense.reshape(len(dense), -1) if dense.ndim > 2 else dense
        _check_shape(layer, dense.shape, shape)
        return lambda rows, columns: dense[rows, columns]
    _check_shape(layer, mask.shape, shape)
    sparse = csr_array(mask, copy=True)
    sparse.sum_duplicates()
    sparse.eliminate_zeros()
    entries = np.repeat(np.arange(shape[0], dtype=np.int64), np.diff(sparse.indptr)) * shape[1] + sparse.indices

    def contains(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        keys = rows * shape[1] + columns
        place = np.searchsorted(entries, keys)
        found: npt.NDArray[np.bool_] = place < len(entries)
        found[found] = entries[place[found]] == keys[found]
        return found

    return contains


def _check_shape(layer: int, shape: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if tuple(shape) != tuple(wanted):
        raise InvalidInput("masks", f"shape {tuple(map(int, wanted))} at layer {layer}", tuple(shape))
