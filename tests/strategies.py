"""What the tests draw from: exact densities, failure probabilities and targets, the extreme ones among them.

Beside them stand the ends of an enclosure as fractions, which every test of one needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
from hypothesis import strategies as st

from ertheory import numbers
from ertheory.numbers import Ball, at_precision

__all__ = [
    "EXTREME_DELTAS",
    "EXTREME_DENSITIES",
    "HALF",
    "bits",
    "conv_patterns",
    "deltas",
    "densities",
    "ends",
    "entries",
    "large_targets",
    "patterns",
    "plain_densities",
    "real",
    "small_targets",
    "sparsities",
]

HALF = Fraction(1, 2)
EXTREME_DENSITIES = (Fraction(1, 10**12), 1 - Fraction(1, 10**12), 1 - Fraction(1, 10**300), Fraction(1), HALF)
EXTREME_DELTAS = (Fraction(1, 10**300), 1 - Fraction(1, 10**12), Fraction(1, 10**12), HALF)

plain_densities = st.fractions(Fraction(1, 12), Fraction(11, 12), max_denominator=12)
"""Densities with short denominators, for laws that are written out in fractions."""

densities = st.sampled_from(EXTREME_DENSITIES) | plain_densities | st.floats(1e-12, 1.0).map(Fraction)
"""Densities in (0, 1]: extremes, fractions as people write them, and doubles at their binary value."""

sparsities = densities.map(lambda density: 1 - density)
"""Sparsities in [0, 1)."""

ties = st.integers(1, 199).map(lambda k: Fraction(1, 2**k))
"""Failure probabilities that q halves meet with equality."""

deltas = (
    st.sampled_from(EXTREME_DELTAS)
    | ties
    | st.fractions(Fraction(1, 10**6), Fraction(999, 1000), max_denominator=10**6)
)
"""Failure probabilities in (0, 1)."""

small_targets = st.lists(st.integers(1, 6), min_size=2, max_size=4)
"""Widths of dense targets small enough for fractions."""

large_targets = st.lists(st.integers(1, 10**6), min_size=2, max_size=5)
"""Widths of dense targets of any practical size: up to 10^12 weights a layer."""

bits = st.sampled_from((64, 128, 256))
"""Working precisions."""


@st.composite
def patterns(draw: st.DrawFn, *, depth: int = 2, largest: int = 2) -> list[list[list[int]]]:
    """Draw the non-zero patterns of W_1..W_L, shape (out, in) each; rows, columns and whole layers may be empty."""
    widths = draw(st.lists(st.integers(1, largest), min_size=depth + 1, max_size=depth + 1))
    return [_pattern(draw, (after, before)) for before, after in pairwise(widths)]


@st.composite
def conv_patterns(draw: st.DrawFn) -> list[Any]:
    """Draw a filter of shape (out, in, taps) and the dense layer behind a flatten of `positions` positions."""
    inputs, channels, outputs = (draw(st.integers(1, 2)) for _ in range(3))
    taps, positions = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    return [_pattern(draw, (channels, inputs, taps)), _pattern(draw, (outputs, channels, positions))]


def _pattern(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    if not shape:
        return draw(st.sampled_from((0, 1, 1, 1)))
    return [_pattern(draw, shape[1:]) for _ in range(shape[0])]


def entries(layers: Sequence[Any], factors: Sequence[int]) -> int:
    """Mask entries of the source for these patterns and q_0..q_{L-1}, layer 0 left out."""
    sizes = [*factors, 1]
    return sum(
        len(layer) * sizes[level + 1] * len(layer[0]) * sizes[level] * _taps(layer)
        for level, layer in enumerate(layers)
    )


def _taps(layer: Any) -> int:
    return len(layer[0][0]) if isinstance(layer[0][0], list) else 1


def ends(value: Callable[[], Ball], precision: int = 64) -> tuple[Fraction | float, Fraction | float]:
    """Both ends of what is enclosed with so many bits, exactly; infinite ones where it has none."""
    found = at_precision(precision, value)
    return numbers.ends(found) if found.is_finite() else (-math.inf, math.inf)


def real(value: Fraction | int, digits: int) -> Any:
    """Write a rational with so many digits; its `context` makes the functions to go with it."""
    made = mpmath.mp.clone()
    made.dps = digits
    return made.mpf(Fraction(value).numerator) / Fraction(value).denominator
