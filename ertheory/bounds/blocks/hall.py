"""The Hall sum: how likely a masked layer 0 can be shared out among the inputs after the mask is seen.

Layer 0 has N neurons, each of which reads input i with probability p, independently. A b-matching gives each of the d
inputs q neurons of its own that read it. By Hall's theorem it exists if and only if every set of s inputs is read by
at least q s neurons, and the number of neurons that read one of s inputs is Bin(N, 1 - (1 - p)^s). Hence

    P(no b-matching) <= H(N) = sum_{s=1}^{d} C(d, s) P(Bin(N, 1 - (1 - p)^s) <= q s - 1).
"""

from __future__ import annotations

import math
from fractions import Fraction
from math import comb

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.numbers import (
    Ball,
    below,
    exp_complement,
    hull,
    log_choose,
    log_fraction,
    log_sparsity,
    lower_tail,
    working_precision,
)

__all__ = ["exact_hall_sum", "hall_guess", "hall_sum"]

_CRUDE_BITS = 64
_CRUDE_SUM = 1e-9
_MOST_INPUTS = 10_000
_LONGEST_TAIL = 10**11  # neurons; tails have about ten times the square root of that many terms


def hall_sum(neurons: int, inputs: int, copies: int, density: Fraction) -> Ball:
    """Enclose H, an upper bound on the probability that no b-matching exists.

    Parameters
    ----------
    neurons
        N, neurons to be shared out.
    inputs
        d, inputs to serve.
    copies
        q, neurons that each input needs for itself.
    density
        p in (0, 1], the probability that a neuron reads an input.

    Notes
    -----
    Terms that cannot matter at the working precision are not summed but enclosed by Chernoff's bound, evaluated in
    double precision with a margin far above its rounding error. In the lowest precision a sum that is tiny altogether
    is enclosed that way as a whole; whoever needs it sharper asks with more bits. Where N is so large that the tails
    are too long to be summed, or d above ten thousand, the closed form H <= (1 + y)^d - 1 is the upper end, with
    y = exp(-eta^2 q / (2 (1 + eta))) and N = (1 + eta) q d / (1 - (1 - p)^d).

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> low, high = enclose(lambda: hall_sum(54, 4, 9, Fraction(3, 10)))
    >>> round(float(high), 6)
    0.116674
    """
    if inputs < 1:
        raise InvalidInput("inputs", "a whole number of at least 1", inputs)
    if neurons < copies * inputs:
        return Ball(1)
    if density == 1:
        return Ball(0)
    log_miss = log_sparsity(density)
    if neurons > _LONGEST_TAIL or inputs > _MOST_INPUTS:
        return _closed_form(neurons, inputs, copies, log_miss)
    chernoff = _log_chernoff(neurons, inputs, copies, density)
    crude = Ball(float(np.max(chernoff))).exp() * inputs
    if working_precision() <= _CRUDE_BITS and crude < _CRUDE_SUM:
        return below(crude)
    tolerance = Ball(2) ** (-working_precision() // 2) / inputs
    total = Ball(0)
    for size in (np.argsort(-chernoff) + 1).tolist():  # the largest terms first
        bound = Ball(float(chernoff[size - 1])).exp()
        if bound < total * tolerance:
            total += below(bound)
            continue
        tail = lower_tail(neurons, copies * size - 1, exp_complement(size * log_miss))
        total += log_choose(inputs, size).exp() * tail
    return total


def _closed_form(neurons: int, inputs: int, copies: int, log_miss: Ball) -> Ball:
    """Enclose H between 0 and its Chernoff bound, summed over all sets of inputs at once."""
    read = exp_complement(inputs * log_miss)
    excess = neurons * read / (copies * inputs) - 1
    if not excess > 0:
        return hull(0, 1)
    exponent = excess**2 * copies / (2 * (1 + excess))
    # Beyond any delta that can be asked for, and slow to evaluate: only that it is tiny matters.
    single = (-exponent).exp() if exponent < 10**5 else below(Ball(-(10**5)).exp())
    bound = (1 + single) ** inputs - 1
    return below(bound) if bound < 1 else hull(0, 1)


def exact_hall_sum(neurons: int, inputs: int, copies: int, density: Fraction) -> Fraction:
    """Sum H exactly; only for few neurons and inputs, to settle ties.

    Examples
    --------
    >>> exact_hall_sum(3, 1, 1, Fraction(1, 2))
    Fraction(1, 8)
    """
    total = Fraction(0)
    for size in range(1, inputs + 1):
        missed = (1 - density) ** size
        tail = sum(
            comb(neurons, read) * (1 - missed) ** read * missed ** (neurons - read)
            for read in range(min(neurons, copies * size - 1) + 1)
        )
        total += comb(inputs, size) * tail
    return total


def hall_guess(inputs: int, copies: int, density: Fraction, failure_probability: Fraction) -> int:
    """Guess the smallest N with H(N) <= failure_probability; a place to start looking from.

    Examples
    --------
    >>> 179_600 < hall_guess(784, 229, Fraction(1, 100), Fraction(1, 3000)) < 179_700
    True
    """
    if density == 1 or copies * inputs > _LONGEST_TAIL or inputs > _MOST_INPUTS:
        return copies * inputs
    goal = log_fraction(failure_probability)

    def suffices(neurons: int) -> bool:
        return bool(np.logaddexp.reduce(_log_chernoff(neurons, inputs, copies, density)) <= goal)

    low, high = copies * inputs - 1, copies * inputs
    while not suffices(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _log_chernoff(neurons: int, inputs: int, copies: int, density: Fraction) -> npt.NDArray[np.float64]:
    """Bound the logarithm of each term from above, shape (inputs,), for s = 1..inputs."""
    sizes = np.arange(1, inputs + 1, dtype=np.float64)
    log_miss = sizes * math.log1p(-float(density)) if density < Fraction(1, 2) else sizes * log_fraction(1 - density)
    chance = -np.expm1(log_miss)
    share = np.minimum((copies * sizes - 1) / neurons, chance)  # above the mean: the trivial bound 1
    gain = share * np.log(np.where(share > 0, share, 1) / chance)
    loss = (1 - share) * (np.log1p(-share) - log_miss)
    log_choices = np.concatenate([[0.0], np.cumsum(np.log(inputs + 1 - sizes) - np.log(sizes))])[1:]
    margin = 1 + 1e-11 * (neurons * (np.abs(gain) + np.abs(loss)) + inputs * np.log1p(inputs))
    bound: npt.NDArray[np.float64] = log_choices - neurons * (gain + loss) + margin
    return bound
