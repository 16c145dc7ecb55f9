"""``--explain``: the formulas behind an answer, and the same with the numbers put in."""

from __future__ import annotations

from typing import Any

from ertheory.bounds import Law, UnivariateWidth, essential_inputs
from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.drop.law import read_neurons
from ertheory.bounds.result import Width, rational_text, success_text
from ertheory.symbolic import explain

__all__ = ["explain_lower", "explain_width"]

_MOST_KINDS = 5
_COLOURED = (
    "P(failure) <= [layer 0] + sum_l sum_j P(Bin(ql, g_lj) < tl) + P(Bin(N_(L-1), g) < N') + last(N')",
    "[layer 0] = E|V| eps(d, N0, p0, p1) (primal), E[min(1, d eps(|V|, N0, p1, p0))] (dual) or the Hall sum (matched)",
    "eps(d, N, a, b) = E[min(1, sum_s C(d, s) C(K, s - 1) (1 - a)^(s (K - s + 1)))],  K ~ Bin(N, b)",
)
_LAWS = {
    "sequential": _COLOURED,
    "matching": _COLOURED,
    "sharp": _COLOURED,
    "size-lp": ("P(represented) <= P(z_D1 + .. + z_DN >= n) + N0 P(Bin(d, p0) >= d - n + 1),  Dv ~ Bin(o, p2)",),
    "parameter-count": (
        "P(represented) <= C(N1, n) P(X_1 + .. + X_N0 >= n d) + N0 P(Bin(d, p0) >= d - n + 1)",
        "X_u = (a_u + b_u - 1) [a_u > 0] [b_u > 0],  a_u ~ Bin(d, p0),  b_u ~ Bin(n, p1)",
    ),
    "path-count": ("P(represented) <= N1 E[(1 - (1 - p0)^K)^d] / n + N0 P(Bin(d, p0) >= d - n + 1),  K ~ Bin(N0, p1)",),
    "first-moment": ("P(a colouring serves all) <= sum over colourings of prod_j (1 - (1 - p)^a_j)^c_j, over n!",),
}


def explain_width(result: Width) -> str:
    """Show what one row of ``ertheory width`` was computed from."""
    steps: list[tuple[str, dict[str, Any]]] = []
    target, densities, delta = result.target, result.densities, result.failure_probability
    if result.method == "theorem-2.3":
        inputs = essential_inputs(target)
        if inputs:
            steps.append(("theorem-2.3", {"d": inputs, "delta": delta, "p1": densities[0]}))
    elif result.method == "degree" and result.applies:
        d, n1, n2 = target.widths
        first = 10 * closed_form(Law(target, densities, "dense"), delta).first_width
        values = {"d": d, "n1": n1, "n2": n2, "p0": densities[0], "p2": densities[2]}
        steps.append(("degree", {**values, "N0": first, "N1": result.widths[1]}))
    elif result.method == "drop" and result.factors is not None and target.depth > 1:
        return _explain_drop(result, result.factors)
    elif result.method in _LAWS:
        return _explain_law(result)
    elif result.factors is not None:
        common = {"L": target.depth, "p": densities, "q": result.factors, "m": target.nonzeros}
        steps += _steps_of_construction(result, common)
    lines = [line for name, values in steps for line in explain(name, **values)]
    return "\n".join([f"\n{result.method}, layer 0 {result.layer0}", *(f"  {line}" for line in lines)])


def _explain_law(result: Width) -> str:
    law = list(_LAWS[result.method])
    if result.success_lower is not None:
        law.append(f"P(failure) <= {float(1 - result.success_lower):.4g} with {result.reason}")
    return "\n".join([f"\n{result.method}, layer 0 {result.layer0}", *(f"  {line}" for line in law)])


def _explain_drop(result: Width, factors: tuple[int, ...]) -> str:
    target, last = result.target, result.target.depth - 1
    below = "q0" if last == 1 else f"t{last - 1}"
    read = f"E[(1 - (1 - p{last + 1})^G)^c_j],  G ~ Bin(q{last}, (1 - (1 - p{last})^{below})^k_j)"
    if last > 1:
        kept = f"prod_l prod_j P(Bin(ql, (1 - (1 - pl)^t(l-1))^k_j) >= tl)  (l = 1..{last - 1})"
        lines = [f"P >= {kept}", f"     * prod_j {read},  t0 = q0"]
    else:
        lines = [f"P = prod_j {read}"]
        into, out = (rational_text(density) for density in result.densities[1:])
        kinds = read_neurons(target, 1)
        for fan_in, fan_out, count in kinds[:_MOST_KINDS]:
            copies = f"Bin({factors[1]}, (1 - (1 - {into})^{factors[0]})^{fan_in})"
            lines.append(f"{count} neurons with k_j = {fan_in}: E[(1 - (1 - {out})^G)^{fan_out}],  G ~ {copies}")
        if len(kinds) > _MOST_KINDS:
            lines.append(f"and {len(kinds) - _MOST_KINDS} more kinds of neurons")
    if result.layer0 == "matched":
        hall = {"N0": result.widths[0], "d": target.inputs, "q0": factors[0], "p0": result.densities[0]}
        lines += explain("hall-sum", **hall)
    if result.success_lower is not None:
        bound = "(1 - H) P" if result.layer0 == "matched" else "P"
        lines.append(f"{bound} >= {success_text(result.success_lower)}")
    return "\n".join([f"\n{result.method}, layer 0 {result.layer0}", *(f"  {line}" for line in lines)])


def _steps_of_construction(result: Width, common: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    target, densities = result.target, result.densities
    if result.method == "printed":
        with_delta = {"delta": result.failure_probability}
        name = "matched" if result.layer0 == "matched" else "theorem-2.2"
        steps: list[tuple[str, dict[str, Any]]] = []
        for layer in reversed(range(target.depth)):
            if layer == 0 and result.layer0 == "preassigned":
                values = {"L": target.depth, "m1": target.nonzeros[0], "q1": common["q"][1]}
                steps.append(("preassigned", {**values, **with_delta, "p0": densities[0], "p1": densities[1]}))
            else:
                steps.append((name, {**common, **with_delta, "l": layer}))
        return steps
    if result.layer0 == "preassigned":
        fan_out = [count for count, inputs in target.layers[0].fan_out_counts.items() for _ in range(inputs)]
        return [("preassigned-law", {**common, "c": fan_out, "d": target.inputs})]
    steps = [("block-law", common)]
    if result.layer0 == "matched":
        hall = {"N0": result.widths[0], "d": target.inputs, "q0": common["q"][0], "p0": densities[0]}
        steps.append(("hall-sum", hall))
    return steps


def explain_lower(result: UnivariateWidth) -> str:
    """Show what ``ertheory lower`` was computed from."""
    into, out = result.densities
    delta, inputs = result.failure_probability, result.inputs
    steps: list[tuple[str, dict[str, Any]]] = [("theorem-2.3", {"d": inputs, "delta": delta, "p1": into})]
    if result.output == "linear":
        steps.append(("law-b-width", {"d": inputs, "delta": delta, "p1": into, "p2": out}))
    else:
        steps.append(("law-a-sufficient", {"d": inputs, "delta": delta, "p1": into, "p2": out}))
        if result.exact is not None:
            steps.append(("law-a", {"d": inputs, "n": result.exact, "p1": into, "p2": out}))
    lines = [line for name, values in steps for line in explain(name, **values)]
    return "\n".join(["", *(f"  {line}" for line in lines)])
