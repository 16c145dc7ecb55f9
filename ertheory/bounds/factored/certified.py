"""Answers about factored sources as theorems that Coq checks, where every map rests on the dual bound.

Coq adds up sum_l n_{l-1} E[min(1, h_K)] from above. It computes Hall's sum h_k at some columns k only, since with more
columns less is lost, and of h_k only as many terms at both ends as matter; which ones is chosen here. The choice cannot
make a wrong answer right: where it is too coarse Coq refuses the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ertheory.bounds import coq
from ertheory.bounds.factored.certified_least import LEAST_THEOREM, least_claims
from ertheory.bounds.factored.network import FactoredDesign, shapes_of_target
from ertheory.bounds.factored.one_map import FactoredMap
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable

__all__ = ["factored_certificate"]

_THEORIES = (
    "bernoulli exact_laws rounding upward factored factored_law factored_network factored_certificate factored_minimal"
).split()
_MOST_TERMS = 60_000  # of all Hall sums together; Coq takes some milliseconds for each
_MOST_NEURONS = 20_000
_NEGLIGIBLE = 1e-4  # of the failure probability, for the terms that are bounded together

Floats = npt.NDArray[np.float64]

_THEOREM = """
Section Answer.
Variable R : realFieldType.
Let p (l : nat) : R := toR R (kept1 l) / toR R (entries1 l).   (* the density of the first map of the pair l *)
Let p' (l : nat) : R := toR R (kept2 l) / toR R (entries2 l).  (* and of the second *)
Let share (l : nat) : R := toR R (shares l) / toR R common.
Let delta : R := {delta}.
{least}
Variables (act : nat -> R -> R) (W : forall l, 'M[R]_(size l.+1, size l)) (b : forall l, 'cV[R]_(size l.+1)).
Variable contained : pred {{ffun edge depth size inner -> bool}}.

(* with linear inner neurons, on every input *)
Theorem answer : (forall w, represented act W b w -> contained w) -> 1 - delta <= Pr (density p p') contained.
Proof. exact: (factored_certificate enough). Qed.

(* with ReLU inner neurons, where |x_i| <= M; the activations keep bounded what is bounded *)
Theorem answer_relu (M : R) : (forall l C, exists C', forall x, `|x| <= C -> `|act l x| <= C') ->
  (forall w, represented_relu act W b M w -> contained w) -> 1 - delta <= Pr (density p p') contained.
Proof. exact: (factored_certificate_relu enough). Qed.
End Answer.
"""


def factored_certificate(answer: Width) -> str:
    """Write the widths of a factored source as a theorem: every target of these widths is contained.

    Raises
    ------
    TheoremNotApplicable
        If a map rests on another bound than the dual, the target is not fully connected or leaves neurons unused, or
        the computation would take too long.
    """
    coq.refuse(answer)
    design = answer.design
    if not isinstance(design, FactoredDesign):
        msg = "certificate: factored has one for two masked maps in a row only"
        raise TheoremNotApplicable(msg)
    for shape in shapes_of_target(answer.target):
        if shape.used != (shape.inputs, shape.outputs):
            raise TheoremNotApplicable(f"certificate: {shape.name} leaves neurons unused; reduce the target first")
    plans = [_plan(one, float(answer.failure_probability)) for one in design.maps]
    if sum(plan.terms for plan in plans) > _MOST_TERMS:
        msg = f"certificate: more than {_MOST_TERMS} terms of Hall's sums, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    if sum(plan.failure for plan in plans) > float(answer.failure_probability):
        msg = "certificate: the dual bound that Coq knows is above delta for these widths"
        raise TheoremNotApplicable(msg)
    says = (
        "Theorems answer and answer_relu, below: with so many neurons between the maps, the network is contained, by "
        "exactly its outputs, whatever its weights and biases; inner neurons are linear, or have ReLU on a box. "
        "Theorem answer_least: with one inner neuron less the bound of a map is above its share of delta."
    )
    goal, maps = answer.failure_probability, design.maps
    columns = "\n".join(f"  | {level} => {_columns(plan.columns)}" for level, plan in enumerate(plans))
    listed = ("kept1", 0, "numerator"), ("entries1", 0, "denominator"), ("kept2", 1, "numerator"), ("entries2", 1, "")
    densities = [
        coq.table(name, "N", [getattr(one.densities[which], part or "denominator") for one in maps])
        for name, which, part in listed
    ]
    return "\n".join(
        [
            coq.head(answer, _THEORIES, says=says),
            coq.definition("depth", "nat", len(maps)),
            coq.table("size", "nat", answer.target.widths),
            coq.table("inner", "nat", [one.inner for one in maps]),
            *densities,
            "(* Hall's sum is taken at these columns, by so many terms at either end *)",
            coq.table("ends", "nat", [plan.ends for plan in plans]),
            f"Definition columns (l : nat) : seq nat :=\n  match l with\n{columns}\n  | _ => [::]\n  end.\n",
            coq.checked(
                "enough",
                "factored_ok size inner kept1 entries1 kept2 entries2 ends columns depth "
                f"{goal.numerator} {goal.denominator}",
            ),
            *least_claims(maps, goal),
            _THEOREM.lstrip("\n").format(delta=coq.fraction(goal), least=LEAST_THEOREM),
        ]
    )


@dataclass(frozen=True)
class _Plan:
    """At which columns Hall's sum is taken for one map, by how many terms at each end, and what comes out of it."""

    columns: tuple[int, ...]
    ends: int
    failure: float

    @property
    def terms(self) -> int:
        return len(self.columns) * 2 * self.ends


def _plan(one: FactoredMap, delta: float) -> _Plan:
    if one.orientation != "dual":
        msg = f"certificate: {one.name} rests on the {one.orientation} bound, and only the dual one is in the proofs"
        raise TheoremNotApplicable(msg)
    if one.inner > _MOST_NEURONS or one.rows > _MOST_NEURONS:
        msg = f"certificate: more than {_MOST_NEURONS} neurons in a layer, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    inputs, rows, neurons = one.columns, one.rows, one.inner
    masses = inputs * np.exp(_log_masses(neurons, float(one.densities[0])))
    miss = float(1 - one.densities[1])
    lost = np.ones(neurons + 1)
    for k in range(rows, neurons + 1):
        lost[k] = min(lost[k - 1], _hall(rows, k, miss))
        if inputs * lost[k] <= _NEGLIGIBLE * delta:
            lost[k:] = lost[k]
            break
    need = float(masses @ lost)
    spare = max(0.0, float(one.share) * (1 - 1e-9) - need)
    # What the last column loses counts whatever the number of columns is; the rest is shared out among the columns.
    last = int(np.argmax((inputs * lost <= spare / 5) | (np.arange(neurons + 1) == neurons)))
    allowed = spare * (masses * lost / need + 1 / len(lost)) / 4
    columns: list[int] = []
    level, paid, extra = 1.0, 0.0, 0.0
    for k in range(last + 1):
        cost = masses[k] * (level - lost[k])
        if k == last or (extra + cost > paid + allowed[k] and level > lost[k]):
            columns.append(k)
            level, cost = float(lost[k]), 0.0
        extra, paid = extra + cost, paid + allowed[k]
    extra += inputs * level - float(masses[last:] @ lost[last:])
    ends = _ends(rows, columns, miss, masses, spare / 20)
    return _Plan(tuple(columns), ends, need + extra + spare / 20)


def _log_masses(trials: int, chance: float) -> Floats:
    from scipy.special import gammaln  # slow to load

    counts = np.arange(trials + 1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(counts < trials, (trials - counts) * np.log1p(-chance), 0.0)
    choices = gammaln(trials + 1) - gammaln(counts + 1) - gammaln(trials - counts + 1)
    found: Floats = choices + counts * np.log(chance) + rest
    return found


def _hall(rows: int, columns: int, miss: float) -> float:
    if not miss:
        return 0.0
    from scipy.special import gammaln, logsumexp

    sizes = np.arange(1, rows + 1, dtype=np.float64)
    terms = gammaln(rows + 1) - gammaln(sizes + 1) - gammaln(rows - sizes + 1)
    terms += gammaln(columns + 1) - gammaln(sizes) - gammaln(columns - sizes + 2)
    return float(np.exp(min(0.0, logsumexp(terms + sizes * (columns - sizes + 1) * np.log(miss)))))


def _ends(rows: int, columns: list[int], miss: float, masses: Floats, allowed: float) -> int:
    """Find how many terms at both ends leave little to those between."""
    if not miss:
        return 1
    starts = np.array([k for k in columns if k >= rows])
    weights = np.add.reduceat(masses, starts) if len(starts) else np.zeros(0)
    for ends in range(1, rows // 2):
        between = (rows + starts) * np.log(2) + (ends + 1) * (starts - ends) * np.log(miss)
        if float(weights @ np.exp(np.minimum(between, 50.0))) <= allowed:
            return ends
    return rows


def _columns(columns: tuple[int, ...]) -> str:
    return f"[:: {'; '.join(map(str, columns))}]%N"
