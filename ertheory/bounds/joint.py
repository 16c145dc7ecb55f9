"""The best split of the failure budget between the layers of the block construction.

Any split of delta over the layers is allowed. With one hidden layer the smallest total width is found by going
through every q_1; deeper, the split is optimised numerically and the integers are then lowered until the law forbids
it, which gives a good design but not certainly the best one.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds.expressive import closed_form, describe
from ertheory.bounds.laws import Law, Layer0
from ertheory.bounds.minimal import law_holds, lower_together
from ertheory.errors import InvalidInput
from ertheory.exact import smallest
from ertheory.results import Width
from ertheory.target import Target

__all__ = ["joint"]

_MOST_CANDIDATES = 2_000_000

Floats = npt.NDArray[np.float64]


def joint(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, layer0: Layer0 = "dense"
) -> Width:
    """Widths with the smallest total that satisfy the exact law with a free split of the failure budget.

    Parameters
    ----------
    target, densities, failure_probability
        As for `exact`.
    layer0
        Only ``dense``.

    Returns
    -------
    Width
        Certified to satisfy the law; the smallest total for targets of depth 1 and 2.

    Examples
    --------
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> joint(Target.from_text("784-128-10"), half, Fraction(1, 1000)).factors
    (32, 22, 1)
    """
    if layer0 != "dense":
        raise InvalidInput("layer0", "dense for the method joint", layer0)
    law = Law(target, densities, layer0)
    start = closed_form(law, failure_probability).factors
    if target.depth == 2 and all(density < 1 for density in densities[1:]) and min(target.nonzeros) > 0:
        factors = _scan(law, failure_probability, start)
    elif target.depth > 2:
        factors = _optimised(law, failure_probability, start)
    else:
        factors = start
    # Rounding errors of the search end here: layer 0 is widened until the law certainly holds.
    first, used = smallest(
        lambda copies: law_holds(law, failure_probability, (copies, *factors[1:]), copies * target.inputs), factors[0]
    )
    factors = (first, *factors[1:])
    if target.depth == 2:
        return describe("joint", law, failure_probability, factors, first * target.inputs, bits=used)
    factors, first_width, bits = lower_together(law, failure_probability, factors, first * target.inputs)
    return describe("joint", law, failure_probability, factors, first_width, bits=max(bits, used))


def _scan(law: Law, failure_probability: Fraction, start: tuple[int, ...]) -> tuple[int, ...]:
    """Go through q_1 and give layer 0 what is left of the budget."""
    inputs, hidden, _ = law.target.widths
    into, out = (math.log1p(-float(p)) if p < Fraction(1, 2) else _log(1 - p) for p in law.densities[1:])
    budget = math.log1p(-float(failure_probability))
    low = max(1, int(start[1] * 0.9) - 2)
    high = min(low + _MOST_CANDIDATES, start[1] + max(10, start[0] * inputs // hidden))
    copies = np.arange(low, high, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = budget - law.target.nonzeros[1] * np.log1p(-np.exp(copies * out))
        first = np.maximum(np.ceil(np.log(-np.expm1(rest / (law.target.nonzeros[0] * copies))) / into), 1)
    totals = np.where(rest < 0, inputs * first + hidden * copies, np.inf)
    best = int(np.argmin(totals))
    return (int(first[best]), int(copies[best]), 1) if np.isfinite(totals[best]) else start


def _optimised(law: Law, failure_probability: Fraction, start: tuple[int, ...]) -> tuple[int, ...]:
    """Optimise the shares of the budget for real factors, then round up."""
    from scipy.optimize import minimize

    from ertheory.grids import exact_factor

    delta = float(failure_probability)

    def real_factors(logits: Floats) -> list[float]:
        shares = np.exp(np.append(0.0, logits) - np.max(logits, initial=0.0))
        shares /= shares.sum()
        factors = [1.0]
        for layer in reversed(range(law.target.depth)):
            links = max(1.0, law.target.nonzeros[layer] * factors[0])
            density = float(law.densities[layer + 1])
            factor = exact_factor(links, density=density, failure_probability=delta * shares[layer])
            factors.insert(0, max(1.0, float(factor)))
        return factors

    def total(logits: Floats) -> float:
        return float(np.dot(real_factors(logits)[:-1], law.target.widths[:-1]))

    found = minimize(total, np.zeros(law.target.depth - 1), method="Nelder-Mead", options={"maxiter": 2000})
    return tuple(max(1, math.ceil(factor)) for factor in real_factors(found.x)[:-1]) + start[-1:]


def _log(value: Fraction) -> float:
    return math.log(value.numerator) - math.log(value.denominator)
