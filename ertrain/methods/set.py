"""SET: as RiGL, but what grows is chosen at random."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ertrain.masks.entries import random_entries
from ertrain.methods.rigl import RiGL
from ertrain.streams import generator

__all__ = ["SET"]


class SET(RiGL):
    """Sparse evolutionary training inside S_ER.

    Notes
    -----
    Mocanu et al. (Nature Communications 2018), in the form that it is compared with RiGL in: the same updates at the
    same steps, with the same cosine.
    """

    def growth_cost(self) -> int:
        """Give the operations of the backward pass to the weights of an update: none is needed that is not there."""
        return self._forward

    def wanted(self, layer: nn.Module, place: int, at: int) -> Tensor:
        """Score the entries of a layer at random."""
        rng = generator(self.configuration.seed, "growth", place, at)
        return random_entries(layer, torch.rand, rng).to(layer.get_parameter("weight").device)
