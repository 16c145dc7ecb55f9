"""How far an error in the first preactivations can grow on the way to the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Residual, Step

__all__ = ["error_bound"]

_UNIT = 2.0**-52
_LEAST = 2.0**-1074  # more than a product of doubles loses where it underflows


def error_bound(network: Network, errors: Sequence[Fraction]) -> Fraction | None:
    """Bound the error of the outputs by that of the first preactivations, as real functions.

    Parameters
    ----------
    network
        The target.
    errors
        A bound on the error of each neuron or channel of its first affine step, shape (outputs,).

    Notes
    -----
    |W (x + e) - W x| <= |W| |e|, and an activation multiplies an error by its Lipschitz constant at most. A channel
    has one bound for all its positions. Rounded up; None beyond the largest double.

    Examples
    --------
    >>> net = Network((Affine.from_dense([[1.0], [1.0]]), Activation("relu"), Affine.from_dense([[2.0, -1.0]])))
    >>> round(float(error_bound(net, [Fraction(1, 8), Fraction(1, 4)])), 12)
    0.5
    """
    if not any(errors):
        return Fraction(0)
    start = np.array([np.nextafter(float(error), np.inf) for error in errors])
    place = next(index for index, step in enumerate(network.steps) if isinstance(step, Affine))
    with np.errstate(over="ignore", invalid="ignore"):  # 0 times infinity is no number, and no bound either
        largest = float(_through(network.steps[place + 1 :], start).max())
    return Fraction(largest) if np.isfinite(largest) else None


def _through(steps: Sequence[Step], error: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    for step in steps:
        if isinstance(step, Affine):
            error = _affine(step, error)
        elif isinstance(step, Activation):
            error = error * (float(activation(step.name).lipschitz) * (1 + _UNIT)) + np.where(error > 0, _LEAST, 0.0)
        elif isinstance(step, Residual):
            error = (_through(step.branch, error) + _through(step.skip, error)) * (1 + _UNIT)
        elif isinstance(step, Flatten):
            error = error[:, None]  # one bound per channel, for as many positions as are read
    return error


def _affine(step: Affine, error: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    channels = np.repeat(error.ravel(), step.inputs // len(error))
    grouped = channels.reshape(step.groups, -1)
    rows_per_group = step.outputs // step.groups
    size = abs(step.weight)
    parts = []
    for group in range(step.groups):
        rows, moved = size[group * rows_per_group : (group + 1) * rows_per_group], np.repeat(grouped[group], step.taps)
        parts.append(rows @ moved + (rows != 0) @ (moved > 0).astype(np.float64) * _LEAST)
    # A sum of k products of positive doubles is too small by a factor of 1 - 2 k 2^-53 at most, beside what underflows.
    slack = 1 + 4 * (size.shape[1] + 1) * _UNIT
    result: npt.NDArray[np.float64] = np.concatenate(parts) * slack
    return result
