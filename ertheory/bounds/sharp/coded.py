"""The coded input layer: layer 0 carries linear combinations of the inputs instead of copies of them.

Setting. Layer 0 has N_0 neurons that read each of d inputs with probability p_0, with mask S_0 of shape (N_0, d); the
neurons v of layer 1 read each neuron of layer 0 with probability p_1, with mask S_1 of shape (N_1, N_0). On a bounded
box a bias keeps every layer-0 neuron in its linear range, where x -> B x, so the layer-1 neurons of a set V see A B x
with any A supported on S_1 and any B supported on S_0. To be reached: rows w_v of length d, as A B = (w_v) for v in V.

Primal. K_v is the set of layer-0 neurons that v reads. Suppose that for every v in V there is a matching of all d
inputs into K_v, along S_0. Then all rows can be reached at once, whatever they are. Proof: let the entries of B on S_0
be variables. The matching gives a d x d minor of B[K_v] with one of its monomials, and monomials of a determinant with
independent variables do not cancel; so it is a non-zero polynomial. So is the product over v, hence one B makes all of
them non-zero at once, B[K_v] has rank d, and A_v B[K_v] = w_v can be solved for every v.

Dual. K^i is the set of layer-0 neurons that read input i. Suppose that for every i there is a matching of all of V into
K^i, along S_1. Then all rows can be reached at once: draw A, and solve A[:, K^i] B[K^i, i] = (w_vi)_v for every i.

Theorem. Let eps(d, N, a, b) bound the probability that d rows have no matching into Bin(N, b) columns, to each of which
they have an edge with probability a, as in `ertheory.bounds.sharp.matched`. With density p_0
of layer 0 and p_1 of layer 1, and any V that does not depend on S_0 and S_1,

    primal:  P(failure) <= E|V| eps(d, N_0, p_0, p_1),      dual:  P(failure) <= E[min(1, d eps(|V|, N_0, p_1, p_0))].

Proof. In the primal, S_1 decides K_v and S_0 is independent of it; in the dual it is the other way round. Sum over V or
over the inputs.  QED

One neuron of layer 1 is used for each (output, target neuron) pair at most, so |V| <= min(N_1, m_2).

Spare neurons. In the primal, let only neurons v with at least k edges into layer 0 be used. Whether a neuron is one of
them is a matter of its row of S_1, hence independent of the others, with probability 1 - P(Bin(N_0, p_1) < k). If V
depends on S_1 only through which neurons they are, each used one has K distributed as Bin(N_0, p_1) given that it is at
least k, and the primal holds with E[h*_K | K >= k] for eps, by the same proof.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ertheory.bounds.sharp.matched import coding_failure, mean_failure
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Bounds, Decision, Masses, bounds, decided, smallest

__all__ = ["coded_width", "dual_failure", "likely_sizes", "mean_size", "primal_failure"]

_NEVER = 1e-32  # of the law of |V|: left out at either end
_SPARE = 1e-9  # of the failure: rare |V| of which no use is made


def primal_failure(used: Bounds, inputs: int, neurons: int, densities: tuple[Fraction, Fraction]) -> Bounds:
    """Enclose E|V| eps(d, N_0, p_0, p_1).

    Parameters
    ----------
    used
        Rationals below and above E|V|.
    inputs, neurons, densities
        d, N_0 and (p_0, p_1).
    """
    low, high = coding_failure(inputs, neurons, densities[0], densities[1])
    return low * used[0], min(Fraction(1), high * used[1])


def dual_failure(used: Masses, inputs: int, neurons: int, densities: tuple[Fraction, Fraction]) -> Bounds:
    """Enclose E[min(1, d eps(|V|, N_0, p_1, p_0))].

    Parameters
    ----------
    used
        Law of |V|, of which at most 1e-50 is left out.
    inputs, neurons, densities
        d, N_0 and (p_0, p_1).

    Examples
    --------
    >>> four = Masses(4, np.ones(1), 0)
    >>> low, high = dual_failure(four, 3, 40, (Fraction(1, 2), Fraction(1, 2)))
    >>> low <= 3 * coding_failure(4, 40, Fraction(1, 2), Fraction(1, 2))[0] < high
    True
    """
    used, roundings = used.trimmed(_NEVER), 0
    low = high = 0.0
    for size, weight in enumerate(used.values.tolist(), start=used.first):
        if size:
            least, most, roundings = mean_failure(size, neurons, densities[1], densities[0])
            low, high = low + weight * min(1.0, inputs * least), high + weight * min(1.0, inputs * most)
    taken = roundings + used.roundings + len(used.values) + 2
    return bounds(low, taken)[0], min(Fraction(1), bounds(high, taken, 3 * _NEVER)[1])


def coded_width(
    used: Masses, inputs: int, densities: tuple[Fraction, Fraction], failure_probability: Fraction
) -> tuple[int, str, int]:
    """Smallest N_0 for which the primal or the dual bound is at most a given probability.

    Parameters
    ----------
    used
        Law of |V|, of positive numbers.
    inputs
        d.
    densities
        (p_0, p_1), each in (0, 1].
    failure_probability
        It lies in (0, 1).

    Returns
    -------
    tuple
        N_0; ``primal`` or ``dual``, whichever needs fewer neurons; and the bits that decided N_0 and N_0 - 1.

    Examples
    --------
    >>> pairs = Masses(1280, np.ones(1), 0)
    >>> coded_width(pairs, 784, (Fraction(1, 10), Fraction(1, 10)), Fraction(1, 2000))[:2]
    (9227, 'primal')
    """
    first, second = densities
    expected = mean_size(used)
    likely, spare = likely_sizes(used, failure_probability)

    def primal_holds(neurons: int) -> Decision:
        return decided(primal_failure(expected, inputs, neurons, densities), failure_probability)

    def dual_holds(neurons: int) -> Decision:
        low, high = dual_failure(likely, inputs, neurons, densities)
        return decided((low, high + spare), failure_probability)

    try:
        neurons, bits = smallest(primal_holds, math.ceil(inputs / second), least=inputs)
    except InfeasibleWidth:
        neurons, bits = smallest(dual_holds, math.ceil(expected[1] / first))
        return neurons, "dual", bits
    typical = max(1, round(float(expected[1])))
    if inputs * coding_failure(typical, neurons - 1, second, first)[0] > failure_probability:
        return neurons, "primal", bits  # rows as many as are used on average already cost too much in the dual
    if dual_holds(neurons - 1).holds:
        neurons, bits = smallest(dual_holds, math.ceil(expected[1] / first))
        return neurons, "dual", bits
    return neurons, "primal", bits


def likely_sizes(used: Masses, failure_probability: Fraction) -> tuple[Masses, Fraction]:
    """Leave rare sizes out of a law, and give what has to be added to a bound on the failure in their place.

    Examples
    --------
    >>> law, spare = likely_sizes(Masses(4, np.array([1.0, 1e-30]), 0), Fraction(1, 1000))
    >>> law.last, 0 < spare < Fraction(1, 10**11)
    (4, True)
    """
    loss = float(failure_probability) * _SPARE
    return used.trimmed(loss), Fraction(3 * loss)


def mean_size(used: Masses) -> Bounds:
    """Enclose E|V| for a law of |V| of which less than 1e-50 is left out.

    Examples
    --------
    >>> low, high = mean_size(Masses(2, np.array([0.5, 0.5]), 0))
    >>> low < Fraction(5, 2) < high
    True
    """
    sizes = np.arange(used.first, used.last + 1)
    return bounds(float(used.values @ sizes), used.roundings + len(sizes) + 1, 1e-40)
