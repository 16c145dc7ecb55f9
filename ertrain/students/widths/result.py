"""What the comparison of theory and training gives, and how much is computed for it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from ertheory.bounds.result import Width
from ertheory.montecarlo.anytime import AnytimeTest
from ertheory.results import Explained, Step
from ertrain.students.batched import Budget
from ertrain.students.teacher import Tolerance
from ertrain.students.widths.line import WidthLine

__all__ = ["SCALES", "Failures", "Kind", "Measured", "Scale", "TheoryMeetsTraining"]

Kind = Literal["construction", "training"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is computed.

    Parameters
    ----------
    budget
        It is that of every student, chosen on other teachers than those that are measured.
    level
        With this probability, at least, all verdicts of all tests are right.
    effort, least
        A test ends undecided after effort / delta trials; none ends before `least`.
    students
        As many are trained as one batched model.
    resolution
        The search for a total ends where what is left is no more than this share of it.
    classifier_rate
        Learning rate in place of that of the budget where the teacher is a classifier, chosen on another one.
    """

    budget: Budget
    level: Fraction
    effort: int
    students: int
    least: int = 200
    resolution: float = 0.0
    classifier_rate: float = 0.01

    def most_trials(self, failure_probability: Fraction) -> int:
        """Give the number of trials after which a test ends undecided."""
        return max(self.least, math.ceil(self.effort / failure_probability))


SCALES = {
    "quick": Scale(budget=Budget(steps=4000), level=Fraction(19, 20), effort=16, students=32, resolution=0.03),
    "small": Scale(budget=Budget(steps=10_000), level=Fraction(99, 100), effort=40, students=64, resolution=0.01),
    "paper": Scale(budget=Budget(steps=50_000, batch=256), level=Fraction(99, 100), effort=200, students=512),
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The smallest total at which something succeeds on a share of 1 - delta of the masks.

    Parameters
    ----------
    kind
        ``construction`` or ``training``.
    total, widths
        Smallest that a test has shown to be enough, up to the resolution; None if not even the printed widths were.
    interval
        An interval for the smallest total that is enough, among those of the line, where failures grow rarer along it:
        from the one behind the largest that a test has shown to be too small. None where `total` is.
    tests
        All that were made, with their totals, in this order.
    """

    kind: Kind
    total: int | None
    widths: tuple[int, ...] | None
    interval: tuple[int, int] | None
    tests: tuple[tuple[int, AnytimeTest], ...]

    @property
    def trials(self) -> int:
        """How many masks all tests looked at."""
        return sum(test.trials for _, test in self.tests)

    def steps(self) -> tuple[str, ...]:
        """Give the smallest total that is enough, and the largest that is too small, with their intervals."""
        enough = [made for made in self.tests if made[1].verdict == "at most"]
        too_small = [made for made in self.tests if made[1].verdict == "above"]
        ends = [*sorted(too_small, key=_total)[-1:], *sorted(enough, key=_total)[:1]]
        return tuple(
            f"{self.kind}, {total:,} neurons: n = {test.trials}, k = {test.failures}, level = "
            f"{test.interval.level:.6g}: theta in [{test.interval.low:.4g}, {test.interval.high:.4g}], {test.verdict} "
            f"delta = {float(test.limit):g}"
            for total, test in ends
        )


def _total(made: tuple[int, AnytimeTest]) -> int:
    return made[0]


@dataclass(frozen=True, kw_only=True)
class Failures:
    """Why students failed, at the largest total below the training width that a test has shown to be too small.

    Parameters
    ----------
    total, trials
        Where, and how many students there were; the largest that was tested if none was shown to be too small, None and
        0 if no smaller one was tested.
    mask
        So many failed on masks on which the construction fails too.
    optimiser
        So many failed although the construction exists on the mask.
    """

    total: int | None
    trials: int
    mask: int
    optimiser: int


@dataclass(frozen=True, kw_only=True)
class TheoryMeetsTraining(Explained):
    """Bounds, constructions and training on one axis.

    Parameters
    ----------
    bounds
        Answers of the methods ``sharp``, ``exact`` and ``printed``, where there are any.
    necessary
        The largest width of the necessary statements for each hidden layer, None where none says anything.
    line
        The widths that were looked at.
    construction, training
        What was measured.
    failures
        Those of training, split.
    tolerance, scale, seed
        What it rests on.
    """

    bounds: tuple[Width, ...]
    necessary: tuple[int | None, ...]
    line: WidthLine
    construction: Measured
    training: Measured
    failures: Failures
    tolerance: Tolerance
    scale: Scale
    seed: int

    @property
    def heading(self) -> str:
        """What is compared."""
        return f"constructions and training along the widths from {self.line.lowest:,} to {self.line.highest:,} neurons"

    def steps(self) -> tuple[Step, ...]:
        """Give the formulas of the bounds, that of the intervals, and the tests that decided the two totals."""
        bounds = [step for one in self.bounds if one.applies for step in (f"{one.heading}:", *one.steps())]
        return (
            *bounds,
            "k of n students, or constructions, failed; a test ends where its interval is on one side of delta:",
            "all theta with B(k + 1/2, n - k + 1/2) / (B(1/2, 1/2) theta^k (1 - theta)^(n - k)) < 1 / (1 - level)",
            f"level: {float(self.scale.level):g} for all tests together, split evenly among as many as there may be",
            *(line for one in (self.construction, self.training) for line in one.steps()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        known = [width for width in self.necessary if width is not None]
        total = sum(known) if len(known) == len(self.necessary) else None
        rows: list[dict[str, Any]] = [
            {"method": "necessary", "widths": list(self.necessary), "total": total, "interval": None, "applies": True}
        ]
        rows += [
            {
                "method": one.method,
                "widths": list(one.widths[:-1]),
                "total": one.total,
                "interval": None,
                "applies": one.applies,
            }
            for one in self.bounds
        ]
        rows += [
            {
                "method": one.kind,
                "widths": None if one.widths is None else list(one.widths),
                "total": one.total,
                "interval": None if one.interval is None else list(one.interval),
                "applies": one.total is not None,
            }
            for one in (self.construction, self.training)
        ]
        tests = [
            {"method": one.kind, "total": total, "widths": list(self.line.widths(total)), **test.to_dict()}
            for one in (self.construction, self.training)
            for total, test in sorted(one.tests, key=lambda made: made[0])
        ]
        failures = self.failures
        return {
            "results": rows,
            "trials": self.training.trials,
            "failures": {
                "mask": failures.mask,
                "optimiser": failures.optimiser,
                "total": failures.total,
                "trials": failures.trials,
            },
            "line": {
                "first": list(self.line.first),
                "last": list(self.line.last),
                "corners": list(map(list, self.line.corners)),
            },
            "tests": tests,
            "level": float(self.scale.level),
            "resolution": self.scale.resolution,
            "tolerance": {"rms": self.tolerance.rms, "largest": self.tolerance.largest},
            "budget": asdict(self.scale.budget),
            "seed": self.seed,
        }
