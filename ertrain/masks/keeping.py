"""What keeps weights inside their masks wherever a layer is used: hooks that clear them, and a word when they cannot.

A forward pass may come after anything: weights that were loaded, rewound, averaged or merged, masks that were written
to, an optimiser without a guard. So every pass clears the weights that it is about to use, without asking whether that
is needed, and what a state dict brings is cleared when it is loaded. The hooks are in the module, and are copied and
pickled with it.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.masks.clearing import clear, clear_at_once

__all__ = ["MASK", "KeepMask", "keep", "keeper_of", "masked_layers", "plain_weight", "reads_weights"]

MASK = "weight_mask"


class KeepMask:
    """A forward pre-hook that sets the weight of a layer to 0 outside its mask.

    Parameters
    ----------
    layer
        The layer with the mask, where the module that has the hook is another one, which uses the same weight.
    name
        The parameter of the module that has the hook, "" if the weight is none of its own.

    Attributes
    ----------
    guarded
        Whether a guard keeps an optimiser of the weight inside the mask.
    lost
        Whether the module is a copy of one that was guarded: a copy of an optimiser has no guard any more.
    """

    def __init__(self, layer: nn.Module | None = None, name: str = "weight") -> None:
        self.layer, self.name = layer, name
        self.guarded = self.lost = False

    def __call__(self, module: nn.Module, _: object) -> None:
        """Clear the weight that the module is about to use."""
        layer = module if self.layer is None else self.layer
        mask = layer._buffers.get(MASK)
        if mask is None:  # somebody took the mask away, which makes the layer a dense one
            return
        if self.lost and module.training and torch.is_grad_enabled():
            allowed = (
                "a guard: copies of optimisers have none, so call guard(optimiser, model) again, "
                "or attach_masks(model, masks_of(model)) where none is wanted"
            )
            raise InvalidInput("model", allowed, f"a copy of a guarded {type(layer).__name__}")
        weight: Any = layer._parameters.get("weight")
        if type(weight) is nn.Parameter:  # as nearly always: to ask whether it is something else takes longer
            if not clear_at_once(weight, mask):
                _check_shape(layer, weight, mask)
                clear((weight,), mask)
        elif hasattr(weight, "device_mesh"):  # spread over processes, which is refused
            plain_weight(layer)
        elif isinstance(weight, nn.Parameter):
            _check_shape(layer, weight, mask)
            clear((weight,), mask)
        elif weight is not None:  # lent for this call, as by torch.func.functional_call: somebody else's
            return
        elif getattr(layer, "_is_replica", False):  # of torch.nn.DataParallel: no parameter, but one's image
            image: Any = layer.weight
            clear((image,), mask)
        else:
            plain_weight(layer)

    def clear_loaded(self, _: nn.Module, __: object) -> None:
        """Clear what a state dict has brought to the layer with the mask."""
        if self.layer is not None:
            _clear_loaded(self.layer, None)

    def __getstate__(self) -> dict[str, Any]:
        """Say in a copy that there was a guard."""
        return {**self.__dict__, "guarded": False, "lost": self.lost or self.guarded}


def keep(module: nn.Module, layer: nn.Module) -> None:
    """Let all parts of a module that use the weight of a layer use it inside its mask.

    Those are the layer itself, others that share its weight, and modules around it whose own code reads weights of
    their parts, as attention does, since that goes past the hooks of the layer.
    """
    own = keeper_of(layer)
    if own is not None:
        own.lost = False
    else:
        # First of all hooks: one that computes the weight from others, such as weight norm, would hide a refusal.
        layer.register_forward_pre_hook(KeepMask(), prepend=True)
        layer.register_load_state_dict_post_hook(_clear_loaded)  # type: ignore[no-untyped-call]
    weight = layer._parameters["weight"]
    for other in module.modules():
        if other is layer or any(
            isinstance(hook, KeepMask) and hook.layer is layer for hook in other._forward_pre_hooks.values()
        ):
            continue
        shared = [name for name, parameter in other._parameters.items() if parameter is weight]
        around = reads_weights(type(other)) and any(part is layer for part in other.modules())
        if shared or around:
            hook = KeepMask(layer, shared[0] if shared else "")
            other.register_forward_pre_hook(hook, prepend=True)
            if shared:  # its copy of the weight may be loaded after that of the layer
                other.register_load_state_dict_post_hook(hook.clear_loaded)  # type: ignore[no-untyped-call]


def keeper_of(layer: nn.Module) -> KeepMask | None:
    """Give the hook of a layer that keeps its own mask."""
    for hook in layer._forward_pre_hooks.values():
        if type(hook) is KeepMask and hook.layer is None:
            return hook
    return None


def masked_layers(module: nn.Module) -> list[nn.Module]:
    """List the parts of a module that have a mask; those of ``torch.nn.utils.prune`` are none of ours."""
    found, seen, left = list[nn.Module](), set[int](), list[nn.Module | None]([module])
    while left:  # as module.modules() does, which makes the names of all parts first
        part = left.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        mask = part._buffers.get(MASK)
        if mask is not None and (mask.dtype is torch.bool or keeper_of(part) is not None):
            found.append(part)
        if part._modules:
            left += reversed(part._modules.values())
    return found


def plain_weight(layer: nn.Module) -> nn.Parameter:
    """Give the weight of a layer that has a mask.

    Raises
    ------
    InvalidInput
        If it is no parameter of the layer any more, or is spread over processes.
    """
    weight, mask = layer._parameters.get("weight"), layer._buffers[MASK]
    if type(weight) is nn.Parameter and mask is not None:
        _check_shape(layer, weight, mask)
        return weight
    named = f"masked {type(layer).__name__}"
    if weight is None:
        allowed = (
            "a weight that is a plain parameter: remove the parametrisation (weight norm, pruning, ...), "
            "or delete the buffer weight_mask"
        )
        raise InvalidInput(named, allowed, "a weight that is computed from others")
    if hasattr(weight, "device_mesh"):
        allowed = "a whole weight in every process, as in DistributedDataParallel"
        raise InvalidInput(named, allowed, "a weight that is spread over processes")
    if mask is not None:
        _check_shape(layer, weight, mask)
    return weight


def _check_shape(layer: nn.Module, weight: Tensor, mask: Tensor) -> None:
    if weight.shape != mask.shape or mask.dtype != torch.bool:
        allowed = f"a mask of booleans of shape {tuple(weight.shape)}, as its weight has here: attach masks anew"
        raise InvalidInput(f"masked {type(layer).__name__}", allowed, f"{mask.dtype} of shape {tuple(mask.shape)}")


def _clear_loaded(layer: nn.Module, _: object) -> None:
    weight, mask = layer._parameters.get("weight"), layer._buffers.get(MASK)
    if weight is not None and mask is not None and weight.shape == mask.shape:
        clear((weight,), mask)


def reads_weights(kind: type[nn.Module]) -> bool:
    """Whether the code of a class mentions ``.weight``, other than when it is made."""
    own = (base for base in kind.__mro__ if issubclass(base, nn.Module) and base is not nn.Module)
    functions = (
        value
        for base in own
        for name, value in vars(base).items()
        if isinstance(value, types.FunctionType) and name not in ("__init__", "reset_parameters", "extra_repr")
    )
    return any("weight" in _names(function.__code__) for function in functions)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _names(part)
