"""How far a source layer is off: interval arithmetic in doubles, rounded outward.

The neurons of a source layer carry units: layer 0 the positive and the negative part of every input, relu(x_i) and
relu(-x_i), layer l the neurons of target layer l. The last unit is the constant 1. All units are at least 0. A source
neuron is a factor times its unit plus an error in [low, high], for every x of the box; only copies have errors, and
their factor is 1.

Copies of one target neuron have errors of their own, and what reads them adds |weight| times error for each: it is the
L1 norm of the chosen subset that amplifies, not the weight that it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Signals", "input_boxes", "shares", "sums_error", "through_relu"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Bounds: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True, eq=False, kw_only=True)
class Signals:
    """What the neurons of a source layer carry.

    Parameters
    ----------
    units
        The unit of each neuron, -1 for a neuron that carries nothing. Shape (N,).
    factors
        How often each neuron carries its unit; its bias for a constant. Shape (N,).
    low, high
        The ends of the error of each neuron. Shape (N,).
    boxes
        The interval of the values of each unit; (1, 1) for the last one. Shape (units, 2).
    inputs
        d if the units are positive and negative parts of d inputs, else 0.
    """

    units: Integers
    factors: Array
    low: Array
    high: Array
    boxes: Array
    inputs: int = 0

    @property
    def constant(self) -> int:
        """The unit that is 1."""
        return len(self.boxes) - 1


def input_boxes(domain: Array) -> Array:
    """Give the boxes of relu(x_1), .., relu(x_d), relu(-x_1), .., relu(-x_d), 1, shape (2 d + 1, 2).

    Examples
    --------
    >>> input_boxes(np.array([[-1.0, 0.5]])).tolist()
    [[0.0, 0.5], [0.0, 1.0], [1.0, 1.0]]
    """
    flipped = -domain[:, ::-1]
    return np.concatenate([np.maximum(domain, 0.0), np.maximum(flipped, 0.0), np.ones((1, 2))]) + 0.0


def sums_error(weights: csr_array, biases: Array, below: Signals, wanted: Array) -> Bounds:
    """Bound what sums over a source layer are off by, on the whole box.

    Parameters
    ----------
    weights, biases
        They are those of the neurons: shape (rows, N), sparse, and (rows,).
    below
        What they read. A weight on a neuron that carries nothing is an error of the caller.
    wanted
        Coefficients of the units that each sum should have, shape (rows, units).

    Returns
    -------
    tuple
        Lower and upper ends, shape (rows,) each.
    """
    from scipy.sparse import csr_array

    used = np.flatnonzero(below.units >= 0)
    carried = csr_array((below.factors[used], (used, below.units[used])), shape=(len(below.units), len(below.boxes)))
    terms = np.diff(weights.indptr)[:, None] + 2
    found, size = (weights @ carried).toarray(), (abs(weights) @ abs(carried)).toarray()
    found[:, below.constant] += biases
    size[:, below.constant] += np.abs(biases)
    loss = _loss(size + np.abs(wanted), terms)
    low, high = _range(found - wanted - loss, found - wanted + loss, below)
    plus, minus = weights.maximum(0), weights.minimum(0)
    moved = abs(weights) @ np.maximum(np.abs(below.low), np.abs(below.high))
    moved = _loss(moved, terms[:, 0])
    return (
        np.nextafter(low + (plus @ below.low + minus @ below.high - moved), -np.inf),
        np.nextafter(high + (plus @ below.high + minus @ below.low + moved), np.inf),
    )


def shares(weights: csr_array, biases: Array, below: Signals, wanted: Array) -> tuple[Array, float]:
    """Say what makes the error of sums: estimates, on which nothing rests but where to try next.

    Returns
    -------
    tuple
        What is missed by unit where its coefficient is not met, the bias last; and what comes from the neurons that are
        read. Both are the largest of all rows.
    """
    from scipy.sparse import csr_array

    used = np.flatnonzero(below.units >= 0)
    carried = csr_array((below.factors[used], (used, below.units[used])), shape=(len(below.units), len(below.boxes)))
    missed = (weights @ carried).toarray() - wanted
    missed[:, below.constant] += biases
    low, high = below.boxes.T
    offset = missed @ ((low + high) / 2) + weights @ ((below.low + below.high) / 2)
    by_unit = np.abs(missed) * (high - low) / 2
    by_unit[:, below.constant] = np.abs(offset)
    passed_on = abs(weights) @ ((below.high - below.low) / 2)
    return by_unit.max(axis=0), float(passed_on.max())


def through_relu(error: Bounds, wanted: Array, below: Signals, rows: Integers) -> tuple[Bounds, Array]:
    """Bound relu(t + e) - relu(t) from bounds on e, and on the sums t of a target layer.

    Parameters
    ----------
    error
        Bounds on e, shape (rows,) each.
    wanted
        Coefficients of all sums of the target layer, shape (neurons, units).
    below
        What they read.
    rows
        The target neuron of each e, shape (rows,).

    Returns
    -------
    tuple
        The bounds, and the boxes of the target neurons behind the ReLU with the constant 1, shape (neurons + 1, 2).
    """
    lowest, highest = _range(wanted, wanted, below)
    low, high = error
    t_low, t_high = lowest[rows], highest[rows]
    # relu(t + e) - relu(t) grows with e; for e > 0 it grows with t, for e < 0 it falls with t.
    reached = np.maximum(np.nextafter(t_low + low, -np.inf), 0), np.maximum(np.nextafter(t_high + high, np.inf), 0)
    new_low = np.where(low >= 0, np.minimum(low, reached[0]), np.maximum(low, -np.maximum(t_high, 0)))
    new_high = np.where(high >= 0, np.minimum(high, reached[1]), np.maximum(high, -np.maximum(t_low, 0)))
    boxes = np.maximum(np.stack([lowest, highest], axis=1), 0)
    return (new_low, new_high), np.concatenate([boxes, np.ones((1, 2))])


def _range(low: Array, high: Array, below: Signals) -> Bounds:
    """Bound sums of coefficients, from low to high, times units; shape (rows, units) each."""
    least, most = below.boxes.T
    bottom = np.where(low >= 0, low * least, low * most)
    top = np.where(high >= 0, high * most, high * least)
    if below.inputs:  # the two parts of an input are never positive at once
        d = below.inputs
        both = (most[:d] > 0) & (most[d : 2 * d] > 0)
        first, second = slice(0, d), slice(d, 2 * d)
        apart = np.minimum(bottom[:, first], bottom[:, second]), np.maximum(top[:, first], top[:, second])
        bottom[:, first] = np.where(both, apart[0], bottom[:, first] + bottom[:, second])
        top[:, first] = np.where(both, apart[1], top[:, first] + top[:, second])
        bottom[:, second] = top[:, second] = 0.0
    loss = [_loss(np.abs(ends).sum(axis=1), ends.shape[1] + 2) for ends in (bottom, top)]
    return bottom.sum(axis=1) - loss[0], top.sum(axis=1) + loss[1]


def _loss(size: Array, terms: Array | int) -> Array:
    """Bound the rounding errors of a sum of products, with more than a factor of two to spare (Higham, section 3.1)."""
    return size * (terms + 4) * 2.0**-51 + 1e-300
