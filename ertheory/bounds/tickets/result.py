"""What the calculator of Theorem 2.5 returns."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from ertheory.bounds.result import number_for_json, rational_text
from ertheory.bounds.subset_sum.required import Mode, float_below
from ertheory.bounds.tickets.explained import ticket_steps
from ertheory.bounds.tickets.facts import TargetFacts
from ertheory.bounds.tickets.layers import Features
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from ertheory.results import Explained, Step

__all__ = ["Depth", "TicketWidth"]

Depth = Literal["L+1", "2L"]

_VARIANTS: dict[Mode, str] = {"rigorous": "repaired", "calibrated": "measured", "printed": "printed"}
_KINDS: dict[Mode, str] = {"rigorous": "sufficient", "calibrated": "measured", "printed": "printed"}


@dataclass(frozen=True, kw_only=True)
class TicketWidth(Explained):
    """Widths of a source that holds a strong ticket for the target.

    Parameters
    ----------
    mode
        ``rigorous``, ``calibrated`` or ``printed``.
    depth
        ``L+1`` source layers, with copies, or ``2L``, without.
    target, densities, epsilon, failure_probability
        The inputs: target, densities of the source layers, epsilon, delta.
    facts
        Bounds on the target, read off or assumed.
    widths
        They are those of the source layers, layer 0 first.
    epsilons
        eps_1..eps_L, tolerances of the subset sums of each target layer.
    problems
        Number of subset sums, each of which may fail with probability `share`; ``None`` where the printed formula
        divides by 0.
    share
        delta/rho: failure probability that one subset sum may have; problems * share <= delta, except printed.
    iterations
        Passes of the fixed point.
    copies
        q_1..q_L, copies of the neurons of each target layer; 1 throughout at depth 2L. ``None`` where printed.
    constants
        Neurons that are reserved for constants, per source layer.
    features
        Layers of univariate features: one at depth L+1 (layer 0), L at depth 2L.
    constant, gamma
        C and gamma of the printed formula.
    kept
        At most so many source weights stand for one weight or bias of the target; any number if ``None``.
    bits
        Weights are multiples of 2^-bits, and the ticket is the target; real numbers if ``None``.
    warnings
        What to know before relying on the widths.
    """

    mode: Mode
    depth: Depth
    target: Target
    densities: tuple[Fraction, ...]
    epsilon: Fraction
    failure_probability: Fraction
    facts: TargetFacts
    widths: tuple[int, ...]
    epsilons: tuple[Fraction, ...]
    problems: int | Fraction | None
    share: Fraction | None
    iterations: int
    copies: tuple[int, ...] | None = None
    constants: tuple[int, ...] = ()
    features: tuple[Features, ...] = ()
    constant: Fraction | None = None
    gamma: Fraction | None = None
    kept: int | None = None
    bits: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """The statement that the widths rest on."""
        if self.mode == "printed":
            return "Theorem 2.5"
        if self.bits is not None:
            how = f"weights of {self.bits} bits behind the point (Theorem Q)"
        elif self.kept is not None:
            how = f"at most {self.kept} weights for each of the target (Theorem K)"
        else:
            how = "explicit constants" if self.mode == "rigorous" else "measured subset sums"
        return f"Theorem 2.5 with {how}" + ("" if self.depth == "L+1" else ", at depth 2L without copies")

    @property
    def variant(self) -> str:
        """``repaired`` (proved), ``measured`` or ``printed``."""
        return _VARIANTS[self.mode]

    @property
    def kind(self) -> str:
        """``sufficient`` (proved), ``measured`` or ``printed``."""
        return _KINDS[self.mode]

    @property
    def total(self) -> int:
        """Hidden neurons."""
        return sum(self.widths[:-1])

    @property
    def weights(self) -> int:
        """Weights of the source before its mask is drawn."""
        return sum(a * b for a, b in zip((self.target.inputs, *self.widths), self.widths, strict=False))

    @property
    def edges_expected(self) -> Fraction:
        """Expected weights that the mask keeps."""
        if min(self.widths) < 1:
            return Fraction(0)
        return Source(self.target.inputs, self.widths, self.densities, (1,) * len(self.widths)).edges_expected

    @property
    def kept_most(self) -> int | None:
        """Weights that the ticket has at most, in all layers; ``None`` where nothing limits them."""
        if self.kept is None or self.copies is None:
            return None
        each = [self.kept * count * self.facts.problems(layer) for layer, count in enumerate(self.copies, start=1)]
        # A feature keeps one edge, and only those that are in some sum are kept.
        edges = (min(layer.neurons, chosen) for layer, chosen in zip(self.features, each, strict=False))
        return sum(each) + sum(edges)

    @property
    def heading(self) -> str:
        """The mode and the statement."""
        return f"{self.mode}, {self.statement}"

    def steps(self) -> tuple[Step, ...]:
        """Give how tolerances and copies follow from the target, and what they are."""
        return ticket_steps(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows."""
        problems = self.problems
        return {
            "mode": self.mode,
            "depth": self.depth,
            "statement": self.statement,
            "variant": self.variant,
            "kind": self.kind,
            "target": str(self.target),
            "densities": [rational_text(density) for density in self.densities],
            "epsilon": rational_text(self.epsilon),
            "delta": rational_text(self.failure_probability),
            "constant": None if self.constant is None else rational_text(self.constant),
            "gamma": None if self.gamma is None else rational_text(self.gamma),
            "widths": list(self.widths),
            "total": self.total,
            "weights": self.weights,
            "edges_expected": number_for_json(self.edges_expected),
            "epsilons": [float_below(value) for value in self.epsilons],
            "problems": None if problems is None else number_for_json(Fraction(problems)),
            "failure_probability_each": None if self.share is None else float_below(self.share),
            "iterations": self.iterations,
            "copies": None if self.copies is None else list(self.copies),
            "constants": list(self.constants),
            "features": [
                {
                    "neurons": layer.neurons,
                    "beta": None if layer.beta is None else float(layer.beta),
                    "blocks": layer.blocks,
                }
                for layer in self.features
            ],
            "kept": self.kept,
            "kept_most": self.kept_most,
            "bits": self.bits,
            "assumed": self.facts.to_dict(),
            "warnings": list(self.warnings),
        }
