"""From a PyTorch module to the shapes that `ertheory.layerwise` reads.

A mask covers the weights of linear and convolutional layers. Biases and normalisation are never masked; transposed
convolutions, embeddings and attention are none of the layers that the width statements speak of, and are left out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.nn.utils.parametrize import is_parametrized

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape
from ertrain.arguments import check_names

__all__ = [
    "check_known",
    "check_weights",
    "layer_shapes",
    "named_parts",
    "named_weights",
    "turn_into_layers",
    "unlisted",
    "whole_shape",
]

_MASKABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def layer_shapes(module: nn.Module, *, skip: Collection[str] = ()) -> tuple[LayerShape, ...]:
    """List name and shape of every linear and convolutional weight, in the order of registration.

    Parameters
    ----------
    module
        Any module; it is read, never changed or run.
    skip
        Names of modules, as ``module.named_modules()`` gives them, to leave out together with all they contain. Each
        must hold at least one weight that would be listed otherwise.

    Returns
    -------
    tuple of LayerShape
        Names are those of the modules that own the weights, ``""`` where ``module`` itself is the layer; shapes are
        (outputs, inputs) or (outputs, inputs per group, *kernel).

    Raises
    ------
    InvalidInput
        If ``module`` is no module or is inside itself, a layer has no weight, none that could be listed, or does not
        know its shape yet, or ``skip`` names nothing.

    Notes
    -----
    A weight shared by several layers is one set of edges: it is listed once, under its first name, and left out if
    any of its names is skipped. The order is that of registration, which can differ from the order of the forward
    pass, and the pyramidal ratio counts layers in the order it is given.

    Examples
    --------
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 24 * 24, 10))
    >>> [(layer.name, layer.shape) for layer in layer_shapes(network)]
    [('0', (8, 3, 5, 5)), ('3', (10, 4608))]
    >>> layer_shapes(network, skip=["3"])
    (LayerShape(name='0', shape=(8, 3, 5, 5), groups=1),)
    """
    if not isinstance(module, nn.Module):
        raise InvalidInput("module", "a torch.nn.Module", module)
    if isinstance(skip, str):
        raise InvalidInput("skip", "a collection of names", skip)
    shapes: dict[int, tuple[int, ...]] = {}
    groups: dict[int, int] = {}
    names: dict[int, list[str]] = {}
    for name, layer in named_parts(module, remove_duplicate=False):
        if not isinstance(layer, _MASKABLE) and not hasattr(layer, "whole_shape"):
            continue
        # A parametrised layer computes its weight anew at every access, so there the layer stands for its weight.
        weight = dict(layer.named_parameters(recurse=False)).get("weight")
        if isinstance(weight, nn.parameter.UninitializedParameter):
            raise InvalidInput("module", f"a known shape of the lazy layer {name!r} (run the module once)", layer)
        if weight is None and "weight" in layer._parameters:
            raise InvalidInput("module", f"a weight in the layer {name!r}", weight)
        key = id(layer if weight is None else weight)
        shapes[key] = whole_shape(layer)
        groups[key] = getattr(layer, "groups", 1)
        names.setdefault(key, []).append(name)
    for prefix in skip:
        if not any(_within(name, prefix) for aliases in names.values() for name in aliases):
            raise InvalidInput("skip", "names of modules that hold linear or convolutional weights", prefix)
    listed = {
        key: aliases[0]
        for key, aliases in names.items()
        if not any(_within(name, prefix) for name in aliases for prefix in skip)
    }
    for key, name in listed.items():
        if 0 in shapes[key]:
            raise InvalidInput("module", f"weights in the layer {name!r}", f"shape {shapes[key]}")
    return tuple(LayerShape(name, shapes[key], groups[key]) for key, name in listed.items())


def named_parts(module: nn.Module, *, remove_duplicate: bool = True) -> list[tuple[str, nn.Module]]:
    """List the parts of a module with their names, as ``module.named_modules`` does.

    Raises
    ------
    InvalidInput
        If a part is inside itself, or inside more others than Python can follow.

    Examples
    --------
    >>> from torch import nn
    >>> [name for name, _ in named_parts(nn.Sequential(nn.ReLU()))]
    ['', '0']
    """
    try:
        return list(module.named_modules(remove_duplicate=remove_duplicate))
    except RecursionError:
        allowed = "parts that are not inside themselves, nor inside hundreds of others"
        raise InvalidInput("module", allowed, type(module).__name__) from None


def named_weights(module: nn.Module, names: Collection[str]) -> dict[str, nn.Parameter]:
    """Give the weights of some of the layers that `layer_shapes` lists, by their names.

    Raises
    ------
    InvalidInput
        If a name is none of theirs or stands there twice, there is no name, or a weight is computed from others.

    Examples
    --------
    >>> from torch import nn
    >>> named_weights(nn.Sequential(nn.Linear(3, 2)), ["0"])["0"].shape
    torch.Size([2, 3])
    """
    check_names("names", names, [layer.name for layer in layer_shapes(module)])
    for name in names:
        if "weight" not in module.get_submodule(name)._parameters:
            raise InvalidInput("module", "layers whose weight is a plain parameter, not computed from others", name)
    return {name: module.get_submodule(name).get_parameter("weight") for name in names}


def whole_shape(layer: nn.Module) -> tuple[int, ...]:
    """Give the shape of a layer's matrix with its zeros, also of one that holds its kept weights alone.

    Examples
    --------
    >>> from torch import nn
    >>> whole_shape(nn.Linear(3, 2))
    (2, 3)
    """
    known: tuple[int, ...] | None = getattr(layer, "whole_shape", None)
    if known is not None:
        return known
    made: Any = layer
    if not is_parametrized(layer, "weight"):
        return tuple(made.weight.shape)
    # To read a weight is to compute it, and spectral norms move on when they are computed.
    if isinstance(layer, nn.Linear):
        return made.out_features, made.in_features
    return made.out_channels, made.in_channels // made.groups, *made.kernel_size


def check_weights(module: nn.Module) -> None:
    """Refuse a module that cannot be run because it has no weights, or none in memory or of a known shape.

    Examples
    --------
    >>> from torch import nn
    >>> check_weights(nn.Linear(3, 2, device="meta"))
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: module: expected weights in memory, got "weights on the device 'meta'"
    """
    weights = [weight for _, part in named_parts(module) for weight in part._parameters.values() if weight is not None]
    if not weights:
        raise InvalidInput("module", "a module with weights", type(module).__name__)
    if any(weight.is_meta for weight in weights):
        raise InvalidInput("module", "weights in memory", "weights on the device 'meta'")
    check_known(module)


def check_known(module: nn.Module) -> None:
    """Refuse a module with lazy layers that have not been run.

    Examples
    --------
    >>> from torch import nn
    >>> check_known(nn.Sequential(nn.Linear(3, 2), nn.LazyBatchNorm1d()))
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: module: expected a known shape of the lazy layer '1' (run ... once), got LazyBatch...
    """
    for name, part in named_parts(module):
        own = (*part._parameters.values(), *part._buffers.values())
        if any(isinstance(one, UninitializedParameter | UninitializedBuffer) for one in own):
            raise InvalidInput("module", f"a known shape of the lazy layer {name!r} (run the module once)", part)


def unlisted(module: nn.Module) -> dict[str, int]:
    """Name the weights that `layer_shapes` does not list, with their numbers of entries.

    Those of embeddings, recurrent layers, transposed convolutions and of attention's ``in_proj_weight`` have two axes
    or more, and no masks.

    Examples
    --------
    >>> from torch import nn
    >>> unlisted(nn.Sequential(nn.Embedding(10, 4), nn.LSTM(4, 2, bias=False), nn.Linear(2, 2)))
    {'0.weight': 40, '1.weight_ih_l0': 32, '1.weight_hh_l0': 16}
    """
    listed = {id(module.get_submodule(layer.name)._parameters.get("weight")) for layer in layer_shapes(module)}
    return {
        name: parameter.numel()
        for name, parameter in module.named_parameters()
        if parameter.dim() >= 2 and id(parameter) not in listed
    }


def turn_into_layers(module: nn.Module) -> str:
    """Say how recurrent layers and attention become layers that can be masked, where a module has some."""
    if not any(isinstance(part, nn.RNNBase | nn.MultiheadAttention) for _, part in named_parts(module)):
        return ""
    return "; ertrain.maskable(model) makes linear layers of recurrent ones and of attention"


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
