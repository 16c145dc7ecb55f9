"""The formulas behind an answer about block constructions, with the numbers that go into them."""

from __future__ import annotations

from ertheory.bounds.result import Width
from ertheory.bounds.statement import Step
from ertheory.numbers import rational_text

__all__ = ["hall_step", "law_steps", "printed_steps", "union_steps"]


def printed_steps(answer: Width) -> tuple[Step, ...]:
    """Show the inequality of every layer."""
    target, densities, factors = answer.target, answer.densities, answer.factors or ()
    common = {"L": target.depth, "p": densities, "q": factors, "m": target.nonzeros}
    with_delta = {"delta": answer.failure_probability}
    name = "matched" if answer.layer0 == "matched" else "theorem-2.2"
    steps: list[Step] = []
    for layer in reversed(range(target.depth)):
        if layer == 0 and answer.layer0 == "preassigned":
            values = {"L": target.depth, "m1": target.nonzeros[0], "q1": factors[1]}
            steps.append(("preassigned", {**values, **with_delta, "p0": densities[0], "p1": densities[1]}))
        else:
            steps.append((name, {**common, **with_delta, "l": layer}))
    return tuple(steps)


def union_steps(answer: Width) -> tuple[Step, ...]:
    """Show the inequality of every layer, or, where no failure probability was asked about, the one that they grant."""
    if answer.failure_probability < 1:
        return printed_steps(answer)
    densities, factors = answer.densities, answer.factors or ()
    chances = [rational_text(density) for density in densities[1:]]
    if answer.layer0 == "preassigned":
        chances[0] = f"{rational_text(densities[0])}*{chances[0]}"
    demands = answer.target.nonzeros
    terms = [
        f"{demands[layer]}*{factors[layer + 1]}*(1 - {chance})^{factors[layer]}" for layer, chance in enumerate(chances)
    ]
    shares, matched = answer.target.depth, answer.layer0 == "matched"
    law = "max over l of m_(l+1) q_(l+1) (1 - p_(l+1))^q_l"
    if answer.layer0 == "preassigned":
        law += " (with p_0 p_1 for p_1)"
    if matched:
        return (
            f"P(failure) <= (L + 1) max(H, {law})",
            f"P(failure) <= {shares + 1} * max(H, {', '.join(terms)})",
            hall_step(answer),
        )
    return f"P(failure) <= L {law}", f"P(failure) <= {shares} * max({', '.join(terms)})"


def law_steps(answer: Width) -> tuple[Step, ...]:
    """Show the law of the copies, and the Hall sum where layer 0 is matched."""
    target, densities, factors = answer.target, answer.densities, answer.factors
    if factors is None:
        return ()
    common = {"L": target.depth, "p": densities, "q": factors, "m": target.nonzeros}
    if answer.layer0 == "preassigned":
        fan_out = [count for count, inputs in target.layers[0].fan_out_counts.items() for _ in range(inputs)]
        return (("preassigned-law", {**common, "c": fan_out, "d": target.inputs}),)
    if answer.layer0 == "matched":
        return ("block-law", common), hall_step(answer)
    return (("block-law", common),)


def hall_step(answer: Width) -> Step:
    """Show the Hall sum of a matched layer 0."""
    copies = (answer.factors or (1,))[0]
    return "hall-sum", {"N0": answer.widths[0], "d": answer.target.inputs, "q0": copies, "p0": answer.densities[0]}
