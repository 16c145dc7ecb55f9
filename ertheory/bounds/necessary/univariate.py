"""Theorem 2.3, the width that one hidden layer needs to represent a single ReLU neuron phi(w.x + b) of d inputs.

As printed, a width n below log(1 / (1 - (1 - delta)^(1/d))) / log(1 / (1 - p)) does not suffice. That counts only the
edges into the hidden layer: P(represented) <= (1 - (1 - p_1)^n)^d. The exact laws count the edges out of it as well.
With p_1 the density from inputs to hidden neurons and p_2 from there to the output:

ReLU at the output (the paper's general definition). Every input needs a path to the output, which also suffices:
    P_A(n) = E[(1 - (1 - p_1)^K)^d],   K ~ Bin(n, p_2).
Linear output (as in Theorem 2.1). One hidden neuron must read all d inputs and reach the output:
    P_B(n) = 1 - (1 - p_2 p_1^d)^n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from ertheory.bounds.blocks.closed_form import union_factor
from ertheory.bounds.necessary.dependence import dependence_of
from ertheory.bounds.necessary.linear_output import linear_failure, linear_width
from ertheory.bounds.result import number_for_json, rational_text, success_text
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import (
    Ball,
    Decision,
    ball,
    decide,
    enclose,
    exp_complement,
    expectation,
    log_some,
    log_sparsity,
    near_zero,
    probability,
    smallest,
    whole_number,
)
from ertheory.results import Explained, Step

__all__ = [
    "Output",
    "UnivariateWidth",
    "coverage_ceiling",
    "essential_inputs",
    "path_failure",
    "printed_univariate",
    "univariate_width",
]

Output = Literal["relu", "linear"]

CONDITIONS: dict[Output, str] = {
    "relu": "bounded box, w without zeros, w.x + b positive somewhere on the box, ReLU at the output; "
    "every input needs a path to the output, and that suffices",
    "linear": "w without zeros, w.x + b changes sign on the box, linear output; one hidden neuron must read every "
    "input and reach the output",
}


@dataclass(frozen=True, kw_only=True)
class UnivariateWidth(Explained):
    """Widths of one hidden layer for a single ReLU neuron.

    Parameters
    ----------
    inputs
        d, the inputs that the neuron reads.
    densities
        p_1 (inputs to hidden neurons) and p_2 (hidden neurons to output).
    failure_probability
        delta.
    output
        ``relu`` or ``linear``, the output of the source.
    printed_value, printed
        The printed bound and the smallest integer that does not fall below it: necessary.
    exact
        The smallest width that succeeds with probability 1 - delta, by the exact law: necessary and sufficient.
        ``None`` if its sum is too long; it then lies between `necessary` and `sufficient`.
    necessary, sufficient
        Closed forms around the exact width.
    success_lower
        Lower bound on the success probability at the exact width (at the sufficient one if there is none).
    """

    inputs: int
    densities: tuple[Fraction, Fraction]
    failure_probability: Fraction
    output: Output
    printed_value: Fraction
    printed: int
    exact: int | None
    necessary: int
    sufficient: int
    success_lower: Fraction

    @property
    def conditions(self) -> str:
        """The hypotheses under which the exact law holds."""
        return CONDITIONS[self.output]

    @property
    def heading(self) -> str:
        """The theorem and the output of the source."""
        return f"Theorem 2.3, {self.output} output"

    def steps(self) -> tuple[Step, ...]:
        """Give the printed bound and the laws, and the numbers that go into them."""
        into, out = self.densities
        delta, inputs = self.failure_probability, self.inputs
        asked = {"d": inputs, "delta": delta, "p1": into}
        printed: Step = ("theorem-2.3", asked)
        if self.output == "linear":
            return printed, ("law-b-width", {**asked, "p2": out})
        closed: Step = ("law-a-sufficient", {**asked, "p2": out})
        if self.exact is None:
            return printed, closed
        return printed, closed, ("law-a", {"d": inputs, "n": self.exact, "p1": into, "p2": out})

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows."""
        return {
            "inputs": self.inputs,
            "densities": [rational_text(density) for density in self.densities],
            "delta": rational_text(self.failure_probability),
            "output": self.output,
            "printed": {
                "statement": "Theorem 2.3",
                "variant": "printed",
                "kind": "necessary",
                "value": number_for_json(self.printed_value),
                "width": self.printed,
            },
            "exact": {
                "statement": "Theorem 2.3 by its exact law",
                "variant": "exact",
                "kind": "necessary and sufficient",
                "width": self.exact,
                "success_probability_lower": success_text(self.success_lower),
            },
            "necessary": {"variant": "exact", "kind": "necessary", "width": self.necessary},
            "sufficient": {"variant": "exact", "kind": "sufficient", "width": self.sufficient},
            "conditions": self.conditions,
        }


def univariate_width(
    inputs: int, densities: tuple[Fraction, Fraction], failure_probability: Fraction, *, output: Output = "relu"
) -> UnivariateWidth:
    """Compute the printed and the exact widths of Theorem 2.3.

    Parameters
    ----------
    inputs
        d >= 1, essential inputs of the neuron.
    densities
        p_1 and p_2 in (0, 1].
    failure_probability
        delta in (0, 1).
    output
        Whether the source applies ReLU at its output or not.

    Raises
    ------
    InvalidInput
        If inputs or output are out of range.

    Notes
    -----
    ReLU output: n >= log(d / delta) / log(1 / (1 - p_1 p_2)) is sufficient. Necessary is 1 + the largest n that
    violates one of P_A <= (1 - (1 - p_1)^n)^d, P_A <= 1 - (1 - p_1 p_2)^n and P_A <= 1 - d x^n + C(d, 2) y^n with
    x = 1 - p_1 p_2 and y = 1 - p_1 p_2 (2 - p_1); the last one is not monotone in n, its largest violation is.

    Examples
    --------
    >>> percent = Fraction(1, 100)
    >>> width = univariate_width(10, (percent, percent), Fraction(1, 20))
    >>> width.printed, width.exact, width.sufficient
    (525, 52739, 52981)
    """
    inputs = whole_number("inputs", inputs, least=1)
    if output not in get_args(Output):
        raise InvalidInput("output", "relu or linear", output)
    into, out = (probability("density", density, one=True) for density in densities)
    failure_probability = probability("failure_probability", failure_probability)
    printed_value, printed = printed_univariate(inputs, into, failure_probability)
    if output == "linear":
        width = linear_width(inputs, into, out, failure_probability)
        necessary = sufficient = width
        exact: int | None = width

        def failure(neurons: int) -> Ball:
            return linear_failure(inputs, neurons, into, out)
    else:
        sufficient, _, _ = union_factor(into * out, inputs, failure_probability)
        necessary = max(printed, _necessary_for_paths(inputs, densities, failure_probability))

        def failure(neurons: int) -> Ball:
            return path_failure(inputs, neurons, into, out)

        exact = _smallest_by_law(failure, inputs, densities, failure_probability, sufficient)
    at = sufficient if exact is None else exact
    try:
        success = 1 - enclose(lambda: failure(at), digits=6)[1]
    except InfeasibleWidth:
        success = 1 - failure_probability
    return UnivariateWidth(
        inputs=inputs,
        densities=densities,
        failure_probability=failure_probability,
        output=output,
        printed_value=printed_value,
        printed=printed,
        exact=exact,
        necessary=necessary,
        sufficient=sufficient,
        success_lower=max(success, 1 - failure_probability),
    )


def printed_univariate(inputs: int, density: Fraction, failure_probability: Fraction) -> tuple[Fraction, int]:
    """Theorem 2.3 as printed: the real bound, and the smallest width n >= 1 that does not fall below it.

    Examples
    --------
    >>> printed_univariate(1, Fraction(1, 2), Fraction(1, 20))[1]
    5
    """
    inputs = whole_number("inputs", inputs, least=1)
    if density == 1:
        return Fraction(0), 1

    def real() -> Ball:
        return log_some(failure_probability, Fraction(1, inputs)) / log_sparsity(density)

    def holds(neurons: int) -> Decision:
        def tie() -> bool:
            small = neurons * inputs <= 2_000
            return small and (1 - (1 - density) ** neurons) ** inputs == 1 - failure_probability

        return decide(
            lambda: inputs * log_some(density, neurons) - log_sparsity(failure_probability),
            tie=tie,
            undecided=True,
        )

    low, high = enclose(real)
    return (low + high) / 2, smallest(holds, math.ceil(low))[0]


def coverage_ceiling(target: Target, density: Fraction, neurons: int) -> Ball:
    """Enclose (1 - (1 - p_0)^N_0)^d, which no source exceeds for a target that depends on d inputs.

    Examples
    --------
    >>> low, high = enclose(lambda: coverage_ceiling(Target.from_text("2-1"), Fraction(1, 2), 5))
    >>> round(float(high), 4)
    0.9385
    """
    inputs = essential_inputs(target)
    return (inputs * log_some(density, neurons)).exp()


def essential_inputs(target: Target) -> int:
    """Count the inputs that the target depends on, as `ertheory.bounds.necessary.dependence` decides it.

    Examples
    --------
    >>> essential_inputs(Target.from_arrays([[[1.0, 0.0]], [[1.0]]]))
    1
    """
    return dependence_of(target).inputs


def path_failure(inputs: int, neurons: int, into: Fraction, out: Fraction) -> Ball:
    """Enclose 1 - P_A(n), the probability that some input has no path to the output.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> low, high = enclose(lambda: path_failure(2, 5, half, half))
    >>> round(float(1 - high), 4)
    0.6208
    """

    def loss(alive: int) -> Ball:
        if alive == 0:
            return Ball(1)
        return exp_complement(inputs * log_some(into, alive))

    return expectation(neurons, out, loss)


def _smallest_by_law(
    failure: Callable[[int], Ball],
    inputs: int,
    densities: tuple[Fraction, Fraction],
    failure_probability: Fraction,
    sufficient: int,
) -> int | None:
    def tie_at(neurons: int) -> bool:
        if neurons * inputs > 2_000:
            return False
        into, out = densities
        law = sum(
            math.comb(neurons, k) * out**k * (1 - out) ** (neurons - k) * (1 - (1 - into) ** k) ** inputs
            for k in range(neurons + 1)
        )
        return law == 1 - failure_probability

    try:
        guess = near_zero(
            lambda neurons: failure(neurons).log() - ball(failure_probability).log(),
            sufficient,
        )
        return smallest(
            lambda neurons: decide(
                lambda: ball(failure_probability) - failure(neurons),
                tie=lambda: tie_at(neurons),
                undecided=False,
            ),
            guess,
        )[0]
    except InfeasibleWidth:
        return None


def _necessary_for_paths(inputs: int, densities: tuple[Fraction, Fraction], failure_probability: Fraction) -> int:
    into, out = densities
    single = union_factor(into * out, 1, failure_probability)[0]  # a path from one input
    if inputs == 1 or 1 in densities:
        return single  # with p_2 = 1 the printed bound is the law
    path, either = into * out, into * out * (2 - into)
    pairs = math.comb(inputs, 2)

    def excess(neurons: int) -> Ball:
        return inputs * _power(path, neurons) - pairs * _power(either, neurons)

    def peak() -> Ball:
        first, second = log_sparsity(path), log_sparsity(either)
        return (pairs * second / (inputs * first)).log() / (first - second)

    start = max(1, math.ceil(enclose(peak, digits=6)[1]))
    # From the peak on the bound only grows: the last violation is found by bisection there.
    pairwise, _ = smallest(
        lambda neurons: decide(
            lambda: ball(failure_probability) - excess(neurons),
            undecided=True,
            most_bits=1024,
        ),
        start,
        least=start,
    )
    return max(single, pairwise if pairwise > start else 1)


def _power(density: Fraction, exponent: int) -> Ball:
    """Enclose (1 - density)^exponent."""
    if density == 1:
        return Ball(0 if exponent else 1)
    return (exponent * log_sparsity(density)).exp()
