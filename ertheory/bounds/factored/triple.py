"""One map as three masked maps in a row: where paths are rare, with fewer edges than two take.

Either the inner factor is solved for (``linking``), the outer one (``linking-transposed``), or the middle one
(``colouring``); which asks for fewest is found for each map. The failure probability is split evenly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

from ertheory.bounds.factored.colouring import Classes, colouring_failure, least_colouring
from ertheory.bounds.factored.linking import linking_failure, unlinked
from ertheory.bounds.factored.network import MapShape, Objective
from ertheory.bounds.factored.one_map import FORMS, Form
from ertheory.errors import InfeasibleWidth, one_of
from ertheory.numbers import Ball, Decision, Rational, log_fraction, near_zero, probability, smallest

__all__ = ["THEOREMS", "Theorem", "TripleMap", "Triples", "triple_map"]

Triples = tuple[Fraction, Fraction, Fraction]
Theorem = Literal["linking", "linking-transposed", "colouring"]
THEOREMS: tuple[Theorem, ...] = ("linking", "linking-transposed", "colouring")

_WIDEST = 10**11
_DOUBLED = 30
_STEPS = (1.6, 1.2, 1.06)  # by which the second width is changed, as long as that helps


@dataclass(frozen=True)
class TripleMap:
    """One map of the target as three masked maps in a row.

    Parameters
    ----------
    name, inputs, outputs, taps, form
        They are as in `FactoredMap`; a convolution has its taps in the first or in the last of the three.
    theorem
        What the widths rest on.
    inner
        The numbers N_1 and N_2 of inner neurons.
    densities
        The densities p_1, p_2 and p_3.
    failure, share
        An upper bound on the probability that the triple does not contain every map, and what was granted.
    classes
        The sizes q_1 and q_2 of the classes of a colouring, else 0.

    Examples
    --------
    >>> found = triple_map(MapShape("", 10, 10, 1, (10, 10), 100), densities=("0.05",) * 3, failure_probability="0.001")
    >>> found.theorem, found.failure <= found.share
    ('linking', True)
    """

    name: str
    inputs: int
    outputs: int
    taps: int
    form: Form
    theorem: Theorem
    inner: tuple[int, int]
    densities: Triples
    failure: Fraction
    share: Fraction
    classes: Classes = (0, 0)

    @property
    def layer_taps(self) -> tuple[int, int, int]:
        """Taps of the three layers."""
        return (self.taps, 1, 1) if self.form != "spatial-last" else (1, 1, self.taps)

    @property
    def columns(self) -> int:
        """What a neuron of the first inner layer may read."""
        return self.inputs * self.layer_taps[0]

    @property
    def rows(self) -> int:
        """What may read a neuron of the second inner layer."""
        return self.outputs * self.layer_taps[2]

    @property
    def weights(self) -> int:
        """Number of weights of the map itself."""
        return self.inputs * self.outputs * self.taps

    @property
    def entries(self) -> int:
        """Number of entries of all three masks."""
        return self.columns * self.inner[0] + self.inner[0] * self.inner[1] + self.inner[1] * self.rows

    @property
    def edges_expected(self) -> Fraction:
        """Expected number of kept weights."""
        return _edges((self.columns, self.rows), self.inner, self.densities)

    @property
    def density(self) -> Fraction:
        """The overall density of the triple: expected edges over entries."""
        return self.edges_expected / self.entries


def triple_map(
    shape: MapShape,
    *,
    densities: tuple[Rational, Rational, Rational],
    failure_probability: Rational,
    objective: Objective = "edges",
    theorems: Sequence[Theorem] = THEOREMS,
    forms: Sequence[Form] = FORMS,
    beside: int | None = None,
) -> TripleMap:
    """Find the two inner widths of one map, certified; of all pairs of widths a good one, not certainly the best.

    Parameters
    ----------
    shape
        The sizes of the map.
    densities
        The densities of the three factors.
    failure_probability
        The number delta in (0, 1).
    objective
        It is as for `triple_design`.
    theorems
        The theorems that may be used.
    forms
        The forms that a convolution may take.
    beside
        The linkings need the width of the inner layer that the solved factor does not touch; searched if left out.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If more than 10**11 inner neurons would be needed.
    """
    one_of("objective", objective, ("edges", "total"))
    delta = probability("failure_probability", failure_probability)
    kept = cast("Triples", tuple(probability("densities", density, one=True) for density in densities))
    found: list[TripleMap] = []
    joined = _WIDEST**2 * math.prod(kept) >= 1 - delta or 0 in shape.used  # else no input has a path to an output
    for form in (form for form in (FORMS[:1] if shape.taps == 1 else FORMS[1:]) if form in forms and joined):
        before, after = (1, shape.taps) if form == "spatial-last" else (shape.taps, 1)
        drawn = (shape.inputs * before, shape.outputs * after)
        used = (shape.used[0] * before, shape.used[1] * after)
        for theorem in theorems:
            try:
                inner, classes = _least(theorem, drawn, used, kept, delta, objective, beside)
            except InfeasibleWidth:
                continue
            failure = _failure(theorem, used, inner, classes, kept)
            found.append(
                TripleMap(
                    shape.name,
                    shape.inputs,
                    shape.outputs,
                    shape.taps,
                    form,
                    theorem,
                    inner,
                    kept,
                    failure,
                    delta,
                    classes,
                )
            )
    if not found:
        sizes = f"{shape.inputs} inputs and {shape.outputs} outputs"
        raise InfeasibleWidth(f"{shape.name}: three factors of {sizes} need more than {_WIDEST} inner neurons here")
    return min(found, key=lambda one: one.edges_expected if objective == "edges" else sum(one.inner))


def _least(
    theorem: Theorem,
    drawn: tuple[int, int],
    used: tuple[int, int],
    densities: Triples,
    delta: Fraction,
    objective: Objective,
    beside: int | None,
) -> tuple[tuple[int, int], Classes]:
    if 0 in used:
        return (0, 0), (0, 0)
    if theorem == "colouring":
        return least_colouring(*used, densities, delta, edges=objective == "edges")
    turned = theorem == "linking-transposed"
    sides, shape = (_turned(used), _turned(drawn)) if turned else (used, drawn)
    kept = (densities[2], densities[1], densities[0]) if turned else densities
    known: dict[int, int | None] = {}

    def first(second: int) -> int | None:
        if second not in known:
            known[second] = _least_first(sides, second, kept, delta)
        return known[second]

    def cost(second: int) -> float:
        width = first(second)
        if width is None:
            return math.inf
        if objective == "total":
            return width + second
        return float(_edges(shape, (width, second), kept))

    if beside is not None:
        width = first(beside)
        if width is None:
            raise InfeasibleWidth
        return ((beside, width) if turned else (width, beside)), (0, 0)
    log = log_fraction(used[0] * used[1] / delta)
    rare = math.sqrt(log / math.prod(map(float, densities)))
    best = max(sides[1], math.ceil(rare), math.ceil(1.5 * log / float(kept[2])))
    while cost(best) == math.inf and best < _WIDEST:
        best *= 2
    for step in _STEPS:
        for direction in (1 / step, step):
            while True:
                tried = max(sides[1], round(best * direction))
                if tried == best or not cost(tried) < cost(best):
                    break
                best = tried
    width = first(best)
    if width is None:
        raise InfeasibleWidth
    return ((best, width) if turned else (width, best)), (0, 0)


def _least_first(used: tuple[int, int], second: int, densities: Triples, delta: Fraction) -> int | None:
    """Find the least N_1 for a given N_2; none, where no N_1 below 10**11 is enough."""
    if second > _WIDEST:
        return None

    def failure(first: int) -> Fraction:
        return linking_failure(*used, (min(first, _WIDEST), second), densities)

    def excess(first: int) -> Ball:
        return Ball(log_fraction(failure(first) / delta))

    sizes = [used[1] * 2**doubled for doubled in range(_DOUBLED)]
    if used[0] * unlinked(used[1], sizes, second, densities[1:]).min() > delta:
        return None  # not even with as many neurons behind every input as are best
    guess = math.ceil(1.3 * used[1] / float(densities[0]) + 8)
    while failure(guess) > delta:
        if guess > _WIDEST:
            return None
        guess = 2 * guess
    located = near_zero(excess, guess)
    start = located if failure(located) <= delta else guess
    return smallest(lambda first: Decision(failure(first) <= delta, 53), start)[0]


def _failure(
    theorem: Theorem, used: tuple[int, int], inner: tuple[int, int], classes: Classes, densities: Triples
) -> Fraction:
    if 0 in used:
        return Fraction(0)
    if theorem == "colouring":
        return colouring_failure(*used, inner, classes, densities)
    order: Callable[[tuple[int, int]], tuple[int, int]] = (lambda two: two) if theorem == "linking" else _turned
    kept = densities if theorem == "linking" else (densities[2], densities[1], densities[0])
    return linking_failure(*order(used), order(inner), kept)


def _turned(two: tuple[int, int]) -> tuple[int, int]:
    return two[1], two[0]


def _edges(sizes: tuple[int, int], inner: tuple[int, int], densities: Triples) -> Fraction:
    first, middle, last = densities
    return first * sizes[0] * inner[0] + middle * inner[0] * inner[1] + last * inner[1] * sizes[1]
