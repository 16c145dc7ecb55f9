"""A bound on the smallest eigenvalue of J J^T that is right but for a small probability, without any matrix.

Let c bound the largest eigenvalue, let s > s_0, and let T_k be Chebyshev's polynomial, moved so that it is at most 1 on
[s, c]. It is larger than t = T_k(x_0) below s_0. If J J^T had an eigenvector v with an eigenvalue below s_0, then
|T_k(J J^T) z| >= t |<z, v>|, and for a standard normal z |<z, v>| is at least eta but for a probability eta
sqrt(2 / pi). So a computed vector that is shorter than t eta, less what rounding can have taken away, refutes such an
eigenvalue; six independent z make the probability of a mistake 1e-12, in all attempts together. An error d_j in step j
enters as U_{k-1-j}(x) d_j, and U_{k-1-j} / T_k falls beyond 1, so that rounding takes away t sum_j |d_j| (U_{k-1-j} /
T_k)(x_0) at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ertheory.builders.factored.derivative import Derivative
from ertheory.builders.factored.pairs import Array
from ertheory.builders.factored.spectra import gamma, largest_square

__all__ = ["DOUBT", "smallest_by_vectors"]

DOUBT = 1e-12  # above _TRIES (_ETA sqrt(2 / pi))^_VECTORS
_VECTORS, _ETA = 6, 0.009
_PARTS = (0.9, 0.3)  # s and s_0, of an estimate
_TRIES = 6
_MOST_STEPS = 200_000


def smallest_by_vectors(derivative: Derivative, paths: Array, seed: int, progress: Callable[[float], object]) -> float:
    """Bound it, and tell of shares of the work; 0 where nothing is refuted."""
    rng = np.random.default_rng([seed, 1])
    high = largest_square(derivative.second) + largest_square(derivative.first.T)
    estimate = derivative.lowest(rng)
    for _ in range(_TRIES):
        low, claimed = (part * estimate for part in _PARTS)
        if _refuted(derivative, paths, (claimed, low, high), rng, progress):
            return claimed
        estimate /= 2
    return 0.0


def _refuted(
    derivative: Derivative,
    paths: Array,
    places: tuple[float, float, float],
    rng: np.random.Generator,
    progress: Callable[[float], object],
) -> bool:
    """Say whether an eigenvalue below the first place is refuted."""
    claimed, low, high = places
    beyond = 2 * (low - claimed) / (high - low)
    rate = math.acosh(1 + beyond)
    if rate < 1 / _MOST_STEPS:
        return False
    m, n = paths.shape
    # exp(steps * rate) / 2 <= T_k(x_0): twice what the length of a standard normal vector asks for.
    steps = math.ceil(math.log(8 * math.sqrt(paths.sum()) / _ETA) / rate)
    if steps > _MOST_STEPS:
        return False
    growth = math.cosh(steps * rate) * (1 - 1e-6)
    sizes = [np.abs(factor) for factor in (derivative.second, derivative.first)]
    moduli = sum(float(size.sum(axis=0).max() * size.sum(axis=1).max()) for size in sizes)
    terms = 2 * derivative.first.shape[0] + m + n + 8
    each = (4 * moduli / (high - low) + 8) * gamma(terms)  # error of a step, of the length of its vectors
    for _ in range(_VECTORS):
        before = rng.standard_normal((m, n)) * paths
        longest = float(np.linalg.norm(before))

        def moved(v: Array) -> Array:
            return ((high + low) * v - 2 * derivative.gram(v)) / (high - low)

        vector = moved(before)
        for _ in range(steps - 1):
            longest = max(longest, float(np.linalg.norm(vector)))
            before, vector = vector, 2 * moved(vector) - before
        lost = 2 * longest * each * carried(rate)  # twice, as this is rounded too
        if not float(np.linalg.norm(vector)) * (1 + 1e-6) < growth * (_ETA - lost):
            return False
        progress(1 / _VECTORS)
    return True


def carried(rate: float) -> float:
    """Bound the sum of the U_{k-1-j} / T_k at cosh(rate), whatever k is: what errors of 1 in every step become.

    As U_j = sinh((j + 1) rate) / sinh(rate) and T_k = cosh(k rate), it is at most that of exp(-j rate) / sinh(rate).
    """
    return 1 / (math.sinh(rate) * -math.expm1(-rate))
