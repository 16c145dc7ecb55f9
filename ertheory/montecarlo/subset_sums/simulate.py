"""How many weights a random subset sum needs, by simulation: one answer with its interval."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput
from ertheory.montecarlo.intervals import binomial_interval
from ertheory.montecarlo.subset_sums.coverage_times import stopping_times
from ertheory.montecarlo.subset_sums.draws import Law
from ertheory.montecarlo.subset_sums.failure_curve import Required, StoppingTimes
from ertheory.montecarlo.subset_sums.spread import check_trials
from ertheory.numbers import Rational, named_numbers, probability
from ertheory.results import Explained, Step

__all__ = ["SimulatedSubsetSum", "simulate_subset_sum"]

_FIRST_TRIALS = 4096
_LAST_TRIALS = 2**22  # of a run that decides by itself when to stop


@dataclass(frozen=True, kw_only=True)
class SimulatedSubsetSum(Explained):
    """A measured number of weights.

    Parameters
    ----------
    density, epsilon, failure_probability
        p, epsilon and delta.
    z
        The target, ``None`` for all of [-1, 1] at once.
    law
        It is that of the weights.
    n
        Smallest number whose estimated failure probability is at most delta.
    interval
        The true number lies in it, ends included, with probability `level`.
    level
        See there; it holds although the run may have stopped when it had seen enough.
    failures
        Failed trials that support n, at least 10.
    trials, seed
        How many were drawn, and from what.
    seconds
        What they took, without compilation.
    """

    density: Fraction
    epsilon: Fraction
    failure_probability: Fraction
    z: float | None
    law: Law
    n: int
    interval: tuple[int, int]
    level: float
    failures: int
    trials: int
    seed: int
    seconds: float = field(compare=False)

    @property
    def trials_per_second(self) -> float:
        """Speed of this run."""
        return self.trials / self.seconds

    @property
    def heading(self) -> str:
        """The statement and how its number was found."""
        return "measured, Lemma 2.4 by simulation"

    def steps(self) -> tuple[Step, ...]:
        """Give what was counted, and what the interval rests on."""
        values = {"p": self.density, "e": self.epsilon, "delta": self.failure_probability}
        target = "every z in [-1, 1]" if self.z is None else f"z = {self.z:g}"
        low, high = self.interval
        return (
            f"n is the smallest number with P(no subset of n variables within e of {target}) <= delta",
            f"{named_numbers(values)}: n = {self.n}, where {self.failures} of the trials that count failed",
            f"{self.trials} trials, seed {self.seed}: with probability {self.level:g} the true n is in [{low}, {high}]",
        )

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        return {
            "n": self.n,
            "interval": list(self.interval),
            "level": self.level,
            "failures": self.failures,
            "trials": self.trials,
            "trials_per_second": round(self.trials_per_second, 1),
            "seed": self.seed,
            "statement": "Lemma 2.4, simulated",
            "variant": "measured",
            "density": rational_text(self.density),
            "epsilon": rational_text(self.epsilon),
            "delta": rational_text(self.failure_probability),
            "z": self.z,
            "uniform": self.z is None,
            "law": self.law,
        }


def simulate_subset_sum(
    density: Rational,
    epsilon: Rational,
    failure_probability: Rational,
    *,
    z: Rational = 1,
    uniform: bool = False,
    law: Law = "uniform",
    trials: int | None = None,
    seed: int = 0,
    level: Rational = 0.95,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> SimulatedSubsetSum:
    """Measure how many weights are needed to come within epsilon of a target with probability 1 - delta.

    Parameters
    ----------
    density
        p in (0, 1].
    epsilon
        It lies in (0, 1); at least 10^-6 where `uniform`, 10^-9 otherwise.
    failure_probability
        delta in (0, 1).
    z
        The target, in [-1, 1].
    uniform
        Ask for all of [-1, 1] at once.
    law
        ``uniform`` or ``product``, see `ertheory.montecarlo.subset_sums.draws`.
    trials
        1 to 10^9. Left out, trials are added until the interval has at most two neighbouring numbers, or there are
        4,194,304 of them.
    seed
        0 <= seed < 2^128.
    level
        It is that of the interval, in (0, 1).
    workers
        So many threads are used; the numbers do not depend on them. See `ertheory.montecarlo.subset_sums.spread.spread`
        for clusters.
    progress
        It is told the number of finished trials, again and again.

    Raises
    ------
    InvalidInput
        If an argument is out of range, or fewer than 10 failures would support the answer.

    Notes
    -----
    A run that decides when to stop looks at its interval several times, after 4096, 8192, ... trials. Its look number
    j = 1, 2, ... may err with probability (1 - level) / (j (j + 1)), and these add up to less than 1 - level: whenever
    it stops, the interval holds.

    Examples
    --------
    >>> found = simulate_subset_sum("1/2", "0.1", "0.1", trials=20_000)
    >>> found.n, found.interval
    (19, (19, 19))
    >>> simulate_subset_sum("1/2", "0.1", "0.1").trials
    4096
    """
    chance, tolerance = probability("density", density, one=True), probability("epsilon", epsilon)
    allowed, covered = probability("delta", failure_probability), probability("level", level)
    binomial_interval(0, 1, covered)  # what no double tells from 1 is refused before anything is drawn or compiled
    asked = None if trials is None else check_trials(trials)
    stopping_times(tolerance, z=z, uniform=uniform, law=law, trials=1, seed=seed)  # compiles what is timed below
    start = time.perf_counter()

    def draw(first: int, number: int) -> StoppingTimes:
        def report(done: int) -> None:
            if progress is not None:
                progress(first + done)

        return stopping_times(
            tolerance,
            z=z,
            uniform=uniform,
            law=law,
            trials=number,
            seed=seed,
            first=first,
            workers=workers,
            progress=report,
        )

    if asked is not None:
        run = draw(0, asked)
        found = run.required(chance, allowed, level=covered)
    else:
        run, found = _until_sharp(draw, chance, allowed, covered)
    return SimulatedSubsetSum(
        density=chance,
        epsilon=tolerance,
        failure_probability=allowed,
        z=run.z,
        law=law,
        n=found.n,
        interval=(found.low, found.high),
        level=float(covered),
        failures=found.failures,
        trials=run.trials,
        seed=seed,
        seconds=time.perf_counter() - start,
    )


def _until_sharp(
    draw: Callable[[int, int], StoppingTimes], density: Fraction, allowed: Fraction, level: Fraction
) -> tuple[StoppingTimes, Required]:
    run, look = draw(0, _FIRST_TRIALS), 1
    while True:
        found, reason = None, None
        try:
            found = run.required(density, allowed, level=1 - (1 - level) / (look * (look + 1)))
        except InvalidInput as error:  # too few failures so far
            reason = error
        if found is not None and found.high - found.low <= 1:
            return run, found
        if run.trials >= _LAST_TRIALS:
            if found is None:
                raise reason or InvalidInput("trials", "more", run.trials)
            return run, found
        run, look = run.joined(draw(run.trials, run.trials)), look + 1
