"""The block construction in widths that are given: the copies that fit best, and how likely they succeed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ertheory.bounds.blocks.answers import reading
from ertheory.bounds.blocks.available import best_factors, most_factors
from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.blocks.explained import union_steps
from ertheory.bounds.blocks.laws import LAW_BITS, Law, Layer0, checked_layer0, law_holds
from ertheory.bounds.statement import GivenWidths, Inverse
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, enclose, exp_complement

__all__ = ["EXACT_INVERSE", "PRINTED_INVERSE", "law_of", "least_success", "too_narrow"]


def law_of(given: GivenWidths, densities: tuple[Fraction, ...]) -> Law:
    """Make the law of a source that copies inputs."""
    return Law(given.target, densities, _copying(given.layer0))


def _copying(layer0: str) -> Layer0:
    checked_layer0(layer0)
    return layer0  # type: ignore[return-value]


def too_narrow(given: GivenWidths) -> str:
    """Name a layer that is narrower than that of the target, or return an empty string."""
    for layer, (width, size) in enumerate(zip(given.widths, given.target.widths, strict=True)):
        if width < size:
            return f"layer {layer} has {width} neurons, the target has {size}"
    return ""


def least_success(failure: Callable[[], Ball]) -> tuple[Fraction, None]:
    """Bound a success probability from below, given an enclosure of the failure."""
    value = enclose(failure, digits=6, most_bits=LAW_BITS)
    return max(Fraction(0), 1 - value[1]), None


def _reason(given: GivenWidths) -> str:
    return reading(given.target, given.layer0)


def _best(given: GivenWidths, law: Law) -> tuple[int, ...]:
    return best_factors(law, most_factors(given.target, given.widths), given.widths[0])


def _printed_holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
    try:
        form = closed_form(law_of(given, densities), failure_probability)
    except InfeasibleWidth:
        return False  # too close or too long to decide: not granted
    most = most_factors(given.target, given.widths)
    return all(q <= limit for q, limit in zip(form.factors, most, strict=True)) and form.first_width <= given.widths[0]


def _printed_success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[Fraction, None]:
    law = law_of(given, densities)
    factors = _best(given, law)
    return least_success(lambda: law.union_failure(factors, given.widths[0]))


def _printed_factors(
    given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction | None
) -> tuple[int, ...]:
    law = law_of(given, densities)
    return _best(given, law) if failure_probability is None else closed_form(law, failure_probability).factors


def _exact_holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
    law = law_of(given, densities)
    try:
        return law_holds(law, failure_probability, _best(given, law), given.widths[0]).holds
    except InfeasibleWidth:
        return False


def _exact_success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[Fraction, None]:
    law = law_of(given, densities)
    factors = _best(given, law)
    return least_success(
        lambda: exp_complement(law.log_success(factors, given.widths[0])),
    )


def _exact_factors(
    given: GivenWidths,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction | None,  # noqa: ARG001
) -> tuple[int, ...]:
    return _best(given, law_of(given, densities))


PRINTED_INVERSE = Inverse(
    reason=_reason,
    refuses=too_narrow,
    holds=_printed_holds,
    success=_printed_success,
    factors=_printed_factors,
    steps=union_steps,
)
EXACT_INVERSE = Inverse(
    reason=_reason,
    refuses=too_narrow,
    holds=_exact_holds,
    success=_exact_success,
    factors=_exact_factors,
)
