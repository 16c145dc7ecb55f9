"""Random bits by counting: Philox4x64-10, and masks of independent entries made from it.

A counter-based generator is a function from a key and a counter to random words, so any part of a mask can be drawn
alone, in any order, with the same bits (Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3*,
2011). The words are those of `numpy.random.Philox`.

An entry is kept if a uniform number U in [0, 1), written in binary, is below the density p. The digits of 64 entries
are drawn side by side, one word for the first digit of each, one for the second, and so on: where the digit of U
differs from that of p, the entry is decided. After k digits a share 2^-k is undecided, so about eight digits are enough
for 64 entries, and p needs no rounding.

Word w of row r takes its digits 4 c, .., 4 c + 3 from the block with counter (w, r, c, 0).

Real numbers are drawn in the same way with other keys: number c of row r from word c % 4 of the block with counter
(c // 4, r, 0, 0).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types, uint64
from numba.extending import intrinsic

from ertheory.kernels import kernel

__all__ = [
    "DIGITS",
    "contains",
    "draw_uniforms",
    "draw_words",
    "philox_block",
    "philox_words",
    "round_keys",
    "words_to_rows",
]

Word: TypeAlias = Any  # numba works out the types of what is compiled
Words: TypeAlias = npt.NDArray[np.uint64]

# Binary digits of p that are used: an entry is still undecided after them with probability 2^-256.
DIGITS = 256


def _both_halves(typing: Any, left: Any, right: Any) -> Any:  # noqa: ARG001
    """Give the upper and the lower half of the product of two words, which one machine instruction computes."""
    pair: Any = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, wide = ir.IntType(64), ir.IntType(128)
        first, second = (builder.zext(value, wide) for value in arguments)
        product = builder.mul(first, second)
        upper = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (upper, builder.trunc(product, word)))

    return pair(types.uint64, types.uint64), generate


def _count_ones(typing: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _count_zeros_below(typing: Any, word: Any) -> Any:  # noqa: ARG001
    """Count the zeros below the lowest one of a word, which is the place of that one; 64 for the word 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


_product: Any = intrinsic(_both_halves)
_ones: Any = intrinsic(_count_ones)
_lowest: Any = intrinsic(_count_zeros_below)

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(inline="always", nogil=True)
def round_keys(key: Words) -> Words:
    """Give the two words that each of the ten rounds adds, which are the same for all blocks."""
    keys = np.empty(20, dtype=np.uint64)
    for turn in range(10):
        keys[2 * turn] = key[0] + uint64(turn) * _W0
        keys[2 * turn + 1] = key[1] + uint64(turn) * _W1
    return keys


@njit(inline="always", nogil=True)
def philox_words(c0: Word, c1: Word, c2: Word, c3: Word, keys: Words) -> Any:
    """Give the four words of the block with this counter; the keys are those of `round_keys`."""
    for turn in range(10):
        high0, low0 = _product(_M0, c0)
        high1, low1 = _product(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ keys[2 * turn], low1, high0 ^ c3 ^ keys[2 * turn + 1], low0
    return c0, c1, c2, c3


@kernel
def philox_block(counter: Words, key: Words) -> Words:
    """Give the four words of one block; `counter` holds four words and `key` two."""
    return np.array(philox_words(counter[0], counter[1], counter[2], counter[3], round_keys(key)))


@njit(inline="always", nogil=True)
def _decide(kept: Word, open_bits: Word, drawn: Any, digits: Words, first: int) -> Any:
    """Compare four digits of 64 numbers U with those of p, which are words of ones or zeros."""
    for lane in range(4):
        digit = digits[first + lane]
        kept |= open_bits & digit & ~drawn[lane]  # U < p where the digit of U is 0 and that of p is 1
        open_bits &= ~(drawn[lane] ^ digit)
    return kept, open_bits


@njit(inline="always", nogil=True)
def _kept(word: int, row: int, open_bits: Word, digits: Words, keys: Words) -> Word:
    """Draw those of 64 entries that are open; `digits` are eight at least."""
    counter, first = uint64(word), uint64(row)
    # Most words need eight digits. Drawing these together keeps the processor busy: the blocks do not wait for another.
    block0 = philox_words(counter, first, uint64(0), uint64(0), keys)
    block1 = philox_words(counter, first, uint64(1), uint64(0), keys)
    kept, open_bits = _decide(uint64(0), open_bits, block0, digits, 0)
    kept, open_bits = _decide(kept, open_bits, block1, digits, 4)
    block = 2
    while open_bits != 0 and 4 * block < len(digits):
        drawn = philox_words(counter, first, uint64(block), uint64(0), keys)
        kept, open_bits = _decide(kept, open_bits, drawn, digits, 4 * block)
        block += 1
    return kept  # what is still open equals p in all digits: not below


@kernel
def draw_words(first_row: int, words: Words, columns: int, digits: Words, key: Words) -> None:
    """Fill `words`, shape (rows, ceil(columns / 64)), with the mask of the rows from `first_row` on, 64 entries a word.

    Parameters
    ----------
    first_row
        Row of the mask that stands first in `words`.
    words
        Where the bits go: entry (r, c) is bit c % 64 of word c // 64.
    columns
        They are those of the mask; bits beyond are 0.
    digits
        Binary digits of p, as words of ones or zeros; a multiple of four, zeros at the end.
    key
        Two words.
    """
    rows, last = words.shape[0], words.shape[1] - 1
    keys = round_keys(key)
    rest = columns - 64 * last
    tail = _ALL if rest == 64 else (uint64(1) << uint64(rest)) - uint64(1)
    for row in range(rows):
        for word in range(last + 1):
            words[row, word] = _kept(word, first_row + row, tail if word == last else _ALL, digits, keys)


@kernel
def contains(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], digits: Words, key: Words) -> Any:
    """Decide single entries, given by row and column."""
    keys = round_keys(key)
    found = np.empty(len(rows), dtype=np.bool_)
    for place in range(len(rows)):
        bit = uint64(1) << uint64(columns[place] % 64)
        found[place] = _kept(columns[place] // 64, rows[place], bit, digits, keys) != 0
    return found


@kernel
def draw_uniforms(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], key: Words) -> Any:
    """Draw single numbers of U[-1, 1], given by row and column: odd multiples of 2^-53, which doubles hold exactly."""
    keys = round_keys(key)
    numbers = np.empty(len(rows), dtype=np.float64)
    for place in range(len(rows)):
        drawn = philox_words(uint64(columns[place] // 4), uint64(rows[place]), uint64(0), uint64(0), keys)
        lane = columns[place] % 4
        word = drawn[0] if lane == 0 else drawn[1] if lane == 1 else drawn[2] if lane == 2 else drawn[3]
        upper = np.int64(word >> uint64(11))
        numbers[place] = np.float64(2 * upper + 1 - 2**53) * 2.0**-53
    return numbers


@kernel
def words_to_rows(words: Words) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Turn packed rows into the pattern of a sparse matrix: where each row begins, and the columns that are kept."""
    starts = np.zeros(len(words) + 1, dtype=np.int64)
    for row in range(len(words)):
        total = uint64(0)
        for word in words[row]:
            total += _ones(word)
        starts[row + 1] = starts[row] + np.int64(total)
    columns = np.empty(starts[-1] + 8, dtype=np.int32)
    place = np.int64(0)
    for row in range(len(words)):
        for index in range(words.shape[1]):
            word = words[row, index]
            after = place + np.int64(_ones(word))
            # Eight at a time, the last ones for nothing: how often this loop turns is easier to foresee than how many
            # ones there are. What is written beyond `after` is written again.
            for start in range(place, after, 8):
                for step in range(8):
                    columns[np.uint64(start + step)] = 64 * index + np.int64(_lowest(word))
                    word &= word - uint64(1)
            place = after
    return starts, columns[: starts[-1]]
