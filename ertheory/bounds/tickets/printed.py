"""Theorem 2.5 as printed, as far as its main text can be read.

    n_{S,l} >= C n_{T,l} / ln(1/(1-p_{l+1})) ln(1/min(eps_l, delta/rho))   for l >= 1,
    n_{S,0} >= C d / ln(1/(1-p_1)) ln(1/min(eps_1, delta/rho)),
    rho = C N_T^{1+gamma} / ln(1/(1 - min_l p_l))^{1+gamma} ln(1/min(min_l eps_l, delta)),   any gamma >= 0.

What it leaves open is settled here in favour of the formula, and said in the warnings: C is not named; eps_l =
g(epsilon, f_T) stands in an appendix, in its place eps_l = epsilon / (L (B_{l-1}+1) prod_{k>l} ||W_k||), which would
hold if all copies of a neuron had the same error; N_T is read as the number of parameters, min_l p_l over the layers
1..L that the formula uses; l = L, where p_{L+1} does not exist, has its n_{T,L} outputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.subset_sum.printed import printed_count
from ertheory.bounds.tickets.facts import TargetFacts
from ertheory.errors import InvalidInput
from ertheory.numbers import Ball, Rational, ball, decide, enclose, log_sparsity, probability, smallest

__all__ = ["PrintedDesign", "printed_design"]

_PARADOX = 1 - 1 / math.e


@dataclass(frozen=True)
class PrintedDesign:
    """Printed widths N_0..N_L, the eps_l that they were computed with, rho (``None`` if it divides by 0), warnings."""

    widths: tuple[int, ...]
    epsilons: tuple[Fraction, ...]
    problems: Fraction | None
    warnings: tuple[str, ...]


def printed_design(
    facts: TargetFacts,
    densities: tuple[Fraction, ...],
    epsilon: Fraction,
    failure_probability: Fraction,
    constant: Fraction,
    gamma: Fraction,
    epsilons: Sequence[Rational] | None,
) -> PrintedDesign:
    """Evaluate the printed formulas; the integers are decided in intervals, or in integers where they tie."""
    tolerances = _naive(facts, epsilon) if epsilons is None else _given(epsilons, facts.depth)
    least = min(densities[1:])
    smaller = min(*tolerances, failure_probability)

    def log_problems() -> Ball:
        power = ball(1 + gamma)
        lost = (-log_sparsity(least)).log()
        size = Ball(facts.parameters).log() - lost
        rarity = (-ball(smaller).log()).log()
        return ball(constant).log() + power * size + rarity

    def width(neurons: int, density: Fraction, tolerance: Fraction) -> int:
        if density == 1:
            return 0
        factor = constant * neurons

        def over_delta() -> Ball:
            return log_problems() - ball(failure_probability).log()

        def by_tolerance() -> Ball:
            return -ball(tolerance).log()

        if decide(lambda: by_tolerance() - over_delta(), undecided=True).holds:
            return printed_count(density, tolerance, tolerance, factor)

        def share() -> Ball:
            return ball(factor) * over_delta().max(by_tolerance())

        low, _ = enclose(lambda: share() / -log_sparsity(density), digits=12)
        found, _ = smallest(
            lambda count: decide(lambda: -count * log_sparsity(density) - share(), undecided=True),
            max(0, math.ceil(low)),
            least=0,
        )
        return found

    # The layer index is as printed: eps_1 for layers 0 and 1, eps_l for l.
    paired = (tolerances[0], *tolerances[:-1])
    hidden = [
        width(neurons, density, tolerance)
        for neurons, density, tolerance in zip(facts.widths[:-1], densities[1:], paired, strict=True)
    ]
    problems = None if least == 1 else enclose(lambda: log_problems().exp())[1]
    return PrintedDesign(
        widths=(*hidden, facts.widths[-1]),
        epsilons=tolerances,
        problems=problems,
        warnings=_warnings(facts, densities, gamma, epsilons is not None),
    )


def _naive(facts: TargetFacts, epsilon: Fraction) -> tuple[Fraction, ...]:
    found = []
    amplification = Fraction(1)
    for layer in range(facts.depth, 0, -1):
        found.append(epsilon / (facts.depth * (facts.norms[layer - 1] + 1) * amplification))
        amplification *= max(Fraction(1), facts.row_norms[layer - 1])
    return tuple(reversed(found))


def _given(epsilons: Sequence[Rational], depth: int) -> tuple[Fraction, ...]:
    values = tuple(probability("epsilons", value) for value in epsilons)
    if len(values) != depth:
        raise InvalidInput("epsilons", f"{depth} numbers, eps_1..eps_{depth}", len(values))
    return values


def _warnings(facts: TargetFacts, densities: tuple[Fraction, ...], gamma: Fraction, given: bool) -> tuple[str, ...]:
    said = ["the constant C is not named in the paper, and no C is right for every p"]
    if not given:
        said.append("eps_l is undefined in the main text; used here: epsilon / (L (B_{l-1}+1) prod_{k>l} ||W_k||)")
    said.append("copies of one neuron have different errors, which add up by the L1 norm of a subset, not by |w|")
    if densities[0] < 1:
        miss = float(1 - densities[0]) ** facts.widths[0]
        said.append(f"p_0 does not occur: a neuron of layer 0 has no edge to an input with probability {miss:.3g}")
    if any(density > _PARADOX for density in densities[1:]):
        said.append("1/ln(1/(1-p)) is below 1 for some layer, and 0 at p = 1: fewer neurons than without a mask")
    if gamma == 0:
        said.append("gamma = 0 is not established by the union bound: rho must count more than N_T problems")
    too_large = [layer for layer, weight in enumerate(facts.largest_weights, start=1) if weight > 1]
    if too_large:
        said.append(f"Lemma 2.4 needs weights in [-1, 1]; layer {too_large[0]} has larger ones")
    return tuple(said)
