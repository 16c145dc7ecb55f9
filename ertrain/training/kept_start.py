"""Networks that begin with the kept weights of their masks: no matrix of any layer among them is ever made."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ertheory.layerwise import LayerDensities
from ertheory.layerwise.architectures import LayerShape
from ertrain.masks.drawing import as_array, draw_mask
from ertrain.masks.entries import OUT_OF_REACH
from ertrain.masks.keeping import reads_weights
from ertrain.masks.masking import attach_masks, warn_of_nothing
from ertrain.masks.sparse.convert import replaced
from ertrain.masks.sparse.convolution import window_of
from ertrain.masks.sparse.kept import KeptConv2d, KeptLinear

__all__ = ["draw_kept", "without_memory"]

_NUMBERS = (torch.float32, torch.float64)


def without_memory(build: Callable[[], nn.Module]) -> nn.Module | None:
    """Build a network whose tensors have shapes and no memory; None if it holds more than weights and biases.

    What else there is, such as the statistics of normalisation, has values that are made when the network is. So has
    what is computed from tensors that are there already, as the weights of a graph's edges are.

    Examples
    --------
    >>> without_memory(lambda: nn.Linear(10**6, 10**6)).weight.is_meta
    True
    >>> without_memory(lambda: nn.BatchNorm1d(3))
    """
    try:
        with torch.device("meta"):
            made = build()
    except RuntimeError:  # tensors with memory meet tensors without; what is wrong otherwise is so with memory too
        return None
    plain = all(type(part) is nn.Linear for part in made.modules() if part._parameters or part._buffers)
    return made if plain else None


def draw_kept(
    model: nn.Module,
    densities: LayerDensities,
    seed: int,
    drawing: str,
    chosen: Callable[[LayerShape, float], bool],
    *,
    by_gaps: bool,
    repaired: Mapping[str, Tensor] | None,
) -> nn.Module:
    """Copy a network with masks: layers that are chosen hold their kept weights alone, and others are dense.

    Parameters
    ----------
    model
        It is not changed. Weights without memory become zeros.
    densities, seed, drawing
        They are as in `ertrain.draw_masks`, and so are the masks.
    chosen
        Given shape and density of a layer. What is shared with another layer, has hooks or is read by the code of a
        module around it, stays dense all the same.
    by_gaps
        Whether independent masks of layers that nobody could hold densely (`OUT_OF_REACH`) are drawn by their gaps.
    repaired
        Masks by the names of the layers, where they have been drawn and repaired.
    """
    kept, masks = dict[str, nn.Module](), dict[str, Tensor]()
    free = _free(model)
    for place, (layer, density) in enumerate(zip(densities.layers, densities.densities, strict=True)):
        large = by_gaps and layer.weights > OUT_OF_REACH
        drawn: Any
        if repaired is None:
            drawn = draw_mask(densities, place, seed, drawing, by_gaps=large)
        else:
            drawn = repaired[layer.name].numpy()
        owner = model.get_submodule(layer.name)
        if layer.name in free and chosen(layer, density):
            made = _kept(owner, drawn)
            if made is not None:
                kept[layer.name] = made
                continue
        masks[layer.name] = torch.from_numpy(as_array(drawn).reshape(layer.shape))
    copied = replaced(model, kept) if kept else copy.deepcopy(model)
    for part in copied.modules():
        if any(one is not None and one.is_meta for one in part._parameters.values()):
            part.to_empty(device="cpu", recurse=False)
            for parameter in part.parameters(recurse=False):
                nn.init.zeros_(parameter)
    copied = copied.cpu()
    if not kept and not any(bool(mask.any()) for mask in masks.values()):
        warn_of_nothing(densities)
    attach_masks(copied, masks)
    return copied


def _free(model: nn.Module) -> Collection[str]:
    """Name the linear layers and convolutions of which nobody but they themselves knows how the weight is stored."""
    owners = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    uses = Counter(id(part) for _, part in model.named_modules(remove_duplicate=False))
    around = {
        id(part) for one in model.modules() if reads_weights(type(one)) for part in one.modules() if part is not one
    }
    free = []
    for name, layer in model.named_modules():
        known = type(layer) is nn.Linear or window_of(layer) is not None
        plain = known and bool(name) and layer.get_parameter("weight").dtype in _NUMBERS
        hooks = (
            layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks,
            layer._state_dict_hooks, layer._load_state_dict_pre_hooks,
        )  # fmt: skip
        if plain and not any(hooks) and id(layer) not in around and uses[id(layer)] == 1:
            if type(layer._parameters.get("weight")) is nn.Parameter and owners[id(layer._parameters["weight"])] == 1:
                free.append(name)
    return frozenset(free)


def _kept(layer: nn.Module, drawn: Any) -> KeptLinear | None:
    """Make the kept form of a layer, with its weights inside the mask; None if that keeps none."""
    weight, bias = layer.get_parameter("weight"), layer._parameters["bias"]
    outputs, inputs = weight.shape[:2]
    if isinstance(drawn, np.ndarray) and not drawn.any():  # of density 0
        return None
    window = window_of(layer)
    if window is None:
        made = KeptLinear(inputs, outputs, drawn, bias is not None, dtype=weight.dtype)
    else:
        size, stride, padding, dilation = window
        how: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "dtype": weight.dtype}
        made = KeptConv2d(inputs, outputs, size, drawn, bias is not None, **how)
    if not weight.is_meta:
        with torch.no_grad():
            made.weight.copy_(weight.detach().flatten()[made.flat_places().to(weight.device)])
            if bias is not None:
                made.get_parameter("bias").copy_(bias)
    made.weight.requires_grad_(weight.requires_grad)
    if bias is not None:
        made.get_parameter("bias").requires_grad_(bias.requires_grad)
    return made.train(layer.training)
