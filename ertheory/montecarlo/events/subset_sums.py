"""The events of Lemma 2.4 and its kin: some subset of the weights that a mask leaves sums to the target.

No more than k of them may be needed (Theorem K), they may be quantised and sum to the target exactly (Theorem Q), or
some of them may be locked into every sum (Theorem F). Each event is decided by looking at all sums.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np

from ertheory.montecarlo.events.sampling import Bools, Event, draw_mask
from ertheory.montecarlo.subset_sums.meet_in_the_middle import best_errors

__all__ = ["limited_event", "locked_event", "quantised_event", "subset_sum_event"]


def subset_sum_event(number: int, density: Fraction, epsilon: Fraction, *, z: Fraction) -> Event:
    """Add up some of the kept ones of n weights, uniform on [-1, 1], to z within epsilon.

    Every mask is drawn, and the nearest sum found by meeting in the middle.

    Examples
    --------
    >>> event = subset_sum_event(12, Fraction(1), Fraction(1, 4), z=Fraction(1, 4))
    >>> event.occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        kept = draw_mask(rng, (trials, number), density)
        weights = rng.uniform(-1.0, 1.0, (trials, number))
        near: Bools = best_errors(weights, z=z, kept=kept) <= float(epsilon)
        return near

    return Event(16 * number, occurs)


def limited_event(number: int, density: Fraction, epsilon: Fraction, kept: int, *, z: Fraction) -> Event:
    """Add up at most k of the kept ones of n weights, uniform on [-1, 1], to z within epsilon.

    Examples
    --------
    >>> event = limited_event(12, Fraction(1), Fraction(1, 4), 1, z=Fraction(3, 4))
    >>> event.occurs(np.random.default_rng(0), 3).shape
    (3,)
    """
    sizes = range(1, kept + 1)
    places = [np.array(list(combinations(range(number), size)), dtype=np.intp) for size in sizes]

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        live = draw_mask(rng, (trials, number), density)
        weights = np.where(live, rng.uniform(-1.0, 1.0, (trials, number)), np.inf)
        near = np.full(trials, Fraction(abs(z)) <= epsilon)
        with np.errstate(invalid="ignore"):  # dead weights are infinite, so that no sum with them is near
            for chosen in places:
                sums = weights[:, chosen].sum(axis=2)
                near |= (np.abs(sums - float(z)) <= float(epsilon)).any(axis=1)
        return near

    return Event(16 * sum(map(len, places)), occurs)


def quantised_event(number: int, density: Fraction, bits: int, *, target: int) -> Event:
    """Add up some of the kept ones of n weights, uniform multiples of 2^-B in [-1, 1], to a target exactly.

    Examples
    --------
    >>> event = quantised_event(12, Fraction(1), 1, target=1)
    >>> event.occurs(np.random.default_rng(0), 3)
    array([ True,  True,  True])
    """
    most = 2**bits

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        codes = np.where(draw_mask(rng, (trials, number), density), rng.integers(-most, most + 1, (trials, number)), 0)
        return np.array([_reaches(row, target) for row in codes.tolist()], dtype=np.bool_)

    return Event(16 * number, occurs)


def _reaches(codes: list[int], target: int) -> bool:
    """Whether some subset adds up to the target; sums are the bits of a whole number."""
    low = sum(code for code in codes if code < 0)
    sums = 1 << -low  # bit k stands for the sum k + low
    for code in codes:
        sums |= sums << code if code >= 0 else sums >> -code
    place = target - low
    return place >= 0 and bool(sums >> place & 1)


def locked_event(number: int, free: Fraction, locked: Fraction, epsilon: Fraction, *, z: Fraction) -> Event:
    """Add up all locked ones and some of the free ones of n weights, uniform on [-1, 1], to z within epsilon.

    Examples
    --------
    >>> event = locked_event(16, Fraction(3, 4), Fraction(1, 4), Fraction(1, 2), z=Fraction(0))
    >>> event.occurs(np.random.default_rng(0), 3).shape
    (3,)
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        weights = rng.uniform(-1.0, 1.0, (trials, number))
        drawn = rng.random((trials, number))
        always = drawn < float(locked)
        chosen = ~always & (drawn < float(free + locked))
        left = float(z) - np.where(always, weights, 0.0).sum(axis=1)
        errors = [
            best_errors(row, z=goal, kept=kept)[0]
            for row, goal, kept in zip(weights, left.tolist(), chosen, strict=True)
        ]
        return np.array(errors) <= float(epsilon)

    return Event(64 * number, occurs)
