"""``ertheory capacity``: what a given source certainly contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ertheory.bounds.capacity import CAPACITIES
from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.arguments import Confidence, Delta, Density, Explain, Format, Json, Sparsity
from ertheory.cli.notes import Note, show_explained, show_notes
from ertheory.cli.options import Option
from ertheory.cli.output import document, show, show_table
from ertheory.cli.progress import Progress
from ertheory.commands import capacity
from ertheory.layerwise import RATIOS
from ertheory.layerwise.architectures import ARCHITECTURES

__all__ = ["CapacityCommand"]


@dataclass(frozen=True)
class CapacityCommand:
    """Largest targets that a given source certainly contains."""

    source: Annotated[str | None, Option("The source has these widths, inputs first: 784-1921-128-1600-10.", "S")] = (
        None
    )
    model: Annotated[
        str | None,
        Option(
            f"An architecture is asked about in its place: {', '.join(ARCHITECTURES)}. The answer is the largest "
            "factor on its widths with which a factored source of so many edges contains it.",
            "A",
            read=reading.choice(*ARCHITECTURES),
        ),
    ] = None
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    method: Annotated[
        str | None,
        Option(
            f"The statement that answers is one of {', '.join(CAPACITIES)}; all answer if it is left out.",
            "M",
            read=reading.choice(*CAPACITIES),
        ),
    ] = None
    edges: Annotated[
        int | None,
        Option(
            "The source of a model has so many expected edges; as many as the model has weights, if this is left out.",
            "E",
        ),
    ] = None
    factors: Annotated[
        int | None,
        Option(
            "So many layers of a factored source, 2 or 3, are one map of the target; then only factored answers.", "K"
        ),
    ] = None
    ratio: Annotated[
        str | None,
        Option(
            f"The model itself is the source, masked with the layer-wise densities of {', '.join(RATIOS)}, or all of "
            "these; pairs of its layers are read as one map each.",
            "R",
            read=reading.choice(*RATIOS, "all"),
        ),
    ] = None
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question; exit status 0 also where nothing is contained, which the answer says."""
        with Progress(unit=" targets", desc="searching") as bar:
            answers = capacity(
                self.source,
                model=self.model,
                density=self.density,
                sparsity=self.sparsity,
                delta=self.delta,
                confidence=self.confidence,
                method=self.method,
                edges=self.edges,
                factors=self.factors,
                ratio=self.ratio,
                progress=bar.update,
            )
        first = answers[0]
        if self.json:
            asked = (
                first.densities
                if self.ratio is None
                else self.density or tuple(1 - each for each in self.sparsity or ())
            )
            inputs = {
                "source": self.source,
                "model": self.model,
                "density": [rational_text(density) for density in asked],
                "sparsity": [rational_text(1 - density) for density in asked],
                "delta": rational_text(first.failure_probability),
                "method": [answer.method for answer in answers],
                "edges": self.edges,
                **({} if self.factors is None else {"factors": self.factors}),
                **({} if self.ratio is None else {"ratio": self.ratio}),
            }
            show(document("capacity", inputs, **answers.to_dict()))
            return 0
        show_table(answers.to_table(), self.format)
        if self.format == "table":
            notes = [
                Note(answer.method, answer.applies, f"{answer.statement}; {answer.reason}.", answer.layer0)
                for answer in answers
            ]
            show_notes(dict.fromkeys(notes))  # ratios have theirs in common
        if self.explain:
            show_explained(answers.explain())
        return 0
