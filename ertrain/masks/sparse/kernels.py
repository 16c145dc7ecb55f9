"""Compiled products of a sparse layer: forwards, and both gradients, over the kept weights alone.

Activations stand as (features, batch), so that what belongs to one feature is one run of memory: a weight is read once
and meets a whole row of its input. Backwards, a gradient of an output is fetched once and serves the gradient of the
input and that of the weight. What limits all three is how fast these rows come from the caches, not arithmetic.

One row of a result is computed by one thread, in a fixed order: the number of threads changes no bit. One thread goes
through the rows without a parallel loop, since even a loop that one thread works on wakes the others and waits for
them, which takes longer than a step where the processors have other work.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import prange

from ertheory.kernels import kernel
from ertrain.masks.sparse.vectors import add_rows, multiply_rows, pass_back, turn_block

__all__ = ["PARTS", "backward", "forward", "transpose", "turn", "weight_gradients"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Starts: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]

PARTS = 8  # for each thread: rows differ in length


@kernel
def forward_rows(
    first: int,
    last: int,
    starts: Starts,
    columns: Places,
    values: Floats,
    bias: Floats,
    inputs: Floats,
    outputs: Floats,
    relu: bool,
) -> None:
    batch = inputs.shape[1]
    for row in range(first, last):
        add_rows(values, columns, starts[row], starts[row + 1], bias[row], inputs, batch, relu, outputs, row)


@kernel(parallel=True)
def forward_parts(parts: int, rows: int, *given: Any) -> None:
    for part in prange(parts):
        forward_rows(rows * part // parts, rows * (part + 1) // parts, *given)


def forward(
    starts: Starts,
    columns: Places,
    values: Floats,
    bias: Floats,
    inputs: Floats,
    outputs: Floats,
    relu: bool,
    *,
    threads: int = 1,
) -> None:
    """Put W X + b into the outputs (rows, batch), or its ReLU, for a W in CSR and inputs X (columns, batch)."""
    given = (starts, columns, values, bias, inputs, outputs, relu)
    if threads == 1:
        forward_rows(0, len(starts) - 1, *given)
    else:
        forward_parts(PARTS * threads, len(starts) - 1, *given)


@kernel
def backward_columns(
    begin: int,
    end: int,
    starts: Starts,
    rows: Places,
    places: Places,
    values: Floats,
    inputs: Floats,
    gradients: Floats,
    of_inputs: Floats,
    of_values: Floats,
    relu: bool,
    of_bias: Floats,
) -> None:
    batch = inputs.shape[1]
    for column in range(begin, end):
        first, last = starts[column], starts[column + 1]
        pass_back(
            values, rows, places, first, last, inputs, batch, gradients, relu, column, of_values, of_inputs, of_bias
        )


@kernel(parallel=True)
def backward_parts(parts: int, columns: int, *given: Any) -> None:
    for part in prange(parts):
        backward_columns(columns * part // parts, columns * (part + 1) // parts, *given)


def backward(
    starts: Starts,
    rows: Places,
    places: Places,
    values: Floats,
    inputs: Floats,
    gradients: Floats,
    of_inputs: Floats,
    of_values: Floats,
    relu: bool,
    of_bias: Floats,
    *,
    threads: int = 1,
) -> None:
    """Put both gradients where they belong: W^T G, and of every kept weight the product of its input and gradient.

    W is given by its columns: where they start, the rows of their entries, and the places of these among the values.
    If the inputs X are a ReLU of something, the gradient of that is put instead of W^T G, and its sums over the batch,
    which are the gradient of the bias before the ReLU.
    """
    if inputs.shape[1] == 0:
        of_values[:], of_bias[:] = 0, 0
    given = (starts, rows, places, values, inputs, gradients, of_inputs, of_values, relu, of_bias)
    if threads == 1:
        backward_columns(0, len(starts) - 1, *given)
    else:
        backward_parts(PARTS * threads, len(starts) - 1, *given)


@kernel
def weight_rows(
    first: int,
    last: int,
    starts: Starts,
    columns: Places,
    inputs: Floats,
    gradients: Floats,
    of_values: Floats,
) -> None:
    batch = inputs.shape[1]
    for row in range(first, last):
        multiply_rows(of_values, columns, starts[row], starts[row + 1], inputs, batch, gradients, row)


@kernel(parallel=True)
def weight_parts(parts: int, rows: int, *given: Any) -> None:
    for part in prange(parts):
        weight_rows(rows * part // parts, rows * (part + 1) // parts, *given)


def weight_gradients(
    starts: Starts,
    columns: Places,
    inputs: Floats,
    gradients: Floats,
    of_values: Floats,
    *,
    threads: int = 1,
) -> None:
    """Put the gradients of the kept weights where they belong, of a first layer, whose inputs need none."""
    if inputs.shape[1] == 0:
        of_values[:] = 0
    given = (starts, columns, inputs, gradients, of_values)
    if threads == 1:
        weight_rows(0, len(starts) - 1, *given)
    else:
        weight_parts(PARTS * threads, len(starts) - 1, *given)


@kernel
def transpose(given: Floats, rows: int, columns: int, turned: Floats, block: int) -> None:
    """Transpose a matrix, (rows, columns), in blocks as wide as a register; both are given as vectors."""
    whole_rows, whole_columns = rows - rows % block, columns - columns % block
    for column in range(0, whole_columns, block):
        for row in range(0, whole_rows, block):
            turn_block(given, columns, turned, rows, row, column)
        for row in range(whole_rows, rows):
            for at in range(column, column + block):
                turned[at * rows + row] = given[row * columns + at]
    for column in range(whole_columns, columns):
        for row in range(rows):
            turned[column * rows + row] = given[row * columns + column]


@kernel
def turn(starts: Starts, columns: Places, of_columns: Starts, rows: Places, places: Places) -> None:
    """List the entries of every column by rising rows: where columns start, the rows, and the places in CSR."""
    of_columns[:] = 0
    for k in range(len(columns)):
        of_columns[columns[k] + 1] += 1
    for column in range(len(of_columns) - 1):
        of_columns[column + 1] += of_columns[column]
    free = of_columns.copy()
    for row in range(len(starts) - 1):
        for k in range(starts[row], starts[row + 1]):
            at = free[columns[k]]
            rows[at], places[at] = row, k
            free[columns[k]] = at + 1
