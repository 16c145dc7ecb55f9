"""Pruning at initialisation inside the drawn mask: SNIP, GraSP and SynFlow choose S_P before the first step."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ertrain.methods.base import FixedMask, highest_inside, set_masks
from ertrain.models.initialisation import initialise
from ertrain.ratios import PruningContext, found_by_synflow, scored
from ertrain.streams import generator

__all__ = ["SNIP", "GraSP", "PruningAtInitialisation", "SynFlow"]


class PruningAtInitialisation(FixedMask):
    """Prune S_ER once, to exactly the final density, and train what is left as a fixed mask is trained.

    The network that is scored is that of the start, with all weights of S_ER. Initialisations that know of sparsity
    then scale the weights that are left for their new fan-in; the random numbers behind them stay the same.
    """

    def before_training(self, context: PruningContext) -> None:
        """Choose the weights that are trained."""
        count = self.budget(self.configuration.final_density)
        if count == self.size:
            return
        set_masks(self.model, self.choose(count, replace(context, spend=self._spend)))
        initialise(self.model, self.configuration.initialisation, generator(self.configuration.seed, "weights"))
        self.recount_flops()

    def choose(self, count: int, context: PruningContext) -> dict[str, Tensor]:
        """Choose so many weights of S_ER, fewer than it has."""
        raise NotImplementedError

    def _spend(self, flops: int) -> None:
        self.flops += flops


class SNIP(PruningAtInitialisation):
    """Keep the weights with the largest |w dL/dw|, as in `ertrain.ratios.scores.snip`."""

    def choose(self, count: int, context: PruningContext) -> dict[str, Tensor]:
        """Choose by the loss of some training images, one threshold for all layers."""
        return highest_inside(scored("snip", self.model, list(self.drawn), context), self.drawn, count)


class GraSP(PruningAtInitialisation):
    """Keep the weights whose removal would cost most flow of gradients, as in `ertrain.ratios.scores.grasp`."""

    def choose(self, count: int, context: PruningContext) -> dict[str, Tensor]:
        """Choose by the gradients of some training images, one threshold for all layers."""
        return highest_inside(scored("grasp", self.model, list(self.drawn), context), self.drawn, count)


class SynFlow(PruningAtInitialisation):
    """Keep synaptic flow, in many rounds and without data, as in `ertrain.ratios.scores.synflow_masks`."""

    def choose(self, count: int, context: PruningContext) -> dict[str, Tensor]:
        """Choose by the weights alone."""
        return found_by_synflow(self.model, list(self.drawn), count, context)
