"""The statements ``factored-paths`` and ``factored-count``: no source of the factored shape can do with less."""

from __future__ import annotations

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
from ertheory.bounds.factored.necessary import Ceiling, count_ceiling, least_necessary, path_ceiling, rank_ceiling
from ertheory.bounds.factored.network import MapShape, shapes_of_target
from ertheory.bounds.factored.options import FACTORS, OPTIONS, factors_of, source_layers
from ertheory.bounds.necessary.given import ceiling_inverse
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Inverse, Question, Reading, Statement, Step
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball

__all__ = ["FACTORED_COUNT", "FACTORED_PATHS", "necessary_inner"]

_PATHS: tuple[Ceiling, ...] = (path_ceiling,)
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


def _other_shape(options: Mapping[str, object]) -> str:
    if factors_of(options) != FACTORS[0]:
        return "said of sources with two factors a map"
    if options.get("split", "equal") != "equal":
        return "for densities that are given, not for those that --split best chooses; give them one by one"
    return ""


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return "" if all(layer.row_nonzeros is None for layer in target.layers) else "only for targets without zero weights"


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...], ceilings: tuple[Ceiling, ...]) -> Ball:
    least = ball(1)
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
    if given.widths[1::2] != given.target.widths[1:]:
        return "said only of sources in which every second layer is as wide as the target's"
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
