"""Iterative magnitude pruning, to see how many weights of each layer it leaves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.masking import attach_masks
from ertrain.ratios.scores import keep_highest, magnitude

__all__ = ["imp_masks"]


def imp_masks(
    module: nn.Module, names: Sequence[str], count: int, fit: Callable[[nn.Module], object], *, keep: float
) -> dict[str, Tensor]:
    """Train, remove the smallest weights of all layers, go back to the start, and so on.

    Parameters
    ----------
    module
        The network at its start, without masks; never changed.
    names
        Layers to prune.
    count
        Weights to keep at last, exactly.
    fit
        Trains a network in place, keeping its masks.
    keep
        Share of the weights that a round leaves, in (0, 1); the last one leaves what it must.

    Notes
    -----
    Frankle and Carbin (ICLR 2019), with one threshold for all layers, and weights taken back to their very start. What
    has been removed stays removed.
    """
    if not 0 < keep < 1:
        raise InvalidInput("ratio_keep", "a number in (0, 1)", keep)
    weights = {name: module.get_submodule(name).get_parameter("weight") for name in names}
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    left = sum(weight.numel() for weight in weights.values())
    while left > count:
        left = max(count, round(left * keep) if round(left * keep) < left else left - 1)
        model = copy.deepcopy(module)
        attach_masks(model, masks)
        fit(model)
        scores = magnitude(model, names)
        for name, mask in masks.items():  # below every weight that is there, though that be 0
            scores[name] = scores[name].masked_fill(~mask.to(scores[name].device), -1)
        masks = keep_highest(scores, left)
    return masks
