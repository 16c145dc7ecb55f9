"""Batch normalisation over all processes on CPUs, where PyTorch has none: as one process would compute it.

Roundings apart, since sums are taken in another order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["SyncedBatchNorm", "synced"]


class _Summed(torch.autograd.Function):
    """The sum of a tensor over all processes; everybody's loss depends on everybody's part."""

    @staticmethod
    def forward(context: Any, part: Tensor) -> Tensor:  # noqa: ARG004
        total = part.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> Tensor:  # noqa: ARG004
        total = slopes[0].clone()
        distributed.all_reduce(total)
        return total


class SyncedBatchNorm(_BatchNorm):
    """Batch normalisation whose statistics, while it is trained, are those of the batches of all processes.

    Notes
    -----
    Every process has as many inputs as every other one.
    """

    def _check_input_dim(self, _: Tensor) -> None:
        """Take any number of axes."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise inputs (batch, channels, ...)."""
        if not self.training:
            return super().forward(inputs)
        axes = [axis for axis in range(inputs.dim()) if axis != 1]
        shape = [1, -1, *[1] * (inputs.dim() - 2)]
        count = inputs.numel() // inputs.shape[1] * distributed.get_world_size()
        mean = _Summed.apply(inputs.sum(axes)) / count
        centred = inputs - mean.reshape(shape)
        variance = _Summed.apply(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
        scaled: Tensor = centred * (variance + self.eps).rsqrt().reshape(shape)
        if self.weight is not None:
            scaled = scaled * self.weight.reshape(shape)
        return scaled if self.bias is None else scaled + self.bias.reshape(shape)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synced(model: nn.Module) -> nn.Module:
    """Let all batch normalisation of a network, in place, be that of all processes; parameters and buffers stay."""
    if isinstance(model, _BatchNorm) and not isinstance(model, SyncedBatchNorm):
        made = SyncedBatchNorm.__new__(SyncedBatchNorm)
        made.__dict__ = model.__dict__
        return made
    for name, part in model.named_children():
        setattr(model, name, synced(part))
    return model
