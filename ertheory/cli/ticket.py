"""``ertheory ticket``: widths of Theorem 2.5, and the strong ticket itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from ertheory.bounds import DEPTHS, MODES, Depth, Mode, TicketSensitivity, TicketWidth
from ertheory.bounds import ticket_sensitivity as sensitivity_of
from ertheory.bounds import ticket_widths as widths_of
from ertheory.bounds.result import number_for_json, rational_text
from ertheory.bounds.tickets import ticket_densities
from ertheory.check import TicketCheck, check_ticket
from ertheory.cli.arguments import (
    Confidence,
    Density,
    Format,
    Sparsity,
    TargetText,
    blamed_on_density,
    read_delta,
    read_integer,
    read_integers,
    read_interval,
    read_option,
    read_target_text,
    refuse_given,
    renamed,
)
from ertheory.cli.options import option
from ertheory.cli.output import document, render, show, wrap
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.files import check_place
from ertheory.networks.arrays import read_box
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import probability

__all__ = ["TicketCommand"]

_OPTIONS = {
    "failure_probability": "--delta",
    "largest_weight": "--max-weight",
    "largest_bias": "--max-bias",
    "path": "--out",
}
_LARGEST_LAYER = 2**31 - 1  # neurons, the columns of the next mask

# Options that the other question has no use for; a contract with scripts lets --delta and --seed stand beside both.
_OF_WIDTHS = (
    "mode",
    "depth",
    "norms",
    "max_weight",
    "max_bias",
    "constant",
    "gamma",
    "extrapolate",
    "sensitivity",
)
_OF_BUILD = ("widths", "out", "workers", "force")


@dataclass(frozen=True)
class TicketCommand:
    """Widths of a source that holds a strong ticket, or the ticket."""

    target: TargetText
    epsilon: Annotated[str, option(metavar="E", help="Largest error of an output on the domain, in (0, 1).")]
    density: Density = None
    sparsity: Sparsity = None
    delta: Annotated[
        str | None,
        option(
            metavar="D", help="Failure probability, in (0, 1). Of no account with --build, which says what it found."
        ),
    ] = None
    confidence: Confidence = None
    mode: Annotated[
        str | None,
        option(
            metavar="M",
            help="rigorous (proved; if left out), calibrated (measured) or printed (with --constant).",
        ),
    ] = None
    depth: Annotated[
        str | None,
        option(
            metavar="D",
            help="Layers of the source: L+1 as in the paper (if left out), 2L without copies, or both.",
        ),
    ] = None
    domain: Annotated[
        str | None,
        option(metavar="A,B", help="Every input lies between these. If left out: what the file says, else 0,1."),
    ] = None
    norms: Annotated[
        str | None,
        option(metavar="B1,B2,..", help="L1 norms of the hidden layers, at most; for a target without weights."),
    ] = None
    max_weight: Annotated[
        str | None, option(metavar="W", help="Largest weight of a target without weights; 1 if left out.")
    ] = None
    max_bias: Annotated[
        str | None, option(metavar="B", help="Largest bias of a target without weights; 1 if left out.")
    ] = None
    constant: Annotated[
        str | None, option(metavar="C", help="Constant of the printed formula, which the paper does not name.")
    ] = None
    gamma: Annotated[str | None, option(metavar="G", help="gamma of the printed formula; 0 if left out.")] = None
    extrapolate: bool = False
    """Let mode calibrated answer outside the ranges that were measured."""
    sensitivity: bool = False
    """Show what changing one argument at a time does to the widths."""
    build: bool = False
    """Draw one source of --widths, prune it to the ticket, and write that to --out."""
    widths: Annotated[str | None, option(metavar="N0,N1,..", help="Widths of the source to prune.")] = None
    seed: Annotated[str, option(metavar="N", help="Seed of the source to prune; of no account without --build.")] = "0"
    out: Annotated[str | None, option(metavar="FILE", help="Where the ticket goes: .npz or .safetensors.")] = None
    workers: Annotated[str | None, option(metavar="N", help="Threads that search for the ticket.")] = None
    force: bool = False
    """Write over a file that exists."""
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question; exit status 1 if no ticket was found."""
        if self.build:
            refuse_given(self, _OF_WIDTHS, "no --build beside it")
        else:
            refuse_given(self, _OF_BUILD, "--build to go with it")
        target = read_target_text(self.target)
        epsilon = probability("--epsilon", self.epsilon)
        domain = None if self.domain is None else read_interval("--domain", self.domain)
        seed = read_integer("--seed", self.seed)
        try:
            if self.build:
                return self._build(target, epsilon, domain, seed)
            return self._widths(target, epsilon, domain, seed)
        except InvalidInput as error:
            raise renamed(error, self, _OPTIONS) from None

    def _widths(self, target: Target, epsilon: Fraction, domain: tuple[float, float] | None, seed: int) -> int:
        mode: Mode = read_option("--mode", "rigorous" if self.mode is None else self.mode, MODES)
        depth = read_option("--depth", "L+1" if self.depth is None else self.depth, (*DEPTHS, "both"))
        if mode == "printed" and depth != "L+1":
            raise InvalidInput("--depth", "L+1 with --mode printed", depth)
        if mode != "calibrated":
            refuse_given(self, ("extrapolate",), "--mode calibrated to go with it")
        depths = DEPTHS if depth == "both" else (depth,)
        arguments: dict[str, Any] = {
            "density": self.density,
            "sparsity": self.sparsity,
            "epsilon": epsilon,
            "failure_probability": read_delta(self.delta, self.confidence),
            "mode": mode,
            "domain": domain,
            "norms": self._norms(target),
            "largest_weight": self.max_weight,
            "largest_bias": self.max_bias,
            "constant": self.constant,
            "gamma": self.gamma,
            "extrapolate": self.extrapolate,
        }
        try:
            answers = [self._answer(target, arguments, depth) for depth in depths]
        except InfeasibleWidth as error:
            densities = ticket_densities(target, density=self.density, sparsity=self.sparsity, depth=depths[0])
            raise blamed_on_density(error, self, densities) from None
        if self.json:
            inputs = {**self._inputs(answers[0][0]), "depth": depth, "domain": _box(target, domain), "seed": seed}
            show(document("ticket", inputs, **_fields(answers)))
            return 0
        for number, (found, table) in enumerate(answers):
            if number:
                show("")
            _report(found, table, self.format)
        return 0

    def _answer(
        self, target: Target, arguments: dict[str, Any], depth: Depth
    ) -> tuple[TicketWidth, TicketSensitivity | None]:
        if not self.sensitivity:
            return widths_of(target, depth=depth, **arguments), None
        table = sensitivity_of(target, depth=depth, **arguments)
        return table.base, table

    def _norms(self, target: Target) -> list[str] | None:
        if self.norms is None:
            return None
        norms, hidden = self.norms.split(","), target.depth - 1
        if len(norms) != hidden:
            names = ", ".join(f"B{layer}" for layer in range(1, hidden + 1)) if hidden <= 3 else f"B1, .., B{hidden}"
            allowed = f"one number per hidden layer, {hidden} here ({names})" if hidden else "no norms: no hidden layer"
            raise InvalidInput("--norms", allowed, self.norms)
        return norms

    def _inputs(self, found: TicketWidth) -> dict[str, Any]:
        content, facts = found.to_dict(), found.facts
        return {
            "target": self.target,
            "target_widths": list(found.target.widths),
            **{name: content[name] for name in ("epsilon", "delta", "mode", "constant", "gamma")},
            "density": content["densities"],
            "norms": [number_for_json(norm) for norm in facts.norms[1:]],
            "max_weight": number_for_json(max(facts.largest_weights)),
            "max_bias": number_for_json(max(facts.largest_biases)),
            "extrapolate": self.extrapolate,
            "sensitivity": self.sensitivity,
            "build": False,
        }

    def _build(self, target: Target, epsilon: Fraction, domain: tuple[float, float] | None, seed: int) -> int:
        if self.format != "table":
            raise InvalidInput("--format", "table with --build, or --json", self.format)
        unused = (self.delta, self.confidence) == (None, None)
        delta = None if unused else rational_text(read_delta(self.delta, self.confidence))
        if target.weights is None:
            raise InvalidInput("--target", "a .npz or .safetensors file with weights", self.target)
        if self.widths is None:
            raise InvalidInput("--widths", "the widths N0,N1,... of the source to prune", None)
        if self.out is None:
            raise InvalidInput("--out", "a .npz or .safetensors file for the ticket", None)
        out = Path(self.out)
        check_place(out, force=self.force, argument="--out")
        widths = read_integers("--widths", self.widths)
        if max(widths) > _LARGEST_LAYER:
            raise InvalidInput("--widths", f"at most {_LARGEST_LAYER} neurons in a layer", self.widths)
        densities = read_densities(target, density=self.density, sparsity=self.sparsity)
        workers = None if self.workers is None else read_integer("--workers", self.workers, least=1)

        from tqdm import tqdm

        from ertheory.builders import build_ticket, write_ticket

        with tqdm(unit=" neurons", desc="ticket", delay=2, leave=False) as bar:
            ticket = build_ticket(
                target,
                widths=widths,
                density=densities,
                epsilon=epsilon,
                seed=seed,
                domain=domain,
                workers=workers,
                progress=lambda done: bar.update(done - bar.n),
            )
        passed, checked = ticket.success, None
        if ticket.success:
            found: list[TicketCheck] = []

            def check(path: Path) -> None:
                found.append(check_ticket(target, path, epsilon=epsilon))
                if not found[0].passed:
                    raise _CheckFailed

            try:
                write_ticket(out, ticket, overwrite=self.force, check=check)
            except _CheckFailed:
                passed = False
            checked = found[0].to_dict()
        content: dict[str, Any] = {**ticket.to_dict(), "success": passed, "check": checked}
        if self.json:
            inputs = {
                "target": self.target,
                "target_widths": list(target.widths),
                "density": [rational_text(density) for density in densities],
                "epsilon": rational_text(epsilon),
                "delta": delta,
                "widths": list(widths),
                "domain": _box(target, domain),
                "seed": seed,
                "workers": workers or os.cpu_count() or 1,
                "out": self.out,
                "force": self.force,
                "build": True,
            }
            written = {"file": str(out) if passed else None}
            show(document("ticket", inputs, **{**content, "seed": seed, **written}))
        else:
            _show_ticket(target, content, str(out))
        return 0 if passed else 1


class _CheckFailed(Exception):
    """Leaves nothing behind of a file that did not pass."""


def _fields(answers: list[tuple[TicketWidth, TicketSensitivity | None]]) -> dict[str, Any]:
    """Give the fields of one answer, and all answers where both depths were asked for."""
    described = []
    for found, table in answers:
        content = found.to_dict()
        for name in ("target", "epsilon", "delta", "constant", "gamma"):
            content.pop(name)
        if table is not None:
            content["sensitivity"] = table.to_dict()
        described.append(content)
    return described[0] if len(described) == 1 else {**described[0], "results": described}


def _report(found: TicketWidth, table: TicketSensitivity | None, style: str) -> None:
    headers = ["mode", "depth", "kind", *(f"N_{layer}" for layer in range(len(found.widths) - 1)), "total", "edges"]
    row = [found.mode, found.depth, found.kind, *(f"{width:,}" for width in found.widths[:-1])]
    edges = Decimal(found.edges_expected.numerator) / found.edges_expected.denominator  # beyond a double perhaps
    show(render([[*row, f"{found.total:,}", f"{edges:.4g}"]], headers, style))
    if style == "table":
        show("")
        for line in _notes(found):
            show(wrap(line))
    if table is not None:
        show("")
        headers = ["argument", "from", "to", *(f"N_{layer}" for layer in range(len(found.widths) - 1))]
        rows = [
            [
                change.argument,
                _brief(change.before),
                _brief(change.after),
                *("-" if ratio is None else f"x {ratio:.4g}" for ratio in change.ratios[:-1]),
            ]
            for change in table.rows
        ]
        show(render(rows, headers, style))
        if style == "table":
            show(
                wrap("Each row changes one argument and leaves the others as they are. B_l are L1 norms, n_l neurons.")
            )


def _notes(found: TicketWidth) -> list[str]:
    facts = found.facts
    lines = [f"{found.statement}, {found.variant}; target {found.target}, delta {_brief(found.failure_probability)}."]
    tolerances = ", ".join(f"{float(value):.3g}" for value in found.epsilons)
    lines.append(f"  eps_1..eps_{len(found.epsilons)}: {tolerances}")
    if found.problems is not None and found.share is not None:
        times = "1 pass" if found.iterations == 1 else f"{found.iterations} passes"
        passes = f", after {times}" if found.depth == "L+1" and found.iterations else ""
        lines.append(
            f"  {float(found.problems):.4g} subset sums, each fails with probability {float(found.share):.3g}{passes}"
        )
    if found.copies is not None and found.depth == "L+1" and len(found.copies) > 1:
        lines.append(f"  copies per neuron: {', '.join(f'{count:,}' for count in found.copies[:-1])}")
    if found.constants:
        lines.append(f"  of these, constants for biases: {', '.join(f'{count:,}' for count in found.constants[:-1])}")
    known = "read off the weights" if facts.known else "assumed"
    weights = ", ".join(_brief(value) for value in facts.largest_weights)
    biases = ", ".join(_brief(value) for value in facts.largest_biases)
    norms = ", ".join(_brief(value) for value in facts.norms)
    signed = "inputs of either sign" if facts.signed else "inputs that are not negative"
    lines.append(f"  {known}: max|W| {weights}; max|b| {biases}; L1 norms B_0.. {norms}; {signed}")
    return lines + [f"  ! {warning}" for warning in found.warnings]


def _show_ticket(target: Target, content: dict[str, Any], out: str) -> None:
    if not content["success"]:
        show(wrap(f"No ticket of {target} within {content['epsilon']} in this source; nothing was written."))
        for reason in content["missing"]:
            show(wrap(f"  {reason}"))
        if content["check"] is not None:
            show(wrap(f"  WRONG: the file did not pass the independent check: {content['check']}"))
        show("Another --seed draws another source; wider ones hold a ticket more often.")
        return
    widths = " + ".join(f"{width:,}" for width in content["widths"][:-1])
    show(f"A strong ticket of {target} in {widths} hidden neurons, by pruning alone.")
    show(wrap(f"  proved   off by at most {content['error_certified']:.3g} on the whole box"))
    again = content["check"]["error_certified"]
    show(wrap(f"  checked  the source was drawn again: nothing but 0/1 masks inside it, off by at most {again:.3g}"))
    show(wrap(f"  measured {content['error_measured']:.3g}"))
    show(wrap(f"  kept     {', '.join(f'{count:,}' for count in content['kept'])} weights per layer"))
    show(wrap(f"  lambda   {', '.join(f'{value:.3g}' for value in content['lambda'])}, by which errors are passed on"))
    show(wrap(f"  written  {out}"))


def _box(target: Target, domain: tuple[float, float] | None) -> list[Any]:
    """Give the box that is used: one interval where all inputs have the same."""
    given = domain if domain is not None else target.domain
    box: list[Any] = read_box((0.0, 1.0) if given is None else given, target.inputs).tolist()
    first: list[float] = box[0]
    return first if all(ends == first for ends in box) else box


def _brief(value: Fraction) -> str:
    text = rational_text(value)
    return text if len(text) <= 10 else f"{float(value):.6g}"
