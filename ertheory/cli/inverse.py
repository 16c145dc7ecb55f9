"""``ertheory sparsity`` and ``ertheory confidence``: what given widths are good for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from tqdm import tqdm

from ertheory.bounds import QUESTIONS, Answer, Layer0, largest_sparsity, success_probability
from ertheory.bounds.blocks.available import checked_widths
from ertheory.bounds.result import rational_text, success_text
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Format,
    Layer0Name,
    Sparsity,
    TargetText,
    densities_inputs,
    read_delta,
    read_integers,
    read_target_text,
    read_text_densities,
)
from ertheory.cli.options import option
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.widths import checked_name
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

__all__ = ["ConfidenceCommand", "SparsityCommand"]

Widths = Annotated[str, option(metavar="N0,N1,...", help="Source widths, layer 0 first; outputs may be left out.")]
Method = Annotated[str | None, option(metavar="M", help=f"One of {', '.join(QUESTIONS)}; all if left out.")]


@dataclass(frozen=True)
class SparsityCommand:
    """Largest sparsity at which given widths suffice."""

    target: TargetText
    widths: Widths
    delta: Delta = None
    confidence: Confidence = None
    method: Method = None
    layer0: Layer0Name = None
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question."""
        target, widths = _target_and_widths(self.target, self.widths)
        delta = read_delta(self.delta, self.confidence)
        readings: tuple[Layer0, ...] = ("dense", "matched")
        with tqdm(unit=" densities", desc="searching", delay=2, leave=False) as bar:
            answers = [
                largest_sparsity(target, widths, delta, method=method, layer0=layer0, progress=bar.update)
                for method, layer0 in _questions(self.method, checked_name(self.layer0), readings)
            ]
        if self.json:
            inputs = {"target": self.target, "widths": list(widths), "delta": rational_text(delta), **_asked(answers)}
            show(document("sparsity", inputs, results=[answer.to_dict() for answer in answers]))
            return 0
        rows = [
            [answer.method, _kind(answer), answer.layer0, _relation(answer, "<=" if answer.kind == "necessary" else "")]
            for answer in answers
        ]
        show(render(rows, ["method", "kind", "layer 0", "largest sparsity"], self.format))
        _reasons(answers, self.format)
        return 0


@dataclass(frozen=True)
class ConfidenceCommand:
    """Success probability of given widths at a given sparsity."""

    target: TargetText
    widths: Widths
    density: Density = None
    sparsity: Sparsity = None
    method: Method = None
    layer0: Layer0Name = None
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question."""
        target, widths = _target_and_widths(self.target, self.widths)
        densities = read_text_densities(target, self.density, self.sparsity)
        readings: tuple[Layer0, ...] = ("dense",) if densities[0] == 1 else ("matched",)
        answers = [
            success_probability(target, widths, densities, method=method, layer0=layer0)
            for method, layer0 in _questions(self.method, checked_name(self.layer0), readings)
        ]
        if self.json:
            resolved = densities_inputs(target, densities)
            inputs = {**resolved, "target": self.target, "widths": list(widths), **_asked(answers)}
            show(document("confidence", inputs, results=[answer.to_dict() for answer in answers]))
            return 0
        rows = [[answer.method, _kind(answer), answer.layer0, _success(answer)] for answer in answers]
        show(render(rows, ["method", "kind", "layer 0", "success probability"], self.format))
        _reasons(answers, self.format)
        return 0


def _target_and_widths(target_text: str, widths_text: str) -> tuple[Target, tuple[int, ...]]:
    target = read_target_text(target_text)
    try:
        return target, checked_widths(target, read_integers("--widths", widths_text))
    except InvalidInput as error:
        raise InvalidInput("--widths", error.allowed, error.value) from None


def _questions(method: str | None, layer0: Layer0 | None, readings: tuple[Layer0, ...]) -> Iterable[tuple[str, Layer0]]:
    if method is not None and method not in QUESTIONS:
        raise InvalidInput("--method", f"one of {', '.join(QUESTIONS)}", method)
    for name in QUESTIONS if method is None else (method,):
        if layer0 is not None:
            yield name, layer0
        elif name in ("theorem-2.3", "degree"):
            yield name, "dense"
        else:
            yield from ((name, reading) for reading in (("dense",) if name == "printed" else readings))


def _asked(answers: list[Answer]) -> dict[str, list[str]]:
    return {"method": [answer.method for answer in answers], "layer0": [answer.layer0 for answer in answers]}


def _kind(answer: Answer) -> str:
    return answer.kind if answer.applies else f"{answer.kind}*"


def _relation(answer: Answer, sign: str) -> str:
    if answer.sparsity is None:
        return "-"
    text = rational_text(answer.sparsity)
    return f"{sign} {text}".strip()


def _success(answer: Answer) -> str:
    if answer.success_lower is not None:
        return f">= {success_text(answer.success_lower)}"
    return "-" if answer.success_upper is None else f"<= {success_text(answer.success_upper, up=True)}"


def _reasons(answers: list[Answer], style: str) -> None:
    if style == "table":
        show("" if all(answer.applies for answer in answers) else "\n* does not apply here:")
        for answer in answers:
            show(wrap(f"  {answer.method}, layer 0 {answer.layer0}: {answer.statement}; {answer.reason}."))
