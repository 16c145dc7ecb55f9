"""Worker processes that are replaced, where a warning is an error."""

from __future__ import annotations

import time

import joblib
import numpy as np
from joblib import delayed

from ertheory.montecarlo.subset_sums.spread import spread
from ertheory.processes import worker_processes

GROWN: list[bytes] = []


def grow(megabytes: int) -> int:
    GROWN.append(b"x" * (megabytes << 20))
    time.sleep(0.6 if megabytes else 0)  # joblib looks at the memory once a second
    return megabytes


def grow_in_trials(first: int, trials: int) -> np.ndarray:
    return np.array([grow(250 if trial > 1 else 0) for trial in range(first, first + trials)])


def test_processes_that_grow_are_replaced_and_no_task_is_lost():
    sizes = [0, 0, *(250,) * 8]
    with worker_processes(2) as parallel:
        assert parallel(delayed(grow)(size) for size in sizes) == sizes
        assert parallel(delayed(grow)(0) for _ in range(4)) == [0] * 4


def test_trials_in_processes_that_grow_are_not_waited_for_without_end():
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert np.concatenate(list(spread(grow_in_trials, 0, 10, size=1))).tolist() == [0, 0, *(250,) * 8]
