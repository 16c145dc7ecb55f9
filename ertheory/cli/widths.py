"""``ertheory width`` and ``ertheory lower``: from a target and a sparsity to widths."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from ertheory.bounds import LAYER0, METHODS, READINGS, Layer0, Reading, univariate_width, width, widths
from ertheory.bounds.result import Width, rational_text, success_text
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Format,
    ReadingName,
    Sparsity,
    TargetText,
    densities_inputs,
    read_delta,
    read_integer,
    read_target_text,
    read_text_densities,
)
from ertheory.cli.options import option
from ertheory.cli.output import document, render, show, wrap
from ertheory.errors import InvalidInput
from ertheory.numbers import probability

__all__ = ["LowerCommand", "WidthCommand", "checked_name", "checked_reading"]


@dataclass(frozen=True)
class WidthCommand:
    """Widths of a random sparse network that contains the target."""

    target: TargetText
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    method: Annotated[
        str | None, option(metavar="M", help=f"One of {', '.join(METHODS)}; the main ones if left out.")
    ] = None
    layer0: ReadingName = None
    explain: bool = False
    """Show the formulas, and the formulas with the numbers put in."""
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question."""
        target = read_target_text(self.target)
        densities = read_text_densities(target, self.density, self.sparsity)
        delta = read_delta(self.delta, self.confidence)
        layer0 = checked_reading(self.layer0)
        if self.method is None:
            results = widths(target, density=densities, failure_probability=delta, layer0=layer0)
        else:
            if self.method not in METHODS:
                raise InvalidInput("--method", f"one of {', '.join(METHODS)}", self.method)
            one = width(target, method=self.method, density=densities, failure_probability=delta, layer0=layer0)
            results = (one,)
        if self.json:
            inputs = {
                **densities_inputs(target, densities),
                "target": self.target,
                "delta": rational_text(delta),
                "method": [result.method for result in results],
                "layer0": [result.layer0 for result in results],
            }
            show(document("width", inputs, results=[result.to_dict() for result in results]))
            return 0
        headers = ["method", "kind", "layer 0", *_names(target.depth), "ratio", "success >=", "edges"]
        show(render([_row(result) for result in results], headers, self.format))
        if self.format == "table":
            sparsities = ", ".join(_brief(1 - density) for density in densities)
            show(f"\nTarget {target}, sparsity of layers 0..{target.depth}: {sparsities}, delta {_brief(delta)}.")
            show("Ratio: hidden neurons relative to the printed statement. Edges: expected number of kept weights.")
            if not all(result.applies for result in results):
                show("* does not apply here:")
            for result in results:
                show(wrap(_sentence(result)))
        if self.explain:
            from ertheory.cli.explain import explain_width

            for result in results:
                show(explain_width(result))
        return 0


@dataclass(frozen=True)
class LowerCommand:
    """Widths that Theorem 2.3 and its exact laws ask for."""

    inputs: Annotated[str, option(metavar="d", help="Inputs of the single neuron phi(w.x + b).")]
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    output: Annotated[str, option(metavar="O", help="relu or linear, the output of the source.")] = "relu"
    explain: bool = False
    """Show the formulas, and the formulas with the numbers put in."""
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question."""
        inputs_read = read_integer("--inputs", self.inputs)
        if not 1 <= inputs_read <= 10**15:
            raise InvalidInput("--inputs", "one whole number from 1 to 10^15", self.inputs)
        densities = two_densities(self.density, self.sparsity)
        delta = read_delta(self.delta, self.confidence)
        if self.output not in ("relu", "linear"):
            raise InvalidInput("--output", "relu or linear", self.output)
        result = univariate_width(inputs_read, densities, delta, output="relu" if self.output == "relu" else "linear")
        if self.json:
            content = result.to_dict()
            inputs = {
                "inputs": inputs_read,
                "density": content.pop("densities"),
                "delta": content.pop("delta"),
                "output": content.pop("output"),
            }
            content.pop("inputs")
            show(document("lower", inputs, **content))
            return 0
        reached = "sufficient" if result.exact is None else "exact"
        exact = "too long a sum" if result.exact is None else _long(result.exact)
        rows = [
            ["Theorem 2.3", "printed", "necessary", _long(result.printed)],
            ["closed form", "exact", "necessary", _long(result.necessary)],
            ["exact law", "exact", "necessary and sufficient", exact],
            ["closed form", "exact", "sufficient", _long(result.sufficient)],
        ]
        show(render(rows, ["statement", "variant", "kind", "width"], self.format))
        if self.format == "table":
            show(f"\n{self.output} output, success >= {success_text(result.success_lower)} at the {reached} width.")
            show(wrap(f"Conditions: {result.conditions}."))
        if self.explain:
            from ertheory.cli.explain import explain_lower

            show(explain_lower(result))
        return 0


def two_densities(density: str | None, sparsity: str | None) -> tuple[Fraction, Fraction]:
    if (density is None) == (sparsity is None):
        given = "both" if density is not None else "none"
        raise InvalidInput("--density", "exactly one of --density and --sparsity", given)
    if density is not None:
        values = [probability("--density", part, one=True) for part in density.split(",")]
    else:
        values = [1 - probability("--sparsity", part, zero=True) for part in str(sparsity).split(",")]
    if len(values) not in (1, 2):
        raise InvalidInput("--density", "one or two numbers (inputs to hidden, hidden to output)", len(values))
    return values[0], values[-1]


def checked_name(name: str | None) -> Layer0 | None:
    """Read --layer0."""
    for known in LAYER0:
        if name == known:
            return known
    if name is not None:
        raise InvalidInput("--layer0", f"one of {', '.join(LAYER0)}", name)
    return None


def checked_reading(name: str | None) -> Reading | None:
    """Read --layer0 where it may be coded."""
    for known in READINGS:
        if name == known:
            return known
    if name is not None:
        raise InvalidInput("--layer0", f"one of {', '.join(READINGS)}", name)
    return None


def _names(depth: int) -> list[str]:
    return [f"N_{layer}" for layer in range(depth)]


def _row(result: Width) -> list[str]:
    edges, ratio = result.edges_expected, result.width_ratio
    return [
        result.method,
        result.kind if result.applies else f"{result.kind}*",
        result.layer0,
        *("-" if number is None else _long(number) for number in result.widths[:-1]),
        "-" if ratio is None else f"{ratio:.3g}",
        "-" if result.success_lower is None else _short(success_text(result.success_lower)),
        "-" if edges is None else f"{float(edges):.4g}" if edges < 10**300 else "over 1e300",
    ]


def _sentence(result: Width) -> str:
    certified = f" Certified by {result.certified}." if result.applies else ""
    mark = "" if result.applies else "*"
    return f"  {result.method}{mark}: {result.statement}, {result.variant}; {result.reason}.{certified}"


def _long(number: int) -> str:
    text = f"{number:,}" if number < 10**15 else str(number)
    return text if len(text) <= 40 else f"{text[0]}.{text[1:6]}e{len(text) - 1}"


def _short(text: str) -> str:
    """Shorten 0.999...9 to the power of ten that bounds the failure probability."""
    nines = len(text[2:]) - len(text[2:].lstrip("9"))
    return text if len(text) <= 16 else f"1 - 1e-{nines}"


def _brief(value: Fraction) -> str:
    text = rational_text(value)
    return text if len(text) <= 24 else f"about {float(value):.6g}"
