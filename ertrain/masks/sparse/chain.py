"""Runs of sparse layers with ReLU between them, computed in one go."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from ertrain.masks.sparse.kept import KeptLinear
from ertrain.masks.sparse.layer import SparseLinear
from ertrain.masks.sparse.products import Operand, product

__all__ = ["SparseSequential", "chained", "is_just_called", "operand_of"]

_EVERYWHERE = (
    hooks._global_forward_hooks,
    hooks._global_forward_pre_hooks,
    hooks._global_backward_hooks,
    hooks._global_backward_pre_hooks,
)


class SparseSequential(nn.Sequential):
    """A `torch.nn.Sequential` that computes runs of sparse layers and ReLU in one go: the same numbers, sooner.

    `ertrain.sparsify` makes one of every `torch.nn.Sequential` that has a sparse layer, `ertrain.densify` turns it
    back. A layer with hooks is computed by itself, so that they run.

    Examples
    --------
    >>> layers = SparseLinear(3, 4, [[1, 0, 1]] * 4), nn.ReLU(), SparseLinear(4, 2, [[1, 0, 0, 1]] * 2)
    >>> x = torch.ones(5, 3)
    >>> torch.equal(SparseSequential(*layers)(x), layers[2](layers[0](x).relu()))
    True
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Give what the last module makes of it."""
        if torch.compiler.is_compiling():
            from ertrain.masks.sparse.uncompiled import uncompiled

            outputs: Tensor = uncompiled(self._compute, inputs)
            return outputs
        return self._compute(inputs)

    def _compute(self, inputs: Tensor) -> Tensor:
        return chained(self, inputs)


def chained(modules: Iterable[nn.Module], inputs: Tensor) -> Tensor:
    """Call modules one after another, runs of sparse layers and ReLU in one go.

    Parameters
    ----------
    modules
        The modules in their order.
    inputs
        They are those of the first.
    """
    run: list[Operand] = []
    for module in modules:
        if run and _is_relu(module) and not run[-1].relu:
            run[-1] = run[-1]._replace(relu=True)
            continue
        operand = operand_of(module)
        if run and (operand is None or not _fits(run[-1], operand)):
            inputs, run = product(run, inputs), []
        if operand is None:
            inputs = module(inputs)
        else:
            run.append(operand)
    return product(run, inputs) if run else inputs


def operand_of(module: nn.Module) -> Operand | None:
    """Give what a product needs of a sparse layer, None for what is none or has hooks, which a product would not run.

    Examples
    --------
    >>> operand_of(nn.Linear(3, 2)) is None
    True
    """
    if not isinstance(module, SparseLinear) or type(module) not in (SparseLinear, KeptLinear):
        return None
    return module.operand() if is_just_called(module) else None


def _is_relu(module: nn.Module) -> bool:
    return type(module) is nn.ReLU and is_just_called(module)


def is_just_called(module: nn.Module) -> bool:
    """Whether calling a module is no more than its forward pass."""
    before = module._forward_pre_hooks or module._backward_pre_hooks
    return not (before or module._forward_hooks or module._backward_hooks or any(_EVERYWHERE))


def _fits(one: Operand, other: Operand) -> bool:
    same_kind = one.values.dtype == other.values.dtype and one.values.device == other.values.device
    return same_kind and one.structure.shape[0] == other.structure.shape[1]
