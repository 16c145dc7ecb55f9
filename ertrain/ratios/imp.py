"""Iterative magnitude pruning, to see how many weights of each layer it leaves."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number
from ertrain.masks.masking import attach_masks
from ertrain.masks.shapes import named_weights
from ertrain.ratios.scores import Scores, keep_highest, magnitude
from ertrain.storage.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from ertrain.storage.files import locked

__all__ = ["imp_masks"]


def imp_masks(
    module: nn.Module,
    names: Sequence[str],
    count: int,
    fit: Callable[[nn.Module], object],
    *,
    keep: float,
    folder: Path | None = None,
    tell: Callable[[Mapping[str, Tensor]], object] = lambda _: None,
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
    folder
        Where what a round has found is kept, one folder a round, and taken from if it is there. It must belong to this
        start, these layers, this way of training and this share. The count may be another, for it only cuts the last
        round shorter. Other processes wait until this one is through.
    tell
        It is called in every round with the masks that it trains in, also where what it has found is taken from a
        folder.

    Raises
    ------
    InvalidInput
        If share or count lie outside of their domains, or a name is none of a linear or convolutional layer.
    RunFolderError
        If the folder cannot be used.

    Notes
    -----
    Frankle and Carbin (ICLR 2019), with one threshold for all layers, and weights taken back to their very start. What
    has been removed stays removed.
    """
    if not 0 < keep < 1:
        raise InvalidInput("keep", "a number in (0, 1)", keep)
    weights = named_weights(module, names)
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    left = sum(weight.numel() for weight in weights.values())
    count = whole_number("count", count, least=0, most=left)
    with contextlib.nullcontext() if folder is None else locked(folder, waiting=True):
        number = 0
        while left > count:
            number += 1
            tell(masks)
            scores = _round(module, names, masks, fit, None if folder is None else folder / str(number))
            left = max(count, round(left * keep) if round(left * keep) < left else left - 1)
            masks = keep_highest(scores, left)
    return masks


def _round(
    module: nn.Module,
    names: Sequence[str],
    masks: dict[str, Tensor],
    fit: Callable[[nn.Module], object],
    folder: Path | None,
) -> Scores:
    """Train inside of the masks, and score the weights: those that have been removed below all others."""
    known = None
    if folder is not None:
        folder.mkdir(exist_ok=True)
        known = load_checkpoint(folder)
    if known is not None:
        return {name: known.weights[name].to(mask.device) for name, mask in masks.items()}
    model = copy.deepcopy(module)
    attach_masks(model, masks)
    fit(model)
    scores = magnitude(model, names)
    for name, mask in masks.items():  # below every weight that is there, though that be 0
        scores[name] = scores[name].masked_fill(~mask.to(scores[name].device), -1)
    if folder is not None:
        save_checkpoint(folder, Checkpoint(scores, {}, {}))
    return scores
