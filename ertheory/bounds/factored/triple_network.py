"""All maps of a network as three masked maps in a row; the failure probability is split evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from ertheory.bounds.factored.best_triple import best_triple
from ertheory.bounds.factored.design import MapsDesign
from ertheory.bounds.factored.least import Split
from ertheory.bounds.factored.network import MapShape, Objective
from ertheory.bounds.factored.one_map import FORMS, Form
from ertheory.bounds.factored.triple import TripleMap, Triples, triple_map
from ertheory.errors import InvalidInput, one_of
from ertheory.numbers import Rational, probability

__all__ = ["TripleDesign", "triple_design"]


@dataclass(frozen=True)
class TripleDesign(MapsDesign):
    """A source of three factors for each map, which contains every network of a shape with a stated probability.

    Parameters
    ----------
    maps
        The triples, in order.
    nonzeros
        The non-zero weights of the target.
    failure_probability
        The number delta.
    """

    maps: tuple[TripleMap, ...]
    nonzeros: int
    failure_probability: Fraction

    @property
    def widths(self) -> tuple[int, ...]:
        """Outputs of all source layers in order."""
        return tuple(width for one in self.maps for width in (*one.inner, one.outputs))


def triple_design(
    shapes: Sequence[MapShape],
    *,
    densities: Sequence[Rational],
    failure_probability: Rational,
    objective: Objective = "edges",
    split: Split = "equal",
    forms: Sequence[Form] = FORMS,
) -> TripleDesign:
    """Find inner widths for all maps together.

    Parameters
    ----------
    shapes
        The maps of the target.
    densities
        One density for all source layers, or three for each map, in order.
    failure_probability
        The number delta in (0, 1), an equal part of it for each map.
    objective
        ``edges`` for few expected edges, ``total`` for few inner neurons.
    split
        With ``best`` the three densities of a map are chosen, at most at the overall density of the given ones.
    forms
        The forms that a convolution may take.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If a map needs more than 10**11 inner neurons.
    """
    delta = probability("failure_probability", failure_probability)
    if len(densities) not in (1, 3 * len(shapes)):
        raise InvalidInput("density", f"one number, or one per source layer ({3 * len(shapes)})", len(densities))
    read = [probability("density", density, one=True) for density in densities] * (
        3 * len(shapes) if len(densities) == 1 else 1
    )
    one_of("split", split, ("equal", "best"))
    known: dict[tuple[MapShape, Triples], TripleMap] = {}  # deep networks repeat their shapes
    maps: list[TripleMap] = []
    for index, shape in enumerate(shapes):
        given = cast("Triples", tuple(read[3 * index : 3 * index + 3]))
        plain = replace(shape, name="")
        if (plain, given) not in known:
            known[plain, given] = _of_map(shape, given, delta / len(shapes), split, objective, forms)
        maps.append(replace(known[plain, given], name=shape.name))
    return TripleDesign(tuple(maps), sum(shape.nonzeros for shape in shapes), delta)


def _of_map(
    shape: MapShape, given: Triples, share: Fraction, split: Split, objective: Objective, forms: Sequence[Form]
) -> TripleMap:
    one = triple_map(shape, densities=given, failure_probability=share, objective=objective, forms=forms)
    return one if split == "equal" else best_triple(shape, one, objective=objective)
