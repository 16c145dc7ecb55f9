"""Where the weights of layers are used, in modules and in functions alike: calls of PyTorch are looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ertrain.masks.shapes import layer_shapes
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.kept import KeptLinear

__all__ = ["Uses", "are_looked_at", "tensors_in"]

_CONVOLUTIONS = (
    functional.conv1d, functional.conv2d, functional.conv3d, torch.conv1d, torch.conv2d, torch.conv3d,
)  # fmt: skip
_LINEAR = (functional.linear, torch._C._nn.linear)

_entered: ContextVar[int] = ContextVar("entered", default=0)


def are_looked_at() -> bool:
    """Whether somebody looks at uses of weights now, so that every layer is to be applied by itself.

    Examples
    --------
    >>> are_looked_at()
    False
    """
    return _entered.get() > 0


class Uses(TorchFunctionMode):
    """While it is entered, tell of every use of the weight of a linear or convolutional layer.

    Parameters
    ----------
    module
        The module whose layers are looked at, by the names that `layer_shapes` gives them.
    used
        It is called with the name of a layer, the result of its use, and the axis of the result on which its outputs
        are.
    instead
        Functions that are called in the place of some of PyTorch's.
    """

    def __init__(
        self,
        module: nn.Module,
        used: Callable[[str, Tensor, int], object],
        instead: Mapping[Any, Callable[..., Any]] | None = None,
    ) -> None:
        super().__init__()
        layers = {layer.name: module.get_submodule(layer.name) for layer in layer_shapes(module)}
        self._names = {id(layer._parameters.get("weight")): name for name, layer in layers.items()}
        self._used, self._instead = used, dict(instead or {})
        # Layers that hold their kept weights alone call no function of PyTorch's that is known here.
        self._kept = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, KeptLinear)]
        self._handles: list[Any] = []

    def __enter__(self) -> Any:
        """Begin to look."""
        _entered.set(_entered.get() + 1)
        for name, layer in self._kept:
            self._handles.append(layer.register_forward_hook(partial(self._told, name)))
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> Any:
        """End it."""
        _entered.set(_entered.get() - 1)
        while self._handles:
            self._handles.pop().remove()
        return super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _told(self, name: str, layer: nn.Module, _: Any, result: Tensor) -> None:
        axis = 3 if isinstance(layer, SparseConv2d) else 1  # channels are before rows and columns
        self._used(name, result, result.dim() - axis)

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function, or another in its place, and look at the weight that it was given."""
        kwargs = kwargs or {}
        result = self._instead.get(function, function)(*args, **kwargs)
        if function is functional.multi_head_attention_forward:
            self._tell(args[11] if len(args) > 11 else kwargs["out_proj_weight"], result[0], -1)
        if function in _LINEAR:
            self._tell(args[1] if len(args) > 1 else kwargs["weight"], result, -1)
        elif function in _CONVOLUTIONS:
            weight = args[1] if len(args) > 1 else kwargs["weight"]
            self._tell(weight, result, result.dim() - weight.dim() + 1)
        return result

    def _tell(self, weight: Any, result: Tensor, axis: int) -> None:
        name = self._names.get(id(weight))
        if name is not None:
            self._used(name, result, axis % result.dim())


def tensors_in(given: Any) -> list[Tensor]:
    """List the tensors of real numbers in what a module returned: a tensor, or some in dicts, lists and objects."""
    if isinstance(given, Tensor):
        return [given] if given.is_floating_point() else []
    if isinstance(given, Mapping):
        return [tensor for part in given.values() for tensor in tensors_in(part)]
    if isinstance(given, list | tuple):
        return [tensor for part in given for tensor in tensors_in(part)]
    return []
