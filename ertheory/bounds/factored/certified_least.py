"""What Coq computes to see that one inner neuron less is too few: the bound of each map from below, above its share.

The dual bound of N - 1 inner neurons is n E[h*_K], K ~ Bin(N - 1, p_1), and the primal one is the same read backwards.
Coq adds up some terms at both ends of Hall's sum for every number of columns up to the last of a window, and takes the
least so far; all that it leaves out is positive. The choice cannot make a wrong claim right: where it is too coarse Coq
refuses the file. Of the mixed bound nothing is claimed: how many inputs it sets aside is a choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds import coq
from ertheory.bounds.factored.certified_plans import Plan, Sides
from ertheory.bounds.factored.one_map import FactoredMap
from ertheory.errors import TheoremNotApplicable

__all__ = ["LEAST_THEOREM", "least_claims"]

_MOST_TERMS = 60_000  # of all Hall sums together
_UNLIKELY = 1e-18

Floats = npt.NDArray[np.float64]

LEAST_THEOREM = """Let share (l : nat) : R := toR R (shares l) / toR R common.
Let q (l : nat) : R := toR R (of_cols plans kept1 kept2 l) / toR R (of_cols plans entries1 entries2 l).
Let q' (l : nat) : R := toR R (of_rows plans kept1 kept2 l) / toR R (of_rows plans entries1 entries2 l).

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


@dataclass(frozen=True)
class _Window:
    """So many terms at each end of Hall's sum, at the columns from `start` on, and the distance that has to be seen."""

    ends: int
    start: int
    length: int
    margin: float


def least_claims(maps: Sequence[FactoredMap], plans: Sequence[Plan], delta: Fraction) -> list[str]:
    """Write the shares of delta, and the claim that one inner neuron less does not keep them.

    It is made for maps that rest on the dual or primal theorem; where there is none, nothing is written.

    Raises
    ------
    TheoremNotApplicable
        If the bound of one neuron less is too close to a share, or the computation would take too long.
    """
    if all(plan.threshold for plan in plans):
        return []
    common = math.lcm(*(one.share.denominator for one in maps))
    windows = [_NOTHING if plan.threshold else _window(one, plan.sides) for one, plan in zip(maps, plans, strict=True)]
    if sum((found.start + found.length) * 2 * found.ends for found in windows) > _MOST_TERMS:
        msg = f"certificate: more than {_MOST_TERMS} terms of Hall's sums, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    bits = max(
        coq.margin_bits(Fraction(found.margin) / (8 * plan.sides.columns), 4 * found.length * (1 + 2 * found.ends))
        for plan, found in zip(plans, windows, strict=True)
    )
    return [
        "(* of delta, for each map; and where the bound of one neuron less is computed *)",
        coq.definition("common", "N", common),
        coq.table("shares", "N", [int(one.share * common) for one in maps]),
        coq.table("ends_least", "nat", [found.ends for found in windows]),
        coq.table("from", "nat", [found.start for found in windows]),
        coq.table("many", "nat", [found.length for found in windows]) + "\n",
        coq.checked(
            "shared",
            f"[&& 0 <? common, 0 <? {delta.denominator} & foldr N.add 0 [seq shares l | l <- iota 0 depth] * "
            f"{delta.denominator} <=? {delta.numerator} * common]%bin",
        ),
        coq.checked(
            "too_few",
            "all (fun l => (threshold (plans l) != 0%N) ||\n"
            f"    map_above {bits} (cols size plans l) (rows size plans l) (inner l).-1\n"
            "    (of_cols plans kept1 kept2 l) (of_cols plans entries1 entries2 l)\n"
            "    (of_rows plans kept1 kept2 l) (of_rows plans entries1 entries2 l)\n"
            "    (shares l) common (ends_least l) (from l) (many l)) (iota 0 depth)",
        ),
    ]


_NOTHING = _Window(0, 0, 0, 1.0)


def _window(one: FactoredMap, sides: Sides) -> _Window:
    from scipy.stats import binom  # slow to load

    neurons, share, rows = one.inner - 1, float(one.share), sides.rows
    likely = np.flatnonzero(binom.pmf(np.arange(neurons + 1), neurons, float(sides.densities[0])) > _UNLIKELY * share)
    start, last = (int(likely[0]), int(likely[-1])) if len(likely) else (0, neurons)
    masses = sides.columns * binom.pmf(np.arange(start, last + 1), neurons, float(sides.densities[0]))
    ends = 1
    while True:
        losses = np.minimum.accumulate([_lost(rows, k, float(1 - sides.densities[1]), ends) for k in range(last + 1)])
        margin = float(masses @ losses[start:]) * (1 - 1e-9) - share
        if margin > 1e-6 * share:
            negligible = np.cumsum((masses * losses[start:])[::-1])[::-1] < margin / 8
            length = int(np.argmax(negligible)) if negligible.any() else last + 1 - start
            return _Window(ends, start, max(1, length), margin / 2)
        if 2 * ends >= rows:
            msg = f"certificate: {one.name} with one neuron less is too close to its share of delta"
            raise TheoremNotApplicable(msg)
        ends = min(2 * ends, rows)


def _lost(rows: int, columns: int, miss: float, ends: int) -> float:
    """Compute the terms of min(1, h_k) that Coq adds up."""
    if columns < rows:
        return 1.0
    if not miss:
        return 0.0
    from scipy.special import gammaln

    sizes = np.arange(1, rows + 1, dtype=np.float64)
    if 2 * ends < rows:
        sizes = np.concatenate([sizes[:ends], sizes[-ends:]])
    terms = gammaln(rows + 1) - gammaln(sizes + 1) - gammaln(rows - sizes + 1)
    terms += gammaln(columns + 1) - gammaln(sizes) - gammaln(columns - sizes + 2)
    return float(min(1.0, np.exp(np.minimum(terms + sizes * (columns - sizes + 1) * np.log(miss), 1.0)).sum()))
