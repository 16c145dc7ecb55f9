"""Masks of a source: drawn from a seed, or given.

>>> from ertheory.networks.source import Source
>>> from ertheory.networks.target import Target
>>> source = Source.for_target(Target.from_text("4-8-3"), widths=(56, 80, 3), densities=("1", "1/2", "1/2"))
>>> masks = draw_masks(source, seed=7)
>>> [mask.shape for mask in masks], masks[1].to_csr().nnz
([(56, 4), (80, 56), (3, 80)], 2221)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

from ertheory._typed import name_wrong_types
from ertheory.errors import InvalidInput
from ertheory.masks.drawn import DrawnMask, Rows, pattern_csr
from ertheory.masks.gaps import GapMask
from ertheory.masks.given import GivenMask, read_mask
from ertheory.networks.source import Source

__all__ = [
    "DrawnMask",
    "GapMask",
    "GivenMask",
    "Mask",
    "count_edges",
    "draw_masks",
    "pattern_csr",
    "read_mask",
    "read_masks",
    "scan",
    "seed_of",
]

Mask: TypeAlias = DrawnMask | GapMask | GivenMask

_Result = TypeVar("_Result")
_ENTRIES_AT_ONCE = 2**23


def seed_of(masks: Sequence[Mask]) -> int | None:
    """Give the seed that all masks are drawn by; ``None`` if one of them was given, or they have several."""
    seeds = {mask.seed if isinstance(mask, DrawnMask) else None for mask in masks}
    return seeds.pop() if len(seeds) == 1 else None


def draw_masks(source: Source, seed: int = 0) -> tuple[DrawnMask, ...]:
    """Draw the masks of layers 0..L, or rather say which they are: the entries follow when they are looked at.

    Parameters
    ----------
    source
        Widths and densities. A layer with a kernel has a column per channel and tap.
    seed
        0 <= seed < 2^128; the masks depend on it, the widths and the densities alone.
    """
    reads = (source.inputs, *source.widths)
    shapes = [(n, m * k) for n, m, k in zip(source.widths, reads, source.entries_per_pair, strict=False)]
    return tuple(
        DrawnMask(shape, density, seed, layer)
        for layer, (shape, density) in enumerate(zip(shapes, source.densities, strict=True))
    )


def read_masks(things: Any) -> tuple[Mask, ...]:
    """Read the masks of layers 0..L from a sequence of masks, arrays or sparse matrices, or from a PyTorch module.

    Raises
    ------
    InvalidInput
        If one of them is no mask.

    Examples
    --------
    >>> [mask.shape for mask in read_masks([[[1, 0]], [[1], [1]]])]
    [(1, 2), (2, 1)]
    """
    if hasattr(things, "state_dict"):
        from ertheory.networks.readers.torch_masks import masks_from_torch

        things = masks_from_torch(things)
    if not isinstance(things, Sequence):
        raise InvalidInput("masks", "a sequence of masks or a torch module", type(things).__name__)
    return tuple(read_mask(thing, name=f"mask of layer {layer}") for layer, thing in enumerate(things))


def scan(
    mask: Mask,
    work: Callable[[int, int, Rows], _Result],
    *,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[_Result]:
    """Look at every row of a mask once, block by block.

    Parameters
    ----------
    mask
        What to look at.
    work
        It is given the first row of a block, the one behind its last, and its rows as by `DrawnMask.rows`.
    workers
        So many threads are used; one per processor if left out. The results do not depend on it.
    progress
        It is told how many entries a block had, when it is done.

    Yields
    ------
    object
        What `work` returned, in the order of the rows.
    """
    rows, columns = mask.shape
    size = max(1, _ENTRIES_AT_ONCE // max(columns, 1))
    blocks = [(start, min(rows, start + size)) for start in range(0, rows, size)]

    def one(start: int, stop: int) -> _Result:
        result = work(start, stop, mask.rows(start, stop))
        if progress is not None:
            progress((stop - start) * columns)
        return result

    threads = min(workers or os.cpu_count() or 1, len(blocks))
    if threads <= 1:
        for block in blocks:
            yield one(*block)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Future[_Result]] = []
        for block in blocks:
            waiting.append(pool.submit(one, *block))
            if len(waiting) > 2 * threads:  # blocks that nobody has asked for must not pile up
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def count_edges(mask: Mask, *, workers: int | None = None) -> int:
    """Count the entries that a mask keeps, without holding them.

    Examples
    --------
    >>> from fractions import Fraction
    >>> count_edges(DrawnMask((3, 5), Fraction(1)))
    15
    """
    if isinstance(mask, GivenMask):
        return int(mask.pattern.nnz)
    if mask.density == 1:
        return mask.shape[0] * mask.shape[1]
    return sum(scan(mask, lambda start, stop, rows: int(rows[0][-1]), workers=workers))  # noqa: ARG005


name_wrong_types(__name__)
