"""How many threads PyTorch computes with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["one_thread", "threads"]


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads in a block, and with as many as before after it.

    Notes
    -----
    The last bits of a sum depend on their number: what is compared bit by bit later needs a fixed one.

    Examples
    --------
    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread in a block: in operations as small as those of students, more wait for one another.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    with threads(1):
        yield
