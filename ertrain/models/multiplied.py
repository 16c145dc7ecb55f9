"""Two dense factors with nothing between them, masked or not, multiplied with one another before they meet an input.

Where inputs have many places, as images have for a convolution, this takes fewer operations: the product of the factors
is made once for all places, and is a map of the sizes of the layer that was factored. What the factors are, and the
gradients of their weights, stays; results differ in roundings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.nn.functional import conv2d, linear

from ertrain.masks.keeping import keeper_of
from ertrain.masks.uses import are_looked_at

__all__ = ["multiplied"]

_GAIN = 1.5  # times as many operations one after the other: what is saved must pay for another product


def multiplied(layers: Sequence[nn.Module], values: Tensor) -> Tensor | None:
    """Apply two linear layers or convolutions at once, if that takes clearly fewer operations.

    Parameters
    ----------
    layers
        The inner one, without a bias, and the outer one. Of two convolutions one has kernels of 1 x 1.
    values
        Inputs of the inner one.

    Returns
    -------
    torch.Tensor or None
        Outputs of the outer one. None if they should be applied one after the other: they are of another kind, have
        hooks or weights that are computed, have no memory, their uses are counted, or there is little to gain.

    Examples
    --------
    >>> layers = [nn.Linear(3, 50, bias=False), nn.Linear(50, 2)]
    >>> multiplied(layers, torch.ones(1000, 3)).shape, multiplied(layers, torch.ones(1, 3)) is None
    (torch.Size([1000, 2]), True)
    """
    if len(layers) != 2 or values.is_meta or is_compiling() or are_looked_at():
        return None
    if torch.is_autocast_enabled(values.device.type):
        return None
    inner, outer = layers
    kind: Any = type(inner)
    if kind not in (nn.Linear, nn.Conv2d) or type(outer) is not kind or not all(map(_plain, layers)):
        return None
    first, last = inner.get_parameter("weight"), outer.get_parameter("weight")
    if kind is nn.Linear:
        return _of_linear(layers, first, last, values) if _pays(first, last, values.numel() // first.shape[1]) else None
    return _of_convolutions(layers, first, last, values)


def _of_linear(layers: Sequence[nn.Module], first: Tensor, last: Tensor, values: Tensor) -> Tensor:
    _clear(layers)
    return linear(values, last @ first, layers[1]._parameters["bias"])


def _of_convolutions(layers: Sequence[Any], first: Tensor, last: Tensor, values: Tensor) -> Tensor | None:
    inner, outer = layers
    points = [layer for layer in layers if layer.kernel_size == (1, 1) and layer.stride == (1, 1)]
    usual = all(layer.groups == 1 and layer.padding_mode == "zeros" for layer in layers)
    if not points or any(layer.padding != (0, 0) for layer in points) or not usual or values.dim() != 4:
        return None
    slides = inner if points[-1] is outer else outer
    places = len(values) * values.shape[2] * values.shape[3] // (slides.stride[0] * slides.stride[1])
    if not _pays(first, last, places):
        return None
    _clear(layers)
    if slides is inner:
        kernel = (last.flatten(1) @ first.flatten(1)).view(len(last), *first.shape[1:])
    else:
        kernel = (last.movedim(1, -1) @ first.flatten(1)).movedim(-1, 1)
    return conv2d(values, kernel, outer.bias, slides.stride, slides.padding, slides.dilation)


def _pays(first: Tensor, last: Tensor, places: int) -> bool:
    """Whether multiplying the factors first takes clearly fewer products of two numbers."""
    taps = first.shape[2:].numel() * last.shape[2:].numel()  # one of the two is 1
    outputs, inner, inputs = last.shape[0], first.shape[0], first.shape[1]
    apart = places * (first.numel() + last.numel())
    at_once = outputs * inner * inputs * taps + places * outputs * inputs * taps
    return apart > _GAIN * at_once


def _plain(layer: nn.Module) -> bool:
    """Whether calling a layer is no more than its forward pass, after its weight was cleared outside of its mask."""
    keeper = keeper_of(layer)
    before = [hook for hook in layer._forward_pre_hooks.values() if hook is not keeper]
    hooks = before, layer._forward_hooks, layer._backward_hooks, layer._backward_pre_hooks
    return type(layer._parameters.get("weight")) is nn.Parameter and not any(hooks)


def _clear(layers: Sequence[nn.Module]) -> None:
    for layer in layers:
        keeper = keeper_of(layer)
        if keeper is not None:
            keeper(layer, None)
