"""Compiled products of a sparse layer: forwards, and both gradients, over the kept weights alone.

Activations stand as (features, batch), so that what belongs to one feature is one run of memory: a weight is read once
and meets a whole row of its input. Backwards, a gradient of an output is fetched once and serves the gradient of the
input and that of the weight. What limits all three is how fast these rows come from the caches, not arithmetic.

One row of a result is computed by one thread, in a fixed order: the number of threads changes no bit.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.kernels import kernel
from ertrain.masks.sparse.vectors import add_rows, multiply_rows, pass_back, turn_block

__all__ = ["backward_columns", "forward_rows", "transpose_columns", "turn", "weight_rows"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Starts: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]
_RUN = 16  # blocks


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
    """Put some rows of W X + b, or its ReLU, into the outputs (rows, batch), for inputs (columns, batch)."""
    batch = inputs.shape[1]
    for row in range(first, last):
        add_rows(values, columns, starts[row], starts[row + 1], bias[row], inputs, batch, relu, outputs, row)


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
    """Put both gradients of some columns where they belong: W^T G, and of every kept weight its input times gradient.

    W is given by its columns: where they start, the rows of their entries, and the places of these among the values.
    If the inputs X are a ReLU of something, the gradient of that is put instead of W^T G, and its sums over the batch,
    which are the gradient of the bias before the ReLU.
    """
    batch = inputs.shape[1]
    for column in range(begin, end):
        first, last = starts[column], starts[column + 1]
        pass_back(
            values, rows, places, first, last, inputs, batch, gradients, relu, column, of_values, of_inputs, of_bias
        )


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
    """Put the gradients of the weights of some rows where they belong, of a first layer, whose inputs need none."""
    batch = inputs.shape[1]
    for row in range(first, last):
        multiply_rows(of_values, columns, starts[row], starts[row + 1], inputs, batch, gradients, row)


@kernel
def transpose_columns(
    first: int, last: int, given: Floats, rows: int, columns: int, turned: Floats, block: int
) -> None:
    """Transpose some columns of a matrix, (rows, columns), in blocks as wide as a register; both are vectors.

    The first column is one at which a block begins, and so is the one after the last, or it is the end.
    """
    whole_rows, whole_columns = rows - rows % block, last - last % block
    for begin in range(first, whole_columns, _RUN * block):
        end = min(begin + _RUN * block, whole_columns)
        for row in range(0, whole_rows, block):
            for column in range(begin, end, block):  # runs along rows, which the processor fetches ahead
                turn_block(given, columns, turned, rows, row, column)
        for row in range(whole_rows, rows):
            for at in range(begin, end):
                turned[at * rows + row] = given[row * columns + at]
    for column in range(whole_columns, last):
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
