"""What a sparse training method is: a few points at which the loop asks it. The fixed mask gives the usual answers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor, nn

from ertheory.errors import warn
from ertrain.configuration import Configuration
from ertrain.masks.entries import whole_size
from ertrain.masks.flops import forward_flops, layer_positions
from ertrain.masks.guarding import guard
from ertrain.masks.masking import masks_of
from ertrain.ratios import PruningContext
from ertrain.ratios.scores import keep_highest

__all__ = ["FixedMask", "highest_inside", "set_masks"]


class FixedMask:
    """Training inside the mask that was drawn; every other method overrides some of what is here.

    Two masks belong to every layer: the one that was drawn, S_ER, which never changes, and the one of the weights that
    are there now, S_P, which is the buffer beside the weight and always lies inside the other.

    Parameters
    ----------
    configuration
        It is that of the run.
    model
        The network at its start with the masks S_ER, where it is going to be trained; a method may change it.
    inputs
        Shape of one input, without the batch; None where no operations are counted.
    steps
        Steps of an epoch.

    Attributes
    ----------
    drawn
        S_ER by the names of the layers.
    size, entries
        Number of weights of S_ER, and of all entries of the layers that have masks.
    epochs
        They are those of the whole run.
    flops
        Floating-point operations of training so far.
    can_be_packed
        Whether weights outside of S_P are looked at only at the steps at which `changes_masks`: then the others can be
        taken with the weights of S_P alone.
    """

    can_be_packed = True

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        self.configuration, self.model, self.steps = configuration, model, steps
        self.drawn = {name: mask.clone() for name, mask in masks_of(model).items()}
        self.size = sum(int(mask.sum()) for mask in self.drawn.values())
        self.entries = sum(whole_size(model.get_submodule(name)) for name in self.drawn)
        self.epochs, self.flops = configuration.epochs, 0
        self._inputs, self._positions = inputs or (), {} if inputs is None else layer_positions(model, inputs)
        self._forward_drawn = self._forward = forward_flops(model, self._inputs, positions=self._positions)

    @classmethod
    def total_epochs(cls, configuration: Configuration) -> int:
        """Give the epochs of a run, before it is known how many steps they have: at least as many as it will take."""
        return configuration.epochs

    def before_training(self, context: PruningContext) -> None:
        """Do what is to be done before the first step of a run; one that is taken up again has done it."""

    def trainable(self) -> list[nn.Parameter]:
        """Return the parameters that the optimiser moves."""
        return list(self.model.parameters())

    def stands_for(self) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
        """Return the weights in whose place the optimiser moves something else, and that, by the names of layers."""
        return {}

    def protect(self, optimiser: torch.optim.Optimizer, model: nn.Module) -> None:
        """Keep the optimiser inside the masks, for as long as both of them live."""
        guard(optimiser, model)

    def schedule_epoch(self, epoch: int) -> int:
        """Return the epoch of the learning rate's schedule that an epoch of the run is."""
        return epoch

    def first_step(self, epoch: int) -> int:  # noqa: ARG002
        """Return the step at which an epoch of the run begins; those before it are left out."""
        return 0

    def changes_masks(self, at: int) -> bool:  # noqa: ARG002
        """Whether the masks may change at a step, counted as in `step`."""
        return False

    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:  # noqa: ARG002
        """Use the gradients that are there: move the weights, or change the masks.

        Parameters
        ----------
        optimiser
            It has the learning rate of this step.
        at
            Steps of the run so far, epoch times `steps` plus the step of the epoch.
        """
        self.count_flops(self._forward)
        optimiser.step()

    def after_epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:
        """Do what is to be done between an epoch, counted from 0, and the next; the network has been tested."""

    def at_final_density(self, epoch: int) -> bool:  # noqa: ARG002
        """Whether the network has its final density after an epoch, counted from 0: only then it may be the best."""
        return True

    def weights(self) -> dict[str, Tensor]:
        """Return what the checkpoint shows of the network where that differs from its state, by name."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Return what the method remembers beside network, masks and optimiser."""
        return {}

    def load(self, state: Mapping[str, Tensor]) -> None:  # noqa: ARG002
        """Take up what `state` returned; network and masks have been loaded."""
        self.recount_flops()

    def budget(self, density: str) -> int:
        """Give the number of weights for an overall density, or all of S_ER where that has fewer."""
        weights = self.entries
        wanted = round(Fraction(density) * weights)
        if wanted == 0:
            said = f"final density {float(Fraction(density)):.4g} keeps none of {weights:,} weights"
            warn(said)
        return min(wanted, self.size)

    def density(self) -> float:
        """Return the share of the weights of all layers with a mask that is in S_P."""
        return sum(int(mask.sum()) for mask in masks_of(self.model).values()) / self.entries

    def count_flops(self, for_weights: int) -> None:
        """Count the operations of a step: forwards, backwards to the inputs, and backwards to the weights."""
        self.flops += (2 * self._forward + for_weights) * self.configuration.batch

    def recount_flops(self) -> None:
        """Count the operations of a forward pass anew, after the masks have changed."""
        self._forward = forward_flops(self.model, self._inputs, positions=self._positions)


@torch.no_grad()
def set_masks(model: nn.Module, masks: Mapping[str, Tensor], optimiser: torch.optim.Optimizer | None = None) -> None:
    """Replace the masks S_P of a network in place; what lies outside becomes 0, in the weights and in the optimiser.

    A weight that comes in was 0 before and has nothing that an optimiser remembers, so it starts as such.
    """
    buffers = masks_of(model)
    for name, mask in masks.items():
        buffers[name].copy_(mask)
        weight = model.get_submodule(name).get_parameter("weight")
        outside = ~buffers[name]
        weight.masked_fill_(outside, 0)
        for kept in optimiser.state.get(weight, {}).values() if optimiser is not None else ():
            if isinstance(kept, Tensor) and kept.shape == weight.shape:
                kept.masked_fill_(outside, 0)


def highest_inside(scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Choose exactly so many entries inside masks, those with the highest scores of all layers; all if there are fewer.

    Examples
    --------
    >>> mask = torch.tensor([True, True, False, True])
    >>> highest_inside({"a": torch.tensor([1.0, 1.0, 9.0, 1.0])}, {"a": mask}, 2)["a"].sum().item()
    2
    """
    inside = {name: scores[name].masked_fill(~mask, -torch.inf) for name, mask in masks.items()}
    if count >= sum(int(mask.sum()) for mask in masks.values()):
        return {name: mask.clone() for name, mask in masks.items()}
    return keep_highest(inside, count)
