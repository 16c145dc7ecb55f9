"""Three masked matrices in a row: the theorems, and how likely they fail.

Setting. S_1 (N_1 x n), S_2 (N_2 x N_1) and S_3 (m x N_2) have independent entries of densities p_1, p_2 and p_3. The
triple is *universal* if every real W (m x n) is a product A C B of matrices supported on S_3, S_2 and S_1. K^i is the
set of neurons of the first inner layer that read input i.

Linking. If for every input i there are m paths from K^i to the m outputs no two of which share a neuron, the triple is
universal, and all A and C outside of a closed null set serve every W. Proof: by the formula of Cauchy and Binet a minor
det (A C)[:, J] with |J| = m is the sum over sets R of m neurons of det A[:, R] det C[R, J]. Every term of it is a
system of m paths from J through R to the outputs, no two of which share a neuron, and the edges of a system tell it
from all others, so nothing cancels. Paths from K^i give a minor of (A C)[:, K^i] that is a non-zero polynomial; where
the product of these minors over i does not vanish, column i of B solves (A C)[:, K^i] b = W[:, i].  QED  The transposed
statement has A solved, given B and C.

By Menger's theorem there are no such paths only if fewer than m neurons cut K^i from the outputs. Let a of them lie in
K^i, let T be the outputs that are not among them, |T| = t, and U what is left of K^i. Every neuron of the second inner
layer that reads U and is read by T is cut, and at most t - 1 - a can be. With k = |K^i| their number is
Bin(N_2, r), r = (1 - (1 - p_3)^t) (1 - (1 - p_2)^(k - a)), for fixed T and U. So

    P(no m such paths) <= h_k = sum_{t=1}^{m} C(m, t) sum_{a=0}^{min(t - 1, k)} C(k, a) P(Bin(N_2, r) <= t - 1 - a),

    P(not universal) <= n E[h*_K],   K ~ Bin(N_1, p_1),   h*_k = min(1, min_{j <= k} h_j).

Evaluation, from above: t and a are gathered in ranges, single numbers near the ends, with the largest binomial
coefficients, the least r and the largest count of each; tails are bounded by Chernoff's inequality, which is sharp for
a count of 0; k is looked at in steps. Margins as in `ertheory.bounds.factored.hall` are added to every exponent.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ertheory.bounds.factored.failure import binomial_law
from ertheory.bounds.factored.hall import log_choose
from ertheory.numbers import bounds, log_fraction

__all__ = ["linking_failure", "unlinked"]

Floats = npt.NDArray[np.float64]

_ENDS = 6  # values of t and of a at both ends that are ranges of their own
_GROWTH = 1 / 4  # of ranges between them, relative to the distance from the nearer end
_STEP = 0.5  # of k, in standard deviations
_UNLIKELY = 1e-40
_NEGLIGIBLE = 1e-36


def linking_failure(
    inputs: int, outputs: int, neurons: tuple[int, int], densities: tuple[Fraction, Fraction, Fraction]
) -> Fraction:
    """Bound the probability that an input is not linked to all outputs, from above.

    Parameters
    ----------
    inputs, outputs
        The sizes n and m, each at least 1. Exchange them, and the order of all pairs and triples, for the transposed
        statement.
    neurons
        The numbers N_1 and N_2 of inner neurons.
    densities
        The densities p_1, p_2 and p_3, each in (0, 1].

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> linking_failure(784, 128, (1900, 300), tenth) < Fraction(1, 1000)
    True
    """
    if neurons[0] < outputs or neurons[1] < outputs:
        return Fraction(1)
    law = binomial_law(neurons[0], densities[0])
    likely = law.first + np.flatnonzero(law.values > _UNLIKELY)
    start = max(outputs, int(likely[0]))
    failures = np.ones(len(law.values))
    if start <= law.last:
        step = max(1, int(_STEP * math.sqrt(float(neurons[0] * densities[0] * (1 - densities[0])))))
        counts = np.arange(start, max(start, int(likely[-1])) + 1, step)
        known = np.minimum(1.0, np.minimum.accumulate(unlinked(outputs, counts, neurons[1], densities[1:])))
        near = (np.arange(start, law.last + 1) - start) // step
        failures[start - law.first :] = known[np.minimum(near, len(known) - 1)]
    mean = bounds(float(law.values @ failures), law.roundings + len(law.values) + 2)[1]
    return min(Fraction(1), inputs * mean)


def unlinked(outputs: int, counts: npt.ArrayLike, neurons: int, densities: tuple[Fraction, ...]) -> Floats:
    """Bound h_k from above for several k.

    Parameters
    ----------
    outputs
        The number m.
    counts
        The numbers k >= m, shape (count,).
    neurons
        The number N_2 >= m.
    densities
        The densities p_2 and p_3.

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> bool(unlinked(1, [4], 6, half)[0] >= (1 - 0.5 * (1 - 0.5**4)) ** 6)
    True
    """
    sizes = np.asarray(counts, dtype=np.float64)[:, None]  # (count, 1)
    low_t, high_t, low_a, high_a = _cells(outputs)
    high_a = np.minimum(high_a, sizes)
    misses = [_log_miss(density) for density in densities]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        reads = -np.expm1(np.minimum(sizes - high_a, _FAR) * misses[0])  # of U, at its smallest
        read = -np.expm1(np.minimum(low_t, _FAR) * misses[1])  # by T, at its smallest
        chance = np.maximum(0.0, reads * read * (1 - 2.0**-44))
        most = high_t - 1 - low_a  # the largest count
        share = most / neurons
        small = share < chance
        below = np.where(most > 0, most * np.log(chance / np.maximum(share, 1e-300)), 0.0)
        above = (neurons - most) * np.log1p(-(chance - share) / (1 - share))
        tails = np.where(small, below + above, 0.0)
        tails += np.where(small, 2.0**-44 * (np.abs(below) + np.abs(above)) + 2.0**-46 * neurons, 0.0)
        of_outputs = log_choose(outputs, np.clip(outputs // 2, low_t, high_t))
        of_reads = log_choose(sizes, np.clip(sizes // 2, low_a, high_a))
        margin = 4e-9 + 2.0**-46 * (outputs + sizes) * np.log(outputs + sizes + 2)
        pairs = (high_t - low_t + 1) * (high_a - low_a + 1)
        terms = pairs * np.exp(np.minimum(700.0, of_outputs + of_reads + tails + margin))
        terms = np.where(high_a >= low_a, terms, 0.0)
        total: Floats = terms.sum(axis=1) * (1 + 2.0**-40) + 1e-300
    return total


_FAR = 1e15


@lru_cache(maxsize=64)
def _cells(outputs: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Give ranges of t and of a that cover all pairs with 1 <= t <= m and 0 <= a < t."""
    ends = [*range(1, min(_ENDS, outputs) + 1)]
    while ends[-1] < outputs // 2:
        ends.append(min(outputs // 2, ends[-1] + max(1, int(ends[-1] * _GROWTH))))
    last = sorted({*ends, *(outputs - end for end in ends), outputs} - {0})
    ranges = list(zip([1, *(end + 1 for end in last[:-1])], last, strict=True))
    cells = [
        (low, high, first - 1, min(final, high) - 1) for low, high in ranges for first, final in ranges if first <= high
    ]
    columns = np.array(cells, dtype=np.float64).T
    return columns[0], columns[1], columns[2], columns[3]


def _log_miss(density: Fraction) -> float:
    if density == 1:
        return -1e300
    found = math.log1p(-float(density)) if density < Fraction(1, 2) else log_fraction(1 - density)
    return found * (1 - 2.0**-49)  # towards 0, so that fewer neurons read
