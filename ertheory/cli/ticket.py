"""``ertheory ticket``: widths of Theorem 2.5, and the strong ticket itself."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import tyro

from ertheory.bounds import DEPTHS, MODES, Depth, Mode, TicketSensitivity, TicketWidth
from ertheory.bounds import ticket_sensitivity as sensitivity_of
from ertheory.bounds import ticket_widths as widths_of
from ertheory.check import TicketCheck, check_ticket
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Format,
    Sparsity,
    TargetText,
    read_delta,
    read_integer,
    read_integers,
    read_target_text,
)
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.subset_sum import read_option, renamed
from ertheory.errors import InvalidInput
from ertheory.exact import exact_rational, probability
from ertheory.files import check_place
from ertheory.results import rational_text
from ertheory.source import read_densities
from ertheory.target import Target

__all__ = ["TicketCommand"]

_OPTIONS = {
    "failure_probability": "--delta",
    "largest_weight": "--max-weight",
    "largest_bias": "--max-bias",
    "path": "--out",
}


@dataclass(frozen=True)
class TicketCommand:
    """Widths of a source that holds a strong ticket, or the ticket."""

    target: TargetText
    epsilon: Annotated[str, tyro.conf.arg(metavar="E", help="Largest error of an output on the domain, in (0, 1).")]
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    mode: Annotated[
        str,
        tyro.conf.arg(metavar="M", help="rigorous (proved), calibrated (measured) or printed (with --constant)."),
    ] = "rigorous"
    depth: Annotated[
        str, tyro.conf.arg(metavar="D", help="Layers of the source: L+1 as in the paper, 2L without copies, or both.")
    ] = "L+1"
    domain: Annotated[
        str | None,
        tyro.conf.arg(metavar="A,B", help="Every input lies between these. If left out: what the file says, else 0,1."),
    ] = None
    norms: Annotated[
        str | None,
        tyro.conf.arg(metavar="B1,B2,..", help="L1 norms of the hidden layers, at most; for a target without weights."),
    ] = None
    max_weight: Annotated[
        str | None, tyro.conf.arg(metavar="W", help="Largest weight of a target without weights; 1 if left out.")
    ] = None
    max_bias: Annotated[
        str | None, tyro.conf.arg(metavar="B", help="Largest bias of a target without weights; 1 if left out.")
    ] = None
    constant: Annotated[
        str | None, tyro.conf.arg(metavar="C", help="Constant of the printed formula, which the paper does not name.")
    ] = None
    gamma: Annotated[str | None, tyro.conf.arg(metavar="G", help="gamma of the printed formula; 0 if left out.")] = None
    extrapolate: bool = False
    """Let mode calibrated answer outside the ranges that were measured."""
    sensitivity: bool = False
    """Show what changing one argument at a time does to the widths."""
    build: bool = False
    """Draw one source of --widths, prune it to the ticket, and write that to --out."""
    widths: Annotated[str | None, tyro.conf.arg(metavar="N0,N1,..", help="Widths of the source to prune.")] = None
    seed: Annotated[str, tyro.conf.arg(metavar="N", help="Seed of the source to prune.")] = "0"
    out: Annotated[str | None, tyro.conf.arg(metavar="FILE", help="Where the ticket goes: .npz or .safetensors.")] = (
        None
    )
    workers: Annotated[str | None, tyro.conf.arg(metavar="N", help="Threads that search for the ticket.")] = None
    force: bool = False
    """Write over a file that exists."""
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question; exit status 1 if no ticket was found."""
        target = read_target_text(self.target)
        epsilon = probability("--epsilon", self.epsilon)
        domain = None if self.domain is None else _interval(self.domain)
        try:
            if self.build:
                return self._build(target, epsilon, domain)
            for name, given in (("--widths", self.widths), ("--out", self.out)):
                if given is not None:
                    raise InvalidInput(name, "--build to go with it", given)
            return self._widths(target, epsilon, domain)
        except InvalidInput as error:
            raise renamed(error, self, _OPTIONS) from None

    def _widths(self, target: Target, epsilon: Fraction, domain: tuple[float, float] | None) -> int:
        mode: Mode = read_option("--mode", self.mode, MODES)
        depths = DEPTHS if self.depth == "both" else (read_option("--depth", self.depth, (*DEPTHS, "both")),)
        arguments: dict[str, Any] = {
            "density": self.density,
            "sparsity": self.sparsity,
            "epsilon": epsilon,
            "failure_probability": read_delta(self.delta, self.confidence),
            "mode": mode,
            "domain": domain,
            "norms": None if self.norms is None else self.norms.split(","),
            "largest_weight": self.max_weight,
            "largest_bias": self.max_bias,
            "constant": self.constant,
            "gamma": self.gamma,
            "extrapolate": self.extrapolate,
        }
        answers = [self._answer(target, arguments, depth) for depth in depths]
        if self.json:
            show(document("ticket", self._inputs(answers[0][0], domain), **_fields(answers)))
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

    def _inputs(self, found: TicketWidth, domain: tuple[float, float] | None) -> dict[str, Any]:
        content = found.to_dict()
        return {
            "target": self.target,
            "target_widths": list(found.target.widths),
            **{name: content[name] for name in ("epsilon", "delta", "mode", "constant", "gamma")},
            "density": content["densities"],
            "depth": self.depth,
            "domain": None if domain is None else list(domain),
            "extrapolate": self.extrapolate,
            "sensitivity": self.sensitivity,
        }

    def _build(self, target: Target, epsilon: Fraction, domain: tuple[float, float] | None) -> int:
        if target.weights is None:
            raise InvalidInput("--target", "a .npz or .safetensors file with weights", self.target)
        if self.widths is None:
            raise InvalidInput("--widths", "the widths N0,N1,... of the source to prune", None)
        if self.out is None:
            raise InvalidInput("--out", "a .npz or .safetensors file for the ticket", None)
        out = Path(self.out)
        check_place(out, force=self.force, argument="--out")
        widths = read_integers("--widths", self.widths)
        densities = read_densities(target, density=self.density, sparsity=self.sparsity)
        seed = read_integer("--seed", self.seed)
        workers = None if self.workers is None else read_integer("--workers", self.workers)

        from tqdm import tqdm

        from ertheory.embed import build_ticket, write_ticket

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
                "widths": list(widths),
                "domain": None if domain is None else list(domain),
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
    show(render([[*row, f"{found.total:,}", f"{float(found.edges_expected):.4g}"]], headers, style))
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


def _notes(found: TicketWidth) -> list[str]:
    facts = found.facts
    lines = [f"{found.statement}, {found.variant}; target {found.target}, delta {_brief(found.failure_probability)}."]
    tolerances = ", ".join(f"{float(value):.3g}" for value in found.epsilons)
    lines.append(f"  eps_1..eps_{len(found.epsilons)}: {tolerances}")
    if found.problems is not None and found.share is not None:
        passes = f", after {found.iterations} passes" if found.depth == "L+1" and found.iterations else ""
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


def _interval(text: str) -> tuple[float, float]:
    ends = text.split(",")
    if len(ends) != 2:
        raise InvalidInput("--domain", "two numbers a,b", text)
    low, high = (float(exact_rational("--domain", end)) for end in ends)
    if low > high:
        raise InvalidInput("--domain", "a,b with a <= b", text)
    return low, high


def _brief(value: Fraction) -> str:
    text = rational_text(value)
    return text if len(text) <= 10 else f"{float(value):.6g}"
