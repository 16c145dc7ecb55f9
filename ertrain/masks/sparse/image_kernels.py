"""Compiled convolutions with the kept weights alone: forwards, and both gradients, without a column of places made.

Images stand as (planes, rows, columns, images), with a frame of zeros: what one weight meets along a row of an image,
for all images, is one run of memory, some places further than what it adds to. So a weight is read once for a stretch
of such a run, as in `kernels`, and the nine weights of a kernel of 3 x 3 meet nearly the same memory.

One output channel, or one plane backwards, is computed by one thread, in a fixed order: the number of threads changes
no bit.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import prange

from ertheory.kernels import kernel
from ertrain.masks.sparse.image_vectors import add_places, gather_block, pass_back_places, scatter_block

__all__ = ["back", "forward", "gather", "scatter", "share_back", "share_forward", "share_gather", "share_scatter"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Starts: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.int32]

_BLOCKS = 16  # of columns that are turned around for all images, before the next ones
_RUN = 512  # numbers of a run that all channels are asked for before the next ones: what they meet stays in a cache


@kernel
def forward(
    first: int, last: int, starts: Starts, places: Places, values: Floats, bias: Floats, planes: Floats, wide: int,
    outputs: Floats, height: int, width: int, images: int,
) -> None:  # fmt: skip
    """Put some channels of the outputs, (channels, height, width, images), where they belong.

    An entry of a channel meets, for the first row of its outputs, the run of the planes that begins at its place; rows
    of planes are so many places wide.
    """
    run = width * images
    for row in range(height):
        for begin in range(0, run, _RUN):
            length, shift = min(_RUN, run - begin), row * wide * images + begin
            for channel in range(first, last):
                here = (channel * height + row) * run + begin
                entries = starts[channel], starts[channel + 1]
                add_places(
                    values, places, entries[0], entries[1], bias[channel], planes, images, shift, length, outputs, here
                )


@kernel
def back(
    first: int, last: int, starts: Starts, rows: Places, places: Places, values: Floats, planes: Floats,
    high: int, wide: int, gradients: Floats, wide_gradients: int, images: int, ranges: Starts,
    of_values: Floats, of_planes: Floats,
) -> None:  # fmt: skip
    """Add the gradients of the values of some planes to what is there, and put those of the planes.

    An entry of a plane meets, for the first row and column of the plane, the run of the gradients that begins at its
    place. Planes take turns in having the ranges: first row, last, first column, last, without the ends, inside which
    there is an image, and a gradient is put.
    """
    kinds = len(ranges)
    for kind in range(kinds):
        top, bottom, left, right = ranges[kind]
        run = (right - left) * images
        for row in range(top, bottom):
            for begin in range(0, run, _RUN):
                length, shift = min(_RUN, run - begin), (row * wide_gradients + left) * images + begin
                for plane in range(first + (kind - first) % kinds, last, kinds):
                    here = ((plane * high + row) * wide + left) * images + begin
                    pass_back_places(
                        values, rows, places, starts[plane], starts[plane + 1], planes, here, gradients, images, shift,
                        length, of_values, of_planes, here,
                    )  # fmt: skip


@kernel
def scatter(first: int, last: int, images: Floats, turned: Floats, targets: Places, count: int, block: int) -> None:
    """Transpose some columns of images, (count, numbers of an image), into the rows that they have as targets.

    The first column is one at which a block begins, and so is the one after the last, or it is the end; blocks are as
    wide as a register. Both matrices are vectors.
    """
    width, whole, end = len(targets), count - count % block, last - last % block
    for begin in range(first, end, _BLOCKS * block):
        stop = min(begin + _BLOCKS * block, end)
        for image in range(0, whole, block):
            for column in range(begin, stop, block):  # runs along images, which the processor fetches ahead
                scatter_block(images, width, turned, count, targets, image, column)
    for column in range(first, last):
        for image in range(whole if column < end else 0, count):
            turned[targets[column] * count + image] = images[image * width + column]


@kernel
def gather(first: int, last: int, turned: Floats, images: Floats, targets: Places, count: int, block: int) -> None:
    """Bring some columns back."""
    width, whole, end = len(targets), count - count % block, last - last % block
    for begin in range(first, end, _BLOCKS * block):
        stop = min(begin + _BLOCKS * block, end)
        for image in range(0, whole, block):
            for column in range(begin, stop, block):
                gather_block(turned, count, images, width, targets, image, column)
    for column in range(first, last):
        for image in range(whole if column < end else 0, count):
            images[image * width + column] = turned[targets[column] * count + image]


@kernel
def _begin(starts: Starts, part: int, parts: int) -> int:
    """Give the line at which a part begins, of so many with equally many entries."""
    before = starts[-1] * part // parts
    return int(np.searchsorted(starts[:-1], before)) if part < parts else len(starts) - 1


@kernel(parallel=True)
def share_forward(threads: int, starts: Starts, *given: Any) -> None:
    """Do what `forward` does, of all channels, by several threads."""
    for part in prange(threads):
        forward(_begin(starts, part, threads), _begin(starts, part + 1, threads), starts, *given)


@kernel(parallel=True)
def share_back(threads: int, starts: Starts, *given: Any) -> None:
    """Do what `back` does, of all planes, by several threads."""
    for part in prange(threads):
        back(_begin(starts, part, threads), _begin(starts, part + 1, threads), starts, *given)


@kernel(parallel=True)
def share_scatter(threads: int, images: Floats, turned: Floats, targets: Places, count: int, block: int) -> None:
    """Do what `scatter` does, of all columns, by several threads."""
    blocks = -(-len(targets) // block)
    for part in prange(threads):
        first, last = blocks * part // threads * block, min(len(targets), blocks * (part + 1) // threads * block)
        scatter(first, last, images, turned, targets, count, block)


@kernel(parallel=True)
def share_gather(threads: int, turned: Floats, images: Floats, targets: Places, count: int, block: int) -> None:
    """Do what `gather` does, of all columns, by several threads."""
    blocks = -(-len(targets) // block)
    for part in prange(threads):
        first, last = blocks * part // threads * block, min(len(targets), blocks * (part + 1) // threads * block)
        gather(first, last, turned, images, targets, count, block)
