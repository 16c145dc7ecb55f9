"""The exact law of the sequential greedy, where there are few classes: how much its bound gives away.

Setting and construction are those of `ertheory.bounds.sharp.sequential`.

Theorem. With independent chains a_j that rise at step t with probability r^{a_j(t-1)} if class j is in D_t, their sum
U_t and the number M_t that rise at step t,

    P(success) = E[ prod_{t=1}^{R} P(Bin(max(N - U_{t-1}, 0), p) >= M_t | U_{t-1}, M_t) ].

Proof. By induction over t: given the edges to consumers 1..t - 1 and no failure so far, the sizes of the classes are
a(t - 1). Which classes lack consumer t depends on the edges from coloured neurons to t, and how many free neurons are
adjacent to t on those from the N - U_{t-1} others, so the two are independent. Hence the probability that the chains
take a given step, and that there are enough free neurons for it, is the product of the two.  QED

The bound of `sequential_failure` is a sum where this is a product, and it goes on after the first failure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from math import comb

from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import probability

__all__ = ["sequential_law"]

_MOST_STATES = 100_000


def sequential_law(needs: Sequence[Sequence[bool]], neurons: int, density: Fraction) -> Fraction:
    """Probability that the sequential greedy succeeds.

    Parameters
    ----------
    needs
        Whether consumer t needs class j, shape (consumers, classes).
    neurons
        N >= 0.
    density
        p in (0, 1].

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If there are too many states to follow.

    Examples
    --------
    >>> sequential_law([[True]], 3, Fraction(1, 2)), sequential_law([[True], [True]], 3, Fraction(1, 2))
    (Fraction(7, 8), Fraction(49, 64))
    """
    probability("density", density, one=True)
    if neurons < 0:
        raise InvalidInput("neurons", "a number of at least 0", neurons)
    miss = 1 - density
    # Classes that the same consumers need are alike: of states that differ by an exchange of them one is kept.
    columns = sorted(zip(*needs, strict=True))
    states = {(0,) * len(columns): Fraction(1)}
    for step in range(len(needs)):
        after: dict[tuple[int, ...], Fraction] = {}
        for sizes, weight in states.items():
            rising = [place for place, column in enumerate(columns) if column[step]]
            free = max(0, neurons - sum(sizes))
            for number in range(len(rising) + 1):
                served = weight * _at_least(free, number, density)
                for chosen in itertools.combinations(rising, number) if served else ():
                    chance = served
                    for place in rising:
                        chance *= miss ** sizes[place] if place in chosen else 1 - miss ** sizes[place]
                    if chance:
                        new = [size + (place in chosen) for place, size in enumerate(sizes)]
                        key = _sorted_alike(new, columns)
                        after[key] = after.get(key, Fraction(0)) + chance
        if len(after) > _MOST_STATES:
            msg = "the law of the sequential greedy has too many states to be followed"
            raise InfeasibleWidth(msg)
        states = after
    return sum(states.values(), start=Fraction(0))


def _at_least(trials: int, number: int, density: Fraction) -> Fraction:
    few = (comb(trials, k) * density**k * (1 - density) ** (trials - k) for k in range(min(number, trials + 1)))
    return 1 - sum(few, start=Fraction(0))


def _sorted_alike(sizes: list[int], columns: list[tuple[bool, ...]]) -> tuple[int, ...]:
    """Sort the sizes of classes that the same consumers need."""
    groups = itertools.groupby(range(len(sizes)), key=lambda place: columns[place])
    return tuple(size for _, places in groups for size in sorted(sizes[place] for place in places))
