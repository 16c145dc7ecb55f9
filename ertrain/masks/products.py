"""Products with weights, looked at where PyTorch computes them, whatever function or operator asked for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ertrain.masks.shapes import layer_shapes

__all__ = ["Products"]

_aten: Any = torch.ops.aten
_ADDED = (_aten.addmm, _aten.addmv, _aten.baddbmm)  # of these the first argument is no factor
_PRODUCTS = (*_ADDED, _aten.bmm, _aten.dot, _aten.linear, _aten.matmul, _aten.mm, _aten.mv)


class Products(TorchDispatchMode):
    """While it is entered, count multiplications of what is made of weights alone with what is not.

    Parameters
    ----------
    module
        The module whose weights are looked at, those with two axes or more.

    Attributes
    ----------
    multiplications
        Their number by the names that `layer_shapes` gives layers, also for weights that are computed from others, and
        by those of the parameters that it does not list. What is made of several weights stands for the first of them.
    parts
        Names of weights of which a factor had fewer entries than there are.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        layers, shapes = dict[int, str](), layer_shapes(module)
        for layer in shapes:
            own = module.get_submodule(layer.name)
            plain = own._parameters.get("weight")
            sources = own.parameters() if plain is None else (plain,)
            layers |= {id(one): layer.name for one in sources if one.dim() > 1}
        self.multiplications: dict[str, int] = {}
        self.parts: set[str] = set()
        self._sizes = {layer.name: layer.weights for layer in shapes}
        # By storages: where parameters begin and end in them, and names, also of what is computed from parameters and
        # buffers; tensors are held, so that no storage is used again.
        self._known: dict[int, list[tuple[int, float, str | None, Tensor]]] = {}
        for name, one in module.named_parameters():
            called = layers.get(id(one), name if one.dim() > 1 else None)
            self._add(one, called, whole=False)
        for buffer in module.buffers():
            self._add(buffer, None)

    def __torch_dispatch__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function, and look at what it multiplies."""
        result = function(*args, **(kwargs or {}))
        kind = function.overloadpacket
        if kind in _PRODUCTS:
            factors = args[1:3] if kind in _ADDED else args[:2]
            self._tell(factors, result.numel() * factors[0].shape[-1])
        elif kind is _aten.convolution:
            weight, places = args[1], args[0] if args[6] else result  # a transposed one begins at each of its inputs
            self._tell(args[:2], places.numel() // weight.shape[0] * weight.numel())
        found = [self._name(one) for one in _tensors(args)]
        if found and all(known for known, _ in found):
            # What a layer makes of constants is no weight of it, and what it is multiplied with later is not its use.
            multiplied = kind in _PRODUCTS or kind is _aten.convolution
            names = [name for _, name in found if name is not None and not (multiplied and name in self._sizes)]
            for one in _tensors((result,)):
                if not self._name(one)[0]:
                    self._add(one, names[0] if names else None)
        return result

    def _add(self, one: Tensor, name: str | None, *, whole: bool = True) -> None:
        if (storage := _storage(one)) is not None:
            start = int(one.storage_offset())
            place = (0, math.inf) if whole else (start, start + one.numel())
            self._known.setdefault(storage, []).append((*place, name, one))

    def _name(self, one: Tensor) -> tuple[bool, str | None]:
        """Whether a tensor is made of weights alone, and of which."""
        for start, end, name, _ in self._known.get(_storage(one) or 0, ()):
            if start <= one.storage_offset() < end:
                return True, name
        return False, None

    def _tell(self, factors: Any, count: int) -> None:
        named = [(one, *self._name(one)) for one in factors]
        if all(known for _, known, _ in named):
            return
        for factor, _, name in named:
            if name is not None:
                self.multiplications[name] = self.multiplications.get(name, 0) + count
                if factor.numel() < self._sizes.get(name, 0):
                    self.parts.add(name)


def _storage(one: Tensor) -> int | None:
    try:
        return one.untyped_storage().data_ptr() or None
    except (NotImplementedError, RuntimeError):  # sparse tensors, and kinds of somebody else, have none
        return None


def _tensors(given: Any) -> Iterator[Tensor]:
    for one in given:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, list | tuple):
            yield from _tensors(one)
