"""Where the weights of a step stand, and how many channels flow from step to step.

>>> from ertheory.networks.network import Affine
>>> layer = Affine.from_dense(np.ones((2, 1, 3)), padding=(1,))
>>> entries(layer).taps.tolist(), inside(layer).tolist()
([0, 1, 2, 0, 1, 2], [False, True, False])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step, affine_steps

__all__ = [
    "Entries",
    "check_flow",
    "divisors",
    "entries",
    "inside",
    "leading",
    "next_inputs",
    "positions",
    "shares",
    "views",
    "with_channels",
]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Entries:
    """The non-zero weights of an affine step, row by row.

    Parameters
    ----------
    rows, channels, taps
        Output, input and filter tap of each weight; the channel counts over all groups, the tap is 0 where fully
        connected.
    values
        The weights.
    """

    rows: Integers
    channels: Integers
    taps: Integers
    values: Array


def entries(step: Affine) -> Entries:
    """List the non-zero weights of a step with the channels and the taps that they read."""
    weight = step.weight
    rows = np.repeat(np.arange(step.outputs, dtype=np.int64), np.diff(weight.indptr))
    channels, taps = np.divmod(weight.indices.astype(np.int64), step.taps)
    group = rows // (step.outputs // step.groups)
    return Entries(rows, channels + group * (step.inputs // step.groups), taps, weight.data)


def inside(step: Affine) -> npt.NDArray[np.bool_]:
    """Say of each tap whether it never reads the padding, however many positions there are; shape (taps,).

    Notes
    -----
    Tap t of an axis reads position o s + t e - z at output o, with stride s, dilation e and padding z. That is at least
    0 for all o if t e >= z, and at most the last position if (k - 1 - t) e >= z, for the last output is the last one at
    which the whole kernel fits into the padded axis.
    """
    flags = np.ones(1, dtype=np.bool_)
    for size, padding, dilation in zip(step.kernel, step.padding, step.dilation, strict=True):
        tap = np.arange(size)
        one = (tap * dilation >= padding) & ((size - 1 - tap) * dilation >= padding)
        flags = (flags[:, None] & one).ravel()
    return flags


def leading(steps: Sequence[Step]) -> int:
    """Count the steps in front that pool or flatten the inputs."""
    return next((place for place, step in enumerate(steps) if not isinstance(step, Pool | Flatten)), len(steps))


def next_inputs(steps: Sequence[Step]) -> int | None:
    """Give the number of channels that the first affine step of these reads, ``None`` where there is none."""
    first = next(affine_steps(steps), None)
    return None if first is None else first.inputs


def with_channels(steps: Sequence[Step], channels: int) -> Iterator[tuple[Step, int, int]]:
    """Go through steps with the channels in front of each and behind it.

    Raises
    ------
    InvalidInput
        If a step does not fit to what comes before it.

    Notes
    -----
    What a flatten gives depends on the positions, which are read off the affine step that follows; behind the last
    affine step they are not needed, and 1 is taken.
    """
    for place, step in enumerate(steps):
        after = channels
        if isinstance(step, Affine):
            if step.inputs != channels:
                raise InvalidInput("steps", f"an affine step that reads {channels} channels", step.inputs)
            after = step.outputs
        elif isinstance(step, Flatten):
            after = next_inputs(steps[place + 1 :]) or channels
            if after % channels:
                raise InvalidInput("steps", f"a multiple of {channels} channels behind the flatten", after)
        elif isinstance(step, Residual):
            after, skipped = (reduce(_behind, with_channels(part, channels), channels) for part in _parts(step))
            if after != skipped:
                raise InvalidInput("steps", f"a skip that gives {after} channels, as the branch does", skipped)
        yield step, channels, after
        channels = after


def check_flow(network: Network) -> None:
    """Refuse a network in which some step does not fit to the one before it.

    Raises
    ------
    InvalidInput
        If channels do not chain, the box has other inputs, or an activation is not known.
    """
    from ertheory.networks.activations import activation

    for _ in with_channels(network.steps[leading(network.steps) :], network.inputs):
        pass
    for step in _everything(network.steps):
        if isinstance(step, Activation):
            activation(step.name)
    if network.domain is not None and network.domain.shape != (network.inputs, 2):
        raise InvalidInput("domain", f"shape {(network.inputs, 2)}", network.domain.shape)


def positions(sizes: Sequence[int], window: Affine | Pool) -> tuple[int, ...]:
    """Give the number of outputs per axis of a convolution or a pooling that leaves positions.

    A fully connected step acts at every position, so that all of them stay.

    Raises
    ------
    InvalidInput
        If the number of axes differs, or the window does not fit.
    """
    size = window.kernel if isinstance(window, Affine) else window.size
    dilation = window.dilation if isinstance(window, Affine) else (1,) * len(size)
    if isinstance(window, Affine) and not size:
        return tuple(sizes)
    if isinstance(window, Pool) and window.outputs:
        if len(sizes) != len(window.outputs) or not all(sizes):
            raise InvalidInput("points", f"{len(window.outputs)} axes of positions, none of size 0", tuple(sizes))
        return tuple(count or size for count, size in zip(window.outputs, sizes, strict=True))
    if len(sizes) != len(size):
        raise InvalidInput("points", f"{len(size)} axes of positions at a window of size {size}", tuple(sizes))
    axes = zip(sizes, size, window.stride, window.padding, dilation, strict=True)
    ceil = isinstance(window, Pool) and window.ceil
    outputs = tuple(_along(n + 2 * pad - step * (k - 1) - 1, stride, n + pad, ceil) for n, k, stride, pad, step in axes)
    if any(count < 1 for count in outputs):
        raise InvalidInput("points", f"positions into which a window of size {size} fits", tuple(sizes))
    return outputs


def views(signal: npt.NDArray[Any], window: Affine | Pool, *, first: int, fill: Any) -> Iterator[npt.NDArray[Any]]:
    """Give, tap after tap, what a window reads at every output: views of a padded copy of the signal.

    Parameters
    ----------
    signal
        Its axes ``first``, ``first + 1``, ... are the positions.
    fill
        What stands in the padding.
    """
    size = window.kernel if isinstance(window, Affine) else window.size
    dilation = window.dilation if isinstance(window, Affine) else (1,) * len(size)
    outputs = positions(signal.shape[first : first + len(size)], window)
    # Beyond the padding behind an axis reach the windows of a pooling that rounds up.
    whole = zip(signal.shape[first:], size, window.stride, window.padding, dilation, outputs, strict=False)
    beyond = [max(0, (m - 1) * by + step * (k - 1) + 1 - n - 2 * pad) for n, k, by, pad, step, m in whole]
    if any((*window.padding, *beyond)):
        around = [(0, 0)] * first + [(pad, pad + more) for pad, more in zip(window.padding, beyond, strict=True)]
        around += [(0, 0)] * (signal.ndim - len(around))
        signal = np.pad(signal, around, constant_values=fill)
    for tap in np.ndindex(*size):
        axes = zip(tap, dilation, window.stride, outputs, strict=True)
        cut = [slice(t * step, t * step + (count - 1) * stride + 1, stride) for t, step, stride, count in axes]
        yield signal[(slice(None),) * first + tuple(cut)]


def divisors(sizes: Sequence[int], window: Pool) -> Integers:
    """Give by how much the sum of each window of an average is divided; shape as the outputs.

    Examples
    --------
    >>> divisors((5,), Pool("average", (3,), (2,), (1,), counted=False)).tolist()
    [2, 3, 2]
    """
    found: Integers = np.ones((), dtype=np.int64)
    axes = zip(sizes, window.size, window.stride, window.padding, positions(sizes, window), strict=True)
    for n, k, stride, pad, outputs in axes:
        start = np.arange(outputs, dtype=np.int64) * stride - pad
        stop = np.minimum(start + k, n + pad)
        if not window.counted:
            start, stop = np.maximum(start, 0), np.minimum(stop, n)
        found = np.multiply.outer(found, stop - start)
    return found


def shares(sizes: Sequence[int], outputs: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Give, output after output, the positions that a pooling to a number of outputs reads.

    Examples
    --------
    >>> [(window.start, window.stop) for (window,) in shares((5,), (3,))]
    [(0, 2), (1, 4), (3, 5)]
    """
    for place in np.ndindex(*outputs):
        axes = zip(place, sizes, outputs, strict=True)
        yield tuple(slice(i * n // m, -((i + 1) * n // -m)) for i, n, m in axes)


def _along(last: int, stride: int, end: int, ceil: bool) -> int:
    """Count the outputs along an axis; `last` is where a window may begin at most, `end` where the padding does."""
    count = last // stride + 1
    return count + 1 if ceil and last % stride and count * stride < end else count


def _parts(step: Residual) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    return step.branch, step.skip


def _behind(_: int, item: tuple[Step, int, int]) -> int:
    return item[2]


def _everything(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, Residual):
            yield from _everything((*step.branch, *step.skip))
