"""How far a product of two sparse factors is from a map, as a bound that holds whatever rounding did.

The product is computed in double precision. A sum of k products of doubles, in any order, is off by at most gamma_k
times the sum of their moduli, gamma_k = k u / (1 - k u), u = 2^-53 (Higham, Accuracy and Stability of Numerical
Algorithms, section 3.1); the sum of moduli itself is computed too small by the same factor at most, and a product that
falls below the range of doubles loses less than 2^-1074.

>>> import numpy as np
>>> from scipy.sparse import csr_array
>>> bound = residual_bound(csr_array([[1.0, 2.0]]), csr_array([[3.0], [0.5]]), np.array([[4.25]]))
>>> bool(0.25 <= bound < 0.25 + 1e-14)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ertheory.builders.factored.pairs import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["residual_bound"]

_ROUNDOFF = 2.0**-53
_NUMBERS = 2**23  # doubles in one block of the product


def residual_bound(second: csr_array, first: csr_array, weight: Array) -> float:
    """Bound the largest entry of |A B - W|, as real matrices.

    Parameters
    ----------
    second, first
        A of shape (m, N) and B of shape (N, n).
    weight
        W, shape (m, n).

    Returns
    -------
    float
        The bound, rounded up; infinite where a sum may overflow.
    """
    from scipy.sparse import csr_array

    terms = int(np.diff(second.indptr).max(initial=0)) + 2
    gamma = terms * _ROUNDOFF / (1 - terms * _ROUNDOFF) * (1 + 4 * _ROUNDOFF)
    columns = first.tocsc()
    moduli = abs(second)
    worst = 0.0
    step = max(1, _NUMBERS // max(1, first.shape[0], len(weight)))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, first.shape[1], step):
            block = csr_array(columns[:, start : start + step]).toarray()
            off = np.abs(second @ block - weight[:, start : start + step])
            size = moduli @ np.abs(block)
            # The difference from W is rounded once, and so is each of the steps of this line.
            bound = off * (1 + 4 * _ROUNDOFF) + size * (gamma * (1 + 4 * gamma)) * (1 + 8 * _ROUNDOFF)
            if block.any():
                bound += terms * 2.0**-1074
            largest = float(bound.max(initial=0.0))
            if not largest <= np.finfo(np.float64).max:
                return float("inf")
            worst = max(worst, float(np.nextafter(largest, np.inf)))
    return worst
