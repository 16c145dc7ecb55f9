"""Trials spread over cores, or over a cluster: equal blocks whose results do not depend on who computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.numbers import whole_number
from ertheory.processes import worker_processes

__all__ = ["check_trials", "spread"]

Integers = npt.NDArray[np.int64]

_MOST_TRIALS = 10**9
_BLOCKS_AT_ONCE = 4  # of every worker, between two reports of progress


def check_trials(trials: int) -> int:
    """Read a number of trials.

    Raises
    ------
    InvalidInput
        If it is not a whole number from 1 to 10^9.
    """
    return whole_number("trials", trials, least=1, most=_MOST_TRIALS)


def spread(
    block: Callable[[int, int], Integers],
    first: int,
    trials: int,
    *,
    size: int,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[Integers]:
    """Compute trials first .. first + trials - 1 in blocks, in order.

    Parameters
    ----------
    block
        Computes some trials, given the number of the first one and how many.
    first, trials
        Which.
    size
        Trials in a block.
    workers
        So many threads are used: compiled code lets them run side by side. ``None`` leaves it to joblib, that is one,
        or what a surrounding `joblib.parallel_config` says, whose back end may be a Dask or a Ray cluster.
    progress
        It is told the number of finished trials, again and again.

    Raises
    ------
    InvalidInput
        If there are no workers.
    WorkerLost
        If a process was killed from outside, where the surrounding back end has processes.

    Examples
    --------
    >>> blocks = spread(lambda first, trials: np.arange(first, first + trials), 0, 5, size=2, workers=2)
    >>> [block.tolist() for block in blocks]
    [[0, 1], [2, 3], [4]]
    """
    from joblib import delayed, effective_n_jobs

    if workers is not None:
        workers = whole_number("workers", workers, least=1)
    starts = range(first, first + trials, size)
    tasks: list[Any] = [delayed(block)(start, min(size, first + trials - start)) for start in starts]
    with worker_processes(workers, prefer="threads") as pool:
        step = _BLOCKS_AT_ONCE * effective_n_jobs(workers)
        for place in range(0, len(tasks), step):
            yield from pool(tasks[place : place + step])
            if progress is not None:
                progress(min((place + step) * size, trials))
