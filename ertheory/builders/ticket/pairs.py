"""The best pair of two lists of sums: one of each, so that together they miss a target by little and cost little."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.kernels import kernel

__all__ = ["cheapest_pair"]

Array: TypeAlias = npt.NDArray[np.float64]


@kernel
def cheapest_pair(
    sums: Array, costs: Array, others: Array, other_costs: Array, target: float, slope: float
) -> tuple[int, int, float]:
    """Find the sums a and b, one of each list, with the smallest slope |z - a - b| + costs of both.

    For a, the best partner below z - a minimises cost - slope b, and the best one above it cost + slope b: minima of
    prefixes and suffixes. The place of z - a among the others only moves down, so this takes one pass.

    Parameters
    ----------
    sums, costs
        The first list by ascending sums, and what each sum costs; shape (m,).
    others, other_costs
        The second list, in the same form, at least one; shape (n,).
    target, slope
        z, and the charge for a unit of what is missed, not negative.

    Returns
    -------
    tuple
        The places of a and b, and their charge up to rounding; it is infinite where the first list is empty.

    Examples
    --------
    >>> cheapest_pair(np.array([0.0, 0.5]), np.zeros(2), np.array([-0.4, 0.0, 0.25]), np.zeros(3), 0.75, 2.0)
    (1, 2, 0.0)
    """
    size = len(others)
    above = np.empty(size + 1, dtype=np.int64)  # where cost + slope b is smallest from a place on
    above[size] = -1
    best = np.inf
    for place in range(size - 1, -1, -1):
        charge = other_costs[place] + slope * others[place]
        above[place] = place if charge <= best else above[place + 1]
        best = min(best, charge)
    below = np.empty(size + 1, dtype=np.int64)  # where cost - slope b is smallest in front of a place
    below[0] = -1
    best = np.inf
    for place in range(size):
        charge = other_costs[place] - slope * others[place]
        below[place + 1] = place if charge < best else below[place]
        best = min(best, charge)
    found, partner_found, least, place = 0, 0, np.inf, size
    for first in range(len(sums)):
        rest = target - sums[first]
        while place > 0 and others[place - 1] > rest:
            place -= 1
        for partner in (below[place], above[place]):
            if partner >= 0:
                charge = costs[first] + other_costs[partner] + slope * abs(rest - others[partner])
                if charge < least:
                    found, partner_found, least = first, partner, charge
    return found, partner_found, least
