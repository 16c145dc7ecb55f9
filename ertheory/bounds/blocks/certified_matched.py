"""Answers of `exact` as theorems that Coq checks, where layer 0 is masked and its neurons are matched to inputs.

The law is (1 - H) P_block. Coq bounds Hall's sum H from above and P_block from below; that one copy less is too few is
shown for P_block alone, which is above the law, or else with the bound on H taken off. That one neuron less in layer 0
is too few needs H from below, and is said where Coq can add up the tails that matter.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from ertheory.bounds import coq
from ertheory.bounds.blocks.hall_certified import HallBound, hall_bound, hall_exponents
from ertheory.bounds.blocks.laws import Law
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable
from ertheory.numbers import Ball, ball, enclose, log_sparsity

__all__ = ["matched_certificate"]

_THEORIES = (
    "bernoulli block_construction theorem_2_2 rounding certificates masked_layer_0 matched_certificate masked_networks "
    "matched_blocks_certificate matched_minimal"
).split()

_LEFT_OUT = 1 / 4  # of the distance from 1 - delta, for tails that are not added up

_THEOREM = """
Section Answer.
Variable R : realFieldType.
Let layer (l : nat) : finType := ordinal_finType (N.to_nat (size l)).
Let first : finType := ordinal_finType (N.to_nat neurons).  (* layer 0 of the source *)
Let q (l : nat) : nat := Pos.to_nat (copies l).
Let m (l : nat) : nat := Pos.to_nat (weights l).
Let p0 : R := {density}.  (* the density of source layer 0 *)
Let r (l : nat) : R := toR R (zeros l) / toR R (entries l).  (* the sparsity of source layer l + 1 *)
Let delta : R := {delta}.
Let hall : R := {hall}.  (* what Hall's sum is at most *)

Theorem answer (act : nat -> R -> R) (W : forall l, layer l.+1 -> layer l -> R) (b : forall l, layer l.+1 -> R)
    (lo : layer 0 -> R) (contained : pred (full_mask layer hidden q first)) :
  (forall l : 'I_hidden.+1, nonzeros W l = m l) ->
  (forall w, represented_masked act W b lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (full_density (fun l => 1 - r l) p0) contained,
      hall_failure (layer 0) (ordinal_finType (q 0)) first p0 <= hall,
      forall l, (0 < l <= hidden.+1)%N -> #|source_layer layer q l.+1| = N.to_nat (width l)
    & forall l, (l < hidden.+1)%N -> (1 < q l)%N ->
      {factor}success r m (one_less l q) hidden.+1 < 1 - delta].
Proof.
have [sane few] := hall_okP R (I := layer 0) (K := ordinal_finType (q 0)) (Z := first)
  (card_ord _) (card_ord _) (card_ord _) hall_enough.
move=> nz rep; split.
- exact: (blocks_matched_sound enough (Ordinal some) sane few nz rep).
- exact: few.
- by move=> l /andP[_]; exact: (widths_okP widths_hold).
exact: ({minimal} R fewer_fail).
Qed.
{least}End Answer.
"""

_LEAST = """
(* with one neuron less in layer 0 *)
Theorem answer_least :
  (1 - hall_failure (layer 0) (ordinal_finType (q 0)) (ordinal_finType (N.to_nat neurons).-1) p0) *
    success r m q hidden.+1 < 1 - delta.
Proof. exact: (neurons_fewP R (card_ord _) (card_ord _) (card_ord _) neuron_less). Qed.
"""


def matched_certificate(answer: Width) -> str:
    """Write `exact` widths as a theorem: they suffice, and with one copy less in any layer the law does not hold.

    Raises
    ------
    TheoremNotApplicable
        If the target is not fully connected, Coq's bound on Hall's sum is too large, or the law with one copy less is
        too close to 1 - delta.
    """
    coq.refuse(answer)
    target, factors, goal = answer.target, answer.factors or (), answer.failure_probability
    neurons, first = answer.widths[0] or 0, answer.densities[0]
    law = Law(target, answer.densities, "dense")
    hall = hall_bound(neurons, target.inputs, factors[0], first)

    def excess(design: tuple[int, ...]) -> Ball:
        return law.log_success(design, neurons) - log_sparsity(goal)

    margins = []
    if hall.failure < goal:
        low, _ = enclose(lambda: excess(factors) + ball(1 - hall.failure).log(), digits=2)
        margins.append(low)
    if not margins or margins[0] <= 0:
        msg = "certificate: Coq bounds Hall's sum by Chernoff, too coarsely for so few neurons in layer 0"
        raise TheoremNotApplicable(msg)
    designs = [
        (*factors[:one], copies - 1, *factors[one + 1 :]) for one, copies in enumerate(factors[:-1]) if copies > 1
    ]
    highs = [enclose(lambda fewer=fewer: excess(fewer), digits=2)[1] for fewer in designs]  # type: ignore[misc]
    shared = any(high >= 0 for high in highs)  # one copy less is too few beside Hall's sum only
    if shared:
        highs = [
            enclose(lambda fewer=fewer: excess(fewer) + ball(1 - hall.failure).log(), digits=2)[1]  # type: ignore[misc]
            for fewer in designs
        ]
    if any(high >= 0 for high in highs):
        msg = "certificate: with one copy less the law is too close to 1 - delta to be told apart"
        raise TheoremNotApplicable(msg)
    margins += [-high for high in highs]
    roundings = 4 * sum(n * q * above for n, q, above in zip(target.nonzeros, factors[:-1], factors[1:], strict=True))
    bits = coq.margin_bits(min(*margins, Fraction(1)) * (1 - goal) / 4, roundings)
    fewest = neurons == factors[0] * target.inputs
    claim = "" if fewest else _one_neuron_less(answer, hall)
    says = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its outputs on every input x "
        "with lo <= x, whatever the activations; layer 0 is masked too, and which of its neurons hands on which input "
        "is chosen after the mask is seen; behind it the widths are those; and with one copy less of the neurons of "
        "any one layer, the law of the construction behind layer 0 stays below 1 - delta"
        + (", once the bound on Hall's sum is taken off. " if shared else ". ")
        + (
            "Layer 0 has as many neurons as there are copies of inputs; with fewer there is no matching."
            if fewest
            else "Theorem answer_least: with one neuron less in layer 0 the law is below 1 - delta."
            if claim
            else "Whether fewer neurons in layer 0 would do for the same copies is not said."
        )
    )
    zeros = [1 - density for density in answer.densities[1:]]
    numbers = f"{goal.numerator} {goal.denominator} {bits}"
    bound = f"{hall.failure.numerator} {hall.failure.denominator}"
    return "\n".join(
        [
            coq.head(answer, [*_THEORIES, *(["matched_blocks_minimal"] if shared else [])], says=says),
            coq.definition("hidden", "nat", target.depth - 1),
            coq.table("size", "N", target.widths),
            coq.definition("neurons", "N", neurons),
            coq.table("weights", "positive", target.nonzeros),
            coq.table("zeros", "N", [sparsity.numerator for sparsity in zeros]),
            coq.table("entries", "N", [sparsity.denominator for sparsity in zeros]),
            coq.table("copies", "positive", factors),
            coq.table("width", "N", [factors[0] * target.inputs, *(width or 0 for width in answer.widths[1:])]),
            hall_exponents(hall) + "\n",
            "Lemma some : (0 < N.to_nat neurons)%N.\nProof. by apply/ssrnat.ltP; exact: Pos2Nat.is_pos. Qed.\n",
            coq.checked(
                "hall_enough",
                f"hall_ok {first.numerator} {first.denominator} {bound} (size 0) neurons (copies 0) exponents",
            ),
            coq.checked("enough", f"blocks_matched_ok copies weights zeros entries {numbers} {bound} hidden"),
            coq.checked(
                "fewer_fail",
                f"minimal{'_left' if shared else ''} weights zeros entries {numbers} "
                f"{bound + ' ' if shared else ''}copies hidden.+1",
            ),
            coq.checked("widths_hold", "widths_ok size copies width hidden.+1"),
            *([claim] if claim else []),
            _THEOREM.lstrip("\n").format(
                density=coq.fraction(first),
                delta=coq.fraction(goal),
                hall=coq.fraction(hall.failure),
                factor="(1 - hall) * " if shared else "",
                minimal="plan_minimal_left" if shared else "plan_minimal",
                least=_LEAST if claim else "",
            ),
        ]
    )


def _one_neuron_less(answer: Width, hall: HallBound) -> str:
    """Write what Coq computes to see that one neuron less is too few; nothing where the tails cannot be added up."""
    target, factors, goal = answer.target, answer.factors or (), answer.failure_probability
    neurons, first = answer.widths[0] or 0, answer.densities[0]
    law = Law(target, answer.densities, "matched")
    _, high = enclose(lambda: law.log_success(factors, neurons - 1) - log_sparsity(goal), digits=2)
    added = [(size, terms) for size, terms in enumerate(hall.terms, start=1) if terms]
    if high >= 0 or not added or hall.chernoff_share > _LEFT_OUT * float(-high):
        return ""
    links = sum(n * q * above for n, q, above in zip(target.nonzeros, factors[:-1], factors[1:], strict=True))
    sums = sum(comb(target.inputs, size) * terms for size, terms in added)
    bits = coq.margin_bits(min(-high, Fraction(1)) * (1 - goal) / 8, 8 * (links + sums))
    return coq.checked(
        "neuron_less",
        f"neurons_few {bits} {first.numerator} {first.denominator} {goal.numerator} {goal.denominator}\n"
        "  (size 0) neurons (copies 0) exponents copies weights zeros entries hidden.+1",
    )
