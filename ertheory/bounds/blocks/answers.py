"""What the widths of a block construction rest on: the answer, its design and its conditions in words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS, Law
from ertheory.bounds.result import Construction, Variant, Width
from ertheory.bounds.statement import Question, Reading, Statement
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target
from ertheory.numbers import enclose, exp_complement, rational_text

__all__ = ["BlockDesign", "certificate", "describe", "reading", "refuse_masked", "statement_of"]

_READINGS = {
    "dense": "layer 0 is dense (p_0 = 1), which the paper leaves unsaid",
    "preassigned": "layer 0 is masked; neuron k serves input k mod d if the mask lets it",
    "matched": "layer 0 is masked and shared out after the mask is seen; failure bounded by the Hall sum",
}


@dataclass(frozen=True, kw_only=True)
class BlockDesign:
    """How many copies of every target neuron a source holds.

    Parameters
    ----------
    construction
        ``blocks`` where every copy must find all its edges, ``drop`` where bad copies are left out.
    factors
        The copies q_0..q_L of the neurons of each layer.
    thresholds
        The good copies t_1..t_{L-2} that the law counts on, where copies are dropped in a deep target.
    """

    construction: Construction
    factors: tuple[int, ...]
    thresholds: tuple[int, ...] = ()

    @property
    def copies(self) -> int:
        """q_0, the neurons of layer 0 for each input."""
        return self.factors[0]

    def says(self, target: Target, layer0: Reading) -> str:
        """Say on what the design rests."""
        text = reading(target, layer0)
        if self.construction == "drop":
            text += "; bad copies are left out"
        if self.thresholds:
            kept = ", ".join(f"t_{layer} = {number}" for layer, number in enumerate(self.thresholds, start=1))
            text += f"; good copies of every neuron, counted on: {kept}"
        return text


def describe(
    statement: Statement,
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
    statement
        The statement that gave the widths: ``printed``, ``exact`` or ``joint``.
    law
        The target, the densities and the reading of layer 0.
    failure_probability
        The failure probability delta.
    factors, first_width
        The copies q_0..q_L and the width N_0.
    bits
        The largest precision that certified an integer; 0 if exact integers did.
    real_factors
        The factors before rounding.
    """
    target, layer0 = law.target, law.layer0
    refusal = refuse_masked(target, law.densities, layer0)
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
    design = BlockDesign(construction="blocks", factors=factors)
    return statement.answer(
        Question(target=target, densities=law.densities, failure_probability=failure_probability),
        (first_width, *(n * q for n, q in zip(target.widths[1:], factors[1:], strict=True))),
        layer0=layer0,
        refusal=refusal,
        reason=design.says(target, layer0),
        variant=_variant(statement, layer0),
        factors=factors,
        real_factors=real_factors,
        success_lower=success,
        certified=certificate(bits),
        design=design,
    )


def _variant(statement: Statement, layer0: str) -> Variant:
    if statement.variant == "printed":
        return "printed" if layer0 == "dense" else "repaired"
    # With layer 0 matched even the law is a bound, by the Hall sum: a statement of ours, not the exact probability.
    return "repaired" if layer0 == "matched" else statement.variant


def certificate(bits: int) -> str:
    """Say how integers were certified, given the precision that it took."""
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


def reading(target: Target, layer0: str) -> str:
    """Say on what a statement rests, given the target and how layer 0 is read."""
    # The ReLU shift of layer 0 is undone by a bias, which is wrong where padding supplies zeros instead of inputs.
    padding = "; layer 0 is a 1x1 convolution; no zero padding, or inputs >= 0" if target.is_convolutional else ""
    return f"bounded inputs{padding}; {_READINGS[layer0]}"


def refuse_masked(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    """Say why the statement does not apply where a dense layer 0 is assumed but p_0 < 1; else return nothing."""
    if layer0 != "dense" or densities[0] == 1:
        return ""
    density = rational_text(densities[0])
    given = f"p_0 = {density}" if len(density) <= 24 else "p_0 < 1"
    return (
        f"layer 0 is masked here ({given}), but the statement holds only for a dense "
        "layer 0; read layer 0 as matched or preassigned, or give it density 1"
    )
