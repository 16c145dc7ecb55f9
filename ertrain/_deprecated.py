"""Public names that have another name now; they keep working for one release, with a warning."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from ertheory.layerwise import LayerDensities
from ertheory.numbers import Rational
from ertrain.ratios import PruningContext, allocate_sparsity
from ertrain.training import ProcessGroup, join_process_group

__all__ = ["RENAMED", "Evidence", "Place", "join", "share_out"]

# The old name, and the new one.
RENAMED = {
    "Evidence": "PruningContext",
    "Place": "ProcessGroup",
    "join": "join_process_group",
    "share_out": "allocate_sparsity",
}

Evidence = PruningContext  # only the name changed


class Place(ProcessGroup):
    """A `ProcessGroup` that also has the attributes of before.

    Parameters
    ----------
    device
        Where this process computes.
    rank
        The number of this process, 0 <= rank < processes.
    processes
        How many processes there are, now called ``world_size``.
    """

    def __init__(self, device: torch.device, rank: int = 0, processes: int = 1) -> None:
        super().__init__(device, rank, processes)

    @property
    def processes(self) -> int:
        """How many processes there are."""
        _warn("Place.processes", "ProcessGroup.world_size")
        return self.world_size

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        _warn("Place.first", "ProcessGroup.is_main")
        return self.is_main

    def summed(self, numbers: Tensor) -> Tensor:
        """Add numbers up over all processes, in place, and return them."""
        _warn("Place.summed", "ProcessGroup.all_reduce")
        return self.all_reduce(numbers)

    def in_turn(self) -> AbstractContextManager[None]:
        """Let the main process do the block alone, and all others after it."""
        _warn("Place.in_turn", "ProcessGroup.main_first")
        return self.main_first()


@contextlib.contextmanager
def join(device: str = "auto") -> Iterator[Place]:
    """Join the processes as `join_process_group` does, and give them with the attributes of before."""
    with join_process_group(device) as group:
        yield Place(group.device, group.rank, group.world_size)


def share_out(
    module: nn.Module,
    density: Rational,
    ratio: str,
    *,
    skip: tuple[str, ...] = (),
    evidence: PruningContext | None = None,
) -> LayerDensities:
    """Call `allocate_sparsity`, whose ``context`` was called ``evidence``."""
    return allocate_sparsity(module, density, ratio, skip=skip, context=evidence)


def _warn(old: str, new: str) -> None:
    msg = f"ertrain.{old} is now ertrain.{new}; the old name goes with the next release"
    warnings.warn(msg, DeprecationWarning, stacklevel=3)
