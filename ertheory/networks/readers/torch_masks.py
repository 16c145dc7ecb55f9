"""Masks from PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.network import Affine
from ertheory.networks.readers.torch_modules import LAYERS, class_name, label_of
from ertheory.networks.readers.torch_read import read_named, unwrapped

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["masks_from_torch"]


def masks_from_torch(model: object) -> tuple[csr_array, ...]:
    """Read the masks of the Linear and Conv layers of a PyTorch module.

    Parameters
    ----------
    model
        Any ``torch.nn.Module``. The mask of a layer is its buffer ``weight_mask``, as ``torch.nn.utils.prune`` makes
        it, or a buffer of the weight's shape whose name contains ``mask``. A layer without one is full.

    Returns
    -------
    tuple of csr_array
        Booleans of shape (outputs, inputs / groups * taps), one array for every affine step of the network that
        `network_from_torch` reads, in its order. A BatchNorm that is a step of its own there has the mask of its
        weights, a diagonal. Of a module that is no such network, one array per layer, in the order of registration.

    Raises
    ------
    InvalidInput
        If there is no layer, or a mask has an entry other than 0 and 1, another shape, or a rival.
    """
    if not hasattr(model, "named_children"):
        raise InvalidInput("model", "a torch.nn.Module", type(model).__name__)
    layers = {f"{label_of(path)} ({type(layer).__name__})": layer for path, layer in _layers("", unwrapped(model))}
    masks = {named: _mask(named, layer) for named, layer in layers.items()}
    if not masks:
        raise InvalidInput("model", "at least one Linear or Conv layer", "none")
    try:
        network, names = read_named(model)
    except InvalidInput:
        return tuple(masks.values())
    steps = list(zip(names, network.affine, strict=True))
    if not all(named in masks or _is_diagonal(step) for named, step in steps):
        return tuple(masks.values())  # layers of which only the parameters are used
    return tuple(masks[named] if named in masks else _diagonal(step) for named, step in steps)


def _is_residual(module: Any) -> bool:
    if type(module).__name__ != "Residual" or not hasattr(module, "named_children"):
        return False
    return {name for name, _ in module.named_children()} == {"branch", "skip"}


def _layers(path: str, module: Any) -> Iterator[tuple[str, Any]]:
    if class_name(module, LAYERS) is not None:
        yield path, module
        return
    children = module._modules
    for name in ("branch", "skip") if _is_residual(module) else children:
        if children[name] is not None:
            yield from _layers(f"{path}.{name}" if path else name, children[name])


def _is_diagonal(step: Affine) -> bool:
    rows, columns = step.weight.nonzero()
    return step.taps == 1 and step.groups == 1 and step.inputs == step.outputs and bool((rows == columns).all())


def _diagonal(step: Affine) -> csr_array:
    from scipy.sparse import eye_array

    return eye_array(step.outputs, dtype=np.bool_, format="csr")


def _mask(named: str, layer: Any) -> csr_array:
    from scipy.sparse import csr_array

    try:
        shape = tuple(layer.weight.shape)
    except RuntimeError:  # a lazy layer has none yet
        raise InvalidInput(named, "a weight with a shape", type(layer.weight).__name__) from None
    buffers = dict(layer.named_buffers(recurse=False))
    found = [name for name, buffer in buffers.items() if "mask" in name and tuple(buffer.shape) == shape]
    if "weight_mask" in buffers:
        found = ["weight_mask"]
    if not found:
        return csr_array(np.ones((shape[0], int(np.prod(shape[1:]))), dtype=np.bool_))
    if len(found) > 1:
        raise InvalidInput(named, "one mask, or one that is called weight_mask", ", ".join(found))
    mask = buffers[found[0]].detach().cpu()
    if tuple(mask.shape) != shape:
        raise InvalidInput(f"{named}, {found[0]}", f"shape {shape}, as the weight has", tuple(mask.shape))
    kept = mask != 0
    other = mask[kept != mask]
    if len(other):
        raise InvalidInput(f"{named}, {found[0]}", "zeros and ones", other[0].item())
    return csr_array(kept.numpy().reshape(shape[0], -1))
