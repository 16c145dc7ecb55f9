"""Which argument of Theorem 2.5 costs what: widths with one argument changed at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy.typing as npt

from ertheory.bounds.subset_sum.required import Mode, read_constant
from ertheory.bounds.tickets.result import Depth, TicketWidth
from ertheory.bounds.tickets.widths import ticket_widths
from ertheory.errors import InvalidInput
from ertheory.exact import Rational, exact_rational
from ertheory.results import rational_text
from ertheory.target import Target

__all__ = ["Sensitivity", "TicketSensitivity", "ticket_sensitivity"]

_GAMMA_STEP = Fraction(1, 10)


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """What one changed argument does to the widths.

    Parameters
    ----------
    argument
        Which one: ``epsilon``, ``delta``, ``p_0``.., ``B`` (all norms), ``constant`` or ``gamma``.
    before, after
        Its values; for B the factors 1 and 1/factor.
    widths
        With the argument changed.
    ratios
        Relative to the widths before, per source layer; ``None`` where one was 0.
    """

    argument: str
    before: Fraction
    after: Fraction
    widths: tuple[int, ...]
    ratios: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows."""
        return {
            "argument": self.argument,
            "before": rational_text(self.before),
            "after": rational_text(self.after),
            "widths": list(self.widths),
            "ratios": list(self.ratios),
        }


@dataclass(frozen=True, kw_only=True)
class TicketSensitivity:
    """The widths, and one row per argument."""

    base: TicketWidth
    factor: Fraction
    rows: tuple[Sensitivity, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows."""
        return {"factor": rational_text(self.factor), "rows": [row.to_dict() for row in self.rows]}


def ticket_sensitivity(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    epsilon: Rational,
    failure_probability: Rational,
    mode: Mode = "rigorous",
    depth: Depth = "L+1",
    domain: npt.ArrayLike | None = None,
    norms: Sequence[Rational] | None = None,
    largest_weight: Rational | None = None,
    largest_bias: Rational | None = None,
    constant: Rational | None = None,
    gamma: Rational | None = None,
    extrapolate: bool = False,
    factor: Rational = Fraction(1, 2),
) -> TicketSensitivity:
    """Recompute the widths with one argument changed at a time.

    Parameters
    ----------
    target, density, sparsity, epsilon, failure_probability, mode, depth, domain, norms, largest_weight, largest_bias
        As for `ticket_widths`.
    constant, gamma, extrapolate
        Likewise.
    factor
        In (0, 1): epsilon, delta and each p_l are multiplied by it, the norms B_1..B_{L-1} (where they may be given)
        and C are divided by it. gamma grows by 1/10.

    Examples
    --------
    >>> table = ticket_sensitivity(
    ...     Target.from_text("2-4-1"), density="1/2", epsilon="0.1", failure_probability="0.1", domain=(-1, 1)
    ... )
    >>> [row.argument for row in table.rows]
    ['epsilon', 'delta', 'p_0', 'p_1', 'p_2', 'B']
    >>> 1 < table.rows[0].ratios[0] < 1.1
    True
    """
    share = exact_rational("factor", factor)
    if not 0 < share < 1:
        raise InvalidInput("factor", "a number in (0, 1)", factor)

    def widths(**changed: Any) -> TicketWidth:
        arguments: dict[str, Any] = {
            "epsilon": epsilon,
            "failure_probability": failure_probability,
            "mode": mode,
            "depth": depth,
            "domain": domain,
            "norms": norms,
            "largest_weight": largest_weight,
            "largest_bias": largest_bias,
            "constant": constant,
            "gamma": gamma,
            "extrapolate": extrapolate,
        }
        return ticket_widths(target, **arguments | changed)

    base = widths(density=density, sparsity=sparsity)
    same = base.densities
    rows = [
        _row(base, "epsilon", base.epsilon, base.epsilon * share, widths(density=same, epsilon=base.epsilon * share)),
        _row(
            base,
            "delta",
            base.failure_probability,
            base.failure_probability * share,
            widths(density=same, failure_probability=base.failure_probability * share),
        ),
    ]
    for layer, value in enumerate(same):
        changed = (*same[:layer], value * share, *same[layer + 1 :])
        rows.append(_row(base, f"p_{layer}", value, value * share, widths(density=changed)))
    if not base.facts.known and target.depth > 1:
        larger = [value / share for value in base.facts.norms[1:]]
        rows.append(_row(base, "B", Fraction(1), 1 / share, widths(density=same, norms=larger)))
    known = read_constant(mode, constant)
    if known is not None and base.gamma is not None:
        rows.append(_row(base, "constant", known, known / share, widths(density=same, constant=known / share)))
        more = base.gamma + _GAMMA_STEP
        rows.append(_row(base, "gamma", base.gamma, more, widths(density=same, gamma=more)))
    return TicketSensitivity(base=base, factor=share, rows=tuple(rows))


def _row(base: TicketWidth, argument: str, before: Fraction, after: Fraction, found: TicketWidth) -> Sensitivity:
    ratios = tuple(
        None if old == 0 else float(Fraction(new, old)) for old, new in zip(base.widths, found.widths, strict=True)
    )
    return Sensitivity(argument=argument, before=before, after=after, widths=found.widths, ratios=ratios)
