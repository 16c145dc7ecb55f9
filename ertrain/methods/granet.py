"""GraNet: gradual pruning, and with every update RiGL's rewiring of what is left."""

from __future__ import annotations

import math

import torch
from torch import nn

from ertrain.configuration import Configuration
from ertrain.masks.masking import masks_of
from ertrain.methods.base import set_masks
from ertrain.methods.gradual import Gradual
from ertrain.methods.rigl import rewired

__all__ = ["GraNet"]


class GraNet(Gradual):
    """Begin with all weights of S_ER, prune down to exactly the final density, and rewire inside S_ER on the way.

    Notes
    -----
    Liu et al. (NeurIPS 2021), who grow anywhere; here growth stays inside S_ER, so a mask of density 1 gives theirs.
    After every `update_every` steps, before the share `prune_until` of training and last when it is over, weights are
    pruned as in `Gradual`. After as many steps, up to the share `update_until`, each layer drops its smallest weights
    and grows as many, with the shares of `RiGL`: those with the largest gradients of this batch, taken before
    the step. The step of the optimiser is not left out, unlike RiGL's. A weight that this update pruned may return and
    starts at 0; one that it dropped may return as if it had not been dropped. Without drops this is `Gradual`.
    """

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        super().__init__(configuration, model, inputs, steps)
        total = configuration.epochs * steps
        self.rewired_until = math.floor(configuration.update_until * total)
        self.end = max(1, math.floor(configuration.prune_until * total))

    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:
        """Move the weights, prune where it is time for it, and rewire where it is time for that."""
        if not self.rewires(at + 1):
            super().step(optimiser, at)
            return
        weights = {name: self.model.get_submodule(name).get_parameter("weight") for name in self.drawn}
        # The step masks gradients, but those of all weights of S_ER are looked at.
        slopes = {
            name: torch.zeros_like(weight) if weight.grad is None else weight.grad.abs()
            for name, weight in weights.items()
        }
        self.flops += (self._forward_drawn - self._forward) * self.configuration.batch
        super().step(optimiser, at)
        share = self.configuration.drop_share / 2 * (1 + math.cos(math.pi * (at + 1) / self.rewired_until))
        changed = {
            name: rewired(weights[name].detach(), mask, self.drawn[name], slopes[name], share)
            for name, mask in masks_of(self.model).items()
        }
        set_masks(self.model, changed, optimiser)

    def changes_masks(self, at: int) -> bool:
        """Whether it is time to prune or to rewire after a step."""
        return super().changes_masks(at) or self.rewires(at + 1)

    def rewires(self, done: int) -> bool:
        """Whether weights are rewired after so many steps."""
        due = done % self.configuration.update_every == 0 and done < self.rewired_until
        return due and self.configuration.drop_share > 0
