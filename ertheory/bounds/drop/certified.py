"""Answers about dropped copies as theorems that Coq checks: by a union bound, by the law, or by that of all copies.

With one hidden layer Coq bounds what is lost by m_2 (1 - p_2 (1 - (1 - p_1)^q_0)^k)^q_1, with k the largest fan-in of a
hidden neuron and m_2 weights behind them; where layer 0 is matched, Hall's sum is added. That is fast for any number of
copies. The law itself is sharper, says more of layer 0, and knows more hidden layers: `certified_deep` writes it. Where
no thresholds are counted on, as without hidden layers, an answer is one of `exact`.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.bounds import coq
from ertheory.bounds.blocks.certified import block_certificate
from ertheory.bounds.blocks.hall_certified import hall_bound, hall_exponents
from ertheory.bounds.drop.certified_deep import deep_certificate, without_thresholds
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball, enclose, exp_complement, log_some

__all__ = ["drop_certificate"]

_THEORIES = "bernoulli block_construction exact_laws dropped_copies rounding dropped_certificate".split()

_THEOREM = """
Section Answer.
Variable R : realFieldType.
Let I : finType := ordinal_finType (N.to_nat inputs).
Let J : finType := ordinal_finType (N.to_nat hidden).
Let O : finType := ordinal_finType (N.to_nat outputs).
Let K : finType := ordinal_finType (Pos.to_nat copies0).  (* of every input *)
Let C : finType := ordinal_finType (Pos.to_nat copies1).  (* of every hidden neuron *)
Let p1 : R := {first}.
Let p2 : R := {second}.
Let delta : R := {delta}.

Theorem answer (act : R -> R) (W1 : J -> I -> R) (W2 : O -> J -> R) (b1 : J -> R) (b2 : O -> R) (lo : I -> R)
    (contained : pred {{ffun [finType of (J * C) * (I * K) + O * (J * C)] -> bool}}) :
  (forall j, fan_in W1 j <= Pos.to_nat fan)%N -> #|[pred x : O * J | W2 x.1 x.2 != 0]| = Pos.to_nat weights ->
  (forall w, represented2 W1 W2 act b1 b2 lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (dens p1 p2) contained, #|[finType of I * K]| = N.to_nat width0,
      #|[finType of J * C]| = N.to_nat width1
    & let loss := drop_loss p1 p2 (Pos.to_nat fan) (Pos.to_nat weights) in
      ((1 < Pos.to_nat copies0)%N -> delta < loss (Pos.to_nat copies0).-1 (Pos.to_nat copies1)) /\\
      ((1 < Pos.to_nat copies1)%N -> delta < loss (Pos.to_nat copies0) (Pos.to_nat copies1).-1)].
Proof.
move=> few many rep; split.
- exact: (drop_sound enough few many rep).
- by apply: copies_width; vm_compute.
- by apply: copies_width; vm_compute.
exact: (drop_minimal R enough).
Qed.
End Answer.
"""

_MATCHED_THEORIES = [*_THEORIES, *"masked_layer_0 matched_certificate matched_drops".split()]

_MATCHED = """
Section Answer.
Variable R : realFieldType.
Let I : finType := ordinal_finType (N.to_nat inputs).
Let J : finType := ordinal_finType (N.to_nat hidden).
Let O : finType := ordinal_finType (N.to_nat outputs).
Let Z : finType := ordinal_finType (N.to_nat width0).     (* layer 0 of the source *)
Let K : finType := ordinal_finType (Pos.to_nat copies0).  (* of every input *)
Let C : finType := ordinal_finType (Pos.to_nat copies1).  (* of every hidden neuron *)
Let p0 : R := {zeroth}.
Let p1 : R := {first}.
Let p2 : R := {second}.
Let delta : R := {delta}.
Let share : R := {share}.  (* of delta, for the copies; the rest is for Hall's sum *)

Theorem answer (act : R -> R) (W1 : J -> I -> R) (W2 : O -> J -> R) (b1 : J -> R) (b2 : O -> R) (lo : I -> R)
    (contained : pred {{ffun [finType of [finType of ((J * C) * Z)%type + (O * (J * C))%type] + [finType of Z * I]]
      -> bool}}) :
  (forall j, fan_in W1 j <= Pos.to_nat fan)%N -> #|[pred x : O * J | W2 x.1 x.2 != 0]| = Pos.to_nat weights ->
  (forall w, represented0 W1 W2 act b1 b2 lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (all_masked p0 p1 p2) contained, #|[finType of J * C]| = N.to_nat width1
    & let loss := drop_loss p1 p2 (Pos.to_nat fan) (Pos.to_nat weights) in
      ((1 < Pos.to_nat copies0)%N -> share < loss (Pos.to_nat copies0).-1 (Pos.to_nat copies1)) /\\
      ((1 < Pos.to_nat copies1)%N -> share < loss (Pos.to_nat copies0) (Pos.to_nat copies1).-1)].
Proof.
move=> few many rep; split.
- have [sane hall] := hall_okP R (I := I) (K := K) (Z := Z) (card_ord _) (card_ord _) (card_ord _) hall_enough.
  exact: (drop_matched_sound shared enough (Ordinal some) sane hall few many rep).
- by apply: copies_width; vm_compute.
exact: (drop_minimal R enough).
Qed.
End Answer.
"""


def drop_certificate(answer: Width) -> str:
    """Write widths of dropped copies as a theorem: they suffice, and with one copy less the law does not hold.

    With one hidden layer and a dense layer 0 it is a bound below the law, where that is enough.

    Raises
    ------
    TheoremNotApplicable
        If the law meets 1 - delta exactly, or the computation would take Coq too long.
    """
    coq.refuse(answer)
    if answer.target.depth == 1 or without_thresholds(answer):
        return block_certificate(answer)
    if answer.target.depth > 2:
        return deep_certificate(answer)
    if answer.layer0 == "dense":
        try:
            return _union_bound(answer)
        except TheoremNotApplicable:
            return deep_certificate(answer)
    try:
        return deep_certificate(answer)
    except TheoremNotApplicable as reason:
        try:
            return _matched(answer)
        except TheoremNotApplicable:
            raise reason from None


def _union_bound(answer: Width) -> str:
    target, factors = answer.target, answer.factors or ()
    first, second = answer.densities[1:]
    goal, fan = answer.failure_probability, _largest_fan_in(target)
    if second == 1 and first == 1:
        msg = "certificate: drop has none for a source without masks"
        raise TheoremNotApplicable(msg)
    bits = _bits(target, (first, second), goal, (factors[0], factors[1]), fan)
    says = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its outputs on every input x "
        "with lo <= x, whatever the activation; the widths are those; and with one copy less of the inputs or of the "
        "hidden neurons, the bound on what is lost is above delta."
    )
    numbers = [first.numerator, first.denominator, second.numerator, second.denominator]
    claim = f"drop_certificate {' '.join(map(str, numbers))} fan weights {goal.numerator} {goal.denominator} {bits}"
    return "\n".join(
        [
            coq.head(answer, _THEORIES, says=says),
            *(
                coq.definition(name, "N", value)
                for name, value in zip(("inputs", "hidden", "outputs"), target.widths, strict=True)
            ),
            *(coq.definition(f"width{layer}", "N", answer.widths[layer] or 0) for layer in (0, 1)),
            *(coq.definition(f"copies{layer}", "positive", factors[layer]) for layer in (0, 1)),
            coq.definition("fan", "positive", fan) + "  (* weights into a hidden neuron, at most *)",
            coq.definition("weights", "positive", target.nonzeros[1]) + "  (* into the outputs *)\n",
            coq.checked("enough", f"{claim} copies0 copies1"),
            _THEOREM.lstrip("\n").format(
                first=coq.fraction(first), second=coq.fraction(second), delta=coq.fraction(goal)
            ),
        ]
    )


def _matched(answer: Width) -> str:
    """Write the widths as a theorem where layer 0 is masked: what the copies lose and Hall's sum share delta."""
    target, factors, goal = answer.target, answer.factors or (), answer.failure_probability
    zeroth, first, second = answer.densities
    neurons, fan = answer.widths[0] or 0, _largest_fan_in(target)
    hall = hall_bound(neurons, target.inputs, factors[0], zeroth)
    share = goal - hall.failure
    if share <= 0:
        msg = "certificate: Coq bounds Hall's sum by Chernoff, too coarsely for so few neurons in layer 0"
        raise TheoremNotApplicable(msg)
    bits = _bits(target, (first, second), share, (factors[0], factors[1]), fan)
    common = math.lcm(share.denominator, hall.failure.denominator)
    parts = [int(part * common) for part in (hall.failure, share)]
    says = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its outputs on every input x "
        "with lo <= x, whatever the activation; layer 0 is masked too, and which of its neurons hands on which input "
        "is chosen after the mask is seen; and with one copy less of the inputs or of the hidden neurons, the bound on "
        "what the copies lose is above their share of delta. Whether fewer neurons in layer 0 would do is not said."
    )
    densities = f"{first.numerator} {first.denominator} {second.numerator} {second.denominator}"
    sizes = zip(("inputs", "hidden", "outputs"), target.widths, strict=True)
    return "\n".join(
        [
            coq.head(answer, _MATCHED_THEORIES, says=says),
            *(coq.definition(name, "N", value) for name, value in sizes),
            *(coq.definition(f"width{layer}", "N", answer.widths[layer] or 0) for layer in (0, 1)),
            *(coq.definition(f"copies{layer}", "positive", factors[layer]) for layer in (0, 1)),
            coq.definition("fan", "positive", fan) + "  (* weights into a hidden neuron, at most *)",
            coq.definition("weights", "positive", target.nonzeros[1]) + "  (* into the outputs *)",
            hall_exponents(hall) + "\n",
            "Lemma some : (0 < N.to_nat width0)%N.\nProof. by apply/ssrnat.ltP; exact: Pos2Nat.is_pos. Qed.\n",
            coq.checked("shared", f"shares_ok {parts[0]} {parts[1]} {common} {goal.numerator} {goal.denominator}"),
            coq.checked(
                "hall_enough",
                f"hall_ok {zeroth.numerator} {zeroth.denominator} {parts[0]} {common} inputs width0 copies0 exponents",
            ),
            coq.checked(
                "enough", f"drop_certificate {densities} fan weights {parts[1]} {common} {bits} copies0 copies1"
            ),
            _MATCHED.lstrip("\n").format(
                zeroth=coq.fraction(zeroth),
                first=coq.fraction(first),
                second=coq.fraction(second),
                delta=coq.fraction(goal),
                share=f"toR R {parts[1]} / toR R {common}",
            ),
        ]
    )


def _largest_fan_in(target: Target) -> int:
    return max(target.layers[0].fan_in_counts)


def _bits(
    target: Target, densities: tuple[Fraction, Fraction], goal: Fraction, copies: tuple[int, int], fan: int
) -> int:
    """Choose the binary digits that tell the bound from delta, at these copies and with one less of either."""
    first, second = densities
    weights = target.nonzeros[1]

    def excess(inputs: int, hidden: int) -> Ball:
        lost = exp_complement(fan * log_some(first, inputs)) if first < 1 else Ball(0)
        kept = ball(second) * (1 - lost)
        return ball(weights / goal).log() + hidden * (1 - kept).log()

    one_less = [(copies[0] - 1, copies[1]), (copies[0], copies[1] - 1)]
    margins = []
    for pair, enough in ((copies, True), *((pair, False) for pair in one_less if min(pair))):
        low, high = enclose(lambda pair=pair: excess(*pair), digits=2)  # type: ignore[misc]
        if (high >= 0) if enough else (low <= 0):
            msg = "certificate: only a sharper law than the one in the proofs allows these widths"
            raise TheoremNotApplicable(msg)
        margins.append(min(abs(low), abs(high), Fraction(1)))
    return coq.margin_bits(min(margins) * goal / 4, 16 * weights * copies[0] * copies[1] * fan)
