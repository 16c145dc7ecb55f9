"""How far the derivative of (A, B) -> A B is from losing rank: a lower bound on its smallest singular value.

On the masks the derivative is J (dA, dB) = A dB + dA B, and J J^T V = A (S_1 o A^T V) + (S_2 o V B^T) B, for V of the
shape of the map. Its smallest eigenvalue is bounded from below, with everything that rounding may do.

Certainly: J J^T - s I is factored by Cholesky, in place. Where that runs to its end, no eigenvalue lies below -gamma
trace (Rump, Verification of positive definiteness, BIT 46, 2006; Higham, Accuracy and Stability, theorem 10.3). For K
entries of the map that takes 8 K^2 bytes and K^3 / 3 multiplications: some seconds for 10,000.

Up to chance: let c bound the largest eigenvalue, let s > s_0, and let T_k be Chebyshev's polynomial, moved so that it
is at most 1 on [s, c]. It is larger than t = T_k(x_0) below s_0. If J J^T had an eigenvector v with an eigenvalue below
s_0, then |T_k(J J^T) z| >= t |<z, v>|, and for a standard normal z |<z, v>| is at least eta but for a probability eta
sqrt(2 / pi). So a computed vector that is shorter than t eta, less what rounding can have taken away, refutes such an
eigenvalue; six independent z make the probability of a mistake 1e-12, in all attempts together. An error d_j in step j
enters as U_{k-1-j}(x) d_j, and U_{k-1-j} / T_k falls beyond 1, so that rounding takes away t sum_j |d_j| (U_{k-1-j} /
T_k)(x_0) at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ertheory.builders.factored.pairs import Array
from ertheory.errors import InvalidInput

__all__ = ["Derivative", "Lowest", "conjugate_gradients", "smallest_eigenvalue"]

_UNIT = 2.0**-53
_DENSE = 10_000  # equations of which the matrix is factored without being asked
_SMALL = 1000  # of which all eigenvalues are estimated
_MOST = 100_000  # of which the matrix may be factored: 80 GB
_SHIFTS = (0.9, 0.6, 0.3, 0.1)  # s, of an estimate from above
_VECTORS, _ETA = 6, 0.009
_PARTS = (0.9, 0.3)  # s and s_0, of an estimate
_TRIES = 6
_DOUBT = 1e-12  # above _TRIES (_ETA sqrt(2 / pi))^_VECTORS
_MOST_STEPS = 200_000


@dataclass(frozen=True, eq=False)
class Derivative:
    """J at a point.

    Parameters
    ----------
    second, first
        A of shape (m, N) and B of shape (N, n), dense, 0 outside of their masks.
    feeds, reads
        The masks, as numbers 0 and 1 of the same shapes.
    """

    second: Array
    first: Array
    feeds: Array
    reads: Array

    def gram(self, v: Array) -> Array:
        """Apply J J^T to an array of the shape of the map."""
        change_second, change_first = self.step(v)
        result: Array = self.second @ change_first + change_second @ self.first
        return result

    def step(self, v: Array) -> tuple[Array, Array]:
        """Apply J^T: give (dA, dB)."""
        return (v @ self.first.T) * self.feeds, (self.second.T @ v) * self.reads

    @property
    def paths(self) -> Array:
        """1 where an input reaches an output; elsewhere A B is 0 whatever the numbers are."""
        return (self.feeds @ self.reads > 0).astype(np.float64)


class Lowest(NamedTuple):
    """A lower bound on the smallest eigenvalue of J J^T.

    Parameters
    ----------
    bound
        The bound; 0 where nothing is proved.
    doubt
        The probability, over the vectors that the proof draws, that it is wrong: 0 where it is certain, else 1e-12.
    """

    bound: float
    doubt: float


def smallest_eigenvalue(
    derivative: Derivative,
    *,
    seed: int = 0,
    certain: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Lowest:
    """Bound the smallest eigenvalue of J J^T from below, on the pairs with a path.

    Parameters
    ----------
    derivative
        J.
    seed
        It is that of the random vectors of large maps.
    certain
        Whether chance is to have no part in it above 10,000 pairs either: then a matrix of as many rows is factored.
    progress
        It is told of steps that are done, where vectors are drawn.

    Raises
    ------
    InvalidInput
        If it has to be certain for more than 100,000 pairs.

    Examples
    --------
    >>> ones = np.ones((2, 2))
    >>> bound, doubt = smallest_eigenvalue(Derivative(np.eye(2) + 1, np.eye(2) + 1, ones, ones))
    >>> 1.9 < bound < 2, doubt
    (True, 0.0)
    """
    paths = derivative.paths
    equations = int(paths.sum())
    if certain and equations > _MOST:
        raise InvalidInput("certain", f"at most {_MOST:,} pairs with a path where it is true", equations)
    if not equations:
        return Lowest(math.inf, 0.0)
    if certain or equations <= _DENSE:
        return Lowest(_factored(derivative, paths, seed), 0.0)
    rng = np.random.default_rng([seed, 1])
    high = _largest(derivative.second) + _largest(derivative.first.T)
    estimate = _estimated(derivative, paths, rng)
    for _ in range(_TRIES):
        low, claimed = (part * estimate for part in _PARTS)
        if _refuted(derivative, paths, (claimed, low, high), rng, progress):
            return Lowest(claimed, _DOUBT)
        estimate /= 2
    return Lowest(0.0, _DOUBT)


def _factored(derivative: Derivative, paths: Array, seed: int) -> float:
    """Bound it by a Cholesky factor; the matrix is made anew for every attempt, for the last one lies in its place."""
    matrix, trace = _matrix(derivative, paths)
    if len(matrix) <= _SMALL:
        estimate = 1.1 * float(np.linalg.eigvalsh(matrix)[0])  # nearly exact, so that 0.99 of it is tried first
    else:
        estimate = _estimated(derivative, paths, np.random.default_rng([seed, 1]))
    # Entries are off by gamma times sums of moduli, whose matrix has a norm of at most the trace.
    slack = 4 * _gamma(len(matrix) + derivative.first.shape[0] + 4) * trace
    for attempt, part in enumerate(_SHIFTS):
        shift = part * estimate
        if not shift > slack:
            return 0.0
        if attempt:
            del matrix  # so that there is never more than one
            matrix = _matrix(derivative, paths)[0]
        np.einsum("ii->i", matrix)[:] -= shift  # the diagonal
        if _positive(matrix):
            return shift - slack
    return 0.0


def _matrix(derivative: Derivative, paths: Array) -> tuple[Array, float]:
    """Give J J^T and its trace. A pair without a path has nothing but zeros there, and a typical diagonal instead."""
    m, n = paths.shape
    gram = np.zeros((m, n, m, n))
    for i in range(n):
        part = derivative.second * derivative.reads[:, i]
        gram[:, i, :, i] += part @ part.T
    for o in range(m):
        part = derivative.first * derivative.feeds[o][:, None]
        gram[o, :, o, :] += part.T @ part
    matrix = gram.reshape(m * n, m * n)
    diagonal = np.einsum("ii->i", matrix)
    diagonal[paths.ravel() == 0] = diagonal.max()
    return matrix, float(diagonal.sum())


def _positive(matrix: Array) -> bool:
    """Say whether a symmetric matrix has a Cholesky factor, which is written over it."""
    from scipy.linalg import lapack

    # The transpose is the same matrix, in the order that LAPACK works on without a copy.
    return int(lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)[1]) == 0


def _largest(factor: Array) -> float:
    """Bound the square of the largest singular value from above."""
    small = factor if factor.shape[0] <= factor.shape[1] else factor.T
    gram = small @ small.T
    bound = 1.01 * float(np.linalg.eigvalsh(gram)[-1])
    trace = float(np.trace(gram))
    slack = 4 * _gamma(sum(small.shape) + 4) * (bound * len(gram) + trace)
    return bound + slack if _positive(bound * np.eye(len(gram)) - gram) else trace * 1.01


def _estimated(derivative: Derivative, paths: Array, rng: np.random.Generator) -> float:
    """Estimate the smallest eigenvalue by inverse iteration, from above."""
    vector = rng.standard_normal(paths.shape) * paths
    for _ in range(4):
        vector = conjugate_gradients(derivative.gram, vector / np.linalg.norm(vector), tolerance=1e-3)
    return float(np.sum(vector * derivative.gram(vector)) / np.sum(vector * vector))


def conjugate_gradients(apply: Callable[[Array], Array], goal: Array, *, tolerance: float, most: int = 5000) -> Array:
    """Solve a positive definite system up to a relative residual, or as far as so many steps lead."""
    solution, residual = np.zeros_like(goal), goal.copy()
    direction, size = residual, float(np.sum(residual * residual))
    wanted = tolerance**2 * size
    for _ in range(most):
        if size <= wanted:
            break
        image = apply(direction)
        along = size / float(np.sum(direction * image))
        solution += along * direction
        residual -= along * image
        before, size = size, float(np.sum(residual * residual))
        direction = residual + size / before * direction
    return solution


def _refuted(
    derivative: Derivative,
    paths: Array,
    places: tuple[float, float, float],
    rng: np.random.Generator,
    progress: Callable[[int], object] | None,
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
    each = (4 * moduli / (high - low) + 8) * _gamma(terms)  # error of a step, of the length of its vectors
    for _ in range(_VECTORS):
        before = rng.standard_normal((m, n)) * paths
        longest = float(np.linalg.norm(before))

        def moved(v: Array) -> Array:
            return ((high + low) * v - 2 * derivative.gram(v)) / (high - low)

        vector = moved(before)
        for _ in range(steps - 1):
            longest = max(longest, float(np.linalg.norm(vector)))
            before, vector = vector, 2 * moved(vector) - before
        # The sum of U_{k-1-j} / T_k is at most that of exp(-j rate) / sinh(rate), j from 0, times 1 + exp(-2 k rate).
        lost = 2 * longest * each / (math.sinh(rate) * -math.expm1(-rate))
        if not float(np.linalg.norm(vector)) * (1 + 1e-6) < growth * (_ETA - lost):
            return False
        if progress is not None:
            progress(steps)
    return True


def _gamma(terms: int) -> float:
    return terms * _UNIT / (1 - terms * _UNIT)
