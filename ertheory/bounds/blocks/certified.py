"""Answers about block constructions as theorems that Coq checks: `printed` and `exact`, every layer 0."""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds import coq
from ertheory.bounds.blocks.certified_matched import matched_certificate
from ertheory.bounds.blocks.certified_preassigned import preassigned_certificate
from ertheory.bounds.blocks.certified_printed import condition_bits, printed_masked_certificate
from ertheory.bounds.blocks.laws import Law
from ertheory.bounds.result import Width
from ertheory.numbers import Ball, log_sparsity

__all__ = ["block_certificate", "printed_certificate"]

_THEORIES = ("bernoulli", "block_construction", "theorem_2_2", "rounding", "certificates")

_THEOREM = """
Section Answer.
Variable R : realFieldType.
Let layer (l : nat) : finType := ordinal_finType (N.to_nat (size l)).
Let q (l : nat) : nat := Pos.to_nat (copies l).
Let m (l : nat) : nat := Pos.to_nat (weights l).
Let r (l : nat) : R := toR R (zeros l) / toR R (entries l).  (* the sparsity of source layer l + 1 *)
Let delta : R := {delta}.

Theorem answer (act : nat -> R -> R) (W : forall l, layer l.+1 -> layer l -> R) (b : forall l, layer l.+1 -> R)
    (lo : layer 0 -> R) (contained : pred (mask layer depth q)) :
  (forall l : 'I_depth, nonzeros W l = m l) ->
  (forall w, represented act W b lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (density (q := q) (fun l => 1 - r l)) contained,
      forall l, (l <= depth)%N -> #|source_layer layer q l.+1| = N.to_nat (width l)
    & forall l, (l < depth)%N -> (1 < q l)%N ->
      {minimal}].
Proof.
move=> nz rep; split.
- exact: ({sound} nz rep).
- exact: (widths_okP widths_hold).
exact: {fewer}.
Qed.
End Answer.
Print Assumptions answer.
"""


def block_certificate(answer: Width) -> str:
    """Write `exact` widths as a theorem: they suffice, and with one copy less in any layer the law does not hold.

    Raises
    ------
    TheoremNotApplicable
        If the target is not fully connected, or the law meets 1 - delta exactly; if layer 0 is matched, where Coq's
        bound on Hall's sum is too large.
    """
    if answer.layer0 != "dense":
        return matched_certificate(answer) if answer.layer0 == "matched" else preassigned_certificate(answer)
    coq.refuse(answer)
    factors = answer.factors or ()
    law = Law(answer.target, answer.densities, "dense")
    designs = [factors]
    designs += [(*factors[:one], copies - 1, *factors[one + 1 :]) for one, copies in enumerate(factors) if copies > 1]
    goal = answer.failure_probability

    def excess(design: tuple[int, ...]) -> Ball:
        return law.log_success(design, design[0] * answer.target.inputs) - log_sparsity(goal)

    closest = min(coq.distance(lambda design=design: excess(design)) for design in designs)  # type: ignore[misc]
    roundings = 4 * sum(
        n * q * above for n, q, above in zip(law.target.nonzeros, factors[:-1], factors[1:], strict=True)
    )
    bits = coq.margin_bits(min(closest, Fraction(1)) * (1 - goal) / 4, roundings)
    says = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its weights and biases on "
        "every input x with lo <= x, whatever the activations; the widths are those; and with one copy less of the "
        "neurons of any one layer, the law of the construction stays below 1 - delta."
    )
    numbers = f"{goal.numerator} {goal.denominator} {bits}"
    return "\n".join(
        [
            coq.head(answer, _THEORIES, says=says),
            *_numbers(answer),
            coq.checked("enough", f"plan_ok copies weights zeros entries {numbers} depth"),
            coq.checked("fewer_fail", f"minimal weights zeros entries {numbers} copies depth"),
            coq.checked("widths_hold", "widths_ok size copies width depth"),
            _THEOREM.lstrip("\n").format(
                delta=coq.fraction(goal),
                minimal="success r m (one_less l q) depth < 1 - delta",
                sound="plan_sound _ enough",
                fewer="(plan_minimal R fewer_fail)",
            ),
        ]
    )


def printed_certificate(answer: Width) -> str:
    """Write printed widths as a theorem: they suffice, and with one copy less the printed condition does not hold.

    Raises
    ------
    TheoremNotApplicable
        If the target is not fully connected, a condition is met with equality, or, where layer 0 is matched, Coq's
        bound on Hall's sum is too large.
    """
    if answer.layer0 != "dense":
        return printed_masked_certificate(answer)
    coq.refuse(answer)
    goal, depth = answer.failure_probability, answer.target.depth
    bits = condition_bits(answer, depth, answer.densities[1:])
    says = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its weights and biases on "
        "every input x with lo <= x, whatever the activations; the widths are those; and with one copy less of the "
        "neurons of any one layer, the printed condition on that layer does not hold."
    )
    numbers = f"{goal.numerator} {goal.denominator} {bits} {depth}"
    return "\n".join(
        [
            coq.head(answer, (*_THEORIES, "printed_certificate"), says=says),
            *_numbers(answer),
            coq.checked("enough", f"printed_ok copies weights zeros entries {numbers} depth"),
            coq.checked("widths_hold", "widths_ok size copies width depth"),
            _THEOREM.lstrip("\n").format(
                delta=coq.fraction(goal),
                minimal="delta < depth%:R * (m l * q l.+1)%:R * r l ^+ (q l).-1",
                sound="printed_sound enough _",
                fewer="(printed_minimal R enough)",
            ),
        ]
    )


def _numbers(answer: Width) -> list[str]:
    target, sparsities = answer.target, [1 - density for density in answer.densities[1:]]
    return [
        coq.definition("depth", "nat", target.depth),
        coq.table("size", "N", target.widths),
        coq.table("weights", "positive", target.nonzeros),
        coq.table("zeros", "N", [sparsity.numerator for sparsity in sparsities]),
        coq.table("entries", "N", [sparsity.denominator for sparsity in sparsities]),
        coq.table("copies", "positive", answer.factors or ()),
        coq.table("width", "N", [width or 0 for width in answer.widths]) + "\n",
    ]
