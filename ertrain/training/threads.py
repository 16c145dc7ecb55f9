"""How many threads PyTorch computes with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["one_thread"]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread in a block, and with as many as before after it.

    Notes
    -----
    In operations as small as those of students, more threads wait for one another. And the last bits of a sum depend on
    their number: what is compared bit by bit later, such as a teacher, has to be computed with a fixed one.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
