"""The frame of necessary widths of layer 0: what they ask of a target, and the answer that they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.necessary.position import Position, position_of
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement
from ertheory.errors import InvalidInput
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball, decide, lower_tail, probability

__all__ = ["AFFINE_ONLY", "Beside", "first_layer_reason", "first_layer_refusal", "first_width"]

AFFINE_ONLY = "only for sources whose layer 0 is affine on the box"


@dataclass(frozen=True)
class Beside:
    """The question for the least N_0 beside an N_1 that is known.

    Parameters
    ----------
    target, densities, failure_probability, second_width, affine
        They are as for `ertheory.bounds.necessary.parameter_count.parameter_count`.
    """

    target: Target
    densities: tuple[Fraction, ...]
    failure_probability: Fraction
    second_width: int
    affine: bool


def first_width(
    given: Beside,
    search: Callable[[Beside], tuple[int | None, int]],
    *,
    statement: Statement,
    nothing: str,
    sparsest: Fraction,
    generic: bool = False,
) -> Width:
    """Check the hypotheses, search, and describe what was found.

    Parameters
    ----------
    given
        What is asked, with densities and delta as a caller gave them.
    search
        Finds the smallest N_0 that is not ruled out, or None if nothing is said, and the bits that decided it.
    statement
        The statement that is asked.
    nothing
        Why nothing is said, where the search finds nothing.
    sparsest
        The least density that is searched for.
    generic
        Whether the statement needs almost every W_1 even where no minor of it is zero.
    """
    asked = replace(
        given,
        densities=read_densities(given.target, density=given.densities),
        failure_probability=probability("failure_probability", given.failure_probability),
    )
    target, densities, second_width = asked.target, asked.densities, asked.second_width
    refusal = statement.refuses(target, densities, None)
    if not refusal and min(densities[:2]) < sparsest:
        refusal = f"is searched for densities of at least {float(sparsest)} only"
    width: int | None = None
    bits = 0
    if not refusal:
        if second_width < target.widths[1]:
            raise InvalidInput("second_width", f"at least {target.widths[1]} neurons", second_width)
        if _too_few(position_of(target), densities[2], asked.failure_probability, second_width):
            refusal = f"does not ask for an N_0: {second_width} neurons in layer 1 are too few, by the degree bound"
        else:
            width, bits = search(asked)
            refusal = "" if width is not None else nothing
    named = f"; {AFFINE_ONLY}" if asked.affine else ""
    conditions = position_of(target).conditions(generic=generic) if not refusal else ""
    return statement.answer(
        Question(target=target, densities=densities, failure_probability=asked.failure_probability),
        (width, *(None,) * (target.depth - 1), target.widths[-1]),
        refusal=refusal,
        reason=f"{conditions}; W_1 without zeros; N_1 up to {second_width}{named}",
        holds_up_to=(None, second_width, *(None,) * (target.depth - 1)),
        certified=f"balls, {bits} bits",
    )


def _too_few(position: Position, density: Fraction, failure_probability: Fraction, neurons: int) -> bool:
    """Whether so few neurons of layer 1 are ruled out whatever layer 0 is, as long as it does not evade."""

    def margin() -> Ball:
        enough = 1 - lower_tail(neurons, position.classes - 1, ball(density))
        return enough**position.outputs - ball(1 - failure_probability)

    return not decide(margin, undecided=False, most_bits=LAW_BITS).holds


def first_layer_reason(*, generic: bool) -> Callable[[GivenWidths], str]:
    """Say on which hypotheses a statement rests whose widths are given; `generic` as for `first_width`."""
    return lambda given: f"{position_of(given.target).conditions(generic=generic)}; W_1 without zeros"


def first_layer_refusal(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    """Name the first hypothesis that the target certainly violates, or return an empty string."""
    position = position_of(target)
    return position.refusal or ("needs W_1 without zeros" if position.zeros else "")
