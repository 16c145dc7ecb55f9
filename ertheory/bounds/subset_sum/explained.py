"""The formula behind a number of variables for subset sums, and the numbers that go into it."""

from __future__ import annotations

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
    steps: list[Step] = [_LAW[found.mode]]
    if found.mode == "rigorous" and (problem.law != "uniform" or problem.uniform or problem.z > 1):
        steps.append(_OTHER)
    steps.append(f"{named_numbers(values)}: n = {found.n}")
    if found.mode == "rigorous":
        steps.append(f"P(failure) <= {float(found.failure_upper):.6g} at n = {found.n}")
    return tuple(steps)
