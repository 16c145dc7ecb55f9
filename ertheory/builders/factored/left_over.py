"""The form in the unknowns that an elimination leaves, made and factored block by block.

Of its matrix the lower triangle is kept, as panels of some hundred columns: 4 K^2 bytes for K unknowns. Its blocks are
Y_l^T M_ll' Y_l', for places l and l' of u, with M_ll'[i, i'] = sum_(j in R) X_i[j, l] (w_j A_j A_j^T - shift)[i, i']
X_i'[j, l'], and on the diagonal of M the Gram matrices of P_i, less the shift for the columns in C.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from ertheory.builders.factored.elimination import NUMBERS, WIDTH, Elimination
from ertheory.builders.factored.pairs import Array
from ertheory.builders.factored.spectra import gamma

__all__ = ["Panel", "factored", "is_positive", "panels"]

Panel = tuple[int, Array]  # the first row and column, and what is from there downwards


def is_positive(left: Elimination, shift: float, progress: Callable[[float], object] | None = None) -> bool:
    """Say whether the form in y is at least ``shift`` times |V(y)|^2, with what rounding may do taken off.

    Parameters
    ----------
    left
        The elimination.
    shift
        It is 0 or more, in units of |V(y)|^2.
    progress
        It is told shares of the work that are done.
    """
    report = progress or (lambda _: None)
    matrix = panels(left, shift, lambda share: report(share / 2))
    trace = sum(float(np.trace(block)) for _, block in matrix)
    moduli = left.moduli + shift * left.solved_moduli
    rounding = 4 * gamma(left.terms) * moduli + 4 * gamma(left.unknowns + 4) * trace
    margin = left.lost + rounding * 1.01
    if not margin < np.inf:
        return False
    for _, block in matrix:
        np.einsum("ii->i", block[: block.shape[1]])[:] -= margin
    return factored(matrix, lambda share: report(share / 2))


def panels(left: Elimination, shift: float, progress: Callable[[float], object]) -> list[Panel]:
    """Make the matrix of the form, less the shift."""
    m, rest, places = left.solved.shape
    starts = np.cumsum([0] + [basis.shape[1] for basis in left.bases])
    inner = left.inner.transpose(1, 0, 2).copy()  # by row, so that one is read at a time
    inner[np.arange(m), :, np.arange(m)] -= shift
    shifts = shift * (np.arange(places) < len(left.own))
    made: list[Panel] = []
    for first, last in pairwise(_groups(left)):
        middle = np.empty((last - first, m, places - first, m))
        later = left.solved[:, :, first:]
        for i in range(m):
            near = (left.solved[i, :, first:last].T[None] * inner[i].T[:, None, :]).reshape(m, last - first, rest)
            middle[:, i] = (near @ later).transpose(1, 2, 0)
            gram = left.parts[i][:, first:last].T @ left.parts[i][:, first:]
            gram[np.arange(last - first), np.arange(last - first)] -= shifts[first:last]
            middle[:, i, :, i] += gram
        panel = np.empty((starts[-1] - starts[first], starts[last] - starts[first]))
        for place in range(first, last):
            columns = slice(starts[place] - starts[first], starts[place + 1] - starts[first])
            image = left.bases[place].T @ middle[place - first].reshape(m, -1)
            image = image.reshape(-1, places - first, m)
            for other in range(first, places):
                rows = slice(starts[other] - starts[first], starts[other + 1] - starts[first])
                panel[rows, columns] = (image[:, other - first] @ left.bases[other]).T
            if place < len(left.own):
                panel[columns, columns] += left.own[place].T @ left.own[place]
        made.append((int(starts[first]), panel))
        progress((places - first) ** 2 / places**2 - (places - last) ** 2 / places**2)
    return made


def _groups(left: Elimination) -> list[int]:
    """Cut the places into groups, each of a panel."""
    m, _, places = left.solved.shape
    most = max(1, NUMBERS // (m * m * places))
    cuts, width = [0], 0
    for place, basis in enumerate(left.bases):
        if place > cuts[-1] and (width + basis.shape[1] > WIDTH or place - cuts[-1] == most):
            cuts.append(place)
            width = 0
        width += basis.shape[1]
    return [*cuts, places] if places else cuts


def factored(matrix: list[Panel], progress: Callable[[float], object]) -> bool:
    """Say whether a symmetric matrix has a Cholesky factor, which is written over its panels."""
    from scipy.linalg import blas, lapack

    total = sum(len(block) ** 2 * block.shape[1] for _, block in matrix) or 1
    for number, (start, block) in enumerate(matrix):
        width = block.shape[1]
        # A transpose is the same block, in the order that LAPACK works on without a copy.
        corner, fault = lapack.dpotrf(block[:width].T, lower=0, clean=0, overwrite_a=1)
        if fault:
            return False
        block[:width] = corner.T
        below = block[width:]
        if len(below):
            below[:] = blas.dtrsm(1.0, corner, below.T, side=0, lower=0, trans_a=1, overwrite_b=1).T
        for place, other in matrix[number + 1 :]:
            at = place - start
            near, far = block[at : at + other.shape[1]], block[at:]
            other[:] = blas.dgemm(-1.0, near.T, far.T, beta=1.0, c=other.T, trans_a=1, overwrite_c=1).T
        progress(len(block) ** 2 * width / total)
    return True
