"""The folder of a group of runs that train as one model: its checkpoints, until all of them are done.

Members have folders of their own, as if they trained alone, and lines of their metrics from the beginning. Where they
stand is known for all of them together, from one checkpoint, which takes as long to write as that of a single run.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from torch.optim import Optimizer

from ertrain.configuration import Configuration
from ertrain.errors import RunFolderError
from ertrain.storage.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from ertrain.storage.files import locked
from ertrain.training.optimisers import optimiser_tensors, restore_optimiser
from ertrain.training.state import TrainingState

__all__ = ["ReplicaGroup", "open_replica_group", "remove_replica_group"]


@dataclass(frozen=True)
class ReplicaGroup:
    """A group of runs.

    Parameters
    ----------
    folder
        Where its checkpoints are.
    members
        The runs that it trains, side by side in this order. What the bits of one are can depend on how many others
        there are, so a group that goes on has the members that it began with, those that are done by now among them.
    checkpoint
        Where it stands, None if it has yet to begin.
    """

    folder: Path
    members: tuple[Configuration, ...]
    checkpoint: Checkpoint | None

    def resume(self, replicas: nn.Module, optimiser: Optimizer) -> list[TrainingState]:
        """Take up where the checkpoint stands: fill weights and optimiser, return how far each member has come."""
        if self.checkpoint is None:
            return [TrainingState() for _ in self.members]
        try:
            return self._take_up(self.checkpoint, replicas, optimiser)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise _of_something_else(self.folder, error) from error

    @staticmethod
    def _take_up(checkpoint: Checkpoint, replicas: nn.Module, optimiser: Optimizer) -> list[TrainingState]:
        replicas.load_state_dict(dict(checkpoint.weights))
        best: list[dict[str, Tensor]] = [{} for _ in checkpoint.scalars["runs"]]
        kept: dict[str, Tensor] = {}
        for name, tensor in checkpoint.state.items():
            kind, _, rest = name.partition(".")
            if kind == "optimiser":
                kept[rest] = tensor
            else:
                number, _, weight = rest.partition(".")
                best[int(number)][weight] = tensor
        restore_optimiser(optimiser, kept)
        scalars = zip(checkpoint.scalars["standings"], best, strict=True)
        return [TrainingState.from_scalars(*each) for each in scalars]

    def save(self, replicas: nn.Module, optimiser: Optimizer, states: Sequence[TrainingState]) -> None:
        """Write a checkpoint."""
        tensors = {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(optimiser).items()}
        for number, state in enumerate(states):
            tensors |= {f"best.{number}.{name}": tensor for name, tensor in state.best_weights.items()}
        scalars = {
            "runs": [member.hash for member in self.members],
            "standings": [state.scalars for state in states],
        }
        save_checkpoint(self.folder, Checkpoint(replicas.state_dict(), tensors, scalars))


@contextlib.contextmanager
def open_replica_group(
    configurations: Sequence[Configuration], out: Path, left: Sequence[Configuration]
) -> Iterator[ReplicaGroup]:
    """Find the group of some runs, where it stands or ready to begin, and keep other processes out of its folder.

    Parameters
    ----------
    configurations
        All runs that were asked for, which together name the folder.
    out
        Folder for the folders of runs and groups.
    left
        Those of them that are not done.

    Raises
    ------
    RunFolderError
        If another process is in there, it cannot be written to, or all of its checkpoints are damaged.
    """
    folder = _folder(configurations, out)
    with locked(folder):
        checkpoint = load_checkpoint(folder)
        known = {one.hash: one for one in configurations}
        try:
            began = left if checkpoint is None else [known[member] for member in checkpoint.scalars["runs"]]
        except (KeyError, TypeError) as error:
            raise _of_something_else(folder, error) from error
        yield ReplicaGroup(folder, tuple(began), checkpoint)


def remove_replica_group(configurations: Sequence[Configuration], out: Path) -> None:
    """Remove the folder of a group whose runs are all done."""
    shutil.rmtree(_folder(configurations, out), ignore_errors=True)


def _of_something_else(folder: Path, error: Exception) -> RunFolderError:
    what = f"a checkpoint of something else than these runs ({type(error).__name__}: {error})"
    return RunFolderError(folder, f"{what}; remove the folder to start them again")


def _folder(configurations: Sequence[Configuration], out: Path) -> Path:
    name = hashlib.sha256("".join(one.hash for one in configurations).encode()).hexdigest()[:16]
    return out / f"{configurations[0].recipe}-group-{name}"
