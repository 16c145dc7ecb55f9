"""Check a closed form by simulation: count an event in drawn masks, and compare with what the law predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from ertheory.bounds import STATEMENTS as STATED
from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput, one_of
from ertheory.montecarlo.events.sampling import count_occurrences
from ertheory.montecarlo.intervals import Interval, binomial_interval
from ertheory.montecarlo.statements.catalogue import ALIASES, CHECKS, case_of
from ertheory.networks.target import Target
from ertheory.numbers import Rational, named_numbers
from ertheory.results import Explained, Step

__all__ = ["Verification", "verify"]

_TRIALS = 20_000
_BUILT_TRIALS = 2_000


@dataclass(frozen=True, kw_only=True)
class Verification(Explained):
    """A prediction and what was counted.

    Parameters
    ----------
    statement
        Name of the statement, aliases resolved.
    says
        The event whose probability is predicted, in words.
    target, widths, densities
        The case: target, N_0..N_L (``None`` where the event does not speak of a layer), one density per source layer.
    trials, successes
        Masks drawn, and those in which the event occurred.
    interval
        Exact interval for the probability of the event. Its level is 1 - the false-alarm rate of this run: the
        probability, at most, that `agrees` is false of a law that is true.
    predicted
        The probability by the law, or a lower and an upper bound.
    seed
        The same seed gives the same count.
    built
        Whether a source was built in every mask and proved to be the target, or the event read off the mask.
    """

    statement: str
    says: str
    target: Target
    widths: tuple[int | None, ...]
    densities: tuple[Fraction, ...]
    trials: int
    successes: int
    interval: Interval
    predicted: float | tuple[float, float]
    seed: int
    built: bool = False

    @property
    def estimate(self) -> float:
        """Fraction of the trials in which the event occurred."""
        return self.successes / self.trials

    @property
    def level(self) -> float:
        """Level of the interval."""
        return self.interval.level

    @property
    def predicted_kind(self) -> Literal["exact", "bounds"]:
        """Whether the law gives the probability itself, or bounds on it."""
        return "bounds" if isinstance(self.predicted, tuple) else "exact"

    @property
    def agrees(self) -> bool:
        """Whether the interval holds a probability that the law allows."""
        low, high = self.predicted if isinstance(self.predicted, tuple) else (self.predicted, self.predicted)
        return self.interval.meets(low, high)

    @property
    def heading(self) -> str:
        """The name of the statement, and its case."""
        return f"{self.statement}, target {self.target}"

    def steps(self) -> tuple[Step, ...]:
        """Give the event, its law with the numbers of the case, and the interval that it is compared with."""
        low, high = self.predicted if isinstance(self.predicted, tuple) else (self.predicted, self.predicted)
        law = f"P = {low:.10g}" if low == high else f"{low:.10g} <= P <= {high:.10g}"
        ends = f"low = {self.interval.low:.6g}, high = {self.interval.high:.6g}"
        half = f"{(1 - self.level) / 2:.3g}"
        case: dict[str, Fraction | int] = {f"p_{layer}": density for layer, density in enumerate(self.densities)}
        case |= {f"N_{layer}": width for layer, width in enumerate(self.widths) if width is not None}
        return (
            f"event: {self.says}",
            *(f"{one.name}: {one.title} ({one.source})" for one in STATED if self.statement in one.checks),
            f"{named_numbers(case)}: by the law {law}",
            "P(Bin(n, low) >= k) = P(Bin(n, high) <= k) = (1 - level)/2 (Clopper and Pearson)",
            f"n = {self.trials}, k = {self.successes}, (1 - level)/2 = {half}: {ends}",
            f"the interval {'holds' if self.agrees else 'does not hold'} a probability that the law allows",
        )

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows."""
        return {
            "statement": self.statement,
            "says": self.says,
            "target": str(self.target),
            "widths": list(self.widths),
            "densities": [rational_text(density) for density in self.densities],
            "trials": self.trials,
            "successes": self.successes,
            "estimate": self.estimate,
            "interval": [self.interval.low, self.interval.high],
            "level": self.level,
            "predicted": list(self.predicted) if isinstance(self.predicted, tuple) else self.predicted,
            "predicted_kind": self.predicted_kind,
            "agrees": self.agrees,
            "built": self.built,
            "seed": self.seed,
        }


def verify(
    statement: str,
    *,
    trials: int | None = None,
    seed: int = 0,
    level: Rational = 0.9999,
    build: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Verification:
    """Check the law of a statement on its case by simulation.

    Parameters
    ----------
    statement
        One of `CHECKS`.
    trials
        Masks to draw, 1 to 10^9; 20,000 if left out, 2,000 with `build`; fewer where the event takes long to decide.
    seed
        It is at least 0.
    level
        It is that of the exact interval, in (0, 1).
    build
        Build a source in every mask, and count those in which it is found and proved to be the target.
    progress
        It is told the number of finished trials, again and again.

    Raises
    ------
    InvalidInput
        If the statement is unknown, a number is out of range, or there is nothing to build.

    Examples
    --------
    >>> checked = verify("theorem-2.3", trials=1_000, seed=5)
    >>> checked.statement, checked.agrees
    ('theorem-2.3-relu', True)
    """
    one_of("statement", statement, CHECKS)
    binomial_interval(0, 1, level)  # a bad level is refused before the masks are drawn, not after
    case = case_of(statement)
    event = case.built if build else case.event
    if event is None:
        raise InvalidInput("build", "a statement about a construction, such as theorem-2.1 or drop", statement)
    predicted = case.predicted if case.predicted_built is None or not build else case.predicted_built
    usual = _BUILT_TRIALS if build else _TRIALS
    number = trials if trials is not None else case.trials or usual
    successes = count_occurrences(event, number, seed, progress=progress)
    return Verification(
        statement=ALIASES.get(statement, statement),
        says=case.says,
        target=case.target,
        widths=case.widths,
        densities=case.densities,
        trials=number,
        successes=successes,
        interval=binomial_interval(successes, number, level),
        predicted=predicted,
        seed=seed,
        built=build,
    )
