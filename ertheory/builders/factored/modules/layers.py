"""Which layers of a module are linear maps that can be replaced, and which are left as they are, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ertheory.builders.factored.modules.attention import PROJECTIONS, Attention
from ertheory.builders.factored.modules.pair import Geometry
from ertheory.errors import InvalidInput
from ertheory.networks.readers.torch_modules import keeps_mask

__all__ = ["Layer", "open_attention", "places", "read_layers"]

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)
_OTHERS: tuple[tuple[type, str], ...] = (
    (nn.RNNBase, "a recurrent layer, which reads its weights itself"),
    (nn.RNNCellBase, "a recurrent cell, which reads its weights itself"),
    (nn.Bilinear, "a bilinear layer"),
)


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer or convolution.

    Parameters
    ----------
    name
        Its name in the module.
    module
        The layer itself.
    geometry
        It is that of a convolution, ``None`` otherwise.
    transposed
        Whether the weight is held as (inputs, outputs, *kernel).
    attributes
        What others may ask the layer for.
    """

    name: str
    module: Any
    geometry: Geometry | None
    transposed: bool
    attributes: dict[str, Any]

    @property
    def weight(self) -> torch.Tensor:
        """W of shape (outputs, inputs) or (outputs, inputs / groups, *kernel)."""
        held: torch.Tensor = self.module.weight.detach()
        return held.transpose(0, 1) if self.transposed else held

    @property
    def groups(self) -> int:
        """In how many groups the channels fall."""
        return 1 if self.geometry is None else self.geometry.groups

    @property
    def taps(self) -> int:
        """Entries of a filter; 1 in a linear layer."""
        return math.prod(self.weight.shape[2:])


def open_attention(module: Any, layers: Sequence[str] | None, leave_out: Sequence[str]) -> Any:
    """Replace multi-head attentions by ones whose projections are layers, in place, where one of these is meant."""
    if type(module) is nn.MultiheadAttention:
        return Attention(module)
    replaced: dict[int, Any] = {}
    for name, parent, child, part in list(places(module)):
        if type(child) is not nn.MultiheadAttention:
            continue
        if any(_meant(f"{name}.{projection}", layers, leave_out) for projection in PROJECTIONS):
            if id(child) not in replaced:
                replaced[id(child)] = Attention(child)
            setattr(parent, part, replaced[id(child)])
    for part in module.modules():
        # Its fast path reads the weights of the attentions inside.
        if isinstance(part, nn.TransformerEncoder) and any(isinstance(inner, Attention) for inner in part.modules()):
            part.use_nested_tensor = False
    return module


def read_layers(
    module: Any, layers: Sequence[str] | None, leave_out: Sequence[str]
) -> tuple[tuple[Layer, ...], dict[str, str]]:
    """Find the layers to replace.

    Parameters
    ----------
    module
        The module, with its attentions opened.
    layers, leave_out
        Names of layers, or of modules that hold some; as in `embed_module`.

    Returns
    -------
    tuple and dict
        The layers, and for every other part with a linear map the reason why it stays.

    Raises
    ------
    InvalidInput
        If a name is unknown, a layer is lazy or quantised or cannot be replaced, or there is none.
    """
    for name, part in module.named_modules():
        _refuse(name or type(part).__name__, part)
    found = {name: layer for name, part in module.named_modules() if (layer := _layer(name, part)) is not None}
    if not found:
        raise InvalidInput("module", "a module with Linear or Conv layers", type(module).__name__)
    for argument, names in (("layers", layers or ()), ("leave_out", leave_out)):
        for name in names:
            if not any(_within(one, name) for one in found):
                allowed = f"names of layers, or of modules that hold some: {', '.join(list(found)[:4])}, ..."
                raise InvalidInput(argument, allowed, name)
    kept = {
        name: reason
        for name, part in module.named_modules()
        if (reason := next((text for kind, text in _OTHERS if isinstance(part, kind)), None))
    }
    chosen: list[Layer] = []
    for name, layer in found.items():
        reason = _reason(module, found, layer, layers, leave_out)
        if reason is None:
            chosen.append(layer)
        elif layers is not None and name in layers:
            raise InvalidInput("layers", "layers that can be replaced", f"{name}: {reason}")
        else:
            kept[name] = reason
    if not chosen:
        raise InvalidInput("layers", "at least one layer that can be replaced", "; ".join(kept.values()))
    return tuple(chosen), kept


def _layer(name: str, part: Any) -> Layer | None:
    kind = type(part)
    if kind.__name__ == "Conv1D" and kind.__module__ == "transformers.pytorch_utils":
        return Layer(name, part, None, True, {"nf": part.nf, "nx": part.nx})
    if isinstance(part, nn.Linear):
        _check_forward(name, part, nn.Linear)
        sizes = {"in_features": part.in_features, "out_features": part.out_features}
        return Layer(name, part, None, False, sizes)
    if not isinstance(part, _CONVOLUTIONS):
        return None
    _check_forward(name, part, next(base for base in _CONVOLUTIONS if isinstance(part, base)))
    spreads = isinstance(part, _TRANSPOSED)
    border = tuple(part._reversed_padding_repeated_twice)
    extra = part.output_padding if spreads else None
    geometry = Geometry(part.stride, part.padding, part.dilation, part.groups, part.padding_mode, border, extra)
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
    held = names + (("output_padding",) if spreads else ())
    return Layer(name, part, geometry, spreads, {key: getattr(part, key) for key in held})


def _check_forward(name: str, part: Any, base: Any) -> None:
    if type(part).forward is not base.forward or nn.utils.parametrize.is_parametrized(part):
        allowed = f"layers that compute what {base.__name__} does; name the others in leave_out"
        raise InvalidInput("module", allowed, f"{name}: {type(part).__name__}")
    if part._forward_hooks or not all(keeps_mask(hook) for hook in part._forward_pre_hooks.values()):
        raise InvalidInput("module", "layers without forward hooks, which a pair would lose", name)


def _refuse(name: str, part: Any) -> None:
    if any(isinstance(weight, nn.parameter.UninitializedParameter) for weight in part.parameters(recurse=False)):
        raise InvalidInput("module", "layers with weights; run a lazy one on an input first", name)
    if ".quantized" in type(part).__module__:
        raise InvalidInput("module", "weights in floating point, not quantised ones", name)
    if isinstance(part, nn.MultiheadAttention) and type(part) is not nn.MultiheadAttention:
        raise InvalidInput("module", "torch.nn.MultiheadAttention itself, no class derived from it", name)
    for key, parameter in part.named_parameters(recurse=False):
        if parameter.is_meta:
            raise InvalidInput("module", "weights that are there, not on the meta device", f"{name}.{key}")


def _reason(
    module: Any, found: dict[str, Layer], layer: Layer, layers: Sequence[str] | None, leave_out: Sequence[str]
) -> str | None:
    """Say why a layer stays as it is; nothing if it does not."""
    if not _meant(layer.name, layers, leave_out):
        return "left out"
    if layer.module.weight is None:
        raise InvalidInput("module", f"a weight in the layer {layer.name!r}", None)
    if layer.module.weight.dtype not in (torch.float32, torch.float64):
        raise InvalidInput("module", "weights in float32 or float64", f"{layer.name}: {layer.module.weight.dtype}")
    if layer.groups > 1 and layer.transposed:
        return "a transposed convolution with groups"
    if layer.groups > 1 and layer.weight.shape[1] == 1:
        return "a depthwise convolution, whose pair would be many times as large"
    if not layer.weight.numel():
        return "a layer without weights"
    for name, part in module.named_modules():
        for key, parameter in part.named_parameters(recurse=False):
            if parameter is layer.module.weight and part is not layer.module:
                other = found.get(name)
                same = other is not None and (other.transposed, other.geometry) == (layer.transposed, layer.geometry)
                if not same or not _meant(name, layers, leave_out):
                    return f"its weight is tied to {name}.{key}"
    return None


def _meant(name: str, layers: Sequence[str] | None, leave_out: Sequence[str]) -> bool:
    chosen = layers is None or any(_within(name, one) for one in layers)
    return chosen and not any(_within(name, one) for one in leave_out)


def _within(name: str, module: str) -> bool:
    return not module or name == module or name.startswith(f"{module}.")


def places(module: Any) -> Iterator[tuple[str, Any, Any, str]]:
    """Go through all parts, repeated ones as well: name, parent, part, and the part's name in the parent."""
    for name, parent in module.named_modules(remove_duplicate=False):
        for part, child in parent._modules.items():
            if child is not None:
                yield f"{name}.{part}" if name else part, parent, child, part
