"""The same systems in rational arithmetic, for maps that are small enough.

>>> from fractions import Fraction
>>> exact_columns([[Fraction(2)], [Fraction(3)]], [[0], [0, 1]], [[Fraction(1), Fraction(1)]])
[{0: Fraction(1, 2)}, {0: Fraction(1, 2)}]
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

__all__ = ["Rationals", "exact_columns"]

Rationals: TypeAlias = Sequence[Sequence[Fraction]]


def exact_columns(
    drawn: Rationals, members: Sequence[Sequence[int]], goal: Rationals
) -> list[dict[int, Fraction] | None]:
    """Solve A[:, K] b = w exactly for every column.

    Parameters
    ----------
    drawn
        The transpose of A: a row of m numbers for each of the N inner neurons.
    members
        K for each column.
    goal
        W: a row of n numbers for each of the m outputs.

    Returns
    -------
    list
        For each column the entries of b other than 0 by inner neuron, at most as many as A[:, K] has rank; ``None``
        where there is no solution.
    """
    return [
        _solve([drawn[inner] for inner in kept], [row[column] for row in goal], kept)
        for column, kept in enumerate(members)
    ]


def _solve(rows: Rationals, wanted: Sequence[Fraction], kept: Sequence[int]) -> dict[int, Fraction] | None:
    from flint import fmpq, fmpq_mat

    if not any(wanted):
        return {}
    if not rows:
        return None
    lines = [[*(row[at] for row in rows), goal] for at, goal in enumerate(wanted)]
    reduced, rank = fmpq_mat([[fmpq(x.numerator, x.denominator) for x in line] for line in lines]).rref()
    solution: dict[int, Fraction] = {}
    for place in range(rank):
        pivot = next(column for column in range(len(rows) + 1) if reduced[place, column] != 0)
        if pivot == len(rows):
            return None
        value = reduced[place, len(rows)]
        if value != 0:
            solution[kept[pivot]] = Fraction(int(value.numer()), int(value.denom()))
    return solution
