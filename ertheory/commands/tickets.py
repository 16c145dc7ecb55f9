"""Strong tickets: how wide a source has to be to hold one by Theorem 2.5, and the ticket itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

from ertheory.bounds import DEPTHS, MODES, Depth, Mode, TicketSensitivity, TicketWidth, ticket_sensitivity
from ertheory.bounds import ticket_widths as widths_of
from ertheory.bounds.tickets import ticket_densities
from ertheory.builders import Ticket, build_ticket, write_ticket
from ertheory.check import TicketCheck, check_ticket
from ertheory.commands.arguments import called, near_zero_is_density, read_delta, read_target, refuse_given
from ertheory.commands.checked import CheckFailed
from ertheory.commands.written import Whole, Wholes, read_box_text, read_rationals, read_whole, read_wholes
from ertheory.errors import InvalidInput, one_of
from ertheory.files import check_place
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability, rational_text
from ertheory.results import Explained, Step

__all__ = ["PrunedTicket", "ticket"]

Asked: TypeAlias = TicketWidth | TicketSensitivity

_LARGEST_LAYER = 2**31 - 1  # neurons, the columns of the next mask
_CALLED = {"failure_probability": "delta", "largest_weight": "max_weight", "largest_bias": "max_bias", "path": "out"}


@dataclass(frozen=True, eq=False, kw_only=True)
class PrunedTicket(Explained):
    """What came out of pruning one drawn source.

    Parameters
    ----------
    ticket
        The ticket, or what is missing for one.
    densities
        The densities of the source layers.
    check
        What the checker found in the file, which shares nothing with the builder; ``None`` where nothing was written.
    passed
        Whether there is a ticket, and its file passed the check.
    file
        Where the ticket was written, or ``None``.
    """

    ticket: Ticket
    densities: tuple[Fraction, ...]
    check: TicketCheck | None
    passed: bool
    file: Path | None

    @property
    def heading(self) -> str:
        """What was pruned for."""
        return "a strong ticket, found in one drawn source by pruning"

    def steps(self) -> tuple[Step, ...]:
        """Give how errors are passed on, and what came out."""
        content = self.ticket.to_dict()
        steps: list[Step] = ["error of layer l <= eps_l + lambda_l (error of layer l - 1), proved on the whole box"]
        steps.append(", ".join(f"p_{layer} = {rational_text(one)}" for layer, one in enumerate(self.densities)))
        steps.append(", ".join(f"lambda_{layer} = {one:.4g}" for layer, one in enumerate(content["lambda"], 1)))
        if self.ticket.success:
            bound, seen = content["error_certified"], content["error_measured"]
            steps.append(f"epsilon = {content['epsilon']}: error <= {bound:.4g} proved, {seen:.4g} measured")
        return (*steps, *content["missing"])

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows, as ``--json`` prints it beside what was asked."""
        check = None if self.check is None else self.check.to_dict()
        written = None if self.file is None else str(self.file)
        return {**self.ticket.to_dict(), "success": self.passed, "check": check, "file": written}


def ticket(
    target: object,
    *,
    epsilon: Rational | None = None,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    mode: Mode | None = None,
    depth: Depth | Literal["both"] | None = None,
    domain: npt.ArrayLike | None = None,
    norms: Sequence[Rational] | str | None = None,
    max_weight: Rational | None = None,
    max_bias: Rational | None = None,
    constant: Rational | None = None,
    gamma: Rational | None = None,
    extrapolate: bool = False,
    kept: Whole | None = None,
    bits: Whole | None = None,
    sensitivity: bool = False,
    build: bool = False,
    widths: Wholes | None = None,
    seed: Whole = 0,
    out: str | PathLike[str] | None = None,
    workers: Whole | None = None,
    force: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Asked | tuple[Asked, ...] | PrunedTicket:
    """Compute widths that hold a target by pruning alone, or prune for it, as ``ertheory ticket`` does.

    Parameters
    ----------
    target
        A file, or whatever `ertheory.read_target` reads; fully connected.
    epsilon
        The largest error of an output on the domain, in (0, 1); left out with `bits`, where there is none.
    density, sparsity
        Exactly one of them is given: one number for all layers of the source, or one per source layer, layer 0 first.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it. Of no account
        with `build`, which says what it found.
    mode
        ``rigorous`` (proved; if left out), ``calibrated`` (measured) or ``printed`` (with `constant`).
    depth
        The layers of the source: ``L+1`` as in the paper (if left out), ``2L`` without copies, or ``both``.
    domain
        The box of the inputs: one interval (a, b) for all of them, or shape (d, 2). If left out, it is the box of the
        target, or else [0, 1] for each input.
    norms
        Bounds on the L1 norms of the hidden layers, one each; for a target without weights.
    max_weight, max_bias
        The largest weight and the largest bias of a target without weights; 1 if left out.
    constant, gamma
        The constant C of the printed formula, which the paper does not name, and its gamma (0 if left out).
    extrapolate
        Whether mode ``calibrated`` may answer outside the ranges that were measured.
    kept
        At most so many source weights stand for one weight or bias of the target, which guarantees the sparsity of the
        ticket (mode ``rigorous``), or of the one that `build` looks for.
    bits
        Weights and biases are multiples of 2^-bits, those of the source uniform on the ones in [-1, 1]; the ticket is
        the target itself (mode ``rigorous``, without `epsilon`). With `build` that is what the check has to prove.
    sensitivity
        Whether it is shown what changing one argument at a time does to the widths.
    build
        Whether one source of `widths` is drawn and pruned to the ticket.
    widths, seed, out, workers, force
        They are taken with `build` alone: the widths of the source, the seed it is drawn by, the file for the ticket,
        the number of threads that search for it, and whether a file that exists is written over.
    progress
        A function that is told of neurons that were done.

    Returns
    -------
    TicketWidth, TicketSensitivity, tuple of these, or PrunedTicket
        The widths, with `sensitivity` beside what changes them; one answer per depth where both are asked for. With
        `build`, the ticket.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or has nothing to act on.

    Examples
    --------
    >>> ticket("2-4-1", density="1/2", epsilon=0.1, delta=0.1, domain=(-1, 1)).copies[-1]
    1
    >>> ticket("2-4-1", density="1/2", bits=3, delta=0.1).bits
    3
    """
    with called(**_CALLED):
        domain = read_box_text(domain)
        if build:
            refuse_given(
                "no `build` beside it",
                mode=mode,
                depth=depth,
                norms=norms,
                max_weight=max_weight,
                max_bias=max_bias,
                constant=constant,
                gamma=gamma,
                extrapolate=extrapolate,
                sensitivity=sensitivity,
            )
            whole = read_whole("bits", bits)
            if whole is not None:
                refuse_given("no `bits` beside it", epsilon=epsilon)
            elif epsilon is None:
                raise InvalidInput("epsilon", "a number in (0, 1), unless `bits` is given", None)
            known = read_target(target)
            limit = None if epsilon is None else probability("epsilon", epsilon)
            densities = _densities_of(known, density, sparsity)
            source = _source_widths(widths)
            drawn, threads, few = read_whole("seed", seed), read_whole("workers", workers), read_whole("kept", kept)
            return _pruned(known, source, densities, limit, drawn, domain, few, whole, threads, out, force, progress)
        refuse_given("`build` to go with it", widths=widths, out=out, workers=workers, force=force)
        known = read_target(target)
        if bits is None and epsilon is None:
            raise InvalidInput("epsilon", "a number in (0, 1), unless `bits` is given", None)
        tolerance = None if epsilon is None else probability("epsilon", epsilon)
        if bits is not None:
            refuse_given("no `bits` beside it", epsilon=epsilon, kept=kept, sensitivity=sensitivity)
        chosen = "rigorous" if mode is None else one_of("mode", mode, MODES)
        wanted = "L+1" if depth is None else one_of("depth", depth, (*DEPTHS, "both"))
        if chosen == "printed" and wanted != "L+1":
            raise InvalidInput("depth", "L+1 with `mode` printed", depth)
        if chosen != "calibrated":
            refuse_given("`mode` calibrated to go with it", extrapolate=extrapolate)
        depths = tuple(one for one in DEPTHS if wanted in (one, "both"))
        arguments: dict[str, Any] = {
            "density": density,
            "sparsity": sparsity,
            "epsilon": tolerance,
            "failure_probability": read_delta(delta, confidence, failure_probability),
            "mode": chosen,
            "domain": domain,
            "norms": _checked_norms(norms, known),
            "largest_weight": max_weight,
            "largest_bias": max_bias,
            "constant": constant,
            "gamma": gamma,
            "extrapolate": extrapolate,
        }
        arguments |= {"kept": read_whole("kept", kept)} | ({} if sensitivity else {"bits": read_whole("bits", bits)})
        asked: Callable[..., Asked] = ticket_sensitivity if sensitivity else widths_of
        densities = ticket_densities(known, density=density, sparsity=sparsity, depth=depths[0])
        with near_zero_is_density(densities, given="density" if density is not None else "sparsity"):
            answers = tuple(asked(known, depth=one, **arguments) for one in depths)
    return answers if wanted == "both" else answers[0]


def _densities_of(target: Target, density: Any, sparsity: Any) -> tuple[Fraction, ...]:
    if target.weights is None:
        raise InvalidInput("target", "a fully connected network with weights", str(target))
    return read_densities(target, density=density, sparsity=sparsity)


def _source_widths(widths: Wholes | None) -> tuple[int, ...]:
    if widths is None:
        raise InvalidInput("widths", "the widths N0,N1,... of the source to prune", None)
    read = read_wholes("widths", widths)
    if max(read, default=0) > _LARGEST_LAYER:
        raise InvalidInput("widths", f"at most {_LARGEST_LAYER} neurons in a layer", read)
    return read


def _checked_norms(given: Sequence[Rational] | str | None, target: Target) -> list[Rational] | None:
    if given is None:
        return None
    norms = read_rationals("norms", given)
    hidden = target.depth - 1
    if len(norms) != hidden:
        names = ", ".join(f"B{layer}" for layer in range(1, hidden + 1)) if hidden <= 3 else f"B1, .., B{hidden}"
        allowed = f"one number per hidden layer, {hidden} here ({names})" if hidden else "no norms: no hidden layer"
        raise InvalidInput("norms", allowed, ",".join(map(str, norms)))
    return list(norms)


def _pruned(
    target: Target,
    widths: tuple[int, ...],
    densities: tuple[Fraction, ...],
    epsilon: Fraction | None,
    seed: int,
    domain: npt.ArrayLike | None,
    kept: int | None,
    bits: int | None,
    workers: int | None,
    out: str | PathLike[str] | None,
    force: bool,
    progress: Callable[[int], object] | None,
) -> PrunedTicket:
    place = None if out is None else Path(out)
    if place is not None:
        check_place(place, force=force)
    made = build_ticket(
        target,
        widths=widths,
        density=densities,
        epsilon=epsilon,
        seed=seed,
        domain=domain,
        kept=kept,
        bits=bits,
        workers=workers,
        progress=progress,
    )
    limit = Fraction(0) if epsilon is None else epsilon
    found: list[TicketCheck] = []

    def check(drawn: Path | Ticket) -> None:
        found.append(check_ticket(target, drawn, epsilon=limit))
        if not found[0].passed:
            raise CheckFailed

    passed = made.success
    if made.success and (place is not None or bits is not None):
        try:
            if place is None:
                check(made)
            else:
                write_ticket(place, made, overwrite=force, check=check)
        except CheckFailed:
            passed = False
    checked = found[0] if found else None
    return PrunedTicket(
        ticket=made, densities=densities, check=checked, passed=passed, file=place if checked and passed else None
    )
