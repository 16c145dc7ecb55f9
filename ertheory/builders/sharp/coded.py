"""Building on a coded layer 0: the hidden layers first, as if layer 1 could be anything, then layers 0 and 1.

>>> from ertheory.masks import read_masks
>>> target = Network((Affine.from_dense([[3.0, -1.0]]),), np.array([[0.0, 1.0], [0.0, 1.0]]))
>>> solvable_on(target, read_masks([[[1, 1], [0, 1]], [[1, 1]]]), "drop")
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ertheory.builders.blocks.links import MissingEdge, Owners, Signal
from ertheory.builders.blocks.prune import prune
from ertheory.builders.blocks.realise import MOST_LISTED, Construction, Work, failure_text, realise
from ertheory.builders.result import Embedding
from ertheory.builders.sharp.coding import combinations
from ertheory.builders.sharp.combined import Combined, combine
from ertheory.builders.sharp.solvable import Unsolved, unsolvable
from ertheory.errors import ConstructionFailed, TheoremNotApplicable
from ertheory.masks import DrawnMask, Mask, count_edges
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network, Residual, Step

__all__ = ["build_coded", "solvable_on", "why_not_coded"]

_MOST_ROUNDS = 16

T = TypeVar("T")


@dataclass(frozen=True)
class _Found(Generic[T]):
    solution: T
    steps: tuple[Step, ...]
    owners: list[Owners]


def build_coded(
    target: Network,
    masks: tuple[Mask, ...],
    construction: Construction,
    *,
    workers: int | None,
    progress: Callable[[int], object] | None,
) -> Embedding:
    """Choose the weights of all layers; arguments, result and errors as for `ertheory.embed_target`."""
    _check(target)
    assert target.domain is not None
    domain, first = target.domain, target.affine[0]
    function = activation(_activation(target))
    seed = masks[0].seed if isinstance(masks[0], DrawnMask) else 0

    def solve(owners: Owners) -> Combined | Unsolved:
        return combine((masks[0], masks[1]), first, owners, domain, function, seed=seed, workers=workers)

    found = _search(target, masks, construction, solve, workers, progress)
    if progress is not None:
        progress(masks[1].shape[0] * masks[1].shape[1])
    return _on_combinations(target, masks, construction, found.solution, found.steps, found.owners)


def solvable_on(target: Network, masks: tuple[Mask, ...], construction: Construction) -> bool:
    """Say whether `build_coded` finds the target for almost all weights, without computing any.

    Parameters
    ----------
    target, masks, construction
        They are as for `ertheory.embed_target`.
    """
    _check(target)

    def solve(owners: Owners) -> bool | Unsolved:
        return unsolvable((masks[0], masks[1]), target.affine[0], owners) or True

    try:
        return _search(target, masks, construction, solve, 1, None).solution
    except ConstructionFailed:
        return False


def why_not_coded(target: Network) -> str:
    """Say why layer 0 cannot be coded for a target, in a few words; nothing if it can.

    Examples
    --------
    >>> why_not_coded(Network((Affine.from_dense([[1.0]]),)))
    'a coded layer 0 needs bounded inputs: state a box, or use matched'
    """
    first = target.steps[0]
    if not isinstance(first, Affine) or any(isinstance(step, Residual) for step in target.steps):
        return "a coded layer 0 is built for chains of layers that begin with an affine one: use matched"
    if first.groups > 1 or any(first.padding):
        return "a coded layer 0 is built for first layers without groups and padding: use matched"
    if target.domain is None:
        return "a coded layer 0 needs bounded inputs: state a box, or use matched"
    return ""


def _check(target: Network) -> None:
    if reason := why_not_coded(target):
        raise TheoremNotApplicable(reason)


def _activation(target: Network) -> str:
    return target.activation if len(target.affine) > 1 else "relu"


def _search(
    target: Network,
    masks: tuple[Mask, ...],
    construction: Construction,
    solve: Callable[[Owners], T | Unsolved],
    workers: int | None,
    progress: Callable[[int], object] | None,
) -> _Found[T]:
    """Build the layers above and solve; neurons of layer 1 without a solution are left out, and it is tried again.

    The theorem is about the first two rounds: neurons of all degrees, then those with as many edges as inputs or more.
    """
    first = target.affine[0]
    nothing = Signal(np.full(masks[0].shape[0], -1, dtype=np.int64), first.inputs)
    excluded = np.zeros(masks[1].shape[0], dtype=np.bool_)
    failure: ConstructionFailed | None = None
    for _ in range(_MOST_ROUNDS):
        work = Work(masks, construction, target.affine[-1], workers, progress, [nothing.owners], [], excluded=excluded)
        built, _ = realise(work, target.steps, nothing)
        if work.missing or work.unlisted:
            raise failure or ConstructionFailed(failure_text(work, construction), tuple(work.missing))
        steps, _, kept = prune(built, np.ones(target.outputs, dtype=np.bool_))
        owners = [np.where(keep, layer, -1) for keep, layer in zip(kept, work.owners[1:], strict=True)]
        found = solve(owners[0])
        if not isinstance(found, Unsolved):
            return _Found(found, steps, owners)
        failure = failure or _unsolved(found, owners[0], construction)
        starts, _ = masks[1].rows(0, len(excluded))
        few = np.diff(starts) < len(np.unique(first.weight.indices))  # for every tap, on average
        if excluded.any() or not few.any():
            few[found.neurons] = True
        excluded = excluded | few
    assert failure is not None
    raise failure


def _unsolved(found: Unsolved, owners: Owners, construction: Construction) -> ConstructionFailed:
    missing = [
        MissingEdge(1, int(neuron), int(owners[neuron]), int(index))
        for neuron, lacking in zip(found.neurons, found.unmatched, strict=True)
        for index in lacking
    ]
    neuron = int(found.neurons[0])
    more = f", and {len(found.neurons) - 1:,} more" if len(found.neurons) > 1 else ""
    reason = "is not linked to every input by a path of its own" if len(found.unmatched[0]) else "has no weights"
    msg = f"{construction}: neuron {neuron} of source layer 1 {reason} that gives target neuron {owners[neuron]}{more}"
    return ConstructionFailed(msg, tuple(missing[:MOST_LISTED]))


def _on_combinations(
    target: Network,
    masks: tuple[Mask, ...],
    construction: Construction,
    found: Combined,
    steps: Sequence[Step],
    owners: list[Owners],
) -> Embedding:
    weights = np.asarray(abs(found.bottom.weight).max(axis=1).toarray()).ravel()
    layers = (found.bottom, Activation(_activation(target)), found.first, *steps[1:])
    return Embedding(
        construction=construction,
        layer0="coded",
        target=target,
        source=Network(layers, target.domain),
        masks=masks,
        owners=(np.where(found.used, np.arange(len(found.used)), -1), *owners),
        coding=combinations(target.affine[0], weights, found.bottom.bias, found.error),
        edges_available=sum(count_edges(mask) for mask in masks),
    )
