"""From a target and a mask to a source that computes the target, or to the edges that are missing.

All constructions go through the target from the inputs to the outputs and choose an edge for every link into every copy
(`ertheory.embed.links`). They differ in what they do where a copy finds no edge:

- blocks (Theorems 2.1 and 2.2): every copy has to find all its edges, as the exact law demands.
- drop: a copy without all its edges is left out, and nothing may read it. Only the outputs must find theirs.

Convolutions, groups, pooling and flattening change which columns of the mask belong to a channel and nothing else,
because the copies of a channel have the same feature map. A skip that is the identity ties both its ends: channel k of
the stream is a copy of the same target channel everywhere, and it works only if it works at both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.bounds.laws import Layer0
from ertheory.embed.coding import Coding, Form, code_inputs
from ertheory.embed.layer0 import assign
from ertheory.embed.links import Choice, MissingEdge, Owners, Signal, choose, layout
from ertheory.embed.prune import prune
from ertheory.embed.result import Embedding
from ertheory.errors import ConstructionFailed, InvalidInput
from ertheory.masks import Mask, count_edges, read_masks
from ertheory.network import Activation, Affine, Flatten, Network, Pool, Residual, Step, network_of
from ertheory.target import Target, read_box

__all__ = ["Construction", "embed_target"]

Construction: TypeAlias = Literal["blocks", "drop"]

_MOST_LISTED = 10_000


def embed_target(
    target: Target | Network,
    masks: Sequence[object],
    *,
    construction: Construction = "blocks",
    layer0: Layer0 = "dense",
    copies: int | None = None,
    domain: npt.ArrayLike | None = None,
    form: Form | None = None,
    scale: Fraction | None = None,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Embedding:
    """Choose weights on given masks so that the source computes the target exactly.

    Parameters
    ----------
    target
        The network to represent, with weights. A `Target` has ReLU activations and convolutions of stride 1 without
        padding; a `Network` says what it has.
    masks
        Of source layers 0..L, as by `ertheory.draw_masks` or `ertheory.read_masks`; layer l + 1 of the source realises
        the target's affine step l + 1, those of a residual branch before the projection beside it. Their shapes give
        the widths.
    construction
        ``blocks`` or ``drop``.
    layer0
        ``dense``, ``preassigned`` or ``matched``: how the neurons of layer 0 are shared out.
    copies
        Neurons of layer 0 for each of its units where they are matched; as many as fit if left out.
    domain
        Box of the inputs, (a, b) for all of them or shape (inputs, 2). The target's own if left out; without either,
        all of R^d.
    form
        How layer 0 hands inputs on: ``shift``, ``constant``, ``pairs`` or ``approximate``; the first that is exact for
        this target if left out.
    scale
        For ``approximate``: the power of two by which inputs are made small, 2^-10 if left out.
    workers, progress
        As for `ertheory.masks.scan`; the result does not depend on them.

    Returns
    -------
    Embedding
        The source, and the certificate: of which target neuron each source neuron is a copy.

    Raises
    ------
    ConstructionFailed
        If the mask lacks an edge; ``missing`` names the first 10,000.
    TheoremNotApplicable
        If no exact form of layer 0 exists for the activation, the box and the padding, or the one asked for is wrong.
    InvalidInput
        If shapes disagree or a number is out of range.

    Notes
    -----
    Exact as real functions: all hidden copies of a target neuron have its preactivation, whatever the activation. The
    biases of source layer 1 absorb what the shift of layer 0 adds; where these are no doubles, the file holds the
    nearest ones. Some activations divide the weights of layer 1 by a number that is no power of two; where the result
    is no double, the source is off by at most ``error_bound``. Neurons that no output reads have no weights.

    Examples
    --------
    >>> target = Target.from_arrays([[[1.0, -2.0]], [[3.0]]], domain=[(-1, 1), (0, 2)])
    >>> masks = [[[1, 1]] * 4, [[1, 0, 0, 0], [1, 0, 0, 1]], [[1, 1]]]
    >>> embedding = embed_target(target, masks, construction="drop")
    >>> embedding.owners[1].tolist(), embedding.source.affine[1].weight.toarray().tolist()
    ([-1, 0], [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, -2.0]])
    >>> embed_target(target, masks)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ertheory.errors.ConstructionFailed: blocks: the mask lacks edges: neuron 0 of source layer 1 has no edge for ...
    """
    network = network_of(target) if isinstance(target, Target) else target
    if construction not in ("blocks", "drop"):
        raise InvalidInput("construction", "blocks or drop", construction)
    read = read_masks(masks)
    if len(read) != len(network.affine) + 1:
        allowed = f"{len(network.affine) + 1} masks, of source layers 0..{len(network.affine)}"
        raise InvalidInput("masks", allowed, len(read))
    leading = tuple(takewhile(lambda step: isinstance(step, Pool | Flatten), network.steps))
    first, *rest = network.steps[len(leading) :]
    _check_ends(leading, first, network.steps[-1])
    assert isinstance(first, Affine)
    box = network.domain if domain is None else domain
    box = None if box is None else read_box(box, first.inputs)
    if read[0].shape[1] != first.inputs:
        raise InvalidInput("mask of layer 0", f"{first.inputs} columns, one per input", read[0].shape)
    # A target of one layer has no activation of its own, but layer 0 of the source needs one.
    name = network.activation if _has_activation(network.steps) else "relu"
    coding = code_inputs(first, box, name=name, form=form, scale=scale)
    signal, missing = assign(read[0], coding, layer0, copies=copies)
    work = _Work(read, construction, workers, progress, owners=[signal.owners], missing=missing)
    built, _ = _realise(work, (coding.first, *rest), signal)
    if work.missing or work.unlisted:
        # Links into layer 1 begin at units; they are named by the inputs that these read.
        work.missing = [
            replace(edge, input=int(coding.inputs[edge.input])) if edge.layer == 1 else edge for edge in work.missing
        ]
        raise ConstructionFailed(_failure(work, construction), tuple(work.missing))
    steps, needed, kept = prune(built, np.ones(network.outputs, dtype=np.bool_))
    owners = [np.where(keep, layer, -1) for keep, layer in zip((needed, *kept), work.owners, strict=True)]
    bottom = (_layer_zero(coding, owners[0], first.inputs), Activation(name))
    return Embedding(
        construction=construction,
        layer0=layer0,
        target=Network(network.steps, box),
        source=Network((*leading, *bottom, *steps), box),
        masks=read,
        owners=tuple(owners),
        coding=coding,
        edges_available=work.edges + count_edges(read[0], workers=workers),
    )


@dataclass
class _Work:
    """What is read and collected on the way from the inputs to the outputs."""

    masks: tuple[Mask, ...]
    construction: Construction
    workers: int | None
    progress: Callable[[int], object] | None
    owners: list[Owners]
    missing: list[MissingEdge]
    unlisted: int = 0
    edges: int = 0


def _has_activation(steps: Sequence[Step]) -> bool:
    return any(
        isinstance(step, Activation) or (isinstance(step, Residual) and _has_activation(step.branch)) for step in steps
    )


def _check_ends(leading: Sequence[Step], first: Step, last: Step) -> None:
    if not isinstance(first, Affine):
        raise InvalidInput("target", "an affine step before any activation or residual block", type(first).__name__)
    if not isinstance(last, Affine):
        raise InvalidInput("target", "an affine last step; leave out what follows it", type(last).__name__)
    if any(isinstance(step, Pool) and any(step.padding) for step in leading):
        raise InvalidInput("target", "no padded pooling in front of the first affine step", "padding")


def _realise(work: _Work, steps: Sequence[Step], signal: Signal) -> tuple[tuple[Step, ...], Signal]:
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
            branch, end = _realise(work, step.branch, signal)
            skip, other = _realise(work, step.skip, signal)
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


def _affine(work: _Work, step: Affine, signal: Signal) -> tuple[Affine, Signal]:
    layer = len(work.owners)
    mask = work.masks[layer]
    name = f"mask of layer {layer}"
    neurons = mask.shape[0]
    outputs = layer == len(work.masks) - 1
    if neurons < step.outputs or neurons % step.groups or (outputs and neurons != step.outputs):
        allowed = f"{'' if outputs else 'at least '}{step.outputs} rows"
        raise InvalidInput(name, allowed + (f", a multiple of {step.groups}" if step.groups > 1 else ""), mask.shape)
    owners = layout(neurons, step.outputs)
    choice = choose(mask, step, signal, owners, name=name, workers=work.workers, progress=work.progress)
    work.edges += choice.edges
    if outputs or work.construction == "blocks":
        _note_missing(work, layer, step, signal, owners, choice)
    else:
        owners = np.where(choice.complete, owners, -1)
    work.owners.append(owners)
    return _with_weights(step, owners, choice, mask.shape[1]), Signal(owners, step.outputs)


def _note_missing(work: _Work, layer: int, step: Affine, signal: Signal, owners: Owners, choice: Choice) -> None:
    lacking = np.flatnonzero(choice.columns < 0)
    listed = lacking[: max(0, _MOST_LISTED - len(work.missing))]
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


def _layer_zero(coding: Coding, owners: Owners, inputs: int) -> Affine:
    from scipy.sparse import csr_array

    used = owners >= 0
    read = np.where(used, coding.inputs[owners], -1)
    rows = np.flatnonzero(read >= 0)
    weights = coding.weights[owners[rows]]
    return Affine(
        weight=csr_array((weights, (rows, read[rows])), shape=(len(owners), inputs)),
        bias=np.where(used, coding.biases[owners], 0.0),
        inputs=inputs,
    )


def _failure(work: _Work, construction: Construction) -> str:
    total = len(work.missing) + work.unlisted
    more = f", and {total - 1:,} more" if total > 1 else ""
    return f"{construction}: the mask lacks edges: {work.missing[0]}{more}"
