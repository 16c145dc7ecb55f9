"""Compiled products of two sparse matrices, B A, and the gradients of their entries, path by path.

A path leads from an input over an inner neuron to an output. What several threads add up is added in the same order by
one: their number changes no bit. Places are unsigned, since numba asks of others whether they count from the end, which
takes a third of the time.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import prange

from ertheory.kernels import kernel
from ertrain.masks.sparse.kernels import Floats, Places, Starts

__all__ = ["add_paths", "pass_to_paths"]

_PARTS = 8  # for each thread: rows differ in length

Csr: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]


@kernel
def product_rows(
    first: int,
    last: int,
    width: int,
    starts: Starts,
    columns: Places,
    values: Floats,
    outer_starts: Starts,
    outer_columns: Places,
    outer_values: Floats,
    product: Floats,
) -> None:
    product[first * width : last * width] = 0
    for row in range(first, last):
        begin = np.uint64(width * row)
        for at in range(outer_starts[row], outer_starts[row + 1]):
            inner, value = outer_columns[at], outer_values[at]
            for k in range(starts[inner], starts[inner + 1]):
                product[begin + np.uint64(columns[k])] += value * values[k]


@kernel
def product_of_neurons(
    width: int,
    starts: Starts,
    columns: Places,
    values: Floats,
    of_columns: Starts,
    rows: Places,
    places: Places,
    outer_values: Floats,
    product: Floats,
) -> None:
    product[:] = 0
    for inner in range(len(starts) - 1):
        for at in range(of_columns[inner], of_columns[inner + 1]):
            begin, value = np.uint64(width * rows[at]), outer_values[places[at]]
            for k in range(starts[inner], starts[inner + 1]):
                product[begin + np.uint64(columns[k])] += value * values[np.uint64(k)]


@kernel(parallel=True)
def product_parts(parts: int, rows: int, *given: Any) -> None:
    for part in prange(parts):
        product_rows(rows * part // parts, rows * (part + 1) // parts, *given)


def add_paths(inner: Csr, outer: Csr, outer_by_columns: Csr, product: npt.NDArray[Any], *, threads: int = 1) -> None:
    """Put B A into the product, (rows of B, columns of A): the paths of an entry by rising inner neuron.

    A is given in CSR, and B in both forms: for several threads by rows, for one by columns, which go through the
    entries of A once and in a row.
    """
    width, flat = product.shape[1], product.reshape(-1)
    if threads == 1:
        product_of_neurons(width, *inner, *outer_by_columns, outer[2], flat)
    else:
        product_parts(_PARTS * threads, len(outer[0]) - 1, width, *inner, *outer, flat)


@kernel
def gradient_rows(
    first: int,
    last: int,
    width: int,
    starts: Starts,
    columns: Places,
    values: Floats,
    of_columns: Starts,
    rows: Places,
    places: Places,
    outer_values: Floats,
    gradients: Floats,
    of_values: Floats,
    of_outer_values: Floats,
) -> None:
    of_values[starts[first] : starts[last]] = 0
    for inner in range(first, last):
        for at in range(of_columns[inner], of_columns[inner + 1]):
            place = places[at]
            begin, value, total = np.uint64(width * rows[at]), outer_values[place], outer_values[place] * 0
            for k in range(starts[inner], starts[inner + 1]):
                own = np.uint64(k)
                gradient = gradients[begin + np.uint64(columns[own])]
                total += values[own] * gradient
                of_values[own] += value * gradient
            of_outer_values[place] = total


@kernel(parallel=True)
def gradient_parts(parts: int, inner: int, *given: Any) -> None:
    for part in prange(parts):
        gradient_rows(inner * part // parts, inner * (part + 1) // parts, *given)


def pass_to_paths(
    inner: Csr,
    outer_by_columns: Csr,
    outer_values: Floats,
    gradients: npt.NDArray[Any],
    of_values: Floats,
    of_outer_values: Floats,
    *,
    threads: int = 1,
) -> None:
    """Put the gradients of the entries of A and of B where they belong, for the gradients of B A.

    A is given in CSR, B by its columns: where they start, the rows of their entries, and their places among the values.
    """
    ends = gradients.reshape(-1), of_values, of_outer_values
    given = (gradients.shape[1], *inner, *outer_by_columns, outer_values, *ends)
    if threads == 1:
        gradient_rows(0, len(inner[0]) - 1, *given)
    else:
        gradient_parts(_PARTS * threads, len(inner[0]) - 1, *given)
