"""Activations, and how each of them lets a layer pass its inputs on unchanged.

Layer 0 of the source has to hand copies of the inputs to layer 1 through an activation. Three ways exist:

- E1, one neuron on a box: phi is affine with a slope other than 0 on an interval, into which the box is shifted.
- E2, a pair of neurons for all real inputs: phi(z) - phi(-z) = k z.
- approximate: phi is differentiable, so that a small enough piece of it is nearly affine. Never exact; the error is
  bounded by the remainder of Taylor's formula.

>>> activation("relu").classes, activation("gelu").classes, activation("tanh").classes
(('E1', 'E2'), ('E2',), ('approximate',))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["ACTIVATIONS", "SELU", "ActivationFunction", "Linearisation", "Piece", "activation"]

Array: TypeAlias = npt.NDArray[np.float64]

# The alpha and the scale of SELU.
SELU = _SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@dataclass(frozen=True)
class Piece:
    """phi(z) = slope z + offset for low <= z <= high; ``None`` stands for no bound."""

    low: Fraction | None
    high: Fraction | None
    slope: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)


@dataclass(frozen=True)
class Linearisation:
    """|phi(y) - value - slope y| <= coefficient |y|^order for all real y."""

    value: Fraction
    slope: Fraction
    coefficient: Fraction
    order: int


@dataclass(frozen=True, kw_only=True)
class ActivationFunction:
    """One activation.

    Parameters
    ----------
    name
        The name with its parameter, as in ``leaky_relu:0.1``.
    function
        The function on arrays of doubles.
    exact
        The same on rational numbers, where that is possible: for piecewise linear functions.
    lipschitz
        A bound on |phi(x) - phi(y)| / |x - y|.
    piece
        E1: where the function is affine.
    pair
        E2: k with phi(z) - phi(-z) = k z.
    linearisation
        How close to affine the function is near 0, for those that are nowhere exactly affine.
    """

    name: str
    function: Callable[[Array], Array]
    lipschitz: Fraction = Fraction(1)
    exact: Callable[[Fraction], Fraction] | None = None
    piece: Piece | None = None
    pair: Fraction | None = None
    linearisation: Linearisation | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Of E1, E2 and approximate, those that it belongs to."""
        ways = (("E1", self.piece), ("E2", self.pair), ("approximate", self.linearisation))
        return tuple(name for name, way in ways if way is not None)


def activation(name: str) -> ActivationFunction:
    """Look an activation up.

    Parameters
    ----------
    name
        One of `ACTIVATIONS`; ``leaky_relu``, ``prelu``, ``elu``, ``celu`` and ``softshrink`` take a parameter behind a
        colon, a double (0.01, 0.25, 1, 1 and 0.5 where it is left out).

    Raises
    ------
    InvalidInput
        If there is no such activation, or its parameter is out of range.

    Examples
    --------
    >>> activation("leaky_relu:0.5").pair
    Fraction(3, 2)
    """
    kind, colon, text = name.partition(":")
    if kind in _PLAIN and not colon:
        return _PLAIN[kind]
    if kind not in _WITH_PARAMETER:
        raise InvalidInput("activation", f"one of {', '.join(ACTIVATIONS)}", name)
    make, usual, positive = _WITH_PARAMETER[kind]
    try:
        value = float(text) if colon else usual
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or (positive and value <= 0):
        raise InvalidInput("activation", f"{kind}: and a {'positive ' if positive else ''}number", name)
    return make(name, value)


def _relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def _sigmoid(z: Array) -> Array:
    from scipy.special import expit

    result: Array = expit(z)
    return result


def _gelu(z: Array) -> Array:
    from scipy.special import ndtr

    result: Array = z * ndtr(z)
    return result


def _softplus(z: Array) -> Array:
    return np.logaddexp(0.0, z)


def _clamped(low: Fraction, high: Fraction) -> Callable[[Fraction], Fraction]:
    return lambda z: min(max(z, low), high)


def _leaky(name: str, slope: float) -> ActivationFunction:
    below = Fraction(slope)
    return ActivationFunction(
        name=name,
        function=lambda z: np.where(z > 0, z, slope * z),
        exact=lambda z: z if z > 0 else below * z,
        lipschitz=max(Fraction(1), abs(below)),
        piece=Piece(Fraction(0), None),
        pair=1 + below if below != -1 else None,
    )


def _elu(name: str, alpha: float) -> ActivationFunction:
    return ActivationFunction(
        name=name,
        function=lambda z: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0))),
        lipschitz=max(Fraction(1), abs(Fraction(alpha))),
        piece=Piece(Fraction(0), None),
    )


def _celu(name: str, alpha: float) -> ActivationFunction:
    return ActivationFunction(
        name=name,
        function=lambda z: np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0) / alpha)),
        piece=Piece(Fraction(0), None),
    )


def _softshrink(name: str, width: float) -> ActivationFunction:
    edge = Fraction(width)
    return ActivationFunction(
        name=name,
        function=lambda z: np.where(z > width, z - width, np.where(z < -width, z + width, 0.0)),
        exact=lambda z: z - edge if z > edge else z + edge if z < -edge else Fraction(0),
        piece=Piece(edge, None, offset=-edge),
    )


_ZERO, _ONE, _HALF = Fraction(0), Fraction(1), Fraction(1, 2)

_PLAIN = {
    function.name: function
    for function in (
        ActivationFunction(
            name="relu", function=_relu, exact=lambda z: max(z, _ZERO), piece=Piece(_ZERO, None), pair=_ONE
        ),
        ActivationFunction(
            name="identity", function=lambda z: z, exact=lambda z: z, piece=Piece(None, None), pair=Fraction(2)
        ),
        ActivationFunction(
            name="relu6",
            function=lambda z: np.clip(z, 0.0, 6.0),
            exact=_clamped(_ZERO, Fraction(6)),
            piece=Piece(_ZERO, Fraction(6)),
        ),
        ActivationFunction(
            name="hardtanh",
            function=lambda z: np.clip(z, -1.0, 1.0),
            exact=_clamped(-_ONE, _ONE),
            piece=Piece(-_ONE, _ONE),
        ),
        ActivationFunction(
            name="hardsigmoid",
            function=lambda z: np.clip(z / 6 + 0.5, 0.0, 1.0),
            exact=lambda z: min(max(z / 6 + _HALF, _ZERO), _ONE),
            lipschitz=Fraction(1, 6),
            piece=Piece(Fraction(-3), Fraction(3), Fraction(1, 6), _HALF),
        ),
        ActivationFunction(
            name="hardswish",
            function=lambda z: z * np.clip(z / 6 + 0.5, 0.0, 1.0),
            exact=lambda z: z * min(max(z / 6 + _HALF, _ZERO), _ONE),
            lipschitz=Fraction(3, 2),
            piece=Piece(Fraction(3), None),
            pair=_ONE,
        ),
        ActivationFunction(
            name="selu",
            function=lambda z: _SELU_SCALE * np.where(z > 0, z, _SELU_ALPHA * np.expm1(np.minimum(z, 0.0))),
            lipschitz=Fraction(9, 5),
            piece=Piece(_ZERO, None, slope=Fraction(_SELU_SCALE)),
        ),
        ActivationFunction(name="softplus", function=_softplus, pair=_ONE),
        ActivationFunction(name="silu", function=lambda z: z * _sigmoid(z), lipschitz=Fraction(11, 10), pair=_ONE),
        ActivationFunction(name="gelu", function=_gelu, lipschitz=Fraction(8, 7), pair=_ONE),
        ActivationFunction(
            name="gelu_tanh",
            function=lambda z: 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
            lipschitz=Fraction(8, 7),
            pair=_ONE,
        ),
        # |tanh y - y| <= |y|^3 / 3, since the third derivative of tanh lies between -2 and 2/3.
        ActivationFunction(name="tanh", function=np.tanh, linearisation=Linearisation(_ZERO, _ONE, Fraction(1, 3), 3)),
        # sigmoid(y) = 1/2 + tanh(y / 2) / 2.
        ActivationFunction(
            name="sigmoid",
            function=_sigmoid,
            lipschitz=Fraction(1, 4),
            linearisation=Linearisation(_HALF, Fraction(1, 4), Fraction(1, 48), 3),
        ),
        # The slope at 0 is tanh(log 2) = 3/5, and the second derivative stays between -1 and 1.
        ActivationFunction(
            name="mish",
            function=lambda z: z * np.tanh(_softplus(z)),
            lipschitz=Fraction(11, 10),
            linearisation=Linearisation(_ZERO, Fraction(3, 5), _HALF, 2),
        ),
    )
}

# How it is made, the usual parameter, whether that has to be positive.
_WITH_PARAMETER: dict[str, tuple[Callable[[str, float], ActivationFunction], float, bool]] = {
    "leaky_relu": (_leaky, 0.01, False),
    "prelu": (_leaky, 0.25, False),
    "elu": (_elu, 1.0, True),
    "celu": (_celu, 1.0, True),
    "softshrink": (_softshrink, 0.5, True),
}

# The names that `activation` knows.
ACTIVATIONS = (*_PLAIN, *_WITH_PARAMETER)
