"""Subset sums of at most K values: the ones that cost a certificate least, among more values than subsets of any size.

As in `ertheory.builders.ticket.subset`, sums of one half of the values meet those of the other half. Of either half all
subsets of at most K values are listed, sorted by their sums; for a subset of j values the best partner is looked for
among those of at most K - j. The fewer values a subset may have, the more of them can be searched among: for K = 2 some
180 instead of 24.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.builders.ticket.pairs import cheapest_pair
from ertheory.kernels import kernel

__all__ = ["cheapest_few", "most_values"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[Any]

_MOST_SUBSETS = 4096  # of either half, as many as of 12 values in any number


@kernel
def most_values(kept: int) -> int:
    """Say among how many values subsets of at most so many are searched, an even number.

    Examples
    --------
    >>> most_values(1), most_values(2), most_values(3), most_values(40)
    (8190, 180, 58, 24)
    """
    half = 1
    while True:
        subsets, ways = 1, 1
        for size in range(1, min(kept, half + 1) + 1):
            ways = ways * (half + 2 - size) // size
            subsets += ways
        if subsets > _MOST_SUBSETS:
            return 2 * half
        half += 1


@kernel
def _listed_few(values: Array, prices: Array, kept: int) -> tuple[Array, Array, Integers, Integers]:
    """List the subsets of at most so many values by ascending sums: sums, prices, sizes, and members (-1 for none)."""
    count = 1
    ways = 1
    for size in range(1, min(kept, len(values)) + 1):
        ways = ways * (len(values) + 1 - size) // size
        count += ways
    sums, costs = np.zeros(count), np.zeros(count)
    sizes, members = np.zeros(count, dtype=np.int64), np.full((count, kept), -1, dtype=np.int64)
    done = 1
    for place in range(len(values)):
        for old in range(done):
            if sizes[old] < kept:
                sums[done], costs[done] = sums[old] + values[place], costs[old] + prices[place]
                members[done] = members[old]
                members[done, sizes[old]] = place
                sizes[done] = sizes[old] + 1
                done += 1
    order = np.argsort(sums, kind="mergesort")
    return sums[order], costs[order], sizes[order], members[order]


@kernel
def cheapest_few(
    values: Array, prices: Array, target: float, slope: float, kept: int, taken: npt.NDArray[np.bool_]
) -> float:
    """Find the subset S of at most so many values with the smallest slope |z - sum of S| + prices of S.

    Parameters
    ----------
    values, prices
        Shape (n,) with n of at most `most_values(kept)`; prices are not negative.
    target, slope
        z, and the charge for a unit of what is missed, not negative.
    kept
        K, at least 1.
    taken
        It receives for each value whether it is in S, shape (n,).

    Returns
    -------
    float
        The charge, up to rounding.

    Examples
    --------
    >>> taken = np.zeros(4, dtype=np.bool_)
    >>> charge = cheapest_few(np.array([0.5, 0.3, -0.4, 0.125]), np.zeros(4), 0.41, 1.0, 2, taken)
    >>> round(charge, 6), taken.tolist()
    (0.015, [False, True, False, True])
    """
    half = len(values) // 2
    sums, costs, sizes, members = _listed_few(values[:half], prices[:half], kept)
    others, other_costs, other_sizes, other_members = _listed_few(values[half:], prices[half:], kept)
    found, partner_found, charge = 0, 0, np.inf
    for size in range(min(kept, half) + 1):
        mine, theirs = np.flatnonzero(sizes == size), np.flatnonzero(other_sizes <= kept - size)
        first, partner, here = cheapest_pair(
            sums[mine], costs[mine], others[theirs], other_costs[theirs], target, slope
        )
        if here < charge:
            found, partner_found, charge = mine[first], theirs[partner], here
    taken[:] = False
    for place in members[found]:
        if place >= 0:
            taken[place] = True
    for place in other_members[partner_found]:
        if place >= 0:
            taken[half + place] = True
    return charge
