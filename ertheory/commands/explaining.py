"""``--explain``: the formulas behind an answer, and the same with the numbers put in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

from ertheory.bounds import Answer, UnivariateWidth, find
from ertheory.bounds.result import Width

__all__ = ["explain_answer", "explain_lower", "explain_width"]

_LAWS = ("exact", "drop")  # methods whose explanation is a law of the widths, whatever delta is


def explain(name: str, **values: Any) -> tuple[str, ...]:
    """Write a formula, and the same with numbers put in; sympy is slow to load, so it is loaded here."""
    from ertheory.symbolic import explain as explained

    return tuple(explained(name, **values))


def explain_width(result: Width) -> str:
    """Show what one row of ``ertheory width`` was computed from."""
    lines: list[str] = []
    for step in find(result.method).steps(result):
        lines += [step] if isinstance(step, str) else explain(step[0], **step[1])
    return "\n".join([f"{result.method}, layer 0 {result.layer0}", *(f"  {line}" for line in lines)])


def explain_answer(answer: Answer) -> str:
    """Show what one row of ``ertheory sparsity`` or ``ertheory confidence`` was computed from."""
    asked = "" if answer.applies else "does not apply: "
    lines = [f"{answer.method}, layer 0 {answer.layer0}", f"  {answer.statement}; {asked}{answer.reason}."]
    delta = answer.failure_probability
    if answer.densities is not None and answer.factors is not None and (answer.method in _LAWS or delta is not None):
        same = Width(
            method=answer.method,
            statement=answer.statement,
            variant="exact",
            kind=answer.kind,
            layer0=cast("Any", answer.layer0),
            applies=answer.applies,
            reason=answer.reason,
            target=answer.target,
            densities=answer.densities,
            failure_probability=Fraction(1) if delta is None else delta,
            widths=answer.widths,
            factors=answer.factors,
            success_lower=answer.success_lower,
        )
        lines += explain_width(same).splitlines()[1:]
    return "\n".join(lines)


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
    return "\n".join([*(f"  {line}" for line in lines)])
