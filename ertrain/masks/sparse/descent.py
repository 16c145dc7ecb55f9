"""SGD with momentum that moves kept weights while gradients come to them, so that these are never held."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer

from ertheory.errors import InvalidInput
from ertrain.masks.sparse.engines import Motion
from ertrain.masks.sparse.products import movable

__all__ = ["SparseSGD"]


def _plain(method: Any) -> Any:
    """Give a method of PyTorch's optimisers without what loads PyTorch's compiler, which takes 150 MB and seconds."""
    return inspect.unwrap(method)


class SparseSGD(SGD):
    """SGD with momentum, as PyTorch has it, that can also move the weights of sparse layers without their gradients.

    After ``loss.backward()``, ``step()`` does what `torch.optim.SGD` does, and so does everything else.
    ``step_through(loss)`` goes backwards and takes the step in one: where the gradient of a kept weight is found, the
    weight and its momentum are moved, and nothing is written down. That saves 4 bytes a kept weight and the time in
    which an optimiser reads them again.

    Parameters
    ----------
    params, lr, momentum, weight_decay
        They are as in `torch.optim.SGD`.
    how
        Anything else that `torch.optim.SGD` takes but ``differentiable``. With ``dampening``, ``nesterov`` or
        ``maximize``, or without momentum, gradients are held, as on a GPU.

    Raises
    ------
    InvalidInput
        If steps are to be differentiable.

    Notes
    -----
    Results agree with those of `torch.optim.SGD` but for roundings, and have the same bits for every number of threads.
    A weight that is used more than once in a pass, or whose gradient a hook looks at, gets a gradient and is moved at
    the end, as what is not sparse. Nothing can be done between gradient and step: who clips or scales gradients, or
    adds up those of several batches, calls ``loss.backward()`` and ``step()``.

    Examples
    --------
    >>> from ertrain import SparseLinear
    >>> layer = SparseLinear(2, 1, [[1, 0]], bias=False)
    >>> with torch.no_grad(): _ = layer.weight.fill_(1.0)
    >>> optimiser = SparseSGD(layer.parameters(), lr=0.5, momentum=0.9)
    >>> optimiser.step_through(layer(torch.ones(1, 2)).sum())
    >>> layer.weight, layer.weight.grad
    (Parameter containing:
    tensor([0.5000], requires_grad=True), None)
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0.9, *, weight_decay: float = 0.0, **how: Any
    ) -> None:
        if how.get("differentiable"):
            raise InvalidInput("differentiable", "False", True)
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, **{"fused": True, **how})

    add_param_group = _plain(Optimizer.add_param_group)
    zero_grad = _plain(Optimizer.zero_grad)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move all parameters that have gradients."""
        return _STEP(self, closure)

    def step_through(self, loss: Tensor) -> None:
        """Go backwards from a loss and take a step; gradients that were there before are forgotten.

        Parameters
        ----------
        loss
            A scalar that was computed with the parameters as they are.
        """
        self.zero_grad()
        moved, found = [], movable(loss)
        for group in self.param_groups if found else ():
            if not _is_plain(group):
                continue
            for weight in group["params"]:
                if weight in found:
                    state = self.state[weight]
                    if state.get("momentum_buffer") is None:
                        state["momentum_buffer"] = torch.zeros_like(weight, requires_grad=False)
                    velocities = state["momentum_buffer"]
                    found[weight](Motion(velocities, float(group["lr"]), group["momentum"], group["weight_decay"]))
                    moved.append(weight)
        loss.backward()  # type: ignore[no-untyped-call]
        if moved:
            torch.autograd.graph.increment_version(moved)
        self.step()


_STEP: Callable[[SparseSGD, Any], Any] = _plain(SGD.step)


def _is_plain(group: dict[str, Any]) -> bool:
    """Whether parameters move by momentum and decay alone."""
    return bool(group["momentum"]) and not (group["dampening"] or group["nesterov"] or group["maximize"])
