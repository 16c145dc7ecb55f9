"""What the factored bounds are compared with: matchings, the three theorems and generic ranks, all by brute force."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Mask = npt.NDArray[np.bool_]

PRIME = 2**31 - 1


def matches(rows_by_columns: Mask) -> bool:
    """Whether all rows can be matched into columns."""
    rows, columns = rows_by_columns.shape
    if columns < rows:
        return False
    if rows == 0:
        return True
    chosen = linear_sum_assignment(rows_by_columns, maximize=True)
    return bool(rows_by_columns[chosen].all())


def dual(first: Mask, second: Mask) -> bool:
    """Whether for every input all outputs match; `first` has shape (N, n) and `second` (m, N)."""
    return all(matches(second[:, reads]) for reads in first.T)


def primal(first: Mask, second: Mask) -> bool:
    """Whether for every output all inputs match."""
    return dual(second.T, first.T)


def mixed_with(first: Mask, second: Mask, aside: tuple[int, ...]) -> bool:
    """Whether the conditions of the mixed theorem hold for the inputs that are set aside."""
    others = [i for i in range(first.shape[1]) if i not in aside]
    return all(matches(second[:, first[:, i]]) for i in others) and all(
        matches(first[second[o] & ~first[:, i]][:, list(aside)].T) for i in others for o in range(len(second))
    )


def mixed(first: Mask, second: Mask) -> bool:
    """Whether the mixed theorem holds for some proper subset of the inputs, or of the outputs in the other reading."""
    return any(
        mixed_with(one, other, aside)
        for one, other in ((first, second), (second.T, first.T))
        for aside in chain.from_iterable(combinations(range(one.shape[1]), size) for size in range(one.shape[1]))
    )


def generic_rank(first: Mask, second: Mask, rng: np.random.Generator) -> int:
    """Rank of the derivative of A B at a random point over a prime field: m n just if products fill an open set."""
    left = np.where(second, rng.integers(1, PRIME, second.shape), 0)
    right = np.where(first, rng.integers(1, PRIME, first.shape), 0)
    rows = [
        np.outer(left[:, j], np.arange(first.shape[1]) == i).ravel() for j, i in zip(*np.nonzero(first), strict=True)
    ]
    rows += [np.outer(np.arange(len(second)) == o, right[j]).ravel() for o, j in zip(*np.nonzero(second), strict=True)]
    return _rank(np.array(rows, dtype=np.int64).reshape(len(rows), len(second) * first.shape[1]))


def _rank(matrix: npt.NDArray[np.int64]) -> int:
    matrix, rank = matrix % PRIME, 0
    for column in range(matrix.shape[1]):
        pivots = np.flatnonzero(matrix[rank:, column])
        if not len(pivots):
            continue
        pivot = rank + pivots[0]
        matrix[[rank, pivot]] = matrix[[pivot, rank]]
        matrix[rank] = matrix[rank] * pow(int(matrix[rank, column]), -1, PRIME) % PRIME
        others = matrix[rank + 1 :]
        matrix[rank + 1 :] = (others - others[:, column : column + 1] * matrix[rank]) % PRIME
        rank += 1
    return rank
