"""A source that is drawn once: masks, weights and biases, all from one seed.

Every weight is a function of the seed, its layer, its row and its column, so that any row can be looked at alone and
nothing can be drawn again. Biases are not masked, but a subnetwork may leave them out like weights.

>>> from ertheory.networks.target import Target
>>> source = Source.for_target(Target.from_text("2-4-1"), widths=(80, 60, 1), densities="1/2")
>>> drawn = DrawnSource(source, seed=3)
>>> drawn.rows(1, 0, 60).shape, drawn.biases(1).shape, bool((drawn.rows(1, 7, 9) == drawn.rows(1, 0, 60)[7:9]).all())
((60, 80), (60,), True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.masks import DrawnMask, draw_masks
from ertheory.networks.source import Source

__all__ = ["DrawnSource", "quantised", "stream_key"]

Array: TypeAlias = npt.NDArray[np.float64]

_WEIGHTS, _BIASES = 1, 2  # the streams of a layer beside that of its mask, which has no number


def stream_key(seed: int, layer: int, stream: int) -> npt.NDArray[np.uint64]:
    """Give the key of the weights (stream 1) or the biases (stream 2) of a source layer.

    Examples
    --------
    >>> stream_key(0, 1, 1).shape
    (2,)
    """
    return np.random.SeedSequence(seed, spawn_key=(layer, stream)).generate_state(2, np.uint64).astype(np.uint64)


def quantised(uniforms: Array, bits: int) -> Array:
    """Turn numbers that are uniform in (-1, 1) into multiples of 2^-bits: floor((u + 1) (M + 1/2)) - M, over M.

    Examples
    --------
    >>> quantised(np.array([-0.99, -0.5, 0.0, 0.5, 0.99]), 1).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    most = float(2**bits)
    codes: Array = np.minimum(np.floor((uniforms + 1.0) * (most + 0.5)) - most, most)  # u + 1 may be rounded to 2
    return codes / most


@dataclass(frozen=True)
class DrawnSource:
    """Weights and biases of a source whose layers are fully connected, U[-1, 1] or quantised, and its masks.

    Parameters
    ----------
    source
        Widths and densities of layers 0..L.
    seed
        0 <= seed < 2^128. Masks, weights and biases of every layer have streams of their own.
    bits
        With a number B, weights and biases are multiples of 2^-B, uniform on those in [-1, 1] up to 2^-53.

    Raises
    ------
    InvalidInput
        If the seed is out of range, or layers are convolutional.
    """

    source: Source
    seed: int = 0
    bits: int | None = None

    def __post_init__(self) -> None:
        if any(entries != 1 for entries in self.source.entries_per_pair):
            raise InvalidInput("source", "fully connected layers", self.source.entries_per_pair)
        draw_masks(self.source, self.seed)  # refuses a bad seed

    @property
    def masks(self) -> tuple[DrawnMask, ...]:
        """The ER masks of layers 0..L."""
        return draw_masks(self.source, self.seed)

    def rows(self, layer: int, start: int, stop: int) -> Array:
        """Draw the rows start..stop - 1 of a layer, shape (rows, columns): 0 where the mask keeps nothing.

        A weight that the mask keeps is never 0, unless weights are quantised.
        """
        from ertheory.masks.philox import draw_uniforms

        mask = self.masks[layer]
        starts, columns = mask.rows(start, stop)
        rows = np.repeat(np.arange(stop - start), np.diff(starts))
        drawn = np.zeros((stop - start, mask.shape[1]))
        key = stream_key(self.seed, layer, _WEIGHTS)
        drawn[rows, columns] = self._read(draw_uniforms(rows + start, columns.astype(np.int64), key))
        return drawn

    def biases(self, layer: int) -> Array:
        """Draw the biases of a layer, shape (N_l,); none is 0, unless they are quantised."""
        from ertheory.masks.philox import draw_uniforms

        places = np.arange(self.source.widths[layer], dtype=np.int64)
        return self._read(draw_uniforms(np.zeros_like(places), places, stream_key(self.seed, layer, _BIASES)))

    def _read(self, uniforms: Array) -> Array:
        return uniforms if self.bits is None else quantised(uniforms, self.bits)
