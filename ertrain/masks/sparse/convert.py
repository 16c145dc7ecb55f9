"""From masked layers to sparse ones and back."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.masks.keeping import KeepMask
from ertrain.masks.masking import attach_masks, masks_of
from ertrain.masks.shapes import named_parts
from ertrain.masks.sparse.chain import SparseSequential
from ertrain.masks.sparse.convolution import SparseConv2d, window_of
from ertrain.masks.sparse.engines import ENGINES
from ertrain.masks.sparse.kept import KeptConv2d, KeptLinear
from ertrain.masks.sparse.layer import SparseLinear

__all__ = ["can_be_sparse", "densify", "replaced", "sparse_layer", "sparsify"]


def sparsify(module: nn.Module, *, engine: str = "auto") -> nn.Module:
    """Copy a masked module so that its masked linear layers and convolutions hold the kept weights alone.

    Parameters
    ----------
    module
        Any module with masks, as `ertrain.attach_masks` gives them; it is not changed. Linear layers without a mask,
        and masked layers of other kinds, are copied as they are.
    engine
        It is as in `SparseLinear`.

    Returns
    -------
    torch.nn.Module
        The copy: at least one layer is a `SparseLinear`. Make its optimiser from its own parameters.

    Raises
    ------
    InvalidInput
        If no such layer has a mask, one keeps no weight, its number type is neither float32 nor float64, its weight
        is shared with another layer or read by the code of a module around it, or it has hooks, which a sparse layer
        would not run.

    Examples
    --------
    >>> from ertrain.masks.masking import draw_masks
    >>> from ertheory.layerwise import layer_densities
    >>> from ertrain.masks.shapes import layer_shapes
    >>> network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
    >>> attach_masks(network, draw_masks(layer_densities(layer_shapes(network), "1/10", "uniform"), seed=0))
    >>> sparse = sparsify(network)
    >>> [tuple(parameter.shape) for parameter in sparse.parameters()]
    [(65,), (30,), (28,), (10,)]
    """
    if engine not in ("auto", *ENGINES):
        raise InvalidInput("engine", f"auto, {' or '.join(ENGINES)}", engine)
    names = [name for name in masks_of(module) if can_be_sparse(module.get_submodule(name))]
    if not names:
        raise InvalidInput(
            "module", "at least one torch.nn.Linear or torch.nn.Conv2d with a mask", type(module).__name__
        )
    owners: dict[int, set[str]] = {}
    for name, layer in module.named_modules():
        for parameter in layer._parameters.values():
            owners.setdefault(id(parameter), set()).add(name)
    for name in names:
        layer = module.get_submodule(name)
        if _has_hooks(layer):
            raise InvalidInput(f"layer {name!r}", "no hooks but that of its mask", "others")
        shared = owners[id(layer.weight)]
        if len(shared) > 1:
            others = ", ".join(repr(other) for other in sorted(shared - {name}))
            raise InvalidInput(f"layer {name!r}", "a weight of its own", f"one shared with {others}")
        for reader in module.modules():
            if type(reader) is not nn.TransformerEncoderLayer and _reads(reader, layer):
                allowed = "a weight that the code of no other module reads"
                raise InvalidInput(f"layer {name!r}", allowed, f"one read by {type(reader).__name__}")
    return replaced(module, {name: sparse_layer(name, module.get_submodule(name), engine) for name in names})


def densify(module: nn.Module) -> nn.Module:
    """Copy a module so that its sparse layers are linear layers with masks again.

    Parameters
    ----------
    module
        Any module; it is not changed.

    Returns
    -------
    torch.nn.Module
        The copy, every `SparseLinear` of which is a `torch.nn.Linear` with a mask, and every `SparseConv2d` a
        `torch.nn.Conv2d`: the same numbers bit for bit, so that ``sparsify`` gives the given one back.

    Raises
    ------
    InvalidInput
        If no layer is a `SparseLinear`.

    Examples
    --------
    >>> layer = SparseLinear(3, 2, [[1, 0, 1], [0, 1, 0]])
    >>> dense = densify(layer)
    >>> torch.equal(dense.weight, layer.to_dense()), int(masks_of(dense)[""].sum())
    (True, 3)
    """
    layers = {name: layer for name, layer in named_parts(module) if isinstance(layer, SparseLinear)}
    if not layers:
        raise InvalidInput("module", "at least one SparseLinear", type(module).__name__)
    return replaced(module, {name: _dense(layer) for name, layer in layers.items()})


def sparse_layer(name: str, layer: nn.Module, engine: str = "auto", *, mask: Tensor | None = None) -> SparseLinear:
    """Make the sparse layer of a linear one, by default with its own mask; the name is for the message of an error."""
    weight, bias = layer.get_parameter("weight"), layer._parameters["bias"]
    mask = layer.get_buffer("weight_mask") if mask is None else mask
    if weight.dtype not in (torch.float32, torch.float64):
        raise InvalidInput(f"layer {name!r}", "weights in float32 or float64", weight.dtype)
    if not bool(mask.any()):
        raise InvalidInput(f"mask of {name!r}", "at least one kept weight", "none")
    how: dict[str, Any] = {"engine": engine, "device": weight.device, "dtype": weight.dtype}
    window = window_of(layer)
    sparse: SparseLinear
    with torch.random.fork_rng(devices=[]):  # what is drawn is replaced, and nobody else's numbers are used up
        if window is None:
            sparse = SparseLinear(weight.shape[1], weight.shape[0], mask, bias is not None, **how)
        else:
            size, stride, padding, dilation = window
            how |= {"stride": stride, "padding": padding, "dilation": dilation}
            sparse = SparseConv2d(weight.shape[1], weight.shape[0], size, mask.flatten(1), bias is not None, **how)
    with torch.no_grad():
        sparse.weight.copy_(weight[mask])
        if bias is not None and sparse.bias is not None:
            sparse.bias.copy_(bias)
            sparse.bias.requires_grad_(bias.requires_grad)
    sparse.weight.requires_grad_(weight.requires_grad)
    return sparse.train(layer.training)


def _has_hooks(layer: nn.Module) -> bool:
    """Whether a layer has hooks besides the one that keeps its mask."""
    others = (layer._forward_hooks, layer._backward_hooks, layer._backward_pre_hooks)
    return any(others) or any(not isinstance(hook, KeepMask) for hook in layer._forward_pre_hooks.values())


def _reads(reader: nn.Module, layer: nn.Module) -> bool:
    """Whether a module's own code reads the weight of a layer: masks have given such modules a hook.

    That of an encoder layer of PyTorch does so for a shortcut that it does not take where there are hooks.
    """
    return any(isinstance(hook, KeepMask) and hook.layer is layer for hook in reader._forward_pre_hooks.values())


def can_be_sparse(layer: nn.Module) -> bool:
    """Whether there is a sparse form of a layer: of linear ones, and of convolutions in one group."""
    return type(layer) in (nn.Linear, KeptLinear, KeptConv2d) or window_of(layer) is not None


def _dense(layer: SparseLinear) -> nn.Module:
    how: dict[str, Any] = {"bias": layer.bias is not None, "device": layer.weight.device, "dtype": layer.weight.dtype}
    dense: nn.Linear | nn.Conv2d
    with torch.random.fork_rng(devices=[]):
        if isinstance(layer, SparseConv2d):
            dense = nn.Conv2d(layer.in_channels, layer.out_channels, *layer.window, **how)
        else:
            dense = nn.Linear(layer.in_features, layer.out_features, **how)
    with torch.no_grad():
        dense.weight.copy_(layer.to_dense().reshape(dense.weight.shape))
        if layer.bias is not None:
            dense.get_parameter("bias").copy_(layer.bias)
            dense.get_parameter("bias").requires_grad_(layer.bias.requires_grad)
    dense.weight.requires_grad_(layer.weight.requires_grad)
    attach_masks(dense, {"": layer.to_mask().reshape(dense.weight.shape)})
    return dense.train(layer.training)


def replaced(module: nn.Module, layers: dict[str, nn.Module]) -> nn.Module:
    """Copy a module with other layers in places; what they replace is not copied."""
    instead = {id(module.get_submodule(name)): layer for name, layer in layers.items()}
    copied = copy.deepcopy(module, instead)
    for part in copied.modules():
        if type(part) in (nn.Sequential, SparseSequential):  # they have nothing but their children
            sparse = any(isinstance(child, SparseLinear) for child in part.children())
            part.__class__ = SparseSequential if sparse else nn.Sequential
    return copied
