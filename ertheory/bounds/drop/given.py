"""Dropped copies in widths that are given: as many copies as fit, and how likely enough of them are good."""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.blocks.answers import reading
from ertheory.bounds.blocks.available import best_copies, most_factors
from ertheory.bounds.blocks.given import law_of, least_success, too_narrow
from ertheory.bounds.blocks.laws import LAW_BITS, Law
from ertheory.bounds.drop.kept import log_kept
from ertheory.bounds.drop.law import exact_drop
from ertheory.bounds.drop.thresholds import best_thresholds
from ertheory.bounds.statement import GivenWidths, Inverse
from ertheory.numbers import Ball, decide, exp_complement, log_sparsity, midpoint

__all__ = ["DROP_INVERSE"]


def _reason(given: GivenWidths) -> str:
    return f"{reading(given.target, given.layer0)}; bad copies are left out"


def _holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
    law = law_of(given, densities)
    factors = _best(given, law)

    def tie() -> bool:
        copies = exact_drop(given.target, law.densities, factors, _thresholds(law, factors))
        matched = law.exact_matching(factors[0], given.widths[0])
        return copies is not None and matched is not None and copies * matched == 1 - failure_probability

    return decide(
        lambda: _log_success(given, law, factors) - log_sparsity(failure_probability),
        tie=tie,
        undecided=False,
        most_bits=LAW_BITS,
    ).holds


def _success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[Fraction, None]:
    law = law_of(given, densities)
    factors = _best(given, law)
    return least_success(lambda: exp_complement(_log_success(given, law, factors)))


def _factors(
    given: GivenWidths,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction | None,  # noqa: ARG001
) -> tuple[int, ...]:
    return _best(given, law_of(given, densities))


def _log_success(given: GivenWidths, law: Law, factors: tuple[int, ...]) -> Ball:
    kept = log_kept(given.target, law.densities, factors, _thresholds(law, factors))
    return kept + law.log_matching(factors[0], given.widths[0])


def _thresholds(law: Law, factors: tuple[int, ...]) -> tuple[int, ...]:
    return best_thresholds(law.target, law.densities, factors)


def _best(given: GivenWidths, law: Law) -> tuple[int, ...]:
    # What is not needed is dropped, so more copies never hurt; only of a matched layer 0 they ask more neurons.
    most = most_factors(given.target, given.widths)
    if given.layer0 == "dense":
        return most

    def value(copies: int) -> float:
        return midpoint(lambda: _log_success(given, law, (copies, *most[1:])))

    return (best_copies(law, value, most[0], given.widths[0]), *most[1:])


DROP_INVERSE = Inverse(reason=_reason, refuses=too_narrow, holds=_holds, success=_success, factors=_factors)
