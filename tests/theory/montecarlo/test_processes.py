"""Worker processes that are replaced, where a warning is an error."""

from __future__ import annotations

import time

from joblib import delayed

from ertheory.processes import worker_processes

GROWN: list[bytes] = []


def grow(megabytes: int) -> int:
    GROWN.append(b"x" * (megabytes << 20))
    time.sleep(0.6 if megabytes else 0)  # joblib looks at the memory once a second
    return megabytes


def test_processes_that_grow_are_replaced_and_no_task_is_lost():
    sizes = [0, 0, *(250,) * 8]
    with worker_processes(2) as parallel:
        assert parallel(delayed(grow)(size) for size in sizes) == sizes
        assert parallel(delayed(grow)(0) for _ in range(4)) == [0] * 4
