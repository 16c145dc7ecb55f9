"""When two masked matrices in a row contain every matrix: the theorems, and how likely they fail.

Setting. S_1 in {0, 1}^(N x n) has density p_1 and S_2 in {0, 1}^(m x N) has density p_2, all entries independent. The
pair is *universal* if every real W (m x n) is a product A B with A supported on S_2 and B on S_1. K^i is the set of
inner neurons that read input i, K_o the set of those that output o reads.

Dual. If for every input i all outputs can be matched into K^i along S_2, the pair is universal, and every A outside of
a closed null set serves all W. Proof: for given A column i of B has to solve A[:, K^i] b = W[:, i]. A matching gives
this matrix an m x m minor with a monomial that nothing cancels, since its entries are independent variables; so the
minor is a non-zero polynomial in A, and so is the product of these minors over i. Where it does not vanish every system
can be solved.  QED

Primal. The same for the transposed pair: for every output o all inputs can be matched into K_o along S_1.

Mixed. Let F be a proper subset of the inputs. If (1) for every i outside F all outputs match into K^i along S_2, and
(2) for every output o and every i outside F all of F matches into K_o minus K^i along S_1, the pair is universal.
Proof: by (2), as above, fix the columns F of B so that B[K_o minus K^i, F] has rank |F| for all such o and i. The
matrices A on S_2 with A B_F = W_F form an affine space, since row by row they solve |F| equations; for each i outside F
it projects *onto* all values of A[:, K^i], because whatever these are, the entries of row o in K_o minus K^i solve what
is left. So the minor of (1) is not identically zero on that space, nor is the product of these minors over i. Take an A
where it does not vanish, and solve for the other columns of B.  QED  A depends on W_F here. Without F this is the dual.

Bounds, with h* of `ertheory.bounds.factored.hall` for d rows and density a written h*(d, a).

    dual:   P(not universal) <= n E[h*_K(m, p_2)],   K ~ Bin(N, p_1).

    mixed:  for any kappa and f < n, with phi = P(K < kappa),
            P(not universal) <= P(Bin(n, phi) > f) + n E[h*_K(m, p_2); K >= kappa]
                                + n m E[h*_J(f, rho)] / (1 - phi),
            J ~ Bin(N, p_2 (1 - p_1)),   rho = E[K | K < kappa] / N.

Proof of the second. Let F = {i : |K^i| < kappa}. The first term is the probability of |F| > f and the second that of a
failure of (1), summed over i. For the third fix a set F of at most f inputs, an i outside it and an o, and condition on
F being the set of small inputs. J = |K_o minus K^i| is then Bin(N - |K^i|, p_2) with |K^i| >= kappa; without that
condition it would be Bin(N, p_2 (1 - p_1)), and conditioning on an event of probability 1 - phi multiplies the mean of
a non-negative number by 1 / (1 - phi) at most. The sets K^j, j in F, are independent of it and of each other, each with
the law of N independent Bernoulli(p_1) entries given that their sum S_N is below kappa. Such a set avoids t given
columns with probability prod_{u < t} (1 - P(entry 1 is set | S_{N-u} < kappa)). P(X_1 = 1 | S_M < kappa) does not
increase in M: given S_{M+1} < kappa it is a mean of P(X_1 = 1 | S_M < kappa - 1) and P(X_1 = 1 | S_M < kappa), and the
former is at most the latter, since P(X_1 = 1 | S_M = c) = c / M grows with c. So the probability is at most
(1 - rho)^t with rho = P(X_1 = 1 | S_N < kappa), which is what Hall's sum asks for. Fewer than f rows are matched where
f are. Sum over o and i.  QED

One output. If m = 1 (or n = 1) a pair is universal just if every input is joined to every output by a path, and

    P(universal) = E[(1 - (1 - p_1)^U)^n],   U ~ Bin(N, p_2).

Proof: W_i = sum_j A_j B_ji is 0 for all A and B where no j has both edges; and where each i has one, the dual's
condition holds. The inputs are independent given the U inner neurons that the output reads.  QED
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ertheory.bounds.factored.hall import mean_failures, structural_failures
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Masses, binomial_masses, bounds

__all__ = ["LARGE_PART", "TAIL_PART", "MixedBound", "binomial_law", "dual_failure", "mixed_failure"]

_FINEST = 2**40  # rho is rounded down to a multiple of its inverse
_SMALLEST_LAW = 1e-12  # 1 - phi below this is not divided by
TAIL_PART = 0.1  # of the failure probability, for |F| > f
LARGE_PART = 0.5  # of the failure probability, for condition (1)
_HOPELESS = 4  # times the failure probability: where the third term typically is above it, its mean is not computed


def dual_failure(inputs: int, outputs: int, neurons: int, densities: tuple[Fraction, Fraction]) -> Fraction:
    """Bound the probability that the dual's condition fails, from above.

    Parameters
    ----------
    inputs, outputs
        The sizes n and m of the map, each at least 1. Exchange them for the primal.
    neurons
        The number N >= 0 of inner neurons.
    densities
        The pair (p_1, p_2), each in (0, 1]. Exchange them for the primal.

    Returns
    -------
    fractions.Fraction
        An upper bound in [0, 1], the exact law for m = 1 but for rounding.

    Raises
    ------
    InfeasibleWidth
        If a law is too wide to be summed.

    Examples
    --------
    >>> tenth = (Fraction(1, 10), Fraction(1, 10))
    >>> dual_failure(784, 128, 1881, tenth) < Fraction(1, 1000) < dual_failure(784, 128, 1880, tenth)
    True
    """
    if min(densities) == 1 or neurons < outputs:
        return Fraction(int(neurons < outputs))
    if outputs == 1:
        return _one_output(inputs, neurons, densities)
    bound = mean_failures(outputs, binomial_law(neurons, densities[0]), densities[1])[0]
    return min(Fraction(1), inputs * Fraction(bound))


@dataclass(frozen=True)
class MixedBound:
    """The mixed bound with the choice that it rests on.

    Parameters
    ----------
    failure
        An upper bound of P(not universal), in [0, 1].
    threshold
        The number kappa: inputs that fewer inner neurons read belong to F.
    set_aside
        The number f of inputs that F has at most.
    """

    failure: Fraction
    threshold: int
    set_aside: int


def mixed_failure(
    inputs: int, outputs: int, neurons: int, densities: tuple[Fraction, Fraction], budget: Fraction
) -> MixedBound:
    """Bound the probability that the mixed conditions fail, from above.

    Parameters
    ----------
    inputs, outputs, neurons, densities
        They are as for `dual_failure`.
    budget
        The failure probability in (0, 1) that kappa and f are chosen for: kappa is the least one, and then f, for which
        the terms that they decide take fixed parts of it.

    Examples
    --------
    >>> bound = mixed_failure(784, 128, 290, (Fraction(1, 2), Fraction(1, 2)), Fraction(1, 1000))
    >>> bound.failure < Fraction(1, 1000), bound.threshold, bound.set_aside
    (True, 128, 32)
    """
    never = MixedBound(Fraction(1), 0, 0)
    if neurons < outputs or inputs < 2 or densities[0] == 1:
        return never
    law = binomial_law(neurons, densities[0])
    failures = inputs * mean_failures(outputs, law, densities[1])
    enough = np.flatnonzero(failures <= LARGE_PART * float(budget))
    if not len(enough):
        return never
    index = int(enough[0])
    if index == 0:  # F is empty, and nothing but the dual is left
        return MixedBound(min(Fraction(1), Fraction(float(failures[0])) * (1 + Fraction(1, 2**52))), law.first, 0)
    few = law.values[:index]
    taken = law.roundings + index + 1
    small = bounds(float(few.sum()), taken)[1]  # phi
    if small > 1 - Fraction(_SMALLEST_LAW):
        return never
    tail, most = _tail(inputs, small, TAIL_PART * float(budget))
    if most >= inputs:
        return never
    third = Fraction(0)
    if most:
        weighted = float(few @ np.arange(law.first, law.first + index))
        mean = bounds(weighted, taken + 2)[0] / small
        density = Fraction(math.floor(mean / neurons * _FINEST), _FINEST)
        if not density:
            return never
        others = binomial_law(neurons, densities[1] * (1 - densities[0]))
        if inputs * outputs * _typical(most, others, density) > _HOPELESS * float(budget):
            return never
        third = inputs * outputs * Fraction(mean_failures(most, others, density)[0]) / (1 - small)
    failure = Fraction(float(failures[index])) * (1 + Fraction(1, 2**52)) + tail + third
    return MixedBound(min(Fraction(1), failure), law.first + index, most)


def _typical(rows: int, law: Masses, density: Fraction) -> float:
    """Bound h at the most likely number of columns, by a single one of the sums that the mean takes."""
    mode = law.first + int(law.values.argmax())
    return float(structural_failures(rows, [mode], density)[0]) if mode >= rows else math.inf


def _tail(trials: int, chance: Fraction, budget: float) -> tuple[Fraction, int]:
    """Find the least f with P(Bin(n, phi) > f) within the budget, and bound that probability."""
    law = binomial_law(trials, chance) if chance else Masses(0, np.ones(1), 0)
    above = np.append(np.cumsum(law.values[::-1])[::-1], 0.0)  # P(X >= first + i), and 0 beyond
    index = int(np.flatnonzero(above <= budget)[0])
    tail = bounds(float(above[index]), law.roundings + len(law.values))[1]
    if index == 0:
        return tail, max(0, law.first - 1)
    return tail, law.first + index - 1


def _one_output(inputs: int, neurons: int, densities: tuple[Fraction, Fraction]) -> Fraction:
    """1 - E[(1 - (1 - p_1)^U)^n] as a sum of non-negative terms, whose exponentials err by a few units."""
    law = binomial_law(neurons, densities[1])
    readers = np.arange(law.first, law.last + 1, dtype=np.float64)
    log_miss = math.log1p(-float(densities[0])) if densities[0] < 1 else -1e6
    exponents = readers * log_miss
    with np.errstate(divide="ignore"):  # nobody reads: the logarithm of 0
        lost = -np.expm1(inputs * np.log1p(-np.exp(exponents)))
    margin = 1 + 2.0**-48 * (2 - exponents)
    failure = float(law.values @ np.minimum(1.0, lost * margin))
    return min(Fraction(1), bounds(failure, law.roundings + len(readers) + 8)[1])


def binomial_law(trials: int, chance: Fraction) -> Masses:
    """Give the masses of Bin(trials, chance), with a chance above 0.

    Raises
    ------
    InfeasibleWidth
        If the chance is too small for its odds to be a double.
    """
    if chance == 1:
        return Masses(trials, np.ones(1), 0)
    odds = float(chance / (1 - chance))
    if odds < 1e-290:
        msg = "a density is too small for factored sources to be certified"
        raise InfeasibleWidth(msg)
    return binomial_masses(trials, odds)
