"""Single PyTorch modules as steps of a network: activations, pooling, the geometry of a convolution.

What computes something else than the steps of `ertheory.networks.network` is refused, and the module is named.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from ertheory.errors import InvalidInput
from ertheory.networks.activations import activation
from ertheory.networks.arrays import doubles
from ertheory.networks.network import Pool
from ertheory.networks.readers.padding import Pads

__all__ = ["ACTIVATION_MODULES", "activation_name", "geometry", "pool", "zeros"]

_PLAIN = {
    "Hardsigmoid": "hardsigmoid",
    "Hardswish": "hardswish",
    "Identity": "identity",
    "Mish": "mish",
    "ReLU": "relu",
    "SELU": "selu",
    "SiLU": "silu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
}
# The name of the activation, and of the attribute that holds its parameter.
_WITH_PARAMETER = {
    "CELU": ("celu", "alpha"),
    "ELU": ("elu", "alpha"),
    "LeakyReLU": ("leaky_relu", "negative_slope"),
    "Softshrink": ("softshrink", "lambd"),
}
_CLAMPS = {(-1.0, 1.0): "hardtanh", (0.0, 6.0): "relu6"}
_GELU = {"none": "gelu", "tanh": "gelu_tanh"}
_LOWEST_THRESHOLD = 20

# Classes of torch.nn that are activations here.
ACTIVATION_MODULES = frozenset({*_PLAIN, *_WITH_PARAMETER, "GELU", "Hardtanh", "PReLU", "ReLU6", "Softplus"})


def activation_name(named: str, kind: str, module: Any) -> str:
    """Give the name that `ertheory.networks.activations` has for an activation of PyTorch.

    Parameters
    ----------
    named
        Names the module in an error.
    kind
        One of `ACTIVATION_MODULES`.
    module
        The module.

    Raises
    ------
    InvalidInput
        If its parameters are others than the activations here have.

    Notes
    -----
    Above its threshold, 20 if nothing else is said, Softplus of PyTorch gives z in place of log(1 + exp(z)), which is
    less than exp(-threshold) away: 2.1e-9 at 20. It is read as the exact function.
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _WITH_PARAMETER:
        name, attribute = _WITH_PARAMETER[kind]
        return _checked(named, f"{name}:{float(getattr(module, attribute))!r}")
    if kind == "PReLU":
        slopes = doubles(named, module.weight)
        if slopes.size != 1:
            raise InvalidInput(named, "one parameter for all channels", slopes.size)
        return _checked(named, f"prelu:{slopes.item()!r}")
    if kind == "GELU":
        return _GELU[module.approximate]
    if kind == "Softplus":
        if module.beta != 1 or not module.threshold >= _LOWEST_THRESHOLD:
            allowed = f"beta 1 and a threshold of at least {_LOWEST_THRESHOLD}"
            raise InvalidInput(named, allowed, (module.beta, module.threshold))
        return "softplus"
    bounds = (float(module.min_val), float(module.max_val))
    if bounds not in _CLAMPS:
        raise InvalidInput(named, "bounds -1 and 1, or 0 and 6", bounds)
    return _CLAMPS[bounds]


def geometry(named: str, module: Any) -> dict[str, Any]:
    """Give stride, padding, dilation and groups of a convolution, as `Chain.layer` takes them.

    Raises
    ------
    InvalidInput
        If it pads with something else than zeros.
    """
    if module.padding_mode != "zeros":
        raise InvalidInput(named, "padding_mode='zeros'", module.padding_mode)
    padding = module.padding
    if padding == "valid":
        padding = (0,) * len(module.kernel_size)
    elif padding == "same":
        around = [step * (size - 1) for size, step in zip(module.kernel_size, module.dilation, strict=True)]
        padding = tuple((both // 2, both - both // 2) for both in around)
    return {
        "stride": tuple(module.stride),
        "padding": tuple(padding),
        "dilation": tuple(module.dilation),
        "groups": int(module.groups),
    }


def pool(named: str, kind: str, module: Any) -> Pool:
    """Read a pooling.

    Parameters
    ----------
    named
        Names the module in an error.
    kind
        The name of its class, such as ``AvgPool2d``.
    module
        The module.

    Raises
    ------
    InvalidInput
        If it has an option that the pooling here has not.

    Notes
    -----
    An output size of ``None`` leaves as many positions as there are.
    """
    axes = int(kind[-2])
    which: Literal["max", "average"] = "max" if "Max" in kind else "average"
    if getattr(module, "return_indices", False):
        raise InvalidInput(named, "return_indices=False", True)
    if kind.startswith("Adaptive"):
        outputs = tuple(0 if count is None else count for count in _axes(module.output_size, axes))
        if any(type(count) is not int or count < 0 for count in outputs) or 0 in _axes(module.output_size, axes):
            raise InvalidInput(named, "an output size of whole numbers, or None", module.output_size)
        # One position that is left counts as none, so that a layer of neurons may follow without a flatten.
        return Pool(which) if outputs == (1,) * axes else Pool(which, outputs=outputs)
    size, stride, padding = (_axes(getattr(module, part), axes) for part in ("kernel_size", "stride", "padding"))
    if any(step != 1 for step in _axes(getattr(module, "dilation", 1), axes)):
        raise InvalidInput(named, "dilation 1", module.dilation)
    if getattr(module, "divisor_override", None) not in (None, math.prod(size)):
        raise InvalidInput(named, f"the divisor {math.prod(size)}", module.divisor_override)
    # With stride 1 there is nothing to round up, and without padding nothing to leave out.
    ceil = bool(module.ceil_mode) and any(step != 1 for step in stride)
    divisor = getattr(module, "divisor_override", None)
    counted = which == "max" or not any(padding) or divisor is not None or bool(module.count_include_pad)
    if ceil and divisor is not None:
        raise InvalidInput(named, "no divisor_override beside ceil_mode", divisor)
    return Pool(which, size, stride, padding, ceil=ceil, counted=counted)


def zeros(named: str, pad: Any) -> Pads:
    """Give the zeros in front of and behind each axis, from what PyTorch takes: two numbers an axis, the last first.

    Raises
    ------
    InvalidInput
        If there are less than none.
    """
    given = list(pad)
    if len(given) % 2 or any(type(size) is not int or size < 0 for size in given):
        raise InvalidInput(named, "two numbers of zeros for every axis, none negative", tuple(given))
    return tuple(zip(given[::2], given[1::2], strict=True))[::-1]


def _axes(value: Any, axes: int) -> tuple[Any, ...]:
    """PyTorch takes one number for all axes, or a sequence of one per axis."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


def _checked(named: str, name: str) -> str:
    try:
        return activation(name).name
    except InvalidInput as error:
        raise InvalidInput(named, error.allowed, name) from None
