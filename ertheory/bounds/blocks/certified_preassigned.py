"""Answers of `exact` as theorems that Coq checks, where layer 0 is masked and its neurons are preassigned.

Each input has K ~ Bin(q_0, p_0) living neurons, so its factor of the law is a mean over K. Coq encloses it by the terms
of a window, the same one for every number of weights behind an input; what is outside counts as lost, or as kept. The
window is chosen here. The choice cannot make a wrong answer right: where it is too narrow Coq refuses the file.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

from ertheory.bounds import coq
from ertheory.bounds.blocks.laws import Law
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable
from ertheory.networks.target import Target
from ertheory.numbers import Ball, log_sparsity

__all__ = ["preassigned_certificate"]

_THEORIES = (
    "bernoulli block_construction theorem_2_2 rounding certificates masked_networks masked_laws preassigned_certificate"
).split()
_MOST_TERMS = 20_000  # of all means together; Coq takes some milliseconds for each

_THEOREM = """
Section Answer.
Variable R : realFieldType.
Let layer (l : nat) : finType := ordinal_finType (N.to_nat (size l)).
Let q (l : nat) : nat := Pos.to_nat (copies l).
Let m (l : nat) : nat := Pos.to_nat (weights l).
Let first : finType := [finType of layer 0 * 'I_(q 0)].  (* layer 0 of the source: q 0 neurons for each input *)
Let p0 : R := {density}.  (* the density of source layer 0 *)
Let r (l : nat) : R := toR R (zeros l) / toR R (entries l).  (* the sparsity of source layer l + 1 *)
Let delta : R := {delta}.

Theorem answer (act : nat -> R -> R) (W : forall l, layer l.+1 -> layer l -> R) (b : forall l, layer l.+1 -> R)
    (lo : layer 0 -> R) (contained : pred (full_mask layer hidden q first)) :
  (forall l : 'I_hidden.+1, nonzeros W l = m l) -> fan_outs fans W ->
  (forall w, represented_masked act W b lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (full_density (fun l => 1 - r l) p0) contained,
      forall l, (l <= hidden.+1)%N -> #|source_layer layer q l.+1| = N.to_nat (width l)
    & forall l, (l < hidden.+1)%N -> (1 < q l)%N ->
      preassigned_law hidden W (one_less l q) (fun l => 1 - r l) p0 < 1 - delta].
Proof.
move=> nz fan rep; split.
- exact: (preassigned_sound fan nz enough rep).
- exact: (widths_okP widths_hold).
exact: (preassigned_minimal fan nz fewer_fail).
Qed.
End Answer.
"""


def preassigned_certificate(answer: Width) -> str:
    """Write `exact` widths as a theorem: they suffice, and with one copy less in any layer the law does not hold.

    Raises
    ------
    TheoremNotApplicable
        If the target is not fully connected or does not read an input, the law meets 1 - delta exactly, or the
        computation would take too long.
    """
    coq.refuse(answer)
    target, factors, goal = answer.target, answer.factors or (), answer.failure_probability
    neurons, first = answer.widths[0] or 0, answer.densities[0]
    fans = _fan_outs(target)
    law = Law(target, answer.densities, "preassigned")
    designs = [factors]
    designs += [
        (*factors[:one], copies - 1, *factors[one + 1 :]) for one, copies in enumerate(factors[:-1]) if copies > 1
    ]

    def excess(design: tuple[int, ...]) -> Ball:
        return law.log_success(design, neurons) - log_sparsity(goal)

    closest = min(coq.distance(lambda design=design: excess(design)) for design in designs)  # type: ignore[misc]
    margin = min(closest, Fraction(1)) * (1 - goal) / 8
    start, length = _window(factors[0], first, margin / target.inputs)
    if length * len(fans) * len(designs) > _MOST_TERMS:
        msg = f"certificate: more than {_MOST_TERMS} numbers of living neurons, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    links = sum(n * q * above for n, q, above in zip(target.nonzeros, factors[:-1], factors[1:], strict=True))
    bits = coq.margin_bits(margin, 8 * links * length)
    says = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its outputs on every input x "
        "with lo <= x, whatever the activations; layer 0 is masked too, and which of its neurons is to hand on which "
        "input is settled before the mask is seen; the widths are those; and with one copy less of the neurons of any "
        "one layer, the exact law of the construction is below 1 - delta."
    )
    zeros = [1 - density for density in answer.densities[1:]]
    listed = "; ".join(f"({count}, {inputs})" for count, inputs in fans)
    numbers = f"{first.numerator} {first.denominator} fans {goal.numerator} {goal.denominator} {bits} {start} {length}"
    return "\n".join(
        [
            coq.head(answer, _THEORIES, says=says),
            coq.definition("hidden", "nat", target.depth - 1),
            coq.table("size", "N", target.widths),
            coq.table("weights", "positive", target.nonzeros),
            "(* (c, n): c weights of the first layer lead away from each of n inputs *)",
            coq.definition("fans", "seq (positive * positive)", f"[:: {listed}]%positive"),
            coq.table("zeros", "N", [sparsity.numerator for sparsity in zeros]),
            coq.table("entries", "N", [sparsity.denominator for sparsity in zeros]),
            coq.table("copies", "positive", factors),
            coq.table("width", "N", [width or 0 for width in answer.widths]) + "\n",
            coq.checked("enough", f"preassigned_ok weights zeros entries {numbers} copies hidden"),
            coq.checked("fewer_fail", f"preassigned_least weights zeros entries {numbers} copies hidden"),
            coq.checked("widths_hold", "widths_ok size copies width hidden.+1"),
            _THEOREM.lstrip("\n").format(density=coq.fraction(first), delta=coq.fraction(goal)),
        ]
    )


def _fan_outs(target: Target) -> list[tuple[int, int]]:
    layer = target.layers[0]
    if layer.column_nonzeros is None:
        return [(layer.outputs, layer.inputs)]
    counts = Counter(layer.column_nonzeros)
    if 0 in counts:
        msg = "certificate: the target does not read an input; reduce the target first"
        raise TheoremNotApplicable(msg)
    return sorted(counts.items())


def _window(copies: int, density: Fraction, lost: Fraction) -> tuple[int, int]:
    """Choose the numbers of living neurons, so that Chernoff's bound on those to either side is small."""
    if density == 1:
        return copies, 1
    chance, least = float(density), math.log(lost.numerator) - math.log(lost.denominator) - math.log(2)

    def unlikely(alive: int) -> bool:
        share = alive / copies
        divergence = 0.0 if share == 0 else share * math.log(share / chance)
        divergence += 0.0 if share == 1 else (1 - share) * math.log((1 - share) / (1 - chance))
        return -copies * divergence < least

    middle = math.floor(copies * density)
    start = next((alive + 1 for alive in range(middle, -1, -1) if unlikely(alive)), 0)
    end = next((alive for alive in range(middle + 1, copies + 1) if unlikely(alive)), copies + 1)
    return start, end - start
