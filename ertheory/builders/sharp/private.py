"""Private matching: every link into the last layer gets a neuron of its own, found as a largest flow.

The construction of `ertheory.bounds.sharp.private`: consumer t needs c_t classes and gets as many neurons adjacent to
it that nobody else uses, one for each class. By Hall's theorem a flow finds them if and only if that is possible at
all.

>>> from ertheory.builders.sharp.colouring import demand_of
>>> from ertheory.masks import read_mask
>>> from ertheory.networks.network import Affine
>>> last = Affine.from_dense([[1.0, 1.0], [1.0, 0.0]])
>>> private_matching(demand_of(read_mask([[1, 1, 1], [0, 1, 0]]), last, classes=2)).owners.tolist()
[0, 0, 1]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ertheory.builders.blocks.links import Owners
from ertheory.builders.sharp.colouring import Colouring, Demand

__all__ = ["private_matching", "share_out"]

_MOST_CAPACITY = 2**31 - 1  # of the integers that the flow is computed with


def private_matching(demand: Demand) -> Colouring:
    """Give every pair of a consumer and a class that it needs an adjacent neuron of its own.

    Parameters
    ----------
    demand
        It is what `ertheory.builders.sharp.colouring.demand_of` gives.

    Returns
    -------
    Colouring
        The colouring with as many links served by neurons of their own as can be. A link is missing if it got none,
        even where a neuron of another consumer happens to serve it.
    """
    consumers = np.repeat(np.arange(demand.consumers, dtype=np.int64), np.diff(demand.adjacent.indptr))
    wanted = np.diff(demand.needs.indptr)
    given = share_out(demand.adjacent.indices, consumers, demand.neurons, wanted)
    owners = np.full(demand.neurons, -1, dtype=np.int64)
    missing = []
    order = np.argsort(given, kind="stable")
    starts = np.searchsorted(given[order], np.arange(demand.consumers + 1))
    for consumer in range(demand.consumers):
        own = order[starts[consumer] : starts[consumer + 1]]
        classes = demand.needs.indices[demand.needs.indptr[consumer] : demand.needs.indptr[consumer + 1]]
        owners[own] = classes[: len(own)]
        missing += [(consumer, kind) for kind in classes[len(own) :].tolist()]
    return Colouring(owners, np.array(missing, dtype=np.int64).reshape(-1, 2))


def share_out(
    neurons: npt.NDArray[np.integer], units: npt.NDArray[np.integer], count: int, wanted: npt.NDArray[np.integer]
) -> Owners:
    """Give units as many neurons of their own as can be: a largest b-matching.

    Parameters
    ----------
    neurons, units
        Pairs that may be matched, each named once; shapes (pairs,).
    count
        How many neurons there are.
    wanted
        How many neurons each unit wants at most, shape (units,).

    Returns
    -------
    Owners
        The unit of each neuron, -1 where it is left over; shape (count,).

    Examples
    --------
    >>> share_out(np.array([0, 1, 1]), np.array([0, 0, 1]), 2, np.array([1, 1])).tolist()
    [0, 1]
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    size = len(wanted)
    # source -> unit (as many as it wants) -> neuron (one each) -> sink
    source, sink = count + size, count + size + 1
    tails = np.concatenate([np.full(size, source), count + units, np.arange(count)])
    heads = np.concatenate([count + np.arange(size), neurons, np.full(count, sink)])
    capacities = np.concatenate([np.minimum(wanted, _MOST_CAPACITY), np.ones(len(units) + count)]).astype(np.int32)
    graph = csr_array((capacities, (tails.astype(np.int32), heads.astype(np.int32))), shape=(sink + 1, sink + 1))
    flow = maximum_flow(graph, source, sink).flow
    given = csr_array(flow[count : count + size, :count]).tocoo()
    used = given.data > 0
    owners = np.full(count, -1, dtype=np.int64)
    owners[given.col[used]] = given.row[used]
    return owners
