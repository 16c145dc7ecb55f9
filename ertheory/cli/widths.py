"""``ertheory width`` and ``ertheory lower``: from a target and a sparsity to widths."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from ertheory.bounds.catalogue import CERTIFIED, METHODS
from ertheory.bounds.factored import FactoredDesign, Objective, Split
from ertheory.bounds.factored.inner import Inner
from ertheory.bounds.result import Width, rational_text, success_text
from ertheory.cli import reading
from ertheory.cli.arguments import (
    TARGET_HELP,
    Confidence,
    Delta,
    Density,
    Explain,
    Force,
    Format,
    Json,
    ReadingName,
    Sparsity,
    densities_inputs,
)
from ertheory.cli.notes import Note, show_explained, show_notes
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, show_table, wrap
from ertheory.cli.progress import Progress
from ertheory.commands import lower, width
from ertheory.commands.rows import map_table
from ertheory.commands.widths import certified, gathered
from ertheory.errors import InvalidInput
from ertheory.files import check_place, write_text
from ertheory.layerwise.architectures import ARCHITECTURES
from ertheory.tables import Cell

__all__ = ["LowerCommand", "WidthCommand"]

_RATIO = "Ratio: hidden neurons relative to the printed statement. Edges: expected number of kept weights."


@dataclass(frozen=True)
class WidthCommand:
    """Widths of a random sparse network that contains the target."""

    target: Annotated[str | None, Option(TARGET_HELP, "T")] = None
    model: Annotated[
        str | None,
        Option(
            f"An architecture is asked about in its place: {', '.join(ARCHITECTURES)}.",
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
            f"The statement that answers is one of {', '.join(METHODS)}; the main ones answer if it is left out.",
            "M",
            read=reading.choice(*METHODS),
        ),
    ] = None
    layer0: ReadingName = None
    certificate: Annotated[
        str | None,
        Option(
            f"Write the answer of the method ({', '.join(CERTIFIED)}), or without one the narrowest that can be, as a "
            "theorem that Coq checks.",
            "FILE.v",
        ),
    ] = None
    force: Force = False
    split: Annotated[
        Split | None,
        Option(
            "The factors of factored sources have equal densities, or the best ones at the same overall density.",
            "S",
        ),
    ] = None
    objective: Annotated[
        Objective | None, Option("Factored sources are made to have few expected edges, or few neurons in total.", "O")
    ] = None
    inner: Annotated[
        Inner | None,
        Option(
            "The inner neurons of factored sources do this: identity, relu (lifted above 0 on a box), relu-positive "
            "(inputs at least 0). If left out, it is relu for a target and identity for a model.",
            "I",
        ),
    ] = None
    factors: Annotated[
        int | None,
        Option(
            "A factored source has so many masked maps for each map of the target: 2, also if this is left out, or 3.",
            "K",
        ),
    ] = None
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question."""
        if self.certificate is not None:
            check_place(Path(self.certificate), force=self.force, argument="--certificate", suffixes=(".v",))
        if (self.target is None) == (self.model is None):
            given = "none" if self.target is None else "both"
            raise InvalidInput("target", "exactly one of `target` and `model`", given)
        asked: dict[str, Any] = {
            "model": self.model,
            "split": self.split,
            "objective": self.objective,
            "inner": self.inner,
            "factors": self.factors,
            "density": self.density,
            "sparsity": self.sparsity,
            "delta": self.delta,
            "confidence": self.confidence,
            "layer0": self.layer0,
        }
        if self.method is None:
            with Progress(unit=" statements", desc="asking") as bar:
                found = width(self.target, **asked, progress=bar.update)
        else:
            found = gathered([width(self.target, method=self.method, **asked)])
        first = found[0]
        if self.certificate is not None:
            shown, text = certified(found)
            write_text(Path(self.certificate), text, suffix=".v", force=self.force, argument="--certificate")
        if self.json:
            inputs = {
                **densities_inputs(first.target, _resolved(first, self.density, self.sparsity)),
                "target": self.target,
                "model": self.model,
                "split": self.split or "equal",
                "objective": self.objective or "edges",
                "inner": self.inner or ("relu" if self.model is None and first.target.is_chain else "identity"),
                "factors": self.factors or 2,
                "delta": rational_text(first.failure_probability),
                "method": [result.method for result in found],
                "layer0": [result.layer0 for result in found],
                **({} if self.certificate is None else {"certificate": self.certificate}),
            }
            show(document("width", inputs, **found.to_dict()))
            return 0
        show_table(found.to_table(), self.format)
        if self.format == "table":
            _say(_resolved(first, self.density, self.sparsity), list(found))
            whole = self.model is not None or not first.target.is_chain
            for one in found if whole else ():
                if isinstance(one.design, FactoredDesign):
                    show("")
                    show_table(map_table(one.design), self.format)
        if self.explain:
            show_explained(found.explain())
        if self.format == "table" and self.certificate is not None:
            says = f"{self.certificate}, for {shown.method}; make certificate FILE={self.certificate} checks it."
            show("\n" + wrap(f"Certificate: {says}"))
        return 0


def _resolved(
    answer: Width, density: tuple[Fraction, ...] | None, sparsity: tuple[Fraction, ...] | None
) -> tuple[Fraction, ...]:
    """Give the density of every source layer as it was asked for, whatever split an answer has chosen."""
    asked = density if density is not None else tuple(1 - one for one in sparsity or ())
    return asked * len(answer.densities) if len(asked) == 1 else asked


def _say(asked: tuple[Fraction, ...], results: list[Width]) -> None:
    first = results[0]
    sparsities = ", ".join(_brief(1 - density) for density in (asked[:1] if len(set(asked)) == 1 else asked))
    where = "of every layer" if len(set(asked)) == 1 else f"of layers 0..{len(asked) - 1}:"
    delta = _brief(first.failure_probability)
    show("\n" + wrap(f"Target {first.target}, sparsity {where} {sparsities}, delta {delta}."))
    show(wrap(_RATIO))
    show_notes(Note(result.method, result.applies, _sentence(result)) for result in results)


def _sentence(result: Width) -> str:
    certified = f" Certified by {result.certified}." if result.applies else ""
    return f"{result.statement}, {result.variant}; {result.reason}.{certified}"


def _brief(value: Fraction) -> str:
    text = rational_text(value)
    return text if len(text) <= 24 else f"about {float(value):.6g}"


@dataclass(frozen=True)
class LowerCommand:
    """Widths that Theorem 2.3 and its exact laws ask for."""

    inputs: Annotated[int, Option("The single neuron phi(w.x + b) reads so many inputs, from 1 to 10^15.", "d")]
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    output: Annotated[Literal["relu", "linear"], Option("The output of the source is relu or linear.", "O")] = "relu"
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question."""
        result = lower(
            self.inputs,
            density=self.density,
            sparsity=self.sparsity,
            delta=self.delta,
            confidence=self.confidence,
            output=self.output,
        )
        if self.json:
            content = result.to_dict()
            inputs = {
                "inputs": content.pop("inputs"),
                "density": content.pop("densities"),
                "delta": content.pop("delta"),
                "output": content.pop("output"),
            }
            show(document("lower", inputs, **content))
            return 0
        reached = "sufficient" if result.exact is None else "exact"
        rows: list[list[Cell]] = [
            ["Theorem 2.3", "printed", "necessary", result.printed],
            ["closed form", "exact", "necessary", result.necessary],
            ["exact law", "exact", "necessary and sufficient", result.exact or "too long a sum"],
            ["closed form", "exact", "sufficient", result.sufficient],
        ]
        show(render(rows, ["statement", "variant", "kind", "width"], self.format))
        if self.format == "table":
            success = success_text(result.success_lower)
            show(f"\n{self.output} output, success >= {success} at the {reached} width.")
            show(wrap(f"Conditions: {result.conditions}."))
        if self.explain:
            show_explained(result.explain())
        return 0
