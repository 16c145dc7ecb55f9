"""Private matching: every neuron of the last hidden layer serves one output, and none is shared.

Setting. N neurons, each adjacent to each of O outputs (or pairs of an output and a filter tap) with probability p,
independently. Output o uses c_o target neurons and needs c_o adjacent neurons of its own, one to copy each of them.

Theorem. With c(T) = sum_{o in T} c_o,

    P(no such assignment) <= sum over non-empty sets T of outputs of P(Bin(N, 1 - (1 - p)^{|T|}) <= c(T) - 1).

Proof. Split output o into c_o clones that are adjacent to the same neurons. An assignment is a matching of all clones
into neurons. By Hall's theorem there is one if and only if every set of clones has at least as many neighbours as
members. A set of clones has the neighbours of the outputs T that it touches, and at most c(T) members, so it suffices
to look at all clones of T: the condition is |N(T)| >= c(T) for every T. A neuron is outside N(T) if it lacks |T|
independent edges, and neurons are independent: |N(T)| is Bin(N, 1 - (1 - p)^{|T|}). Sum over T.  QED

The sum has 2^O - 1 terms, but a term depends on |T| and c(T) only. Where all c_o are equal there are O different ones.
Otherwise sets are counted by size and demand where that is a short count, and else every set of t outputs is charged
with the sum of the t largest c_o, which is an upper bound. Used are exactly c_1 + ... + c_O neurons, whichever the
mask.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.bounds.blocks.hall import exact_hall_sum, hall_sum
from ertheory.errors import InvalidInput
from ertheory.numbers import (
    Ball,
    Bounds,
    Decision,
    ball,
    binomial_masses,
    bounds,
    decide,
    decided,
    enclose,
    near_zero,
    probability,
    smallest,
)

__all__ = ["private_failure", "private_width"]

_LONGEST_COUNT = 30_000  # pairs of a size and a demand, up to which sets are counted by both
_MOST_OUTPUTS = 400  # 2^400 sets, each off by `TINY` = 2^-900
_HALL_BITS = 1_024


def private_failure(demands: Sequence[int], neurons: int, density: Fraction) -> Bounds:
    """Enclose an upper bound on the probability that there is no assignment.

    Parameters
    ----------
    demands
        c_o for every output, each at least 0.
    neurons
        N >= 0.
    density
        p in (0, 1].

    Returns
    -------
    tuple
        Rationals below and above the sum of the theorem, or where sets are grouped, below and above a larger sum; the
        upper one is at most 1.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If a sum is too long.

    Examples
    --------
    >>> low, high = private_failure((1, 2), 6, Fraction(1, 2))
    >>> round(float(low), 6), round(float(high), 6)
    (0.162598, 0.162598)
    """
    probability("density", density, one=True)
    if neurons < 0 or any(demand < 0 for demand in demands):
        raise InvalidInput("neurons", "numbers of at least 0", (neurons, *demands))
    served = tuple(sorted((demand for demand in demands if demand), reverse=True))
    if sum(served) > neurons:
        return Fraction(1), Fraction(1)
    if density == 1 or not served:
        return Fraction(0), Fraction(0)
    if len(served) > _MOST_OUTPUTS:
        low, high = enclose(lambda: hall_sum(neurons, len(served), served[0], density), digits=2, most_bits=_HALL_BITS)
        return low, min(high, Fraction(1))
    return _summed(served, neurons, density)


@lru_cache(maxsize=256)  # one search after another asks for the same widths
def _summed(served: tuple[int, ...], neurons: int, density: Fraction) -> Bounds:
    """Enclose the sum over the sizes of T; demands descend."""
    low = high = Fraction(0)
    for size, counts in enumerate(_sets(served), start=1):
        missed = (1 - density) ** size
        masses = binomial_masses(neurons, _ratio(1 - missed, missed))
        below = np.concatenate([[0.0], np.cumsum(masses.values)])
        for demand, number in counts:
            inside = min(max(demand - masses.first, 0), len(masses.values))
            tail = bounds(float(below[inside]), masses.roundings + inside)
            low, high = low + number * tail[0], high + number * tail[1]
    return low, min(high, Fraction(1))


def private_width(demands: Sequence[int], density: Fraction, failure_probability: Fraction) -> tuple[int, int]:
    """Smallest N for which the bound on the failure is at most a given probability.

    Returns
    -------
    tuple
        N, and the bits that decided N and N - 1; see `ertheory.numbers.decided`.

    Examples
    --------
    >>> private_width((128,) * 10, Fraction(1, 100), Fraction(1, 2000))[0]
    17656
    """
    served = [demand for demand in demands if demand]
    least = sum(served)

    def holds(neurons: int) -> Decision:
        if len(served) > _MOST_OUTPUTS and neurons >= least and density < 1:
            return _hall_holds(neurons, len(served), max(served), density, failure_probability)
        return decided(private_failure(served, neurons, density), failure_probability)

    start = max(least, math.ceil(max(served, default=0) / density))
    if len(served) > _MOST_OUTPUTS or density == 1:
        return smallest(holds, start, least=least)

    def log_excess(neurons: int) -> Ball:
        return Ball(float(private_failure(served, neurons, density)[1])).log() - ball(failure_probability).log()

    # From twice as many neurons, where the bound is below 1 and its logarithm nearly straight.
    return smallest(holds, near_zero(log_excess, 2 * start, least=start), least=least)


def _hall_holds(neurons: int, outputs: int, demand: int, density: Fraction, most: Fraction) -> Decision:
    # Asking only for a comparison is much cheaper than asking for digits.
    return decide(
        lambda: ball(most) - hall_sum(neurons, outputs, demand, density),
        tie=lambda: neurons * outputs < 1000 and exact_hall_sum(neurons, outputs, demand, density) == most,
        undecided=False,
        most_bits=_HALL_BITS,
    )


@lru_cache(maxsize=8)
def _sets(demands: tuple[int, ...]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For every size 1..O: pairs of a demand and the number of sets that are charged with it; demands descend."""
    outputs = len(demands)
    if demands[0] != demands[-1] and outputs * sum(demands) <= _LONGEST_COUNT:
        counts: list[dict[int, int]] = [{0: 1}, *({} for _ in demands)]
        for demand in demands:
            for size in range(outputs, 0, -1):
                grown = defaultdict(int, counts[size])
                for total, number in counts[size - 1].items():
                    grown[total + demand] += number
                counts[size] = grown
        return tuple(tuple(sorted(found.items())) for found in counts[1:])
    largest = np.cumsum(np.array(demands, dtype=object)).tolist()
    return tuple(((largest[size - 1], math.comb(outputs, size)),) for size in range(1, outputs + 1))


def _ratio(part: Fraction, rest: Fraction) -> float:
    try:
        return float(part / rest)
    except OverflowError:
        return math.inf
