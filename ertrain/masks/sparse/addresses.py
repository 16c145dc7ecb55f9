"""The compiled products of some lines, called with addresses: to make arrays of tensors takes longer than some of them.

`first` and `last` bound the rows of W, or its columns backwards. `unit` is a 0 of the number type, `rows` and `width`
are the shape of W, `kept` is its number of entries. Tensors are contiguous, on the CPU, and live as long as the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from ertheory.kernels import kernel
from ertrain.masks.sparse.kernels import backward_columns, forward_rows, transpose_columns, weight_rows

__all__ = ["at_address", "backward_at", "forward_at", "transpose_at", "weight_gradients_at"]


def _pointer(typing: Any, address: Any, unit: Any) -> Any:  # noqa: ARG001 - numba is told the types of all arguments
    """Take a number for the address of numbers of a type."""
    made = types.CPointer(unit)  # type: ignore[no-untyped-call]

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.inttoptr(given[0], context.get_value_type(signature.return_type))

    return made(types.int64, unit), generate


at_address: Any = intrinsic(_pointer)


@kernel
def forward_at(
    first: int, last: int, starts: int, columns: int, values: int, bias: int, inputs: int, outputs: int,
    rows: int, width: int, kept: int, batch: int, relu: bool, unit: Any,
) -> None:  # fmt: skip
    """Do what `kernels.forward_rows` does."""
    forward_rows(
        first,
        last,
        carray(at_address(starts, np.int64(0)), (rows + 1,)),
        carray(at_address(columns, np.int32(0)), (kept,)),
        carray(at_address(values, unit), (kept,)),
        carray(at_address(bias, unit), (rows,)),
        carray(at_address(inputs, unit), (width, batch)),
        carray(at_address(outputs, unit), (rows, batch)),
        relu,
    )


@kernel
def backward_at(
    first: int, last: int, of_columns: int, rows_of: int, places: int, values: int, inputs: int, gradients: int,
    of_inputs: int, of_values: int, of_bias: int,
    rows: int, width: int, kept: int, batch: int, relu: bool, unit: Any,
) -> None:  # fmt: skip
    """Do what `kernels.backward_columns` does."""
    backward_columns(
        first,
        last,
        carray(at_address(of_columns, np.int64(0)), (width + 1,)),
        carray(at_address(rows_of, np.int32(0)), (kept,)),
        carray(at_address(places, np.int32(0)), (kept,)),
        carray(at_address(values, unit), (kept,)),
        carray(at_address(inputs, unit), (width, batch)),
        carray(at_address(gradients, unit), (rows, batch)),
        carray(at_address(of_inputs, unit), (width, batch)),
        carray(at_address(of_values, unit), (kept,)),
        relu,
        carray(at_address(of_bias, unit), (width if relu else 0,)),
    )


@kernel
def weight_gradients_at(
    first: int, last: int, starts: int, columns: int, inputs: int, gradients: int, of_values: int,
    rows: int, width: int, kept: int, batch: int, unit: Any,
) -> None:  # fmt: skip
    """Do what `kernels.weight_rows` does."""
    weight_rows(
        first,
        last,
        carray(at_address(starts, np.int64(0)), (rows + 1,)),
        carray(at_address(columns, np.int32(0)), (kept,)),
        carray(at_address(inputs, unit), (width, batch)),
        carray(at_address(gradients, unit), (rows, batch)),
        carray(at_address(of_values, unit), (kept,)),
    )


@kernel
def transpose_at(
    first: int, last: int, given: int, turned: int, rows: int, columns: int, block: int, unit: Any
) -> None:
    """Do what `kernels.transpose_columns` does."""
    transpose_columns(
        first,
        last,
        carray(at_address(given, unit), (rows * columns,)),
        rows,
        columns,
        carray(at_address(turned, unit), (rows * columns,)),
        block,
    )
