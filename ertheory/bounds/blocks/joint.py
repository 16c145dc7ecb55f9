"""The best split of the failure budget between the layers of the block construction.

Any split of delta over the layers is allowed. With one hidden layer the smallest total width is found by going
through every q_1 (in two or more passes where there are over two million); deeper, the split is optimised numerically
and the integers are then lowered until the law forbids it, which gives a good design but not certainly the best one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds.blocks.answers import describe, refuse_masked, statement_of
from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.blocks.explained import law_steps
from ertheory.bounds.blocks.laws import Law, Layer0, law_holds
from ertheory.bounds.blocks.minimal import exact, lower_together
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Statement
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import probability, smallest

__all__ = ["JOINT", "joint"]

_MOST_CANDIDATES = 2_000_000

Floats = npt.NDArray[np.float64]


def joint(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, layer0: Layer0 = "dense"
) -> Width:
    """Widths with the smallest total that satisfy the exact law with a free split of the failure budget.

    Parameters
    ----------
    target, densities, failure_probability
        They are as for `exact`.
    layer0
        It must be ``dense``.

    Returns
    -------
    Width
        Certified to satisfy the law; the smallest total for targets of depth 1 and 2 where q_1 has at most two million
        candidates (densities above about 1e-5), a good one otherwise.

    Examples
    --------
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> joint(Target.from_text("784-128-10"), half, Fraction(1, 1000)).factors
    (32, 22, 1)
    """
    if layer0 != "dense":
        raise InvalidInput("layer0", "dense for the method joint", layer0)
    law = Law(target, densities, layer0)
    failure_probability = probability("failure_probability", failure_probability)
    start = closed_form(law, failure_probability).factors
    scanned = target.depth == 2 and max(law.densities[1:]) < 1 and min(target.nonzeros) > 0
    factors = _scan(law, failure_probability, start) if scanned else _optimised(law, failure_probability, start)
    # The search rounds. Layer 0 is widened until the law certainly holds; where that cannot help, the closed form does.
    spare = 2 * factors[0] + 64
    if not law_holds(law, failure_probability, (spare, *factors[1:]), spare * target.inputs).holds:
        factors, scanned = start, False
    first, bits = smallest(
        lambda copies: law_holds(law, failure_probability, (copies, *factors[1:]), copies * target.inputs), factors[0]
    )
    factors, first_width = (first, *factors[1:]), first * target.inputs
    if not scanned:
        factors, first_width, used = lower_together(law, failure_probability, factors, first_width)
        bits = max(bits, used)
    found = describe(JOINT, law, failure_probability, factors, first_width, bits=bits)
    equal = exact(target, densities, failure_probability)
    if found.total is not None and equal.total is not None and equal.total < found.total:
        return replace(equal, method="joint")
    return found


def _scan(law: Law, failure_probability: Fraction, start: tuple[int, ...]) -> tuple[int, ...]:
    """Go through q_1, from the smallest that all of delta allows, and give layer 0 what is left of the budget."""
    inputs, hidden, _ = law.target.widths
    into, out = (_log_complement(p) for p in law.densities[1:])
    budget = _log_complement(failure_probability)
    links = law.target.nonzeros
    low = max(1, math.floor(math.log(-math.expm1(budget / links[1])) / out)) if budget else start[1]
    # Beyond `high`, layer 1 alone is wider than both layers of the closed form.
    high = max(low + 1, start[1] + -(-start[0] * inputs // hidden) + 1)
    stride = -(-(high - low) // _MOST_CANDIDATES)
    best = start
    while True:
        copies = np.arange(low, high + 1, stride, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            rest = budget - links[1] * np.log1p(-np.exp(copies * out))
            first = np.maximum(np.ceil(np.log(-np.expm1(rest / (links[0] * copies))) / into), 1)
        totals = np.where((rest < 0) & np.isfinite(first), inputs * first + hidden * copies, np.inf)
        winner = int(np.argmin(totals))
        if np.isfinite(totals[winner]):
            best = (int(first[winner]), int(copies[winner]), 1)
        if stride == 1 or not np.isfinite(totals[winner]):
            return best
        low, high = max(low, best[1] - stride), best[1] + stride
        stride = -(-(high - low) // _MOST_CANDIDATES)


def _optimised(law: Law, failure_probability: Fraction, start: tuple[int, ...]) -> tuple[int, ...]:
    """Optimise the shares of the budget for real factors, then round up."""
    from scipy.optimize import minimize

    from ertheory.bounds.blocks.grids import exact_factor

    depth, delta = law.target.depth, float(failure_probability)
    sparsities = [float(1 - density) for density in law.densities]
    if depth == 1 or not 1e-290 < delta < 1 or max(sparsities) == 1:
        return start  # nothing to split, or beyond doubles

    def real_factors(logits: Floats) -> list[float]:
        shares = np.exp(np.append(0.0, logits) - np.max(logits, initial=0.0))
        shares = np.maximum(shares / shares.sum(), 1e-9)
        factors = [1.0]
        for layer in reversed(range(depth)):
            links = max(1.0, law.target.nonzeros[layer] * factors[0])
            share = delta * float(shares[layer])
            factors.insert(
                0, max(1.0, float(exact_factor(links, sparsity=sparsities[layer + 1], failure_probability=share)))
            )
        return factors

    def total(logits: Floats) -> float:
        return float(np.dot(real_factors(logits)[:-1], law.target.widths[:-1]))

    found = minimize(total, np.zeros(depth - 1), method="Nelder-Mead", options={"maxiter": 2000})
    return tuple(max(1, math.ceil(factor)) for factor in real_factors(found.x)[:-1]) + start[-1:]


def _log_complement(value: Fraction) -> float:
    """log(1 - x) in double precision, for x near 0 and near 1 alike."""
    if value < Fraction(1, 2):
        return math.log1p(-float(value))
    rest = 1 - value
    return math.log(rest.numerator) - math.log(rest.denominator)


def _widths(question: Question) -> Width:
    return joint(question.target, question.densities, question.failure_probability)


JOINT = Statement(
    name="joint",
    kind="sufficient",
    variant="exact",
    source="Theorems 2.1 and 2.2 by their exact law, the failure budget split freely",
    title="the smallest total that the exact law of the paper's construction allows",
    widths=_widths,
    conditions="bounded inputs; layer 0 dense",
    cites=statement_of,
    refuses=refuse_masked,
    readings=("dense",),
    not_inverted="only chooses widths; where they are given, exact answers with the best numbers of copies",
    unreadable={"coded": "inputs are copied"},
    constructions=("blocks",),
    steps=law_steps,
    checks=("theorem-2.1", "theorem-2.2", "convolution"),
)
