"""SGD with momentum that moves kept weights while gradients come to them, so that these are never held."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer, optimizer

from ertheory.errors import InvalidInput
from ertrain.arguments import taken
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
    weight and its momentum are moved, and nothing is written down. That saves 4 bytes a kept weight. Layers of at most
    2^21 kept weights, and biases, are moved as soon as all of their gradients are there, which takes less time than an
    optimiser does afterwards.

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

    entry_by_entry = True  # for `ertrain.masks.guarding`

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0.9, *, weight_decay: float = 0.0, **how: Any
    ) -> None:
        if how.get("differentiable"):
            raise InvalidInput("differentiable", "False", True)
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            if not 0 <= value < math.inf:
                raise InvalidInput(name, "a number of at least 0", value)
        with taken("params", "parameters, or groups of them", type(params).__name__):
            super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, **{"fused": True, **how})

    add_param_group = _plain(Optimizer.add_param_group)
    zero_grad = _plain(Optimizer.zero_grad)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move all parameters that have gradients."""
        return _STEP(self, closure) if closure is not None or self._has_gradients() else None

    def _has_gradients(self) -> bool:
        return any(part.grad is not None for group in self.param_groups for part in group["params"])

    def _is_watched(self) -> bool:
        """Whether others are told of steps: hooks, and schedulers, which put something before the method."""
        hooks = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks, *_OF_ALL
        return "step" in vars(self) or any(hooks)

    def step_through(self, loss: Tensor) -> None:
        """Go backwards from a loss and take a step; gradients that were there before are forgotten.

        Parameters
        ----------
        loss
            A scalar that was computed with the parameters as they are.
        """
        self.go_back(loss)
        if self._has_gradients() or self._is_watched():
            self.step()

    def go_back(self, loss: Tensor) -> None:
        """Go backwards, and move at once what can be; `step` moves the rest, which alone has gradients then.

        Parameters
        ----------
        loss
            It is as in `step_through`.
        """
        if loss.numel() != 1:
            raise InvalidInput("loss", "a scalar", f"shape {tuple(loss.shape)}")
        moved, found = [], movable(loss)
        for group in self.param_groups:
            plain, how = _is_plain(group), (float(group["lr"]), group["momentum"], group["weight_decay"])
            for parameter in group["params"]:
                parameter.grad = None
                move = found.get(id(parameter)) if plain else None
                if move is not None:
                    state = self.state[parameter]
                    velocities = state.get("momentum_buffer")
                    if velocities is None:
                        velocities = state["momentum_buffer"] = torch.zeros_like(parameter, requires_grad=False)
                    move(Motion(velocities, *how))
                    moved.append(parameter)
        loss.backward()  # type: ignore[no-untyped-call]
        if moved:
            torch.autograd.graph.increment_version(moved)

    def moved_at_once(self, loss: Tensor) -> list[Tensor]:
        """Name what `go_back` would move from a loss while it finds gradients, which are not held."""
        found = movable(loss)
        return [one for group in self.param_groups if _is_plain(group) for one in group["params"] if id(one) in found]


_OF_ALL = optimizer._global_optimizer_pre_hooks, optimizer._global_optimizer_post_hooks
_STEP: Callable[[SparseSGD, Any], Any] = _plain(SGD.step)


def _is_plain(group: dict[str, Any]) -> bool:
    """Whether parameters move by momentum and decay alone."""
    return bool(group["momentum"]) and not (group["dampening"] or group["nesterov"] or group["maximize"])
