"""Which argument of Theorem 2.5 costs what: widths with one argument changed at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Any, TypeAlias

import numpy.typing as npt

from ertheory.bounds.result import rational_text
from ertheory.bounds.subset_sum.required import Mode
from ertheory.bounds.tickets.facts import TargetFacts
from ertheory.bounds.tickets.result import Depth, TicketWidth
from ertheory.bounds.tickets.widths import ticket_widths, widths_again
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import Rational, exact_rational, named_numbers
from ertheory.results import Explained, Result, Step

__all__ = ["Sensitivity", "TicketSensitivity", "ticket_sensitivity"]

# Argument, its values, and what is replaced.
Change: TypeAlias = tuple[str, Fraction, Fraction, dict[str, Any]]

_GAMMA_STEP = Fraction(1, 10)


@dataclass(frozen=True, kw_only=True)
class Sensitivity(Result):
    """What one changed argument does to the widths.

    Parameters
    ----------
    argument
        Which one: of the source ``epsilon``, ``delta`` and ``p_0``..; of the target ``B_0``.. (L1 norms of inputs and
        hidden layers), ``max_weight``, ``max_bias``, ``signed_inputs``, ``n_0``.., ``parameters`` and ``fan_in``; of
        the printed formula ``constant`` and ``gamma``.
    before, after
        Its values; where every layer has one, the largest, and 0 or 1 for what holds or not.
    widths
        The widths once the argument is changed.
    ratios
        The same divided by the widths before, per source layer; ``None`` where one was 0.
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
class TicketSensitivity(Explained):
    """The widths, and one row per argument."""

    base: TicketWidth
    factor: Fraction
    rows: tuple[Sensitivity, ...]

    @property
    def heading(self) -> str:
        """The mode and the statement."""
        return self.base.heading

    def steps(self) -> tuple[Step, ...]:
        """Give what the widths were computed from, and what changing one argument makes of them."""
        changed = (
            f"{row.argument}: {named_numbers({'before': row.before, 'after': row.after})}, "
            + ", ".join(f"N_{layer} = {width}" for layer, width in enumerate(row.widths))
            for row in self.rows
        )
        return (*self.base.steps(), *changed)

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
    kept: int | None = None,
    factor: Rational = Fraction(1, 2),
) -> TicketSensitivity:
    """Recompute the widths with one argument changed at a time, those that a target brings along as well.

    Parameters
    ----------
    target, density, sparsity, epsilon, failure_probability, mode, depth, domain, norms, largest_weight, largest_bias
        They are as for `ticket_widths`.
    constant, gamma, extrapolate, kept
        They are as for `ertheory.bounds.ticket_widths` too.
    factor
        It lies in (0, 1): epsilon, delta, each p_l, max |W| and max |b| are multiplied by it; each norm B_0..B_{L-1},
        each number of neurons n_0..n_{L-1}, the numbers of weights and biases, the fan-in with the row norms, and C are
        divided by it. gamma grows by 1/10. Inputs that can be negative become ones that cannot, or the other way round.

    Notes
    -----
    What is not named stays as it is, so that some rows describe no target: n_1 neurons more without a weight more, say.
    They show what an argument costs by itself. The outputs n_L are left out: only N_L = n_L depends on them.

    Examples
    --------
    >>> table = ticket_sensitivity(
    ...     Target.from_text("2-4-1"), density="1/2", epsilon="0.1", failure_probability="0.1", domain=(-1, 1)
    ... )
    >>> [row.argument for row in table.rows]  # doctest: +NORMALIZE_WHITESPACE
    ['epsilon', 'delta', 'p_0', 'p_1', 'p_2', 'B_0', 'B_1', 'max_weight', 'max_bias', 'signed_inputs', 'n_0', 'n_1',
    'parameters', 'fan_in']
    >>> 1 < table.rows[0].ratios[0] < 1.1
    True
    """
    share = exact_rational("factor", factor)
    if not 0 < share < 1:
        raise InvalidInput("factor", "a number in (0, 1)", factor)
    base = ticket_widths(
        target,
        density=density,
        sparsity=sparsity,
        epsilon=epsilon,
        failure_probability=failure_probability,
        mode=mode,
        depth=depth,
        domain=domain,
        norms=norms,
        largest_weight=largest_weight,
        largest_bias=largest_bias,
        constant=constant,
        gamma=gamma,
        extrapolate=extrapolate,
        kept=kept,
    )
    changes = (*_of_source(base, share), *_of_target(base.facts, share), *_of_printed(base, share))
    rows = tuple(
        _row(base, argument, before, after, widths_again(base, extrapolate=extrapolate, **changed))
        for argument, before, after, changed in changes
    )
    return TicketSensitivity(base=base, factor=share, rows=rows)


def _of_source(base: TicketWidth, share: Fraction) -> Iterator[Change]:
    epsilon, delta = base.epsilon, base.failure_probability
    yield "epsilon", epsilon, epsilon * share, {"epsilon": epsilon * share}
    yield "delta", delta, delta * share, {"failure_probability": delta * share}
    for layer, density in enumerate(base.densities):
        densities = (*base.densities[:layer], density * share, *base.densities[layer + 1 :])
        yield f"p_{layer}", density, density * share, {"densities": densities}


def _of_target(facts: TargetFacts, share: Fraction) -> Iterator[Change]:
    for layer, norm in enumerate(facts.norms):
        norms = (*facts.norms[:layer], norm / share, *facts.norms[layer + 1 :])
        yield f"B_{layer}", norm, norm / share, {"facts": replace(facts, norms=norms)}
    if weight := max(facts.largest_weights):
        smaller = replace(facts, largest_weights=tuple(value * share for value in facts.largest_weights))
        yield "max_weight", weight, weight * share, {"facts": smaller}
    if bias := max(facts.largest_biases):
        smaller = replace(facts, largest_biases=tuple(value * share for value in facts.largest_biases))
        yield "max_bias", bias, bias * share, {"facts": smaller}
    other = replace(facts, signed=not facts.signed)
    yield "signed_inputs", Fraction(facts.signed), Fraction(other.signed), {"facts": other}
    for layer, width in enumerate(facts.widths[:-1]):
        widths = (*facts.widths[:layer], ceil(width / share), *facts.widths[layer + 1 :])
        yield f"n_{layer}", Fraction(width), Fraction(widths[layer]), {"facts": replace(facts, widths=widths)}
    more = replace(facts, nonzeros=_more(facts.nonzeros, share), biases=_more(facts.biases, share))
    yield "parameters", Fraction(facts.parameters), Fraction(more.parameters), {"facts": more}
    fuller = replace(facts, fan_in=_more(facts.fan_in, share), row_norms=tuple(n / share for n in facts.row_norms))
    yield "fan_in", Fraction(max(facts.fan_in)), Fraction(max(fuller.fan_in)), {"facts": fuller}


def _of_printed(base: TicketWidth, share: Fraction) -> Iterator[Change]:
    if base.constant is not None and base.gamma is not None:
        larger, more = base.constant / share, base.gamma + _GAMMA_STEP
        yield "constant", base.constant, larger, {"constant": larger}
        yield "gamma", base.gamma, more, {"gamma": more}


def _more(counts: Sequence[int], share: Fraction) -> tuple[int, ...]:
    return tuple(ceil(count / share) for count in counts)


def _row(base: TicketWidth, argument: str, before: Fraction, after: Fraction, found: TicketWidth) -> Sensitivity:
    ratios = tuple(
        None if old == 0 else float(Fraction(new, old)) for old, new in zip(base.widths, found.widths, strict=True)
    )
    return Sensitivity(argument=argument, before=before, after=after, widths=found.widths, ratios=ratios)
