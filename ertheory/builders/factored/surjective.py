"""How far the derivative of (A, B) -> A B is from losing rank: a lower bound on its smallest singular value.

Three ways lead to one. Up to 10,000 entries of the map all of J J^T is factored (`dense`). Up to 100,000 most equations
are eliminated, and what is left is factored (`elimination`, `left_over`): a bound that is as certain, but tens to
thousands of times smaller. Beyond, or where memory is short, vectors are drawn (`chance`): that bound is wrong with a
probability of 1e-12 at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ertheory.builders.factored.chance import DOUBT, smallest_by_vectors
from ertheory.builders.factored.coarse import largest_shift
from ertheory.builders.factored.dense import smallest_by_matrix
from ertheory.builders.factored.derivative import Derivative
from ertheory.builders.factored.elimination import Sides, choose, eliminate
from ertheory.builders.factored.left_over import is_positive
from ertheory.builders.factored.pairs import Array
from ertheory.errors import InvalidInput
from ertheory.processes import free_memory

__all__ = ["Lowest", "smallest_eigenvalue"]

_DENSE = 10_000  # equations of which the whole matrix is factored
_MOST = 100_000  # of which most are eliminated without being asked
_AIM, _UNKNOWNS = 24_000, 32_768  # that should be left then, and may be left: 4.3 GB, and minutes
_SHARE = 0.8  # of the memory that is free
_SHIFTS = (0.4, 0.1, 0.02)  # of an estimate from above


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
    certain: bool | None = None,
    enough: float = 0.0,
    progress: Callable[[float], object] | None = None,
) -> Lowest:
    """Bound the smallest eigenvalue of J J^T from below, on the pairs with a path.

    Parameters
    ----------
    derivative
        J.
    seed
        It is that of the random vectors: those of estimates, and those that a proof may draw.
    certain
        Whether chance may have a part in it above 10,000 pairs: never, if true; always, if false, which is quicker; and
        by default only above 100,000 pairs, or where more than 32,768 unknowns are left to be factored, or more than
        there is memory for, or where what is certain is not ``enough``.
    enough
        What the bound is needed for.
    progress
        It is told shares of the work that are done; a share is told again where an attempt has failed.

    Raises
    ------
    InvalidInput
        If it has to be certain and memory is too small for that.

    Examples
    --------
    >>> ones = np.ones((2, 2))
    >>> bound, doubt = smallest_eigenvalue(Derivative(np.eye(2) + 1, np.eye(2) + 1, ones, ones))
    >>> 1.9 < bound < 2, doubt
    (True, 0.0)
    """
    paths = derivative.paths
    equations = int(paths.sum())
    report = progress or (lambda _: None)
    if not equations:
        return Lowest(math.inf, 0.0)
    if equations <= _DENSE:
        return Lowest(smallest_by_matrix(derivative, paths, seed), 0.0)
    if certain or (certain is None and equations <= _MOST):
        bound = _by_elimination(derivative, paths, np.random.default_rng([seed, 2]), report, asked=bool(certain))
        if certain or (bound is not None and bound > enough):
            return Lowest(bound or 0.0, 0.0)
    return Lowest(smallest_by_vectors(derivative, paths, seed, report), DOUBT)


def _by_elimination(
    derivative: Derivative, paths: Array, rng: np.random.Generator, report: Callable[[float], object], *, asked: bool
) -> float | None:
    """Bound it by what is left of the equations; ``None`` where that is too much, and was not asked for."""
    free = _SHARE * free_memory()
    fitting = int(math.sqrt(free / 4)) if math.isfinite(free) else derivative.paths.size
    sides = _sides(derivative, paths)
    choice = choose(sides, min(fitting, _AIM))
    if choice.memory > free:
        if asked:
            needed = f"{choice.memory / _SHARE / 1e9:.2g} GB of free memory for {choice.unknowns:,} unknowns"
            there = f"{free / _SHARE / 1e9:.2g} GB"
            raise InvalidInput("certain", f"false, or {needed} that are left to be factored", there)
        return None
    if choice.unknowns > _UNKNOWNS and not asked:
        return None
    left = eliminate(sides, choice)
    limit = left.smallest(math.inf)
    if not left.unknowns or not limit > 0:
        return limit
    size = largest_shift(left, rng)
    for share in _SHIFTS:
        shift = share * size
        if is_positive(left, shift, report):
            return left.smallest(shift)
    return 0.0


def _sides(derivative: Derivative, paths: Array) -> Sides:
    """Give the parts of J, with no more rows than columns. A pair without a path is given an unknown of its own."""
    second, first = derivative.second, derivative.first
    typical = math.sqrt(float((second**2).sum(axis=1).max() + (first**2).sum(axis=0).max()))
    rows = []
    for reads, has in zip(derivative.feeds, paths, strict=True):
        alone = typical * np.eye(len(has))[has == 0]
        rows.append(np.vstack([first[reads > 0], alone]))
    columns = [second[:, read > 0] for read in derivative.reads.T]
    sides = Sides(tuple(rows), tuple(columns))
    return sides if len(rows) <= len(columns) else sides.turned()
