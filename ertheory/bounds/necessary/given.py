"""Necessary statements for widths that are given: a ceiling on the success probability of every construction."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Inverse, Step
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, ball, decide, enclose

__all__ = ["bounded_inverse", "ceiling_inverse"]

Ceiling = Callable[[GivenWidths, tuple[Fraction, ...]], Ball]
Bound = Callable[[GivenWidths, tuple[Fraction, ...]], Fraction]


def ceiling_inverse(
    ceiling: Ceiling,
    reason: Callable[[GivenWidths], str],
    steps: Callable[[Width], tuple[Step, ...]] | None = None,
    refuses: Callable[[GivenWidths], str] = lambda given: "",  # noqa: ARG005
) -> Inverse:
    """Read a ceiling on the success probability as a statement about given widths.

    Parameters
    ----------
    ceiling
        Encloses the ceiling, given the widths and the densities.
    reason
        The conditions on which it rests.
    steps
        The ceiling as a formula, with the numbers put in.
    refuses
        Why nothing is said about these widths, or an empty string.
    """

    def holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
        def margin() -> Ball:
            return ceiling(given, densities) - 1 + ball(failure_probability)

        return decide(margin, undecided=True).holds

    def success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[None, Fraction]:
        try:
            high = enclose(lambda: ceiling(given, densities), digits=6, most_bits=LAW_BITS)[1]
        except InfeasibleWidth:  # too close to 0 or 1 to be written down
            return None, Fraction(1)
        return None, min(Fraction(1), high)

    return Inverse(reason=reason, holds=holds, success=success, steps=steps, refuses=refuses)


def bounded_inverse(
    bound: Bound, reason: Callable[[GivenWidths], str], steps: Callable[[Width], tuple[Step, ...]]
) -> Inverse:
    """Read a bound on the success probability, in double precision, as a statement about given widths.

    Parameters
    ----------
    bound
        A rational number that the success probability does not exceed, given the widths and the densities; at most 1.
    reason, steps
        They are as for `ceiling_inverse`.
    """

    def holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
        return bound(given, densities) >= 1 - failure_probability

    def success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[None, Fraction]:
        return None, bound(given, densities)

    return Inverse(reason=reason, holds=holds, success=success, steps=steps)
