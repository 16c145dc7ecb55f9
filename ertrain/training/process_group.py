"""Where a run computes: one process, or several that ``torchrun`` started, on one machine or on many."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from ertheory.errors import InvalidInput

__all__ = ["Place", "join"]


@dataclass(frozen=True)
class Place:
    """One process among those of a run.

    Parameters
    ----------
    device
        Where it computes.
    rank, processes
        Its number, and how many there are.
    """

    device: torch.device
    rank: int = 0
    processes: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def summed(self, numbers: Tensor) -> Tensor:
        """Add numbers up over all processes, in place."""
        if self.processes > 1:
            distributed.all_reduce(numbers)
        return numbers

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first process do the block alone, and all others after it."""
        if self.processes > 1 and not self.first:
            distributed.barrier()
        yield
        if self.processes > 1 and self.first:
            distributed.barrier()


@contextlib.contextmanager
def join(device: str = "auto") -> Iterator[Place]:
    """Join the processes that ``torchrun`` started, or be alone.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"``, one such as ``"cuda:1"``, or ``"auto"``: the first GPU if there is one. Among several
        processes each takes the GPU of its number on its machine.

    Raises
    ------
    InvalidInput
        If the device is unknown or not there.

    Examples
    --------
    >>> with join("cpu") as place:
    ...     place.first, place.summed(torch.ones(2)).tolist()
    (True, [1.0, 1.0])
    """
    processes, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if name == "cuda":
        name = f"cuda:{local}"
    kind, _, number = name.partition(":")
    there = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in ("cpu", "cuda") or not (number or "0").isdecimal() or int(number or "0") >= there:
        raise InvalidInput("device", f"auto, cpu or cuda, of which there are {torch.cuda.device_count()}", device)
    place = Place(torch.device(name), rank, processes)
    if kind == "cuda":
        torch.cuda.set_device(place.device)
    if processes == 1:
        yield place
        return
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield place
    finally:
        distributed.destroy_process_group()
