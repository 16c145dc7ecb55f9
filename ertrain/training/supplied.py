"""What a caller supplies instead of names: a network, data, an optimiser, a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from ertrain.data import Data
from ertrain.training.epoch import Measure

__all__ = ["MakeOptimiser", "Supplied"]

MakeOptimiser = Callable[[Iterable[nn.Parameter]], Optimizer]


@dataclass(frozen=True, eq=False)
class Supplied:
    """The parts of a run that have no names.

    Parameters
    ----------
    model
        The network at its start; it is copied.
    data
        What to train with, to select by and, if it can be read, to test with.
    measure
        Loss and what counts as success.
    tested
        Whether there are data for a test.
    optimiser
        Makes the optimiser of some parameters; that of the configuration if it is left out.
    """

    model: nn.Module
    data: Data
    measure: Measure
    tested: bool = True
    optimiser: MakeOptimiser | None = None
