"""Lemma 2.4 with explicit constants (Theorem A'): enough variables, for every density up to 1.

Lemma 2.4 as printed asks for n >= C ln(1/min(epsilon, delta)) / ln(1/(1-p)) variables with a constant C that is not
named. No C is right for all p: the formula tends to 0 as p tends to 1. What holds is

**Theorem A'.** Let X_i be independent U[-1,1], kept with probability p in (0, 1], 0 < epsilon < 1, |z| <= 1. For every
t in (0, 1]

    P(no subset of the live X_i has a sum within epsilon of z) <= v^{-t} (1 - (p/2)(1 - 2^{-t}))^n,
    v = min(1, epsilon + min(epsilon, 1 - |z|)).

*Proof.* By symmetry let z >= 0. Put c = min(epsilon, 1 - z) and B = [-c, 1-c], an interval of length 1 that contains 0
and z. A_0 = [-epsilon, epsilon] cut to B has length v. If X_i is live let A_i = A_{i-1} with (A_{i-1} + X_i) cut to B
added, else A_i = A_{i-1}: every point of A_i is within epsilon of a sum of live variables among the first i. Let
a = |A_{i-1}| be its length, z not in A_{i-1}, and X_i live. Two points of B are at most 1 apart, and X_i has density
1/2 there. Hence

(i) P(z in A_i) = P(z - X_i in A_{i-1}) = a/2,
(ii) the growth G = |A_i| - a has E G = a(1-a)/2 and 0 <= G <= min(a, 1-a).

Let Phi_i = |A_i|^{-t} as long as z is not in A_i, else 0, and k = 1 - 2^{-t}, which is at most 1/2 since t <= 1. By
convexity (a+G)^{-t} <= a^{-t} (1 - kG/a) for 0 <= G <= a. On the event that z is not hit, G has expectation at least
E G - (a/2) min(a, 1-a), which is a(1-2a)/2 for a <= 1/2 and at least 0 otherwise. So E[Phi_i] / Phi_{i-1} is at most

    1 - a/2 - k(1-2a)/2 = 1 - k/2 - a(1/2 - k) <= 1 - k/2   for a <= 1/2,
    1 - a/2 <= 3/4 <= 1 - k/2                               for a >= 1/2.

With the mask, E Phi_i <= (1 - pk/2) E Phi_{i-1}. If the problem fails, Phi_n >= 1 because |A_n| <= 1, and Markov's
inequality gives the claim. For epsilon >= |z| nothing fails: 0 is close enough.  *QED*

Corollaries, all used here:

other laws
    If X is U[-b,b] with probability alpha, count only these cases: scale by b and put p alpha for p.
targets beyond b
    J = ceil(|z|/b) blocks of variables, each for z/J within epsilon/J; the failure probabilities add up.
all targets in [-r, r] at once
    N = ceil(2r/epsilon) centres, evenly spaced, each within epsilon/2. They lie in [-(r - r/N), r - r/N].
different uniforms
    For X_i = U[-a_i, a_i] with a_i >= b the factors are 1 - (p b/(2 a_i))(1 - 2^{-t}); others count as dead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.bounds.subset_sum.potential import EXPONENTS, LOSSES, Potential, log_rational
from ertheory.bounds.subset_sum.problem import LawLike, SubsetSum, UniformPart, read_problem
from ertheory.errors import InvalidInput
from ertheory.numbers import (
    Ball,
    Rational,
    ball,
    enclose,
    exact_rational,
    log_fraction,
    whole_number,
)

__all__ = ["checked_variables", "explicit_count", "failure_upper", "mixed_failure_upper", "potential_of", "upper_of"]

_MOST_VARIABLES = 2**60
_SMALLEST = Fraction(1, 2**600_000)  # failure probabilities below are not told apart


def potential_of(problem: SubsetSum, part: UniformPart) -> Potential:
    """Give the bound of Theorem A' for one problem and one uniform part of its law.

    Examples
    --------
    >>> problem = read_problem(density=1, epsilon="0.1", z="0.9")
    >>> potential_of(problem, UniformPart(Fraction(1), Fraction(1))).start
    Fraction(1, 5)
    """
    centres = math.ceil(2 * problem.z / problem.epsilon) if problem.uniform else 1
    size, epsilon = problem.z, problem.epsilon
    if problem.uniform:
        size, epsilon = size - size / centres, epsilon / 2
    blocks = max(1, math.ceil(size / part.half_width))
    unit = blocks * part.half_width
    nearest = epsilon / unit + min(epsilon / unit, 1 - size / unit)
    return Potential(problem.density * part.mass, min(Fraction(1), nearest), blocks, centres)


def failure_upper(
    n: int,
    *,
    density: Rational,
    epsilon: Rational,
    z: Rational = 1,
    uniform: bool = False,
    law: LawLike = "uniform",
) -> Fraction:
    """Bound the probability that no subset of the live variables comes within epsilon of z, from above.

    Parameters
    ----------
    n
        Variables, live or not; 0 to 2^60.
    density
        p in (0, 1].
    epsilon
        Tolerance in (0, 1).
    z
        Target; of any size, targets beyond what one uniform reaches are split into blocks.
    uniform
        Whether every target in [-|z|, |z|] has to be met.
    law
        ``uniform`` (U[-1,1]), ``product`` (U[-1,1] times U[0,1]), or a `UniformPart`.

    Returns
    -------
    Fraction
        An upper bound, rounded up; at most 1, and 0 where epsilon >= |z|.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Notes
    -----
    Theorem A' with its proof stands in the docstring of `ertheory.bounds.subset_sum.explicit`. The exponent t is the
    best of 1/1024, ..., 1.

    Examples
    --------
    >>> round(float(failure_upper(33, density=1, epsilon="0.01")), 6)
    0.007534
    >>> failure_upper(0, density="0.1", epsilon="0.2", z="0.1")
    Fraction(0, 1)
    """
    return upper_of(read_problem(density=density, epsilon=epsilon, z=z, uniform=uniform, law=law), checked_variables(n))


def upper_of(problem: SubsetSum, variables: int) -> Fraction:
    """Bound the failure probability of a problem whose arguments were read already."""
    if problem.trivial:
        return Fraction(0)
    bounds = [potential_of(problem, part) for part in problem.parts]
    choices = [(bound, *bound.exponent_at(variables)) for bound in bounds]
    bound, exponent, log_value = min(choices, key=lambda choice: choice[2])
    if log_value > 1e-6:
        return Fraction(1)
    if log_value < 2 * log_fraction(_SMALLEST):
        return _SMALLEST
    _, high = enclose(lambda: bound.log_bound(variables, exponent).exp(), digits=15)
    return min(Fraction(1), high)


@lru_cache(maxsize=65_536)
def explicit_count(problem: SubsetSum, failure_probability: Fraction) -> tuple[int, Fraction, UniformPart]:
    """Give the smallest n that Theorem A' asks for, the exponent t and the uniform part it was certified with.

    Examples
    --------
    >>> explicit_count(read_problem(density=1, epsilon="0.01"), Fraction(1, 100))[:2]
    (33, Fraction(1, 1))
    """
    if problem.trivial:
        return 0, Fraction(1), problem.parts[0]
    bounds = [(potential_of(problem, part), part) for part in problem.parts]
    best, part = min(bounds, key=lambda bound: bound[0].exponent_for_count(failure_probability)[1])
    return *best.count(failure_probability), part


def mixed_failure_upper(
    half_widths: Sequence[Rational],
    *,
    density: Rational,
    epsilon: Rational,
    z: Rational = 1,
    half_width: Rational | None = None,
) -> Fraction:
    """Bound the failure probability for uniforms of different widths, X_i = U[-a_i, a_i], from above.

    This certifies a layer 0 that was drawn already: a_i are then the weights that lead into its neurons.

    Parameters
    ----------
    half_widths
        a_1..a_n, each above 0.
    density
        p in (0, 1].
    epsilon
        Tolerance in (0, 1).
    z
        Target.
    half_width
        b: variables with a_i < b do not count. |z| if left out; a smaller one is tried with as many blocks as z needs.

    Returns
    -------
    Fraction
        An upper bound, rounded up; 1 where it says nothing. The blocks are dealt out by the size of the a_i.

    Examples
    --------
    >>> round(float(mixed_failure_upper([1] * 33, density=1, epsilon="0.01")), 6)
    0.007534
    """
    problem = read_problem(density=density, epsilon=epsilon, z=z)
    widths = [exact_rational("half_widths", width) for width in half_widths]
    if any(width <= 0 for width in widths):
        raise InvalidInput("half_widths", "numbers above 0", min(widths))
    if problem.trivial:
        return Fraction(0)
    reach = problem.z if half_width is None else exact_rational("half_width", half_width)
    if reach <= 0:
        raise InvalidInput("half_width", "a number above 0", half_width)
    one = potential_of(problem, UniformPart(reach, Fraction(1)))
    counted = sorted((problem.density * reach / width for width in widths if width >= reach), reverse=True)
    total = Fraction(0)
    for block in range(one.blocks):
        chances = counted[block :: one.blocks]
        floats = np.array([float(chance) / 2 for chance in chances])
        logs = EXPONENTS * -log_fraction(one.start) + np.log1p(-floats[:, None] * LOSSES).sum(axis=0)
        exponent = Fraction(int(np.argmin(logs)) + 1, len(EXPONENTS))

        def bound(exponent: Fraction = exponent, chances: list[Fraction] = chances) -> Ball:
            loss = 1 - (-ball(exponent) * Ball(2).log()).exp()
            product = (-ball(exponent) * log_rational(one.start)).exp()
            for chance in chances:
                product *= 1 - ball(chance / 2) * loss
            return product

        total += enclose(bound, digits=12)[1]
    return min(Fraction(1), total)


def checked_variables(n: object) -> int:
    """Read a number of variables."""
    return whole_number("n", n, least=0, most=_MOST_VARIABLES)
