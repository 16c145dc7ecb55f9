"""``ertheory ticket``: widths of Theorem 2.5, and the strong ticket itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

from ertheory.bounds import Mode, TicketSensitivity, TicketWidth
from ertheory.bounds.result import number_for_json, rational_text
from ertheory.cli import reading
from ertheory.cli.arguments import Confidence, Density, Domain, Explain, Force, Format, Json, Sparsity, TargetText
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, show
from ertheory.cli.progress import Progress
from ertheory.cli.pruned import report, show_ticket
from ertheory.commands import PrunedTicket, ticket
from ertheory.commands.arguments import read_delta, read_target
from ertheory.networks.arrays import read_box
from ertheory.networks.target import Target

__all__ = ["TicketCommand"]

Answers = list[tuple[TicketWidth, TicketSensitivity | None]]


def _norms(argument: str, text: str) -> tuple[Fraction, ...]:
    from ertheory.numbers import exact_rational

    return tuple(exact_rational(argument, part) for part in text.split(","))


@dataclass(frozen=True)
class TicketCommand:
    """Widths of a source that holds a strong ticket, or the ticket."""

    target: TargetText
    epsilon: Annotated[
        Fraction | None,
        Option(
            "An output may be wrong by so much on the domain, in (0, 1); it is left out with --bits.",
            "E",
            read=reading.unit,
        ),
    ] = None
    density: Density = None
    sparsity: Sparsity = None
    delta: Annotated[
        Fraction | None,
        Option(
            "The widths may fail with this probability, in (0, 1). It is of no account with --build, which says what "
            "it found.",
            "D",
            read=reading.unit,
        ),
    ] = None
    confidence: Confidence = None
    mode: Annotated[
        Mode | None,
        Option(
            "The number is rigorous (proved; this if left out), calibrated (measured) or printed (with --constant).",
            "M",
        ),
    ] = None
    depth: Annotated[
        Literal["L+1", "2L", "both"] | None,
        Option(
            "The source has so many layers: L+1 as in the paper (if left out), 2L without copies, or both are shown.",
            "D",
        ),
    ] = None
    domain: Domain = None
    norms: Annotated[
        tuple[Fraction, ...] | None,
        Option(
            "The hidden layers have L1 norms of at most this; it is for a target without weights.",
            "B1,B2,..",
            read=_norms,
        ),
    ] = None
    max_weight: Annotated[
        Fraction | None, Option("No weight is larger, of a target without weights; it is 1 if left out.", "W")
    ] = None
    max_bias: Annotated[
        Fraction | None, Option("No bias is larger, of a target without weights; it is 1 if left out.", "B")
    ] = None
    constant: Annotated[
        Fraction | None,
        Option("This is the constant of the printed formula, above 0, which the paper does not name.", "C"),
    ] = None
    gamma: Annotated[
        Fraction | None, Option("This is gamma of the printed formula, at least 0; it is 0 if left out.", "G")
    ] = None
    extrapolate: Annotated[bool, Option("Let mode calibrated answer outside the ranges that were measured.")] = False
    kept: Annotated[
        int | None,
        Option(
            "No more source weights than this stand for one weight of the target, so that the ticket is sparse.",
            "K",
            read=reading.whole(1),
        ),
    ] = None
    bits: Annotated[
        int | None,
        Option(
            "Weights are multiples of 2^-B, those of the source uniform in [-1, 1]; the ticket is the target itself.",
            "B",
            read=reading.whole(0),
        ),
    ] = None
    sensitivity: Annotated[bool, Option("Show what changing one argument at a time does to the widths.")] = False
    build: Annotated[bool, Option("Draw one source of --widths, prune it to the ticket, and write that to --out.")] = (
        False
    )
    widths: Annotated[
        tuple[int, ...] | None, Option("The source to prune has these widths.", "N0,N1,..", read=reading.wholes)
    ] = None
    seed: Annotated[
        int, Option("The source to prune is drawn by this seed; it is of no account without --build.", "N")
    ] = 0
    out: Annotated[str | None, Option("The ticket is written to this file: .npz or .safetensors.", "FILE")] = None
    workers: Annotated[
        int | None,
        Option(
            "So many threads search for the ticket; one per processor if it is left out.", "N", read=reading.whole(1)
        ),
    ] = None
    force: Force = False
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question; exit status 1 if no ticket was found."""
        target = read_target(self.target)
        with Progress(unit=" neurons", desc="ticket") as bar:
            found = ticket(
                target,
                epsilon=self.epsilon,
                density=self.density,
                sparsity=self.sparsity,
                delta=self.delta,
                confidence=self.confidence,
                mode=self.mode,
                depth=self.depth,
                domain=None if self.domain is None else tuple(map(float, self.domain)),
                norms=self.norms,
                max_weight=self.max_weight,
                max_bias=self.max_bias,
                constant=self.constant,
                gamma=self.gamma,
                extrapolate=self.extrapolate,
                kept=self.kept,
                bits=self.bits,
                sensitivity=self.sensitivity,
                build=self.build,
                widths=self.widths,
                seed=self.seed,
                out=self.out,
                workers=self.workers,
                force=self.force,
                progress=bar.reach,
            )
        if isinstance(found, PrunedTicket):
            self._show_pruned(target, found)
            return 0 if found.passed else 1
        self._show_widths([_answer(one) for one in (found if isinstance(found, tuple) else (found,))])
        return 0

    def _show_widths(self, answers: Answers) -> None:
        if self.json:
            show(document("ticket", self._inputs(answers[0][0]), **_fields(answers)))
            return
        for number, (found, table) in enumerate(answers):
            if number:
                show("")
            report(found, table, self.format)
            if self.explain:
                show_explained((found if table is None else table).explain())

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
            "kept": self.kept,
            "bits": self.bits,
            "sensitivity": self.sensitivity,
            "build": False,
            "depth": self.depth or "L+1",
            "domain": self._box(found.target),
            "seed": self.seed,
        }

    def _show_pruned(self, target: Target, found: PrunedTicket) -> None:
        unused = (self.delta, self.confidence) == (None, None)
        content = found.to_dict()
        if not self.json:
            if self.format == "table":
                show_ticket(target, content, self.out)
            else:
                show(found.rendered(self.format))
            if self.explain:
                show_explained(found.explain())
            return
        inputs = {
            "target": self.target,
            "target_widths": list(target.widths),
            "density": [rational_text(density) for density in found.densities],
            "epsilon": rational_text(self.epsilon or Fraction(0)),
            "delta": None if unused else rational_text(read_delta(self.delta, self.confidence, None)),
            "widths": list(self.widths or ()),
            "domain": self._box(target),
            "kept": self.kept,
            "bits": self.bits,
            "seed": self.seed,
            "workers": self.workers or os.cpu_count() or 1,
            "out": self.out,
            "force": self.force,
            "build": True,
        }
        show(document("ticket", inputs, **{**content, "seed": self.seed}))

    def _box(self, target: Target) -> list[Any]:
        """Give the box that is used: one interval where all inputs have the same."""
        given = target.domain if self.domain is None else tuple(map(float, self.domain))
        box: list[Any] = read_box((0.0, 1.0) if given is None else given, target.inputs).tolist()
        first: list[float] = box[0]
        return first if all(ends == first for ends in box) else box


def _answer(found: TicketWidth | TicketSensitivity) -> tuple[TicketWidth, TicketSensitivity | None]:
    return (found.base, found) if isinstance(found, TicketSensitivity) else (found, None)


def _fields(answers: Answers) -> dict[str, Any]:
    """Give the fields of one answer, and all answers where both depths were asked for."""
    described = []
    for found, table in answers:
        content = found.to_dict()
        for name in ("target", "epsilon", "delta", "constant", "gamma", "kept", "bits"):
            content.pop(name)
        if table is not None:
            content["sensitivity"] = table.to_dict()
        described.append(content)
    return described[0] if len(described) == 1 else {**described[0], "results": described}
