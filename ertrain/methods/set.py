"""SET: as RiGL, but what grows is chosen at random."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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

    def wanted(self, weight: nn.Parameter, place: int, at: int) -> Tensor:
        """Score the entries of a layer at random."""
        rng = generator(self.configuration.seed, "growth", place, at)
        return torch.rand(weight.shape, generator=rng).to(weight.device)
