"""Repair a colouring: move neurons from class to class until every consumer finds every class that it needs.

A min-conflict search with a tabu list. It picks one of the unserved links at random and gives its class to the neuron
adjacent to the consumer with which the fewest links stay unserved; a neuron that was moved rests for a while. Nothing
is proved about it, but it needs little more than the width at which some colouring is possible at all.

>>> from ertheory.builders.sharp.colouring import demand_of, sequential
>>> from ertheory.masks import read_mask
>>> from ertheory.networks.network import Affine
>>> demand = demand_of(read_mask([[1, 1, 0], [1, 0, 1]]), Affine.from_dense([[1.0, 1.0], [1.0, 1.0]]), classes=2)
>>> start = sequential(demand)
>>> start.complete, repaired(demand, start, seed=1).complete
(True, True)
"""

from __future__ import annotations

import numpy as np

from ertheory.builders.sharp.colouring import Colouring, Demand, colouring_of, supply
from ertheory.numbers import whole_number

__all__ = ["repaired"]

_MOVES_PER_LINK = 200
_FEWEST_MOVES = 100_000
_TENURE = 10


def repaired(demand: Demand, start: Colouring, *, seed: int = 0, moves: int | None = None) -> Colouring:
    """Search for a complete colouring from a given one on.

    Parameters
    ----------
    demand
        It is what `ertheory.builders.sharp.colouring.demand_of` gives.
    start
        The colouring to begin with, that of `ertheory.builders.sharp.colouring.sequential` for example.
    seed
        It is that of the random choices, at least 0; the result depends on nothing else beside the arguments.
    moves
        The most moves, at least 0; 200 for each link, and 100,000 at least, if left out.

    Returns
    -------
    Colouring
        A complete one, or the one with the fewest unserved links that was found.

    Raises
    ------
    InvalidInput
        If a number is out of range.
    """
    seed = whole_number("seed", seed, least=0)
    if moves is not None:
        moves = whole_number("moves", moves, least=0)
    from ertheory.builders.sharp.conflicts import min_conflicts  # numba takes half a second to load

    if start.complete:
        return start
    columns = demand.adjacent.T.tocsr()
    best, _ = min_conflicts(
        demand.adjacent.indptr,
        demand.adjacent.indices,
        columns.indptr,
        columns.indices,
        demand.needs.toarray(),
        start.owners.copy(),
        supply(demand, start.owners),
        max(_FEWEST_MOVES, _MOVES_PER_LINK * demand.links) if moves is None else moves,
        _TENURE,
        np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1),
    )
    return colouring_of(demand, best)
