"""Outputs of a network at many points, in double precision.

The signal between two steps has shape (channels, *positions, points): points stand last, so that a sparse product runs
along them. Units that no later step reads are left out before the first point is looked at.

>>> from ertheory.networks.network import Activation, Affine, Network
>>> layers = Affine.from_dense([[1.0], [-1.0]]), Activation("relu"), Affine.from_dense([[1.0, -1.0]], [0.5])
>>> evaluate(Network(layers), [[-2.0], [3.0]]).tolist()
[[-1.5], [3.5]]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.geometry import (
    check_flow,
    divisors,
    entries,
    leading,
    next_inputs,
    positions,
    shares,
    views,
    with_channels,
)
from ertheory.errors import InvalidInput
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["evaluate"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Operation: TypeAlias = "_Pick | _Linear | _Sum | _Flat | Activation | Pool"

_NUMBERS = 2**25  # doubles in one intermediate result: a quarter of a gigabyte, and three or four live at a time
_POINTS = 1024  # more points at once are no faster


def evaluate(network: Network, points: npt.ArrayLike, *, progress: Callable[[int], object] | None = None) -> Array:
    """Evaluate a network in double precision.

    Parameters
    ----------
    network
        The network; its domain is not looked at.
    points
        Finite numbers of shape (points, inputs), or (points, channels, *positions) where the network has kernels or
        pools.
    progress
        It is told the number of finished points, again and again.

    Returns
    -------
    Array
        Shape (points, outputs), or (points, channels, *positions) where positions are left at the end.

    Raises
    ------
    InvalidInput
        If the points do not fit to the network, or its steps not to each other.

    Notes
    -----
    Sums run over the non-zero weights of a row, so that the bound of `float_bound` holds. Memory stays below about a
    gigabyte, unless one point alone needs more.

    Examples
    --------
    >>> image = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> evaluate(Network((Affine.from_dense(np.ones((1, 1, 3, 3)), padding=(1, 1)),)), image)[0, 0].tolist()
    [[8.0, 15.0, 12.0], [21.0, 36.0, 27.0], [20.0, 33.0, 24.0]]
    """
    array = _points(points)
    check_flow(network)
    front = leading(network.steps)
    _check_channels(network, front, array)
    operations: list[Operation] = []
    for step in network.steps[:front]:
        if isinstance(step, Pool | Flatten):
            operations.append(_Flat(network.inputs) if isinstance(step, Flatten) else step)
    operations += _operations(network.steps[front:], network.inputs)
    # No points at all: this costs nothing, finds what does not fit, and tells how large the intermediate results are.
    empty, most = _run(operations, np.empty((*array.shape[1:], 0)))
    outputs = np.empty((len(array), *empty.shape[:-1]))
    batch = max(1, min(_POINTS, _NUMBERS // max(most, 1)))
    for start in range(0, len(array), batch):
        signal = np.ascontiguousarray(np.moveaxis(array[start : start + batch], 0, -1))
        outputs[start : start + batch] = np.moveaxis(_run(operations, signal)[0], -1, 0)
        if progress is not None:
            progress(min(start + batch, len(array)))
    return outputs


@dataclass(frozen=True, eq=False)
class _Pick:
    """Keep some channels."""

    channels: Integers


@dataclass(frozen=True, eq=False)
class _Linear:
    """The rows of an affine step that are needed; the columns are those that occur, tap by tap."""

    step: Affine
    matrix: csr_array
    bias: Array
    taps: tuple[tuple[int, Integers], ...]  # the tap, and which channels are read there


@dataclass(frozen=True, eq=False)
class _Flat:
    """A flatten, and how many neurons the next affine step expects of it; ``None`` where there is none behind."""

    neurons: int | None


@dataclass(frozen=True, eq=False)
class _Sum:
    """Branch and skip."""

    branch: tuple[Operation, ...]
    skip: tuple[Operation, ...]


def _points(points: npt.ArrayLike) -> Array:
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("points", "a rectangular array of numbers", type(points).__name__) from None
    if array.ndim < 2:
        raise InvalidInput("points", "an array of shape (points, inputs) or with positions behind", array.shape)
    if not np.isfinite(array).all():
        raise InvalidInput("points", "finite numbers", array[~np.isfinite(array)][0].item())
    return array


def _check_channels(network: Network, front: int, array: Array) -> None:
    """Refuse other channels than the first affine step reads; a flatten in front takes any divisor."""
    flat = any(isinstance(step, Flatten) for step in network.steps[:front])
    if not flat and array.shape[1] != network.inputs:
        raise InvalidInput("points", f"{network.inputs} inputs or channels each", array.shape)


def _operations(steps: Sequence[Step], channels: int) -> list[Operation]:
    """Go backwards from the outputs, so that every affine step computes only what the steps behind it read."""
    operations: list[Operation] = []
    kept: Integers | None = None  # what is needed of the current signal; None for all of it
    for place, (step, before, after) in reversed(list(enumerate(with_channels(steps, channels)))):
        if isinstance(step, Affine):
            linear, kept = _linear(step, kept)
            operations.append(linear)
        elif isinstance(step, Flatten):
            each, read = after // before, before
            if kept is not None:
                channel = np.unique(np.asarray(kept, dtype=np.int64) // each)
                full = np.add.outer(channel * each, np.arange(each)).ravel()
                operations.append(_Pick(np.searchsorted(full, kept)))
                kept, read = channel, len(channel)
            operations.append(_Flat(None if next_inputs(steps[place + 1 :]) is None else each * read))
        elif isinstance(step, Residual):
            # The stream is as wide at both ends, so all of it is kept.
            if kept is not None:
                operations.append(_Pick(kept))
            kept = None
            operations.append(_Sum(tuple(_operations(step.branch, before)), tuple(_operations(step.skip, before))))
        else:
            operations.append(step)
    if kept is not None:
        operations.append(_Pick(kept))
    return operations[::-1]


def _linear(step: Affine, kept: Integers | None) -> tuple[_Linear, Integers | None]:
    from scipy.sparse import csr_array

    found = entries(step)
    rows, bias = found.rows, step.bias
    channels, taps, values = found.channels, found.taps, found.values
    if kept is not None:
        place = np.full(step.outputs, -1)
        place[kept] = np.arange(len(kept))
        used = place[rows] >= 0
        rows, channels, taps, values = place[rows[used]], channels[used], taps[used], values[used]
        bias = bias[kept]
    columns, column = np.unique(taps * step.inputs + channels, return_inverse=True)
    column_tap, column_channel = np.divmod(columns, step.inputs)
    reads = np.unique(column_channel)
    at = np.asarray(np.searchsorted(reads, column_channel), dtype=np.int64)
    matrix = csr_array((values, (rows, column)), shape=(len(bias), len(columns)))
    each = tuple((int(tap), at[column_tap == tap]) for tap in np.unique(column_tap))
    return _Linear(step, matrix, bias, each), (None if len(reads) == step.inputs else reads)


def _run(operations: Sequence[Operation], signal: Array) -> tuple[Array, int]:
    """Evaluate, and give the largest number of doubles per point that one array held."""
    most = math.prod(signal.shape[:-1])
    for operation in operations:
        if isinstance(operation, _Pick):
            signal = signal[operation.channels]
        elif isinstance(operation, _Linear):
            most = max(most, operation.matrix.shape[1] * math.prod(positions(signal.shape[1:-1], operation.step)))
            signal = _apply(operation, signal)
        elif isinstance(operation, Activation):
            with np.errstate(over="ignore", under="ignore"):
                signal = activation(operation.name).function(signal)
        elif isinstance(operation, Pool):
            signal = _pool(operation, signal)
        elif isinstance(operation, _Flat):
            sizes, neurons = signal.shape[1:-1], math.prod(signal.shape[:-1])
            if operation.neurons not in (None, neurons):
                allowed = f"{operation.neurons / len(signal):g} positions in each channel where it is flattened"
                raise InvalidInput("points", allowed, f"{math.prod(sizes)}, as {'x'.join(map(str, sizes))}")
            signal = signal.reshape(neurons, signal.shape[-1])
        else:
            (branch, first), (skip, second) = (_run(part, signal) for part in (operation.branch, operation.skip))
            if branch.shape != skip.shape:
                raise InvalidInput("steps", f"a skip of shape {branch.shape[:-1]}, as the branch has", skip.shape[:-1])
            signal, most = branch + skip, max(most, first, second)
        most = max(most, math.prod(signal.shape[:-1]))
    return signal, most


def _apply(linear: _Linear, signal: Array) -> Array:
    step, points = linear.step, signal.shape[-1]
    outputs = positions(signal.shape[1:-1], step)
    read = dict(linear.taps)
    if not step.kernel:
        columns = signal.reshape(len(signal), math.prod(outputs) * points)
    else:
        columns = np.empty((linear.matrix.shape[1], *outputs, points))
        start = 0
        for tap, view in enumerate(views(signal, step, first=1, fill=0.0)):
            if tap in read:
                stop = start + len(read[tap])
                columns[start:stop] = view[read[tap]]
                start = stop
        columns = columns.reshape(len(columns), math.prod(outputs) * points)
    result: Array = linear.matrix @ columns
    result += linear.bias[:, None]
    return result.reshape(len(linear.bias), *outputs, points)


def _pool(step: Pool, signal: Array) -> Array:
    if step.outputs:
        outputs = positions(signal.shape[1:-1], step)
        shared = [_whole(step, signal[(slice(None), *window)]) for window in shares(signal.shape[1:-1], outputs)]
        return np.stack(shared, axis=1).reshape(len(signal), *outputs, signal.shape[-1])
    if not step.size:
        return _whole(step, signal)
    if step.kind == "max":
        largest, *others = views(signal, step, first=1, fill=-np.inf)
        largest = largest.copy()
        for view in others:
            np.maximum(largest, view, out=largest)
        return largest
    total, *others = views(signal, step, first=1, fill=0.0)
    total = total.copy()
    for view in others:
        total += view
    return total / divisors(signal.shape[1:-1], step)[..., None]


def _whole(step: Pool, signal: Array) -> Array:
    """Take the maximum or the average over all positions."""
    count = math.prod(signal.shape[1:-1])
    flat = signal.reshape(len(signal), count, signal.shape[-1])
    return flat.max(axis=1) if step.kind == "max" else _sum(flat) / count


def _sum(signal: Array) -> Array:
    """Add over the positions, half to half, so that each passes through few additions."""
    while (count := signal.shape[1]) > 1:
        half = count // 2
        pairs = signal[:, :half] + signal[:, half : 2 * half]
        signal = np.concatenate([pairs, signal[:, 2 * half :]], axis=1) if count % 2 else pairs
    return signal[:, 0]
