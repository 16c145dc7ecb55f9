"""The ratios: functions of the weight shapes and one overall density that return p_1..p_L.

Uniform, ERK and balanced are one rule with different shares s_l: layer l gets c * s_l non-zeros, but never more than
its m_l weights, and c is the level at which the budget p M is spent. With s_l = 1 this is filling vessels with water.
Levels and roots are found in integers and fractions; each density is rounded once, to the nearest double.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape
from ertheory.layerwise.inputs import Shapes, as_layers, overall_density, total_weights
from ertheory.numbers import Rational

__all__ = ["ERK_KERNELS", "balanced", "balanced_printed", "erk", "pyramidal", "uniform"]

# The forms of the ERK score, the reference first.
ERK_KERNELS = ("size", "area")


def uniform(shapes: Shapes, density: Rational) -> tuple[float, ...]:
    """Give every layer the same density, p_l = p.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first; no layer is left dense.
    density
        p, the fraction of all weights that is kept, in (0, 1].

    Returns
    -------
    tuple of float
        p_1..p_L.

    Raises
    ------
    InvalidInput
        If a shape or the density lies outside its domain.

    Examples
    --------
    >>> uniform(((300, 784), (10, 300)), "1/10")
    (0.1, 0.1)
    """
    layers = as_layers(shapes)
    return _shared_out(layers, [layer.weights for layer in layers], overall_density(density))


def erk(shapes: Shapes, density: Rational, *, kernel: str = "size") -> tuple[float, ...]:
    """Erdos-Renyi-kernel ratio: non-zeros in proportion to the sizes around a layer, full layers handed on.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first.
    density
        p, the fraction of all weights that is kept, in (0, 1].
    kernel
        What a filter adds to the raw score r_l: ``"size"`` its sides, ``"area"`` its number of taps. A linear layer
        adds nothing, so fully connected networks have the same densities under both.

    Returns
    -------
    tuple of float
        p_1..p_L with p_l = min(1, c r_l), c such that sum p_l m_l = p M.

    Raises
    ------
    InvalidInput
        If a shape, the density or the name of the kernel form lies outside its domain.

    Notes
    -----
    ``"size"`` is r_l = (c_l + c_{l-1} + k_h + k_w) / m_l, the form of Evci et al. (ICML 2020) and of most programs;
    ``"area"`` is r_l = (c_l + c_{l-1} + k_l) / m_l with the area k_l, as Gadhikar, Mukherjee and Burkholz (ICML 2023,
    Section 2) print it. Layers that would exceed density 1 become dense and the others are solved for again, until
    none is left; clamping once instead would lose their surplus. The result is unique, so the order does not matter.

    Examples
    --------
    >>> erk(((16, 3, 3, 3), (64, 16, 3, 3), (64, 64, 3, 3)), 0.25)
    (1.0, 0.47489346590909093, 0.18498757102272728)
    """
    if kernel not in ERK_KERNELS:
        raise InvalidInput("erk_kernel", f"one of {', '.join(ERK_KERNELS)}", kernel)
    combine = sum if kernel == "size" else math.prod
    layers = as_layers(shapes)
    shares = [layer.outputs + layer.inputs + (combine(layer.kernel) if layer.kernel else 0) for layer in layers]
    return _shared_out(layers, shares, overall_density(density))


def balanced(shapes: Shapes, density: Rational) -> tuple[float, ...]:
    """Give every layer the same number of non-zeros, full layers handing their surplus on; spends the budget.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first.
    density
        p, the fraction of all weights that is kept, in (0, 1].

    Returns
    -------
    tuple of float
        p_1..p_L with p_l = min(1, X / m_l), X such that sum p_l m_l = p M.

    Raises
    ------
    InvalidInput
        If a shape or the density lies outside its domain.

    Notes
    -----
    The balanced ratio of Gadhikar, Mukherjee and Burkholz (ICML 2023, Section 2), repaired: X is the water level at
    which the whole budget is spent. Without a full layer it is their p M / L; see `balanced_printed`.

    Examples
    --------
    >>> balanced(((4, 5), (10, 10), (2, 5)), 0.5)
    (1.0, 0.35, 1.0)
    """
    layers = as_layers(shapes)
    return _shared_out(layers, [1] * len(layers), overall_density(density))


def balanced_printed(shapes: Shapes, density: Rational) -> tuple[float, ...]:
    """Balanced ratio as printed, p_l = min(1, X / m_l) with X = p M / L: drops what full layers cannot take.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first.
    density
        p, the nominal density, in (0, 1]; the realised one is lower as soon as a layer has fewer than X weights.

    Returns
    -------
    tuple of float
        p_1..p_L. At p = 1 they are not all ones unless all layers are of the same size.

    Raises
    ------
    InvalidInput
        If a shape or the density lies outside its domain.

    Notes
    -----
    Gadhikar, Mukherjee and Burkholz (ICML 2023, Section 2). Kept to compare with their numbers: a ResNet18 "of density
    0.3" has 0.190. Compare methods at equal realised density.

    Examples
    --------
    >>> balanced_printed(((4, 5), (10, 5), (2, 5)), 0.5)
    (0.6666666666666666, 0.26666666666666666, 1.0)
    """
    layers = as_layers(shapes)
    level = overall_density(density) * total_weights(layers) / len(layers)
    return tuple(float(min(Fraction(1), level / layer.weights)) for layer in layers)


def pyramidal(shapes: Shapes, density: Rational) -> tuple[float, ...]:
    """Let the density fall geometrically with depth, p_l = x^l.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first; the order decides the exponents, and the
        convolution of a shortcut counts as a layer of its own.
    density
        p, the fraction of all weights that is kept, in (0, 1].

    Returns
    -------
    tuple of float
        x, x^2, ..., x^L with sum x^l m_l = p M. In a deep network a density below 5e-324 is 0.

    Raises
    ------
    InvalidInput
        If a shape or the density lies outside its domain.

    Notes
    -----
    Gadhikar, Mukherjee and Burkholz (ICML 2023, Section 2). The left side increases with x from 0 to M on [0, 1], so
    that the root is unique. It is bisected in fixed-point integers: rounding x to a double would change x^l by l units
    in the last place.

    Examples
    --------
    >>> pyramidal(((2, 3), (4, 3)), "1/3")
    (0.5, 0.25)
    """
    layers, budget = as_layers(shapes), overall_density(density)
    # x >= p, so that these bits leave x a relative error below 2**-127.
    bits = 128 + int(1 / budget).bit_length()
    goal = math.ceil(budget * total_weights(layers) * 2**bits)
    low, high = 0, 1 << bits
    while high - low > 1:
        middle = (low + high) // 2
        spent = 0
        for layer in reversed(layers):  # Horner's rule; every step rounds down and so keeps the sum monotone in x
            spent = (spent + (layer.weights << bits)) * middle >> bits
        low, high = (low, middle) if spent >= goal else (middle, high)
    return tuple(high**depth / (1 << bits * depth) for depth in range(1, len(layers) + 1))


def _shared_out(layers: Sequence[LayerShape], shares: Sequence[int], density: Fraction) -> tuple[float, ...]:
    """Solve sum min(m_l, c s_l) = p M for the level c and return min(1, c s_l / m_l)."""
    # What one unit of level adds to a layer's density: the layer with the largest value is the first to be full.
    speeds = [Fraction(share, layer.weights) for layer, share in zip(layers, shares, strict=True)]
    budget, open_shares, level = density * total_weights(layers), sum(shares), Fraction(0)
    for index in sorted(range(len(layers)), key=speeds.__getitem__, reverse=True):
        level = budget / open_shares
        if level * speeds[index] < 1:
            break
        # Taking out a full layer can only raise the level, so that it stays full.
        budget -= layers[index].weights
        open_shares -= shares[index]
    return tuple(float(min(Fraction(1), level * speed)) for speed in speeds)
