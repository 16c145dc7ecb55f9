"""The last hidden source layer, coloured: which target neuron each of its neurons copies, and by which edges.

A neuron may have any class if it has an edge for every weight that any target neuron of its layer has, so that its
goodness does not depend on the class that the last mask gives it.

>>> from ertheory.masks import read_mask
>>> masks = read_mask([[1, 1], [1, 0], [1, 1]]), read_mask([[1, 1, 1]])
>>> hidden, last = Affine.from_dense([[1.0, 0.0], [2.0, 3.0]]), Affine.from_dense([[1.0, 1.0]])
>>> owners, _ = coloured(masks, (hidden, last), Signal(np.arange(2), 2), "sequential", excluded=None, name="mask")
>>> owners.tolist()
[0, -1, 1]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from ertheory.builders.blocks.links import Bools, Choice, Owners, Signal, choose
from ertheory.builders.sharp.colouring import colouring_of, demand_of, sequential, without_redundant
from ertheory.builders.sharp.local_search import repaired
from ertheory.builders.sharp.private import private_matching
from ertheory.errors import TheoremNotApplicable
from ertheory.masks import Mask
from ertheory.networks.network import Affine

__all__ = ["Colourer", "coloured"]

Colourer: TypeAlias = Literal["sequential", "matching"]


def coloured(
    masks: tuple[Mask, Mask],
    steps: tuple[Affine, Affine],
    signal: Signal | None,
    colourer: Colourer,
    *,
    excluded: Bools | None,
    name: str,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> tuple[Owners, Choice | None]:
    """Colour the last hidden layer.

    Parameters
    ----------
    masks
        They are those of the last hidden source layer and the last one.
    steps
        The last two layers of the target.
    signal
        What the last hidden layer reads; ``None`` where layer 0 below it is coded, so that any neuron may have any
        class.
    colourer
        ``sequential`` or ``matching``. Where it leaves links unserved a local search goes on.
    excluded
        Neurons that must have no class.
    name, workers, progress
        They are as for `ertheory.builders.blocks.links.choose`.

    Returns
    -------
    tuple
        The class of each neuron, -1 without one; and the edges that were chosen, none where layer 0 is coded. Links
        that stay unserved show where the last layer looks for its edges.
    """
    mask, above = masks
    hidden, last = steps
    if hidden.groups > 1:
        msg = "a last hidden layer with groups is not coloured: use blocks or drop"
        raise TheoremNotApplicable(msg)
    usable = np.ones(mask.shape[0], dtype=np.bool_) if excluded is None else ~excluded
    choice = None
    if signal is not None:
        union = _union(hidden)
        everyone = np.zeros(mask.shape[0], dtype=np.int64)
        choice = choose(mask, union, signal, everyone, name=name, workers=workers, progress=progress)
        usable = usable & choice.complete
    demand = demand_of(above, last, hidden.outputs, usable=usable)
    owners = (sequential if colourer == "sequential" else private_matching)(demand).owners
    found = colouring_of(demand, owners)
    if not found.complete:
        found = repaired(demand, found)
    owners = without_redundant(demand, found.owners)
    return owners, None if choice is None else _of_classes(choice, hidden, owners)


def _union(step: Affine) -> Affine:
    """Make one neuron that reads all that any neuron of a layer reads."""
    from scipy.sparse import csr_array

    columns = np.unique(step.weight.indices)
    weight = csr_array((np.ones(len(columns)), columns, [0, len(columns)]), shape=(1, step.weight.shape[1]))
    return replace(step, weight=weight, bias=np.zeros(1), bias_exact=None)


def _of_classes(choice: Choice, step: Affine, owners: Owners) -> Choice:
    """Keep of the edges for all weights those for the weights of each neuron's class."""
    weight = step.weight
    columns = np.unique(weight.indices)
    lengths = np.where(owners >= 0, np.diff(weight.indptr)[owners], 0)
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    rows = np.repeat(np.arange(len(owners)), lengths)
    within = np.arange(starts[-1]) - starts[rows]
    entries = weight.indices[weight.indptr[owners[rows]] + within]
    places = choice.starts[rows] + np.searchsorted(columns, entries)
    return Choice(starts=starts, columns=choice.columns[places], edges=choice.edges)
