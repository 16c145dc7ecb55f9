"""The inputs that every ratio checks alike: weight shapes and one overall density."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape
from ertheory.numbers import Rational, probability

__all__ = ["Shapes", "as_layers", "overall_density", "total_weights"]

# Weight shapes in forward order: (outputs, inputs, *kernel) each, with or without a name.
Shapes: TypeAlias = Sequence[LayerShape | Sequence[int]]

# Up to here counts that come from densities rounded to doubles are wrong by less than one half.
_MOST_WEIGHTS = 10**15

# At p / 10**15, a layer's share of it at the worst, doubles still have all their digits.
_SMALLEST_DENSITY = Fraction(1, 10**290)


def as_layers(shapes: Shapes) -> tuple[LayerShape, ...]:
    """Check weight shapes, and name those that come without a name ``layer1``, ``layer2``, ...

    Parameters
    ----------
    shapes
        They are at least one shape (outputs, inputs, *kernel), first layer first; at most 10**15 weights together.

    Raises
    ------
    InvalidInput
        If that does not hold.

    Examples
    --------
    >>> as_layers(((300, 784), (10, 300)))[1]
    LayerShape(name='layer2', shape=(10, 300), groups=1)
    """
    allowed = "one or more weight shapes such as ((300, 784), (10, 300))"
    if not isinstance(shapes, Sequence) or not shapes:
        raise InvalidInput("shapes", allowed, shapes)
    if not all(isinstance(shape, LayerShape | Sequence) for shape in shapes):
        raise InvalidInput("shapes", allowed, shapes)
    layers = tuple(
        shape if isinstance(shape, LayerShape) else LayerShape(f"layer{number}", tuple(shape))
        for number, shape in enumerate(shapes, start=1)
    )
    if total_weights(layers) > _MOST_WEIGHTS:
        raise InvalidInput("shapes", "at most 10**15 weights in all", total_weights(layers))
    return layers


def total_weights(layers: Sequence[LayerShape]) -> int:
    """M, the number of weights of all layers."""
    return sum(layer.weights for layer in layers)


def overall_density(density: Rational) -> Fraction:
    """Check p, the fraction of all weights that is kept: from 1e-290 to 1.

    Raises
    ------
    InvalidInput
        If it is no number or lies outside.

    Examples
    --------
    >>> overall_density("0.1")
    Fraction(1, 10)
    """
    number = probability("density", density, one=True)
    if number < _SMALLEST_DENSITY:
        raise InvalidInput("density", "a number from 1e-290 to 1", density)
    return number
