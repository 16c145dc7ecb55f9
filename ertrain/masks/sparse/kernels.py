"""Compiled products of a sparse layer: forwards, and both gradients, over the kept weights alone.

Activations stand as (features, batch), so that what belongs to one feature is one run of memory: a weight is read once
and meets a whole row of its input. Backwards, a gradient of an output is fetched once and serves the gradient of the
input and that of the weight. What limits all three is how fast these rows come from the caches, not arithmetic; so four
weights are worked on together.

One row of a result is computed by one thread, in a fixed order: the number of threads changes no bit.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import prange

from ertheory.kernels import kernel

__all__ = ["backward", "forward", "turn", "weight_gradients"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Starts: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]

# Sums may be taken apart into vectors, products fused into them; infinities and NaN stay what they are.
_ORDER = frozenset({"reassoc", "contract", "nsz"})


@kernel(parallel=True, fastmath=_ORDER)
def forward(
    starts: Starts, columns: Places, values: Floats, bias: Floats, inputs: Floats, outputs: Floats, relu: bool
) -> None:
    """Put W X + b into the outputs (rows, batch), or its ReLU, for a W in CSR and inputs X (columns, batch)."""
    batch = inputs.shape[1]
    for row in prange(len(starts) - 1):
        start, end, constant = starts[row], starts[row + 1], bias[row]
        for b in range(batch):
            outputs[row, b] = constant
        k = start
        while k + 4 <= end:
            w0, w1, w2, w3 = values[k], values[k + 1], values[k + 2], values[k + 3]
            c0, c1, c2, c3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
            for b in range(batch):
                outputs[row, b] += w0 * inputs[c0, b] + w1 * inputs[c1, b] + w2 * inputs[c2, b] + w3 * inputs[c3, b]
            k += 4
        while k < end:
            w0, c0 = values[k], columns[k]
            for b in range(batch):
                outputs[row, b] += w0 * inputs[c0, b]
            k += 1
        if relu:
            for b in range(batch):
                if outputs[row, b] <= 0:  # NaN stays
                    outputs[row, b] = 0


@kernel(parallel=True, fastmath=_ORDER)
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
    for column in prange(len(starts) - 1):
        for b in range(batch):
            of_inputs[column, b] = 0
        k, end = starts[column], starts[column + 1]
        while k + 4 <= end:
            p0, p1, p2, p3 = places[k], places[k + 1], places[k + 2], places[k + 3]
            r0, r1, r2, r3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
            w0, w1, w2, w3 = values[p0], values[p1], values[p2], values[p3]
            s0 = s1 = s2 = s3 = values.dtype.type(0)
            for b in range(batch):
                x = inputs[column, b]
                g0, g1, g2, g3 = gradients[r0, b], gradients[r1, b], gradients[r2, b], gradients[r3, b]
                of_inputs[column, b] += w0 * g0 + w1 * g1 + w2 * g2 + w3 * g3
                s0 += x * g0
                s1 += x * g1
                s2 += x * g2
                s3 += x * g3
            of_values[p0], of_values[p1], of_values[p2], of_values[p3] = s0, s1, s2, s3
            k += 4
        while k < end:
            p0, r0 = places[k], rows[k]
            w0, s0 = values[p0], values.dtype.type(0)
            for b in range(batch):
                g0 = gradients[r0, b]
                of_inputs[column, b] += w0 * g0
                s0 += inputs[column, b] * g0
            of_values[p0] = s0
            k += 1
        if relu:
            total = values.dtype.type(0)
            for b in range(batch):
                if inputs[column, b] <= 0:
                    of_inputs[column, b] = 0
                total += of_inputs[column, b]
            of_bias[column] = total


@kernel(parallel=True, fastmath=_ORDER)
def weight_gradients(starts: Starts, columns: Places, inputs: Floats, gradients: Floats, of_values: Floats) -> None:
    """Put the gradients of the kept weights where they belong, of a first layer, whose inputs need none."""
    batch = inputs.shape[1]
    for row in prange(len(starts) - 1):
        k, end = starts[row], starts[row + 1]
        while k + 4 <= end:
            c0, c1, c2, c3 = columns[k], columns[k + 1], columns[k + 2], columns[k + 3]
            s0 = s1 = s2 = s3 = of_values.dtype.type(0)
            for b in range(batch):
                g = gradients[row, b]
                s0 += inputs[c0, b] * g
                s1 += inputs[c1, b] * g
                s2 += inputs[c2, b] * g
                s3 += inputs[c3, b] * g
            of_values[k], of_values[k + 1], of_values[k + 2], of_values[k + 3] = s0, s1, s2, s3
            k += 4
        while k < end:
            c0, s0 = columns[k], of_values.dtype.type(0)
            for b in range(batch):
                s0 += inputs[c0, b] * gradients[row, b]
            of_values[k] = s0
            k += 1


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
