"""What a pruning method may look at, and how it scores or prunes with that; the operations it takes are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number
from ertrain.data import Data
from ertrain.masks.flops import forward_flops, layer_positions, masked_flops, training_flops
from ertrain.ratios.imp import imp_masks
from ertrain.ratios.scores import Loss, Scores, grasp, snip, summed_cross_entropy, synflow_masks
from ertrain.streams import generator, stream_seed

__all__ = ["PruningContext", "found_by_imp", "found_by_synflow", "scored"]

_IMAGES_PER_CLASS = 100
_IMAGES_AT_ONCE = 250
# Forward passes that an image takes. A gradient: one, and two backwards. GraSP looks twice: at a gradient, and at a
# gradient whose own products are differentiated, by two factors each, and the pass before it once more: 3 + 9.
_PASSES = {"snip": 3, "grasp": 12}
_LOOKS = {"snip": 1, "grasp": 2}


def _nobody(_: int) -> None:
    """Count nothing."""


@dataclass(frozen=True, eq=False)
class PruningContext:
    """What a pruning method may look at.

    Parameters
    ----------
    data
        Its images to train with; SNIP and GraSP take 100 per class of them, or all if there are fewer.
    seed
        It is that of the run; decides which images.
    fit
        Trains a network in place, for IMP.
    keep
        Share of the weights that a round of IMP leaves.
    rounds
        Where rounds of IMP are kept, as in `imp_masks`; nowhere by default.
    loss
        The sum of the losses of a batch, given its outputs and its labels, for SNIP and GraSP.
    images
        How many images `fit` trains with, counted as often as they are seen.
    spend
        It is called with the floating-point operations that a search takes, also those of rounds of IMP that were kept.

    Raises
    ------
    InvalidInput
        If a number lies outside of its domain.
    """

    data: Data
    seed: int
    fit: Callable[[nn.Module], object]
    keep: float = 0.8
    rounds: Path | None = None
    loss: Loss = summed_cross_entropy
    images: int = 0
    spend: Callable[[int], object] = _nobody

    def __post_init__(self) -> None:
        """Check the numbers."""
        stream_seed(self.seed, "ratio")
        if not 0 < self.keep < 1:
            raise InvalidInput("keep", "a number in (0, 1)", self.keep)
        whole_number("images", self.images, least=0)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the images for SNIP and GraSP, normalised."""
        train = self.data.train
        order = torch.randperm(len(train), generator=generator(self.seed, "ratio"))
        chosen = train.part(order[: _IMAGES_PER_CLASS * self.data.classes].to(train.labels.device))
        for images, labels in chosen.in_order(_IMAGES_AT_ONCE):
            yield self.data.normalised(images), labels


def scored(by: Literal["snip", "grasp"], module: nn.Module, names: Sequence[str], context: PruningContext) -> Scores:
    """Score weights by SNIP or GraSP; the network is that inside the module's masks, if it has some.

    Notes
    -----
    Operations are those of all layers, without those that the first one is spared since nobody asks for the gradient
    of images, as everywhere where training is counted.
    """
    forward = forward_flops(module, context.data.train.shape)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in context.batches():
            context.spend(_PASSES[by] // _LOOKS[by] * forward * len(images))
            yield images, labels

    return (snip if by == "snip" else grasp)(module, names, batches, seed=context.seed, loss=context.loss)


def found_by_synflow(module: nn.Module, names: Sequence[str], count: int, context: PruningContext) -> dict[str, Tensor]:
    """Prune by synaptic flow, as `ertrain.ratios.scores.synflow_masks` does."""
    inputs = context.data.train.shape
    return synflow_masks(module, names, inputs, count, tell=_teller(module, context, images=1))


def found_by_imp(module: nn.Module, names: Sequence[str], count: int, context: PruningContext) -> dict[str, Tensor]:
    """Prune by magnitude in rounds, as `ertrain.ratios.imp.imp_masks` does."""
    tell = _teller(module, context, images=context.images)
    return imp_masks(module, names, count, context.fit, keep=context.keep, folder=context.rounds, tell=tell)


def _teller(module: nn.Module, context: PruningContext, *, images: int) -> Callable[[Mapping[str, Tensor]], object]:
    """Make what is told of the masks of a round, and counts its operations."""
    positions = layer_positions(module, context.data.train.shape)

    def tell(masks: Mapping[str, Tensor]) -> None:
        context.spend(training_flops(masked_flops(module, positions, masks), images))

    return tell
