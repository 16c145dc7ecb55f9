"""How far the law of dropped copies is from 1 - delta, and what Coq has to compute to see it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.drop.law import log_drop, read_neurons
from ertheory.bounds.result import Width
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball, enclose, log_sparsity

__all__ = ["CertifiedLaw"]

Window = tuple[int, int]


@dataclass(frozen=True)
class CertifiedLaw:
    """The law of dropped copies at the widths of an answer.

    Parameters
    ----------
    answer
        The widths, for a target of depth L >= 2.
    thresholds
        t_1..t_{L-2}.
    """

    answer: Width
    thresholds: tuple[int, ...]

    @property
    def target(self) -> Target:
        """The network that the widths are for."""
        return self.answer.target

    @property
    def factors(self) -> tuple[int, ...]:
        """The copies q_0..q_L."""
        return self.answer.factors or ()

    def fewer(self) -> Iterator[tuple[int, ...]]:
        """Take one copy from the neurons of each layer in turn."""
        for one, copies in enumerate(self.factors[:-1]):
            if copies > 1:
                yield (*self.factors[:one], copies - 1, *self.factors[one + 1 :])

    def excess(self, factors: tuple[int, ...], lost: Fraction = Fraction(0)) -> tuple[Fraction, Fraction]:
        """Enclose log(law (1 - lost) / (1 - delta)); by 0 twice where that cannot be told from 0."""
        answer, levels = self.answer, (*self.thresholds, 0)
        if any(copies < level for copies, level in zip(factors[1:], levels, strict=False)):
            return Fraction(-1), Fraction(-1)  # or far less: there are not so many copies

        def difference() -> Ball:
            law = log_drop(answer.target, answer.densities, factors, self.thresholds)
            return law + ball(1 - lost).log() - log_sparsity(answer.failure_probability)

        try:
            return enclose(difference, digits=2)
        except InfeasibleWidth:
            return Fraction(0), Fraction(0)

    def windows(self, lost: Fraction) -> list[Window]:
        """Choose for each hidden layer the numbers of good copies, so that others are unlikely with any design."""
        sources, found = (self.factors[0], *self.thresholds), []
        for layer in range(1, self.target.depth):
            kinds = read_neurons(self.target, layer)
            each = lost / ((self.target.depth - 1) * sum(count for _, _, count in kinds))
            starts, ends = [], []
            for below in {sources[layer - 1], max(1, sources[layer - 1] - (layer == 1))}:
                for fan_in in {kind[0] for kind in kinds}:
                    for copies in {self.factors[layer], max(1, self.factors[layer] - 1)}:
                        start, end = _likely(copies, float(self.answer.densities[layer]), below, fan_in, each)
                        starts.append(start)
                        ends.append(end)
            start = min(min(starts), self.factors[layer])
            found.append((start, max(ends) - start))
        return found

    def roundings(self, windows: list[Window]) -> int:
        """Bound by how many units of the last digit the law that Coq computes may be wrong."""
        total = 0
        for layer, (_, length) in enumerate(windows, start=1):
            for fan_in, fan_out, count in read_neurons(self.target, layer):
                links = (fan_in + 1) * self.factors[layer - 1] + fan_out * self.factors[layer + 1] + length
                total += 64 * count * (self.factors[layer] + 1) * links
        return total


def _likely(copies: int, density: float, sources: int, fan_in: int, lost: Fraction) -> Window:
    """Choose start and end of a window of Bin(q, (1 - (1 - p)^s)^a), outside of which the chance is small."""
    missed = (1 - density) ** sources
    good = math.exp(fan_in * math.log1p(-missed)) if missed < 1 else 0.0
    bad = -math.expm1(fan_in * math.log1p(-missed)) if missed < 1 else 1.0
    if not bad or not good:
        return (copies, copies + 1) if not bad else (0, 1)
    least = math.log(lost.numerator) - math.log(lost.denominator) - math.log(4 * copies + 4)
    log_good, log_bad = math.log(good), math.log(bad)
    whole = math.lgamma(copies + 1)
    likely = [
        number
        for number in range(copies + 1)
        if whole
        - math.lgamma(number + 1)
        - math.lgamma(copies - number + 1)
        + number * log_good
        + (copies - number) * log_bad
        > least
    ]
    return likely[0], likely[-1] + 1
