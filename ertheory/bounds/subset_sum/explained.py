"""The formula behind a number of variables for subset sums, and the numbers that go into it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ertheory.numbers import named_numbers
from ertheory.results import Step

if TYPE_CHECKING:
    from ertheory.bounds.subset_sum.required import SubsetSumCount

__all__ = ["count_steps"]

_LAW = {
    "rigorous": "P(failure) <= min over t in (0, 1] of v^-t (1 - (p/2) (1 - 2^-t))^n,  v = min(1, e + min(e, 1 - |z|))",
    "calibrated": "n by a fit to Monte-Carlo results, and never fewer than are proved to be necessary",
    "printed": "n >= C ln(1/min(e, delta)) / ln(1/(1 - p))",
}
_KEPT = (
    "n = (k-1) g + s, for every a in [v, 1) and t > 0:",
    "P(failure) <= (a/v)^t E[(1 + N)^-t]^(k-1) + (1 - p a/2)^s,  N ~ Poisson(((1-a)/a) (1 - (1 - p a/2)^g))",
)
_LOCKED = (
    "P(failure) <= 2 A^n1 B^(n-n1) + e^-t (1 - (f/2) (1 - 2^-t))^(n-n1),  f = p - q,  for every n1, theta, t in (0, 1]",
    "B = 1 - q + q sinh(theta)/theta,  A = B - f (1/2 - (1 - exp(-theta))/(2 theta))",
)
_OTHER = (
    "for other laws, with b the end of the uniform part and a its probability: all scaled by b, and p a for p; targets "
    "beyond b are met in blocks, all targets at once by centres, and failure probabilities add up"
)


def count_steps(found: SubsetSumCount) -> tuple[Step, ...]:
    """Show the bound that decides n, and its value there."""
    problem = found.problem
    values = {"p": problem.density, "e": problem.epsilon, "delta": found.failure_probability, "z": problem.z}
    if found.constant is not None:
        values["C"] = found.constant
    if found.kept is not None:
        values["k"] = Fraction(found.kept)
    if found.locked:
        values["q"] = found.locked
    special = _LOCKED if found.locked else _KEPT if found.kept is not None else None
    steps: list[Step] = [*(special or (_LAW[found.mode],))]
    if found.mode == "rigorous" and (problem.law != "uniform" or problem.uniform or problem.z > 1):
        steps.append(_OTHER)
    steps.append(f"{named_numbers(values)}: n = {found.n}")
    if found.mode == "rigorous":
        steps.append(f"P(failure) <= {float(found.failure_upper):.6g} at n = {found.n}")
    return tuple(steps)
