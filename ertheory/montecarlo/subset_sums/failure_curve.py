"""What stopping times say: the failure probability of every number of weights under a mask of every density.

A trial draws weights one by one, without a mask, and T is the first number of weights at which the target is covered.
All failure probabilities follow: f(k) = P(T > k) for k live weights, and by the binomial mixture F(n, p) for n weights
under a mask. F is monotone in f, so one simultaneous interval for f is one for F at all n and p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.montecarlo.intervals import Interval, binomial_interval
from ertheory.montecarlo.subset_sums.draws import Law
from ertheory.montecarlo.subset_sums.mixture import ROUNDING, live_probabilities, mix
from ertheory.numbers import Rational, exact_rational, probability, whole_number
from ertheory.results import Result

__all__ = ["FEWEST_FAILURES", "FailureEstimate", "Required", "StoppingTimes"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FEWEST_FAILURES = 10  # that support an answer
_MOST_WEIGHTS = 10**9


@dataclass(frozen=True, kw_only=True)
class FailureEstimate:
    """A failure probability that was measured.

    Parameters
    ----------
    value
        The estimate, unbiased but for censored trials, which count as failures.
    interval
        Exact; one of those that hold together, for all n and p, with the probability that is their level.
    failures
        As many failures in a plain count would be as precise.
    """

    value: float
    interval: Interval
    failures: int


@dataclass(frozen=True, kw_only=True)
class Required:
    """The number of weights that a simulation asks for.

    Parameters
    ----------
    n
        The smallest one whose estimated failure probability is at most what is allowed.
    low, high
        The true one lies between them, ends included, with probability `level`, for all densities at once.
    level
        See there.
    failures
        That support n, at least 10; see `FailureEstimate`.
    """

    n: int
    low: int
    high: int
    level: float
    failures: int


@dataclass(frozen=True, kw_only=True)
class StoppingTimes(Result):
    """How many trials took how many weights.

    Parameters
    ----------
    epsilon
        Largest distance from a subset sum that counts as covered.
    z
        The target, or ``None`` for all of [-1, 1] at once.
    law
        It is that of the weights: ``uniform`` on [-1, 1], or ``product`` of U[-1, 1] and U[0, 1].
    counts
        Trials with T = 0, 1, .., longest, and last those that are not covered by so many weights.
    seed
        The same seed gives the same counts.
    """

    epsilon: float
    z: float | None
    law: Law
    counts: tuple[int, ...]
    seed: int

    @property
    def trials(self) -> int:
        """How many there were."""
        return sum(self.counts)

    @property
    def censored(self) -> int:
        """Trials that were given up; they count as failures, so that no answer is too small for them."""
        return self.counts[-1]

    @property
    def longest(self) -> int:
        """Weights after which a trial is given up."""
        return len(self.counts) - 2

    @cached_property
    def failures(self) -> Integers:
        """Trials that fail with k = 0..longest live weights, shape (longest + 1,)."""
        return self.trials - np.cumsum(self.counts[:-1])

    def band(self, level: Rational = 0.95) -> tuple[Floats, Floats]:
        """Compute bounds on f(0), .., f(longest) that hold together with probability `level`.

        Clopper-Pearson for each k >= 1, with an equal share of what may go wrong (Bonferroni); f(0) is known.
        """
        share = (1 - probability("level", level)) / self.longest
        intervals = [binomial_interval(int(count), self.trials, 1 - share) for count in self.failures[1:]]
        known = float(self.failures[0] > 0)
        low = np.array([known, *(interval.low for interval in intervals)])
        return low, np.array([known, *(interval.high for interval in intervals)])

    def joined(self, other: StoppingTimes) -> StoppingTimes:
        """Put the trials of two runs together, which must not share any."""
        counts = tuple(map(sum, zip(self.counts, other.counts, strict=True)))
        return replace(self, counts=counts)

    def failure(self, n: int, density: Rational, *, level: Rational = 0.95) -> FailureEstimate:
        """Estimate the probability that no subset of the live ones of n weights is within epsilon of the target.

        Parameters
        ----------
        n
            It is at least 0.
        density
            p in (0, 1].
        level
            It is that of the interval, in (0, 1), for all n and p at once.

        Raises
        ------
        InvalidInput
            If a number is out of range.

        Examples
        --------
        >>> run = StoppingTimes(epsilon=0.1, z=1.0, law="uniform", counts=(0, 5, 90, 5, 0), seed=0)
        >>> estimate = run.failure(6, "1/2")
        >>> round(estimate.value, 4), estimate.failures
        (0.1164, 81)
        """
        n = whole_number("n", n, least=0, most=_MOST_WEIGHTS)
        masses = live_probabilities(n, float(probability("density", density, one=True)), self.longest)
        low, high = self.band(level)
        # Nothing is known of more weights than the longest, but that they fail no more often.
        ends = mix(masses, low, 0.0) * (1 - ROUNDING), min(1.0, mix(masses, high, high[-1]) * (1 + ROUNDING))
        covered = float(probability("level", level))
        return FailureEstimate(
            value=self._mixed(masses), interval=Interval(*ends, covered), failures=self._support(masses)
        )

    def required(self, density: Rational, failure_probability: Rational, *, level: Rational = 0.95) -> Required:
        """Find the smallest n that fails with at most the given probability.

        Parameters
        ----------
        density
            p in (0, 1].
        failure_probability
            delta in (0, 1).
        level
            It is that of the interval, in (0, 1), for all p and delta at once.

        Raises
        ------
        InvalidInput
            If a number is out of range, or fewer than 10 failed trials would support the answer.

        Examples
        --------
        >>> run = StoppingTimes(epsilon=0.1, z=1.0, law="uniform", counts=(0, 50, 900, 50, 0), seed=0)
        >>> run.required("1/2", "1/10")
        Required(n=7, low=7, high=7, level=0.95, failures=759)
        """
        chance = float(probability("density", density, one=True))
        allowed = float(probability("delta", failure_probability))
        low, high = self.band(level)

        def first(failures: Floats, beyond: float, limit: float = allowed) -> int | None:
            return _first(lambda n: mix(live_probabilities(n, chance, self.longest), failures, beyond) <= limit)

        share = self.failures / self.trials
        if share[-1] > allowed:
            given_up = f"at least {share[-1]:.2g}, the part of the trials given up after {self.longest} weights"
            raise InvalidInput("delta", f"{given_up} (the explicit bound has no such limit)", failure_probability)
        n = first(share, share[-1])
        support = 0 if n is None else self._support(live_probabilities(n, chance, self.longest))
        most = first(high, high[-1], allowed * (1 - ROUNDING))
        # Nothing is needed to see that the empty sum is near enough: n = 0 needs no failures.
        if n is None or most is None or (n > 0 and support < FEWEST_FAILURES):
            # From one n to the next the failure probability falls to no less than 0.4 of it, and noise takes its part.
            enough = math.ceil(4 * FEWEST_FAILURES / allowed)
            advice = f"{enough:,} or so for delta = {allowed:g} (the explicit bound needs no trials)"
            raise InvalidInput("trials", advice, self.trials)
        least = first(low, 0.0, allowed * (1 + ROUNDING))
        return Required(n=n, low=least or 0, high=most, level=float(probability("level", level)), failures=support)

    def crossing(self, density: Rational, failure_probability: Rational) -> float:
        """Find where the failure probability, drawn as a line in log F between whole n, falls to delta.

        For fits and figures: unlike the smallest n, it is not rounded.
        """
        n = self.required(density, failure_probability).n
        if n == 0:
            return 0.0
        chance, allowed = (float(exact_rational("density", value)) for value in (density, failure_probability))
        before, after = (self._mixed(live_probabilities(place, chance, self.longest)) for place in (n - 1, n))
        return n - math.log(allowed / after) / math.log(before / after)

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        return {
            "epsilon": self.epsilon,
            "z": self.z,
            "uniform": self.z is None,
            "law": self.law,
            "trials": self.trials,
            "censored": self.censored,
            "counts": list(self.counts),
            "seed": self.seed,
        }

    def _mixed(self, masses: Floats) -> float:
        share = self.failures / self.trials
        return mix(masses, share, share[-1])

    def _support(self, masses: Floats) -> int:
        """Count how many failures in a plain count of masked trials would be as precise, rounded down.

        A trial contributes Y = P(K < T), and (sum Y)^2 / sum Y^2 of them carry the estimate. Without a mask Y is 0 or
        1, and these are the failures.
        """
        # A trial that was given up fails for ever.
        shares = np.append(np.cumsum(np.append(0.0, masses[:-2])), 1.0)
        counts = np.array(self.counts)
        most = counts @ shares**2
        return int((counts @ shares) ** 2 / most * (1 + ROUNDING)) if most > 0 else 0


def _first(allowed: Callable[[int], bool]) -> int | None:
    """Find the smallest n from which on something holds, or nothing if it does not for a thousand million."""
    if allowed(0):
        return 0
    high = 1
    while not allowed(high):
        if high > _MOST_WEIGHTS:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if allowed(middle) else (middle, high)
    return high
