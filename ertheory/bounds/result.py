"""What a bound returns: widths, with everything needed to know what they rest on.

A result keeps its inputs and says which statement it comes from, in which variant, whether it is sufficient or
necessary, how layer 0 is read and how the integers were certified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol

from ertheory.errors import TheoremNotApplicable
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from ertheory.numbers import number_for_json, rational_text, success_text
from ertheory.results import Explained, Step
from ertheory.tables import latex_text

__all__ = [
    "Construction",
    "Design",
    "Kind",
    "Reading",
    "Variant",
    "Width",
    "number_for_json",
    "rational_text",
    "success_text",
]

Variant = Literal["printed", "exact", "repaired"]
Kind = Literal["printed", "sufficient", "necessary"]
Reading = Literal["dense", "preassigned", "matched", "coded", "factored"]
Construction = Literal["blocks", "drop", "sequential", "matching", "factored"]


class Design(Protocol):
    """What a builder reads off an answer: a frozen value with the integers of a construction."""

    @property
    def construction(self) -> Construction:
        """The name of the construction."""

    @property
    def copies(self) -> int:
        """q_0, the neurons of layer 0 for each input; 0 where they are not shared out."""


@dataclass(frozen=True, kw_only=True)
class Width(Explained):
    """Source widths that a statement asks for.

    Parameters
    ----------
    method
        Short name, as on the command line.
    statement
        The statement and its source.
    variant
        ``printed`` as in the paper, ``exact`` from the exact law, ``repaired`` where the printed one had to change.
    kind
        ``printed`` and ``sufficient`` widths are enough with probability 1 - delta where `applies` is true;
        ``necessary`` ones cannot be undercut.
    layer0
        How layer 0 is read: ``dense``, ``preassigned`` or ``matched``; ``any`` for necessary statements.
    applies
        Whether all hypotheses hold for this target and source.
    reason
        Why it applies or does not, and on which conditions.
    target, densities, failure_probability
        The inputs: target, p_0..p_L, delta.
    widths
        N_0..N_L; ``None`` for a layer of which a necessary statement says nothing.
    factors
        q_0..q_L, copies per neuron, or ``None``.
    real_factors
        The factors before rounding up, for plots; q_l is computed from the rounded q_{l+1}.
    success_lower
        A lower bound on the success probability at these widths; ``None`` for necessary statements.
    certified
        How the integers were certified.
    printed_total
        Hidden neurons of the printed theorem, for comparison.
    holds_up_to
        The widths of source layers up to which a necessary statement holds, ``None`` for a layer without a limit. Of
        a source that is wider it says nothing. Empty where there is no limit at all.
    entries_per_pair
        The weights between two neurons or channels of consecutive source layers, one number per source layer. Empty for
        a source with one layer more than the target, whose numbers are those of `Source.for_target`.
    reads
        How many neurons or channels each source layer reads, where that is not the width of the layer before it.
    design
        The integers of the construction that the widths come from, for its builder. ``None`` where nothing is built.
    total_at_least
        What a necessary statement asks of all hidden layers together, where it bounds none of them alone.
    """

    method: str
    statement: str
    variant: Variant
    kind: Kind
    layer0: Reading | Literal["any"]
    applies: bool
    reason: str
    target: Target
    densities: tuple[Fraction, ...]
    failure_probability: Fraction
    widths: tuple[int | None, ...]
    factors: tuple[int, ...] | None = None
    real_factors: tuple[Fraction, ...] | None = None
    success_lower: Fraction | None = None
    certified: str = ""
    printed_total: int | None = None
    holds_up_to: tuple[int | None, ...] = ()
    entries_per_pair: tuple[int, ...] = ()
    reads: tuple[int, ...] = ()
    design: Design | None = None
    total_at_least: int | None = None

    @property
    def total(self) -> int | None:
        """N_0 + ... + N_{L-1}, the hidden neurons, or a bound on them; ``None`` where they are not bounded."""
        if self.total_at_least is not None:
            return self.total_at_least
        hidden = [width for width in self.widths[:-1] if width is not None]
        return sum(hidden) if len(hidden) == len(self.widths) - 1 else None

    @property
    def width_ratio(self) -> float | None:
        """Hidden neurons as a fraction of those that the printed theorem asks for."""
        if self.total is None or self.printed_total is None:
            return None
        return float(Fraction(self.total, self.printed_total))

    @property
    def edges_expected(self) -> Fraction | None:
        """Expected kept weights of the source; ``None`` where a width is open."""
        widths = tuple(width for width in self.widths if width is not None)
        if len(widths) < len(self.widths):
            return None
        if self.reads:
            layers = zip(self.densities, widths, self.reads, self.entries_per_pair, strict=True)
            return sum((density * math.prod(sizes) for density, *sizes in layers), Fraction(0))
        if self.entries_per_pair:
            return Source(self.target.inputs, widths, self.densities, self.entries_per_pair).edges_expected
        return Source.for_target(self.target, widths=widths, densities=self.densities).edges_expected

    @property
    def edges_ratio(self) -> Fraction | None:
        """Expected kept weights of the source for each weight of the target; ``None`` where a width is open."""
        edges, weights = self.edges_expected, sum(self.target.nonzeros)
        return None if edges is None or not weights else edges / weights

    @property
    def heading(self) -> str:
        """The method and the reading of layer 0."""
        return f"{self.method}, layer 0 {self.layer0}"

    def steps(self) -> tuple[Step, ...]:
        """Give the formulas of the statement, and the numbers that go into them."""
        from ertheory.bounds.catalogue import find  # whose statements make these answers

        return find(self.method).steps(self)

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows; numbers beyond a double become integers or decimal strings."""
        return {
            "method": self.method,
            "statement": self.statement,
            "variant": self.variant,
            "kind": self.kind,
            "layer0": self.layer0,
            "applies": self.applies,
            "reason": self.reason,
            "target": str(self.target),
            "densities": [rational_text(density) for density in self.densities],
            "delta": rational_text(self.failure_probability),
            "widths": list(self.widths),
            "total": self.total,
            "factors": None if self.factors is None else list(self.factors),
            "real_factors": None if self.real_factors is None else [number_for_json(q) for q in self.real_factors],
            "success_probability_lower": None if self.success_lower is None else success_text(self.success_lower),
            "edges_expected": None if self.edges_expected is None else number_for_json(self.edges_expected),
            "edges_ratio": None if self.edges_ratio is None else number_for_json(self.edges_ratio),
            "width_ratio": self.width_ratio,
            "holds_up_to": list(self.holds_up_to) or None,
            "certified": self.certified,
        }

    def certificate(self) -> str:
        """Write these widths as a theorem about networks that Coq checks.

        Returns
        -------
        str
            The text of a Coq file, which loads the theories in ``proofs/`` of the repository; ``proofs/check.py``
            compiles both. In it the widths suffice with probability 1 - delta, and with one copy less they do not
            satisfy the law. Nothing of this package has to be believed for that.

        Raises
        ------
        TheoremNotApplicable
            If there are no certificates for the statement, or not for such an answer.

        Examples
        --------
        >>> from ertheory import width
        >>> text = width("784-128-10", method="exact", density=[1, 0.1, 0.1], delta=0.001).certificate()
        >>> "Definition copies : nat -> positive := nth 1%positive [:: 228; 141; 1]%positive." in text
        True
        """
        from ertheory.bounds.catalogue import CERTIFIED, find  # statements make widths, so they are loaded after them

        write = find(self.method).certificate
        if write is None:
            names = ", ".join(CERTIFIED)
            raise TheoremNotApplicable(f"certificate: there is none for {self.method}; there is one for {names}")
        return write(self)

    def to_latex(self) -> str:
        """Write the widths and what they rest on as one line of mathematics."""
        relation = r"\ge" if self.kind == "necessary" else "="
        hidden = enumerate(self.widths[:-1])
        widths = r",\ ".join(f"N_{{{layer}}} {relation} {width}" for layer, width in hidden if width is not None)
        basis = latex_text(f"({self.statement}, {self.variant}, {self.kind}, layer 0 {self.layer0})")
        return f"{widths} \\quad \\text{{{basis}}}"
