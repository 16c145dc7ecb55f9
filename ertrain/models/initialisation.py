"""Weights at the start, by name. A sparse layer has fewer inputs than its shape says, and its weights can know that.

Every rule is a standard normal number, or its sign, times a standard deviation. The normal numbers come from one
generator whatever the rule and the mask are, so runs with different masks start from the same numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape
from ertrain.masks.entries import kept_by_neurons, of_neurons, random_entries
from ertrain.masks.masking import masks_of
from ertrain.masks.shapes import check_known, layer_shapes
from ertrain.models.factored import linear_layers

__all__ = ["INITIALISATIONS", "OWN_START", "initialise"]

INITIALISATIONS = ("kaiming", "paper", "signed-constant", "sparse", "sparse-neuron")
_NORMALISATION = (
    nn.modules.batchnorm._NormBase,  # with batches or, each by itself, instances
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
)
OWN_START = "own"  # of somebody's own network: the weights that it comes with


def initialise(module: nn.Module, name: str, generator: torch.Generator) -> None:
    """Set all weights, biases and normalisations of a module to their start.

    Parameters
    ----------
    module
        Any module of linear, convolutional and normalisation layers, with or without masks; changed in place.
    name
        ``"kaiming"``: variance 2 / fan-in, as in a dense network. ``"paper"``: the start of the paper's programs, also
        dense: variance 2 / fan-out in convolutions, standard deviation 0.01 in the last linear layer, 2 / fan-in in
        the other linear layers. ``"sparse"``: variance 2 / (p fan-in) with the share p that the layer's mask
        keeps. ``"signed-constant"``: that standard deviation with a random sign. ``"sparse-neuron"``: variance 2 / k
        with the number k of weights that the neuron itself keeps. ``"own"``: nothing is changed, the start is what the
        module comes with.
    generator
        Where the numbers come from, on the CPU.

    Notes
    -----
    The 2 makes up for the half of its inputs that a ReLU sets to 0. A factor of a `ertrain.models.FactoredLayer` that
    only another factor reads has no ReLU behind it, and half of the variance.

    Raises
    ------
    InvalidInput
        If the name is unknown, or the module holds parameters of layers of another kind.

    Examples
    --------
    >>> layer = nn.Linear(1000, 1000)
    >>> initialise(layer, "kaiming", torch.Generator().manual_seed(0))
    >>> round(layer.weight.std().item() * 500**0.5, 2)
    1.0
    """
    if name == OWN_START:
        return
    if name not in INITIALISATIONS:
        raise InvalidInput("initialisation", f"one of {', '.join(INITIALISATIONS)}", name)
    check_known(module)
    layers, masks = layer_shapes(module), masks_of(module)
    _refuse_others(module, [layer.name for layer in layers])
    linear = [layer.name for layer in layers if len(layer.shape) == 2]
    unrectified = linear_layers(module)
    with torch.no_grad():
        for layer in layers:
            owner = module.get_submodule(layer.name)
            weight, mask = owner.get_parameter("weight"), masks.get(layer.name)
            last = bool(linear) and layer.name == linear[-1]
            normal = random_entries(owner, torch.randn, generator)
            kept = None if mask is None else kept_by_neurons(owner, mask).cpu()
            deviation = _deviation(name, layer, kept, last=last)
            if isinstance(deviation, Tensor):
                deviation = of_neurons(owner, deviation)
            start = (normal.sign() if name == "signed-constant" else normal) * deviation
            if layer.name in unrectified:
                start = start * math.sqrt(1 / 2)
            weight.copy_(start if mask is None else start.masked_fill(~mask.cpu(), 0))
        for owner in module.modules():
            for key, parameter in owner.named_parameters(recurse=False):
                if key == "bias":
                    parameter.zero_()
                elif isinstance(owner, _NORMALISATION):
                    parameter.fill_(1)


def _refuse_others(module: nn.Module, layers: list[str]) -> None:
    """Refuse what has no known start, before anything is changed."""
    known = set()
    for layer in layers:
        weight = module.get_submodule(layer)._parameters.get("weight")
        if weight is None:
            raise InvalidInput("module", "layers whose weight is a plain parameter, not computed from others", layer)
        known.add(id(weight))
    for name, owner in module.named_modules():
        for key, parameter in owner.named_parameters(recurse=False):
            if key != "bias" and not isinstance(owner, _NORMALISATION) and id(parameter) not in known:
                allowed = "linear, convolutional and normalisation layers"
                raise InvalidInput("module", allowed, f"{name}.{key}" if name else key)


def _deviation(name: str, layer: LayerShape, kept: Tensor | None, *, last: bool) -> Tensor | float:
    """Give the standard deviation of a layer, or of its neurons, which keep so many weights each."""
    if name == "paper":
        if len(layer.shape) == 2:
            return 0.01 if last else math.sqrt(2 / layer.fan_in)
        return math.sqrt(2 / (layer.outputs * math.prod(layer.shape[2:])))
    if name == "kaiming" or kept is None:
        return math.sqrt(2 / layer.fan_in)
    if name in ("signed-constant", "sparse"):
        return math.sqrt(2 * layer.outputs / max(int(kept.sum()), 1))
    return (2 / kept.clamp(min=1)).sqrt()
