"""Answers about dropped copies as theorems that Coq checks, by the law itself and with any number of hidden layers.

The law is a product over the neurons that are read: of the chance that at least t_l of a neuron's copies are good, and
in the last hidden layer of the chance that all its readers find a good one. Coq encloses these binomial means by the
terms of a window, one for each layer; what is outside counts as lost, or as kept. The window is chosen here. The choice
cannot make a wrong answer right: where it is too narrow Coq refuses the file.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from ertheory.bounds import coq
from ertheory.bounds.blocks.answers import BlockDesign
from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.blocks.hall_certified import HallBound, hall_bound, hall_exponents
from ertheory.bounds.drop.certified_law import CertifiedLaw
from ertheory.bounds.drop.law import log_drop, read_neurons
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable
from ertheory.numbers import Ball, enclose, log_sparsity

__all__ = ["deep_certificate", "without_thresholds"]

_THEORIES = (
    "bernoulli block_construction theorem_2_2 rounding certificates dropped_deep dropped_deep_certificate"
).split()
_MATCHED_THEORIES = [*_THEORIES, *"masked_layer_0 matched_certificate masked_networks".split()]
_MOST_TERMS = 8_000  # of all binomial means together; Coq takes some ten milliseconds for each
_MOST_COPIES = 4_000  # of a neuron; their binomial coefficients are long
_LEFT_OUT = Fraction(1, 8)  # of the distance from 1 - delta, for what is outside of the windows

_SECTION = """
Section Answer.
Variable R : realFieldType.
Let layer (l : nat) : finType := ordinal_finType (N.to_nat (size l)).
Let q (l : nat) : nat := Pos.to_nat (copies l).
Let t (l : nat) : nat := Pos.to_nat (thresholds l).
Let r (l : nat) : R := toR R (zeros l) / toR R (entries l).  (* the sparsity of source layer l + 1 *)
Let delta : R := {delta}.
"""

_DENSE = """
Theorem answer (act : nat -> R -> R) (W : forall l, layer l.+1 -> layer l -> R) (b : forall l, layer l.+1 -> R)
    (lo : layer 0 -> R) (contained : pred (mask layer deeper.+2 q)) :
  kinds_of kinds deeper W ->
  (forall w, represented act W b lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (density (q := q) (fun l => 1 - r l)) contained,
      forall l, (l <= deeper.+2)%N -> #|source_layer layer q l.+1| = N.to_nat (width l)
    & forall l, (l < deeper.+2)%N -> (1 < q l)%N ->
      drop_law W (fun l => 1 - r l) (one_less l q) t deeper < 1 - delta].
Proof.
move=> found rep; split.
- exact: (deep_sound found enough rep).
- exact: (widths_okP widths_hold).
exact: (deep_minimal found fewer_fail).
Qed.
End Answer.
"""

_MATCHED = """Let first : finType := ordinal_finType (N.to_nat neurons).  (* layer 0 of the source *)
Let p0 : R := {density}.  (* its density *)
Let hall : R := {hall}.  (* what Hall's sum is at most *)

Theorem answer (act : nat -> R -> R) (W : forall l, layer l.+1 -> layer l -> R) (b : forall l, layer l.+1 -> R)
    (lo : layer 0 -> R) (contained : pred (full_mask layer deeper.+1 q first)) :
  kinds_of kinds deeper W ->
  (forall w, represented_masked act W b lo w -> contained w) ->
  [/\\ 1 - delta <= Pr (full_density (fun l => 1 - r l) p0) contained,
      hall_failure (layer 0) (ordinal_finType (q 0)) first p0 <= hall,
      forall l, (0 < l <= deeper.+2)%N -> #|source_layer layer q l.+1| = N.to_nat (width l)
    & forall l, (l < deeper.+2)%N -> (1 < q l)%N ->
      {factor}drop_law W (fun l => 1 - r l) (one_less l q) t deeper < 1 - delta].
Proof.
have [sane few] := hall_okP R (I := layer 0) (K := ordinal_finType (q 0)) (Z := first)
  (card_ord _) (card_ord _) (card_ord _) hall_enough.
move=> found rep; split.
- exact: (deep_matched_sound found (Ordinal some) sane few enough rep).
- exact: few.
- by move=> l /andP[_]; exact: (widths_okP widths_hold).
exact: ({minimal} found fewer_fail).
Qed.
{least}End Answer.
"""

_LEAST = """
(* with one neuron less in layer 0 *)
Theorem answer_least (W : forall l, layer l.+1 -> layer l -> R) : kinds_of kinds deeper W ->
  (1 - hall_failure (layer 0) (ordinal_finType (q 0)) (ordinal_finType (N.to_nat neurons).-1) p0) *
    drop_law W (fun l => 1 - r l) q t deeper < 1 - delta.
Proof. by move=> found; exact: (deep_neurons_fewP found (card_ord _) (card_ord _) (card_ord _) neuron_less). Qed.
"""


def without_thresholds(answer: Width) -> bool:
    """Say whether an answer for several hidden layers rests on all copies being good, as those of `exact` do.

    It is so where there are no thresholds, and where the law with them would not grant these widths.
    """
    thresholds = _thresholds(answer)
    if answer.target.depth > 2 and not thresholds:
        return True
    return bool(thresholds) and CertifiedLaw(answer, thresholds).excess(answer.factors or ())[1] < 0


def _thresholds(answer: Width) -> tuple[int, ...]:
    return answer.design.thresholds if isinstance(answer.design, BlockDesign) else ()


def deep_certificate(answer: Width) -> str:
    """Write widths of dropped copies as a theorem: they suffice, and with one copy less the law does not hold.

    Parameters
    ----------
    answer
        The widths, for a target with hidden layers. Where there are several of them, thresholds are counted on.

    Raises
    ------
    TheoremNotApplicable
        If the law meets 1 - delta exactly, or the computation would take Coq too long.
    """
    target, goal = answer.target, answer.failure_probability
    found = CertifiedLaw(answer, _thresholds(answer))
    if max(found.factors) > _MOST_COPIES:
        msg = f"certificate: more than {_MOST_COPIES} copies of a neuron, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    hall = None
    if answer.layer0 == "matched":
        hall = hall_bound(answer.widths[0] or 0, target.inputs, found.factors[0], answer.densities[0])
        if hall.failure >= goal:
            msg = "certificate: Coq bounds Hall's sum by Chernoff, too coarsely for so few neurons in layer 0"
            raise TheoremNotApplicable(msg)
    aside = hall.failure if hall else Fraction(0)
    low, _ = found.excess(found.factors, aside)
    if low <= 0:
        msg = "certificate: the law and 1 - delta are equal or too close to be told apart"
        if hall:
            msg = "certificate: Coq bounds Hall's sum by Chernoff, too coarsely for so few neurons in layer 0"
        raise TheoremNotApplicable(msg)
    highs = [found.excess(factors)[1] for factors in found.fewer()]
    shared = bool(hall) and any(high >= 0 for high in highs)  # one copy less is too few beside Hall's sum only
    if shared:
        highs = [found.excess(factors, aside)[1] for factors in found.fewer()]
    if any(high >= 0 for high in highs):
        msg = "certificate: with one copy less the law is too close to 1 - delta to be told apart"
        raise TheoremNotApplicable(msg)
    margin = min(low, *(-high for high in highs), Fraction(1)) * (1 - goal) * _LEFT_OUT
    windows = found.windows(margin)
    kinds = [read_neurons(target, layer) for layer in range(1, target.depth)]
    terms = sum(length * len(here) for (_, length), here in zip(windows, kinds, strict=True)) * (2 * len(highs) + 1)
    if terms > _MOST_TERMS:
        msg = f"certificate: more than {_MOST_TERMS} terms of binomial means, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    bits = coq.margin_bits(margin, found.roundings(windows))
    return _written(found, hall, windows=windows, bits=bits, shared=shared)


def _written(
    found: CertifiedLaw, hall: HallBound | None, *, windows: list[tuple[int, int]], bits: int, shared: bool
) -> str:
    answer, target, factors, goal = found.answer, found.target, found.factors, found.answer.failure_probability
    zeros = [1 - density for density in answer.densities[1:]]
    first, neurons = answer.densities[0], answer.widths[0] or 0
    behind = [width or 0 for width in answer.widths[1:]]
    numbers = f"{goal.numerator} {goal.denominator} {bits} starts lengths deeper"
    bound = f"{hall.failure.numerator} {hall.failure.denominator}" if hall else ""
    given = "zeros entries thresholds kinds"
    claim = _one_neuron_less(found, hall, windows) if hall else ""
    lines = [
        coq.head(
            answer,
            _MATCHED_THEORIES + (["matched_minimal"] if claim else []) if hall else _THEORIES,
            says=_says(found, hall, claim=claim, shared=shared),
        ),
        coq.definition("deeper", "nat", target.depth - 2) + "  (* hidden layers behind the first *)",
        coq.table("size", "N", target.widths),
        "(* (a, c, n): of n neurons of hidden layer l + 1 each has a weights into it and c out of it *)",
        _kinds(found),
        coq.table("zeros", "N", [sparsity.numerator for sparsity in zeros]),
        coq.table("entries", "N", [sparsity.denominator for sparsity in zeros]),
        coq.table("copies", "positive", factors),
        "(* of them so many are counted on; layer 0 has none *)",
        coq.table("thresholds", "positive", [1, *found.thresholds]),
        *([coq.definition("neurons", "N", neurons)] if hall else []),
        coq.table("width", "N", [factors[0] * target.inputs, *behind]),
        "(* the numbers of good copies that are looked at, in each hidden layer *)",
        coq.table("starts", "nat", [start for start, _ in windows]),
        coq.table("lengths", "nat", [length for _, length in windows]) + "\n",
        coq.checked("widths_hold", "widths_ok size copies width deeper.+2"),
    ]
    section = _SECTION.lstrip("\n").format(delta=coq.fraction(goal))
    if hall is None:
        return "\n".join(
            [
                *lines,
                coq.checked("enough", f"deep_ok {given} {numbers} copies"),
                coq.checked("fewer_fail", f"deep_least {given} {numbers} copies"),
                section + _DENSE.format(),
            ]
        )
    least = "deep_matched_least" if shared else "deep_least"
    return "\n".join(
        [
            *lines,
            hall_exponents(hall) + "\n",
            "Lemma some : (0 < N.to_nat neurons)%N.\nProof. by apply/ssrnat.ltP; exact: Pos2Nat.is_pos. Qed.\n",
            coq.checked(
                "hall_enough",
                f"hall_ok {first.numerator} {first.denominator} {bound} (size 0) neurons (copies 0) exponents",
            ),
            coq.checked("enough", f"deep_matched_ok {given} {numbers} copies {bound}"),
            coq.checked("fewer_fail", f"{least} {given} {numbers} {bound + ' ' if shared else ''}copies"),
            *([claim] if claim else []),
            section
            + _MATCHED.format(
                density=coq.fraction(first),
                hall=coq.fraction(hall.failure),
                factor="(1 - hall) * " if shared else "",
                minimal="deep_matched_minimal" if shared else "deep_minimal",
                least=_LEAST if claim else "",
            ),
        ]
    )


def _kinds(found: CertifiedLaw) -> str:
    layers = [
        "[:: " + "; ".join(f"({a}%bin, {c}, {n})" for a, c, n in read_neurons(found.target, layer)) + "]"
        for layer in range(1, found.target.depth)
    ]
    return coq.wrapped(f"Definition kinds : nat -> seq kind := nth [::] [:: {'; '.join(layers)}]%positive.")


def _says(found: CertifiedLaw, hall: HallBound | None, *, claim: str, shared: bool) -> str:
    fewest = (found.answer.widths[0] or 0) == found.factors[0] * found.target.inputs
    text = (
        "Theorem answer, below: with so many neurons the network is contained, by exactly its outputs on every input x "
        "with lo <= x, whatever the activations; "
    )
    if hall:
        text += (
            "layer 0 is masked too, and which of its neurons hands on which input is chosen after the mask is seen; "
            "behind it "
        )
    text += "the widths are those; and with one copy less of the neurons of any one layer, the law of the copies "
    if found.thresholds:
        text += "with these thresholds "
    text += "is below 1 - delta"
    if shared:
        text += ", once the bound on Hall's sum is taken off"
    text += "."
    if hall and fewest:
        text += " Layer 0 has as many neurons as there are copies of inputs; with fewer there is no matching."
    elif hall and claim:
        text += " Theorem answer_least: with one neuron less in layer 0 the law is below 1 - delta."
    elif hall:
        text += " Whether fewer neurons in layer 0 would do for the same copies is not said."
    return text


def _one_neuron_less(found: CertifiedLaw, hall: HallBound, windows: list[tuple[int, int]]) -> str:
    """Write what Coq computes to see that one neuron less is too few; nothing where the tails cannot be added up."""
    answer, target, factors, goal = found.answer, found.target, found.factors, found.answer.failure_probability
    neurons, first = answer.widths[0] or 0, answer.densities[0]
    if neurons == factors[0] * target.inputs:
        return ""

    def difference() -> Ball:
        law = log_drop(target, answer.densities, factors, found.thresholds)
        failure = hall_sum(neurons - 1, target.inputs, factors[0], first)
        return law + (1 - failure).log() - log_sparsity(goal)

    _, high = enclose(difference, digits=2)
    added = [(size, terms) for size, terms in enumerate(hall.terms, start=1) if terms]
    if high >= 0 or not added or hall.chernoff_share > _LEFT_OUT * -high:
        return ""
    margin = min(-high, Fraction(1)) * (1 - goal) / 16
    sums = sum(comb(target.inputs, size) * terms for size, terms in added)
    bits = coq.margin_bits(margin, 8 * sums + found.roundings(windows))
    return coq.checked(
        "neuron_less",
        f"deep_neurons_few zeros entries thresholds kinds {goal.numerator} {goal.denominator} {bits}\n"
        f"  starts lengths deeper copies {first.numerator} {first.denominator} (size 0) neurons exponents",
    )
