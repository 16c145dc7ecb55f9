"""The roles of layer 0: which neuron carries which input, with which sign, and which is a constant.

A neuron that keeps one edge with weight w to input i, and not its bias, is |w| relu(x_i) for w > 0 and |w| relu(-x_i)
for w < 0; x = relu(x) - relu(-x). A neuron that keeps no edge but its bias b > 0 is the constant b.
"""

from __future__ import annotations

import numpy as np

from ertheory.builders.ticket.error import Array, Signals, input_boxes

__all__ = ["input_roles"]


def input_roles(weights: Array, biases: Array, domain: Array, demand: Array) -> Signals:
    """Give every neuron of layer 0 a role.

    Parameters
    ----------
    weights
        They are those of layer 0, shape (N_0, d), 0 where there is no edge.
    biases
        Shape (N_0,).
    domain
        Box of the inputs, shape (d, 2). Where an input has one sign, only that part of it has a role.
    demand
        How many neurons each input should have, and last the constants, relative to the others; 0 for none. Shape (d +
        1,).

    Notes
    -----
    Neurons with the fewest choices come first, and each takes the role that is served least for its demand, of several
    such roles that for which its weight is largest.

    Examples
    --------
    >>> weights = np.array([[0.5, -0.25], [0.0, 0.75], [0.0, -0.5]])
    >>> signals = input_roles(weights, np.array([0.1, 0.2, 0.3]), np.tile([0.0, 1.0], (2, 1)), np.ones(3))
    >>> signals.units.tolist(), signals.factors.tolist()
    ([0, 1, 4], [0.5, 0.75, 0.3])
    """
    boxes = input_boxes(domain)
    inputs = len(domain)
    wanted = np.append(np.tile(demand[:-1], 2) * (boxes[:-1, 1] > 0), demand[-1])
    factors = np.concatenate([np.maximum(weights, 0), np.maximum(-weights, 0), np.maximum(biases, 0)[:, None]], axis=1)
    factors *= wanted > 0
    units = np.full(len(weights), -1)
    served = np.zeros(2 * inputs + 1, dtype=np.int64)
    for neuron in np.argsort(np.count_nonzero(factors, axis=1), kind="stable"):
        options = np.flatnonzero(factors[neuron])
        if len(options):
            chosen = options[np.lexsort((-factors[neuron, options], served[options] / wanted[options]))[0]]
            units[neuron] = chosen
            served[chosen] += 1
    carried = np.where(units >= 0, np.take_along_axis(factors, np.maximum(units, 0)[:, None], axis=1)[:, 0], 0.0)
    nothing = np.zeros(len(weights))
    return Signals(units=units, factors=carried, low=nothing, high=nothing, boxes=boxes, inputs=inputs)
