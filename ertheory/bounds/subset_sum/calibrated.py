"""Measured numbers of variables: fits to Monte-Carlo results, kept above everything that is proved necessary.

A fit is good where it was measured and nowhere else: with a leading coefficient below 1/ln 2 it would fall below what
counting proves as epsilon tends to 0. So its leading term is the sharp exponent, which has that coefficient, and the
answer is never below a proved lower bound, nor outside of what was measured below the sharp exponent. It stays a
measurement: the true number is larger than the fit about as often as it is smaller.

Densities below the measured ones are reached by grouping: g variables that are live with probability p contain a live
one with probability p' = 1 - (1-p)^g; take one of each group. So g n(p') variables are enough, with the smallest g for
which p' was measured.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.subset_sum.exponent import sharp_count
from ertheory.bounds.subset_sum.fits import FITS, Fit
from ertheory.bounds.subset_sum.lower import necessary_count
from ertheory.bounds.subset_sum.problem import SubsetSum, UniformPart
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import log_fraction

__all__ = ["calibrated_count", "fit_for", "outside"]

_SPARSEST = Fraction(1, 10**300)
_TARGETS = ("1/4", "1/2", "1")  # harder and harder


def fit_for(problem: SubsetSum) -> Fit:
    """Choose the fit: of the same law, and of the smallest measured target that is not smaller than |z|.

    Raises
    ------
    InvalidInput
        If |z| > 1, and for laws that were not measured.

    Examples
    --------
    >>> fit_for(SubsetSum(Fraction(1), Fraction(1, 100), Fraction(2, 5))) is FITS["uniform", "1/2"]
    True
    """
    if isinstance(problem.law, UniformPart):
        raise InvalidInput(
            "law", "uniform or product, which were measured (mode rigorous reads others)", str(problem.law)
        )
    if problem.z > 1:
        allowed = "a target in [-1, 1] (mode rigorous splits larger ones into blocks)"
        raise InvalidInput("z", allowed, str(problem.z))
    harder = (target for target in _TARGETS if problem.z <= Fraction(target))
    key = problem.law, "uniform" if problem.uniform else next(harder)
    if key not in FITS:
        measured = ", ".join(f"{law}/{target}" for law, target in FITS)
        raise InvalidInput("law", f"a law and target that were measured ({measured})", "/".join(key))
    return FITS[key]


def outside(problem: SubsetSum, failure_probability: Fraction) -> tuple[str, str, Fraction] | None:
    """Name the first argument outside what was measured, with the allowed range; None if all are inside."""
    fit = fit_for(problem)
    for name, value, (low, high) in (
        ("density", max(problem.density, Fraction(fit.density_range[0])), fit.density_range),
        ("epsilon", problem.epsilon, fit.epsilon_range),
        ("failure_probability", failure_probability, fit.delta_range),
    ):
        if not Fraction(low) <= value <= Fraction(high):
            instead = "mode rigorous has no such limits, extrapolate asks for a guess"
            return name, f"a number in [{low}, {high}], where it was measured ({instead})", value
    return None


@lru_cache(maxsize=4096)
def calibrated_count(problem: SubsetSum, failure_probability: Fraction, *, extrapolate: bool = False) -> int:
    """Give the number of variables by measurement.

    Parameters
    ----------
    problem
        Density, tolerance, target, law.
    failure_probability
        delta.
    extrapolate
        Answer outside the measured ranges too, where nothing supports the fit but the proved lower bounds.

    Raises
    ------
    InvalidInput
        If a number lies outside the measured ranges, unless asked to extrapolate.

    Examples
    --------
    >>> calibrated_count(SubsetSum(Fraction(1), Fraction(1, 100)), Fraction(1, 100)) >= 16
    True
    """
    if problem.trivial:
        return 0
    fit = fit_for(problem)
    refused = None if extrapolate else outside(problem, failure_probability)
    if refused is not None:
        name, allowed, found = refused
        raise InvalidInput(name, allowed, float(found))
    group, density = _grouped(problem.density, Fraction(fit.density_range[0]))
    # The form is convex in ln(1/epsilon). Where it falls, the number at the coarsest tolerance holds for finer ones.
    coarsest = max(problem.epsilon, Fraction(fit.epsilon_range[1]))
    guess = group * max(_form(fit, density, epsilon, failure_probability) for epsilon in (problem.epsilon, coarsest))
    if outside(problem, failure_probability) is not None:
        guess = max(guess, sharp_count(problem.density, problem.epsilon, failure_probability))
    return necessary_count(problem, failure_probability, least=max(1, math.ceil(guess)))


def _form(fit: Fit, density: Fraction, epsilon: Fraction, failure_probability: Fraction) -> float:
    bits, rarity = (-log_fraction(value) for value in (epsilon, failure_probability))
    per_live = (fit.a * math.sqrt(bits * rarity) + fit.b * math.sqrt(rarity)) / float(density)
    return sharp_count(density, epsilon, failure_probability) + per_live - fit.c / math.log1p(-float(density) / 2)


def _grouped(density: Fraction, least: Fraction) -> tuple[int, Fraction]:
    """Size of the groups, and the density of those that have a live one."""
    if density >= least:
        return 1, density
    if density < _SPARSEST:
        msg = "more variables are needed than can be written down"
        raise InfeasibleWidth(msg)
    rate = math.log1p(-float(density))
    group = math.ceil(math.log1p(-float(least)) / rate - 1e-12)
    return group, max(least, Fraction(-math.expm1(group * rate)))
