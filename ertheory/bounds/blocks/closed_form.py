"""Theorems 2.1 and 2.2 and the convolutional statement, by their closed form.

As printed, with integers q_l so that the claim holds (a real q_{l+1} in the formula of q_l would break it):

    q_L = 1,   q_l >= log(L m_{l+1} q_{l+1} / delta) / log(1 / (1 - p_{l+1})),   N_0 = q_0 d,   N_l = q_l n_l.

Theorem 2.1 is L = 2. For convolutions m_l counts non-zero filter entries and widths count channels. The same union
bound gives the repaired statements for a masked layer 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.blocks.hall import hall_guess
from ertheory.bounds.blocks.laws import LAW_BITS, Law, Layer0
from ertheory.bounds.result import Variant, Width, rational_text
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target
from ertheory.numbers import (
    Ball,
    Decision,
    ball,
    decide,
    enclose,
    exp_complement,
    log_sparsity,
    near_zero,
    probability,
    smallest,
)

__all__ = [
    "ClosedForm",
    "closed_form",
    "describe",
    "printed",
    "reading",
    "refuse_masked",
    "statement_of",
    "union_factor",
]

_DIGITS = 17  # to which real factors are reported
_LONGEST_MATCHED = 150  # bits of N_0; every bit takes a step of the search
_LONGEST = 14_000  # bits of an integer; Python writes no more than 4300 digits


def printed(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, layer0: Layer0 = "dense"
) -> Width:
    """Widths by the printed closed form, or by the same union bound repaired for a masked layer 0.

    Parameters
    ----------
    target
        Target of depth L, fully connected or convolutional.
    densities
        p_0..p_L, each in (0, 1].
    failure_probability
        delta in (0, 1).
    layer0
        ``dense``: as printed; applies if p_0 = 1. ``preassigned``: 1 - p_1 becomes 1 - p_0 p_1 in the formula of q_0.
        ``matched``: every q_l with delta / (L + 1), and N_0 smallest with Hall sum H(N_0) <= delta / (L + 1).

    Returns
    -------
    Width
        With the unrounded factors beside the integers; `success_lower` is the exact law at these widths.

    Notes
    -----
    Theorems 2.1 and 2.2 of Gadhikar, Mukherjee, Burkholz, ICML 2023, with q_l = max(1, ceil(.)). Each inequality
    M (1 - p)^q <= delta / L is decided exactly, for q and for q - 1.

    Examples
    --------
    >>> tenth = (Fraction(1), Fraction(1, 10), Fraction(1, 10))
    >>> printed(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (179536, 18048, 10)
    """
    law = Law(target, densities, layer0)
    failure_probability = probability("failure_probability", failure_probability)
    form = closed_form(law, failure_probability)
    return describe(
        "printed",
        law,
        failure_probability,
        form.factors,
        form.first_width,
        bits=form.bits,
        real_factors=form.real_factors,
    )


@dataclass(frozen=True)
class ClosedForm:
    """The integers of the closed form: q_0..q_L before and after rounding, N_0, and the bits that certified them."""

    factors: tuple[int, ...]
    real_factors: tuple[Fraction, ...]
    first_width: int
    bits: int


def closed_form(law: Law, failure_probability: Fraction) -> ClosedForm:
    """Evaluate the printed or repaired inequalities from the last layer down.

    Examples
    --------
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> closed_form(Law(Target.from_text("784-128-10"), half, "dense"), Fraction(1, 1000)).factors
    (33, 22, 1)
    """
    target = law.target
    share = failure_probability / (target.depth + (law.layer0 == "matched"))
    factors: tuple[int, ...] = (1,)
    real_factors: tuple[Fraction, ...] = (Fraction(1),)
    bits = 0
    for layer in reversed(range(target.depth)):
        chance = law.densities[layer + 1]
        if layer == 0 and law.layer0 == "preassigned":
            chance *= law.densities[0]
        factor, real, used = union_factor(chance, target.nonzeros[layer] * factors[0], share)
        factors, real_factors, bits = (factor, *factors), (real, *real_factors), max(bits, used)
    first_width = factors[0] * target.inputs
    if law.layer0 == "matched":
        first_width, used = _smallest_for_hall(law, share, factors[0])
        bits = max(bits, used)
    return ClosedForm(factors, real_factors, first_width, bits)


def _smallest_for_hall(law: Law, share: Fraction, copies: int) -> tuple[int, int]:
    """Smallest N_0 >= q_0 d with Hall sum at most the given share of delta."""

    def holds(neurons: int) -> Decision:
        return decide(
            lambda: law.log_matching(copies, neurons) - log_sparsity(share),
            tie=lambda: law.exact_matching(copies, neurons) == 1 - share,
            undecided=False,
            most_bits=LAW_BITS,
        )

    least = copies * law.target.inputs
    if least.bit_length() > _LONGEST_MATCHED:
        msg = "layer 0 matched would need more neurons than the search can handle; read it as preassigned or dense"
        raise InfeasibleWidth(msg)
    guess = near_zero(
        lambda neurons: (-law.log_matching(copies, neurons)).log() - ball(share).log(),
        hall_guess(law.target.inputs, copies, law.densities[0], share),
        least=least,
    )
    return smallest(holds, guess, least=least)


def union_factor(density: Fraction, links: int | Fraction, failure_probability: Fraction) -> tuple[int, Fraction, int]:
    """Smallest q >= 1 with links (1 - density)^q <= failure_probability.

    Returns
    -------
    tuple
        q; the real number log(links / failure_probability) / log(1 / (1 - density)) that it rounds up, at least 0 and
        to 17 digits; and the bits of precision that the decision took (0: exact integers).

    Examples
    --------
    >>> union_factor(Fraction(1, 2), 1, Fraction(1, 2**29))[0]
    29
    """
    if links <= failure_probability or density == 1:
        return 1, Fraction(0), 0
    sparsity = 1 - density
    excess = links / failure_probability

    def real() -> Ball:
        return ball(excess).log() / -log_sparsity(density)

    def holds(factor: int) -> Decision:
        # (1 - p)^q excess = 1 forces the denominator of (1 - p)^q to divide the numerator of excess, so a tie needs
        # integers no longer than that numerator, and those are compared exactly.
        if factor * (sparsity.denominator.bit_length() - 1) <= excess.numerator.bit_length():
            return Decision(sparsity**factor * excess <= 1, 0)
        return decide(lambda: -factor * log_sparsity(density) - ball(excess).log())

    low, high = enclose(real, digits=_DIGITS)
    length = math.ceil(low).bit_length()
    if length > _LONGEST:
        msg = f"the width has about {length * 3 // 10} digits, more than can be written down"
        raise InfeasibleWidth(msg)
    guess = low if length < 3 * _DIGITS else enclose(real, digits=length // 3 + 2)[0]
    factor, bits = smallest(holds, math.ceil(guess))
    return factor, (low + high) / 2, bits


def describe(
    method: str,
    law: Law,
    failure_probability: Fraction,
    factors: tuple[int, ...],
    first_width: int,
    *,
    bits: int,
    real_factors: tuple[Fraction, ...] | None = None,
) -> Width:
    """State what the widths of a block construction rest on.

    Parameters
    ----------
    method
        ``printed``, ``exact`` or ``joint``.
    law
        Target, densities and the reading of layer 0.
    failure_probability
        delta.
    factors, first_width
        q_0..q_L and N_0.
    bits
        Largest precision that certified an integer; 0 if exact integers did.
    real_factors
        The factors before rounding.
    """
    target = law.target
    refusal = refuse_masked(law)
    success = None
    if not refusal:
        try:
            failure = enclose(
                lambda: exp_complement(law.log_success(factors, first_width)),
                digits=6,
                most_bits=LAW_BITS,
            )
            success = max(1 - failure[1], 1 - failure_probability)
        except InfeasibleWidth:
            success = 1 - failure_probability
    variant = _variant(method, law)
    return Width(
        method=method,
        statement=statement_of(target),
        variant=variant,
        kind="printed" if variant == "printed" else "sufficient",
        layer0=law.layer0,
        applies=not refusal,
        reason=refusal or reading(target, law.layer0),
        target=target,
        densities=law.densities,
        failure_probability=failure_probability,
        widths=(first_width, *(n * q for n, q in zip(target.widths[1:], factors[1:], strict=True))),
        factors=factors,
        real_factors=real_factors,
        success_lower=success,
        certified=_certificate(bits),
    )


def _variant(method: str, law: Law) -> Variant:
    if method == "printed" and law.layer0 == "dense":
        return "printed"
    # With layer 0 matched even the law is a bound, by the Hall sum: a statement of ours, not the exact probability.
    return "repaired" if method == "printed" or law.layer0 == "matched" else "exact"


def _certificate(bits: int) -> str:
    if not bits:
        return "exact integers"
    if bits >= LAW_BITS:
        return f"balls, {bits} bits: certainly sufficient, that one less fails could not be decided"
    return f"balls, {bits} bits"


def statement_of(target: Target) -> str:
    """Name the statement of the paper that covers a target.

    Examples
    --------
    >>> statement_of(Target.from_text("784-128-10"))
    'Theorem 2.1'
    """
    if target.is_convolutional:
        return "Theorem 2.2 for convolutions (appendix A.5)"
    return "Theorem 2.1" if target.depth == 2 else "Theorem 2.2"


_READINGS = {
    "dense": "layer 0 is dense (p_0 = 1), which the paper leaves unsaid",
    "preassigned": "layer 0 is masked; neuron k serves input k mod d if the mask lets it",
    "matched": "layer 0 is masked and shared out after the mask is seen; failure bounded by the Hall sum",
}


def reading(target: Target, layer0: Layer0) -> str:
    """Say on what a statement rests, given the target and how layer 0 is read."""
    # The ReLU shift of layer 0 is undone by a bias, which is wrong where padding supplies zeros instead of inputs.
    padding = "; layer 0 is a 1x1 convolution; no zero padding, or inputs >= 0" if target.is_convolutional else ""
    return f"bounded inputs{padding}; {_READINGS[layer0]}"


def refuse_masked(law: Law) -> str:
    """Say why the statement does not apply where a dense layer 0 is assumed but p_0 < 1; else return nothing."""
    if law.layer0 != "dense" or law.densities[0] == 1:
        return ""
    density = rational_text(law.densities[0])
    given = f"p_0 = {density}" if len(density) <= 24 else "p_0 < 1"
    return (
        f"layer 0 is masked here ({given}), but the statement holds only for a dense "
        "layer 0; read layer 0 as matched or preassigned, or give it density 1"
    )
