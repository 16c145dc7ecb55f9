"""Links and edges: which edge of the mask stands for which link of the target.

Channels of the source carry an owner, the target channel of which they are copies, or -1. A link of a target layer is
one non-zero weight, given by output j, input i and tap t. A copy v of output j realises it by an edge to some column
(u, t) of the mask whose channel u is a copy of i. Behind a flatten positions take the place of taps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.masks import Mask, scan
from ertheory.masks.drawn import Rows
from ertheory.networks.network import Affine

__all__ = ["Bools", "Choice", "MissingEdge", "Owners", "Signal", "choose", "layout"]

Owners: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MissingEdge:
    """A link of the target for which a copy has no edge.

    Parameters
    ----------
    layer
        Source layer, 0..L, of the copy. In layer 0 the missing edge is the one that reads the input.
    copy
        The source neuron or channel; ``None`` where neurons of layer 0 could not be shared out so that all units have
        enough of them.
    output, input
        The link, by the target neurons that it joins; in layer 1 the input of the network, -1 for the constant of
        layer 0.
    tap
        Position in the filter, or behind a flatten, counted row by row; 0 where fully connected.
    """

    layer: int
    copy: int | None
    output: int
    input: int
    tap: int = 0

    def __str__(self) -> str:
        if self.copy is None:
            return f"input {self.input} has too few neurons of source layer 0 that read it"
        tap = f" at tap {self.tap}" if self.tap else ""
        if not self.layer:
            return f"neuron {self.copy} of source layer 0 does not read input {self.input}"
        link = f"{'constant' if self.input < 0 else self.input} -> {self.output}{tap}"
        return f"neuron {self.copy} of source layer {self.layer} has no edge for the target link {link}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """The edges chosen in one layer of the mask.

    Parameters
    ----------
    starts
        Where the links of each source neuron begin, shape (N + 1,).
    columns
        The column of the mask for each link, in the order of the target's row; -1 where there is none.
    edges
        How many entries the mask keeps.
    """

    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    edges: int

    @property
    def complete(self) -> Bools:
        """Whether every link of a source neuron has an edge, shape (N,)."""
        lacking = np.concatenate([[0], np.cumsum(self.columns < 0)])
        result: Bools = lacking[self.starts[1:]] == lacking[self.starts[:-1]]
        return result


@dataclass(frozen=True, eq=False)
class Signal:
    """What runs between two layers of the source.

    Parameters
    ----------
    owners
        Target channel of which each source channel is a copy, or -1; shape (N,).
    size
        How many target channels there are.
    """

    owners: Owners
    size: int

    def columns_per_channel(self, step: Affine) -> int:
        """Columns that one channel has in the weight of the step that reads it: taps, or positions if flattened."""
        return step.taps * (step.inputs // self.size)


def layout(neurons: int, size: int) -> Owners:
    """Share source neurons out evenly, in blocks: neuron k is a copy of target neuron floor(k n / N).

    Examples
    --------
    >>> layout(7, 3)
    array([0, 0, 0, 1, 1, 2, 2])
    """
    return np.arange(neurons, dtype=np.int64) * size // neurons


def choose(
    mask: Mask,
    step: Affine,
    signal: Signal,
    owners: Owners,
    *,
    name: str,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Choice:
    """Look at every entry of a mask once and choose an edge for every link.

    Parameters
    ----------
    mask
        It is that of one source layer, shape (N_out, N_in / groups * taps).
    step
        The target layer.
    signal
        What the source layer reads.
    owners
        Owners of the channels that it writes, shape (N_out,).
    name
        It is that of the mask, for the message of an error.
    workers, progress
        They are as for `ertheory.masks.scan`.

    Raises
    ------
    InvalidInput
        If the mask has another shape.
    """
    from ertheory.builders.blocks.kernels import choose_edges  # numba takes half a second to load

    if len(signal.owners) % step.groups:
        allowed = f"a multiple of {step.groups} channels before it, one part for each group"
        raise InvalidInput(name, allowed, len(signal.owners))
    per_channel = signal.columns_per_channel(step)
    columns = len(signal.owners) // step.groups * per_channel
    if mask.shape != (len(owners), columns):
        raise InvalidInput(name, f"shape {(len(owners), columns)}", mask.shape)
    # A row per group of channels: which column of the target's weight each column of the mask can stand for.
    channels = signal.owners.reshape(step.groups, -1)
    inside = channels - np.arange(step.groups)[:, None] * (signal.size // step.groups)
    classes = inside[..., None] * per_channel + np.arange(per_channel)
    classes = np.where(channels[..., None] < 0, -1, classes).reshape(step.groups, columns).astype(np.int32)
    weight = step.weight
    lengths = np.where(owners >= 0, np.diff(weight.indptr)[owners], 0)
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    chosen = np.full(starts[-1], -1, dtype=np.int32)
    rows_per_group = len(owners) // step.groups

    def work(start: int, stop: int, rows: Rows) -> int:
        begins, kept = rows
        place = start
        while place < stop:  # a block of rows may reach over several groups
            group = place // rows_per_group
            end = min(stop, (group + 1) * rows_per_group)
            choose_edges(
                begins[place - start : end - start + 1],
                kept,
                owners[place:end],
                weight.indptr,
                weight.indices,
                classes[group],
                starts[place : end + 1],
                chosen,
            )
            place = end
        return int(begins[-1])

    edges = sum(scan(mask, work, workers=workers, progress=progress))
    return Choice(starts=starts, columns=chosen, edges=edges)
