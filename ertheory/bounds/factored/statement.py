"""The statement ``factored``: a source twice as deep as the target, with hardly more weights than it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import cast

from ertheory.bounds.factored.certified import factored_certificate
from ertheory.bounds.factored.explained import factored_steps
from ertheory.bounds.factored.given import FACTORED_INVERSE
from ertheory.bounds.factored.inner import Inner
from ertheory.bounds.factored.least import Split
from ertheory.bounds.factored.network import FactoredDesign, Objective, factored_design, shapes_of_target
from ertheory.bounds.factored.one_map import FORMS
from ertheory.bounds.factored.options import OPTIONS, factors_of, source_layers
from ertheory.bounds.factored.triple_network import TripleDesign, triple_design
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Reading, Statement
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

__all__ = ["FACTORED", "answer_of", "design_of", "triples_of"]

_CERTIFIED = "double precision bounds from above, every rounding counted"


def design_of(question: Question) -> FactoredDesign:
    """Find the design that answers a question.

    Examples
    --------
    >>> third = Fraction(3, 10)
    >>> asked = Question(target=Target.from_text("20-10"), densities=(third,) * 2, failure_probability=third / 300)
    >>> design_of(asked).widths
    (130, 10)
    """
    return factored_design(
        shapes_of_target(question.target),
        densities=question.densities,
        failure_probability=question.failure_probability,
        split=cast("Split", question.options.get("split", "equal")),
        objective=cast("Objective", question.options.get("objective", "edges")),
        inner=cast("Inner", question.options.get("inner", "relu")),
    )


def triples_of(question: Question) -> TripleDesign:
    """Find the design of three factors a map that answers a question.

    Raises
    ------
    InvalidInput
        If options are asked for that are there for two factors alone.

    Examples
    --------
    >>> tenth = Fraction(1, 10)
    >>> asked = Question(target=Target.from_text("6-4"), densities=(tenth,) * 3, failure_probability=tenth / 100)
    >>> triples_of(asked).success_lower >= 1 - tenth / 100
    True
    """
    options = question.options
    if options.get("inner", "identity") == "relu-positive":
        raise InvalidInput("inner", "identity, or relu on a box, for three factors", options["inner"])
    return triple_design(
        shapes_of_target(question.target),
        densities=question.densities,
        failure_probability=question.failure_probability,
        objective=cast("Objective", options.get("objective", "edges")),
        split=cast("Split", options.get("split", "equal")),
        # Lifted neurons in front of taps would meet zero padding.
        forms=FORMS if options.get("inner") == "identity" else FORMS[:2],
    )


def _answer_of_triples(question: Question, design: TripleDesign) -> Width:
    layers = zip(question.target.layers, design.maps, strict=True)
    sizes = [
        (one.layer_taps[0] * layer.positions, *one.layer_taps[1:], layer.inputs, *one.inner) for layer, one in layers
    ]
    answer = FACTORED.answer(
        question,
        design.widths,
        layer0="factored",
        reason=_reason_of_triples(design) + _left(question.target),
        success_lower=design.success_lower,
        certified=_CERTIFIED,
        entries_per_pair=tuple(taps for one in sizes for taps in one[:3]),
        reads=tuple(size for one in sizes for size in one[3:]),
    )
    return replace(answer, densities=design.densities, design=design)


def answer_of(question: Question, design: FactoredDesign) -> Width:
    """Write a design as an answer to a question."""
    taps = [shape.taps for shape in shapes_of_target(question.target)]
    entries: list[int] = []
    for one, count, layer in zip(design.maps, taps, question.target.layers, strict=True):
        pair = (count, 1) if one.form == "spatial-first" else (1, count)
        entries += [pair[0] * layer.positions, pair[1]]
    answer = FACTORED.answer(
        question,
        design.widths,
        layer0="factored",
        reason=_reason(design) + _left(question.target),
        success_lower=design.success_lower,
        certified=_CERTIFIED,
        entries_per_pair=tuple(entries),
    )
    reads = tuple(
        size
        for layer, one in zip(question.target.layers, design.maps, strict=True)
        for size in (layer.inputs, one.inner)
    )
    return replace(answer, densities=design.densities, design=design, reads=reads)


def _widths(question: Question) -> Width:
    if factors_of(question.options) == 3:
        return _answer_of_triples(question, triples_of(question))
    return answer_of(question, design_of(question))


def _reason(design: FactoredDesign) -> str:
    maps = "; ".join(f"{one.name}: {one.orientation}, N = {one.inner}" for one in design.maps[:4])
    more = f"; and {len(design.maps) - 4} more" if len(design.maps) > 4 else ""
    return f"every map of the target is a product of two masked ones, the neurons between them are linear; {maps}{more}"


def _reason_of_triples(design: TripleDesign) -> str:
    maps = "; ".join(f"{one.name}: {one.theorem}, N = {one.inner[0]}, {one.inner[1]}" for one in design.maps[:4])
    more = f"; and {len(design.maps) - 4} more" if len(design.maps) > 4 else ""
    return f"every map of the target is a product of three masked ones, the neurons between them linear; {maps}{more}"


def _left(target: Target) -> str:
    left = getattr(target, "left", ())
    more = f" and {len(left) - 4} more" if len(left) > 4 else ""
    return f"; left as they are: {', '.join(left[:4])}{more}" if left else ""


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return "" if min(target.nonzeros) else "a layer of the target has no weights; reduce the target first"


FACTORED = Statement(
    name="factored",
    kind="sufficient",
    variant="exact",
    source="factored sources (ours)",
    title="every map of the target is a product of two masked maps, so the source is twice as deep and hardly larger",
    widths=_widths,
    conditions="inner neurons are linear: by their activation, or by a bias on a box, or with inputs of one sign",
    refuses=_refuses,
    readings=("factored",),
    inverse=FACTORED_INVERSE,
    certificate=factored_certificate,
    constructions=("factored",),
    checks=("factored",),
    steps=factored_steps,
    layers=source_layers,
    default=True,
    options=OPTIONS,
    chains_only=False,
)
