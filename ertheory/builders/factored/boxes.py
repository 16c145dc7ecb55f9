"""Which values the neurons of a target take on a box: interval arithmetic, step by step, rounded outwards.

All positions of a channel share one interval. Without a box of the inputs only the signs behind activations are known.

>>> from ertheory.networks.network import Activation, Affine, Network
>>> layers = Affine.from_dense([[1.0, -2.0]]), Activation("relu"), Affine.from_dense([[3.0]])
>>> [box.round(9).tolist() for box in map_boxes(Network(layers, np.array([[0.0, 1.0], [-1.0, 1.0]])))]
[[[0.0, 1.0], [-1.0, 1.0]], [[0.0, 3.0]]]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ertheory.builders.factored.pairs import Array
from ertheory.networks.activations import ActivationFunction, activation
from ertheory.networks.network import Activation, Affine, Network, Pool, Residual, Step

__all__ = ["NONNEGATIVE", "map_boxes", "widened"]

NONNEGATIVE = ("relu", "relu6", "sigmoid", "softplus", "hardsigmoid")  # activations that are nowhere below 0

_UNIT = 2.0**-52


def map_boxes(network: Network) -> list[Array]:
    """Give a box of what every affine step reads, in the order of evaluation, shape (inputs, 2).

    Parameters
    ----------
    network
        It is that of any kind; without a box of its inputs these are unbounded. Where a step pads, its box contains 0.
    """
    box = network.domain
    if box is None:
        box = np.tile([-np.inf, np.inf], (network.inputs, 1))
    boxes: list[Array] = []
    _through(network.steps, np.asarray(box, dtype=np.float64), boxes)
    return boxes


def widened(low: Array, high: Array, size: Array, terms: int) -> Array:
    """Make computed sums of so many terms, whose moduli add up to `size`, into intervals that hold the true sums."""
    slack = size * ((terms + 4) * _UNIT) + np.finfo(np.float64).tiny
    return np.stack([low - slack, high + slack], axis=1)


def _through(steps: Sequence[Step], box: Array, boxes: list[Array]) -> Array:
    for step in steps:
        if isinstance(step, Affine):
            read = _read(step, box)
            boxes.append(read)
            box = _affine(step, read)
        elif isinstance(step, Activation):
            box = _activated(activation(step.name), box)
        elif isinstance(step, Pool):
            if step.kind == "average" and any(step.padding):
                box = _with_zero(box)
        elif isinstance(step, Residual):
            branch, skip = _through(step.branch, box, boxes), _through(step.skip, box, boxes)
            size = np.abs(branch).max(axis=1) + np.abs(skip).max(axis=1)
            box = widened(branch[:, 0] + skip[:, 0], branch[:, 1] + skip[:, 1], size, 2)
    return box


def _read(step: Affine, box: Array) -> Array:
    """Give what a step reads: all positions of a channel where they were laid out, and zeros of the padding."""
    read = np.repeat(box, step.inputs // len(box), axis=0)
    return _with_zero(read) if any(step.padding) else read


def _with_zero(box: Array) -> Array:
    return np.stack([np.minimum(box[:, 0], 0.0), np.maximum(box[:, 1], 0.0)], axis=1)


def _affine(step: Affine, box: Array) -> Array:
    parts: list[Array] = []
    rows, channels = step.outputs // step.groups, step.inputs // step.groups
    for group in range(step.groups):
        mine = slice(group * rows, (group + 1) * rows)
        weight, bias = step.weight[mine] if step.groups > 1 else step.weight, step.bias[mine]
        part = np.repeat(box[group * channels : (group + 1) * channels], step.taps, axis=0)
        positive, negative = weight.maximum(0), weight.minimum(0)
        for signed in (positive, negative):
            signed.eliminate_zeros()  # nothing is multiplied by an infinite bound that is not read
        low = positive @ part[:, 0] + negative @ part[:, 1] + bias
        high = positive @ part[:, 1] + negative @ part[:, 0] + bias
        size = abs(weight) @ np.abs(part).max(axis=1) + np.abs(bias)
        parts.append(widened(low, high, size, int(np.diff(weight.indptr).max(initial=0))))
    return np.concatenate(parts)


def _activated(function: ActivationFunction, box: Array) -> Array:
    if function.name == "identity":
        return box
    if function.name == "relu":
        return np.maximum(box, 0.0)
    start = abs(float(function.function(np.zeros(1))[0])) * (1 + 8 * _UNIT)
    reach = (start + float(function.lipschitz) * np.abs(box).max(axis=1)) * (1 + 8 * _UNIT)
    low = np.zeros_like(reach) if function.name in NONNEGATIVE else -reach
    return np.stack([low, reach], axis=1)
