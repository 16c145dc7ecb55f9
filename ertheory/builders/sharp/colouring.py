"""Which neurons of the last hidden layer copy which target neuron, decided after the last mask has been seen.

A consumer reads that layer: an output, or an output at one tap of its filter, or at one position behind a flatten. It
needs one adjacent neuron of every class that it reads; the classes are the target neurons of the last hidden layer.
Where blocks fix the classes beforehand and hope, a colouring gives a neuron its class where a consumer lacks it.

`sequential` is the construction of `ertheory.bounds.sharp.sequential`: it never looks at edges to later consumers, so
its theorem holds. What it colours too much, `without_redundant` takes away.

>>> from ertheory.masks import read_mask
>>> from ertheory.networks.network import Affine
>>> demand = demand_of(read_mask([[1, 1, 1, 0], [0, 1, 0, 1]]), Affine.from_dense([[1.0, 1.0], [1.0, 1.0]]), classes=2)
>>> sequential(demand).owners.tolist()
[0, 1, -1, 0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.builders.blocks.links import Bools, Owners
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.masks import Mask, pattern_csr
from ertheory.networks.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Colouring", "Demand", "colouring_of", "demand_of", "sequential", "supply", "without_redundant"]

Counts: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Demand:
    """What is asked of the last hidden source layer.

    Parameters
    ----------
    adjacent
        Which neurons each consumer reads: booleans, shape (consumers, neurons), sorted row by row.
    needs
        Which classes each consumer reads: booleans, shape (consumers, classes), sorted row by row.
    """

    adjacent: csr_array
    needs: csr_array

    @property
    def consumers(self) -> int:
        """How many there are: outputs, times taps or positions."""
        return int(self.adjacent.shape[0])

    @property
    def neurons(self) -> int:
        """Neurons of the last hidden source layer."""
        return int(self.adjacent.shape[1])

    @property
    def classes(self) -> int:
        """Neurons of the last hidden target layer."""
        return int(self.needs.shape[1])

    @property
    def links(self) -> int:
        """Pairs of a consumer and a class that it needs."""
        return int(self.needs.nnz)


@dataclass(frozen=True, eq=False)
class Colouring:
    """Neurons with classes.

    Parameters
    ----------
    owners
        The class of each neuron, -1 where it has none; shape (neurons,).
    missing
        Links that no neuron serves, as rows of a consumer and a class; shape (links, 2).
    """

    owners: Owners
    missing: Counts

    @property
    def complete(self) -> bool:
        """Whether every consumer has a neuron of every class that it needs."""
        return not len(self.missing)

    @property
    def used(self) -> int:
        """Neurons that have a class."""
        return int(np.count_nonzero(self.owners >= 0))


def demand_of(mask: Mask, step: Affine, classes: int, *, usable: Bools | None = None) -> Demand:
    """Read off the last mask and the last target layer who needs what.

    Parameters
    ----------
    mask
        It is that of the last source layer, shape (outputs, neurons * taps or positions).
    step
        The last affine step of the target.
    classes
        Neurons or channels of the last hidden target layer.
    usable
        Neurons that may have a class, all if left out; shape (neurons,).

    Raises
    ------
    InvalidInput
        If the shapes do not fit.
    TheoremNotApplicable
        If the last layer has groups: then a class is not the same for all outputs.
    """
    from scipy.sparse import csr_array

    if step.groups > 1:
        msg = "a last layer with groups is not coloured: use blocks or drop"
        raise TheoremNotApplicable(msg)
    if classes < 1 or step.inputs % classes:
        raise InvalidInput("classes", f"a divisor of the {step.inputs} inputs of the last layer", classes)
    taps = step.taps * (step.inputs // classes)
    rows, columns = mask.shape
    if rows != step.outputs or columns % taps:
        raise InvalidInput("mask", f"{step.outputs} rows and a multiple of {taps} columns", mask.shape)
    if usable is not None and usable.shape != (columns // taps,):
        raise InvalidInput("usable", f"shape {(columns // taps,)}", usable.shape)
    starts, kept = mask.rows(0, rows)
    adjacent = pattern_csr(starts, kept, columns)
    if usable is not None:
        entries = usable[kept // taps]
        adjacent = csr_array(
            (np.ones(int(entries.sum()), dtype=np.bool_), kept[entries], np.append(0, np.cumsum(entries))[starts]),
            shape=mask.shape,
        )
    return Demand(_by_consumer(adjacent, taps), _by_consumer(step.weight.astype(np.bool_), taps))


def sequential(demand: Demand) -> Colouring:
    """Serve the consumers one after another: each class that one lacks gets an uncoloured neuron adjacent to it.

    Parameters
    ----------
    demand
        It is what `demand_of` gives.

    Returns
    -------
    Colouring
        Classes in the order of their numbers get the free neurons of smallest index. Where there are too few, the last
        classes go without, and the consumers behind are served all the same.

    Notes
    -----
    Edges to later consumers are never looked at, which the theorem of `ertheory.bounds.sharp.sequential` rests on. The
    time is linear in the number of edges. Redundant neurons are left in; see `without_redundant`.
    """
    owners = np.full(demand.neurons, -1, dtype=np.int64)
    present = np.zeros(demand.classes + 1, dtype=np.bool_)  # the last place is that of -1
    for consumer in range(demand.consumers):
        around, needed = _row(demand.adjacent, consumer), _row(demand.needs, consumer)
        present[:] = False
        present[owners[around]] = True
        lacking = needed[~present[needed]]
        free = around[owners[around] < 0][: len(lacking)]
        owners[free] = lacking[: len(free)]
    return colouring_of(demand, owners)


def supply(demand: Demand, owners: Owners) -> Counts:
    """Count the neurons of each class around each consumer; shape (consumers, classes)."""
    consumers = np.repeat(np.arange(demand.consumers, dtype=np.int64), np.diff(demand.adjacent.indptr))
    classes = owners[demand.adjacent.indices]
    keys = (consumers * demand.classes + classes)[classes >= 0]
    counts = np.bincount(keys, minlength=demand.consumers * demand.classes)
    return counts.astype(np.int64).reshape(demand.consumers, demand.classes)


def colouring_of(demand: Demand, owners: Owners) -> Colouring:
    """Note which links the classes of the neurons leave unserved."""
    consumers = np.repeat(np.arange(demand.consumers, dtype=np.int64), np.diff(demand.needs.indptr))
    classes = demand.needs.indices.astype(np.int64)
    lacking = supply(demand, owners)[consumers, classes] == 0
    return Colouring(owners, np.stack([consumers[lacking], classes[lacking]], axis=1))


def without_redundant(demand: Demand, owners: Owners) -> Owners:
    """Take the class from every neuron that the others of its class make superfluous.

    Parameters
    ----------
    demand, owners
        A colouring, complete or not.

    Returns
    -------
    Owners
        Every link that was served still is, and would not be without any one of the neurons left. Those with few
        consumers go first.
    """
    # What may be spared: a neuron can go if it is not the only one at any consumer that needs its class.
    spare = np.where(demand.needs.toarray(), supply(demand, owners) - 1, demand.neurons)
    columns = demand.adjacent.T.tocsr()
    degrees = np.diff(columns.indptr)
    kept = owners.copy()
    coloured = np.flatnonzero(owners >= 0)
    for neuron in coloured[np.argsort(degrees[coloured], kind="stable")].tolist():
        consumers, kind = _row(columns, neuron), owners[neuron]
        if (spare[consumers, kind] > 0).all():
            spare[consumers, kind] -= 1
            kept[neuron] = -1
    return kept


def _by_consumer(matrix: csr_array, taps: int) -> csr_array:
    """Turn a row per output, with a column per channel and tap, into a row per output and tap."""
    from scipy.sparse import csr_array

    rows, columns = matrix.shape
    if taps == 1:
        return csr_array(matrix)
    pairs = matrix.tocoo()
    channel, tap = np.divmod(pairs.col.astype(np.int64), taps)
    split = csr_array(
        (pairs.data, (pairs.row.astype(np.int64) * taps + tap, channel)), shape=(rows * taps, columns // taps)
    )
    split.sort_indices()
    return split


def _row(matrix: csr_array, row: int) -> npt.NDArray[np.int32]:
    found: npt.NDArray[np.int32] = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
    return found
