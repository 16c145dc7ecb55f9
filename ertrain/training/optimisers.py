"""Optimisers of configurations, how they move, and what they remember, as tensors by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration
from ertrain.masks.sparse import SparseSGD

__all__ = [
    "cosine_decay",
    "learning_rate",
    "make_optimiser",
    "optimiser_tensors",
    "restore_optimiser",
    "set_learning_rate",
]


def make_optimiser(
    configuration: Configuration,
    model: nn.Module,
    parameters: Sequence[nn.Parameter] | None = None,
    own: Callable[[Sequence[nn.Parameter]], Optimizer] | None = None,
) -> Optimizer:
    """Make the optimiser of a configuration, in the form that updates all weights at once.

    Parameters
    ----------
    configuration
        Names the optimiser and its settings.
    model
        The network that is trained.
    parameters
        The parameters that are moved; by default all of the model's.
    own
        Makes the optimiser instead. Its learning rates keep their proportions through the schedule.

    Examples
    --------
    >>> type(make_optimiser(Configuration(recipe="x", optimiser="adamw"), nn.Linear(2, 1))).__name__
    'AdamW'
    """
    moved = list(model.parameters()) if parameters is None else parameters
    if not moved:
        raise InvalidInput("model", "a network with parameters that are moved", type(model).__name__)
    if own is not None:
        made = own(moved)
        for group in made.param_groups:
            group["rate_share"] = float(group["lr"]) / float(made.param_groups[0]["lr"])
        return made
    options: dict[str, Any] = {"lr": configuration.learning_rate, "weight_decay": configuration.weight_decay}
    options["fused"] = True
    if configuration.optimiser in ("sgd", "nesterov"):
        options["momentum"] = configuration.momentum
        if configuration.optimiser == "sgd":
            return SparseSGD(moved, **options)
        return torch.optim.SGD(moved, nesterov=True, **options)
    kind = torch.optim.AdamW if configuration.optimiser == "adamw" else torch.optim.Adam
    return kind(moved, **options)


def learning_rate(configuration: Configuration, epoch: float) -> float:
    """Give the learning rate at a moment of training, in epochs from 0.

    Examples
    --------
    >>> configuration = Configuration(recipe="x", schedule="steps", milestones=(80, 120), learning_rate=0.1, epochs=160)
    >>> [round(learning_rate(configuration, epoch), 6) for epoch in (0, 79.9, 80, 120)]
    [0.1, 0.1, 0.01, 0.001]
    """
    highest, lowest = configuration.learning_rate, configuration.final_rate
    if epoch < configuration.warmup:
        return highest * (epoch + 1) / (configuration.warmup + 1)
    if configuration.schedule == "steps":
        return highest * configuration.decay ** sum(epoch >= at for at in configuration.milestones)
    if configuration.schedule == "cosine":
        share = (epoch - configuration.warmup) / max(configuration.epochs - configuration.warmup, 1)
        return cosine_decay(share, highest, lowest)
    return highest


def cosine_decay(share: float, highest: float, lowest: float = 0.0) -> float:
    """Go from the highest rate to the lowest along half a cosine.

    Parameters
    ----------
    share
        The share of training that is over, in [0, 1].
    highest, lowest
        The rates at the start and at the end.

    Examples
    --------
    >>> [round(cosine_decay(share, 0.1), 3) for share in (0, 0.5, 1)]
    [0.1, 0.05, 0.0]
    """
    if not math.isfinite(share):
        raise InvalidInput("share", "a number in [0, 1]", share)
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * share)) / 2


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Give all parameters of an optimiser the same learning rate, or their own share of it."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("rate_share", 1.0)


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Name what is kept for each parameter: ``"0.momentum_buffer"`` and so on, by the number of the parameter.

    Examples
    --------
    >>> weight = torch.ones(2, requires_grad=True)
    >>> optimiser = torch.optim.SGD([weight], 0.1, momentum=0.9)
    >>> (weight * torch.tensor([1.0, 2.0])).sum().backward(); optimiser.step()
    >>> optimiser_tensors(optimiser)
    {'0.momentum_buffer': tensor([1., 2.])}
    """
    return {
        f"{number}.{key}": value
        for number, kept in optimiser.state_dict()["state"].items()
        for key, value in kept.items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser for the same parameters back what `optimiser_tensors` returned; nothing is nothing."""
    kept: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        kept.setdefault(int(number), {})[key] = tensor
    if kept:
        optimiser.load_state_dict({**optimiser.state_dict(), "state": kept})
