"""How loops over the entries of a row or column are written for LLVM, for a whole batch at once.

Compiled from plain loops, every entry would read and write a sum for each input of the batch. Here the sums of a
stretch of the batch are kept in vectors from the first entry to the last, so that an entry costs the stretch that it
fetches and nothing else. Stretches are as wide as the registers allow; what is left of a batch takes narrower ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils

__all__ = ["FREE", "PLACE", "Writer"]

_REGISTER = 64  # bytes
# Two stretches stay in the registers: of 32 with 64 bytes, or of 16 with 32.
_STRETCH = 512 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 256

FREE = ("contract", "nsz")  # products may be fused into sums; infinities and NaN stay what they are
PLACE = ir.IntType(64)


class Writer:
    """Writes loops whose arrays are looked at in vectors."""

    def __init__(self, context: Any, builder: Any, kinds: Sequence[Any], given: Sequence[Any]) -> None:
        self.builder = builder
        self.arrays = [
            context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else None
            for kind, value in zip(kinds, given, strict=True)
        ]
        self.number = context.get_data_type(kinds[0].dtype)
        self.bytes = kinds[0].dtype.bitwidth // 8
        self.lanes = 1

    def stretches(self, batch: Any) -> Iterator[Any]:
        """Write what is done with stretches of a batch, beginning at the places that are yielded, widest first."""
        first = ir.Constant(PLACE, 0)
        for size in (_STRETCH, 2 * _REGISTER, _REGISTER, self.bytes):
            self.lanes = size // self.bytes
            left = self.builder.and_(self.builder.sub(batch, first), ir.Constant(PLACE, -self.lanes))
            last = self.builder.add(first, left)
            step = ir.Constant(PLACE, self.lanes)
            with cgutils.for_range_slice(self.builder, first, last, step, PLACE) as (at, _):
                yield at
            first = last

    def entries(self, first: Any, last: Any, work: Callable[[list[Any]], None], at_once: int = 1) -> None:
        """Write what is done with all entries, in groups first; the work is given the places of a group."""
        middle = self.builder.add(first, self.builder.and_(self.builder.sub(last, first), ir.Constant(PLACE, -at_once)))
        for begin, end, size in ((first, middle, at_once), (middle, last, 1)):
            with cgutils.for_range_slice(self.builder, begin, end, ir.Constant(PLACE, size), PLACE) as (at, _):
                work([self.builder.add(at, ir.Constant(PLACE, further)) for further in range(size)])
            if at_once == 1:
                break

    def variable(self, stretch: Any) -> Any:
        """Make a variable that holds a stretch."""
        made = cgutils.alloca_once(self.builder, self.vector)  # type: ignore[no-untyped-call]
        self.builder.store(stretch, made)
        return made

    @property
    def vector(self) -> Any:
        """The type of a stretch."""
        return ir.VectorType(self.number, self.lanes)

    @property
    def zeros(self) -> Any:
        """A stretch of zeros."""
        return ir.Constant(self.vector, [0.0] * self.lanes)

    def load(self, array: int, at: Any) -> Any:
        """Load a stretch."""
        return self.builder.load(self._address(array, at), align=self.bytes)

    def store(self, stretch: Any, array: int, at: Any) -> None:
        """Store a stretch."""
        self.builder.store(stretch, self._address(array, at), align=self.bytes)

    def _address(self, array: int, at: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self.arrays[array], [at]), self.vector.as_pointer())

    def element(self, array: int, at: Any) -> Any:
        """Load one element; whole numbers become places."""
        found = self.builder.load(self.builder.gep(self.arrays[array], [at]))
        return self.builder.zext(found, PLACE) if isinstance(found.type, ir.IntType) else found

    def put(self, number: Any, array: int, at: Any) -> None:
        """Store one element."""
        self.builder.store(number, self.builder.gep(self.arrays[array], [at]))

    def in_row(self, row: Any, batch: Any, at: Any) -> Any:
        """Find the place of an element of a matrix."""
        return self.builder.add(self.builder.mul(row, batch), at)

    def repeated(self, number: Any) -> Any:
        """Make a stretch of one number."""
        first = self.builder.insert_element(
            ir.Constant(self.vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
        )
        return self._picked(first, first, [0] * self.lanes)

    def fused(self, one: Any, other: Any, third: Any) -> Any:
        """Give one * other + third."""
        return self.builder.fadd(self.builder.fmul(one, other, flags=FREE), third, flags=FREE)

    def rectified(self, stretch: Any, by: Any) -> Any:
        """Give a stretch with zeros where another one is at most 0."""
        return self.builder.select(self.builder.fcmp_ordered("<=", by, self.zeros), self.zeros, stretch)

    def inner_products(self, one: Any, others: list[Any]) -> list[Any]:
        """Give the inner products of a stretch with 1 or 4 others."""
        width = min(self.lanes, _REGISTER // self.bytes)
        sums = [self._products(one, other, width) for other in others]
        if len(sums) == 4 and width >= 4:
            # Halves of all four are added together, as long as they fill a register.
            one, other = self._halves(sums[0], sums[1], parts=1), self._halves(sums[2], sums[3], parts=1)
            together = self._halves(one, other, parts=2)
            while together.type.count > 4:
                together = self._halves(together, None, parts=4)
            return [self.builder.extract_element(together, ir.Constant(ir.IntType(32), at)) for at in range(4)]
        for at, total in enumerate(sums):
            while total.type.count > 1:
                total = self._halves(total, None, parts=1)
            sums[at] = self.builder.extract_element(total, ir.Constant(ir.IntType(32), 0))
        return sums

    def total(self, stretch: Any) -> Any:
        """Add up a stretch."""
        (total,) = self.inner_products(stretch, [ir.Constant(self.vector, [1.0] * self.lanes)])
        return total

    def fill_a_register(self) -> int:
        """Let stretches be as long as a register, and say how many numbers these are."""
        self.lanes = _REGISTER // self.bytes
        return self.lanes

    def turned(self, rows: list[Any]) -> list[Any]:
        """Transpose a square of stretches: every round brings rows together that are half of the square apart."""
        size = len(rows)
        mixed = [lane // 2 + (size if lane % 2 else 0) for lane in range(2 * size)]
        for _ in range(size.bit_length() - 1):
            pairs = zip(rows[: size // 2], rows[size // 2 :], strict=True)
            rows = [self._picked(one, other, places) for one, other in pairs for places in (mixed[:size], mixed[size:])]
        return rows

    def _products(self, one: Any, other: Any, width: int) -> Any:
        """Multiply two stretches; of the products, add up those that are so many places apart."""
        totals: list[Any] = []
        for first in range(0, self.lanes, width):
            places = list(range(first, first + width))
            pair = self._picked(one, one, places), self._picked(other, other, places)
            if len(totals) < 2:
                totals.append(self.builder.fmul(*pair, flags=FREE))
            else:
                totals.append(self.fused(*pair, totals.pop(0)))
        return totals[0] if len(totals) == 1 else self.builder.fadd(*totals)

    def _halves(self, one: Any, other: Any, parts: int) -> Any:
        """Add the second half of each part of one or two vectors to the first one."""
        size = one.type.count // parts
        firsts = [size * part + at for part in range(parts if other is None else 2 * parts) for at in range(size // 2)]
        seconds = [at + size // 2 for at in firsts]
        there = one if other is None else other
        return self.builder.fadd(self._picked(one, there, firsts), self._picked(one, there, seconds))

    def _picked(self, one: Any, other: Any, places: list[int]) -> Any:
        return self.builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))
