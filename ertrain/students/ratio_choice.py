"""Which layer-wise ratio the theory would choose for given widths and a density, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ertheory.builders import plan
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.layerwise import layer_densities
from ertheory.masks import DrawnMask
from ertheory.networks.target import Target
from ertheory.numbers import Rational
from ertrain.students.cells import Cell, expected_dead

__all__ = ["RatioPrediction", "choose_ratio", "predict_ratio"]


@dataclass(frozen=True, kw_only=True)
class RatioPrediction:
    """What the theory says of one ratio.

    Parameters
    ----------
    ratio
        One of `ertheory.layerwise.RATIOS`.
    cell
        The widths, and the densities that the ratio gives them.
    expected_dead
        Hidden neurons without an edge in or out, on average.
    sharp
        Hidden neurons, layer by layer, that are proved to be enough at these densities (the construction `sharp` with a
        coded layer 0); None if there are none.
    built
        The masks on which that construction exists at the given widths.
    """

    ratio: str
    cell: Cell
    expected_dead: float
    sharp: tuple[int, ...] | None
    built: tuple[bool, ...]


def predict_ratio(
    teacher: Target,
    widths: tuple[int, ...],
    density: Rational,
    ratio: str,
    *,
    seeds: Sequence[int],
    failure_probability: Rational,
) -> RatioPrediction:
    """Say what the theory says of one ratio, without training.

    Parameters
    ----------
    teacher
        A target that is fully connected, with weights.
    widths
        N_0..N_L of the students, the outputs last.
    density
        Share of all weights that is kept.
    ratio
        One of `ertheory.layerwise.RATIOS`.
    seeds
        They are those of the masks that are looked at, those of `ertrain.students.batched.student_masks`.
    failure_probability
        delta of the widths that are proved to be enough.

    Raises
    ------
    InvalidInput
        If the ratio is unknown, or a number lies outside its domain.
    """
    shapes = tuple(zip(widths, (teacher.inputs, *widths), strict=False))
    densities = tuple(map(Fraction, layer_densities(shapes, density, ratio).densities))
    cell = Cell(widths, densities)
    try:
        started = plan(
            teacher, method="sharp", density=densities, failure_probability=failure_probability, layer0="coded"
        )
    except (InfeasibleWidth, TheoremNotApplicable):
        return RatioPrediction(
            ratio=ratio,
            cell=cell,
            expected_dead=expected_dead(cell, teacher.inputs),
            sharp=None,
            built=(False,) * len(seeds),
        )
    layers = list(enumerate(zip(started.shapes_at(widths), densities, strict=True)))
    drawn = ([DrawnMask(shape, p, seed, layer) for layer, (shape, p) in layers] for seed in seeds)
    enough = tuple(number for number in started.answer.widths[:-1] if number is not None)
    return RatioPrediction(
        ratio=ratio,
        cell=cell,
        expected_dead=expected_dead(cell, teacher.inputs),
        sharp=enough if len(enough) == len(widths) - 1 else None,
        built=tuple(started.found_in(masks) for masks in drawn),
    )


def choose_ratio(predictions: Sequence[RatioPrediction]) -> RatioPrediction:
    """Choose a ratio: most masks with the construction, then the fewest sharp neurons, then the fewest dead ones.

    Raises
    ------
    InvalidInput
        If there is nothing to choose from.

    Examples
    --------
    >>> cell = Cell((4, 1), (Fraction(1), Fraction(1)))
    >>> few = RatioPrediction(ratio="erk", cell=cell, expected_dead=0.5, sharp=(3,), built=(True, False))
    >>> many = RatioPrediction(ratio="uniform", cell=cell, expected_dead=1.5, sharp=(9,), built=(True, True))
    >>> choose_ratio([few, many]).ratio
    'uniform'
    """
    if not predictions:
        raise InvalidInput("predictions", "at least one", predictions)

    def order(one: RatioPrediction) -> tuple[int, float, float]:
        return -sum(one.built), float("inf") if one.sharp is None else sum(one.sharp), one.expected_dead

    return min(predictions, key=order)
