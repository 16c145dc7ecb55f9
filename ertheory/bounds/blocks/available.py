"""What can be made of widths that are given: how many copies of each target neuron to build.

More neurons never hurt a source, but the hypothesis of Theorem 2.2 is not monotone in the widths: more copies in layer
l + 1 raise the demand on layer l. A network that contains a qualifying one is enough, so the widths N_l may be used
with any q'_l <= N_l / n_l. These functions choose good q'; every choice is a valid one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ertheory.bounds.blocks.laws import Law
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import midpoint, whole_numbers

__all__ = ["best_copies", "best_factors", "checked_widths", "most_factors"]

_WIDEST = 10**100  # nobody waits for the laws of wider layers


def checked_widths(target: Target, widths: tuple[int, ...], layers: int | None = None) -> tuple[int, ...]:
    """Check N_0..N_L against the target; N_L may be left out.

    Parameters
    ----------
    target
        The target.
    widths
        The widths of the source layers, with or without the outputs.
    layers
        How many layers the source has, where it is not one more than the target has.

    Raises
    ------
    InvalidInput
        If the number of widths does not fit, a width is no positive integer or above 10^100, or the outputs differ.

    Examples
    --------
    >>> checked_widths(Target.from_text("4-8-3"), (56, 80))
    (56, 80, 3)
    """
    outputs = target.widths[-1]
    layers = target.depth + 1 if layers is None else layers
    full = (*widths, outputs) if len(widths) == layers - 1 else tuple(widths)
    if len(full) != layers:
        allowed = f"{layers - 1} or {layers} source widths N_0,N_1,... for target {target}"
        raise InvalidInput("widths", allowed, len(widths))
    full = whole_numbers("widths", full, least=1, most=_WIDEST)
    if full[-1] != outputs:
        raise InvalidInput("widths", f"{outputs} as the last width (the outputs of target {target})", full[-1])
    return full


def most_factors(target: Target, widths: tuple[int, ...]) -> tuple[int, ...]:
    """Largest q_0..q_L that fit into the widths; a 0 means that a layer is narrower than the target's.

    Examples
    --------
    >>> most_factors(Target.from_text("4-8-3"), (57, 80, 3))
    (14, 10, 1)
    """
    return tuple(width // size for width, size in zip(widths, target.widths, strict=True))


def best_factors(law: Law, most: tuple[int, ...], first_width: int) -> tuple[int, ...]:
    """Choose q' <= q that make the success probability large.

    Parameters
    ----------
    law
        Target, densities and the reading of layer 0.
    most
        Upper limits q_0..q_L, each at least 1.
    first_width
        N_0.

    Notes
    -----
    One factor after the other is moved to its best value. The law is log-concave in each of them. Only the choice is
    made in low precision; what it is worth is for the caller to enclose.

    Examples
    --------
    >>> from fractions import Fraction
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> best_factors(Law(Target.from_text("784-128-10"), half, "dense"), (33, 60, 1), 33 * 784)[1] < 30
    True
    """
    if len(whole_numbers("most", most, least=1)) != law.target.depth + 1:
        raise InvalidInput("most", f"{law.target.depth + 1} numbers, one per source layer", most)
    factors = most
    matched = _most_matched(law, most[0], first_width) if law.layer0 == "matched" else most[0]
    limits = (matched, *most[1:])
    for _ in range(3):
        before = factors
        for layer in reversed(range(law.target.depth)):
            if layer == 0 and law.layer0 != "matched":
                continue  # more copies of an input only help

            def value(copies: int, layer: int = layer, factors: tuple[int, ...] = factors) -> float:
                trial = (*factors[:layer], copies, *factors[layer + 1 :])
                return midpoint(lambda: law.log_success(trial, first_width))

            factors = (*factors[:layer], _largest_of_concave(value, limits[layer]), *factors[layer + 1 :])
        if factors == before:
            break
    return factors


def best_copies(law: Law, value: Callable[[int], float], most: int, first_width: int) -> int:
    """Choose the number of copies of a matched layer 0, at most so many, with the largest value.

    Parameters
    ----------
    law
        Target and densities, with a matched layer 0.
    value
        The logarithm of what is wanted large, about concave in the number of copies, and minus infinity where there
        are too few or too many.
    most
        The largest number, at least 1.
    first_width
        N_0.

    Examples
    --------
    >>> from fractions import Fraction
    >>> law = Law(Target.from_text("1-1"), (Fraction(1, 2),) * 2, "matched")
    >>> best_copies(law, lambda copies: -((copies - 7) ** 2), 100, 100)
    7
    """
    return _largest_of_concave(value, _most_matched(law, most, first_width))


def _most_matched(law: Law, most: int, first_width: int) -> int:
    """Give the largest number of copies of the inputs that layer 0 is not too narrow to be shared out for."""
    low, high = 1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        hopeless = midpoint(lambda copies=middle: law.log_matching(copies, first_width)) == -math.inf  # type: ignore[misc]
        low, high = (low, middle) if hopeless else (middle, high)
    return low


def _largest_of_concave(value: Callable[[int], float], most: int) -> int:
    low, high = 1, most
    while high - low > 2:
        left = low + (high - low) // 3
        right = high - (high - low) // 3
        at_left, at_right = value(left), value(right)
        if at_left < at_right or (at_left == at_right == -math.inf):
            low = left + 1
        else:
            high = right
    return max(range(low, high + 1), key=value)
