"""Subset sums by meeting in the middle: the subset that costs a certificate least.

A subset S of values stands for a target z. It is charged slope |z - sum of S| for what it misses and a price for every
value that it takes: where a value carries a signal with an error of its own, its price is |value| times that error, so
that the charge is what the choice adds to the certified error of a neuron. With prices of 0 the closest subset wins,
with prices |value| and a steep slope the one with the smallest L1 norm among the close ones.

All sums of one half of the values are listed in ascending order by merging, and so are those of the other half
(Horowitz, Sahni 1974); `ertheory.builders.ticket.pairs` finds the best pair of them. This takes 2^(n/2) steps and no
sorting.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.builders.ticket.few import cheapest_few, most_values
from ertheory.builders.ticket.limits import FEW_VALUES, MOST_VALUES
from ertheory.builders.ticket.pairs import cheapest_pair
from ertheory.kernels import kernel

__all__ = ["cheapest_subset", "choose_row"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[Any]


@kernel
def _listed(values: Array, prices: Array) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """List the sums of all subsets in ascending order, their prices, and the subsets as bits."""
    size = 1 << len(values)
    sums, costs, bits = np.zeros(size), np.zeros(size), np.zeros(size, dtype=np.int64)
    old_sums, old_costs, old_bits = np.zeros(size), np.zeros(size), np.zeros(size, dtype=np.int64)
    count = 1
    for place in range(len(values)):
        old_sums[:count], old_costs[:count], old_bits[:count] = sums[:count], costs[:count], bits[:count]
        value, price, bit = values[place], prices[place], np.int64(1) << place
        without = within = 0
        for new in range(2 * count):
            if within == count or (without < count and old_sums[without] <= old_sums[within] + value):
                sums[new], costs[new], bits[new] = old_sums[without], old_costs[without], old_bits[without]
                without += 1
            else:
                sums[new] = old_sums[within] + value
                costs[new] = old_costs[within] + price
                bits[new] = old_bits[within] | bit
                within += 1
        count *= 2
    return sums, costs, bits


@kernel
def cheapest_subset(values: Array, prices: Array, target: float, slope: float) -> tuple[np.int64, float]:
    """Find the subset S with the smallest slope |z - sum of S| + prices of S.

    Parameters
    ----------
    values, prices
        Shape (n,) with n <= 40; prices are not negative.
    target
        z.
    slope
        Charge for a unit of what is missed, not negative.

    Returns
    -------
    tuple
        The subset, value i as bit i, and its charge, up to rounding.

    Examples
    --------
    >>> values = np.array([0.5, 0.3, -0.4, 0.125])
    >>> subset, charge = cheapest_subset(values, np.zeros(4), 0.12, 1.0)
    >>> f"{subset:04b}", round(charge, 6)
    ('1000', 0.005)
    """
    half = len(values) // 2
    sums, costs, bits = _listed(values[:half], prices[:half])
    others, other_costs, other_bits = _listed(values[half:], prices[half:])
    first, partner, charge = cheapest_pair(sums, costs, others, other_costs, target, slope)
    return bits[first] | (other_bits[partner] << half), charge


@kernel
def _candidates(values: Array, rates: Array, target: float, most: int) -> Integers:
    """Pick which values to search among, where there are too many: those that carry the smallest errors.

    If the chosen ones of the right sign do not sum up to the target, the largest ones are taken.
    """
    if len(values) <= most:
        return np.arange(len(values))
    picked = np.argsort(rates, kind="mergesort")[:most]
    reach = 0.0
    for value in values[picked]:
        reach += max(value, 0.0) if target > 0 else max(-value, 0.0)
    if reach < 1.25 * abs(target):
        return np.argsort(-np.abs(values), kind="mergesort")[:most]
    return picked


@kernel
def choose_row(
    values: Array,
    starts: Integers,
    middles: Array,
    radii: Array,
    targets: Array,
    centres: Array,
    slopes: Array,
    allowance: float,
    kept: int,
    chosen: npt.NDArray[np.bool_],
) -> float:
    """Choose the edges of one neuron: a subset sum for every unit that it reads, the constant 1 last.

    Parameters
    ----------
    values
        For each column it is the weight times the factor of the unit that the column carries; 0 where there is no edge.
        The last column is the neuron's own bias. Shape (columns,).
    starts
        Where the columns of each unit begin; shape (units + 1,). Columns in front of the first carry nothing.
    middles, radii
        What a column carries is off by a number in middle +- radius. Not 0 only where the factor is 1.
    targets
        The coefficient that is wanted of each unit; where it is 0, no edge is kept.
    centres, slopes
        The values of each unit lie in centre +- slope.
    allowance
        Give up when the charge is larger.
    kept
        At most so many edges stand for a unit, and so many edges and the bias for the constant; 0 for any number.
    chosen
        It receives for each column whether the edge is kept.

    Returns
    -------
    float
        A radius of the error of the neuron's sum, up to rounding; infinite if it exceeds the allowance.
    """
    charge, shift = 0.0, 0.0
    last = len(targets) - 1
    for unit in range(last + 1):
        wanted, slope = targets[unit], slopes[unit]
        if unit == last:  # the bias takes up the middle of what the weights leave over
            wanted, slope = wanted + shift, 1.0
        elif wanted == 0.0:
            continue
        live = starts[unit] + np.flatnonzero(values[starts[unit] : starts[unit + 1]])
        few = 0 < kept < MOST_VALUES
        for most in (FEW_VALUES, most_values(kept) if few else MOST_VALUES):
            columns = live[_candidates(values[live], radii[live], wanted, most)]
            here = values[columns]
            prices = np.abs(here) * radii[columns]
            taken = np.zeros(len(columns), dtype=np.bool_)
            if few:
                paid = cheapest_few(here, prices, wanted, slope, kept, taken)
            else:
                subset, paid = cheapest_subset(here, prices, wanted, slope)
                for place in range(len(columns)):
                    taken[place] = subset >> place & 1
            if len(live) <= most or paid <= allowance / (8 * len(targets)) < np.inf:
                break
        charge += paid
        if not charge <= allowance:
            return np.inf
        total = 0.0
        for place in range(len(columns)):
            if taken[place]:
                chosen[columns[place]] = True
                total += here[place]
                shift -= here[place] * middles[columns[place]]
        shift += (wanted - total) * centres[unit]
    return charge
