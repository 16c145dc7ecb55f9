"""Many small systems A[:, K] b = w at once, one for every column of a pattern, solved for the shortest b.

b = A_K^T (A_K A_K^T)^-1 w by one Cholesky factor for each column: in single precision, which takes little more than
half of the time, with residuals in double precision until they are as small as double precision allows; in double
precision where that does not get there; by orthogonal transformations where that fails as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.pairs import Array, Integers

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["LeastNorm", "solve_columns"]

_COLUMNS_AT_ONCE = 32
_ACCEPTED = 2.0**-40  # of the largest entry of w: what a residual may be
_FINE = 2.0**-52
_SPARSE = 0.25  # a larger share of entries is multiplied faster as a dense matrix
_SMALL = 64  # so are fewer equations


class LeastNorm(NamedTuple):
    """Solutions for all columns.

    Parameters
    ----------
    matrix
        B of shape (N, n), on the pattern; some of its stored entries may be 0.
    condition
        The largest condition number met, an estimate.
    failed
        Columns whose residual did not become small.
    """

    matrix: csr_array
    condition: float
    failed: Integers


def solve_columns(
    drawn: Array,
    pattern: csr_array,
    goal: Array,
    *,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> LeastNorm:
    """Find B on a pattern with A B = W and columns of least norm.

    Parameters
    ----------
    drawn
        The transpose of A, dense, of shape (N, m).
    pattern
        Where B may have entries, booleans of shape (N, n).
    goal
        W, shape (m, n).
    workers
        So many threads are used; one per processor if left out. The results do not depend on it.
    progress
        It is told how many columns are done, block after block.
    """
    from scipy.sparse import csc_array, csr_array

    rows = csr_array(drawn) if np.count_nonzero(drawn) < _SPARSE * drawn.size and drawn.shape[1] >= _SMALL else None
    by_column = pattern.tocsc()
    starts, members = by_column.indptr.astype(np.int64), by_column.indices
    values = np.zeros(len(members))
    columns = pattern.shape[1]
    conditions = np.ones(columns)
    good = np.ones(columns, dtype=np.bool_)

    def block(first: int) -> None:
        last = min(columns, first + _COLUMNS_AT_ONCE)
        for column in range(first, last):
            wanted = goal[:, column]
            if wanted.any():
                place = slice(starts[column], starts[column + 1])
                found = None if rows is None else _by_sparse_cholesky(rows, members[place], wanted)
                values[place], conditions[column], good[column] = found or _solve(drawn[members[place]], wanted)
        if progress is not None:
            progress(last - first)

    firsts = range(0, columns, _COLUMNS_AT_ONCE)
    threads = min(workers or os.cpu_count() or 1, len(firsts))
    if threads <= 1:
        for first in firsts:
            block(first)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(block, firsts))
    matrix = csc_array((values, members, starts), shape=pattern.shape).tocsr()
    matrix.sort_indices()
    return LeastNorm(matrix, float(conditions.max(initial=1.0)), np.flatnonzero(~good).astype(np.int64))


def _solve(part: Array, wanted: Array) -> tuple[Array, float, bool]:
    """Solve b @ part = wanted, part of shape (|K|, m); give b, the condition number, and whether it is a solution."""
    live = part.any(axis=0)
    if not live.all():
        if wanted[~live].any():
            return np.zeros(len(part)), np.inf, False
        part, wanted = part[:, live], wanted[live]
    scale = 2.0 ** np.frexp(np.abs(wanted).max())[1]
    goal = wanted / scale
    best, condition, residual = np.zeros(len(part)), np.inf, np.inf
    for precision in (np.float32, np.float64):
        found, condition, residual = _by_cholesky(part, goal, precision)
        if residual <= _ACCEPTED:
            return found * scale, condition, True
    best = np.linalg.lstsq(part.T, goal, rcond=None)[0]
    residual = float(np.abs(goal - best @ part).max())
    singular = np.linalg.svd(part, compute_uv=False)
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else np.inf
    return best * scale, condition, residual <= _ACCEPTED


def _by_sparse_cholesky(rows: csr_array, members: Integers, wanted: Array) -> tuple[Array, float, bool] | None:
    """Solve as `_solve` does; ``None`` where an equation has no unknowns, or single precision does not get there."""
    from scipy.linalg import lapack

    from ertheory.builders.factored.sparse_kernel import add_gram, refine

    sparse = rows.indptr, rows.indices, rows.data
    gram = np.zeros((len(wanted), len(wanted)), dtype=np.float32)
    add_gram(*sparse, members, gram)
    diagonal = gram.diagonal()
    if not diagonal.all():
        return None
    sizes = np.abs(gram)
    norm = float((sizes.sum(axis=0) + sizes.sum(axis=1) - diagonal).max())
    # Its transpose is the upper triangle in the order that LAPACK works on without a copy.
    upper, failed = lapack.spotrf(gram.T, lower=0, clean=0, overwrite_a=1)
    if failed:
        return None
    scale = 2.0 ** np.frexp(np.abs(wanted).max())[1]
    goal = wanted / scale
    solution, residual, smallest = np.zeros(len(members)), goal, np.inf
    best = solution
    while (size := np.abs(residual).max()) < 0.5 * smallest:
        best, smallest = solution.copy(), float(size)
        if size <= _FINE * 0.25:
            break
        step, _ = lapack.spotrs(upper, (residual / size).astype(np.float32), lower=0)
        residual = goal.copy()
        refine(*sparse, members, step * size, solution, residual)
    reciprocal, _ = lapack.spocon(upper, norm, uplo="U")
    if not smallest <= _ACCEPTED or not reciprocal > 0:
        return None
    return best * scale, float(reciprocal) ** -0.5, True


def _by_cholesky(part: Array, goal: Array, precision: npt.DTypeLike) -> tuple[Array, float, float]:
    """Give the refined solution, the condition number of the part, and the largest entry of the residual."""
    from scipy.linalg import lapack

    single = np.dtype(precision) == np.float32
    rows = part.astype(precision)
    # Symmetric, so that its transpose is the same matrix in the order that LAPACK works on without a copy.
    gram = (rows.T @ rows).T
    norm = float(np.abs(gram).sum(axis=0).max())
    lower, failed = (lapack.spotrf if single else lapack.dpotrf)(gram, lower=1, clean=0, overwrite_a=1)
    if failed:
        return np.zeros(len(part)), np.inf, np.inf
    reciprocal, _ = (lapack.spocon if single else lapack.dpocon)(lower, norm, uplo="L")
    back = lapack.spotrs if single else lapack.dpotrs
    solution, residual, smallest = np.zeros(len(part)), goal, np.inf
    best = solution
    while (size := np.abs(residual).max()) < 0.5 * smallest:  # of what is no number neither
        best, smallest = solution, float(size)
        if size <= _FINE * 0.25:
            break
        # Scaled to 1, so that small residuals do not fall below the range of single precision.
        step, _ = back(lower, (residual / size).astype(precision), lower=1)
        solution = solution + part @ (step * size)
        residual = goal - solution @ part
    condition = float(reciprocal) ** -0.5 if reciprocal > 0 else np.inf
    return best, condition, smallest
