"""The event of Lemma 2.4: some subset of the weights that a mask leaves sums to the target."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ertheory.montecarlo.events.sampling import Bools, Event, draw_mask
from ertheory.montecarlo.subset_sums.meet_in_the_middle import best_errors

__all__ = ["subset_sum_event"]


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
