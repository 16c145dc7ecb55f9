"""What an optimiser remembers, as tensors by name."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer

__all__ = ["optimiser_tensors", "restore_optimiser"]


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Name what is kept for each parameter: ``"0.momentum_buffer"`` and so on, by the number of the parameter.

    Examples
    --------
    >>> import torch
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
