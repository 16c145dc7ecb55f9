"""The formulas behind an answer about dropped copies, with the numbers that go into them."""

from __future__ import annotations

from ertheory.bounds.blocks.explained import hall_step, law_steps
from ertheory.bounds.drop.law import read_neurons
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Step
from ertheory.numbers import number_of, rational_text, success_text

__all__ = ["drop_steps"]

_MOST_KINDS = 5


def drop_steps(answer: Width) -> tuple[Step, ...]:
    """Show the law of the copies that are kept, one line for each kind of neuron."""
    target, factors = answer.target, answer.factors
    if factors is None or target.depth == 1:
        return law_steps(answer)
    last = target.depth - 1
    below = "q0" if last == 1 else f"t{last - 1}"
    read = f"E[(1 - (1 - p{last + 1})^G)^c_j],  G ~ Bin(q{last}, (1 - (1 - p{last})^{below})^k_j)"
    steps: list[Step] = []
    if last > 1:
        kept = f"prod_l prod_j P(Bin(ql, (1 - (1 - pl)^t(l-1))^k_j) >= tl)  (l = 1..{last - 1})"
        steps += [f"P >= {kept}", f"     * prod_j {read},  t0 = q0"]
    else:
        steps.append(f"P = prod_j {read}")
        into, out = (rational_text(density) for density in answer.densities[1:])
        kinds = read_neurons(target, 1)
        for fan_in, fan_out, count in kinds[:_MOST_KINDS]:
            copies = f"Bin({factors[1]}, (1 - (1 - {into})^{factors[0]})^{fan_in})"
            steps.append(
                f"{number_of(count, 'neuron')} with k_j = {fan_in}: E[(1 - (1 - {out})^G)^{fan_out}],  G ~ {copies}"
            )
        if len(kinds) > _MOST_KINDS:
            steps.append(f"and {number_of(len(kinds) - _MOST_KINDS, 'more kind')} of neurons")
    if answer.layer0 == "matched":
        steps.append(hall_step(answer))
    if answer.success_lower is not None:
        bound = "(1 - H) P" if answer.layer0 == "matched" else "P"
        steps.append(f"{bound} >= {success_text(answer.success_lower)}")
    return tuple(steps)
