"""``--explain`` for subset sums and tickets: the formula behind an answer, and the numbers that go into it."""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds import SubsetSumCount, TicketWidth
from ertheory.bounds.result import rational_text

__all__ = ["explain_subset_sum", "explain_ticket"]

_LAW = {
    "rigorous": "P(failure) <= min over t in (0, 1] of v^-t (1 - (p/2) (1 - 2^-t))^n,  v = min(1, e + min(e, 1 - |z|))",
    "calibrated": "n by a fit to Monte-Carlo results, and never fewer than are proved to be necessary",
    "printed": "n >= C ln(1/min(e, delta)) / ln(1/(1 - p))",
}
_OTHER = (
    "for other laws, with b the end of the uniform part and a its probability: all scaled by b, and p a for p; targets "
    "beyond b are met in blocks, all targets at once by centres, and failure probabilities add up"
)
_TICKET = {
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


def explain_subset_sum(found: SubsetSumCount) -> str:
    """Show what ``ertheory subset-sum`` was computed from.

    Examples
    --------
    >>> from ertheory import subset_sum
    >>> print(explain_subset_sum(subset_sum(density="0.99", epsilon=0.01, delta=0.01, mode="printed", constant=5)))
    printed, Lemma 2.4
      n >= C ln(1/min(e, delta)) / ln(1/(1 - p))
      p = 0.99, e = 0.01, delta = 0.01, z = 1, C = 5: n = 5
    """
    problem = found.problem
    values = {"p": problem.density, "e": problem.epsilon, "delta": found.failure_probability, "z": problem.z}
    if found.constant is not None:
        values["C"] = found.constant
    lines = [f"{found.mode}, {found.statement}", f"  {_LAW[found.mode]}"]
    if found.mode == "rigorous" and (problem.law != "uniform" or problem.uniform or problem.z > 1):
        lines.append(f"  {_OTHER}")
    lines.append(f"  {_numbers(values)}: n = {found.n}")
    if found.mode == "rigorous":
        lines.append(f"  P(failure) <= {float(found.failure_upper):.6g} at n = {found.n}")
    return "\n".join(lines)


def explain_ticket(found: TicketWidth) -> str:
    """Show what ``ertheory ticket`` was computed from.

    Examples
    --------
    >>> from ertheory import ticket
    >>> shown = explain_ticket(ticket("2-4-1", density="1/2", epsilon=0.1, delta=0.1, domain=(-1, 1)))
    >>> shown.splitlines()[0]
    'rigorous, Theorem 2.5 with explicit constants'
    """
    name = "printed" if found.mode == "printed" else found.depth
    lines = [f"{found.mode}, {found.statement}", *(f"  {line}" for line in _TICKET[name])]
    values = {"e": found.epsilon, "delta": found.failure_probability}
    values |= {f"p_{layer}": density for layer, density in enumerate(found.densities)}
    values |= {f"B_{layer}": norm for layer, norm in enumerate(found.facts.norms)}
    for symbol, value in (("C", found.constant), ("gamma", found.gamma), ("rho", found.problems)):
        if value is not None:
            values[symbol] = Fraction(value)
    lines.append(f"  {_numbers(values)}")
    lines.append("  " + ", ".join(f"eps_{layer} = {float(one):.4g}" for layer, one in enumerate(found.epsilons, 1)))
    if found.copies is not None:
        lines.append("  " + ", ".join(f"q_{layer} = {count}" for layer, count in enumerate(found.copies, 1)))
    lines.append("  " + ", ".join(f"N_{layer} = {width}" for layer, width in enumerate(found.widths)))
    return "\n".join(lines)


def _numbers(values: dict[str, Fraction]) -> str:
    texts = {name: rational_text(value) for name, value in values.items()}
    return ", ".join(
        f"{name} = {text if len(text) <= 12 else format(float(values[name]), '.6g')}" for name, text in texts.items()
    )
