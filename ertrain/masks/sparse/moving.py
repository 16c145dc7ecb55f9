"""The compiled gradients of a sparse layer that move its weights at once, as SGD with momentum does.

A gradient is used where it is found, and never written down. Like the products of one thread they are called with
addresses; `unit`, `rows`, `width`, `kept` and what is said of tensors are as in `addresses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, prange  # type: ignore[attr-defined]

from ertheory.kernels import kernel
from ertrain.masks.sparse.addresses import at_address
from ertrain.masks.sparse.kernels import PARTS, Floats, Places, Starts
from ertrain.masks.sparse.vectors import move_rows, pass_back_moving

__all__ = ["move_at", "move_back_at"]


@kernel
def _columns(
    begin: int,
    end: int,
    starts: Starts,
    rows: Places,
    places: Places,
    values: Floats,
    inputs: Floats,
    gradients: Floats,
    of_inputs: Floats,
    velocities: Floats,
    relu: bool,
    of_bias: Floats,
    rate: float,
    momentum: float,
    decay: float,
) -> None:
    batch = inputs.shape[1]
    for column in range(begin, end):
        first, last = starts[column], starts[column + 1]
        pass_back_moving(
            values, rows, places, first, last, inputs, batch, gradients, relu, column, velocities, of_inputs, of_bias,
            rate, momentum, decay,
        )  # fmt: skip


@kernel(parallel=True)
def _column_parts(parts: int, columns: int, *given: Any) -> None:
    for part in prange(parts):
        _columns(columns * part // parts, columns * (part + 1) // parts, *given)


@kernel
def _rows(
    first: int,
    last: int,
    starts: Starts,
    columns: Places,
    values: Floats,
    inputs: Floats,
    gradients: Floats,
    velocities: Floats,
    rate: float,
    momentum: float,
    decay: float,
) -> None:
    batch = inputs.shape[1]
    for row in range(first, last):
        begin, end = starts[row], starts[row + 1]
        move_rows(velocities, columns, begin, end, inputs, batch, gradients, row, values, rate, momentum, decay)


@kernel(parallel=True)
def _row_parts(parts: int, rows: int, *given: Any) -> None:
    for part in prange(parts):
        _rows(rows * part // parts, rows * (part + 1) // parts, *given)


@kernel
def move_back_at(
    of_columns: int, rows_of: int, places: int, values: int, inputs: int, gradients: int, of_inputs: int,
    velocities: int, of_bias: int, rows: int, width: int, kept: int, batch: int, relu: bool,
    rate: float, momentum: float, decay: float, threads: int, unit: Any,
) -> None:  # fmt: skip
    """Do what `kernels.backward` does, but move the values and their velocities instead of giving their gradients."""
    given = (
        carray(at_address(of_columns, np.int64(0)), (width + 1,)),
        carray(at_address(rows_of, np.int32(0)), (kept,)),
        carray(at_address(places, np.int32(0)), (kept,)),
        carray(at_address(values, unit), (kept,)),
        carray(at_address(inputs, unit), (width, batch)),
        carray(at_address(gradients, unit), (rows, batch)),
        carray(at_address(of_inputs, unit), (width, batch)),
        carray(at_address(velocities, unit), (kept,)),
        relu,
        carray(at_address(of_bias, unit), (width if relu else 0,)),
        rate,
        momentum,
        decay,
    )
    if threads == 1:
        _columns(0, width, *given)
    else:
        _column_parts(PARTS * threads, width, *given)


@kernel
def move_at(
    starts: int, columns: int, values: int, inputs: int, gradients: int, velocities: int,
    rows: int, width: int, kept: int, batch: int,
    rate: float, momentum: float, decay: float, threads: int, unit: Any,
) -> None:  # fmt: skip
    """Do what `kernels.weight_gradients` does, but move the values and their velocities instead."""
    given = (
        carray(at_address(starts, np.int64(0)), (rows + 1,)),
        carray(at_address(columns, np.int32(0)), (kept,)),
        carray(at_address(values, unit), (kept,)),
        carray(at_address(inputs, unit), (width, batch)),
        carray(at_address(gradients, unit), (rows, batch)),
        carray(at_address(velocities, unit), (kept,)),
        rate,
        momentum,
        decay,
    )
    if threads == 1:
        _rows(0, rows, *given)
    else:
        _row_parts(PARTS * threads, rows, *given)
