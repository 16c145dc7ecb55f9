"""The compiled gradients of a sparse layer that move its weights at once, as SGD with momentum does.

A gradient is used where it is found, and never written down. Like other products they are called with addresses;
`first`, `last`, `unit`, `rows`, `width`, `kept` and what is said of tensors are as in `addresses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from ertheory.kernels import kernel
from ertrain.masks.sparse.addresses import at_address
from ertrain.masks.sparse.vectors import move_rows, pass_back_moving

__all__ = ["move_at", "move_back_at", "move_vector_at"]


@kernel
def move_back_at(
    first: int, last: int, of_columns: int, rows_of: int, places: int, values: int, inputs: int, gradients: int,
    of_inputs: int, velocities: int, of_bias: int, rows: int, width: int, kept: int, batch: int, relu: bool,
    rate: float, momentum: float, decay: float, unit: Any,
) -> None:  # fmt: skip
    """Do what `backward_at` does, but move the values and their velocities instead of giving their gradients."""
    starts = carray(at_address(of_columns, np.int64(0)), (width + 1,))
    entries_rows = carray(at_address(rows_of, np.int32(0)), (kept,))
    entries_places = carray(at_address(places, np.int32(0)), (kept,))
    numbers = carray(at_address(values, unit), (kept,))
    given = carray(at_address(inputs, unit), (width, batch))
    found = carray(at_address(gradients, unit), (rows, batch))
    further = carray(at_address(of_inputs, unit), (width, batch))
    speeds = carray(at_address(velocities, unit), (kept,))
    sums = carray(at_address(of_bias, unit), (width if relu else 0,))
    for column in range(first, last):
        pass_back_moving(
            numbers, entries_rows, entries_places, starts[column], starts[column + 1], given, batch, found, relu,
            column, speeds, further, sums, rate, momentum, decay,
        )  # fmt: skip


@kernel
def move_at(
    first: int, last: int, starts: int, columns: int, values: int, inputs: int, gradients: int, velocities: int,
    rows: int, width: int, kept: int, batch: int, rate: float, momentum: float, decay: float, unit: Any,
) -> None:  # fmt: skip
    """Do what `weight_gradients_at` does, but move the values and their velocities instead."""
    begins = carray(at_address(starts, np.int64(0)), (rows + 1,))
    entries = carray(at_address(columns, np.int32(0)), (kept,))
    numbers = carray(at_address(values, unit), (kept,))
    given = carray(at_address(inputs, unit), (width, batch))
    found = carray(at_address(gradients, unit), (rows, batch))
    speeds = carray(at_address(velocities, unit), (kept,))
    for row in range(first, last):
        begin, end = begins[row], begins[row + 1]
        move_rows(speeds, entries, begin, end, given, batch, found, row, numbers, rate, momentum, decay)


@kernel
def move_vector_at(
    first: int, last: int, values: int, velocities: int, gradients: int, length: int,
    rate: float, momentum: float, decay: float, unit: Any,
) -> None:  # fmt: skip
    """Move some elements of a vector whose gradients have been found."""
    numbers = carray(at_address(values, unit), (length,))
    speeds = carray(at_address(velocities, unit), (length,))
    found = carray(at_address(gradients, unit), (length,))
    how = speeds.dtype.type(rate), speeds.dtype.type(momentum), speeds.dtype.type(decay)
    for at in range(first, last):
        speeds[at] = how[1] * speeds[at] + found[at] + how[2] * numbers[at]
        numbers[at] -= how[0] * speeds[at]
