"""What the factored bounds are compared with: matchings, the three theorems and generic ranks, all by brute force."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

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


def linked(first: Mask, middle: Mask, last: Mask) -> bool:
    """Whether every input has as many disjoint paths to outputs as there are outputs: a flow through split neurons."""
    return all(_disjoint_paths(reads, middle, last) == len(last) for reads in first.T)


def coloured(first: Mask, middle: Mask, last: Mask, classes: tuple[int, int]) -> bool:
    """Whether classes of these sizes can be matched, and those of the first matching have entries for every pair."""
    sides = [_classes(side, size) for side, size in ((first.T, classes[0]), (last, classes[1]))]
    if None in sides:
        return False
    inputs, outputs = (side for side in sides if side is not None)
    return all(middle[np.ix_(above, below)].any() for below in inputs for above in outputs)


def _classes(rows: Mask, size: int) -> list[list[int]] | None:
    repeated = np.repeat(rows, size, axis=0)  # each row as often as it needs a column
    if repeated.shape[1] < len(repeated):
        return None
    chosen = linear_sum_assignment(repeated, maximize=True)
    if not repeated[chosen].all():
        return None
    return [chosen[1][size * row : size * (row + 1)].tolist() for row in range(len(rows))]


def _disjoint_paths(reads: Mask, middle: Mask, last: Mask) -> int:
    lower, upper, outputs = middle.shape[1], middle.shape[0], len(last)
    source, sink = 0, 1
    size = 2 + 2 * (lower + upper) + outputs
    capacity = np.zeros((size, size), dtype=np.int32)
    into = 2 + np.arange(lower + upper)
    out = into + lower + upper
    capacity[into, out] = 1
    capacity[source, into[:lower]] = reads
    capacity[np.ix_(out[:lower], into[lower:])] = middle.T
    capacity[np.ix_(out[lower:], 2 + 2 * (lower + upper) + np.arange(outputs))] = last.T
    capacity[2 + 2 * (lower + upper) :, sink] = 1
    return int(maximum_flow(csr_array(capacity), source, sink).flow_value)


def generic_triple_rank(first: Mask, middle: Mask, last: Mask, rng: np.random.Generator) -> int:
    """Rank of the derivative of A C B at a random point over a prime field."""
    b, c, a = (np.where(mask, rng.integers(1, PRIME, mask.shape), 0).astype(object) for mask in (first, middle, last))
    rows = [np.outer((a.dot(c) % PRIME)[:, j], np.arange(first.shape[1]) == i) for j, i in np.argwhere(first)]
    rows += [np.outer(a[:, k], b[j]) for k, j in np.argwhere(middle)]
    rows += [np.outer(np.arange(len(last)) == o, (c.dot(b) % PRIME)[k]) for o, k in np.argwhere(last)]
    flat = [(row % PRIME).astype(np.int64).ravel() for row in rows]
    return _rank(np.array(flat, dtype=np.int64).reshape(len(rows), len(last) * first.shape[1]))
