"""Which values the neurons of a target take on a box: interval arithmetic, layer by layer, rounded outwards.

>>> from ertheory.networks.network import Activation, Affine, Network
>>> layers = Affine.from_dense([[1.0, -2.0]]), Activation("relu"), Affine.from_dense([[3.0]])
>>> [box.round(9).tolist() for box in map_boxes(Network(layers, np.array([[0.0, 1.0], [-1.0, 1.0]])))]
[[[0.0, 1.0], [-1.0, 1.0]], [[0.0, 3.0]]]
"""

from __future__ import annotations

import numpy as np

from ertheory.builders.factored.pairs import Array
from ertheory.networks.activations import ActivationFunction, activation
from ertheory.networks.network import Activation, Affine, Network

__all__ = ["map_boxes", "widened"]

_UNIT = 2.0**-52


def map_boxes(network: Network) -> list[Array]:
    """Give a box of the inputs of every affine step, shape (inputs, 2).

    Parameters
    ----------
    network
        A chain of fully connected layers with a box of its inputs.
    """
    assert network.domain is not None
    box, boxes = np.asarray(network.domain, dtype=np.float64), []
    for step in network.steps:
        if isinstance(step, Affine):
            boxes.append(box)
            box = _affine(step, box)
        elif isinstance(step, Activation):
            box = _activated(activation(step.name), box)
    return boxes


def widened(low: Array, high: Array, size: Array, terms: int) -> Array:
    """Make computed sums of so many terms, whose moduli add up to `size`, into intervals that hold the true sums."""
    slack = size * ((terms + 4) * _UNIT) + np.finfo(np.float64).tiny
    return np.stack([low - slack, high + slack], axis=1)


def _affine(step: Affine, box: Array) -> Array:
    weight = step.weight
    positive, negative = weight.maximum(0), weight.minimum(0)
    low = positive @ box[:, 0] + negative @ box[:, 1] + step.bias
    high = positive @ box[:, 1] + negative @ box[:, 0] + step.bias
    size = abs(weight) @ np.abs(box).max(axis=1) + np.abs(step.bias)
    return widened(low, high, size, int(np.diff(weight.indptr).max(initial=0)))


def _activated(function: ActivationFunction, box: Array) -> Array:
    if function.name == "identity":
        return box
    if function.name == "relu":
        return np.maximum(box, 0.0)
    start = abs(float(function.function(np.zeros(1))[0])) * (1 + 8 * _UNIT)
    reach = (start + float(function.lipschitz) * np.abs(box).max(axis=1)) * (1 + 8 * _UNIT)
    return np.stack([-reach, reach], axis=1)
