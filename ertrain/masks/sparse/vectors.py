"""Loops over the entries of a row or column for a whole batch, written for LLVM by `Writer`.

Machine code is kept by the stamps of `kernels`, `addresses`, `moving`, `shared` and `image_kernels`: after a change
here, touch all of them.
"""

# ruff: noqa: ARG001 - numba is told the types of all arguments, by position

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ertrain.masks.sparse.stretches import FREE, PLACE, Writer

__all__ = [
    "add_rows",
    "gone_back",
    "move_rows",
    "multiply_rows",
    "pass_back",
    "pass_back_moving",
    "summed",
    "turn_block",
]


def _add_rows(
    typing: Any,
    values: Any,
    columns: Any,
    first: Any,
    last: Any,
    constant: Any,
    inputs: Any,
    batch: Any,
    relu: Any,
    outputs: Any,
    row: Any,
) -> Any:
    """Put a constant plus the sum of values[k] * inputs[columns[k]], first <= k < last, or its ReLU, into a row."""
    place = types.int64
    kinds = values, columns, place, place, values.dtype, inputs, place, types.boolean, outputs, place

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        _, _, first, last, constant, _, batch, relu, _, row = given
        values, columns, inputs, outputs = 0, 1, 5, 8
        write = Writer(context, builder, signature.args, given)
        for at in write.stretches(batch):

            def fetch(entry: Any, at: Any = at) -> Any:
                return write.load(inputs, write.in_row(write.element(columns, entry), batch, at))

            found = summed(write, values, first, last, constant, fetch)
            found = builder.select(relu, write.rectified(found, found), found)
            write.store(found, outputs, write.in_row(row, batch, at))
        return context.get_dummy_value()

    return types.void(*kinds), generate


def summed(write: Writer, values: int, first: Any, last: Any, constant: Any, fetch: Callable[[Any], Any]) -> Any:
    """Give a constant plus the sum of what is fetched for the entries, times their values."""
    builder, sums = write.builder, write.variable(write.repeated(constant))

    def add(entries: list[Any]) -> None:
        (entry,) = entries
        fetched = fetch(entry)
        value = write.repeated(write.element(values, entry))
        builder.store(write.fused(value, fetched, builder.load(sums)), sums)

    write.entries(first, last, add)
    return builder.load(sums)


def _multiply_rows(
    typing: Any, of_values: Any, columns: Any, first: Any, last: Any, inputs: Any, batch: Any, gradients: Any, row: Any
) -> Any:
    """Put the inner products of a row of gradients with inputs[columns[k]] into of_values[k], first <= k < last."""
    place = types.int64
    kinds = of_values, columns, place, place, inputs, place, gradients, place
    return types.void(*kinds), _multiplied(_accumulate)


def _move_rows(
    typing: Any,
    velocities: Any,
    columns: Any,
    first: Any,
    last: Any,
    inputs: Any,
    batch: Any,
    gradients: Any,
    row: Any,
    values: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
) -> Any:
    """Move values[k] by these inner products instead of keeping them."""
    place, kind = types.int64, values.dtype
    kinds = velocities, columns, place, place, inputs, place, gradients, place, values, kind, kind, kind
    return types.void(*kinds), _multiplied(_move, moved=8)


def _multiplied(deliver: Callable[..., None], **how: int) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        first, last, batch, row = (given[number] for number in (2, 3, 5, 7))
        results, columns, inputs, gradients = 0, 1, 4, 6
        write = Writer(context, builder, signature.args, given)
        for at in write.stretches(batch):
            own = write.load(gradients, write.in_row(row, batch, at))

            def multiply(entries: list[Any], at: Any = at, own: Any = own) -> None:
                places = [write.in_row(write.element(columns, entry), batch, at) for entry in entries]
                products = write.inner_products(own, [write.load(inputs, place) for place in places])
                deliver(write, results, entries, at, products, given, batch, **how)

            write.entries(first, last, multiply, at_once=4)
        return context.get_dummy_value()

    return generate


def _pass_back(
    typing: Any,
    values: Any,
    rows: Any,
    places: Any,
    first: Any,
    last: Any,
    inputs: Any,
    batch: Any,
    gradients: Any,
    relu: Any,
    column: Any,
    of_values: Any,
    of_inputs: Any,
    of_bias: Any,
) -> Any:
    """Do both at once for a column whose entries first <= k < last are values[places[k]] in the rows[k].

    A row of `of_inputs` gets the sum of values[places[k]] * gradients[rows[k]], and of_values[places[k]] the inner
    product of the row of inputs with the same gradients. With `relu`, the row of `of_inputs` is 0 where inputs are, and
    `of_bias` gets its sum.
    """
    place = types.int64
    arrays = values, rows, places
    kinds = (
        *arrays, place, place, inputs, place, gradients, types.boolean, place, of_values, of_inputs, of_bias,
    )  # fmt: skip

    return types.void(*kinds), _passed_back(_accumulate)


def _pass_back_moving(
    typing: Any,
    values: Any,
    rows: Any,
    places: Any,
    first: Any,
    last: Any,
    inputs: Any,
    batch: Any,
    gradients: Any,
    relu: Any,
    column: Any,
    velocities: Any,
    of_inputs: Any,
    of_bias: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
) -> Any:
    """Move values[places[k]] by these inner products instead of keeping them."""
    place, kind = types.int64, values.dtype
    kinds = (
        values, rows, places, place, place, inputs, place, gradients, types.boolean, place, velocities, of_inputs,
        of_bias, kind, kind, kind,
    )  # fmt: skip
    return types.void(*kinds), _passed_back(_move, moved=0)


def _passed_back(deliver: Callable[..., None], **how: int) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        first, last, batch, relu, column = (given[number] for number in (3, 4, 6, 8, 9))
        values, rows, places, inputs, gradients, results, of_inputs, of_bias = 0, 1, 2, 5, 7, 10, 11, 12
        write = Writer(context, builder, signature.args, given)
        for at in write.stretches(batch):
            here = write.in_row(column, batch, at)
            own = write.load(inputs, here)

            def fetch(entry: Any, at: Any = at) -> Any:
                return write.load(gradients, write.in_row(write.element(rows, entry), batch, at))

            def give(targets: list[Any], products: list[Any], at: Any = at) -> None:
                deliver(write, results, targets, at, products, given, batch, **how)

            found = gone_back(write, (values, places), first, last, own, fetch, give)
            found = builder.select(relu, write.rectified(found, own), found)
            write.store(found, of_inputs, here)
            with builder.if_then(relu):
                _accumulate(write, of_bias, [column], at, [write.total(found)])
        return context.get_dummy_value()

    return generate


def gone_back(
    write: Writer,
    arrays: tuple[int, int],
    first: Any,
    last: Any,
    own: Any,
    fetch: Callable[[Any], Any],
    give: Callable[[list[Any], list[Any]], None],
) -> Any:
    """Give the sum of what is fetched for the entries, times their values, and its inner products with a stretch away.

    The arrays are those of the values and of the places of the entries among them.
    """
    (values, places), builder, sums = arrays, write.builder, write.variable(write.zeros)

    def go(entries: list[Any]) -> None:
        targets, fetched = [write.element(places, entry) for entry in entries], []
        for entry, target in zip(entries, targets, strict=True):
            some = fetch(entry)
            value = write.repeated(write.element(values, target))
            builder.store(write.fused(value, some, builder.load(sums)), sums)
            fetched.append(some)
        give(targets, write.inner_products(own, fetched))

    write.entries(first, last, go, at_once=4)
    return builder.load(sums)


def _turn_block(typing: Any, given: Any, width: Any, turned: Any, height: Any, row: Any, column: Any) -> Any:
    """Put a block of a matrix of so many columns, at a row and a column, into its transpose of so many columns.

    The block has as many rows and columns as numbers fill a register; the matrices are vectors, row by row.
    """
    place = types.int64
    kinds = given, place, turned, place, place, place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, width, _, height, row, column = arguments
        write = Writer(context, builder, signature.args, arguments)
        size = write.fill_a_register()

        def beside(start: Any, step: int) -> Any:
            return builder.add(start, ir.Constant(PLACE, step))

        rows = [write.load(0, write.in_row(beside(row, step), width, column)) for step in range(size)]
        for step, turned_row in enumerate(write.turned(rows)):
            write.store(turned_row, 2, write.in_row(beside(column, step), height, row))
        return context.get_dummy_value()

    return types.void(*kinds), generate


def _accumulate(write: Writer, array: int, places: list[Any], at: Any, numbers: list[Any], *_: Any) -> None:
    """Store numbers of the first stretch, and add those of the others to them."""
    is_first = write.builder.icmp_signed("==", at, ir.Constant(PLACE, 0))
    for place, number in zip(places, numbers, strict=True):
        before = write.builder.select(is_first, ir.Constant(write.number, 0.0), write.element(array, place))
        write.put(write.builder.fadd(before, number), array, place)


def _move(
    write: Writer,
    velocities: int,
    places: list[Any],
    at: Any,
    numbers: list[Any],
    given: Sequence[Any],
    batch: Any,
    *,
    moved: int,
) -> None:
    """Let what is moved go on as SGD with momentum does; the last three that are given are rate, momentum and decay.

    A velocity gets its momentum at the first stretch and its share of the gradient at every one; the value, which later
    stretches still ask for, is moved at the last.
    """
    builder, (rate, momentum, decay) = write.builder, given[-3:]
    is_first = builder.icmp_signed("==", at, ir.Constant(PLACE, 0))
    is_last = builder.icmp_signed("==", builder.add(at, ir.Constant(PLACE, write.lanes)), batch)
    for place, number in zip(places, numbers, strict=True):
        velocity, value = write.element(velocities, place), write.element(moved, place)
        started = write.fused(decay, value, write.fused(momentum, velocity, number))
        velocity = builder.select(is_first, started, builder.fadd(velocity, number))
        write.put(velocity, velocities, place)
        further = builder.fsub(value, builder.fmul(rate, velocity, flags=FREE), flags=FREE)
        write.put(builder.select(is_last, further, value), moved, place)


add_rows: Any = intrinsic(_add_rows)
move_rows: Any = intrinsic(_move_rows)
multiply_rows: Any = intrinsic(_multiply_rows)
pass_back: Any = intrinsic(_pass_back)
pass_back_moving: Any = intrinsic(_pass_back_moving)
turn_block: Any = intrinsic(_turn_block)
