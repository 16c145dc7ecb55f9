"""What every source of a factored shape needs, whatever is done with its weights: paths, unknowns, and rank.

A pair of masks S_1 (N x n) and S_2 (m x N) with densities p_1 and p_2 shall carry a map W without zeros, in general
position. An inner neuron is *in use* if it reads an input and an output reads it.

Paths. W_oi = sum_j A_oj B_ji vanishes where no inner neuron joins input i to output o, so all n m pairs need one. Let X
be the number of pairs without one and q = (1 - p_1 p_2)^N. Two pairs of one input lack both paths with probability
r = (1 - p_1 + p_1 (1 - p_2)^2)^N, two of one output with probability s = (1 - p_2 + p_2 (1 - p_1)^2)^N, others with
q^2. By the inequality of Cauchy and Schwarz P(X > 0) >= E[X]^2 / E[X^2], hence

    P(success) <= 1 - n m q / (1 + (m - 1) r / q + (n - 1) s / q + (n - 1) (m - 1) q).

Count. Scaling an inner neuron's incoming entries up and its outgoing ones down changes nothing, so products A B form a
set of dimension at most D = sum_j (a_j + b_j - 1) over inner neurons in use with a_j edges in and b_j edges out. If
D < n m it has measure zero: almost no W is reached. The terms Z_j of D are independent and equally distributed, so for
every theta > 0, by Markov's inequality,

    P(success) <= P(D >= n m) <= exp(-theta n m) E[exp(theta Z)]^N.

The same holds for every sub-block of W; of equal densities the whole map asks for most, and that is evaluated here.

Rank. A map in general position has rank min(n, m), and A B has at most the number of inner neurons in use, which is
Bin(N, u) with u = (1 - (1 - p_1)^n) (1 - (1 - p_2)^m):  P(success) <= P(Bin(N, u) >= min(n, m)).

Three factors W = A C B, with N_1 and N_2 inner neurons and densities p_1, p_2, p_3. Every input needs an edge into the
first inner layer, whatever the second one is, and every output one out of the second:

    P(success) <= (1 - (1 - p_1)^N_1)^n,   P(success) <= (1 - (1 - p_3)^N_2)^m.

One input and one output are joined by a path with probability 1 - E[(1 - p_3 (1 - (1 - p_2)^a))^N_2] with
a ~ Bin(N_1, p_1). What stands in the mean is convex in a, so by Jensen's inequality

    P(success) <= 1 - (1 - p_3 (1 - (1 - p_2)^(p_1 N_1)))^N_2.

And inner neurons that read nothing, or are read by nothing, carry no rank: of N_1 neurons those that read an input, of
N_2 those that an output reads, are min(n, m) at least:  P(success) <= P(Bin(N_1, 1 - (1 - p_1)^n) >= min(n, m)).

A network needs every one of its maps. These bounds say nothing of sources of another shape, nor of special maps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from ertheory.bounds.factored.least import Densities
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, ball, decide, lower_tail, smallest

__all__ = [
    "Ceiling",
    "count_ceiling",
    "edge_ceiling",
    "least_necessary",
    "least_outside",
    "middle_ceiling",
    "outer_rank_ceiling",
    "path_ceiling",
    "rank_ceiling",
]

Ceiling = Callable[[int, int, int, Densities], Ball]

_MOST_BITS = 512
_WIDEST = 10**15


def path_ceiling(columns: int, rows: int, neurons: int, densities: Densities) -> Ball:
    """Bound the probability that every input reaches every output.

    Parameters
    ----------
    columns, rows, neurons
        The sizes n, m and N of the pair, each at least 1.
    densities
        The pair (p_1, p_2), each in (0, 1].

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> abs(float(path_ceiling(1, 1, 3, half)) - (1 - 0.75**3)) < 1e-12
    True
    """
    first, second = densities
    if min(densities) == 1:
        return ball(1)
    none = ball(1 - first * second)
    lacking = none**neurons
    same_input = (ball(1 - first + first * (1 - second) ** 2) / none) ** neurons
    same_output = (ball(1 - second + second * (1 - first) ** 2) / none) ** neurons
    spread = 1 + (rows - 1) * same_input + (columns - 1) * same_output + (columns - 1) * (rows - 1) * lacking
    return 1 - columns * rows * lacking / spread


def count_ceiling(columns: int, rows: int, neurons: int, densities: Densities) -> Ball:
    """Bound the probability that the pair has as many useful unknowns as the map has entries.

    Parameters
    ----------
    columns, rows, neurons, densities
        They are as for `path_ceiling`.

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> float(count_ceiling(784, 128, 210, half)) < 1e-3 < float(count_ceiling(784, 128, 221, half))
    True
    """
    wanted = columns * rows
    if neurons * (columns + rows - 1) < wanted:
        return ball(0)
    mean, variance = _unknowns(columns, rows, densities)
    if neurons * mean >= wanted:
        return ball(1)  # the law of large numbers allows it
    tilt = Fraction(min(50.0, (wanted / neurons - mean) / max(variance, 1e-9))).limit_denominator(10**9)
    grow = ball(tilt).exp()
    joined = [((1 - p) + p * grow) ** size - (1 - p) ** size for p, size in _sides(columns, rows, densities)]
    used = [1 - (1 - p) ** size for p, size in _sides(columns, rows, densities)]
    factor = 1 + joined[0] * joined[1] / grow - used[0] * used[1]
    return (neurons * factor.log() - ball(tilt) * wanted).exp()


def rank_ceiling(columns: int, rows: int, neurons: int, densities: Densities) -> Ball:
    """Bound the probability that the pair has as many inner neurons in use as the rank of the map.

    Parameters
    ----------
    columns, rows, neurons, densities
        They are as for `path_ceiling`.

    Examples
    --------
    >>> tenth = (Fraction(1, 10), Fraction(1, 10))
    >>> float(rank_ceiling(784, 128, 127, tenth)), float(rank_ceiling(784, 128, 128, tenth)) > 0.99
    (0.0, True)
    """
    least = min(columns, rows)
    if neurons < least:
        return ball(0)
    used = [1 - (1 - p) ** size for p, size in _sides(columns, rows, densities)]
    idle = 1 - used[0] * used[1]
    return lower_tail(neurons, neurons - least, idle)


def edge_ceiling(ends: int, neurons: int, density: Fraction) -> Ball:
    """Bound the probability that each of n inputs has an edge to some of N inner neurons; so of outputs.

    Examples
    --------
    >>> float(edge_ceiling(2, 1, Fraction(1, 2)))
    0.25
    """
    return ball(1) if density == 1 and neurons else (1 - ball(1 - density) ** neurons) ** ends


def outer_rank_ceiling(ends: int, rank: int, neurons: int, density: Fraction) -> Ball:
    """Bound the probability that as many inner neurons as the rank have an edge to one of n inputs; so of outputs.

    Examples
    --------
    >>> float(outer_rank_ceiling(2, 1, 1, Fraction(1, 2)))
    0.75
    """
    return ball(0) if neurons < rank else lower_tail(neurons, neurons - rank, (1 - ball(density)) ** ends)


def middle_ceiling(first: int, second: int, densities: tuple[Fraction, Fraction, Fraction]) -> Ball:
    """Bound the probability that one input and one output are joined through N_1 and N_2 inner neurons.

    Examples
    --------
    >>> 0.125 < float(middle_ceiling(1, 1, (Fraction(1, 2),) * 3)) < 0.147
    True
    """
    below, middle, above = map(ball, densities)
    reached = 1 - (1 - middle) ** (below * first) if densities[1] < 1 else ball(1)
    missed = 1 - above * reached
    return 1 - missed**second


def least_outside(ceiling: Callable[[int], Ball], guess: float, delta: Fraction) -> int:
    """Find the least number of neurons of an inner layer of three factors that a ceiling does not rule out.

    Examples
    --------
    >>> least_outside(lambda neurons: edge_ceiling(1, neurons, Fraction(1, 2)), 1.0, Fraction(1, 1000))
    10
    """

    def allowed(neurons: int) -> Decision:
        if neurons > _WIDEST:
            raise InfeasibleWidth(f"more than {_WIDEST} inner neurons are necessary")
        return decide(lambda: ceiling(neurons) - 1 + ball(delta), undecided=True, most_bits=_MOST_BITS)

    return smallest(allowed, max(1, min(_WIDEST, math.ceil(guess))))[0]


def least_necessary(
    ceilings: tuple[Ceiling, ...], columns: int, rows: int, densities: Densities, delta: Fraction
) -> int:
    """Find the least number of inner neurons that none of the ceilings rules out.

    Parameters
    ----------
    ceilings
        The bounds on the success probability.
    columns, rows, densities
        They are as for `path_ceiling`.
    delta
        The failure probability in (0, 1).

    Raises
    ------
    InfeasibleWidth
        If the least one is above 10**15.

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> least_necessary((path_ceiling,), 1, 1, half, Fraction(1, 1000))
    25
    """

    def allowed(neurons: int) -> Decision:
        if neurons > _WIDEST:
            raise InfeasibleWidth(f"more than {_WIDEST} inner neurons are necessary")
        margins = [
            decide(
                lambda ceiling=ceiling: ceiling(columns, rows, neurons, densities) - 1 + ball(delta),  # type: ignore[misc]
                undecided=True,
                most_bits=_MOST_BITS,
            )
            for ceiling in ceilings
        ]
        return Decision(all(margin.holds for margin in margins), max(margin.bits for margin in margins))

    if _WIDEST * densities[0] * densities[1] < 1 - delta:  # not even one input has a path to one output
        raise InfeasibleWidth(f"more than {_WIDEST} inner neurons are necessary")
    both = float(densities[0] * densities[1])
    paths = math.log(columns * rows / float(delta)) / both
    count = columns * rows / max(1e-300, _unknowns(columns, rows, densities)[0])
    guess = paths if path_ceiling in ceilings else count
    return smallest(allowed, max(1, min(_WIDEST, math.ceil(guess))))[0]


def _sides(columns: int, rows: int, densities: Densities) -> tuple[tuple[Ball, int], tuple[Ball, int]]:
    return (ball(densities[0]), columns), (ball(densities[1]), rows)


def _unknowns(columns: int, rows: int, densities: Densities) -> tuple[float, float]:
    """Estimate mean and variance of the useful unknowns of one inner neuron; nothing but a guess rests on them."""
    (p, n), (q, m) = ((float(density), size) for density, size in zip(densities, (columns, rows), strict=True))
    reads, read = -math.expm1(n * math.log1p(-min(p, 1 - 1e-16))), -math.expm1(m * math.log1p(-min(q, 1 - 1e-16)))
    mean = n * p * read + m * q * reads - reads * read
    square = read * (n * p * (1 - p) + (n * p) ** 2) + reads * (m * q * (1 - q) + (m * q) ** 2) + 2 * n * p * m * q
    square += reads * read - 2 * (n * p * read + m * q * reads)
    return mean, max(square - mean**2, 1e-9)
