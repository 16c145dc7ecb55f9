"""Which neurons of a masked network can take part: those on a whole path from the inputs to the outputs."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ertheory.layerwise import LayerDensities
from ertrain.masks.masking import masks_of
from ertrain.masks.shapes import layer_shapes

__all__ = ["DeadNeurons", "dead_neurons", "expected_without_weights"]


@dataclass(frozen=True)
class DeadNeurons:
    """Neurons (channels) of one layer's outputs that no path goes through.

    Parameters
    ----------
    name
        Of the layer.
    neurons
        Number of its outputs.
    without_weights
        Those that no kept weight leads to.
    without_input
        Those that no path from the inputs reaches.
    without_output
        Those from which no path leads to the outputs of the network.
    dead
        Those of which either holds.
    """

    name: str
    neurons: int
    without_weights: int
    without_input: int
    without_output: int
    dead: int


def dead_neurons(module: nn.Module, inputs: tuple[int, ...]) -> tuple[DeadNeurons, ...]:
    """Count the outputs of every linear and convolutional layer that no whole path goes through.

    Parameters
    ----------
    module
        Any module with linear and convolutional layers, batch normalisation, pooling, sums, ReLU and attention between
        them; with or without masks. It is neither changed nor trained.
    inputs
        Shape of one input, without the batch.

    Returns
    -------
    tuple of DeadNeurons
        One per layer, in the order of registration.

    Notes
    -----
    In a copy every kept weight becomes the same positive number and every bias 0, normalisation only scales, means
    stand for maxima, and a positive increasing function for the softmax. For inputs of ones, a neuron has a positive
    value if and only if a path reaches it, and the sum of all outputs has a positive derivative by it if and only if a
    path leads on. Weights are scaled by the mean number of inputs, so that nothing over- or underflows in double
    precision.

    Examples
    --------
    >>> from ertrain.masks.masking import attach_masks
    >>> network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> attach_masks(network, {"0": torch.tensor([[True, True], [False, False]])})
    >>> [layer.dead for layer in dead_neurons(network, (2,))]
    [1, 0]
    """
    model, masks = copy.deepcopy(module).double().eval(), masks_of(module)
    outputs: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Tensor) -> None:
            output.retain_grad()
            outputs[name] = output

        return hook

    names = [layer.name for layer in layer_shapes(model)]
    for owner in list(model.modules()):
        for key, layer in owner.named_children():
            if isinstance(layer, nn.MaxPool2d):  # a maximum hands its derivative to one place, a mean to all
                owner.add_module(key, nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding))
            elif isinstance(layer, nn.Softmax):  # its derivatives cancel one another
                owner.add_module(key, nn.Softplus())
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.reset_running_stats()
            for key, parameter in layer.named_parameters(recurse=False):
                parameter.fill_(0 if key == "bias" else 1)
        for name in names:
            layer = model.get_submodule(name)
            weight = layer.get_parameter("weight")
            if name in masks:
                weight.copy_(masks[name])
            weight.div_(weight.sum().div(len(weight)).clamp(min=1))
            layer.register_forward_hook(watch(name))
    device = next(model.parameters()).device
    model(torch.ones(1, *inputs, dtype=torch.float64, device=device).requires_grad_()).sum().backward()
    return tuple(
        _counted(name, outputs[name], model.get_submodule(name), masks.get(name)) for name in names if name in outputs
    )


def expected_without_weights(densities: LayerDensities, *, drawing: str = "independent", repair: str = "none") -> float:
    """Expect so many outputs to which no weight is kept that leads to them, before the masks are drawn.

    Parameters
    ----------
    densities
        Those that masks are drawn with.
    drawing
        ``"independent"``, every weight with the density of its layer, or ``"exact"``, their exact number.
    repair
        ``"none"``; any other leaves no such output.

    Returns
    -------
    float
        Over all layers, outputs * (1 - p_l)^fan_in; for k of m weights, outputs * C(m - fan_in, k) / C(m, k). It is
        exact, for outputs that lose their own weights; those that are cut off further away come on top.

    Examples
    --------
    >>> from ertheory.layerwise import layer_densities
    >>> densities = layer_densities(((10, 4),), "1/4", "uniform")
    >>> round(expected_without_weights(densities), 4), round(expected_without_weights(densities, drawing="exact"), 4)
    (3.1641, 2.9987)
    """
    if repair != "none":
        return 0.0
    if drawing == "independent":
        return densities.dead_outputs_expected
    counts = zip(densities.layers, densities.nonzero_counts(), strict=True)
    return math.fsum(layer.outputs * _all_elsewhere(layer.weights, layer.fan_in, kept) for layer, kept in counts)


def _all_elsewhere(weights: int, own: int, kept: int) -> float:
    """Probability that so many of the weights, drawn without putting back, are all outside of one's own."""
    if kept > weights - own:
        return 0.0
    logs = [math.lgamma(number + 1) for number in (weights - own, weights - kept, weights, weights - own - kept)]
    return math.exp(logs[0] + logs[1] - logs[2] - logs[3])


def _counted(name: str, output: Tensor, layer: nn.Module, mask: Tensor | None) -> DeadNeurons:
    # A linear layer has its neurons last, a convolution its channels first.
    axis = output.dim() - 1 if isinstance(layer, nn.Linear) else 1
    gradient = torch.zeros_like(output) if output.grad is None else output.grad
    reached, leading = (part.detach().transpose(0, axis).flatten(1).sum(1) > 0 for part in (output, gradient))
    return DeadNeurons(
        name=name,
        neurons=len(reached),
        without_weights=0 if mask is None else int((~mask.flatten(1).any(1)).sum()),
        without_input=int((~reached).sum()),
        without_output=int((~leading).sum()),
        dead=int((~(reached & leading)).sum()),
    )
