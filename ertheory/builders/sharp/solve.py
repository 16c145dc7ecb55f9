"""Many small linear systems: combinations of some rows of a sparse matrix that give wanted rows.

>>> from scipy.sparse import csr_array
>>> rows = csr_array(np.array([[1.0, 1.0], [1.0, -1.0], [3.0, 1.0]]))
>>> supports = csr_array(np.array([[True, True, False], [False, False, True]]))
>>> values, unsolved = combine_rows(rows, supports, np.array([[4.0, 2.0], [1.0, 1.0]]))
>>> values.toarray().round(12).tolist(), unsolved.tolist()
([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [1])
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["combine_rows", "unmatched"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_SMALL = 2.0**-44  # of the moduli that a coefficient is the sum of: the residual that is accepted
_REFINEMENTS = 3
_SPECIAL = 100  # with fewer rows than columns only special rows are reached: larger systems are not tried for that


def combine_rows(
    matrix: csr_array, supports: csr_array, wanted: Array, *, workers: int | None = None
) -> tuple[csr_array, Integers]:
    """Find A with A[v] zero outside of the support of v and A B = W, each row of A of the least norm.

    Parameters
    ----------
    matrix
        B, shape (rows, columns).
    supports
        Which rows of B each row of A may combine: booleans, shape (systems, rows).
    wanted
        W, shape (systems, columns).
    workers
        So many threads are used; one per processor if left out. The result does not depend on it.

    Returns
    -------
    tuple
        A, and the numbers of the systems that have no solution, or none that double precision finds. Residuals are at
        most 2^-44 times the moduli of the terms that they are sums of.
    """
    from scipy.sparse import csr_array

    starts = supports.indptr

    def one(system: int) -> Array | None:
        return _combination(matrix[supports.indices[starts[system] : starts[system + 1]]], wanted[system])

    threads = min(workers or os.cpu_count() or 1, len(wanted))
    if threads <= 1:
        found = [one(system) for system in range(len(wanted))]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(one, range(len(wanted))))
    unsolved = np.array([system for system, row in enumerate(found) if row is None], dtype=np.int64)
    lengths = np.diff(starts)
    parts = [np.zeros(size) if row is None else row for row, size in zip(found, lengths, strict=True)]
    pattern = supports.indices, starts
    values = csr_array((np.concatenate([*parts, np.empty(0)]), *pattern), shape=supports.shape, copy=True)
    values.eliminate_zeros()
    return values, unsolved


def _combination(part: csr_array, wanted: Array) -> Array | None:
    """Solve a B = w for some rows B; w is scaled to moduli of at most 1, so that nothing overflows on the way."""
    columns = np.unique(part.indices)
    others = np.ones(len(wanted), dtype=np.bool_)
    others[columns] = False
    if wanted[others].any():
        return None
    if not wanted.any():
        return np.zeros(part.shape[0])
    exponent = int(np.frexp(np.abs(wanted).max())[1])
    solution = _refined(part.toarray()[:, columns], np.ldexp(wanted[columns], -exponent))
    if solution is None:
        return None
    with np.errstate(over="ignore"):
        scaled: Array = np.ldexp(solution, exponent)
    return scaled if np.isfinite(scaled).all() else None


def _refined(dense: Array, right: Array) -> Array | None:
    """Solve normal equations and refine; by least squares where the equations are too bad for that."""
    from scipy.linalg import cho_solve

    moduli = np.abs(dense)

    def left_over(solution: Array) -> tuple[Array, bool]:
        residual: Array = right - solution @ dense
        return residual, bool((np.abs(residual) <= _SMALL * (np.abs(solution) @ moduli)).all())

    solution: Array = np.zeros(len(dense))
    residual = right
    if len(right) <= len(dense):
        try:
            factor = np.linalg.cholesky(dense.T @ dense)
        except np.linalg.LinAlgError:
            factor = None
        with np.errstate(over="ignore", invalid="ignore"):  # a factor that is nearly singular refines to nonsense
            for _ in range(0 if factor is None else 1 + _REFINEMENTS):
                solution = solution + dense @ cho_solve((factor, True), residual, check_finite=False)
                residual, good = left_over(solution)
                if good:
                    return solution
    if len(right) > max(len(dense), _SPECIAL):
        return None
    solution, residual = np.zeros(len(dense)), right
    for _ in range(2):
        solution = solution + np.linalg.lstsq(dense.T, residual)[0]
        residual, good = left_over(solution)
        if good:
            return solution
    return None


def unmatched(rows: csr_array) -> Integers:
    """Give columns that are left over when the columns of a pattern are matched to its rows.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> unmatched(csr_array(np.array([[True, True]]))).tolist() in ([0], [1])
    True
    """
    from ertheory.builders.sharp.matching_kernel import match_columns  # numba takes half a second to load

    return np.flatnonzero(match_columns(rows.indptr, rows.indices, rows.shape[1]) < 0)
