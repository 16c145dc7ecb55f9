"""The exponential converse: a finite lower bound on the failure probability for uniform variables.

Let X_i be U[-1,1], kept with probability p, and z > epsilon. Split [-1, 1] into N cells of width h = 2/N. Given the
masks and the cells, each X_i is uniform in its cell, so a non-empty sum S_I hits [z - epsilon, z + epsilon] with
probability at most 2 epsilon/h, and it hits it only if its largest possible value, at most the sum of X_i + h over I,
is at least z - epsilon. For every m >= 0 that indicator is at most exp(m (sum_I (X_i + h) - z + epsilon)). Adding up
over all I,

    P(fail) >= E max(0, 1 - (2 epsilon/h) e^{-m (z - epsilon)} prod_{i live} (1 + e^{m (X_i + h)})).

Here the logarithm of the product is put on a lattice, always rounded up, and the law of its sum is computed by repeated
squaring. All numbers are positive doubles, so their relative errors are known, and are taken off at the end. N and m
are searched for; any choice is valid.

With h = 1/n this gives the exponent of `ertheory.bounds.subset_sum.exponent`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["converse"]

_COARSE, _FINE = 192, 1536  # lattice points, for the search and for the answer
_MOST_VARIABLES = 10**9
_LARGEST_TARGET = 40  # beyond, rounding would exceed the margins below
_SLOPES = (0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0)
_SPLITS = (0.5, 1.0, 2.0, 4.0)


@lru_cache(maxsize=4096)
def converse(density: Fraction, epsilon: Fraction, z: Fraction, variables: int) -> Fraction:
    """Bound the failure probability of n uniform variables from below.

    Parameters
    ----------
    density
        p in (0, 1].
    epsilon
        Tolerance, below z.
    z
        Target, above 0.
    variables
        n.

    Returns
    -------
    Fraction
        Rounded down; 0 where it says nothing.

    Examples
    --------
    >>> round(float(converse(Fraction(1, 2), Fraction(1, 1000), Fraction(1), 33)), 2)
    0.01
    """
    size, tolerance, target = float(density), float(epsilon), float(z)
    dead = float(1 - density)  # 1 - float(p) would have lost its digits near p = 1
    if variables > _MOST_VARIABLES or size * variables < 1 or tolerance < 1e-280 or target > _LARGEST_TARGET:
        return Fraction(0)
    live = max(1.0, variables * size)
    cells = sorted({max(1, round(split * live)) for split in _SPLITS})
    choices = [(_bound(size, dead, tolerance, target, variables, n, m, _COARSE), n, m) for n in cells for m in _SLOPES]
    found, number, slope = max(choices)
    if found <= 0:
        return Fraction(0)
    return Fraction(_bound(size, dead, tolerance, target, variables, number, slope, _FINE))


def _bound(
    density: float, dead: float, epsilon: float, z: float, variables: int, cells: int, slope: float, points: int
) -> float:
    # Doubles stand for p, epsilon and z: each is off by a relative 2^-53 at most. The margins below cover that.
    width = 2 / cells
    reach = slope * (z - epsilon) + math.log(width / (2 * epsilon)) - 1e-9  # rounded down
    if reach <= 0:
        return 0.0
    step = reach / points
    law = np.zeros(points)
    edges = step * np.arange(points)
    with np.errstate(divide="ignore", over="ignore"):
        upper = np.log(np.expm1(edges)) / slope - width  # the X whose logarithm is on the edge
    below = np.clip((upper + 1) / 2, 0, 1)
    law[1:] = np.maximum(0, np.diff(below) - 1e-12) * density  # what lies below an edge is put on it
    law[0] = dead
    total = _power(law, variables, points)
    # A sum on lattice point j has a logarithm of at most (j - points) step: below 0 for all of them.
    miss = np.maximum(0, -np.expm1(edges - reach) - 1e-12)
    value = float(total @ miss)
    error = variables * (2 * points + 8) * 2.3e-16 + 1e-12
    if value < 1e-250 or error > 0.1:
        return 0.0
    return max(0.0, value * (1 - 2 * error))


def _power(law: npt.NDArray[np.float64], exponent: int, points: int) -> npt.NDArray[np.float64]:
    """Law of the sum of `exponent` independent variables, below the end of the lattice."""
    result: npt.NDArray[np.float64] | None = None
    square = law
    while exponent:
        if exponent & 1:
            result = square if result is None else np.convolve(result, square)[:points]
        exponent >>= 1
        if exponent:
            square = np.convolve(square, square)[:points]
    return law if result is None else result
