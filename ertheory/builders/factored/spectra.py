"""Bounds on eigenvalues that hold whatever rounding did, in any order of summation.

A sum of k products is off by gamma_k = k u / (1 - k u) times that of the moduli, u = 2^-53 (Higham, Accuracy and
Stability of Numerical Algorithms, chapter 3). Where a Cholesky factor of order k is found, no eigenvalue lies below
-gamma_(k+1) times the trace (Rump, Verification of positive definiteness, BIT 46, 2006; Higham, theorem 10.3). Both are
taken several times as large as they are: more than their own evaluation is off by, and than underflow takes away.
"""

from __future__ import annotations

import numpy as np

from ertheory.builders.factored.pairs import Array

__all__ = ["gamma", "largest_square", "least_square", "positive"]

_UNIT = 2.0**-53


def gamma(terms: int) -> float:
    """Bound what rounding does to a sum of so many products, as a share of that of the moduli."""
    return terms * _UNIT / (1 - terms * _UNIT)


def positive(matrix: Array) -> bool:
    """Say whether a symmetric matrix has a Cholesky factor, which is written over it."""
    from scipy.linalg import lapack

    # The transpose is the same matrix, in the order that LAPACK works on without a copy.
    return int(lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)[1]) == 0


def largest_square(factor: Array) -> float:
    """Bound the square of the largest singular value from above; 0 for a matrix without entries.

    Examples
    --------
    >>> 9 < largest_square(np.diag([3.0, 1.0])) < 9.1
    True
    """
    if not factor.any():
        return 0.0
    small = factor if factor.shape[0] <= factor.shape[1] else factor.T
    gram = small @ small.T
    bound = 1.01 * float(np.linalg.eigvalsh(gram)[-1])
    trace = float(np.trace(gram))
    slack = 4 * gamma(sum(small.shape) + 4) * (bound * len(gram) + trace)
    return bound + slack if positive(bound * np.eye(len(gram)) - gram) else trace * 1.01


def least_square(factor: Array) -> float:
    """Bound the square of the smallest singular value of nearly orthogonal columns from below; infinite without any.

    Examples
    --------
    >>> 0.99 < least_square(np.diag([3.0, 1.0])) < 1
    True
    >>> least_square(np.ones((2, 2))) < 0
    True
    """
    if not factor.shape[1]:
        return np.inf
    gram = factor.T @ factor
    diagonal = np.diag(gram)
    off = float(np.linalg.norm(gram - np.diag(diagonal)))
    slack = 8 * gamma(sum(factor.shape) + 4) * float(diagonal.sum())
    return float(diagonal.min()) - off * (1 + 1e-9) - slack
