"""Zeros around feature maps, as many in front of an axis as behind it, or not.

>>> even(((1, 1), (2, 2))), even(((0, 1),))
((1, 2), None)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ertheory.networks.arrays import Array

__all__ = ["Pads", "added", "even", "evened"]

# Of every axis, how many zeros are put in front of it and behind it.
Pads: TypeAlias = tuple[tuple[int, int], ...]


def added(padding: Sequence[int | tuple[int, int]], more: Pads | None) -> Pads:
    """Give the zeros of a padding, one number for both sides of an axis or two, and those of another one around it."""
    own = [(size, size) if isinstance(size, int) else size for size in padding]
    return tuple((a + c, b + d) for (a, b), (c, d) in zip(own, more or ((0, 0),) * len(own), strict=True))


def even(pads: Pads) -> tuple[int, ...] | None:
    """Give one number for each axis; ``None`` where both sides of an axis differ."""
    return tuple(front for front, _ in pads) if all(front == behind for front, behind in pads) else None


def evened(weight: Array, pads: Pads, options: dict[str, Any]) -> tuple[Array, dict[str, Any]]:
    """Write a convolution with the same padding on both sides of each axis, and the same values.

    Parameters
    ----------
    weight
        It is that of shape (outputs, inputs / groups, *kernel).
    pads
        The zeros that it reads.
    options
        Its geometry, as `Affine.from_dense` takes it.

    Returns
    -------
    tuple
        The weights and the geometry. Where d more zeros stand behind an axis than in front of it, d taps of weight 0
        are put in front of the filter: it then reads as many more zeros there, and its other taps read what they did.

    Examples
    --------
    >>> weight, options = evened(np.array([[[1.0, 2.0]]]), ((0, 1),), {"stride": (2,)})
    >>> weight.tolist(), options
    ([[[0.0, 1.0, 2.0]]], {'stride': (2,), 'padding': (1,), 'dilation': (1,)})
    """
    dilation = list(options.get("dilation") or (1,) * len(pads))
    for axis, (front, behind) in enumerate(pads):
        missing, place = abs(behind - front), axis + 2
        if missing % dilation[axis]:
            shape = [*weight.shape]
            shape[place] = (shape[place] - 1) * dilation[axis] + 1
            spread = np.zeros(shape)
            spread[(slice(None),) * place + (slice(None, None, dilation[axis]),)] = weight
            weight, dilation[axis] = spread, 1
        taps = missing // dilation[axis]
        more = [(0, 0)] * weight.ndim
        more[place] = (taps, 0) if behind > front else (0, taps)
        weight = np.pad(weight, more) if taps else weight
    return weight, {**options, "padding": tuple(map(max, pads)), "dilation": tuple(dilation)}
