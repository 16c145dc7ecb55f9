"""Theorem 2.3 by its counting, at any depth: every input that the target depends on needs an edge into layer 0.

Theorem 2.3 is stated for a single neuron and a source with one hidden layer. Its proof counts only edges into the first
source layer, so the bound P(represented) <= (1 - (1 - p_0)^N_0)^d holds for every target that depends on d inputs.
"""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.necessary.dependence import dependence_of
from ertheory.bounds.necessary.given import ceiling_inverse
from ertheory.bounds.necessary.univariate import coverage_ceiling, essential_inputs, printed_univariate
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement, Step
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Ball, rational_text

__all__ = ["COVERAGE", "coverage"]


def coverage(target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction) -> Width:
    """Smallest N_0 by the counting of Theorem 2.3: every input needs an edge into layer 0.

    Returns
    -------
    Width
        The widths are necessary; the other layers are left open.

    Notes
    -----
    Theorem 2.3 is stated for a single neuron and a source with one hidden layer. Its proof counts only edges into the
    first source layer, so the bound holds for every target that depends on d inputs, at any depth.

    Examples
    --------
    >>> coverage(Target.from_text("784-128-10"), (Fraction(1, 10),) * 3, Fraction(1, 1000)).widths
    (129, None, 10)
    """
    densities, found = read_densities(target, density=densities), dependence_of(target)
    inputs = found.inputs
    neurons: int | None = None
    value = Fraction(0)
    if inputs:
        value, neurons = printed_univariate(inputs, densities[0], failure_probability)
    return COVERAGE.answer(
        Question(target=target, densities=densities, failure_probability=failure_probability),
        (neurons, *(None,) * (target.depth - 1), target.widths[-1]),
        refusal=_refuses(target, densities, None),
        reason=f"{found.words}; each needs an edge into layer 0",
        real_factors=(value,),
        certified="balls or exact integers",
    )


def _widths(question: Question) -> Width:
    return coverage(question.target, question.densities, question.failure_probability)


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return "" if essential_inputs(target) else "the target depends on no input"


def _cites(target: Target) -> str:
    single = target.depth == 1 and target.widths[-1] == 1
    return "Theorem 2.3" if single else "Theorem 2.3, its counting at any depth"


def _reason(given: GivenWidths) -> str:
    return f"{dependence_of(given.target).words}; each needs an edge into layer 0"


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...]) -> Ball:
    return coverage_ceiling(given.target, densities[0], given.widths[0])


def _steps(answer: Width) -> tuple[Step, ...]:
    inputs = essential_inputs(answer.target)
    if not inputs:
        return ()
    return (("theorem-2.3", {"d": inputs, "delta": answer.failure_probability, "p1": answer.densities[0]}),)


def _ceiling_steps(answer: Width) -> tuple[Step, ...]:
    inputs, neurons, density = essential_inputs(answer.target), answer.widths[0], rational_text(answer.densities[0])
    return "P(represented) <= (1 - (1 - p0)^N0)^d", f"P(represented) <= (1 - (1 - {density})^{neurons})^{inputs}"


COVERAGE = Statement(
    name="theorem-2.3",
    kind="necessary",
    variant="printed",
    source="Theorem 2.3",
    title="every input that the target depends on needs an edge into layer 0",
    widths=_widths,
    conditions="for a target that depends on all of these inputs",
    cites=_cites,
    refuses=_refuses,
    inverse=ceiling_inverse(_ceiling, _reason, _ceiling_steps),
    steps=_steps,
    checks=("theorem-2.3-relu", "theorem-2.3-linear", "path-ceiling"),
    default=True,
)
