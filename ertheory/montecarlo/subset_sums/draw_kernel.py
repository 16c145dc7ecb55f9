"""Compiled: the weights of a subset sum out of random words; see `ertheory.montecarlo.subset_sums.draws`."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from ertheory.kernels import kernel
from ertheory.masks.philox import philox_words, round_keys

__all__ = ["draw_block", "fill_weights"]

Floats: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint64]


@njit(inline="always", nogil=True)
def draw_block(values: Floats, block: int, trial: int, stream: int, product: bool, keys: Any) -> None:
    """Draw the weights 4 block .. 4 block + 3 of a trial into their places of `values`."""
    drawn = philox_words(uint64(block), uint64(trial), uint64(stream), uint64(0), keys)
    for lane in range(4):
        middle = np.int64((drawn[lane] >> uint64(11) << uint64(1)) | uint64(1))
        values[4 * block + lane] = (middle - 9007199254740992) * 2.0**-53
    if product:
        factors = philox_words(uint64(block), uint64(trial), uint64(stream + 1), uint64(0), keys)
        for lane in range(4):
            middle = np.int64((factors[lane] >> uint64(12) << uint64(1)) | uint64(1))
            values[4 * block + lane] *= middle * 2.0**-53


@kernel
def fill_weights(weights: Floats, first: int, stream: int, product: bool, key: Words) -> None:
    """Draw the weights of the trials from `first` on, shape (trials, a multiple of four)."""
    keys = round_keys(key)
    for row in range(len(weights)):
        for block in range(weights.shape[1] // 4):
            draw_block(weights[row], block, first + row, stream, product, keys)
