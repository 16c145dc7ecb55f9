"""The case of factored sources, chosen as in `montecarlo.statements`: both kinds of matchings, and all sizes differ."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod

import numpy as np

from ertheory.bounds.factored.failure import dual_failure
from ertheory.bounds.factored.necessary import path_ceiling
from ertheory.montecarlo.events.built import chain_of
from ertheory.montecarlo.events.factored import built_pairs_event, pairs_event
from ertheory.montecarlo.statements.case import Case
from ertheory.networks.target import Target
from ertheory.numbers import ball, enclose, lower_tail

__all__ = ["FACTORED_CASES"]


def _factored() -> Case:
    sizes, inner = (4, 3, 2), (14, 11)
    densities = (Fraction(1, 2), Fraction(3, 5), Fraction(2, 5), Fraction(7, 10))
    (first, second), (third, fourth) = densities[:2], densities[2:]
    # The primal of a map is the dual of its transpose.
    failures = dual_failure(4, 3, inner[0], (first, second)), dual_failure(2, 3, inner[1], (fourth, third))
    # Of the dual, every input is read by as many neurons as there are outputs; of the primal, the other way round.
    ceiling = enclose(
        lambda: (1 - lower_tail(inner[0], 2, ball(first))) ** 4 * (1 - lower_tail(inner[1], 2, ball(fourth))) ** 2
    )[1]
    maps = ((4, 3, inner[0], densities[:2]), (3, 2, inner[1], densities[2:]))
    paths = enclose(lambda: prod((path_ceiling(*one) for one in maps), start=ball(1)))[1]
    low = float(1 - sum(failures))
    return Case(
        says="for every input of the first map its outputs can be matched to inner neurons that read it, and for every "
        "output of the second map its inputs to inner neurons that it reads",
        target=Target.from_widths(sizes),
        widths=(inner[0], sizes[1], inner[1], sizes[2]),
        densities=densities,
        event=pairs_event(sizes, inner, densities, dual=(True, False)),
        predicted=(low, float(ceiling)),
        built=built_pairs_event(chain_of([np.ones((3, 4)), np.ones((2, 3))]), inner, densities),
        predicted_built=(low, float(paths)),
    )


FACTORED_CASES: dict[str, Callable[[], Case]] = {"factored": _factored}
