"""The same products by several threads: each takes some lines of W, with as much to do as the others.

Who computes with one thread does not load this: even a loop that one thread works on wakes the others and waits for
them, which takes longer than a step where the processors have other work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, prange  # type: ignore[attr-defined]

from ertheory.kernels import kernel
from ertrain.masks.sparse.addresses import at_address, backward_at, forward_at, transpose_at, weight_gradients_at
from ertrain.masks.sparse.moving import move_at, move_back_at, move_vector_at

__all__ = [
    "share_backward",
    "share_forward",
    "share_move",
    "share_move_back",
    "share_move_vector",
    "share_transpose",
    "share_weights",
]

# One function for each product: numba keeps no machine code, from one process to the next, of functions that are made.
_OF_A_LINE = 8  # entries take as long as what is done for a line, whatever it has


@kernel
def _begin(starts: int, lines: int, kept: int, part: int, parts: int) -> int:
    """Give the line at which a part begins, of so many that take equally long; the last one ends at the end."""
    begins = carray(at_address(starts, np.int64(0)), (lines + 1,))
    before = (kept + _OF_A_LINE * lines) * part // parts
    low, high = 0, lines
    while low < high:
        middle = (low + high) // 2
        if begins[middle] + _OF_A_LINE * middle < before:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _lines(starts: int, lines: int, kept: int, part: int, parts: int) -> tuple[int, int]:
    """Give the first line of a part, and the one after its last."""
    return _begin(starts, lines, kept, part, parts), _begin(starts, lines, kept, part + 1, parts)


@kernel(parallel=True)
def share_forward(threads: int, lines: int, kept: int, starts: int, *given: Any) -> None:
    """Do what `forward_at` does, of all lines."""
    for part in prange(threads):
        first, last = _lines(starts, lines, kept, part, threads)
        forward_at(first, last, starts, *given)


@kernel(parallel=True)
def share_backward(threads: int, lines: int, kept: int, starts: int, *given: Any) -> None:
    """Do what `backward_at` does, of all lines."""
    for part in prange(threads):
        first, last = _lines(starts, lines, kept, part, threads)
        backward_at(first, last, starts, *given)


@kernel(parallel=True)
def share_weights(threads: int, lines: int, kept: int, starts: int, *given: Any) -> None:
    """Do what `weight_gradients_at` does, of all lines."""
    for part in prange(threads):
        first, last = _lines(starts, lines, kept, part, threads)
        weight_gradients_at(first, last, starts, *given)


@kernel(parallel=True)
def share_move(threads: int, lines: int, kept: int, starts: int, *given: Any) -> None:
    """Do what `move_at` does, of all lines."""
    for part in prange(threads):
        first, last = _lines(starts, lines, kept, part, threads)
        move_at(first, last, starts, *given)


@kernel(parallel=True)
def share_move_back(threads: int, lines: int, kept: int, starts: int, *given: Any) -> None:
    """Do what `move_back_at` does, of all lines."""
    for part in prange(threads):
        first, last = _lines(starts, lines, kept, part, threads)
        move_back_at(first, last, starts, *given)


@kernel(parallel=True)
def share_move_vector(threads: int, length: int, *given: Any) -> None:
    """Do what `move_vector_at` does, of all elements."""
    for part in prange(threads):
        move_vector_at(length * part // threads, length * (part + 1) // threads, *given)


@kernel(parallel=True)
def share_transpose(threads: int, columns: int, block: int, *given: Any) -> None:
    """Do what `transpose_at` does, of all columns."""
    blocks = -(-columns // block)
    for part in prange(threads):
        first, last = blocks * part // threads * block, min(columns, blocks * (part + 1) // threads * block)
        transpose_at(first, last, *given)
