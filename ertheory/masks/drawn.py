"""ER masks: every entry is kept with probability p, independently, and can be drawn on its own.

A drawn mask holds no entries, only where they come from. The same seed gives the same bits whatever is asked for first,
in blocks of any size and on any number of workers; and of two masks with one seed, the sparser one lies inside the
denser one. Nothing about a target enters.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.numbers import probability, whole_number

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Bools", "DrawnMask", "Integers", "Rows", "pattern_csr"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Integers: TypeAlias = npt.NDArray[np.integer]
Rows: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]

_MOST_COLUMNS = 2**31 - 1
_LARGEST_SEED = 2**128 - 1


@dataclass(frozen=True)
class DrawnMask:
    """The mask of one source layer, drawn where it is looked at.

    Parameters
    ----------
    shape
        (N_l, columns): a row per neuron or channel, a column per entry that leads into it, channel by channel and tap
        by tap.
    density
        p in (0, 1], exactly; digits of p beyond the 256th binary one are dropped.
    seed
        0 <= seed < 2^128.
    layer
        Number of the source layer. Layers have streams of their own, by `numpy.random.SeedSequence`.

    Examples
    --------
    >>> mask = DrawnMask((1000, 300), Fraction(1, 10), seed=3, layer=1)
    >>> bool((mask.to_csr(400, 500) != mask.to_csr()[400:500]).nnz)
    False
    """

    shape: tuple[int, int]
    density: Fraction
    seed: int = 0
    layer: int = 0

    def __post_init__(self) -> None:
        rows, columns = self.shape
        whole = all(isinstance(size, int | np.integer) for size in (rows, columns))
        if not (whole and 0 <= rows and 0 <= columns <= _MOST_COLUMNS):
            raise InvalidInput("shape", f"rows, and 0 to {_MOST_COLUMNS} columns", self.shape)
        object.__setattr__(self, "density", probability("density", self.density, one=True))
        object.__setattr__(self, "seed", whole_number("seed", self.seed, least=0, most=_LARGEST_SEED))
        object.__setattr__(self, "layer", whole_number("layer", self.layer, least=0))

    def rows(self, start: int, stop: int) -> Rows:
        """Draw the rows start..stop - 1: where each begins, stop - start + 1 numbers, and the columns that it keeps."""
        count, columns = stop - start, self.shape[1]
        if self.density == 1 or not columns:
            every = np.tile(np.arange(columns, dtype=np.int32), count)
            return np.arange(count + 1, dtype=np.int64) * columns, every
        from ertheory.masks.philox import draw_words, words_to_rows

        words = np.empty((count, -(-columns // 64)), dtype=np.uint64)
        draw_words(start, words, columns, self._digits(), self._key())
        starts, kept = words_to_rows(words)
        return starts, kept

    def contains(self, rows: Integers, columns: Integers) -> Bools:
        """Say of single entries whether they are kept; both arguments have one shape (entries,)."""
        if self.density == 1:
            return np.ones(len(rows), dtype=np.bool_)
        from ertheory.masks.philox import contains

        as_words = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
        found: Bools = contains(*as_words, self._digits(), self._key())
        return found

    def _repr_svg_(self) -> str:
        from ertheory.masks.drawing import mask_svg

        return mask_svg(self, f"layer {self.layer}, p = {self.density}, seed {self.seed}")

    def to_csr(self, start: int = 0, stop: int | None = None) -> csr_array:
        """Draw the rows start..stop - 1, all of them if left out, as a sparse array of booleans."""
        stop = self.shape[0] if stop is None else stop
        return pattern_csr(*self.rows(start, stop), self.shape[1])

    def _digits(self) -> npt.NDArray[np.uint64]:
        from ertheory.masks.philox import DIGITS

        below = (self.density.numerator << DIGITS) // self.density.denominator
        digits = [below >> place & 1 for place in reversed(range(DIGITS))]
        used = next((place + 1 for place in reversed(range(DIGITS)) if digits[place]), 0)
        # Blocks of four; the first two are drawn together.
        words = np.array(digits[: max(8, -(-used // 4) * 4)], dtype=np.uint64)
        return words * np.uint64(0xFFFFFFFFFFFFFFFF)

    def _key(self) -> npt.NDArray[np.uint64]:
        key = np.random.SeedSequence(self.seed, spawn_key=(self.layer,)).generate_state(2, np.uint64)
        return key.astype(np.uint64)


def pattern_csr(starts: Integers, columns: Integers, width: int) -> csr_array:
    """Make a sparse array of booleans that are all true from where the rows begin and their columns."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(columns), dtype=np.bool_), columns, starts), shape=(len(starts) - 1, width))
