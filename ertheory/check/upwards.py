"""Bounds that are rounded up, down to the smallest doubles: 0 comes out only where the truth is 0.

A product of two doubles may underflow to 0 although neither of them is 0. A bound that is then reported as 0 would be a
false certificate, so such a product counts as the smallest double, and `upper` adds far more than sums of products can
lose among the subnormal numbers.

>>> float(upper(products(np.array([1e-200]), np.array([1e-200])), 1)[0]) > 0
True
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["LEAST", "above", "gamma", "products", "upper", "weighed"]

Array: TypeAlias = npt.NDArray[np.float64]
Count = TypeVar("Count", float, npt.NDArray[np.float64])

LEAST = 2.0**-1074  # the smallest double above 0; what rounding to nearest loses among the subnormals is half of it


def upper(values: Array, roundings: int | npt.NDArray[np.int64] | Array) -> Array:
    """Raise numbers of at least 0 that so many roundings may have made too small; 0 stays 0.

    Parameters
    ----------
    values
        Sums of products of numbers of at least 0, each product as `products` gives it.
    roundings
        How many roundings, relative to 2^-53, a number took at most. Up to 2^51 subnormal products are covered as well.
    """
    with np.errstate(over="ignore"):
        result: Array = values * (1 + (2 * roundings + 4) * 2.0**-53) + np.where(values > 0, 2.0**-1022, 0.0)
    return result


def gamma(roundings: Count) -> Count:
    """Bound what so many roundings change a number by, relative to it: n u / (1 - n u) with u = 2^-53.

    Examples
    --------
    >>> gamma(2**51)  # 1/4 / (1 - 1/4)
    0.3333333333333333
    """
    return roundings * 2.0**-53 / (1 - roundings * 2.0**-53)


def products(first: npt.ArrayLike, second: npt.ArrayLike) -> Array:
    """Multiply numbers of at least 0, rounded but never to 0 where neither is 0; 0 times infinity is 0.

    Examples
    --------
    >>> products([1e-200, 2.0, 0.0], [1e-200, 3.0, np.inf]).tolist()
    [5e-324, 6.0, 0.0]
    """
    left, right = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        result = np.maximum(left * right, LEAST)
    return np.where((left == 0) | (right == 0), 0.0, result)


def weighed(matrix: csr_array, values: Array) -> Array:
    """Multiply a sparse matrix and a vector, both of numbers of at least 0, by `products`.

    Parameters
    ----------
    matrix
        Shape (rows, columns).
    values
        Shape (columns,).

    Returns
    -------
    Array
        Shape (rows,); NaN where the matrix holds NaN.
    """
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    terms = products(matrix.data, values[matrix.indices])
    with np.errstate(over="ignore"):
        return np.asarray(np.bincount(rows, terms, minlength=matrix.shape[0]), dtype=np.float64)


def above(value: Fraction) -> float:
    """Give a double that is certainly not below a number of at least 0; infinity beyond the largest one.

    Examples
    --------
    >>> above(Fraction(1, 10**400)), above(Fraction(0)), above(Fraction(1, 3)) > Fraction(1, 3)
    (5e-324, 0.0, True)
    """
    try:
        near = float(value)
    except OverflowError:
        return float("inf")
    return near if near >= value else float(np.nextafter(near, np.inf))
