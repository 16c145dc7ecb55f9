"""RiGL: now and then the smallest weights are dropped, and as many grow where the gradient is largest."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ertrain.configuration import Configuration
from ertrain.masks.entries import draw_inside
from ertrain.masks.masking import masks_of
from ertrain.masks.shapes import layer_shapes
from ertrain.methods.base import FixedMask, set_masks
from ertrain.models.initialisation import initialise
from ertrain.ratios import allocate_sparsity
from ertrain.ratios.scores import highest
from ertrain.streams import generator, stream_seed

__all__ = ["RiGL", "rewired"]


class RiGL(FixedMask):
    """Rewire S_P inside S_ER; the number of weights of each layer stays what it was.

    S_P is drawn at the final density from the same random numbers as S_ER, so that it lies inside of it, and it is the
    mask that a fixed one of that density would be. Inside a mask of density 1 this is RiGL as it is known.

    Notes
    -----
    Evci, Gale, Menick, Castro and Elsen (ICML 2020). Every `update_every` steps, before T_end, the share `update_until`
    of all steps, rounded down, the step t of the optimiser is left out. Instead each layer drops the
    floor(a_t n_l) smallest of its n_l weights, a_t = drop_share / 2 (1 + cos(pi t / T_end)), and as many entries of
    S_ER that are not there come in, those with the largest gradients of this batch. A weight that has just been dropped
    may return, as if it had not been dropped; a new one starts at 0 without momentum. The backward pass of a simulated
    sparse layer gives the dense gradient anyhow: it is looked at in place, and never kept.
    """

    def __init__(
        self, configuration: Configuration, model: nn.Module, inputs: tuple[int, ...] | None, steps: int
    ) -> None:
        super().__init__(configuration, model, inputs, steps)
        self.end = math.floor(configuration.update_until * configuration.epochs * steps)
        skip = tuple(layer.name for layer in layer_shapes(model) if layer.name not in self.drawn)
        densities = allocate_sparsity(model, configuration.final_density, configuration.ratio, skip=skip)
        layers = {name: model.get_submodule(name) for name in self.drawn}
        start = draw_inside(layers, densities, stream_seed(configuration.seed, "mask"), drawing=configuration.drawing)
        set_masks(model, {name: mask & self.drawn[name].cpu() for name, mask in start.items()})
        initialise(model, configuration.initialisation, generator(configuration.seed, "weights"))
        self.recount_flops()

    def step(self, optimiser: torch.optim.Optimizer, at: int) -> None:
        """Rewire where it is time for it, and otherwise move the weights."""
        if not self.rewires(at):
            super().step(optimiser, at)
            return
        self.count_flops(self.growth_cost())
        share = self.configuration.drop_share / 2 * (1 + math.cos(math.pi * at / self.end))
        self.rewire(optimiser, share, at)

    def changes_masks(self, at: int) -> bool:
        """Whether it is time to rewire."""
        return self.rewires(at)

    def growth_cost(self) -> int:
        """Give the operations of the backward pass to the weights of an update: to all that might grow."""
        return self._forward_drawn

    def rewires(self, at: int) -> bool:
        """Whether the masks change at a step."""
        due = at > 0 and at % self.configuration.update_every == 0 and at < self.end
        return due and self.configuration.drop_share > 0

    @torch.no_grad()
    def rewire(self, optimiser: torch.optim.Optimizer, share: float, at: int) -> None:
        """Drop a share of the weights of every layer, and grow as many."""
        changed = {}
        for place, (name, mask) in enumerate(masks_of(self.model).items()):
            layer = self.model.get_submodule(name)
            weight, wanted = layer.get_parameter("weight"), self.wanted(layer, place, at)
            changed[name] = rewired(weight, mask, self.drawn[name], wanted, share)
        set_masks(self.model, changed, optimiser)

    def wanted(self, layer: nn.Module, place: int, at: int) -> Tensor:  # noqa: ARG002
        """Score the entries of a layer by how much they should grow."""
        weight = layer.get_parameter("weight")
        return torch.zeros_like(weight) if weight.grad is None else weight.grad.abs()


def rewired(weight: Tensor, mask: Tensor, inside: Tensor, wanted: Tensor, share: float) -> Tensor:
    """Give the mask of a layer that drops a share of its weights, the smallest, and grows as many inside another mask.

    Parameters
    ----------
    weight, mask, inside
        The layer's weights, which of them are there, and the mask that contains them and all that may grow.
    wanted
        Scores of the entries: the highest ones grow, of those that are not there or have just been dropped.
    share
        How much of the layer is dropped, in [0, 1]; the number is rounded down.

    Examples
    --------
    >>> weight, everywhere = torch.tensor([3.0, 1.0, 0.0]), torch.tensor([True, True, True])
    >>> rewired(weight, weight != 0, everywhere, torch.tensor([0.0, 1.0, 2.0]), 0.5)
    tensor([ True, False,  True])
    """
    there = mask.flatten()
    present = int(there.sum())
    count = math.floor(share * present)
    kept = highest(weight.abs().flatten().masked_fill(~there, -torch.inf), present - count)
    grown = highest(wanted.flatten().masked_fill(kept | ~inside.flatten(), -torch.inf), count)
    return (kept | grown).reshape(mask.shape)
