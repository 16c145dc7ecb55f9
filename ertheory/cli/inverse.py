"""``ertheory sparsity`` and ``ertheory confidence``: what given widths are good for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from ertheory.bounds import INVERTED, METHODS, Answer
from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Explain,
    Format,
    Json,
    ReadingName,
    Sparsity,
    TargetText,
    densities_inputs,
)
from ertheory.cli.notes import Note, show_explained, show_notes
from ertheory.cli.options import Option
from ertheory.cli.output import document, show, show_table
from ertheory.cli.progress import Progress
from ertheory.commands import Results, confidence, sparsity
from ertheory.commands.arguments import read_counted, read_delta
from ertheory.tables import Style

__all__ = ["ConfidenceCommand", "SparsityCommand"]

Widths = Annotated[
    tuple[int, ...],
    Option(
        "The source has these widths, layer 0 first; the outputs may be left out.", "N0,N1,...", read=reading.wholes
    ),
]
Method = Annotated[
    str | None,
    Option(
        f"The statement that answers is one of {', '.join(INVERTED)}; the main ones answer if it is left out.",
        "M",
        read=reading.choice(*METHODS),
    ),
]
Factors = Annotated[
    int | None,
    Option(
        "A factored source has so many masked maps for each map of the target, 2 or 3; then only statements about such "
        "sources answer.",
        "K",
    ),
]


@dataclass(frozen=True)
class SparsityCommand:
    """Largest sparsity at which given widths suffice."""

    target: TargetText
    widths: Widths
    delta: Delta = None
    confidence: Confidence = None
    method: Method = None
    layer0: ReadingName = None
    factors: Factors = None
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question."""
        with Progress(unit=" densities", desc="searching") as bar:
            answers = sparsity(
                self.target,
                self.widths,
                delta=self.delta,
                confidence=self.confidence,
                method=self.method,
                layer0=self.layer0,
                factors=self.factors,
                progress=bar.update,
            )
        if self.json:
            delta = read_delta(self.delta, self.confidence, None)
            inputs = {**_asked(self.target, answers, self.factors), "delta": rational_text(delta)}
            show(document("sparsity", inputs, **answers.to_dict()))
        else:
            _report(answers, self.format, explain=self.explain)
        return 0


@dataclass(frozen=True)
class ConfidenceCommand:
    """Success probability of given widths at a given sparsity."""

    target: TargetText
    widths: Widths
    density: Density = None
    sparsity: Sparsity = None
    method: Method = None
    layer0: ReadingName = None
    factors: Factors = None
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question."""
        target = read_counted(self.target)
        answers = confidence(
            target,
            self.widths,
            density=self.density,
            sparsity=self.sparsity,
            method=self.method,
            layer0=self.layer0,
            factors=self.factors,
        )
        if self.json:
            densities = answers[0].densities or ()
            inputs = {**densities_inputs(target, densities), **_asked(self.target, answers, self.factors)}
            show(document("confidence", inputs, **answers.to_dict()))
        else:
            _report(answers, self.format, explain=self.explain)
        return 0


def _asked(target: str, answers: Results[Answer], factors: int | None) -> dict[str, Any]:
    return {
        "target": target,
        "widths": list(answers[0].widths),
        "method": [answer.method for answer in answers],
        "layer0": [answer.layer0 for answer in answers],
        **({} if factors is None else {"factors": factors}),
    }


def _report(answers: Results[Answer], style: Style, *, explain: bool) -> None:
    show_table(answers.to_table(), style)
    if style == "table":
        show_notes(
            Note(answer.method, answer.applies, f"{answer.statement}; {answer.reason}.", answer.layer0)
            for answer in answers
        )
    if explain:
        show_explained(answers.explain())
