"""Floating-point operations of a forward pass and of training, counted from shapes and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ertrain.masks.masking import masks_of
from ertrain.masks.shapes import layer_shapes

__all__ = ["forward_flops", "layer_positions", "training_flops"]

_PASSES = 3  # forwards, backwards to the inputs, backwards to the weights


def layer_positions(module: nn.Module, inputs: tuple[int, ...]) -> dict[str, int]:
    """Count the positions at which every linear and convolutional weight is applied to one input.

    Parameters
    ----------
    module
        Any module that takes a batch of inputs; it is run once, in evaluation mode, and left as it was.
    inputs
        Shape of one input, without the batch.

    Returns
    -------
    dict
        By the name of the layer: 1 for a linear layer that is used once, height times width for a convolution.

    Examples
    --------
    >>> layer_positions(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 2)), (1, 4, 4))
    {'0': 4, '2': 1}
    """
    names = [layer.name for layer in layer_shapes(module)]
    positions = dict.fromkeys(names, 0)
    handles = []

    def count(name: str) -> Any:
        def hook(layer: nn.Module, _: Any, output: Tensor) -> None:
            channels = 1 if isinstance(layer, nn.Linear) else 2
            # A linear layer sees its features last, a convolution its channels first.
            positions[name] += output.numel() // output.shape[-1] if channels == 1 else output[0, 0].numel()

        return hook

    for name in names:
        handles.append(module.get_submodule(name).register_forward_hook(count(name)))
    training = module.training
    try:
        weight = next(module.parameters())
        with torch.no_grad():
            module.eval()(torch.zeros(1, *inputs, device=weight.device, dtype=weight.dtype))
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return positions


def forward_flops(
    module: nn.Module,
    inputs: tuple[int, ...],
    *,
    dense: bool = False,
    positions: Mapping[str, int] | None = None,
) -> int:
    """Count the operations of linear and convolutional layers for one input: two for every weight and position.

    Parameters
    ----------
    module
        Any module, with or without masks.
    inputs
        Shape of one input, without the batch.
    dense
        Whether masks are ignored.
    positions
        What `layer_positions` gave for them, where it is known; they do not depend on the masks.

    Notes
    -----
    Normalisation, activations and biases are left out, as usual. Masked weights count nothing, although a simulated
    sparse network takes the time of a dense one.

    Examples
    --------
    >>> forward_flops(nn.Linear(30, 10), (30,))
    600
    """
    masks: Mapping[str, Tensor] = {} if dense else masks_of(module)
    kept = {
        layer.name: int(masks[layer.name].sum()) if layer.name in masks else layer.weights
        for layer in layer_shapes(module)
    }
    where = layer_positions(module, inputs) if positions is None else positions
    return sum(2 * kept[name] * places for name, places in where.items())


def training_flops(forward: int, images: int) -> int:
    """Operations of training on some images, counted as often as they are seen: three forward passes for each.

    Notes
    -----
    Backwards, the gradients of the inputs and those of the weights take one forward pass each; Evci et al. (ICML 2020)
    count so for static sparse training.

    Examples
    --------
    >>> training_flops(600, images=200)
    360000
    """
    return _PASSES * forward * images
