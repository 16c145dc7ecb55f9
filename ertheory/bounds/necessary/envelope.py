"""Neurons of layer 1 that are reached from all inputs, and how likely so many of them serve every output.

Both in double precision with every rounding counted, from above: these are bounds on probabilities of success.

The envelope. Of N neurons, g(N) = P(Bin(N, p_2) >= n)^o bounds the probability that every one of o outputs reads n of
them or more. For every slope s >= 0 and every random number K of such neurons, 0 <= K <= M,

    E g(K) <= max over 0 <= N <= M of (g(N) - s N) + s E K,

since g(K) is at most that maximum plus s K. With the best slope this is the least concave function above g at E K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.errors import InfeasibleWidth
from ertheory.numbers import TINY, Floats, ball, binomial_masses, bounds, enclose

__all__ = ["Envelope", "envelope_of", "reached_above"]

_LONGEST = 20_000_000
_CERTAIN = -100.0  # logarithm of a probability that is left aside


@dataclass(frozen=True, eq=False)
class Envelope:
    """Upper bounds on g(N), for N up to where g is almost 1.

    Parameters
    ----------
    values
        Bounds on g(0), g(1), ..; beyond the last of them 1 is the bound.
    """

    values: Floats

    def at(self, neurons: int) -> Fraction:
        """Bound g(N) from above.

        Examples
        --------
        >>> float(envelope_of(1, 1, Fraction(1, 2)).at(2)) - 0.75 < 1e-11
        True
        """
        return Fraction(1) if neurons >= len(self.values) else Fraction(self.values[neurons])

    def above(self, mean: Fraction, most: int) -> Fraction:
        """Bound E g(K) from above for every K from 0 to `most` whose mean is at most `mean`.

        Examples
        --------
        >>> float(envelope_of(1, 1, Fraction(1)).above(Fraction(1, 4), 3)) - 0.25 < 1e-11
        True
        """
        known = self.values[: most + 1]
        counts = np.arange(len(known), dtype=np.float64)
        slope = self._slope(known, counts, float(mean))
        # The next slope below makes every product, rounded, no larger than it is; and the largest difference goes up.
        highest = float((known - math.nextafter(slope, 0.0) * counts).max())
        height = Fraction(math.nextafter(highest, math.inf))
        if most >= len(self.values):
            height = max(height, 1 - Fraction(slope) * len(self.values))
        return min(Fraction(1), max(Fraction(0), height) + Fraction(slope) * mean)

    @staticmethod
    def _slope(known: Floats, counts: Floats, mean: float) -> float:
        """Guess the best slope: of the line from 0 that touches g, or of g itself beyond where it touches."""
        if len(known) < 2:
            return 1.0
        chords = known[1:] / counts[1:]
        touch = int(chords.argmax())
        if mean <= touch + 1:
            return float(chords[touch])
        place = min(int(mean), len(known) - 2)
        return max(0.0, float(known[place + 1] - known[place]))


@lru_cache(maxsize=32)
def envelope_of(classes: int, outputs: int, density: Fraction) -> Envelope:
    """Bound g from above.

    Parameters
    ----------
    classes, outputs
        n and o.
    density
        p_2 in (0, 1].

    Raises
    ------
    InfeasibleWidth
        If it would take too many numbers.

    Notes
    -----
    P(Bin(N, p) >= n) is the sum over i <= N of C(i - 1, n - 1) p^n (1 - p)^(i - n): the n-th success is the i-th trial.
    Relative to the largest of them, these are products of ratios; their sum is 1, and leaving some out of it only makes
    the others larger.
    """
    if density == 1:
        return Envelope(np.array([0.0] * classes + [1.0]))
    chance, miss = float(density), float(1 - density)
    spread = math.sqrt(classes * max(miss, 1e-300)) / chance
    high = int(classes / chance + 12 * spread + 60 / chance) + classes
    if high > _LONGEST:
        msg = "the envelope of so sparse a layer has too many numbers"
        raise InfeasibleWidth(msg)
    mode = min(high, max(classes, int((classes - 1) / chance)))
    down, up = np.arange(mode, classes, -1, dtype=np.float64), np.arange(mode, high, dtype=np.float64)
    below = np.cumprod((down - classes) / ((down - 1) * miss))[::-1]
    above = np.cumprod(up * miss / (up - classes + 1))
    relative = np.concatenate([below, [1.0], above])
    served = np.cumsum(relative) / relative.sum()
    # Four roundings a factor, besides that of 1 - p; then two sums and a quotient.
    roundings = 5 * len(relative) + 2 * len(relative) + 1
    values = np.concatenate([np.zeros(classes), _power(np.minimum(1.0, served), outputs)])
    factor = float(bounds(1.0, outputs * (roundings + 1))[1])
    return Envelope(np.minimum(1.0, values * math.nextafter(factor, 2) + 2 * TINY))


def reached_above(inputs: int, neurons: int, density: Fraction, chance: Fraction) -> Fraction:
    """Bound P_A(N_0) = E[(1 - (1 - p_0)^K)^d] from above, K ~ Bin(N_0, p_1): all inputs reach one neuron of layer 1.

    Parameters
    ----------
    inputs, neurons
        d and N_0.
    density, chance
        p_0 and p_1.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> 0.62075 < float(reached_above(2, 5, half, half)) < 0.62076
    True
    """
    odds = math.inf if chance == 1 else float(chance / (1 - chance))
    try:
        masses = binomial_masses(neurons, odds)
    except InfeasibleWidth:  # 1 is a bound, and as good as exact for so many neurons
        return Fraction(1)
    if density < 1 and masses.first * math.log1p(-float(density)) < _CERTAIN:
        return Fraction(1)
    # From the first count of the window on, 1 - (1 - p_0)^K grows by terms that are not negative.
    missed = enclose(lambda: ball(1 - density) ** masses.first)[1]
    first = enclose(lambda: 1 - ball(1 - density) ** masses.first)[1]
    powers = float(missed) * np.cumprod(np.full(len(masses.values) - 1, float(1 - density)))
    terms = np.concatenate([[float(missed)], powers])[:-1] * float(density)
    hit = np.minimum(1.0, np.cumsum(np.concatenate([[float(first)], terms])))
    roundings = 3 * len(hit)  # of the last: two for each factor of a power, one for each sum, and four
    value = float((masses.values * _power(hit, inputs)).sum())
    taken = masses.roundings + inputs * (roundings + 1) + len(masses.values) + 1
    return min(Fraction(1), bounds(value, taken, TINY)[1])


def _power(base: Floats, exponent: int) -> Floats:
    """Multiply so many times, by squaring: that is at most one rounding for every factor."""
    result, square = np.ones_like(base), base
    while exponent:
        if exponent % 2:
            result = result * square
        exponent //= 2
        square = square * square if exponent else square
    return result
