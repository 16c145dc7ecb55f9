"""Activations of ONNX by the names that `ertheory.networks.activations` has for them.

>>> activation_of("act", "LeakyRelu", {"alpha": 0.5}, [])
'leaky_relu:0.5'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.activations import activation
from ertheory.networks.arrays import Array

__all__ = ["ACTIVATION_OPERATORS", "activation_of"]

_Reader: TypeAlias = "Callable[[_Parameters], str]"

_PLAIN = {
    "HardSwish": "hardswish",
    "Mish": "mish",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Tanh": "tanh",
}
_CLAMPS: dict[tuple[Any, ...], str] = {(0.0, None): "relu", (-1.0, 1.0): "hardtanh", (0.0, 6.0): "relu6"}


def activation_of(named: str, kind: str, options: Mapping[str, Any], constants: Sequence[Array | None]) -> str:
    """Give the name of an activation.

    Parameters
    ----------
    named
        Names the operator in an error.
    kind
        One of `ACTIVATION_OPERATORS`.
    options
        The attributes of the operator. Numbers that are left out have the value that the format gives them.
    constants
        What it reads beside its first input.

    Raises
    ------
    InvalidInput
        If its parameters are others than the activations here have.
    """
    name = _PLAIN.get(kind) or _PARAMETRIC[kind](_Parameters(named, options, constants))
    try:
        return activation(name).name
    except InvalidInput as error:
        raise InvalidInput(named, error.allowed, name) from None


@dataclass(frozen=True)
class _Parameters:
    """What is known of an operator: how an error names it, its attributes, and its constant inputs."""

    named: str
    options: Mapping[str, Any]
    constants: Sequence[Array | None]

    def number(self, name: str, usual: float) -> float:
        """Give a number; the format holds single precision, so what is left out is rounded to it too."""
        return float(self.options.get(name, np.float32(usual)))


def _with_alpha(name: str, usual: float) -> _Reader:
    return lambda given: f"{name}:{given.number('alpha', usual)!r}"


def _prelu(given: _Parameters) -> str:
    slope = given.constants[0] if given.constants else None
    if slope is None or slope.size != 1:
        raise InvalidInput(given.named, "one slope for all channels", "none" if slope is None else slope.shape)
    return f"prelu:{slope.item()!r}"


def _shrink(given: _Parameters) -> str:
    edge, bias = given.number("lambd", 0.5), given.number("bias", 0.0)
    if edge != bias:
        raise InvalidInput(given.named, "bias = lambd", (bias, edge))
    return f"softshrink:{edge!r}"


def _clip(given: _Parameters) -> str:
    # Older versions have the bounds as attributes.
    ends = [given.options.get(name) for name in ("min", "max")]
    for place, constant in enumerate(given.constants[:2]):
        ends[place] = None if constant is None else constant.item() if constant.size == 1 else np.nan
    bounds = tuple(ends)
    if bounds not in _CLAMPS:
        raise InvalidInput(given.named, "bounds -1 and 1, 0 and 6, or 0 alone", bounds)
    return _CLAMPS[bounds]


def _gelu(given: _Parameters) -> str:
    return "gelu_tanh" if given.options.get("approximate", b"none") == b"tanh" else "gelu"


def _exactly(name: str, usual: Mapping[str, float], needed: Mapping[str, float] | None = None) -> _Reader:
    """Read an activation whose numbers have to be those that are needed, in single precision."""

    def read(given: _Parameters) -> str:
        for part, value in (needed or usual).items():
            found = given.number(part, usual[part])
            if np.float32(found) != np.float32(value):
                raise InvalidInput(given.named, f"{part} = {value:.9g}", found)
        return name

    return read


_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}
_PARAMETRIC: dict[str, _Reader] = {
    "Celu": _with_alpha("celu", 1.0),
    "Clip": _clip,
    "Elu": _with_alpha("elu", 1.0),
    "Gelu": _gelu,
    "HardSigmoid": _exactly("hardsigmoid", {"alpha": 0.2, "beta": 0.5}, {"alpha": 1 / 6, "beta": 0.5}),
    "LeakyRelu": _with_alpha("leaky_relu", 0.01),
    "PRelu": _prelu,
    "Selu": _exactly("selu", _SELU),
    "Shrink": _shrink,
    "Swish": _exactly("silu", {"alpha": 1.0}),
}

# Operators of ONNX that are activations here.
ACTIVATION_OPERATORS = frozenset({*_PLAIN, *_PARAMETRIC})
