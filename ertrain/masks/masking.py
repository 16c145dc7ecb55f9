"""Masks on modules, and the invariant: a masked weight is exactly 0, and so is all that an optimiser keeps about it.

A mask is a boolean buffer beside the weight that it belongs to, so that it goes wherever the module goes: state dicts,
copies, devices, processes. In the forward pass nothing is multiplied. The weight is set to 0 once, and from then on its
gradient is, before every step of the optimiser, for all layers in one pass. With a gradient of 0 and a weight of 0,
momentum, moments and weight decay have nothing to act on: they stay 0 by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.layerwise import LayerDensities
from ertheory.masks import DrawnMask
from ertrain.masks.shapes import layer_shapes

__all__ = ["attach_masks", "draw_masks", "guard", "mask_gradients", "masks_of", "without_masks"]

_BUFFER = "weight_mask"


def draw_masks(densities: LayerDensities, seed: int, *, exact: bool = False) -> dict[str, Tensor]:
    """Draw an ER mask for every layer.

    Parameters
    ----------
    densities
        Layers and their densities p_l, as by `ertheory.layerwise.layer_densities`.
    seed
        0 <= seed < 2^63. The mask of a layer depends on it, the layer's place, shape and density alone.
    exact
        Whether a layer keeps exactly its share of the budget, round(p_l m_l) up to one, every choice being equally
        likely. By default every weight is kept with probability p_l independently, as the theory has it.

    Returns
    -------
    dict
        A boolean tensor of the layer's shape by the layer's name, on the CPU.

    Notes
    -----
    Independent masks are those of `ertheory.masks.draw_masks`, entry by entry: with one seed, the sparser one lies
    inside the denser one.

    Examples
    --------
    >>> from ertheory.layerwise import layer_densities
    >>> masks = draw_masks(layer_densities(((30, 20), (10, 30)), "0.1", "uniform"), seed=0, exact=True)
    >>> {name: int(mask.sum()) for name, mask in masks.items()}
    {'layer1': 60, 'layer2': 30}
    """
    counts = densities.nonzero_counts()
    masks: dict[str, Tensor] = {}
    for place, (layer, density) in enumerate(zip(densities.layers, densities.densities, strict=True)):
        if exact:
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
            flat = np.zeros(layer.weights, dtype=np.bool_)
            flat[rng.choice(layer.weights, counts[place], replace=False, shuffle=False)] = True
        elif density == 0:  # a ratio may leave nothing of a layer
            flat = np.zeros(layer.weights, dtype=np.bool_)
        else:
            drawn = DrawnMask((layer.outputs, layer.fan_in), Fraction(density), seed, place)
            flat = drawn.to_csr().toarray()
        masks[layer.name] = torch.from_numpy(flat.reshape(layer.shape))
    return masks


def attach_masks(module: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Give layers their masks and set the masked weights to 0.

    Parameters
    ----------
    module
        Any module; it is changed in place.
    masks
        Boolean tensors by the names of linear and convolutional layers, as `layer_shapes` lists them. Layers without
        one stay dense. A mask that is there already is replaced; weights that it had removed stay 0.

    Raises
    ------
    InvalidInput
        If a name is none of a layer that can be masked, a shape differs, or a mask is not boolean.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> attach_masks(layer, {"": torch.tensor([[True, False], [True, True]])})
    >>> layer.weight[0, 1].item(), list(layer.state_dict())
    (0.0, ['weight', 'bias', 'weight_mask'])
    """
    shapes = {layer.name: layer.shape for layer in layer_shapes(module)}
    for name, mask in masks.items():
        if name not in shapes:
            raise InvalidInput("masks", f"names among {', '.join(shapes)}", name)
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or tuple(mask.shape) != shapes[name]:
            got = f"{mask.dtype} of shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else mask
            raise InvalidInput(f"mask of {name!r}", f"booleans of shape {shapes[name]}", got)
        if "weight" not in module.get_submodule(name)._parameters:
            raise InvalidInput("masks", "layers whose weight is a plain parameter", name)
    for name, mask in masks.items():
        layer = module.get_submodule(name)
        weight: Any = layer.weight
        layer.register_buffer(_BUFFER, mask.detach().to(weight.device, copy=True))
        with torch.no_grad():
            weight.masked_fill_(~layer.get_buffer(_BUFFER), 0)


def masks_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the masks of a module by the names of their layers: the buffers themselves, not copies."""
    found = {name: layer._buffers.get(_BUFFER) for name, layer in module.named_modules()}
    return {name: mask for name, mask in found.items() if mask is not None}


def without_masks(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave the masks out of a state dict; parameters and other buffers remain.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> attach_masks(layer, {"": torch.tensor([[True, False]])})
    >>> list(without_masks(layer.state_dict()))
    ['weight', 'bias']
    """
    return {name: tensor for name, tensor in state.items() if name.rpartition(".")[2] != _BUFFER}


def mask_gradients(module: nn.Module) -> None:
    """Set the gradients of masked weights to 0, once, for instance before the gradients are measured or clipped."""
    for layer in _masked_layers(module):
        weight: Any = layer.weight
        if weight.grad is not None:
            weight.grad.mul_(layer.get_buffer(_BUFFER))


def guard(optimiser: torch.optim.Optimizer, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
    """Keep masked weights at 0 through all steps of an optimiser.

    Parameters
    ----------
    optimiser
        Any optimiser that moves a weight only along its gradient, its state and its own value, such as SGD with or
        without Nesterov momentum, Adam and AdamW. What it already keeps about masked weights is set to 0.
    module
        The module with masks, before it is wrapped or compiled; it may be moved and loaded into later on.

    Returns
    -------
    torch.utils.hooks.RemovableHandle
        Its method ``remove`` ends the guard.

    Raises
    ------
    InvalidInput
        At a step with a closure: it computes gradients behind the guard's back.

    Notes
    -----
    A gradient that is infinite or not a number makes its weight not a number, masked or not.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> attach_masks(layer, {"": torch.tensor([[True, False]])})
    >>> optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1)
    >>> _ = guard(optimiser, layer)
    >>> layer(torch.ones(3, 2)).sum().backward()
    >>> optimiser.step()
    >>> layer.weight[0, 1].item(), optimiser.state[layer.weight]["exp_avg"][0, 1].item()
    (0.0, 0.0)
    """
    layers = _masked_layers(module)
    for layer in layers:
        weight: Any = layer.weight
        for kept in optimiser.state.get(weight, {}).values():
            if isinstance(kept, Tensor) and kept.shape == weight.shape:
                kept.masked_fill_(~layer.get_buffer(_BUFFER), 0)
    factors: dict[int, tuple[object, Tensor]] = {}

    def before_step(_: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if any(given is not None for given in args[1:]) or kwargs.get("closure") is not None:
            raise InvalidInput("closure", "none, when masks are kept", "a closure")
        gradients, masks = [], []
        for place, layer in enumerate(layers):
            gradient = layer.weight.grad
            if isinstance(gradient, Tensor):
                gradients.append(gradient)
                masks.append(_factor(layer.get_buffer(_BUFFER), gradient, place, factors))
        if gradients:
            torch._foreach_mul_(gradients, masks)

    return optimiser.register_step_pre_hook(before_step)


def _masked_layers(module: nn.Module) -> list[nn.Module]:
    return [layer for layer in module.modules() if layer._buffers.get(_BUFFER) is not None]


def _factor(mask: Tensor, gradient: Tensor, place: int, factors: dict[int, tuple[object, Tensor]]) -> Tensor:
    """Give the mask in the gradient's own type and layout: six times faster to multiply by than booleans.

    It is made anew when the mask was written to or replaced, or the gradient changed its type, layout or device.
    """
    made_for = (mask.data_ptr(), mask._version, gradient.dtype, gradient.device, gradient.stride())
    known = factors.get(place)
    if known is not None and known[0] == made_for:
        return known[1]
    factor = torch.empty_like(gradient).copy_(mask)
    factors[place] = (made_for, factor)
    return factor
