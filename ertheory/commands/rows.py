"""How answers stand in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from ertheory.bounds import Answer
from ertheory.bounds.factored import FactoredDesign
from ertheory.bounds.result import Width, number_for_json, rational_text, success_text
from ertheory.tables import Cell, Shown, Table

__all__ = ["answer_table", "map_table", "width_table"]

_LARGEST_FLOAT = 10**300
_MANY = 4  # widths, from which on a narrow terminal sees their sum
_SPARE = ("ratio", "layer 0")  # follows from the widths; stands in the sentences below the table


def width_table(answers: Sequence[Width]) -> Table:
    """Lay out widths, with a column for the sparsity where it is not the same everywhere."""
    depth = max((len(answer.widths) - 1 for answer in answers), default=0)
    many = _laid_out(answers, [f"N_{layer}" for layer in range(depth)], lambda answer: _widths(answer, depth))
    if depth < _MANY:
        return many
    few = _laid_out(answers, ["hidden", "edges : weights"], lambda answer: [answer.total, _edges_ratio(answer)])
    return replace(many, narrow=few)


def map_table(design: FactoredDesign) -> Table:
    """Lay out the maps of a factored source, one row each."""
    headers = ["layer", "inputs", "outputs", "taps", "form", "theorem", "N", "p_1", "p_2", "edges : weights"]
    rows: list[list[Cell]] = [
        [
            one.name,
            one.inputs,
            one.outputs,
            one.taps,
            one.form,
            one.orientation,
            one.inner,
            *(_short(density) for density in one.densities),
            _rounded(one.edges_expected / one.weights),
        ]
        for one in design.maps
    ]
    return Table.of(headers, rows, spare=("form", "inputs", "outputs", "taps"))


def _laid_out(answers: Sequence[Width], columns: list[str], cells: Callable[[Width], list[Cell]]) -> Table:
    headers = ["method", "kind", "layer 0", *columns, "ratio", "success >=", "edges"]
    rows = [_width_row(answer, cells(answer)) for answer in answers]
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


def _width_row(answer: Width, cells: list[Cell]) -> list[Cell]:
    edges, ratio = answer.edges_expected, answer.width_ratio
    return [
        answer.method,
        _kind(answer),
        answer.layer0,
        *cells,
        None if ratio is None else Shown(ratio, f"{ratio:.3g}"),
        None if answer.success_lower is None else _success_cell(success_text(answer.success_lower)),
        None if edges is None else _edges(edges),
    ]


def _widths(answer: Width, depth: int) -> list[Cell]:
    cells: list[Cell] = [*answer.widths[:-1], *(None,) * (depth + 1 - len(answer.widths))]
    for layer, limit in enumerate(answer.holds_up_to if answer.applies else ()):
        if limit is not None and cells[layer] is None:  # a necessary width stands beside those up to which it holds
            cells[layer] = Shown("", f"<= {limit:,}")
    return cells


def _edges_ratio(answer: Width) -> Cell:
    return None if answer.edges_ratio is None else _rounded(answer.edges_ratio)


def _rounded(value: Fraction) -> Shown:
    return Shown(number_for_json(value), f"{float(value):.4g}" if value < _LARGEST_FLOAT else "over 1e300")


def _short(density: Fraction) -> Shown:
    text = rational_text(density)
    return Shown(text, text if len(text) <= 8 else f"{float(density):.4g}")


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
        lower = _success_cell(success_text(answer.success_lower))
        return lower._replace(text=f">= {lower.text}")
    if answer.success_upper is None:
        return None
    text = success_text(answer.success_upper, up=True)
    return Shown(text, f"<= {text}")
