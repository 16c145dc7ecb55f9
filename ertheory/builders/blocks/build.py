"""From a target and a mask to a source that computes the target, or to the edges that are missing.

All constructions go through the target from the inputs to the outputs and choose an edge for every link into every copy
(`ertheory.builders.blocks.links`). They differ in what they do where a copy finds no edge:

- blocks (Theorems 2.1 and 2.2): every copy has to find all its edges, as the exact law demands.
- drop: a copy without all its edges is left out, and nothing may read it. Only the outputs must find theirs.
- sequential and matching: as drop, but which target neuron a neuron of the last hidden layer copies is decided after
  the last mask was seen (`ertheory.builders.sharp.last_hidden`).

With a coded layer 0 (`ertheory.builders.sharp.combined`) the neurons of source layer 1 choose no edges, they solve for
weights.

Convolutions, groups, pooling and flattening change which columns of the mask belong to a channel and nothing else,
because the copies of a channel have the same feature map. A skip that is the identity ties both its ends: channel k of
the stream is a copy of the same target channel everywhere, and it works only if it works at both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from ertheory.bounds.statement import Reading
from ertheory.builders.blocks.layer0 import assign
from ertheory.builders.blocks.links import Owners
from ertheory.builders.blocks.prune import prune
from ertheory.builders.blocks.realise import Construction, Work, failure_text, realise
from ertheory.builders.result import Embedding
from ertheory.builders.sharp.coded import build_coded
from ertheory.builders.sharp.coding import Coding, Form, code_inputs
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.masks import count_edges, read_masks
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step
from ertheory.networks.target import Target, network_of

__all__ = ["Construction", "embed_target"]

_CONSTRUCTIONS = ("blocks", "drop", "sequential", "matching")


def embed_target(
    target: Target | Network,
    masks: Sequence[object],
    *,
    construction: Construction = "blocks",
    layer0: Reading = "dense",
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
        They are those of source layers 0..L, as by `ertheory.draw_masks` or `ertheory.read_masks`; layer l + 1 of the
        source realises the target's affine step l + 1, those of a residual branch before the projection beside it.
        Their shapes give the widths.
    construction
        ``blocks``, ``drop``, ``sequential`` or ``matching``.
    layer0
        ``dense``, ``preassigned`` or ``matched``: how the neurons of layer 0 are shared out. ``coded``, for chains of
        fully connected layers on a box: every one carries a combination of all inputs that it reads.
    copies
        Neurons of layer 0 for each of its units where they are matched; as many as fit if left out.
    domain
        Box of the inputs, (a, b) for all of them or shape (inputs, 2). The target's own if left out; without either,
        all of R^d.
    form
        How layer 0 hands inputs on, unless it is coded: ``shift``, ``constant``, ``pairs`` or ``approximate``; the
        first that is exact for this target if left out.
    scale
        The form ``approximate`` takes the power of two by which inputs are made small, 2^-10 if left out.
    workers, progress
        They are as for `ertheory.masks.scan`; the result does not depend on them.

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
    is no double, the source is off by at most ``error_bound``; so it is with a coded layer 0, where weights are solved
    for. Where the mask has no solution for a neuron of layer 1, it is left out and the target is built again; where the
    colouring leaves links unserved, a local search goes on. Neurons that no output reads have no weights.

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
    if construction not in _CONSTRUCTIONS:
        raise InvalidInput("construction", f"one of {', '.join(_CONSTRUCTIONS)}", construction)
    read = read_masks(masks)
    if len(read) != len(network.affine) + 1:
        allowed = f"{len(network.affine) + 1} masks, of source layers 0..{len(network.affine)}"
        raise InvalidInput("masks", allowed, len(read))
    leading = tuple(takewhile(lambda step: isinstance(step, Pool | Flatten), network.steps))
    first, *rest = network.steps[len(leading) :]
    if construction in ("sequential", "matching") and any(isinstance(step, Residual) for step in rest):
        raise TheoremNotApplicable(f"{construction} colours the last hidden layer of a chain: use blocks or drop")
    _check_ends(leading, first, network.steps[-1])
    assert isinstance(first, Affine)
    box = network.domain if domain is None else domain
    box = None if box is None else read_box(box, first.inputs)
    if read[0].shape[1] != first.inputs:
        raise InvalidInput("mask of layer 0", f"{first.inputs} columns, one per input", read[0].shape)
    # A target of one layer has no activation of its own, but layer 0 of the source needs one.
    name = network.activation if _has_activation(network.steps) else "relu"
    if layer0 == "coded":
        return build_coded(Network(network.steps, box), read, construction, workers=workers, progress=progress)
    if layer0 == "factored":
        raise InvalidInput("layer0", "dense, preassigned, matched or coded", layer0)
    coding = code_inputs(first, box, name=name, form=form, scale=scale)
    signal, missing = assign(read[0], coding, layer0, copies=copies)
    work = Work(read, construction, network.affine[-1], workers, progress, owners=[signal.owners], missing=missing)
    built, _ = realise(work, (coding.first, *rest), signal)
    if work.missing or work.unlisted:
        # Links into layer 1 begin at units; they are named by the inputs that these read.
        work.missing = [
            replace(edge, input=int(coding.inputs[edge.input])) if edge.layer == 1 else edge for edge in work.missing
        ]
        raise ConstructionFailed(failure_text(work, construction), tuple(work.missing))
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
