"""Gradual magnitude pruning: training begins with all weights of the drawn mask and loses the smallest on the way."""

from __future__ import annotations

import math

import torch
from torch import nn

from ertrain.configuration import Configuration
from ertrain.masks.masking import masks_of
from ertrain.methods.base import FixedMask, highest_inside, set_masks
from ertrain.ratios.scores import magnitude

__all__ = ["Gradual", "cubic"]


class Gradual(FixedMask):
    """Prune by magnitude, one threshold for all layers, down to exactly the final density.

    Notes
    -----
    Zhu and Gupta (2017). After every `update_every` steps, and last after T_end steps, so many weights are left as
    `cubic` says; nothing is pruned after T_end.
    """

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        super().__init__(configuration, model, inputs, steps)
        self.end = max(1, math.floor(configuration.update_until * configuration.epochs * steps))
        self.last = self.budget(configuration.final_density)

    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:
        """Move the weights, then prune where it is time for it."""
        super().step(optimiser, at)
        if self.prunes(at + 1):
            names = list(self.drawn)
            count = cubic(self.size, self.last, at + 1, self.end)
            masks = highest_inside(magnitude(self.model, names), masks_of(self.model), count)
            set_masks(self.model, masks, optimiser)
            self.recount_flops()

    def changes_masks(self, at: int) -> bool:
        """Whether it is time to prune after a step."""
        return self.prunes(at + 1)

    def prunes(self, done: int) -> bool:
        """Whether weights are pruned after so many steps."""
        return done == self.end or (done < self.end and done % self.configuration.update_every == 0)

    def at_final_density(self, epoch: int) -> bool:
        """Whether all pruning is over after an epoch, counted from 0."""
        return (epoch + 1) * self.steps >= self.end


def cubic(first: int, last: int, done: int, end: int) -> int:
    """Give the number of weights after some steps: last + (first - last) (1 - done / end)^3, rounded.

    Examples
    --------
    >>> [cubic(1000, 100, done, 4) for done in range(5)]
    [1000, 480, 212, 114, 100]
    """
    return last + round((first - last) * (1 - done / end) ** 3)
