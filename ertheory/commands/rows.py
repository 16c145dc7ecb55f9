"""How answers stand in a table."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ertheory.bounds import Answer
from ertheory.bounds.result import Width, number_for_json, rational_text, success_text
from ertheory.tables import Cell, Shown, Table

__all__ = ["answer_table", "width_table"]

_LARGEST_FLOAT = 10**300
_SPARE = ("ratio", "layer 0")  # follows from the widths; stands in the sentences below the table


def width_table(answers: Sequence[Width]) -> Table:
    """Lay out widths, with a column for the sparsity where it is not the same everywhere."""
    depth = max((len(answer.widths) - 1 for answer in answers), default=0)
    hidden = [f"N_{layer}" for layer in range(depth)]
    headers = ["method", "kind", "layer 0", *hidden, "ratio", "success >=", "edges"]
    rows = [_width_row(answer, depth) for answer in answers]
    if len({_sparsity(answer.densities) for answer in answers}) > 1:
        headers = ["sparsity", *headers]
        rows = [[_sparsity(answer.densities), *row] for answer, row in zip(answers, rows, strict=True)]
    return Table.of(headers, rows, spare=_SPARE)


def answer_table(answers: Sequence[Answer]) -> Table:
    """Lay out what widths are good for: the largest sparsity, or the success probability."""
    asked = any(answer.failure_probability is not None for answer in answers)
    headers = ["method", "kind", "layer 0", "largest sparsity" if asked else "success probability"]
    found = [_largest(answer) if asked else _success(answer) for answer in answers]
    rows = [[answer.method, _kind(answer), answer.layer0, cell] for answer, cell in zip(answers, found, strict=True)]
    return Table.of(headers, rows)


def _width_row(answer: Width, depth: int) -> list[Cell]:
    edges, ratio = answer.edges_expected, answer.width_ratio
    widths: list[Cell] = [*answer.widths[:-1], *(None,) * (depth + 1 - len(answer.widths))]
    return [
        answer.method,
        _kind(answer),
        answer.layer0,
        *widths,
        None if ratio is None else Shown(ratio, f"{ratio:.3g}"),
        None if answer.success_lower is None else _success_cell(success_text(answer.success_lower)),
        None if edges is None else _edges(edges),
    ]


def _kind(answer: Width | Answer) -> str:
    return answer.kind if answer.applies else f"{answer.kind}*"


def _edges(edges: Fraction) -> Shown:
    return Shown(number_for_json(edges), f"{float(edges):.4g}" if edges < _LARGEST_FLOAT else "over 1e300")


def _success_cell(text: str) -> Shown:
    """Shorten 0.999...9 to the power of ten that bounds the failure probability."""
    nines = len(text[2:]) - len(text[2:].lstrip("9"))
    return Shown(text, text if len(text) <= 16 else f"1 - 1e-{nines}")


def _sparsity(densities: tuple[Fraction, ...]) -> str:
    texts = [rational_text(1 - density) for density in densities]
    return texts[0] if len(set(texts)) == 1 else ",".join(texts)


def _largest(answer: Answer) -> Cell:
    if answer.sparsity is None:
        return None
    text = rational_text(answer.sparsity)
    return Shown(text, f"<= {text}" if answer.kind == "necessary" else text)


def _success(answer: Answer) -> Cell:
    if answer.success_lower is not None:
        return f">= {success_text(answer.success_lower)}"
    return None if answer.success_upper is None else f"<= {success_text(answer.success_upper, up=True)}"
