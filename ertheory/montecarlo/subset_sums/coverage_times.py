"""Random subset sums by simulation: how many weights it takes until their subset sums cover a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.montecarlo.subset_sums.draws import Law, check_law, stream_key
from ertheory.montecarlo.subset_sums.failure_curve import StoppingTimes
from ertheory.montecarlo.subset_sums.spread import check_trials, spread
from ertheory.numbers import Rational, exact_rational, probability

__all__ = ["check_target", "stopping_times", "stopping_times_at"]

Integers = npt.NDArray[np.int64]

# Weights that a trial draws at most. Unions have few pieces, but halves double with every other weight.
_LONGEST_UNION, _LONGEST_MEET = 64, 44
# Below, one z is answered by meeting in the middle: products have long tails, through which halves are slow.
_UNION_FROM = {"uniform": Fraction(1, 200), "product": Fraction(1, 10_000)}
_FINEST_UNION, _FINEST_MEET = Fraction(1, 10**6), Fraction(1, 10**9)
_BLOCK = 1024  # trials


def stopping_times(
    epsilon: Rational,
    *,
    z: Rational = 1,
    uniform: bool = False,
    law: Law = "uniform",
    trials: int,
    seed: int = 0,
    first: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> StoppingTimes:
    """Draw weights until their subset sums cover the target, again and again.

    Parameters
    ----------
    epsilon
        It lies in (0, 1); at least 10^-6 where `uniform`, 10^-9 otherwise.
    z
        The target, in [-1, 1].
    uniform
        Ask for all of [-1, 1] at once instead of one z.
    law
        ``uniform`` or ``product``.
    trials
        1 to 10^9.
    seed
        0 <= seed < 2^128. Trial i is the same whatever else is drawn.
    first
        Number of the first trial, for going on with a run.
    workers
        So many threads are used, see `ertheory.montecarlo.subset_sums.spread.spread`: the numbers do not depend on
        them.
    progress
        It is told the number of finished trials, again and again.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    Notes
    -----
    The union of intervals is followed exactly, up to rounding of about 1e-15. Where it would have too many pieces, for
    one z and a small epsilon, the nearest subset sum is found by meeting in the middle instead.

    Examples
    --------
    >>> run = stopping_times(0.1, trials=2_000, seed=1)
    >>> run.trials, run.required(1, "1/10").n
    (2000, 9)
    """
    check_law(law)
    goal = check_target(z, uniform=uniform)
    tolerance = probability("epsilon", epsilon)
    if goal is not None and tolerance < _UNION_FROM[law]:
        return stopping_times_at(
            [tolerance], z=z, law=law, trials=trials, seed=seed, first=first, workers=workers, progress=progress
        )[0]
    if tolerance < _FINEST_UNION:
        raise InvalidInput("epsilon", "at least 0.000001 for all of [-1, 1]; one z goes down to 1e-9", epsilon)
    product, key = check_law(law), stream_key(seed)
    low, high = (-1.0, 1.0) if goal is None else (goal, goal)

    def block(start: int, trials: int) -> Integers:
        from ertheory.montecarlo.subset_sums.union_kernel import cover_times

        times = np.empty(trials, dtype=np.int64)
        cover_times(start, times, _LONGEST_UNION, low, high, float(tolerance), product, key)
        return np.bincount(times, minlength=_LONGEST_UNION + 2)

    blocks = spread(block, first, check_trials(trials), size=_BLOCK, workers=workers, progress=progress)
    counts = tuple(np.sum(list(blocks), axis=0).tolist())
    return StoppingTimes(epsilon=float(tolerance), z=goal, law=law, counts=counts, seed=seed)


def stopping_times_at(
    epsilons: Sequence[Rational],
    *,
    z: Rational = 1,
    law: Law = "uniform",
    trials: int,
    seed: int = 0,
    first: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> tuple[StoppingTimes, ...]:
    """Find the stopping times of several tolerances in one run, from the best error of every number of weights.

    Parameters
    ----------
    epsilons
        Each in (0, 1) and at least 10^-9.
    z, law, trials, seed, first, workers, progress
        They are as for `stopping_times`, whose trials are the same.

    Returns
    -------
    tuple
        One entry for each of `epsilons`, in their order. The runs share their trials, so what they show is not
        independent.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    Notes
    -----
    Memory grows like 2^(k/2) with the weights of a trial; trials are given up after 44.

    Examples
    --------
    >>> runs = stopping_times_at(["1e-2", "1e-4"], trials=1_000)
    >>> [run.required(1, "1/10").n for run in runs]
    [11, 18]
    """
    goal = _read_number(z)
    tolerances = [probability("epsilon", epsilon) for epsilon in epsilons]
    if not tolerances or min(tolerances) < _FINEST_MEET:
        allowed = "at least 1e-9 to be simulated (the bounds have no such limit)"
        raise InvalidInput("epsilon", allowed, min(tolerances, default=None))
    falling = sorted(set(tolerances), reverse=True)
    limits = np.array([float(tolerance) for tolerance in falling])
    product, key = check_law(law), stream_key(seed)

    def block(start: int, trials: int) -> Integers:
        from ertheory.montecarlo.subset_sums.meet_kernel import error_times

        times = np.empty((trials, len(limits)), dtype=np.int64)
        error_times(start, times, _LONGEST_MEET, goal, limits, product, key)
        return np.array([np.bincount(column, minlength=_LONGEST_MEET + 2) for column in times.T])

    blocks = spread(block, first, check_trials(trials), size=_BLOCK, workers=workers, progress=progress)
    counts = np.sum(list(blocks), axis=0).tolist()
    found = {
        tolerance: StoppingTimes(epsilon=float(tolerance), z=goal, law=law, counts=tuple(row), seed=seed)
        for tolerance, row in zip(falling, counts, strict=True)
    }
    return tuple(found[tolerance] for tolerance in tolerances)


def check_target(z: Rational, *, uniform: bool = False) -> float | None:
    """Read the target, ``None`` for all of [-1, 1]; see `stopping_times`."""
    return None if uniform else _read_number(z)


def _read_number(z: Rational) -> float:
    number = exact_rational("z", z)
    if abs(number) > 1:
        blocks = math.ceil(abs(number))
        parts = f"{blocks} parts, each with epsilon/{blocks} and delta/{blocks}"
        raise InvalidInput("z", f"a number in [-1, 1] (split a larger one into {parts})", z)
    return float(number)
