"""Where a run computes: one process, or several that ``torchrun`` started, on one machine or on many."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from ertheory.errors import InvalidInput

__all__ = ["ProcessGroup", "join_process_group"]


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, as one of them sees them.

    Parameters
    ----------
    device
        Where this process computes.
    rank
        The number of this process, 0 <= rank < world_size.
    world_size
        How many processes there are.
    """

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def all_reduce(self, numbers: Tensor) -> Tensor:
        """Add numbers up over all processes, in place, and return them."""
        if self.world_size > 1:
            distributed.all_reduce(numbers)
        return numbers

    @contextlib.contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the main process do the block alone, and all others after it."""
        if self.world_size > 1 and not self.is_main:
            distributed.barrier()
        yield
        if self.world_size > 1 and self.is_main:
            distributed.barrier()


@contextlib.contextmanager
def join_process_group(device: str = "auto") -> Iterator[ProcessGroup]:
    """Join the processes that ``torchrun`` started, or be alone.

    Parameters
    ----------
    device
        Either ``"cpu"``, ``"cuda"``, one such as ``"cuda:1"``, or ``"auto"``, which is the first GPU if there is one.
        Among several processes each takes the GPU of its number on its machine.

    Yields
    ------
    ProcessGroup
        The process group, which is left when the block ends.

    Raises
    ------
    InvalidInput
        If the device is unknown or not there, or the variables of ``torchrun`` are not all there.

    Examples
    --------
    >>> with join_process_group("cpu") as processes:
    ...     processes.is_main, processes.all_reduce(torch.ones(2)).tolist()
    (True, [1.0, 1.0])
    """
    world_size, rank, local = _of_torchrun()
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else str(device)
    if name == "cuda":
        name = f"cuda:{local}"
    kind, colon, number = name.partition(":")
    there = torch.cuda.device_count() if kind == "cuda" else 1
    number = number if colon else "0"
    if kind not in ("cpu", "cuda") or not number.isdecimal() or len(number) > 4 or int(number) >= there:
        raise InvalidInput("device", f"auto, cpu or cuda, of which there are {torch.cuda.device_count()}", device)
    processes = ProcessGroup(torch.device(name), rank, world_size)
    if kind == "cuda":
        torch.cuda.set_device(processes.device)
    if world_size == 1:
        yield processes
        return
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield processes
    finally:
        distributed.destroy_process_group()


def _of_torchrun() -> tuple[int, int, int]:
    """Read how many processes there are, and which of them this one is: of all, and on its machine."""
    read = {"WORLD_SIZE": 1, "RANK": 0, "LOCAL_RANK": 0}
    for name in read:
        text = os.environ.get(name, str(read[name]))
        if not (text.isdecimal() and len(text) <= 6) or (name == "WORLD_SIZE" and int(text) == 0):
            raise InvalidInput(name, "a whole number, as torchrun sets it", text)
        read[name] = int(text)
    wanted = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in wanted if name not in os.environ]
    if read["WORLD_SIZE"] > 1 and missing:
        allowed = f"also {', '.join(missing)}, as torchrun sets them, or no WORLD_SIZE for a single process"
        raise InvalidInput("WORLD_SIZE", allowed, read["WORLD_SIZE"])
    if not read["RANK"] < max(read["WORLD_SIZE"], 1):
        raise InvalidInput("RANK", f"a whole number below WORLD_SIZE {read['WORLD_SIZE']}", read["RANK"])
    return read["WORLD_SIZE"], read["RANK"], read["LOCAL_RANK"]
