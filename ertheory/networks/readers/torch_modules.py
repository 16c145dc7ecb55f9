"""What PyTorch modules are and hold, told without PyTorch: by the names of classes and attributes.

A network is understood wherever it was trained, and this module loads where torch is absent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["LAYERS", "NORMS", "PARTS", "POOLS", "SILENT", "class_name", "entries", "numbers", "pads", "parameter"]

Array: TypeAlias = npt.NDArray[np.float64]

LAYERS = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d"})
NORMS = frozenset({"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"})
POOLS = frozenset(
    f"{adaptive}{kind}Pool{axes}d" for adaptive in ("", "Adaptive") for kind in ("Avg", "Max") for axes in (1, 2, 3)
)
# They do nothing in evaluation mode.
SILENT = frozenset({"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"})
# What may belong to one layer; `torch.nn.utils.prune` adds the last two of each kind.
PARTS = ("weight", "weight_orig", "weight_mask", "bias", "bias_orig", "bias_mask")

_FORWARD = ("forward", "_forward_impl", "_conv_forward")


def class_name(module: object, known: Collection[str], package: str = "torch.nn.modules.") -> str | None:
    """Give the name of a known class that a module belongs to and computes the same as.

    Parameters
    ----------
    module
        Any object.
    known
        Names of classes.
    package
        How the name of the module in which the class is defined begins.

    Returns
    -------
    str or None
        ``None`` if the object belongs to no such class, or has a forward function of its own.

    Examples
    --------
    >>> class_name([], {"Linear"}) is None
    True
    """
    own = type(module)
    for base in own.__mro__:
        if base.__module__.startswith(package) and base.__name__ in known:
            same = all(getattr(own, part, None) is getattr(base, part, None) for part in _FORWARD)
            patched = any(part in getattr(module, "__dict__", ()) for part in _FORWARD)
            return base.__name__ if same and not patched else None
    return None


def entries(module: object) -> dict[str, Any]:
    """Give what a layer has of `PARTS`, ``None`` where it has nothing."""
    return {part: getattr(module, part, None) for part in PARTS}


def parameter(label: str, held: Mapping[str, Any], name: str) -> Array | None:
    """Give a weight or a bias, multiplied by its mask where it is pruned; ``None`` where there is none.

    Parameters
    ----------
    label
        Names the module in an error.
    held
        As `entries` gives it.
    name
        ``weight`` or ``bias``.

    Examples
    --------
    >>> parameter("a layer", {"weight_orig": [[2.0, 3.0]], "weight_mask": [[1.0, 0.0]]}, "weight")
    array([[2., 0.]])
    """
    # torch.nn.utils.prune keeps the full weight and a mask; `weight` itself is stale until the next forward pass.
    original, mask = held.get(f"{name}_orig"), held.get(f"{name}_mask")
    if original is not None and mask is not None:
        return numbers(label, original) * numbers(label, mask)
    value = held.get(name)
    return None if value is None else numbers(label, value)


def numbers(label: str, value: Any) -> Array:
    """Give a tensor or an array in float64.

    Raises
    ------
    InvalidInput
        If it holds no real numbers, or none at all, like a tensor on the meta device.
    """
    allowed = "a tensor of real numbers"
    try:
        is_real = not hasattr(value, "is_complex") or not value.is_complex()
        array = np.asarray(value.detach().cpu().double().numpy() if is_real and hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError, AttributeError):
        raise InvalidInput(label, allowed, type(value).__name__) from None
    if array.dtype.kind not in "bfiu":
        raise InvalidInput(label, allowed, array.dtype.name)
    return array.astype(np.float64)


def pads(module: Any) -> bool:
    """Say whether a convolution or a pooling pads its inputs."""
    padding = getattr(module, "padding", 0)
    return padding != "valid" and (isinstance(padding, str) or bool(np.any(padding)))
