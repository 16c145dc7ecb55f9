"""The same systems in rational arithmetic, for maps that are small enough.

Doubles come close to a solution b of A[:, K] b = w; what they leave, a vector of the size of their rounding, is solved
for exactly with as many entries as A[:, K] has rank. The sum is an exact solution, and as small as that in doubles.

>>> import numpy as np
>>> from scipy.sparse import csr_array
>>> kept = csr_array(np.ones((2, 1), dtype=bool))
>>> exact_solution(np.array([[3.0], [0.0]]), kept, np.array([[1.0]]), csr_array([[0.25], [0.5]]))
{(0, 0): Fraction(1, 3), (1, 0): Fraction(1, 2)}
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ertheory.builders.factored.factors import Entries
from ertheory.builders.factored.pairs import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["exact_solution"]


def exact_solution(
    drawn: Array | Entries, pattern: csr_array, goal: Array, near: csr_array, *, transposed: bool = False
) -> Entries | None:
    """Find B on a pattern with A B = W exactly.

    Parameters
    ----------
    drawn
        The transpose of A, of shape (N, m); or its entries other than 0, or those of A itself if `transposed`.
    pattern
        Where B may have entries, booleans of shape (N, n).
    goal
        W, shape (m, n).
    near
        A solution but for rounding.
    transposed
        Whether the entries are those of A.

    Returns
    -------
    dict or None
        The entries of B other than 0; ``None`` where a column has no solution.
    """
    from flint import fmpq, fmpq_mat

    zero = fmpq(0)
    rows = [[zero] * len(goal) for _ in range(pattern.shape[0])]
    for (inner, output), value in _entries(drawn, transposed=transposed):
        rows[inner][output] = _fmpq(value)
    by_column, start = pattern.tocsc(), near.tocsc()
    result: Entries = {}
    for column in range(pattern.shape[1]):
        kept = by_column.indices[by_column.indptr[column] : by_column.indptr[column + 1]].tolist()
        wanted = [_fmpq(value) for value in goal[:, column].tolist()]
        if not any(wanted):
            continue
        if not kept:
            return None
        part = slice(start.indptr[column], start.indptr[column + 1])
        first = dict(zip(start.indices[part].tolist(), map(_fmpq, start.data[part].tolist()), strict=True))
        solution = [first.get(inner, zero) for inner in kept]
        lines = [[rows[inner][output] for inner in kept] for output in range(len(goal))]
        done = (fmpq_mat(lines) * fmpq_mat([[value] for value in solution])).entries()
        change = _solve(lines, [value - reached for value, reached in zip(wanted, done, strict=True)])
        if change is None:
            return None
        for at, value in change.items():
            solution[at] += value
        for inner, value in zip(kept, solution, strict=True):
            if value != 0:
                result[inner, column] = Fraction(int(value.numer()), int(value.denom()))
    return result


def _entries(drawn: Array | Entries, *, transposed: bool) -> Any:
    if not isinstance(drawn, dict):
        return (((i, j), value) for i, row in enumerate(drawn.tolist()) for j, value in enumerate(row) if value)
    return (((place[::-1] if transposed else place), value) for place, value in drawn.items())


def _fmpq(value: float | Fraction) -> Any:
    from flint import fmpq

    return fmpq(*value.as_integer_ratio())


def _solve(lines: Sequence[Sequence[Any]], wanted: Sequence[Any]) -> dict[int, Any] | None:
    """Solve a system with at most as many entries as its rank."""
    from flint import fmpq_mat

    if not any(wanted):
        return {}
    columns = len(lines[0])
    reduced, rank = fmpq_mat([[*line, value] for line, value in zip(lines, wanted, strict=True)]).rref()
    solution = {}
    for place in range(rank):
        pivot = next(column for column in range(columns + 1) if reduced[place, column] != 0)
        if pivot == columns:
            return None
        solution[pivot] = reduced[place, columns]
    return solution
