"""Answers of `printed` with a masked layer 0 as theorems that Coq checks: matched to inputs, or preassigned.

Matched neurons take one more share of delta, for Hall's sum; with preassigned ones 1 - p_1 becomes 1 - p_0 p_1 behind
layer 0. The conditions are those of a dense layer 0 with other numbers, and Coq checks them in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import comb

from ertheory.bounds import coq
from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.blocks.hall_certified import HallBound, hall_bound, hall_exponents
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable
from ertheory.numbers import ball, enclose, log_sparsity

__all__ = ["condition_bits", "printed_masked_certificate"]

_THEORIES = (
    "bernoulli block_construction theorem_2_2 rounding certificates masked_layer_0 matched_certificate masked_networks "
    "printed_certificate printed_masked_certificate"
).split()
_LEFT_OUT = 1 / 4  # of the distance from a share of delta, for tails that are not added up

_SECTION = """
Section Answer.
Variable R : realFieldType.
Let layer (l : nat) : finType := ordinal_finType (N.to_nat (size l)).
Let q (l : nat) : nat := Pos.to_nat (copies l).
Let m (l : nat) : nat := Pos.to_nat (weights l).
Let first : finType := {first}.  (* layer 0 of the source *)
Let p0 : R := {density}.  (* its density *)
Let r (l : nat) : R := toR R (zeros l) / toR R (entries l).  (* {meaning} *)
{behind}Let delta : R := {delta}.

Theorem answer (act : nat -> R -> R) (W : forall l, layer l.+1 -> layer l -> R) (b : forall l, layer l.+1 -> R)
    (lo : layer 0 -> R) (contained : pred (full_mask layer hidden q first)) :
  (forall l : 'I_hidden.+1, nonzeros W l = m l) ->
  (forall w, represented_masked act W b lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (full_density {densities} p0) contained,
      forall l, ({from_layer}l <= hidden.+1)%N -> #|source_layer layer q l.+1| = N.to_nat (width l)
    & forall l, (l < hidden.+1)%N -> (1 < q l)%N ->
      delta < {shares}%:R * (m l * q l.+1)%:R * r l ^+ (q l).-1].
Proof.
{proof}Qed.
{least}End Answer.
"""

_MATCHED = """have [sane few] := hall_okP R (I := layer 0) (K := ordinal_finType (q 0)) (Z := first)
  (card_ord _) (card_ord _) (card_ord _) hall_enough.
move=> nz rep; split.
- exact: (printed_matched_sound nz (Ordinal some) sane few enough shared rep).
- by move=> l /andP[_]; exact: (widths_okP widths_hold).
by move=> l; exact: (printed_matched_minimal R enough).
"""

_PREASSIGNED = """move=> nz rep; split.
- exact: (printed_preassigned_sound nz product enough rep).
- exact: (widths_okP widths_hold).
by move=> l; exact: (printed_minimal R enough).
"""

_LEAST = """
(* with one neuron less in layer 0 *)
Theorem answer_least :
  delta < hidden.+2%:R * hall_failure (layer 0) (ordinal_finType (q 0)) (ordinal_finType (N.to_nat neurons).-1) p0.
Proof. exact: (hall_aboveP R (card_ord _) (card_ord _) (card_ord _) neuron_less). Qed.
"""


def condition_bits(answer: Width, shares: int, densities: Sequence[Fraction]) -> int:
    """Choose the binary digits that tell the sides of every condition apart, at the answer and with one copy less.

    Parameters
    ----------
    answer
        The widths.
    shares
        The number of shares of delta.
    densities
        The chance of a link behind every layer.

    Raises
    ------
    TheoremNotApplicable
        If a condition is met with equality.
    """
    bits, goal = 64, answer.failure_probability
    for layer, (copies, above) in enumerate(pairwise(answer.factors or ())):
        excess, density = shares * answer.target.nonzeros[layer] * above / goal, densities[layer]
        for number in (copies, copies - 1) if density < 1 else ():
            if number:
                closest = coq.distance(lambda: ball(excess).log() + number * log_sparsity(density))  # noqa: B023
                needed = coq.margin_bits(min(closest, Fraction(1)) / (4 * max(excess, Fraction(1))), 4 * copies)
                bits = max(bits, needed)
    return bits


def printed_masked_certificate(answer: Width) -> str:
    """Write `printed` widths as a theorem: they suffice, and with one copy less the condition of a layer does not hold.

    Raises
    ------
    TheoremNotApplicable
        If the target is not fully connected, a condition is met with equality, or Coq's bound on Hall's sum is above
        its share of delta.
    """
    coq.refuse(answer)
    return _matched(answer) if answer.layer0 == "matched" else _preassigned(answer)


def _matched(answer: Width) -> str:
    target, factors, goal = answer.target, answer.factors or (), answer.failure_probability
    depth, first, neurons = target.depth, answer.densities[0], answer.widths[0] or 0
    hall = hall_bound(neurons, target.inputs, factors[0], first)
    if hall.failure * (depth + 1) > goal:
        msg = "certificate: Coq bounds Hall's sum by Chernoff, too coarsely for so few neurons in layer 0"
        raise TheoremNotApplicable(msg)
    bits = condition_bits(answer, depth + 1, answer.densities[1:])
    fewest = neurons == factors[0] * target.inputs
    claim = "" if fewest else _one_neuron_less(answer, hall)
    above, below = hall.failure.numerator, hall.failure.denominator
    shares = (
        f"({goal.numerator} * N.of_nat hidden.+1)%bin ({goal.denominator} * N.of_nat hidden.+2)%bin {bits} "
        "(N.of_nat hidden.+1) hidden.+1"
    )
    says = (
        "which of its neurons hands on which input is chosen after the mask is seen; behind it the widths are those; "
        "and with one copy less of the neurons of any one layer, the condition on that layer, with one share of delta "
        "more than printed, does not hold. "
    )
    if fewest:
        says += "Layer 0 has as many neurons as there are copies of inputs; with fewer there is no matching."
    elif claim:
        says += "Theorem answer_least: with one neuron less in layer 0 Hall's sum is above its share of delta."
    else:
        says += "Whether fewer neurons in layer 0 would do for the same copies is not said."
    sparsities = [1 - density for density in answer.densities[1:]]
    return "\n".join(
        [
            *_numbers(answer, [*_THEORIES, *(["matched_minimal"] if claim else [])], says, sparsities),
            coq.definition("neurons", "N", neurons),
            hall_exponents(hall) + "\n",
            "Lemma some : (0 < N.to_nat neurons)%N.\nProof. by apply/ssrnat.ltP; exact: Pos2Nat.is_pos. Qed.\n",
            coq.checked(
                "hall_enough",
                f"hall_ok {first.numerator} {first.denominator} {above} {below} (size 0) neurons (copies 0) exponents",
            ),
            coq.checked(
                "shared",
                f"[&& N.ltb 0 {below}, N.ltb 0 {goal.denominator} & N.leb ({above} * N.of_nat hidden.+2 * "
                f"{goal.denominator})%bin ({goal.numerator} * {below})%bin]",
            ),
            coq.checked("enough", f"printed_ok copies weights zeros entries {shares}"),
            *([claim] if claim else []),
            _SECTION.lstrip("\n").format(
                first="ordinal_finType (N.to_nat neurons)",
                density=coq.fraction(first),
                meaning="the sparsity of source layer l + 1",
                behind="",
                delta=coq.fraction(goal),
                densities="(fun l => 1 - r l)",
                from_layer="0 < ",
                shares="hidden.+2",
                proof=_MATCHED,
                least=_LEAST if claim else "",
            ),
        ]
    )


def _preassigned(answer: Width) -> str:
    target, goal = answer.target, answer.failure_probability
    first, second = answer.densities[:2]
    links = (first * second, *answer.densities[2:])
    bits = condition_bits(answer, target.depth, links)
    says = (
        "which of its neurons is to hand on which input is settled before the mask is seen; the widths are those; and "
        "with one copy less of the neurons of any one layer, the condition on that layer does not hold, where behind "
        "layer 0 a link is there with the product of both densities."
    )
    densities = f"{first.numerator} {first.denominator} {second.numerator} {second.denominator}"
    numbers = f"{goal.numerator} {goal.denominator} {bits} (N.of_nat hidden.+1) hidden.+1"
    return "\n".join(
        [
            *_numbers(answer, _THEORIES, says, [1 - link for link in links]),
            coq.checked("product", f"product_ok zeros entries {densities}"),
            coq.checked("enough", f"printed_ok copies weights zeros entries {numbers}"),
            _SECTION.lstrip("\n").format(
                first="[finType of layer 0 * 'I_(q 0)]",
                density=coq.fraction(first),
                meaning="the sparsity of source layer l + 1; for l = 0 of a link through layer 0",
                behind=f"Let p (l : nat) : R := if l is 0%N then {coq.fraction(second)} else 1 - r l.\n",
                delta=coq.fraction(goal),
                densities="p",
                from_layer="",
                shares="hidden.+1",
                proof=_PREASSIGNED,
                least="",
            ),
        ]
    )


def _numbers(answer: Width, theories: Sequence[str], says: str, sparsities: Sequence[Fraction]) -> list[str]:
    target, factors = answer.target, answer.factors or ()
    before = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its outputs on every input x "
        "with lo <= x, whatever the activations; layer 0 is masked too, and "
    )
    return [
        coq.head(answer, theories, says=before + says),
        coq.definition("hidden", "nat", target.depth - 1),
        coq.table("size", "N", target.widths),
        coq.table("weights", "positive", target.nonzeros),
        coq.table("zeros", "N", [sparsity.numerator for sparsity in sparsities]),
        coq.table("entries", "N", [sparsity.denominator for sparsity in sparsities]),
        coq.table("copies", "positive", factors),
        coq.table("width", "N", [factors[0] * target.inputs, *(width or 0 for width in answer.widths[1:])]) + "\n",
        coq.checked("widths_hold", "widths_ok size copies width hidden.+1"),
    ]


def _one_neuron_less(answer: Width, hall: HallBound) -> str:
    """Write what Coq computes to see that one neuron less is too few; nothing where the tails cannot be added up."""
    target, factors, goal = answer.target, answer.factors or (), answer.failure_probability
    neurons, first, share = answer.widths[0] or 0, answer.densities[0], goal / (target.depth + 1)
    low, _ = enclose(lambda: hall_sum(neurons - 1, target.inputs, factors[0], first), digits=6)
    added = [(size, terms) for size, terms in enumerate(hall.terms, start=1) if terms]
    if low <= share or not added or hall.chernoff_share > _LEFT_OUT * float(low - share):
        return ""
    sums = sum(comb(target.inputs, size) * terms for size, terms in added)
    bits = coq.margin_bits((low - share) / 4, 8 * sums)
    return coq.checked(
        "neuron_less",
        f"hall_above {bits} {first.numerator} {first.denominator} {goal.numerator} {goal.denominator} (size 0)\n"
        "  neurons (copies 0) exponents hidden.+1",
    )
