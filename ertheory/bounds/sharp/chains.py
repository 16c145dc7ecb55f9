"""The chains of the sequential greedy: how many neurons a class has after some consumers, and sums of such numbers.

A chain starts at 0. At every consumer that needs its class, at size a, it rises by 1 with probability r^a and stays
otherwise; r = 1 - p.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.numbers import Floats, Masses, convolve

__all__ = ["LOSS", "added", "chain", "powers", "split"]

LOSS = 1e-60  # of the mass of every law: left out at either end, and added to the bound


def chain(density: Fraction, steps: int) -> Masses:
    """Law of a(steps), how many neurons a class has after so many consumers that needed it.

    Examples
    --------
    >>> chain(Fraction(1, 2), 2).values.tolist()
    [0.5, 0.5]
    """
    return _chains(density, 1 << steps.bit_length())[steps]


@lru_cache(maxsize=8)
def _chains(density: Fraction, steps: int) -> tuple[Masses, ...]:
    misses, keeps = _steps(density, steps)
    laws = [Masses(0, np.ones(1), 0)]
    for _ in range(steps):
        law = laws[-1]
        values = np.zeros(len(law.values) + 1)
        values[:-1] = law.values * keeps[law.first : law.last + 1]
        values[1:] += law.values * misses[law.first : law.last + 1]
        laws.append(Masses(law.first, values, law.roundings + _step_roundings(law) + 2).trimmed(LOSS))
    return tuple(laws)


def split(law: Masses, density: Fraction) -> tuple[Floats, Floats, int]:
    """Masses of the chains that rise and of those that stay, and how many roundings they took."""
    misses, keeps = _steps(density, 1 << law.last.bit_length())
    inside = slice(law.first, law.last + 1)
    return law.values * misses[inside], law.values * keeps[inside], law.roundings + _step_roundings(law) + 1


@lru_cache(maxsize=64)
def _steps(density: Fraction, most: int) -> tuple[Floats, Floats]:
    """r^a and 1 - r^a for a = 0..most."""
    chance, miss = float(density), float(1 - density)
    misses, keeps = np.ones(most + 1), np.zeros(most + 1)
    for size in range(most):
        misses[size + 1] = misses[size] * miss
        keeps[size + 1] = keeps[size] + misses[size] * chance
    return misses, keeps


def _step_roundings(law: Masses) -> int:
    return 3 * law.last + 3  # of r^a and 1 - r^a


def powers(law: Masses, count: int) -> list[Masses]:
    """Laws of the sums of 0..count independent variables."""
    powers = [Masses(0, np.ones(1), 0)]
    for _ in range(count):
        powers.append(convolve(powers[-1], law).trimmed(LOSS))
    return powers


def added(parts: list[Masses]) -> Masses:
    """Add masses number by number."""
    if len(parts) == 1:
        return parts[0]
    first, last = min(part.first for part in parts), max(part.last for part in parts)
    values = np.zeros(last - first + 1)
    for part in parts:
        values[part.first - first : part.last - first + 1] += part.values
    return Masses(first, values, max(part.roundings for part in parts) + len(parts))
