"""Loops over the entries of a channel or plane, for a run of places of all images, written for LLVM by `Writer`.

Machine code is kept by the stamp of `image_kernels`: after a change here, touch it.
"""

# ruff: noqa: ARG001 - numba is told the types of all arguments, by position

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ertrain.masks.sparse.stretches import PLACE, Writer
from ertrain.masks.sparse.vectors import gone_back, summed

__all__ = ["add_places", "gather_block", "pass_back_places", "scatter_block"]


def _add_places(
    typing: Any,
    values: Any,
    places: Any,
    first: Any,
    last: Any,
    constant: Any,
    inputs: Any,
    unit: Any,
    shift: Any,
    length: Any,
    outputs: Any,
    here: Any,
) -> Any:
    """Put a constant plus the sum of values[k] times a run of inputs, first <= k < last, into the outputs, here.

    The runs have so many numbers and begin at places[k] * unit + shift.
    """
    place = types.int64
    kinds = values, places, place, place, values.dtype, inputs, place, place, place, outputs, place

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        first, last, constant, unit, shift, length, here = (given[number] for number in (2, 3, 4, 6, 7, 8, 10))
        values, places, inputs, outputs = 0, 1, 5, 9
        write = Writer(context, builder, signature.args, given)
        for at in write.stretches(length):
            shifted = builder.add(shift, at)

            def fetch(entry: Any, shifted: Any = shifted) -> Any:
                return write.load(inputs, write.in_row(write.element(places, entry), unit, shifted))

            found = summed(write, values, first, last, constant, fetch)
            write.store(found, outputs, builder.add(here, at))
        return context.get_dummy_value()

    return types.void(*kinds), generate


def _pass_back_places(
    typing: Any,
    values: Any,
    rows: Any,
    places: Any,
    first: Any,
    last: Any,
    inputs: Any,
    here: Any,
    gradients: Any,
    unit: Any,
    shift: Any,
    length: Any,
    of_values: Any,
    of_inputs: Any,
    there: Any,
) -> Any:
    """Put the sum of values[places[k]] times a run of gradients, first <= k < last, into the gradient of inputs, there.

    The runs begin at rows[k] * unit + shift; of_values[places[k]] gains their inner products with the inputs here.
    """
    place = types.int64
    arrays = values, rows, places
    kinds = *arrays, place, place, inputs, place, gradients, place, place, place, of_values, of_inputs, place

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        first, last, here, unit, shift, length, there = (given[number] for number in (3, 4, 6, 8, 9, 10, 13))
        values, rows, places, inputs, gradients, of_values, of_inputs = 0, 1, 2, 5, 7, 11, 12
        write = Writer(context, builder, signature.args, given)
        for at in write.stretches(length):
            shifted = builder.add(shift, at)
            own = write.load(inputs, builder.add(here, at))

            def fetch(entry: Any, shifted: Any = shifted) -> Any:
                return write.load(gradients, write.in_row(write.element(rows, entry), unit, shifted))

            def give(targets: list[Any], products: list[Any]) -> None:
                for target, product in zip(targets, products, strict=True):
                    write.put(builder.fadd(write.element(of_values, target), product), of_values, target)

            found = gone_back(write, (values, places), first, last, own, fetch, give)
            write.store(found, of_inputs, builder.add(there, at))
        return context.get_dummy_value()

    return types.void(*kinds), generate


def _scatter_block(
    typing: Any, given: Any, width: Any, turned: Any, height: Any, targets: Any, row: Any, column: Any
) -> Any:
    """Put a block of a matrix of so many columns, at a row and a column, into its transpose of so many columns.

    A column goes to the row of the transpose that its target says. The block has as many rows and columns as numbers
    fill a register; matrices are vectors, row by row.
    """
    place = types.int64
    kinds = given, place, turned, place, targets, place, place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, width, _, height, _, row, column = arguments
        write = Writer(context, builder, signature.args, arguments)
        steps = [ir.Constant(PLACE, step) for step in range(write.fill_a_register())]
        rows = [write.load(0, write.in_row(builder.add(row, step), width, column)) for step in steps]
        for step, found in zip(steps, write.turned(rows), strict=True):
            target = write.element(4, builder.add(column, step))
            write.store(found, 2, write.in_row(target, height, row))
        return context.get_dummy_value()

    return types.void(*kinds), generate


def _gather_block(
    typing: Any, turned: Any, height: Any, given: Any, width: Any, targets: Any, row: Any, column: Any
) -> Any:
    """Bring such a block back."""
    place = types.int64
    kinds = turned, place, given, place, targets, place, place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, height, _, width, _, row, column = arguments
        write = Writer(context, builder, signature.args, arguments)
        steps = [ir.Constant(PLACE, step) for step in range(write.fill_a_register())]
        targets = [write.element(4, builder.add(column, step)) for step in steps]
        rows = [write.load(0, write.in_row(target, height, row)) for target in targets]
        for step, found in zip(steps, write.turned(rows), strict=True):
            write.store(found, 2, write.in_row(builder.add(row, step), width, column))
        return context.get_dummy_value()

    return types.void(*kinds), generate


add_places: Any = intrinsic(_add_places)
gather_block: Any = intrinsic(_gather_block)
pass_back_places: Any = intrinsic(_pass_back_places)
scatter_block: Any = intrinsic(_scatter_block)
