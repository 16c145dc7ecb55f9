"""The statements ``factored-paths`` and ``factored-count``: no source of the factored shape can do with less."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial

from ertheory.bounds.factored.explained import (
    count_ceiling_steps,
    count_steps,
    path_ceiling_steps,
    path_steps,
)
from ertheory.bounds.factored.least import Densities
from ertheory.bounds.factored.necessary import (
    Ceiling,
    count_ceiling,
    edge_ceiling,
    least_necessary,
    least_outside,
    middle_ceiling,
    outer_rank_ceiling,
    path_ceiling,
    rank_ceiling,
)
from ertheory.bounds.factored.network import MapShape, shapes_of_target
from ertheory.bounds.factored.options import FACTORS, OPTIONS, factors_of, source_layers
from ertheory.bounds.necessary.given import ceiling_inverse
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Inverse, Question, Reading, Statement, Step
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball

__all__ = ["FACTORED_COUNT", "FACTORED_PATHS", "necessary_inner"]

_PATHS: tuple[Ceiling, ...] = (path_ceiling,)
_THREE = FACTORS[1]
_COUNT: tuple[Ceiling, ...] = (count_ceiling, rank_ceiling)


def necessary_inner(
    shape: MapShape, densities: Densities, delta: Fraction, ceilings: tuple[Ceiling, ...]
) -> tuple[int, tuple[int, int]]:
    """Find the least inner width that the ceilings allow, for the form of a convolution that asks for fewest.

    Parameters
    ----------
    shape
        The sizes of the map.
    densities
        The pair (p_1, p_2).
    delta
        The failure probability in (0, 1).
    ceilings
        The bounds on the success probability.

    Returns
    -------
    tuple
        The width, and how many taps the two layers of that form have.

    Examples
    --------
    >>> (shape,) = shapes_of_target(Target.from_text("20-10"))
    >>> necessary_inner(shape, (Fraction(3, 10),) * 2, Fraction(1, 1000), (path_ceiling,))
    (130, (1, 1))
    """
    return min(
        (least_necessary(ceilings, *sizes, densities, delta), taps) for taps, sizes in sorted(_forms(shape).items())
    )


def _forms(shape: MapShape) -> dict[tuple[int, int], tuple[int, int]]:
    """Give columns and rows of each form, by the taps of its two layers."""
    forms = {(shape.taps, 1), (1, shape.taps)}
    return {(first, second): (shape.inputs * first, shape.outputs * second) for first, second in forms}


def _widths(statement: Statement, question: Question, ceilings: tuple[Ceiling, ...], reason: str) -> Width:
    refusal = _refuses(question.target, question.densities, None) or _other_shape(question.options)
    layers = source_layers(question.target, question.options)
    if refusal:
        return statement.answer(question, (*(None,) * (layers - 1), question.target.widths[-1]), refusal=refusal)
    if factors_of(question.options) == _THREE:
        return _three_widths(statement, question, reason)
    pairs = zip(question.densities[::2], question.densities[1::2], strict=True)
    widths: list[int] = []
    entries: list[int] = []
    reads: list[int] = []
    for shape, layer, pair in zip(shapes_of_target(question.target), question.target.layers, pairs, strict=True):
        inner, taps = necessary_inner(shape, pair, question.failure_probability, ceilings)
        widths += [inner, shape.outputs]
        entries += [taps[0] * layer.positions, taps[1]]
        reads += [layer.inputs, inner]
    return statement.answer(
        question,
        tuple(widths),
        reason=reason,
        certified="balls",
        entries_per_pair=tuple(entries),
        reads=tuple(reads),
    )


def _three_widths(statement: Statement, question: Question, reason: str) -> Width:
    """Give what both inner layers of every triple need, each whatever the other one is."""
    widths: list[int] = []
    entries: list[int] = []
    reads: list[int] = []
    triples = zip(*(question.densities[place::3] for place in range(3)), strict=True)
    for shape, layer, triple in zip(shapes_of_target(question.target), question.target.layers, triples, strict=True):
        sides = ((shape.inputs, triple[0]), (shape.outputs, triple[2]))
        inner = [_outside(statement, shape, *side, question.failure_probability) for side in sides]
        widths += [*inner, shape.outputs]
        # The taps of a convolution are in the first or in the last of the three; the cheaper form is counted.
        edges = (triple[0] * layer.inputs * inner[0] * layer.positions, triple[2] * inner[1] * shape.outputs)
        taps = (shape.taps, 1) if edges[0] <= edges[1] else (1, shape.taps)
        entries += [taps[0] * layer.positions, 1, taps[1]]
        reads += [layer.inputs, *inner]
    return statement.answer(
        question,
        tuple(widths),
        reason=_THREE_RANK if statement.name == "factored-count" else reason,
        certified="balls",
        entries_per_pair=tuple(entries),
        reads=tuple(reads),
    )


def _outside(statement: Statement, shape: MapShape, ends: int, density: Fraction, delta: Fraction) -> int:
    if statement.name == "factored-paths":
        guess = math.log(ends / float(delta)) / max(1e-300, -math.log1p(-min(float(density), 1 - 1e-9)))
        return least_outside(lambda neurons: edge_ceiling(ends, neurons, density), guess, delta)
    rank, ends = min(shape.inputs, shape.outputs), ends * shape.taps  # the form that asks for fewest
    alive = -math.expm1(ends * math.log1p(-min(float(density), 1 - 1e-9)))
    return least_outside(
        lambda neurons: outer_rank_ceiling(ends, rank, neurons, density), rank / max(1e-300, alive), delta
    )


def _other_shape(options: Mapping[str, object]) -> str:
    if options.get("split", "equal") != "equal":
        return "for densities that are given, not for those that --split best chooses; give them one by one"
    return ""


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return "" if all(layer.row_nonzeros is None for layer in target.layers) else "only for targets without zero weights"


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...], ceilings: tuple[Ceiling, ...]) -> Ball:
    least = ball(1)
    if len(given.widths) == _THREE * given.target.depth:
        return _three_ceiling(given, densities, paths=ceilings == _PATHS)
    pairs = zip(densities[::2], densities[1::2], strict=True)
    for shape, inner, pair in zip(shapes_of_target(given.target), given.widths[::2], pairs, strict=True):
        best = ball(0)
        for form in _forms(shape).values():
            allowed = ball(1)
            for ceiling in ceilings:
                allowed = allowed.min(ceiling(*form, inner, pair))
            best = best.max(allowed)
        least = least.min(best)
    return least


def _three_ceiling(given: GivenWidths, densities: tuple[Fraction, ...], *, paths: bool) -> Ball:
    least = ball(1)
    layers = zip(*(given.widths[place::3] for place in range(2)), strict=True)
    triples = zip(*(densities[place::3] for place in range(3)), strict=True)
    for shape, (first, second), triple in zip(shapes_of_target(given.target), layers, triples, strict=True):
        if paths:
            # In a convolution with many taps an input has more edges than one: said of the form with one.
            allowed = edge_ceiling(shape.inputs, first, triple[0]).min(edge_ceiling(shape.outputs, second, triple[2]))
            allowed = allowed.min(middle_ceiling(first, second, triple)) if shape.taps == 1 else allowed
        else:
            rank = min(shape.inputs, shape.outputs)
            allowed = outer_rank_ceiling(shape.inputs, rank, first, triple[0])
            allowed = allowed.min(outer_rank_ceiling(shape.outputs, rank, second, triple[2]))
        least = least.min(allowed if shape.taps == 1 else ball(1))
    return least


_THREE_RANK = (
    "for almost every target without zero weights, of factored sources: as many neurons in each inner layer that read "
    "an input, or that an output reads, as the rank"
)
_PATHS_REASON = (
    "for targets without zero weights, of factored sources: every input of a map needs a path to every output"
)
_COUNT_REASON = (
    "for almost every target without zero weights, of factored sources: as many useful unknowns as weights, and as "
    "many inner neurons in use as the rank"
)


def _inverse(ceilings: tuple[Ceiling, ...], reason: str, steps: Callable[[Width], tuple[Step, ...]]) -> Inverse:
    ceiling = partial(_ceiling, ceilings=ceilings)
    return ceiling_inverse(ceiling, lambda given: reason, steps, _refuses_widths)  # noqa: ARG005


def _refuses_widths(given: GivenWidths) -> str:
    factors = max(FACTORS[0], len(given.widths) // given.target.depth)
    if given.widths[factors - 1 :: factors] != given.target.widths[1:]:
        return "said only of sources in which the last layer of every map is as wide as the target's"
    return ""


def _path_widths(question: Question) -> Width:
    return _widths(FACTORED_PATHS, question, _PATHS, _PATHS_REASON)


def _count_widths(question: Question) -> Width:
    return _widths(FACTORED_COUNT, question, _COUNT, _COUNT_REASON)


FACTORED_PATHS = Statement(
    name="factored-paths",
    kind="necessary",
    variant="exact",
    source="paths of factored sources (ours)",
    title="in a factored source every input of a map needs a path to every output",
    widths=_path_widths,
    conditions="for targets without zero weights, and sources whose maps are products of two masked ones",
    refuses=_refuses,
    inverse=_inverse(_PATHS, _PATHS_REASON, path_ceiling_steps),
    steps=path_steps,
    layers=source_layers,
    default=True,
    options=OPTIONS,
    chains_only=False,
    scope="factored",
)

FACTORED_COUNT = Statement(
    name="factored-count",
    kind="necessary",
    variant="exact",
    source="unknowns of factored sources (ours)",
    title="in a factored source a map in general position needs as many useful unknowns as it has weights",
    widths=_count_widths,
    conditions="for almost every target without zero weights, and sources whose maps are products of two masked ones",
    refuses=_refuses,
    inverse=_inverse(_COUNT, _COUNT_REASON, count_ceiling_steps),
    steps=count_steps,
    layers=source_layers,
    default=True,
    options=OPTIONS,
    chains_only=False,
    scope="factored",
)
