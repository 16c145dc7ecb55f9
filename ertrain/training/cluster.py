"""Where parallel work goes: processes on this machine, or an existing Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ertheory.errors import InvalidInput

__all__ = ["on_cluster"]


@contextlib.contextmanager
def on_cluster(address: str | None) -> Iterator[None]:
    """Send what `ertheory.processes.worker_processes` with ``None`` workers is given to a cluster.

    Parameters
    ----------
    address
        Of a Dask scheduler. None changes nothing.

    Raises
    ------
    InvalidInput
        If the cluster can not be reached, or Dask is not installed.

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
