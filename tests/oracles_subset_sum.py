"""Failure probabilities of tiny random subset sum problems: exact for two uniform variables, else by enumeration."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

__all__ = ["exact_failure", "failures"]

Span = tuple[Fraction, Fraction]


def exact_failure(n: int, density: Fraction, epsilon: Fraction, z: Fraction) -> Fraction:
    """P(no subset of the live ones among n <= 2 variables U[-1,1] has a sum within epsilon of z), for z > epsilon."""
    window = (z - epsilon, z + epsilon)
    free = [
        span for span in ((Fraction(-1), min(window[0], Fraction(1))), (window[1], Fraction(1))) if span[0] < span[1]
    ]
    one = sum((high - low for low, high in free), Fraction(0)) / 2
    both = sum((_outside(x, y, window) for x, y in itertools.product(free, free)), Fraction(0)) / 4
    fails = (Fraction(1), one, both)
    return sum((math.comb(n, k) * density**k * (1 - density) ** (n - k) * fails[k] for k in range(n + 1)), Fraction(0))


def _outside(x: Span, y: Span, window: Span) -> Fraction:
    """Area of {(a, b) in x times y: a + b outside of the window}."""
    area = (x[1] - x[0]) * (y[1] - y[0])
    return area - (_below(x, y, window[1]) - _below(x, y, window[0]))


def _below(x: Span, y: Span, total: Fraction) -> Fraction:
    corners = ((1, x[0] + y[0]), (-1, x[1] + y[0]), (-1, x[0] + y[1]), (1, x[1] + y[1]))
    return sum((sign * max(total - corner, Fraction(0)) ** 2 for sign, corner in corners), Fraction(0)) / 2


def failures(
    n: int,
    density: float,
    epsilon: float,
    z: float,
    *,
    law: str = "uniform",
    uniform: bool = False,
    trials: int,
    seed: int,
) -> int:
    """Count failing trials by adding up all 2^n subsets of each."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (trials, n))
    if law == "product":
        values *= rng.uniform(0, 1, (trials, n))
    values *= rng.random((trials, n)) < density
    sums = np.zeros((trials, 1))
    for column in values.T:
        sums = np.concatenate([sums, sums + column[:, None]], axis=1)
    if not uniform:
        return int((np.abs(sums - z).min(axis=1) > epsilon).sum())
    inside = np.sort(np.clip(sums, -z - epsilon, z + epsilon), axis=1)
    ends = (inside[:, 0] <= -z + epsilon) & (inside[:, -1] >= z - epsilon)
    # A gap matters only if it is wider than the windows of its two ends, inside [-z, z].
    gaps = np.minimum(inside[:, 1:] - epsilon, z) - np.maximum(inside[:, :-1] + epsilon, -z)
    return int((~(ends & (gaps <= 0).all(axis=1))).sum())
