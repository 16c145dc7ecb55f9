"""What Coq computes to see that one inner neuron less is too few: the bound of each map from below, above its share.

The dual bound of N - 1 inner neurons is n E[h*_K], K ~ Bin(N - 1, p_1), and the primal one is the same read backwards.
Coq adds up some terms at both ends of Hall's sum for every number of columns up to the last of a window, and takes the
least so far; all that it leaves out is positive. The choice cannot make a wrong claim right: where it is too coarse Coq
refuses the file. `certified_mixed` does so for the mixed bound; where that cannot be, nothing is claimed of a map.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ertheory.bounds import coq
from ertheory.bounds.factored.certified_mixed import MixedChoice, mixed_choice
from ertheory.bounds.factored.certified_plans import Plan, Sides
from ertheory.bounds.factored.floors import Window, least_losses, window_above
from ertheory.bounds.factored.one_map import FactoredMap
from ertheory.errors import TheoremNotApplicable

__all__ = ["LeastClaims", "least_claims"]

_MOST_TERMS = 60_000  # of all Hall sums together

_SHARES = """Let share (l : nat) : R := toR R (shares l) / toR R common.
Let q (l : nat) : R := toR R (of_cols plans kept1 kept2 l) / toR R (of_cols plans entries1 entries2 l).
Let q' (l : nat) : R := toR R (of_rows plans kept1 kept2 l) / toR R (of_rows plans entries1 entries2 l).
"""

_PLAIN = """
(* one inner neuron less in the map l: its bound is above its share of delta, whatever columns it is taken at *)
Theorem answer_least : \\sum_(l < depth) share l <= delta /\\
  forall l, (l < depth)%N -> threshold (plans l) = 0%N -> forall g, steps (rows size plans l) (q' l) g ->
    share l < (cols size plans l)%:R * \\sum_(k < (inner l).-1.+1) bin_mass (q l) (inner l).-1 k * g k.
Proof.
split; first exact: (shares_le _ shared).
move=> l lL t0 g; apply: map_aboveP; have := allP too_few l; rewrite mem_iota => /(_ lL)/orP[|]; last exact.
by rewrite t0.
Qed.
"""

_MIXED = """
(* one inner neuron less in a map by the mixed theorem: its bound is above its share of delta, whatever is set aside, *)
(* if more than f inputs are few with a tenth of the share at most, and one of the others has no matching with a half *)
Theorem answer_least_mixed : \\sum_(l < depth) share l <= delta /\\
  forall l, l \\in mixed -> let N := (inner l).-1 in let n := cols size plans l in let m := rows size plans l in
  forall kappa f rho g g', fewer (q l) kappa N < 1 -> (kappa <= N.+1)%N -> 0 <= rho <= 1 ->
    N%:R * rho * fewer (q l) kappa N <= \\sum_(i < kappa) bin_mass (q l) N i * i%:R ->
    steps m (q' l) g -> steps f rho g' ->
    let few := \\sum_(k < n.+1) bin_mass (fewer (q l) kappa N) n k * (f < k)%N%:R in
    let unmatched := n%:R * (\\sum_(k < N.+1) bin_mass (q l) N k * ((kappa <= k)%N%:R * g k)) in
    let aside := (n * m)%:R * (\\sum_(k < N.+1) bin_mass (q' l * (1 - q l)) N k * g' k) in
    few <= share l / 10%:R -> unmatched <= share l / 2%:R ->
    share l < few + unmatched + aside / (if l \\in divided then 1 - fewer (q l) kappa N else 1).
Proof.
split; first exact: (shares_le _ shared).
by move=> l lm N n m kappa f rho g g'; exact: (mixed_aboveP (allP mixed_too_few l lm)).
Qed.
"""


@dataclass(frozen=True)
class LeastClaims:
    """What is claimed of one inner neuron less: what Coq computes, the theorems, and the maps that they are about.

    Parameters
    ----------
    checks
        Definitions, and lemmas that Coq computes.
    theorems
        The statements, which stand in the section of the answer.
    plain, mixed
        The names of the maps by the dual or primal theorem, and by the mixed one.
    """

    checks: tuple[str, ...] = ()
    theorems: str = ""
    plain: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()


def least_claims(maps: Sequence[FactoredMap], plans: Sequence[Plan], delta: Fraction) -> LeastClaims:
    """Write the shares of delta, and the claims that one inner neuron less does not keep them.

    Raises
    ------
    TheoremNotApplicable
        If the bound of one neuron less is too close to a share of a map by the dual or primal theorem, or the
        computation would take too long.
    """
    plain = tuple(one.name for one, plan in zip(maps, plans, strict=True) if not plan.threshold)
    choices = {level: mixed_choice(maps[level]) for level, plan in enumerate(plans) if plan.threshold}
    mixed = {level: choice for level, choice in choices.items() if choice and choice.work <= _MOST_TERMS}
    if not plain and not mixed:
        return LeastClaims()
    common = math.lcm(*(one.share.denominator for one in maps))
    checks = [
        "(* of delta, for each map *)",
        coq.definition("common", "N", common),
        coq.table("shares", "N", [int(one.share * common) for one in maps]) + "\n",
        coq.checked(
            "shared",
            f"[&& 0 <? common, 0 <? {delta.denominator} & foldr N.add 0 [seq shares l | l <- iota 0 depth] * "
            f"{delta.denominator} <=? {delta.numerator} * common]%bin",
        ),
    ]
    if plain:
        checks += _plain_checks(maps, plans)
    if mixed:
        checks += _mixed_checks(mixed)
    theorems = _SHARES + (_PLAIN if plain else "") + (_MIXED if mixed else "")
    return LeastClaims(tuple(checks), theorems, plain, tuple(maps[level].name for level in mixed))


def _plain_checks(maps: Sequence[FactoredMap], plans: Sequence[Plan]) -> list[str]:
    windows = [_NOTHING if plan.threshold else _window(one, plan.sides) for one, plan in zip(maps, plans, strict=True)]
    if sum((found.start + found.length) * 2 * found.ends for found in windows) > _MOST_TERMS:
        msg = f"certificate: more than {_MOST_TERMS} terms of Hall's sums, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    bits = max(
        coq.margin_bits(Fraction(found.margin) / (8 * plan.sides.columns), 4 * found.length * (1 + 2 * found.ends))
        for plan, found in zip(plans, windows, strict=True)
    )
    return [
        "(* where the bound of one neuron less is computed, for the dual and primal theorems *)",
        coq.table("ends_least", "nat", [found.ends for found in windows]),
        coq.table("from", "nat", [found.start for found in windows]),
        coq.table("many", "nat", [found.length for found in windows]) + "\n",
        coq.checked(
            "too_few",
            "all (fun l => (threshold (plans l) != 0%N) ||\n"
            f"    map_above {bits} {_OF_MAP}\n"
            "    (shares l) common (ends_least l) (from l) (many l)) (iota 0 depth)",
        ),
    ]


def _mixed_checks(choices: Mapping[int, MixedChoice]) -> list[str]:
    cases = [f"  | {level} => {choice.written()}" for level, choice in choices.items()]
    bits = max(choice.bits for choice in choices.values())
    return [
        "(* and where it is computed for the mixed theorem: the least kappa and f that keep their parts, an upper *)",
        "(* bound of the density of what is set aside, the least f with the next kappa, so many terms of the first *)",
        "(* sum; then, as ends, start and length, the second sum with the kappa before and with kappa, and the *)",
        "(* third one with f, with f + 1, and with the next kappa *)",
        coq.definition("mixed", "seq nat", _levels(choices)),
        "(* the third sum over 1 - P(Bin(N, p) < kappa), as in the law behind the answer; it holds without, too *)",
        coq.definition("divided", "seq nat", _levels(level for level, one in choices.items() if one.divided)),
        "Definition choices (l : nat) : choice :=\n  match l with",
        *cases,
        "  | _ => Choice 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n  end.\n",
        coq.checked(
            "mixed_too_few",
            f"all (fun l => mixed_above {bits} {_OF_MAP}\n    (l \\in divided) (shares l) common (choices l)) mixed",
        ),
    ]


def _levels(levels: Iterable[int]) -> str:
    return f"[:: {'; '.join(map(str, levels))}]%N"


_OF_MAP = (
    "(cols size plans l) (rows size plans l) (inner l).-1\n"
    "    (of_cols plans kept1 kept2 l) (of_cols plans entries1 entries2 l)\n"
    "    (of_rows plans kept1 kept2 l) (of_rows plans entries1 entries2 l)"
)
_NOTHING = Window(0, 0, 0, 1.0)


def _window(one: FactoredMap, sides: Sides) -> Window:
    from scipy.stats import binom  # slow to load

    neurons, share, rows = one.inner - 1, float(one.share), sides.rows
    masses = sides.columns * binom.pmf(np.arange(neurons + 1), neurons, float(sides.densities[0]))
    ends = 1
    while True:
        losses = least_losses(rows, neurons, float(1 - sides.densities[1]), ends)
        found = window_above(masses * losses, share, ends)
        if found:
            return found
        if 2 * ends >= rows:
            msg = f"certificate: {one.name} with one neuron less is too close to its share of delta"
            raise TheoremNotApplicable(msg)
        ends = min(2 * ends, rows)
