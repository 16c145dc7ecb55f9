"""Iterative magnitude pruning inside the drawn mask: train, prune, go back, and again."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.masks.masking import masks_of
from ertrain.methods.base import FixedMask, highest_inside, set_masks
from ertrain.ratios.scores import magnitude

__all__ = ["IMP", "rounds_of"]


class IMP(FixedMask):
    """Prune the smallest weights of all layers after every round, until exactly the final density is left.

    Notes
    -----
    Frankle and Carbin (ICLR 2019), Frankle et al. (ICML 2020), Renda et al. (ICLR 2020). A round has
    `epochs` epochs; those after the first lack the steps before the one that is gone back to. After a round the share
    `round_keep` of its weights is left, after the last but one what the final density asks for. Then, by `rewind`:

    weights
        All that the network is made of, the statistics of its normalisation too, is as it was after step
        `rewind_step`, 0 being the start; the learning rate goes on from there.
    rate
        Weights stay, and the schedule of the learning rate starts again.
    none
        Weights stay, and the learning rate keeps the value that the schedule ends with: fine-tuning.

    What the optimiser remembers is forgotten, save in fine-tuning.
    """

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        super().__init__(configuration, model, inputs, steps)
        if configuration.rewind_step >= configuration.epochs * steps:
            allowed = f"a whole number below {configuration.epochs * steps}, the steps of a round"
            raise InvalidInput("rewind_step", allowed, configuration.rewind_step)
        self.rewinds = configuration.rewind == "weights"
        self.skipped = configuration.rewind_step if self.rewinds else 0
        self.rounds = rounds_of(configuration)
        self.epochs = configuration.epochs + self.rounds * self._again
        self._kept: dict[str, Tensor] = {}
        if self.rewinds and self.skipped == 0:
            self._remember()

    @classmethod
    def total_epochs(cls, configuration: Configuration) -> int:
        """Give the epochs of all rounds, as if none of them lacked its first steps."""
        return configuration.epochs * (1 + rounds_of(configuration))

    @property
    def _again(self) -> int:
        """Epochs of a round after the first."""
        return self.configuration.epochs - self.skipped // self.steps

    def _place(self, epoch: int) -> tuple[int, int]:
        """Find the round of an epoch, and its number in the round."""
        later = epoch - self.configuration.epochs
        return (0, epoch) if later < 0 else (1 + later // self._again, later % self._again)

    def schedule_epoch(self, epoch: int) -> int:
        """Return the epoch of the learning rate's schedule that an epoch of the run is."""
        number, within = self._place(epoch)
        if number > 0 and self.configuration.rewind == "none":
            return self.configuration.epochs
        return within + (self.skipped // self.steps if number > 0 else 0)

    def first_step(self, epoch: int) -> int:
        """Return the step at which an epoch begins: that which a round goes back to."""
        number, within = self._place(epoch)
        return self.skipped % self.steps if number > 0 and within == 0 else 0

    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:
        """Move the weights, and remember those that rounds go back to."""
        super().step(optimiser, at)
        if self.rewinds and at + 1 == self.skipped:
            self._remember()

    def after_epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:
        """Prune and go back, at the end of every round but the last."""
        number, _ = self._place(epoch)
        if epoch + 1 == self.epochs or self._place(epoch + 1)[0] == number:
            return
        masks, names = masks_of(self.model), list(self.drawn)
        set_masks(self.model, highest_inside(magnitude(self.model, names), masks, self.left(number + 1)), optimiser)
        if self.rewinds:
            self.model.load_state_dict(self._kept, strict=False)
            set_masks(self.model, {name: mask.clone() for name, mask in masks.items()})
        if self.configuration.rewind != "none":
            optimiser.state.clear()
        self.recount_flops()

    def left(self, number: int) -> int:
        """Give the number of weights that a round, counted from 0, trains."""
        last = self.budget(self.configuration.final_density)
        if number == self.rounds:
            return last
        return max(last, round(self.size * Fraction(str(self.configuration.round_keep)) ** number))

    def at_final_density(self, epoch: int) -> bool:
        """Whether an epoch belongs to the last round."""
        return self._place(epoch)[0] == self.rounds

    def state(self) -> dict[str, Tensor]:
        """Return the weights that rounds go back to, where they are not those of the start."""
        return {f"rewind.{name}": tensor for name, tensor in self._kept.items()} if self.skipped else {}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up the weights that rounds go back to."""
        super().load(state)
        if self.skipped:
            self._kept = {name.removeprefix("rewind."): tensor for name, tensor in state.items()}

    def _remember(self) -> None:
        masks = {f"{name}.weight_mask" if name else "weight_mask" for name in self.drawn}
        state = self.model.state_dict()
        self._kept = {name: tensor.detach().clone() for name, tensor in state.items() if name not in masks}


def rounds_of(configuration: Configuration) -> int:
    """Count how often weights are pruned, the last time by as many as are left to go.

    Examples
    --------
    >>> from ertrain.configuration import Configuration
    >>> rounds_of(Configuration(recipe="x", method="imp", density="0.3", final_density="0.1", round_keep=0.8))
    5
    """
    density, final = Fraction(configuration.density), Fraction(configuration.final_density)
    keep, rounds = Fraction(str(configuration.round_keep)), 0
    while density > final:
        density, rounds = density * keep, rounds + 1
    return rounds
