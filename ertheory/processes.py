"""Worker processes: those of joblib, or of what a surrounding `joblib.parallel_config` says."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ertheory.errors import InvalidInput, WorkerLost

if TYPE_CHECKING:
    from joblib import Parallel

__all__ = ["ends_with", "free_memory", "on_cluster", "worker_processes"]

_SECONDS_BETWEEN_LOOKS = 0.5
_CONTAINER = ("memory.max", "memory.current")
_WATCHED: set[int] = set()


@contextlib.contextmanager
def worker_processes(workers: int | None = None, **options: Any) -> Iterator[Parallel]:
    """Hold processes ready for more than one round of tasks.

    Parameters
    ----------
    workers
        How many, -1 for one per core. ``None`` leaves it to joblib, that is one, or what a surrounding
        `joblib.parallel_config` says, whose back end may be a Dask or a Ray cluster.
    options
        They are those of `joblib.Parallel`.

    Yields
    ------
    joblib.Parallel
        It is called with tasks of `joblib.delayed`.

    Raises
    ------
    WorkerLost
        If a process was killed from outside.

    Notes
    -----
    A process that has grown by 300 MB since its first task, say by what PyTorch loads for a first step of training, is
    replaced by joblib, which says so in a warning. The warning is given in the thread that hands out the tasks: where
    warnings are errors it would end this thread, and its tasks would be waited for without end. Nothing is lost with
    the process, so the warning is no news and is left out.

    Examples
    --------
    >>> from joblib import delayed
    >>> with worker_processes(1) as parallel:
    ...     parallel(delayed(abs)(number) for number in (-1, 2)), parallel([delayed(abs)(-3)])
    ([1, 2], [3])
    """
    from joblib import Parallel

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
        try:
            with Parallel(n_jobs=workers, **options) as parallel:
                yield parallel
        except BrokenExecutor as error:
            msg = (
                "a worker process was killed, by somebody or by the system for want of memory; what is done is kept: "
                "the same command goes on, perhaps with fewer workers"
            )
            raise WorkerLost(msg) from error


def free_memory() -> float:
    """Give the bytes that may be taken without swapping, by this machine or container; infinite where nobody says.

    Examples
    --------
    >>> free_memory() > 2**20
    True
    """
    free = math.inf
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = 1024.0 * int(line.split()[1])
    with contextlib.suppress(OSError, ValueError):
        limit, used = (Path("/sys/fs/cgroup", name).read_text(encoding="ascii") for name in _CONTAINER)
        free = min(free, float(int(limit) - int(used)))
    return free


def ends_with(parent: int) -> None:
    """Let this process end within a second after another one that it works for, unless it is that one itself.

    Parameters
    ----------
    parent
        Number of the process that made this one; of others nothing is known.

    Notes
    -----
    A process that is killed cannot tell its workers, and a task may take hours.
    """
    if os.name != "posix" or os.getppid() != parent or parent in _WATCHED:
        return
    _WATCHED.add(parent)
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:  # an orphan is given another parent
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


@contextlib.contextmanager
def on_cluster(address: str | None) -> Iterator[None]:
    """Send what `worker_processes` with ``None`` workers is given to a cluster.

    Parameters
    ----------
    address
        It is that of a Dask scheduler. None changes nothing.

    Raises
    ------
    InvalidInput
        If the cluster cannot be reached, or Dask is not installed.

    Examples
    --------
    >>> with on_cluster(None):
    ...     pass
    """
    if address is None:
        yield
        return
    from joblib import parallel_config

    try:
        distributed: Any = import_module("distributed")  # has no types for some of its calls
        client = distributed.Client(address, timeout=10)
    except (ImportError, OSError, ValueError) as error:
        allowed = f"the address of a Dask scheduler, and the extra 'cluster' installed ({error})"
        raise InvalidInput("cluster", allowed, address) from error
    with client, parallel_config("dask", wait_for_workers_timeout=30):
        yield
