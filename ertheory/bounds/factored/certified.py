"""Answers about factored sources as theorems that Coq checks, each map by the dual, primal or mixed theorem.

Coq adds up, for every map, how likely too many inputs are set aside, another one has no matching, or those set aside
have none for one of the others and an output; `ertheory.bounds.factored.certified_plans` says which terms it computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ertheory.bounds import coq
from ertheory.bounds.factored.certified_least import LeastClaims, least_claims
from ertheory.bounds.factored.certified_plans import Plan, plan_of
from ertheory.bounds.factored.network import FactoredDesign, shapes_of_target
from ertheory.bounds.result import Width
from ertheory.errors import TheoremNotApplicable

__all__ = ["factored_certificate"]

_THEORIES = (
    "bernoulli exact_laws rounding upward factored factored_law factored_network factored_certificate factored_answers "
    "factored_minimal small_sets factored_mixed_law factored_mixed_minimal"
).split()
_MOST_TERMS = 60_000  # of all Hall sums together; Coq takes some milliseconds for each
_FINE = 10**10  # what is set aside is told apart by this part of its probability

_THEOREM = """
Section Answer.
Variable R : realFieldType.
Let p (l : nat) : R := toR R (kept1 l) / toR R (entries1 l).   (* the density of the first map of the pair l *)
Let p' (l : nat) : R := toR R (kept2 l) / toR R (entries2 l).  (* and of the second *)
Let delta : R := {delta}.
{least}
Variables (act : nat -> R -> R) (W : forall l, 'M[R]_(size l.+1, size l)) (b : forall l, 'cV[R]_(size l.+1)).
Variable contained : pred {{ffun edge depth size inner -> bool}}.

(* with linear inner neurons, on every input *)
Theorem answer : (forall w, represented act W b w -> contained w) -> 1 - delta <= Pr (density p p') contained.
Proof. exact: (factored_answer enough). Qed.

(* with ReLU inner neurons, where |x_i| <= M; the activations keep bounded what is bounded *)
Theorem answer_relu (M : R) : (forall l C, exists C', forall x, `|x| <= C -> `|act l x| <= C') ->
  (forall w, represented_relu act W b M w -> contained w) -> 1 - delta <= Pr (density p p') contained.
Proof. exact: (factored_answer_relu enough). Qed.
End Answer.
"""


def factored_certificate(answer: Width) -> str:
    """Write the widths of a factored source as a theorem: every target of these widths is contained.

    Raises
    ------
    TheoremNotApplicable
        If a map has three factors, the target is not fully connected or leaves neurons unused, or the computation would
        take too long.
    """
    coq.refuse(answer)
    design = answer.design
    if not isinstance(design, FactoredDesign):
        msg = "certificate: factored has one for two masked maps in a row only"
        raise TheoremNotApplicable(msg)
    for shape in shapes_of_target(answer.target):
        if shape.used != (shape.inputs, shape.outputs):
            raise TheoremNotApplicable(f"certificate: {shape.name} leaves neurons unused; reduce the target first")
    goal, maps = answer.failure_probability, design.maps
    plans = [plan_of(one, float(goal)) for one in maps]
    if sum(plan.matched.terms + plan.aside.terms for plan in plans) > _MOST_TERMS:
        msg = f"certificate: more than {_MOST_TERMS} terms of Hall's sums, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    if sum(plan.failure for plan in plans) > float(goal):
        msg = "certificate: the bound that Coq knows is above delta for these widths"
        raise TheoremNotApplicable(msg)
    bits = max(_bits(plan, one.inner) for plan, one in zip(plans, maps, strict=True))
    claims = least_claims(maps, plans, goal)
    listed = ("kept1", 0, "numerator"), ("entries1", 0, "denominator"), ("kept2", 1, "numerator"), ("entries2", 1, "")
    densities = [
        coq.table(name, "N", [getattr(one.densities[which], part or "denominator") for one in maps])
        for name, which, part in listed
    ]
    return "\n".join(
        [
            coq.head(answer, _THEORIES, says=_says(plans, [one.name for one in maps], claims)),
            coq.definition("depth", "nat", len(maps)),
            coq.table("size", "nat", answer.target.widths),
            coq.table("inner", "nat", [one.inner for one in maps]),
            *densities,
            _plans(plans),
            coq.checked(
                "enough",
                f"factored_ok {bits} size inner kept1 entries1 kept2 entries2 plans depth "
                f"{goal.numerator} {goal.denominator}",
            ),
            *claims.checks,
            _THEOREM.lstrip("\n").format(delta=coq.fraction(goal), least=claims.theorems),
        ]
    )


def _says(plans: Sequence[Plan], names: Sequence[str], claims: LeastClaims) -> str:
    said = (
        "Theorems answer and answer_relu, below: with so many neurons between the maps, the network is contained, by "
        "exactly its outputs, whatever its weights and biases; inner neurons are linear, or have ReLU on a box. "
    )
    if claims.plain:
        said += (
            "Theorem answer_least: with one inner neuron less the bound of a map is above its share of delta, for "
            f"{', '.join(claims.plain)} (by the dual or primal theorem). "
        )
    if claims.mixed:
        said += (
            "Theorem answer_least_mixed: with one inner neuron less the mixed bound of a map is above its share, for "
            f"{', '.join(claims.mixed)}, whatever is set aside, if the first two of its three terms keep the parts "
            "that are given to them, a tenth and a half of the share. "
        )
    silent = [name for name, plan in zip(names, plans, strict=True) if plan.threshold and name not in claims.mixed]
    if silent:
        said += f"Of {', '.join(silent)} (by the mixed theorem) with one inner neuron less nothing is said."
    return said.rstrip()


def _bits(plan: Plan, neurons: int) -> int:
    if not plan.threshold:
        return 64
    return coq.margin_bits(Fraction(max(plan.small, 1e-300)) / _FINE, 8 * (plan.threshold + neurons))


def _plans(plans: Sequence[Plan]) -> str:
    """Write how each map is checked: `plan` in `factored_answers`."""
    lines = []
    for level, plan in enumerate(plans):
        backwards = "true" if plan.sides.backwards else "false"
        density = f"{plan.density.numerator} {plan.density.denominator}"
        lines += [
            f"  | {level} => Plan {backwards} {plan.threshold}%N {plan.set_aside}%N"
            f" {' '.join(f'{number}%bin' for number in density.split())}",
            f"      {plan.matched.ends}%N {_columns(plan.matched.columns)}",
            f"      {plan.aside.ends}%N {_columns(plan.aside.columns)}",
        ]
    return "\n".join(
        [
            "(* read backwards or not; inputs that fewer neurons read are set aside, so many at most, read *)",
            "(* with at least this density; and by how many terms at either end, at which columns, Hall's *)",
            "(* sums are taken: for the other inputs, and for those set aside *)",
            "Definition plans (l : nat) : plan :=",
            "  match l with",
            *lines,
            "  | _ => Plan false 0 0 0%bin 1%bin 0 [::] 0 [::]",
            "  end.",
            "",
        ]
    )


def _columns(columns: tuple[int, ...]) -> str:
    return f"[:: {'; '.join(map(str, columns))}]%N" if columns else "[::]"
