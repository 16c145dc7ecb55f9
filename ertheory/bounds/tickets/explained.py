"""The formulas behind the widths of a ticket, and the numbers that go into them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.numbers import named_numbers
from ertheory.results import Step

if TYPE_CHECKING:
    from ertheory.bounds.tickets.result import TicketWidth

__all__ = ["ticket_steps"]

_FORMULAS = {
    "printed": (
        "N_l >= C n_l / ln(1/(1 - p_(l+1))) ln(1/min(eps_l, delta/rho)),  l >= 1;  N_0 with d for n_l and l = 1",
        "rho = C N^(1+gamma) / ln(1/(1 - min p))^(1+gamma) ln(1/min(eps, delta)),  N parameters of the target",
    ),
    "L+1": (
        "N_l = n_l q_l + constants;  q_l = n(p_(l+1), eps_(l+1), delta/rho) variables for one subset sum, q_L = 1",
        "eps_l = e / (L (B_(l-1) + 1) prod_(k>l) r_k q_(k-1));  rho subset sums in all, a fixed point",
    ),
    "2L": (
        "every target layer is two source layers: features of single neurons, and subset sums over them",
        "eps_l by the same passing on of errors, without copies;  rho subset sums in all, each fails with at most "
        "delta/rho",
    ),
}
_QUANTISED = (
    "P(no subset has the sum w) <= (M+1)^t (1 - p (M+1)/(2M+1) (1 - 2^-t))^n for every t in (0, 1]",
    "no error;  rho subset sums, each fails with at most delta/rho",
)


def ticket_steps(found: TicketWidth) -> tuple[Step, ...]:
    """Show how tolerances and copies follow from the target, and what they are."""
    name = "printed" if found.mode == "printed" else found.depth
    values = {} if found.bits is not None else {"e": found.epsilon}
    values |= {"delta": found.failure_probability}
    values |= {f"p_{layer}": density for layer, density in enumerate(found.densities)}
    values |= {f"B_{layer}": norm for layer, norm in enumerate(found.facts.norms)}
    for symbol, value in (("C", found.constant), ("gamma", found.gamma), ("rho", found.problems)):
        if value is not None:
            values[symbol] = Fraction(value)
    steps: list[Step] = list(_FORMULAS[name])
    if found.kept is not None:
        steps.append(
            f"no subset sum has more than k = {found.kept} variables: n(p, eps, delta) by Theorem K, k for q in eps"
        )
    if found.bits is not None:
        steps = list(_QUANTISED)
        values["M"] = Fraction(2**found.bits)
    steps.append(named_numbers(values))
    if found.bits is None:
        steps.append(", ".join(f"eps_{layer} = {float(one):.4g}" for layer, one in enumerate(found.epsilons, 1)))
    if found.kept_most is not None:
        steps.append(f"weights of the ticket <= {found.kept_most}")
    if found.copies is not None:
        steps.append(", ".join(f"q_{layer} = {count}" for layer, count in enumerate(found.copies, 1)))
    steps.append(", ".join(f"N_{layer} = {width}" for layer, width in enumerate(found.widths)))
    return tuple(steps)
