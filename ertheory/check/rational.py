"""Outputs of a network in rational arithmetic: no floating point at all.

>>> from ertheory.networks.network import Activation, Affine, Network
>>> network = Network((Affine.from_dense([[0.5]], [0.25]), Activation("relu"), Affine.from_dense([[-3.0]])))
>>> evaluate_exact(network, [[Fraction(1, 3)]])[0, 0]
Fraction(-5, 4)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.geometry import check_flow, divisors, entries, leading, positions, shares, views
from ertheory.errors import InvalidInput
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Step

__all__ = ["evaluate_exact"]

Rationals: TypeAlias = npt.NDArray[np.object_]


def evaluate_exact(network: Network, points: Any) -> Rationals:
    """Evaluate a network whose activations are piecewise polynomial, in rational arithmetic.

    Parameters
    ----------
    network
        Its biases count as the rational numbers that `Affine.exact_bias` gives.
    points
        Rational numbers, integers or doubles, taken exactly; shape (points, inputs) or (points, channels, *positions).

    Returns
    -------
    Rationals
        Fractions in an array of objects, of the shape that `evaluate` gives.

    Raises
    ------
    InvalidInput
        If an activation has no rational values, or the points do not fit.
    """
    check_flow(network)
    try:
        array = np.asarray(points, dtype=object)
        exact = np.frompyfunc(Fraction, 1, 1)(array)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("points", "rational numbers or finite doubles", points) from None
    if array.ndim < 2:
        raise InvalidInput("points", "shape (points, inputs), or with positions behind", array.shape)
    flat = any(isinstance(step, Flatten) for step in network.steps[: leading(network.steps)])
    if not flat and array.shape[1] != network.inputs:
        raise InvalidInput("points", f"{network.inputs} inputs or channels each", array.shape)
    return _run(network.steps, exact)


def _run(steps: Sequence[Step], signal: Rationals) -> Rationals:
    for step in steps:
        if isinstance(step, Affine):
            signal = _affine(step, signal)
        elif isinstance(step, Activation):
            function = activation(step.name).exact
            if function is None:
                raise InvalidInput("network", "an activation with rational values", step.name)
            signal = np.asarray(np.frompyfunc(function, 1, 1)(signal), dtype=object)
        elif isinstance(step, Pool):
            signal = _pool(step, signal)
        elif isinstance(step, Flatten):
            signal = signal.reshape(len(signal), math.prod(signal.shape[1:]))
        else:
            branch, skip = _run(step.branch, signal), _run(step.skip, signal)
            if branch.shape != skip.shape:
                raise InvalidInput("steps", f"a skip of shape {branch.shape[1:]}, as the branch has", skip.shape[1:])
            signal = np.asarray(branch + skip, dtype=object)
    return signal


def _affine(step: Affine, signal: Rationals) -> Rationals:
    if signal.shape[1] != step.inputs:
        raise InvalidInput("points", f"sizes that give {step.inputs} numbers where they are flattened", signal.shape[1])
    outputs = positions(signal.shape[2:], step)
    taps = list(views(signal, step, first=2, fill=Fraction(0)))
    result = np.empty((len(signal), step.outputs, *outputs), dtype=object)
    for row, bias in enumerate(step.exact_bias):
        result[:, row] = bias
    found = entries(step)
    each = zip(*(part.tolist() for part in (found.rows, found.channels, found.taps, found.values)), strict=True)
    for row, channel, tap, value in each:
        result[:, row] = result[:, row] + Fraction(value) * taps[tap][:, channel]
    return result


def _pool(step: Pool, signal: Rationals) -> Rationals:
    if step.outputs:
        outputs = positions(signal.shape[2:], step)
        windows = shares(signal.shape[2:], outputs)
        shared = [_whole(step, signal[(slice(None), slice(None), *window)]) for window in windows]
        return np.stack(shared, axis=2).reshape(*signal.shape[:2], *outputs)
    if not step.size:
        return _whole(step, signal)
    if step.kind == "max":
        # Padding holds None, which never wins.
        larger = np.frompyfunc(lambda a, b: b if a is None else a if b is None else max(a, b), 2, 1)
        largest: Rationals = reduce(larger, views(signal, step, first=2, fill=None))
        return largest
    total: Rationals = np.add.reduce(list(views(signal, step, first=2, fill=Fraction(0))))
    return np.asarray(total * _inverse(divisors(signal.shape[2:], step)), dtype=object)


_inverse = np.frompyfunc(lambda count: Fraction(1, int(count)), 1, 1)


def _whole(step: Pool, signal: Rationals) -> Rationals:
    flat = signal.reshape(*signal.shape[:2], math.prod(signal.shape[2:]))
    result: Rationals = flat.max(axis=2) if step.kind == "max" else flat.sum(axis=2)
    return result if step.kind == "max" else _divided(result, flat.shape[2])


def _divided(total: Rationals, count: int) -> Rationals:
    return np.asarray(total * Fraction(1, count), dtype=object)
