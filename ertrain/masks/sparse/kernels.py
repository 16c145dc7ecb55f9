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
from numba import prange

from ertheory.kernels import kernel
from ertrain.masks.sparse.vectors import add_rows, multiply_rows, pass_back

__all__ = ["backward", "forward", "turn", "weight_gradients"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Starts: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]


@kernel(parallel=True)
def forward(
    starts: Starts, columns: Places, values: Floats, bias: Floats, inputs: Floats, outputs: Floats, relu: bool
) -> None:
    """Put W X + b into the outputs (rows, batch), or its ReLU, for a W in CSR and inputs X (columns, batch)."""
    batch = inputs.shape[1]
    for row in prange(len(starts) - 1):
        add_rows(values, columns, starts[row], starts[row + 1], bias[row], inputs, batch, relu, outputs, row)


@kernel(parallel=True)
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
) -> None:
    """Put both gradients where they belong: W^T G, and of every kept weight the product of its input and gradient.

    W is given by its columns: where they start, the rows of their entries, and the places of these among the values.
    If the inputs X are a ReLU of something, the gradient of that is put instead of W^T G, and its sums over the batch,
    which are the gradient of the bias before the ReLU.
    """
    batch = inputs.shape[1]
    if batch == 0:
        of_values[:], of_bias[:] = 0, 0
    for column in prange(len(starts) - 1):
        first, last = starts[column], starts[column + 1]
        pass_back(
            values, rows, places, first, last, inputs, batch, gradients, relu, column, of_values, of_inputs, of_bias
        )


@kernel(parallel=True)
def weight_gradients(starts: Starts, columns: Places, inputs: Floats, gradients: Floats, of_values: Floats) -> None:
    """Put the gradients of the kept weights where they belong, of a first layer, whose inputs need none."""
    batch = inputs.shape[1]
    if batch == 0:
        of_values[:] = 0
    for row in prange(len(starts) - 1):
        multiply_rows(of_values, columns, starts[row], starts[row + 1], inputs, batch, gradients, row)


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
