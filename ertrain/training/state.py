"""The state of training between two epochs: how far it has come, and the best weights so far."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from ertrain.masks.masking import masks_of, without_masks

__all__ = ["TrainingState"]

# Names in files, where they differ from those of the fields.
_FILED = {"flops": "work"}


@dataclass(frozen=True, eq=False)
class TrainingState:
    """How far a run has come.

    Parameters
    ----------
    epochs
        Number of epochs that are done.
    best_epoch, best
        The epoch, counted from 1, with the highest validation accuracy so far (the first of them), and that accuracy.
    validation
        Validation accuracy after the last epoch, None if it is no finite number.
    seconds
        Time that the epochs took together, in seconds.
    flops
        Floating-point operations of training that they took.
    diverged
        Whether the mean loss of an epoch, or what was measured after it, was no finite number.
    best_weights
        State dict of the best epoch, without the masks.

    Examples
    --------
    >>> state = TrainingState().after(0.5, nn.Linear(2, 1), 1.0).after(0.25, nn.Linear(2, 1), 1.0)
    >>> state.epochs, state.best_epoch, state.best, state.validation
    (2, 1, 0.5, 0.25)
    """

    epochs: int = 0
    best_epoch: int = 0
    best: float = -1.0
    validation: float | None = 0.0
    seconds: float = 0.0
    flops: int = 0
    diverged: bool = False
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def scalars(self) -> dict[str, Any]:
        """All but the weights, ready for JSON, under the names that they have in files."""
        return {_FILED.get(name, name): value for name, value in vars(self).items() if name != "best_weights"}

    @classmethod
    def from_scalars(cls, scalars: Mapping[str, Any], best_weights: dict[str, Tensor]) -> TrainingState:
        """Take up what `scalars` returned; whatever else a file says is a `TypeError`."""
        names = {filed: name for name, filed in _FILED.items()}
        found = cls(**{names.get(filed, filed): value for filed, value in scalars.items()}, best_weights=best_weights)
        for name, default in vars(cls()).items():
            value = getattr(found, name)
            kind = (int, float) if type(default) is float else type(default)
            if not isinstance(value, kind) and (name, value) != ("validation", None):
                msg = f"{_FILED.get(name, name)} is no {type(default).__name__}"
                raise TypeError(msg)
        return found

    def after(
        self, validation: float, model: nn.Module, seconds: float, *, at_final_density: bool = True, loss: float = 0.0
    ) -> TrainingState:
        """Take one more epoch into account; it can be the best one if the network has its final density."""
        finite = math.isfinite(validation)
        moved = replace(
            self,
            epochs=self.epochs + 1,
            validation=validation if finite else None,
            seconds=self.seconds + seconds,
            diverged=self.diverged or not (finite and math.isfinite(loss)),
        )
        if not finite or not at_final_density or (self.best_epoch > 0 and validation <= self.best):
            return moved
        kept = {name: tensor.detach().clone() for name, tensor in without_masks(model.state_dict()).items()}
        return replace(moved, best=validation, best_epoch=moved.epochs, best_weights=kept)

    def best_model(self, model: nn.Module) -> nn.Module:
        """Return a copy of a model with the best weights, whose masks let everything through."""
        best = copy.deepcopy(model)
        for mask in masks_of(best).values():  # they may have changed since then; what was outside is 0 in the weights
            mask.fill_(value=True)
        best.load_state_dict(self.best_weights, strict=False)
        return best
