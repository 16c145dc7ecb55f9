"""One statement put to given widths, whether it holds at a density and with which probability.

Two kinds of statements answer in the same form. A construction answers with the best copies that fit into the widths;
a necessary condition answers with a ceiling that no construction exceeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from ertheory.bounds.blocks.available import best_factors, most_factors
from ertheory.bounds.blocks.closed_form import closed_form, reading, refuse_masked, statement_of
from ertheory.bounds.blocks.laws import LAW_BITS, Law, Layer0, checked_layer0
from ertheory.bounds.blocks.minimal import law_holds
from ertheory.bounds.drop.law import exact_drop
from ertheory.bounds.drop.thresholds import best_thresholds
from ertheory.bounds.drop.widths import SHARED, dropped_statement, log_kept
from ertheory.bounds.necessary.degree import degree_ceiling, degree_refusal
from ertheory.bounds.necessary.univariate import coverage_ceiling
from ertheory.bounds.result import Kind
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball, decide, enclose, exp_complement, log_sparsity, midpoint

__all__ = ["QUESTIONS", "Question", "ask"]

QUESTIONS = ("printed", "exact", "drop", "theorem-2.3", "degree")

Bounds = tuple[Fraction | None, Fraction | None]


class Question(Protocol):
    """A statement about given widths."""

    @property
    def method(self) -> str:
        """Short name."""

    @property
    def statement(self) -> str:
        """The statement and its source."""

    @property
    def kind(self) -> Kind:
        """Printed, sufficient or necessary."""

    @property
    def layer0(self) -> str:
        """How layer 0 is read."""

    @property
    def target(self) -> Target:
        """The target."""

    @property
    def widths(self) -> tuple[int, ...]:
        """N_0..N_L."""

    @property
    def reason(self) -> str:
        """On which conditions the answer rests."""

    @property
    def refusal(self) -> str:
        """Why the statement says nothing about these widths, or an empty string."""

    def refuses(self, densities: tuple[Fraction, ...]) -> str:
        """Why the statement says nothing at these densities, or an empty string."""

    def densities(self, density: Fraction) -> tuple[Fraction, ...]:
        """p_0..p_L where all masked layers share one density."""

    def holds(self, density: Fraction, failure_probability: Fraction) -> bool:
        """Whether the statement grants (or does not rule out) success with probability 1 - delta."""

    def success(self, densities: tuple[Fraction, ...]) -> Bounds:
        """Lower and upper bound on the success probability, as far as the statement gives them."""

    def factors(
        self, densities: tuple[Fraction, ...], failure_probability: Fraction | None = None
    ) -> tuple[int, ...] | None:
        """Give the copies that the answer builds on."""


def ask(target: Target, widths: tuple[int, ...], method: str, layer0: Layer0) -> Question:
    """Put one statement to widths that fit the target.

    Raises
    ------
    InvalidInput
        If there is no such method or reading of layer 0.

    Examples
    --------
    >>> ask(Target.from_text("4-8-3"), (56, 7, 3), "exact", "dense").refusal
    'layer 1 has 7 neurons, the target has 8'
    """
    if method not in QUESTIONS:
        raise InvalidInput("method", f"one of {', '.join(QUESTIONS)}", method)
    checked_layer0(layer0)
    if method in ("printed", "exact"):
        return _Construction(method, target, widths, layer0)
    if method == "drop":
        return _Dropped(method, target, widths, layer0)
    return _Necessary(method, target, widths)


@dataclass(frozen=True)
class _Construction:
    method: str
    target: Target
    widths: tuple[int, ...]
    layer0: Layer0

    @property
    def statement(self) -> str:
        return statement_of(self.target)

    @property
    def kind(self) -> Kind:
        return "printed" if self.method == "printed" and self.layer0 == "dense" else "sufficient"

    @property
    def reason(self) -> str:
        return reading(self.target, self.layer0)

    @property
    def refusal(self) -> str:
        for layer, (width, size) in enumerate(zip(self.widths, self.target.widths, strict=True)):
            if width < size:
                return f"layer {layer} has {width} neurons, the target has {size}"
        return ""

    def refuses(self, densities: tuple[Fraction, ...]) -> str:
        return refuse_masked(Law(self.target, densities, self.layer0))

    def densities(self, density: Fraction) -> tuple[Fraction, ...]:
        first = Fraction(1) if self.layer0 == "dense" else density
        return (first, *(density,) * self.target.depth)

    def holds(self, density: Fraction, failure_probability: Fraction) -> bool:
        law = Law(self.target, self.densities(density), self.layer0)
        try:
            if self.method == "printed":
                form = closed_form(law, failure_probability)
                fits = all(q <= most for q, most in zip(form.factors, self._most, strict=True))
                return fits and form.first_width <= self.widths[0]
            return law_holds(law, failure_probability, self._best(law), self.widths[0]).holds
        except InfeasibleWidth:
            return False  # too close or too long to decide: not granted

    def success(self, densities: tuple[Fraction, ...]) -> Bounds:
        law = Law(self.target, densities, self.layer0)
        factors = self._best(law)
        if self.method == "exact":
            value = enclose(
                lambda: exp_complement(law.log_success(factors, self.widths[0])), digits=6, most_bits=LAW_BITS
            )
        else:
            value = enclose(lambda: law.union_failure(factors, self.widths[0]), digits=6, most_bits=LAW_BITS)
        return max(Fraction(0), 1 - value[1]), None

    def factors(
        self, densities: tuple[Fraction, ...], failure_probability: Fraction | None = None
    ) -> tuple[int, ...] | None:
        law = Law(self.target, densities, self.layer0)
        if self.method == "printed" and failure_probability is not None:
            return closed_form(law, failure_probability).factors
        return self._best(law)

    @property
    def _most(self) -> tuple[int, ...]:
        return most_factors(self.target, self.widths)

    def _best(self, law: Law) -> tuple[int, ...]:
        return best_factors(law, self._most, self.widths[0])


@dataclass(frozen=True)
class _Dropped(_Construction):
    @property
    def statement(self) -> str:
        return dropped_statement(self.target)

    @property
    def reason(self) -> str:
        return f"{reading(self.target, self.layer0)}; bad copies are left out"

    @property
    def refusal(self) -> str:
        return SHARED if self.layer0 == "preassigned" else super().refusal

    def holds(self, density: Fraction, failure_probability: Fraction) -> bool:
        law = Law(self.target, self.densities(density), self.layer0)
        factors = self._best(law)

        def tie() -> bool:
            copies = exact_drop(self.target, law.densities, factors, self._thresholds(law, factors))
            matched = law.exact_matching(factors[0], self.widths[0])
            return copies is not None and matched is not None and copies * matched == 1 - failure_probability

        return decide(
            lambda: self._log_success(law, factors) - log_sparsity(failure_probability),
            tie=tie,
            undecided=False,
            most_bits=LAW_BITS,
        ).holds

    def success(self, densities: tuple[Fraction, ...]) -> Bounds:
        law = Law(self.target, densities, self.layer0)
        factors = self._best(law)
        value = enclose(lambda: exp_complement(self._log_success(law, factors)), digits=6, most_bits=LAW_BITS)
        return max(Fraction(0), 1 - value[1]), None

    def _log_success(self, law: Law, factors: tuple[int, ...]) -> Ball:
        kept = log_kept(self.target, law.densities, factors, self._thresholds(law, factors))
        return kept + law.log_matching(factors[0], self.widths[0])

    def _thresholds(self, law: Law, factors: tuple[int, ...]) -> tuple[int, ...]:
        return best_thresholds(self.target, law.densities, factors)

    def _best(self, law: Law) -> tuple[int, ...]:
        # What is not needed is dropped, so more copies never hurt; only of a matched layer 0 they ask more neurons.
        most = self._most
        if self.layer0 == "dense":
            return most

        def value(copies: int) -> float:
            return midpoint(lambda: self._log_success(law, (copies, *most[1:])))

        low, high = 1, most[0]
        while high - low > 2:
            left, right = low + (high - low) // 3, high - (high - low) // 3
            # Where both are hopeless, fewer copies are easier to match.
            low, high = (left, high) if value(left) < value(right) else (low, right)
        return (max(range(low, high + 1), key=value), *most[1:])


@dataclass(frozen=True)
class _Necessary:
    method: str
    target: Target
    widths: tuple[int, ...]
    kind: Kind = "necessary"
    layer0: str = "any"

    @property
    def statement(self) -> str:
        return "Theorem 2.3" if self.method == "theorem-2.3" else "degree bound (ours)"

    @property
    def reason(self) -> str:
        if self.method == "degree":
            return "for a target with weights in general position; linear output"
        return "every input that the target depends on needs an edge into layer 0"

    @property
    def refusal(self) -> str:
        return degree_refusal(self.target) if self.method == "degree" else ""

    def refuses(self, densities: tuple[Fraction, ...]) -> str:  # noqa: ARG002
        return ""

    def densities(self, density: Fraction) -> tuple[Fraction, ...]:
        return (density,) * (self.target.depth + 1)

    def holds(self, density: Fraction, failure_probability: Fraction) -> bool:
        def margin() -> Ball:
            return self._ceiling(self.densities(density)) - 1 + ball(failure_probability)

        return decide(margin, undecided=True).holds

    def success(self, densities: tuple[Fraction, ...]) -> Bounds:
        try:
            ceiling = enclose(lambda: self._ceiling(densities), digits=6, most_bits=LAW_BITS)[1]
        except InfeasibleWidth:  # too close to 0 or 1 to be written down
            return None, Fraction(1)
        return None, min(Fraction(1), ceiling)

    def factors(
        self,
        densities: tuple[Fraction, ...],  # noqa: ARG002
        failure_probability: Fraction | None = None,  # noqa: ARG002
    ) -> tuple[int, ...] | None:
        return None

    def _ceiling(self, densities: tuple[Fraction, ...]) -> Ball:
        if self.method == "degree":
            return degree_ceiling(self.target, densities, self.widths[0], self.widths[1])
        return coverage_ceiling(self.target, densities[0], self.widths[0])
