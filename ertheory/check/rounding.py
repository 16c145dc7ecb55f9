"""A bound on what floating point does to a network: |value of `evaluate` - true value| on the whole box.

Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3): for a row w with k
non-zeros and a bias b, a computed sum is off by at most |w| e + gamma_{k+2} (|w| m + |b|), where e bounds the errors
and m the moduli of what is read, and gamma_n = n u / (1 - n u) with u = 2^-53.

>>> from ertheory.networks.network import Affine, Network
>>> network = Network((Affine.from_dense([[3.0, 4.0]]),))
>>> bool(float_bound(network, [[-1.0, 1.0], [-1.0, 1.0]])[0] < 1e-14)
True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.forms import ROUNDOFF, TINY
from ertheory.check.geometry import check_flow, entries, leading, with_channels
from ertheory.check.layer0 import at_zero
from ertheory.check.upwards import above, gamma, products, upper
from ertheory.errors import InvalidInput
from ertheory.networks.activations import ActivationFunction, activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

__all__ = ["float_bound"]

Array: TypeAlias = npt.NDArray[np.float64]

_ROUNDINGS = 32  # of an activation, in units of u: what the elementary functions and the steps around them may lose
_EXACT = ("relu", "identity", "relu6", "hardtanh")  # comparisons alone
_ADDITIONS = 64  # an average over all positions, or a share of them, adds half to half: 2^63 need no more


def float_bound(network: Network, box: npt.ArrayLike) -> Array:
    """Bound the error of `evaluate` for all points of a box.

    Parameters
    ----------
    network
        The true values are those with the biases of `Affine.exact_bias`.
    box
        It is that of the inputs, finite numbers of shape (d, 2).

    Returns
    -------
    Array
        One bound per output (per channel where positions are left), rounded up; infinite where values may overflow.

    Raises
    ------
    InvalidInput
        If the box has another shape, or the steps do not fit to each other.

    Notes
    -----
    Assumed, beside arithmetic as IEEE 754 has it: the elementary functions (exp, tanh, ...) are right up to a few units
    in the last place.
    """
    check_flow(network)
    ends = np.asarray(box, dtype=np.float64)
    if ends.shape != (network.inputs, 2) or not np.isfinite(ends).all():
        raise InvalidInput("box", f"finite numbers of shape {(network.inputs, 2)}", box)
    front = leading(network.steps)
    size = np.abs(ends).max(axis=1)
    error = np.zeros_like(size)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in network.steps[:front]:
            if isinstance(step, Pool):
                error = _pooled(step, error, size)
        error, _ = _run(network.steps[front:], error, size)
    return np.where(np.isnan(error), np.inf, error)


def _run(steps: Sequence[Step], error: Array, size: Array) -> tuple[Array, Array]:
    """Give bounds on the errors and on the moduli of the true values, channel by channel."""
    for step, before, after in with_channels(steps, len(size)):
        if isinstance(step, Affine):
            error, size = _affine(step, error, size)
        elif isinstance(step, Activation):
            error, size = _activated(activation(step.name), error, size)
        elif isinstance(step, Pool):
            error = _pooled(step, error, size)
        elif isinstance(step, Flatten):
            error, size = np.repeat(error, after // before), np.repeat(size, after // before)
        else:
            error, size = _added(step, error, size)
    return error, size


def _affine(step: Affine, error: Array, size: Array) -> tuple[Array, Array]:
    found = entries(step)
    terms = np.diff(step.weight.indptr).astype(np.float64)
    moduli = np.abs(found.values)

    def weighted(values: Array) -> Array:
        sums = np.bincount(found.rows, products(moduli, values[found.channels]), minlength=step.outputs)
        return np.asarray(sums, dtype=np.float64)

    true = upper(weighted(size) + np.abs(step.bias) * (1 + 2 * ROUNDOFF), terms + 4)
    computed = upper(weighted(size + error) + np.abs(step.bias), terms + 4)
    return upper(weighted(error) + gamma(terms + 2) * computed, terms + 8) + (terms + 2) * TINY, true


def _activated(function: ActivationFunction, error: Array, size: Array) -> tuple[Array, Array]:
    slope = above(function.lipschitz)
    true = upper(at_zero(function) + products(slope, size), 4)
    computed = at_zero(function) + max(slope, 1.0) * (size + error)
    lost = 0.0 if function.name in _EXACT else _ROUNDINGS * ROUNDOFF
    return upper(products(slope, error) + lost * computed, 8) + (lost > 0) * 2 * TINY, true


def _pooled(step: Pool, error: Array, size: Array) -> Array:
    if step.kind == "max":
        return error
    terms = (math.prod(step.size) if step.size else _ADDITIONS) + 2
    return upper(error + gamma(terms) * (size + error), 6) + 2 * TINY


def _added(step: Residual, error: Array, size: Array) -> tuple[Array, Array]:
    (first, one), (second, other) = (_run(part, error, size) for part in (step.branch, step.skip))
    total = one + other
    return upper(first + second + ROUNDOFF * (total + first + second), 8), upper(total, 1)
