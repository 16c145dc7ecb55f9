"""A test that may be looked at after every trial, of whether something fails with a probability of at most delta.

The interval that it rests on covers the truth at all times at once, so that stopping as soon as it has decided, or
looking once more because it has not, costs nothing.

>>> rng = np.random.default_rng(0)
>>> seldom = lambda trials: rng.random(trials) < 0.01
>>> decide_failure_rate(seldom, limit=Fraction(1, 20), level=Fraction(99, 100)).verdict
'at most'
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ertheory.bounds.result import rational_text
from ertheory.montecarlo.intervals import Interval
from ertheory.numbers import probability, whole_number
from ertheory.results import Result

__all__ = ["AnytimeTest", "Verdict", "anytime_interval", "decide_failure_rate"]

Verdict = Literal["at most", "above", "undecided"]

_BATCH = 16
_SLACK = 1e-9  # of a logarithm of the martingale, far more than rounding makes of it


@dataclass(frozen=True, kw_only=True)
class AnytimeTest(Result):
    """What an anytime test found.

    Parameters
    ----------
    limit
        delta, the failure probability that was asked about.
    trials, failures
        Made, and among them failed, until it was decided or the trials were used up.
    interval
        An interval for the failure probability, at the level of the test, whenever it is looked at.
    verdict
        ``at most`` if the interval ends below delta, ``above`` if it begins beyond it, else ``undecided``.
    """

    limit: Fraction
    trials: int
    failures: int
    interval: Interval
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        return {
            "limit": rational_text(self.limit),
            "trials": self.trials,
            "failures": self.failures,
            "interval": [self.interval.low, self.interval.high],
            "level": self.interval.level,
            "verdict": self.verdict,
        }


def anytime_interval(failures: int, trials: int, level: Fraction) -> Interval:
    r"""Compute an interval for a failure probability that covers the truth after every number of trials at once.

    Parameters
    ----------
    failures
        How many trials failed, 0..trials.
    trials
        They are at least 1.
    level
        It lies in (0, 1).

    Notes
    -----
    Let theta be the failure probability, f and s = n - f the failures and successes in n trials, and

    .. math:: M_n = \int_0^1 \frac{x^f (1-x)^s}{\theta^f (1-\theta)^s} \, \mathrm{d}B(x)
                  = \frac{\mathrm{B}(f + 1/2, s + 1/2)}{\mathrm{B}(1/2, 1/2) \, \theta^f (1-\theta)^s}

    for the beta law B with both parameters 1/2. Each integrand is a product of likelihood ratios and a martingale of
    mean 1, so M_n is one, and positive: by Ville's inequality it ever reaches 1/alpha with a probability of at most
    alpha (Robbins, Annals of Mathematical Statistics 41 (1970), 1397-1409). The interval holds all theta with
    M_n < 1/alpha; as log M_n is convex in theta it is one, found by bisection and rounded outwards.

    Examples
    --------
    >>> found = anytime_interval(0, 200, Fraction(99, 100))
    >>> found.low, round(found.high, 4)
    (0.0, 0.0384)
    """
    from scipy.special import betaln

    successes = trials - failures
    constant = float(betaln(failures + 0.5, successes + 0.5) - betaln(0.5, 0.5)) - _SLACK
    threshold = -math.log(1 - level)

    def outside(theta: float) -> bool:
        if theta in (0.0, 1.0):
            return bool(failures if theta == 0 else successes)
        return constant - failures * math.log(theta) - successes * math.log1p(-theta) >= threshold

    middle = failures / trials
    return Interval(_end(outside, middle, 0.0), _end(outside, middle, 1.0), float(level))


def _end(outside: Callable[[float], bool], inner: float, outer: float) -> float:
    """Bisect between a point of the interval and an end of [0, 1], and stay outside."""
    if not outside(outer):
        return outer
    for _ in range(200):
        middle = (inner + outer) / 2
        if middle in (inner, outer):
            break
        if outside(middle):
            outer = middle
        else:
            inner = middle
    return outer


def decide_failure_rate(
    fails: Callable[[int], npt.NDArray[np.bool_]],
    *,
    limit: Fraction,
    level: Fraction,
    most_trials: int | None = None,
    least_trials: int = 0,
    progress: Callable[[int], object] | None = None,
) -> AnytimeTest:
    """Make trials until it is clear whether the failure probability is at most delta, or above it.

    Parameters
    ----------
    fails
        Makes so many further independent trials, and says of each whether it failed.
    limit
        delta, in (0, 1).
    level
        It lies in (0, 1): with this probability, at least, the interval covers the truth, and the verdict is right.
    most_trials
        After so many the verdict is ``undecided``; 40 / delta, rounded up, if left out, which is about what it takes
        to tell a third of delta from delta.
    least_trials
        No verdict is given before; what is clear earlier stays so with the probability `level`, and its interval gets
        narrower.
    progress
        It is told of new trials.

    Raises
    ------
    InvalidInput
        If a number lies outside its domain.

    Examples
    --------
    >>> never = decide_failure_rate(lambda trials: np.ones(trials, bool), limit=Fraction(1, 2), level=Fraction(99, 100))
    >>> never.verdict, never.trials
    ('above', 16)
    """
    limit, level = probability("limit", limit), probability("level", level)
    most = math.ceil(40 / limit) if most_trials is None else whole_number("most_trials", most_trials, least=1)
    trials = failures = 0
    while True:
        batch = min(_BATCH, most - trials)
        failures += int(np.count_nonzero(fails(batch)))
        trials += batch
        if progress is not None:
            progress(batch)
        interval = anytime_interval(failures, trials, level)
        verdict: Verdict = (
            "at most"
            if Fraction(interval.high) <= limit
            else "above"
            if Fraction(interval.low) > limit
            else "undecided"
        )
        if (verdict != "undecided" and trials >= least_trials) or trials == most:
            return AnytimeTest(limit=limit, trials=trials, failures=failures, interval=interval, verdict=verdict)
