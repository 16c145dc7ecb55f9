"""Which values neurons take on a box: interval arithmetic of a checker's own, step by step, rounded outwards.

Every channel has one interval for all of its positions.

>>> from ertheory.networks.network import Affine
>>> image(Affine.from_dense([[1.0, -2.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])).round(9).tolist()
[[-2.0, 1.0]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.layer0 import at_zero
from ertheory.check.upwards import upper, weighed
from ertheory.networks.activations import ActivationFunction
from ertheory.networks.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["NONNEGATIVE", "activated", "image", "may_be_negative", "with_zero"]

Array: TypeAlias = npt.NDArray[np.float64]

NONNEGATIVE = ("relu", "relu6", "sigmoid", "hardsigmoid", "softplus")  # activations without negative values

_UNIT = 2.0**-52


def image(step: Affine, box: Array) -> Array:
    """Give the box of what a step gives, shape (outputs, 2), from that of what it reads, shape (inputs, 2)."""
    parts: list[Array] = []
    for weight, mine, part in _groups(step, box):
        positive, negative = weight.maximum(0), weight.minimum(0)
        low = positive @ part[:, 0] + negative @ part[:, 1] + step.bias[mine]
        high = positive @ part[:, 1] + negative @ part[:, 0] + step.bias[mine]
        size = weighed(abs(weight), np.abs(part).max(axis=1)) + np.abs(step.bias[mine])
        slack = upper(size, 2) * ((int(np.diff(weight.indptr).max(initial=0)) + 4) * _UNIT)
        parts.append(np.stack([low - slack, high + slack], axis=1))
    return np.concatenate(parts)


def activated(function: ActivationFunction, box: Array) -> Array:
    """Give the box behind an activation."""
    if function.name == "identity":
        return box
    if function.name == "relu":
        return np.maximum(box, 0.0)
    reach = upper(at_zero(function) + float(function.lipschitz) * np.abs(box).max(axis=1), 6)
    return np.stack([0.0 * reach if function.name in NONNEGATIVE else -reach, reach], axis=1)


def with_zero(box: Array) -> Array:
    """Give the box together with 0, which stands in a padding."""
    return np.stack([np.minimum(box[:, 0], 0.0), np.maximum(box[:, 1], 0.0)], axis=1)


def may_be_negative(first: Affine, second: Affine, box: Array) -> int | None:
    """Give an output of a step that another one reads and that may be below 0; ``None`` if there is none.

    Parameters
    ----------
    first, second
        The step, and the one that reads its outputs.
    box
        The values that the first one reads lie in it, shape (inputs, 2).
    """
    read = np.zeros(first.outputs, dtype=np.bool_)
    rows = np.repeat(np.arange(second.outputs), np.diff(second.weight.indptr)) // (second.outputs // second.groups)
    read[rows * (second.inputs // second.groups) + second.weight.indices // second.taps] = True
    for weight, mine, part in _groups(first, box):
        bias = first.bias[mine]
        positive, negative = weight.maximum(0), weight.minimum(0)
        low = positive @ part[:, 0] + negative @ part[:, 1] + bias
        terms = int(np.diff(weight.indptr).max(initial=0)) + 3
        size = weighed(abs(weight), np.abs(part).max(axis=1)) + np.abs(bias)
        # Where no term is negative, no rounding makes the sum negative.
        safe = (positive @ np.minimum(part[:, 0], 0.0) == 0) & (negative.sum(axis=1) == 0) & (bias >= 0)
        wrong = np.flatnonzero(read[mine] & ~safe & ~(low >= terms * _UNIT * upper(size, 2)))
        if len(wrong):
            return int(mine.start) + int(wrong[0])
    return None


def _groups(step: Affine, box: Array) -> Iterator[tuple[csr_array, slice, Array]]:
    """Give for every group its weights, its outputs, and the box of what each of its columns reads."""
    read = with_zero(box) if any(step.padding) else box
    rows, channels = step.outputs // step.groups, step.inputs // step.groups
    for group in range(step.groups):
        mine = slice(group * rows, (group + 1) * rows)
        part = np.repeat(read[group * channels : (group + 1) * channels], step.taps, axis=0)
        yield step.weight[mine] if step.groups > 1 else step.weight, mine, part
