"""Measured numbers of variables: fits to Monte-Carlo results, kept above everything that is proved necessary.

A fit is good where it was measured and nowhere else: with a leading coefficient below 1/ln 2 it would fall below what
counting proves as epsilon tends to 0. So that coefficient is at least 1/ln 2 here, the largest relative error of the
fit is added, and the answer is never below the sharp exponent or a proved lower bound. It stays a measurement.

Densities below the measured ones are reached by grouping: g variables that are live with probability p contain a live
one with probability 1 - (1-p)^g; take one of each group. Where that is at least p', g n(p') variables are enough.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.subset_sum.exponent import sharp_count
from ertheory.bounds.subset_sum.fits import FITS, Fit
from ertheory.bounds.subset_sum.lower import necessary_count
from ertheory.bounds.subset_sum.problem import SubsetSum, UniformPart
from ertheory.errors import InvalidInput

__all__ = ["calibrated_count", "fit_for", "outside"]

_TARGETS = ("1/4", "1/2", "1")  # harder and harder


def fit_for(problem: SubsetSum) -> Fit:
    """Choose the fit: of the same law, and of the smallest measured target that is not smaller than |z|.

    Raises
    ------
    InvalidInput
        For |z| > 1 and for laws that were not measured.

    Examples
    --------
    >>> fit_for(SubsetSum(Fraction(1), Fraction(1, 100), Fraction(2, 5))) is FITS["uniform", "1/2"]
    True
    """
    if isinstance(problem.law, UniformPart):
        raise InvalidInput("law", "uniform or product, which were measured (mode rigorous reads others)", problem.law)
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
            return name, f"a number in [{low}, {high}], where it was measured (mode rigorous has no such limits)", value
    return None


@lru_cache(maxsize=4096)
def calibrated_count(problem: SubsetSum, failure_probability: Fraction, *, extrapolate: bool = False) -> int:
    """Give the number of variables by measurement, on the safe side of the fit.

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
        Outside the measured ranges, unless asked to extrapolate.

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
    bits = math.log(problem.epsilon.denominator) - math.log(problem.epsilon.numerator)
    rarity = math.log(failure_probability.denominator) - math.log(failure_probability.numerator)
    group, density = _grouped(float(problem.density), float(Fraction(fit.density_range[0])))
    leading = max(fit.a, 1 / math.log(2))
    value = group * ((leading * bits + fit.c) / density - fit.b * rarity / math.log1p(-density / 2))
    guess = max(value * (1 + fit.worst), sharp_count(problem.density, problem.epsilon, failure_probability), 1)
    return necessary_count(problem, failure_probability, least=math.ceil(guess))


def _grouped(density: float, least: float) -> tuple[int, float]:
    """Size of the groups, and a density that their live ones reach."""
    if density >= least:
        return 1, density
    return math.ceil(math.log1p(-least) / math.log1p(-density) - 1e-12), least
