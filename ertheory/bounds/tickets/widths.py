"""Theorem 2.5: how wide a source has to be to hold a strong ticket, in every reading of the theorem."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, get_args

import numpy.typing as npt

from ertheory.bounds.subset_sum.limited import checked_kept
from ertheory.bounds.subset_sum.quantised import checked_bits
from ertheory.bounds.subset_sum.required import Mode, read_constant, read_mode
from ertheory.bounds.tickets.deep import without_copies
from ertheory.bounds.tickets.facts import TargetFacts, read_facts
from ertheory.bounds.tickets.layers import Counting
from ertheory.bounds.tickets.printed import printed_design
from ertheory.bounds.tickets.quantised import QuantisedCounting, check_quantised
from ertheory.bounds.tickets.result import Depth, TicketWidth
from ertheory.bounds.tickets.shallow import TicketDesign, fixed_point
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, exact_rational, probability

__all__ = ["DEPTHS", "ticket_densities", "ticket_widths", "widths_again"]

DEPTHS: tuple[Depth, ...] = get_args(Depth)
_LARGEST_GAMMA = 100


def ticket_widths(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    epsilon: Rational | None = None,
    failure_probability: Rational,
    mode: Mode = "rigorous",
    depth: Depth = "L+1",
    domain: npt.ArrayLike | None = None,
    norms: Sequence[Rational] | None = None,
    largest_weight: Rational | None = None,
    largest_bias: Rational | None = None,
    constant: Rational | None = None,
    gamma: Rational | None = None,
    epsilons: Sequence[Rational] | None = None,
    extrapolate: bool = False,
    kept: int | None = None,
    bits: int | None = None,
) -> TicketWidth:
    """Compute the widths of a source that holds a strong ticket for the target, up to epsilon.

    Parameters
    ----------
    target
        A target that is fully connected, of depth L. Where its weights are known, all bounds are read off them.
    density, sparsity
        Exactly one of them is given: one number for all source layers, or one per layer, layer 0 first.
    epsilon
        Largest error of an output on the domain, in (0, 1). Left out with `bits`, where there is no error.
    failure_probability
        delta in (0, 1).
    mode
        ``rigorous``: every subset sum by Theorem A', the number of them by its fixed point; proved. ``calibrated``: the
        same with measured subset sums; a prediction. ``printed``: the formulas of the paper, with C and gamma.
    depth
        ``L+1`` source layers as in the paper, or ``2L`` without copies (not ``printed``).
    domain
        Box of the inputs: one interval for all, or shape (d, 2). By default that of the target, else [0, 1]^d.
    norms, largest_weight, largest_bias
        A target without weights needs B_1..B_{L-1}, bounds on the L1 norm of its hidden layers (by default what the
        other two allow), max |W| and max |b| (1 by default).
    constant, gamma
        C > 0 and gamma >= 0 of the printed formula (gamma = 0 if left out); only there.
    epsilons
        eps_1..eps_L for the printed formula, which does not define them.
    extrapolate
        Let ``calibrated`` answer outside the ranges that were measured, with a warning.
    kept
        At most so many source weights stand for one weight or bias of the target (``rigorous`` only): the ticket then
        has a guaranteed sparsity, the property `kept_most` of the answer.
    bits
        Weights and biases are multiples of 2^-bits, those of the source uniform on the ones in [-1, 1]; the ticket is
        the target itself (``rigorous`` only).

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the target is convolutional, where ``calibrated`` leaves the measured ranges, and where a known weight is no
        multiple of 2^-bits.
    InfeasibleWidth
        If no width that can be written down is sufficient, or `kept` weights cannot reach the largest weight.

    Notes
    -----
    The statements stand with their proofs in the docstrings of `ertheory.bounds.tickets.shallow` (depth L+1),
    `ertheory.bounds.tickets.deep` (2L) and, as printed, `ertheory.bounds.tickets.printed`; those of `kept` in
    `ertheory.bounds.subset_sum.limited`, of `bits` in `ertheory.bounds.tickets.quantised`.

    Examples
    --------
    >>> target = Target.from_text("2-4-1")
    >>> answer = ticket_widths(target, density="1/2", epsilon="0.1", failure_probability="0.1", domain=(-1, 1))
    >>> answer.problems * answer.share <= Fraction(1, 10)
    True
    >>> answer.copies[-1], answer.widths[-1]
    (1, 1)
    >>> few = ticket_widths(
    ...     target, density="1/2", epsilon="0.1", failure_probability="0.1", domain=(-1, 1), kept=8, depth="2L"
    ... )
    >>> few.kept_most, few.edges_expected > 20 * few.kept_most
    (400, True)
    >>> ticket_widths(target, density="1/2", failure_probability="0.1", bits=0).widths
    (532, 374, 1)
    """
    read_mode(mode)
    if depth not in DEPTHS:
        raise InvalidInput("depth", " or ".join(DEPTHS), depth)
    densities = ticket_densities(target, density=density, sparsity=sparsity, depth=depth)
    tolerance = _read_tolerance(epsilon, bits)
    delta = probability("failure_probability", failure_probability)
    factor = read_constant(mode, constant)
    for name, number in (("kept", kept), ("bits", bits)):
        if number is not None and mode != "rigorous":
            raise InvalidInput(name, f"no {name} unless the mode is rigorous", number)
    if kept is not None and bits is not None:
        raise InvalidInput("kept", "no number of kept weights beside `bits`", kept)
    facts = read_facts(target, domain=domain, norms=norms, largest_weight=largest_weight, largest_bias=largest_bias)
    if mode == "printed":
        if depth != "L+1":
            raise InvalidInput("depth", "L+1 for the printed formula", depth)
        assert factor is not None
        return _printed(target, facts, densities, tolerance, delta, factor, _read_gamma(gamma), epsilons)
    for name, value in (("gamma", gamma), ("epsilons", epsilons)):
        if value is not None:
            raise InvalidInput(name, f"no {name} unless the mode is printed", value)
    counting: Counting | QuantisedCounting
    if bits is not None:
        counting = QuantisedCounting(checked_bits(bits))
        check_quantised(target, counting.bits)
    else:
        most = None if kept is None else checked_kept(kept)
        counting = Counting(calibrated=mode == "calibrated", extrapolate=extrapolate, most_kept=most)
    return _counted(target, facts, densities, tolerance, delta, depth, counting)


def widths_again(base: TicketWidth, *, extrapolate: bool = False, **changed: Any) -> TicketWidth:
    """Recompute widths with some of their inputs replaced, those of the target as well.

    Parameters
    ----------
    base
        An answer of `ticket_widths` without `epsilons`.
    extrapolate
        It is as there.
    changed
        Any of ``facts``, ``densities``, ``epsilon``, ``failure_probability``, ``constant`` and ``gamma``. The bounds in
        ``facts`` need not be those of the target.
    """
    names = ("facts", "densities", "epsilon", "failure_probability", "constant", "gamma")
    given: dict[str, Any] = {name: getattr(base, name) for name in names} | changed
    arguments = base.target, given["facts"], given["densities"], given["epsilon"], given["failure_probability"]
    if base.mode == "printed":
        return _printed(*arguments, given["constant"], given["gamma"], None)
    counting: Counting | QuantisedCounting
    if base.bits is not None:
        counting = QuantisedCounting(base.bits)
    else:
        counting = Counting(calibrated=base.mode == "calibrated", extrapolate=extrapolate, most_kept=base.kept)
    return _counted(*arguments, base.depth, counting)


def _counted(
    target: Target,
    facts: TargetFacts,
    densities: tuple[Fraction, ...],
    epsilon: Fraction,
    delta: Fraction,
    depth: Depth,
    counting: Counting | QuantisedCounting,
) -> TicketWidth:
    design = (fixed_point if depth == "L+1" else without_copies)(facts, densities, epsilon, delta, counting)
    return TicketWidth(
        mode="calibrated" if isinstance(counting, Counting) and counting.calibrated else "rigorous",
        depth=depth,
        target=target,
        densities=densities,
        epsilon=epsilon,
        failure_probability=delta,
        facts=facts,
        widths=tuple(max(1, width) for width in design.widths),
        epsilons=design.epsilons,
        problems=design.problems,
        share=design.share,
        iterations=design.iterations,
        copies=design.copies,
        constants=design.constants,
        features=design.features,
        kept=counting.most_kept,
        bits=counting.bits if isinstance(counting, QuantisedCounting) else None,
        warnings=_warnings(facts, design, counting),
    )


def _read_tolerance(epsilon: Rational | None, bits: int | None) -> Fraction:
    if bits is None:
        if epsilon is None:
            raise InvalidInput("epsilon", "a number in (0, 1), unless `bits` is given", None)
        return probability("epsilon", epsilon)
    if epsilon is not None:
        raise InvalidInput("epsilon", "no tolerance with `bits`, where the ticket is the target itself", epsilon)
    return Fraction(0)


def ticket_densities(
    target: Target,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    depth: Depth = "L+1",
) -> tuple[Fraction, ...]:
    """Read the densities of the L+1 or 2L source layers from exactly one of density and sparsity.

    Examples
    --------
    >>> ticket_densities(Target.from_text("2-4-1"), sparsity="0.5", depth="2L")
    (Fraction(1, 2), Fraction(1, 2), Fraction(1, 2), Fraction(1, 2))
    """
    layers = target.depth + 1 if depth == "L+1" else 2 * target.depth
    given = density if density is not None else sparsity
    parts = given.split(",") if isinstance(given, str) else given
    if layers == target.depth + 1 or not isinstance(parts, Sequence) or None not in (density, sparsity):
        single = read_densities(target, density=density, sparsity=sparsity)
        return single if layers == target.depth + 1 else (single[0],) * layers
    if len(parts) not in (1, layers):
        name = "density" if density is not None else "sparsity"
        raise InvalidInput(name, f"one number, or {layers} (source layers 0..{layers - 1})", len(parts))
    if density is not None:
        values = [probability("density", part, one=True) for part in parts]
    else:
        values = [1 - probability("sparsity", part, zero=True) for part in parts]
    return tuple(values * layers if len(values) == 1 else values)


def _printed(
    target: Target,
    facts: TargetFacts,
    densities: tuple[Fraction, ...],
    epsilon: Fraction,
    delta: Fraction,
    constant: Fraction,
    gamma: Fraction,
    epsilons: Sequence[Rational] | None,
) -> TicketWidth:
    if facts.parameters == 0:
        msg = "printed: the target has no parameters"
        raise TheoremNotApplicable(msg)
    design = printed_design(facts, densities, epsilon, delta, constant, gamma, epsilons)
    return TicketWidth(
        mode="printed",
        depth="L+1",
        target=target,
        densities=densities,
        epsilon=epsilon,
        failure_probability=delta,
        facts=facts,
        widths=design.widths,
        epsilons=design.epsilons,
        problems=design.problems,
        share=None if design.problems is None else delta / design.problems,
        iterations=0,
        constant=constant,
        gamma=gamma,
        warnings=design.warnings,
    )


def _read_gamma(gamma: Rational | None) -> Fraction:
    power = Fraction(0) if gamma is None else exact_rational("gamma", gamma)
    if not 0 <= power <= _LARGEST_GAMMA:
        raise InvalidInput("gamma", f"a number in [0, {_LARGEST_GAMMA}]", gamma)
    return power


def _warnings(facts: TargetFacts, design: TicketDesign, counting: Counting | QuantisedCounting) -> tuple[str, ...]:
    said = []
    if isinstance(counting, Counting) and counting.calibrated:
        said.append("measured subset sums: a prediction, not a guarantee")
        if counting.extrapolate:
            said.append("some subset sums may lie outside the measured ranges")
    if not facts.known:
        said.append("weights unknown: for targets with the bounds that are listed as assumed")
    if isinstance(counting, QuantisedCounting):
        said.append(f"all weights and biases are multiples of 2^-{counting.bits}, and every sum is taken exactly")
    blocks = max(layer.blocks for layer in design.features)
    if blocks > 1:
        said.append(
            f"features are shared by {blocks} blocks, since products of two weights stay below the largest weight"
        )
    return tuple(said)
