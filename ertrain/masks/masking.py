"""Masks on modules, and the invariant: a masked weight is exactly 0, and so is all that an optimiser keeps about it.

A mask is a boolean buffer beside the weight that it belongs to, so that it goes wherever the module goes: state dicts,
copies, devices, processes. The weight itself is 0 outside, so that passes are those of a plain layer. It is set to 0
again before every forward pass (`ertrain.masks.keeping`) and, with what an optimiser keeps about it, after every step
(`ertrain.masks.guarding`), because anybody may write to weights and masks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput, warn
from ertheory.layerwise import LayerDensities
from ertheory.numbers import whole_number
from ertrain.masks.clearing import clear
from ertrain.masks.drawing import as_array, draw_mask
from ertrain.masks.keeping import MASK, keep, masked_layers, plain_weight
from ertrain.masks.shapes import layer_shapes, named_parts, turn_into_layers
from ertrain.masks.structured import check_drawing

__all__ = ["attach_masks", "draw_masks", "mask_gradients", "masks_of", "warn_of_nothing", "without_masks"]


def draw_masks(
    densities: LayerDensities, seed: int, *, exact: bool = False, drawing: str | None = None
) -> dict[str, Tensor]:
    """Draw an ER mask for every layer.

    Parameters
    ----------
    densities
        Layers and their densities p_l, as by `ertheory.layerwise.layer_densities`.
    seed
        0 <= seed < 2^128. The mask of a layer depends on it, the layer's place, shape and density alone.
    exact
        Whether a layer keeps exactly its share of the budget, round(p_l m_l) up to one, every choice being equally
        likely. By default every weight is kept with probability p_l independently, as the theory has it.
    drawing
        ``"exact"``, ``"independent"``, or masks with a structure: ``"constant-fan-in"``, ``"n:M"`` or ``"block-RxC"``,
        as in `ertrain.masks.structured_mask`, whose numbers of weights are rounded neuron by neuron.

    Returns
    -------
    dict
        A boolean tensor of the layer's shape by the layer's name, on the CPU.

    Raises
    ------
    InvalidInput
        If the seed or the drawing is outside of its domain.

    Warns
    -----
    UserWarning
        If no weight at all is kept.

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
    drawing = ("exact" if exact else "independent") if drawing is None else drawing
    check_drawing(drawing)
    seed = whole_number("seed", seed, least=0, most=2**128 - 1)
    masks: dict[str, Tensor] = {}
    for place, layer in enumerate(densities.layers):
        whole = as_array(draw_mask(densities, place, seed, drawing))
        masks[layer.name] = torch.from_numpy(whole.reshape(layer.shape))
    if not any(bool(mask.any()) for mask in masks.values()):
        warn_of_nothing(densities)
    return masks


def warn_of_nothing(densities: LayerDensities) -> None:
    """Warn that masks keep no weight at all."""
    weights = sum(layer.weights for layer in densities.layers)
    warn(f"density {float(densities.density):.4g} keeps none of {weights:,} weights: nothing reaches an output")


def attach_masks(module: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Give layers their masks and set the masked weights to 0.

    Parameters
    ----------
    module
        Any module; it is changed in place.
    masks
        Boolean tensors by the names of linear and convolutional layers, as `layer_shapes` lists them. Layers without
        one stay dense. A mask that is there already is written over, in its place; weights that it had removed stay 0.

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
            raise InvalidInput("masks", f"names among {', '.join(shapes)}{turn_into_layers(module)}", name)
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or tuple(mask.shape) != shapes[name]:
            got = f"{mask.dtype} of shape {tuple(mask.shape)}" if isinstance(mask, Tensor) else mask
            raise InvalidInput(f"mask of {name!r}", f"booleans of shape {shapes[name]}", got)
        if "weight" not in module.get_submodule(name)._parameters:
            raise InvalidInput("masks", "layers whose weight is a plain parameter", name)
    for name, mask in masks.items():
        layer = module.get_submodule(name)
        weight, known = layer.get_parameter("weight"), layer._buffers.get(MASK)
        if known is not None and (known.dtype, known.shape, known.device) == (mask.dtype, mask.shape, weight.device):
            known.copy_(mask)
        else:
            layer.register_buffer(MASK, mask.detach().to(weight.device, copy=True))
        keep(module, layer)
        clear((weight,), layer.get_buffer(MASK))


def masks_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the masks of a module by the names of their layers: the buffers themselves, not copies."""
    found = {name: layer._buffers.get(MASK) for name, layer in named_parts(module)}
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
    return {name: tensor for name, tensor in state.items() if name.rpartition(".")[2] != MASK}


def mask_gradients(module: nn.Module) -> None:
    """Set the gradients of masked weights to 0, once, for instance before the gradients are measured or clipped."""
    for layer in masked_layers(module):
        weight = plain_weight(layer)
        if weight.grad is not None:
            clear((weight.grad,), layer.get_buffer(MASK))
