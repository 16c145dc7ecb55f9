"""Networks and masks from PyTorch modules.

PyTorch is not imported: modules are recognised by the names of their classes, and read through their attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ertheory.errors import InvalidInput
from ertheory.networks.network import Network
from ertheory.networks.readers.torch_chain import Chain
from ertheory.networks.readers.torch_modules import LAYERS, NORMS, POOLS, SILENT, class_name
from ertheory.networks.readers.torch_steps import ACTIVATION_MODULES, activation_name, pool

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["masks_from_torch", "network_from_torch"]

_KNOWN = LAYERS | NORMS | POOLS | SILENT | ACTIVATION_MODULES | {"Flatten", "Sequential"}
_TORCHVISION = "torchvision.models."
_BLOCKS = {
    "BasicBlock": ("conv1", "bn1", "relu", "conv2", "bn2"),
    "Bottleneck": ("conv1", "bn1", "relu", "conv2", "bn2", "relu", "conv3", "bn3"),
}
_RESNET = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool")


def network_from_torch(model: object) -> Network:
    """Read a network from a PyTorch module.

    Parameters
    ----------
    model
        A (nested) ``torch.nn.Sequential`` of Linear, Conv1d/2d/3d, activations, Flatten, BatchNorm, pooling, dropout
        and residual blocks, or a ResNet of torchvision. The last module is a layer, or a residual block.

    Returns
    -------
    Network
        The network in evaluation mode, its weights in float64. Its values agree with those of
        ``model.double().eval()`` up to rounding.

    Raises
    ------
    InvalidInput
        If a module is not supported or does not fit to the one before it; it is named.

    Notes
    -----
    Residual blocks are the BasicBlock and the Bottleneck of torchvision's ResNets, and any module whose class is called
    ``Residual`` and whose two children are called ``branch`` and ``skip``, such as `network_to_torch` writes: it has to
    compute ``branch(x) + skip(x)``, where an empty Sequential as the skip is the identity. Blocks of other classes are
    refused, for a module does not say what its forward function computes. Read their parts, and put them together with
    `ertheory.networks.network.Residual`::

        branch = network_from_torch(nn.Sequential(block.first, block.act, block.second)).steps
        Network((*front.steps, Residual(branch), Activation("relu"), *head.steps))

    BatchNorm is folded by its formula for evaluation into the layer in front of it, also through a pooling that
    commutes with it, and otherwise into the layer behind it. The latter is refused where the BatchNorm shifts and the
    layer pads with zeros, for no bias can replace a shift that ends at the border. Pruned weights (``weight_orig`` and
    ``weight_mask``) are multiplied out.

    Softplus is read as log(1 + exp(z)), though PyTorch gives z above a threshold: 2.1e-9 less, at the usual 20. A
    Flatten at the very beginning is left out, and the network reads vectors. Identity counts as an activation where a
    network has no other, and is left out where it has.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    >>> network_from_torch(model).outputs
    10
    """
    modules: Any = getattr(model, "modules", tuple)()
    linear = all(class_name(module, ACTIVATION_MODULES) in (None, "Identity") for module in modules)
    chain = Chain()
    _read(chain, "model", model, linear)
    return Network(chain.finish())


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
        Booleans of shape (outputs, inputs / groups * taps), one array per layer, in the order in which
        `network_from_torch` finds the layers; in the order of registration inside of modules that it does not know.

    Raises
    ------
    InvalidInput
        If there is no layer, or a mask has an entry other than 0 and 1, another shape, or a rival.
    """
    if not hasattr(model, "named_children"):
        raise InvalidInput("model", "a torch.nn.Module", type(model).__name__)
    masks = tuple(_mask(f"{label} ({type(layer).__name__})", layer) for label, layer in _layers("model", model))
    if not masks:
        raise InvalidInput("model", "at least one Linear or Conv layer", "none")
    return masks


def _read(chain: Chain, label: str, module: Any, linear: bool) -> None:
    kind = class_name(module, _KNOWN)
    named = f"{label} ({kind})"
    if kind is None:
        _read_block(chain, label, module, linear)
    elif kind == "Sequential":
        # Iterating a Sequential gives a module that is used twice both times; `named_children` would not.
        for index, child in enumerate(module):
            _read(chain, f"{label}[{index}]", child, linear)
    elif kind in LAYERS:
        chain.layer(named, module)
    elif kind in NORMS:
        chain.norm(named, module)
    elif kind in POOLS:
        chain.pool(named, pool(named, kind, module))
    elif kind == "Flatten":
        chain.flatten(named, module)
    elif kind in ACTIVATION_MODULES and (kind != "Identity" or linear):
        chain.activation(named, activation_name(named, kind, module), in_place=getattr(module, "inplace", False))


def _read_block(chain: Chain, label: str, module: Any, linear: bool) -> None:
    kind = class_name(module, {*_BLOCKS, "ResNet"}, _TORCHVISION)
    if kind == "ResNet" and _has(module, (*_RESNET, "fc")):
        for name in _RESNET:
            _read(chain, f"{label}.{name}", getattr(module, name), linear)
        chain.flatten_all()
        _read(chain, f"{label}.fc", module.fc, linear)
        return
    branch, skip = chain.fork(branch=True), chain.fork(branch=False)
    if kind in _BLOCKS and _has(module, _BLOCKS[kind]):
        for name in _BLOCKS[kind]:
            _read(branch, f"{label}.{name}", getattr(module, name), linear)
        if module.downsample is not None:
            _read(skip, f"{label}.downsample", module.downsample, linear)
        chain.residual(label, branch, skip)
        _read(chain, f"{label}.relu", module.relu, linear)
    elif _is_residual(module):
        _read(branch, f"{label}.branch", module.branch, linear)
        _read(skip, f"{label}.skip", module.skip, linear)
        chain.residual(label, branch, skip)
    else:
        allowed = "a Sequential of Linear, Conv, activations, Flatten, BatchNorm, pooling, dropout and residual blocks"
        raise InvalidInput(label, allowed, type(module).__name__)


def _has(module: Any, names: tuple[str, ...]) -> bool:
    return all(hasattr(module, name) for name in names)


def _is_residual(module: Any) -> bool:
    if type(module).__name__ != "Residual" or not hasattr(module, "named_children"):
        return False
    return {name for name, _ in module.named_children()} == {"branch", "skip"}


def _layers(label: str, module: Any) -> Iterator[tuple[str, Any]]:
    if class_name(module, LAYERS) is not None:
        yield label, module
    elif class_name(module, {"Sequential"}) is not None:
        for index, child in enumerate(module):
            yield from _layers(f"{label}[{index}]", child)
    elif _is_residual(module):
        for name in ("branch", "skip"):
            yield from _layers(f"{label}.{name}", getattr(module, name))
    else:
        for name, child in module.named_children():
            yield from _layers(f"{label}.{name}", child)


def _mask(named: str, layer: Any) -> csr_array:
    import numpy as np
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
