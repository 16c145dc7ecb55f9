"""The walk through a target from the inputs to the outputs: source neurons become copies, and edges are chosen.

>>> from ertheory.masks import read_masks
>>> step = Affine.from_dense([[2.0]])
>>> work = Work(read_masks([[[1]], [[0]]]), "blocks", step, None, None, [layout(1, 1)], [])
>>> _ = realise(work, (step,), Signal(layout(1, 1), 1))
>>> failure_text(work, "blocks")
'blocks: the mask lacks edges: neuron 0 of source layer 1 has no edge for the target link 0 -> 0'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np

from ertheory.builders.blocks.links import Bools, Choice, MissingEdge, Owners, Signal, choose, layout
from ertheory.builders.sharp.last_hidden import Colourer, coloured
from ertheory.errors import InvalidInput
from ertheory.masks import Mask
from ertheory.networks.network import Activation, Affine, Flatten, Pool, Residual, Step

__all__ = ["MOST_LISTED", "Construction", "Work", "failure_text", "realise"]

Construction: TypeAlias = Literal["blocks", "drop"] | Colourer

MOST_LISTED = 10_000


@dataclass
class Work:
    """What is read and collected on the way from the inputs to the outputs.

    Where layer 0 is coded, `excluded` says which neurons of layer 1 are left out.
    """

    masks: tuple[Mask, ...]
    construction: Construction
    last: Affine
    workers: int | None
    progress: Callable[[int], object] | None
    owners: list[Owners]
    missing: list[MissingEdge]
    unlisted: int = 0
    edges: int = 0
    excluded: Bools | None = None


def realise(work: Work, steps: Sequence[Step], signal: Signal) -> tuple[tuple[Step, ...], Signal]:
    """Go through steps of the target that read a signal; give those of the source, and what they supply.

    Parameters
    ----------
    work
        Is told owners and missing edges of each layer.
    steps
        They are those of the target, from its first affine step on, or of a branch.
    signal
        What the first of them reads.

    Raises
    ------
    InvalidInput
        If the masks have other shapes than the steps.
    TheoremNotApplicable
        If the last hidden layer cannot be coloured.
    """
    built: list[Step] = []
    flat = False
    for step in steps:
        if isinstance(step, Affine):
            if step.inputs % signal.size if flat else step.inputs != signal.size:
                allowed = f"a step that reads {signal.size} channels{' at several positions' if flat else ''}"
                raise InvalidInput("target", allowed, step.inputs)
            new, signal = _affine(work, step, signal)
            built.append(new)
        elif isinstance(step, Residual):
            branch, end = realise(work, step.branch, signal)
            skip, other = realise(work, step.skip, signal)
            if end.size != other.size:
                raise InvalidInput("target", f"{end.size} channels beside the branch of a skip", other.size)
            if len(end.owners) != len(other.owners):
                allowed = "as many source channels at both ends of a skip"
                raise InvalidInput("masks", allowed, (len(other.owners), len(end.owners)))
            signal = Signal(np.where(end.owners == other.owners, end.owners, -1), end.size)
            built.append(Residual(branch, skip))
        else:
            built.append(step)
        flat = isinstance(step, Flatten) or (flat and isinstance(step, Activation | Pool))
    return tuple(built), signal


def _affine(work: Work, step: Affine, signal: Signal) -> tuple[Affine, Signal]:
    layer = len(work.owners)
    mask = work.masks[layer]
    name = f"mask of layer {layer}"
    neurons = mask.shape[0]
    outputs = layer == len(work.masks) - 1
    if neurons < step.outputs or neurons % step.groups or (outputs and neurons != step.outputs):
        allowed = f"{'' if outputs else 'at least '}{step.outputs} rows"
        raise InvalidInput(name, allowed + (f", a multiple of {step.groups}" if step.groups > 1 else ""), mask.shape)
    below = None if layer == 1 and work.excluded is not None else signal
    if below is None and mask.shape[1] != len(signal.owners) * step.taps:
        raise InvalidInput(name, f"shape {(neurons, len(signal.owners) * step.taps)}", mask.shape)
    if layer == len(work.masks) - 2 and work.construction in ("sequential", "matching"):
        owners, picked = coloured(
            (mask, work.masks[-1]),
            (step, work.last),
            below,
            work.construction,
            excluded=work.excluded if layer == 1 else None,
            name=name,
            workers=work.workers,
            progress=work.progress,
        )
    elif below is None:
        owners, picked = _wired(work, layout(neurons, step.outputs), step, outputs), None
    else:
        owners, picked = layout(neurons, step.outputs), None
        picked = choose(mask, step, below, owners, name=name, workers=work.workers, progress=work.progress)
        if outputs or work.construction == "blocks":
            _note_missing(work, layer, step, signal, owners, picked)
        else:
            owners = np.where(picked.complete, owners, -1)
    work.owners.append(owners)
    if picked is None:  # the weights are found later
        empty = Choice(starts=np.zeros(neurons + 1, dtype=np.int64), columns=np.empty(0, dtype=np.int32), edges=0)
        nothing = np.full(neurons, -1, dtype=np.int64)
        return _with_weights(step, nothing, empty, mask.shape[1]), Signal(owners, step.outputs)
    work.edges += picked.edges
    return _with_weights(step, owners, picked, mask.shape[1]), Signal(owners, step.outputs)


def _wired(work: Work, owners: Owners, step: Affine, outputs: bool) -> Owners:
    """Leave out neurons of layer 1 that have no solution; outputs and blocks must all have one."""
    assert work.excluded is not None
    if outputs or work.construction == "blocks":
        for row in np.flatnonzero(work.excluded & (np.diff(step.weight.indptr)[owners] > 0)).tolist():
            work.missing.append(MissingEdge(1, row, int(owners[row]), -1))
        return owners
    return np.where(work.excluded, -1, owners)


def _note_missing(work: Work, layer: int, step: Affine, signal: Signal, owners: Owners, choice: Choice) -> None:
    lacking = np.flatnonzero(choice.columns < 0)
    listed = lacking[: max(0, MOST_LISTED - len(work.missing))]
    work.unlisted += len(lacking) - len(listed)
    per_channel = signal.columns_per_channel(step)
    for place, row in zip(listed, np.searchsorted(choice.starts, listed, side="right") - 1, strict=True):
        output = int(owners[row])
        column = int(step.weight.indices[step.weight.indptr[output] + place - choice.starts[row]])
        channel, tap = divmod(column, per_channel)
        channel += output // (step.outputs // step.groups) * (signal.size // step.groups)
        work.missing.append(MissingEdge(layer, int(row), output, channel, tap))


def _with_weights(step: Affine, owners: Owners, choice: Choice, columns: int) -> Affine:
    """Put the weights of the target on the edges that were chosen."""
    from scipy.sparse import csr_array

    used = (owners >= 0) & choice.complete
    lengths = np.diff(choice.starts)
    links = np.repeat(used, lengths)
    # Link k of a copy is entry k in the row of its owner.
    within = np.arange(len(links)) - np.repeat(choice.starts[:-1], lengths)
    entries = np.repeat(step.weight.indptr[owners], lengths) + within
    starts = np.concatenate([[0], np.cumsum(np.where(used, lengths, 0))])
    parts = step.weight.data[entries[links]], choice.columns[links], starts
    exact = None
    if step.bias_exact is not None:
        zero, known = Fraction(0), step.bias_exact
        exact = tuple(known[owner] if use else zero for owner, use in zip(owners, used, strict=True))
    return Affine(
        weight=csr_array(parts, shape=(len(owners), columns)),
        bias=np.where(used, step.bias[owners], 0.0),
        bias_exact=exact,
        inputs=columns * step.groups // step.taps,
        kernel=step.kernel,
        stride=step.stride,
        padding=step.padding,
        dilation=step.dilation,
        groups=step.groups,
    )


def failure_text(work: Work, construction: Construction) -> str:
    """Name the first missing edge, and how many more there are."""
    total = len(work.missing) + work.unlisted
    more = f", and {total - 1:,} more" if total > 1 else ""
    return f"{construction}: the mask lacks edges: {work.missing[0]}{more}"
