"""Sharp constructions in given widths: a lower bound on their success, with one hidden layer or none.

Any design is a bound, so the best one of some is taken, for both colourings, before the mask is seen: all neurons of
layer 1 are coloured, and layer 0 is coded by its primal, its dual or by classes; or those with enough edges into layer
0 are coloured alone, see `ertheory.bounds.sharp.spare`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ertheory.bounds.result import Construction, Width
from ertheory.bounds.sharp.classes import rows_of
from ertheory.bounds.sharp.coded import dual_failure, likely_sizes, mean_size, primal_failure
from ertheory.bounds.sharp.law import Colouring, Design, colouring
from ertheory.bounds.sharp.matched import coding_failure
from ertheory.bounds.sharp.spare import counted
from ertheory.bounds.statement import GivenWidths, Inverse, Step
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target
from ertheory.numbers import Masses

__all__ = ["least_failure", "sharp_inverse"]

_SPARSEST = Fraction(1, 1000)  # below, sums take longer than one cares to wait
_MOST = 10**9  # neurons of a layer that are counted on: more of them only add to what is there, and make sums long
_DIGITS = 4
_ENOUGH = Fraction(1, 10**30)
_RARE = 1e-6  # so rare numbers of rows, and successes, are as good as none

Found = tuple[Fraction, Design | None]
_NEVER: Found = (Fraction(1), None)


def least_failure(
    target: Target,
    densities: tuple[Fraction, ...],
    widths: tuple[int, ...],
    constructions: tuple[Construction, ...],
    *,
    enough: Fraction | None = None,
) -> Found:
    """Bound the failure probability of given widths from above, and give the design that does it.

    Parameters
    ----------
    target
        A fully connected target with one hidden layer or none.
    densities, widths
        p_0..p_L and N_0..N_L. No more than 10^9 neurons of a layer are counted on.
    constructions
        The colourings to choose from.
    enough
        The first bound that is at most this one will do, and no larger one is of use. If left out, the least is looked
        for, or the first below 1e-30.

    Returns
    -------
    tuple
        The bound, at most 1, and the design; ``None`` where there is no hidden layer or nothing is proved.

    Raises
    ------
    InfeasibleWidth
        If a layer is too sparse, or a sum too long.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> failure, design = least_failure(Target.from_text("784-128-10"), tenth, (8551, 1850, 10), ("sequential",))
    >>> round(float(failure), 6), design.layer0, design.served  # 22 neurons of layer 1 may be wired badly
    (0.000997, 'primal', 1828)
    """
    if min(densities) < _SPARSEST:
        msg = f"given widths are looked at for densities of at least {float(_SPARSEST)}"
        raise InfeasibleWidth(msg)
    widths = tuple(min(width, _MOST) for width in widths)
    if target.depth == 1:
        rows = sum(count for fan_in, count in target.layers[0].fan_in_counts.items() if fan_in)
        return _coded_outputs(Masses(rows, np.ones(1), 0), target.inputs, widths[0], (densities[0], densities[1])), None
    best, most, small = _NEVER, enough or Fraction(1), enough or _ENOUGH
    first, second, _ = widths
    for name in constructions:
        if name == "drop":
            continue
        colours = colouring(target, densities[2], name)
        for calculation in (_all_coloured, _wired_coloured):
            try:
                for found in calculation(target, densities, colours, (first, second), min(best[0], most)):
                    best = min(best, found, key=lambda one: one[0])
                    if best[0] <= small:
                        return best
            except InfeasibleWidth:  # a sum that is too long; the others may do
                continue
    return best


def _coded_outputs(used: Masses, inputs: int, first: int, densities: tuple[Fraction, Fraction]) -> Fraction:
    """Bound the failure of a coded layer 0 right below the outputs."""
    primal = primal_failure(mean_size(used), inputs, first, densities)[1]
    if primal <= _ENOUGH or not _costs_less(used, inputs, first, densities, primal):
        return primal
    return min(primal, _dual(used, inputs, first, densities, primal))


def _all_coloured(
    target: Target, densities: tuple[Fraction, ...], colours: Colouring, widths: tuple[int, int], rival: Fraction
) -> Iterator[Found]:
    """Colour every neuron of layer 1."""
    first, second = widths
    last = colours.failure(second)[1]
    if last >= rival:
        return
    design = Design(target, densities, colours, "primal", first, second, second)
    pair = densities[0], densities[1]
    failure = primal_failure(mean_size(colours.used), target.inputs, first, pair)[1]
    yield last + failure, design
    rival = min(rival, last + failure)
    if _costs_less(colours.used, target.inputs, first, pair, rival - last):
        failure = _dual(colours.used, target.inputs, first, pair, rival)
        yield last + failure, replace(design, layer0="dual")
    classes = colours.classes(1)
    for part in range(2, classes.largest + 1):
        edge = densities[1] ** part
        rival = min(rival, last + failure)
        if edge < 1 and math.log(target.inputs) + first * math.log1p(-float(edge)) > math.log(rival):
            return  # one row alone is too likely to have no edge at all, and more so in larger parts
        rows = rows_of(classes, part)
        if _costs_less(rows, target.inputs, first, (densities[0], edge), rival - last):
            dual = _dual(rows, target.inputs, first, (densities[0], edge), rival)
            yield last + dual, replace(design, layer0="classes", part=part)


def _wired_coloured(
    target: Target, densities: tuple[Fraction, ...], colours: Colouring, widths: tuple[int, int], rival: Fraction
) -> Iterator[Found]:
    """Colour only neurons of layer 1 with at least k edges into layer 0, and count on N' of them."""
    first, second = widths
    if first < target.inputs or colours.failure(second)[1] >= rival:
        return
    design = Design(target, densities, colours, "primal", first, second, second)
    failure, design = counted(design)
    if design.columns:
        yield failure, design


def _costs_less(used: Masses, inputs: int, first: int, densities: tuple[Fraction, Fraction], rival: Fraction) -> bool:
    """Whether nothing rules out that the dual costs less than that, where costs near 1 are as good as 1.

    More rows cost more, so E[min(1, d eps(|V|))] >= P(|V| >= v) min(1, d eps(v)) for any v: one that |V| hardly ever
    falls below, and one as large as it is on average.
    """

    def least(rows: int) -> Fraction:
        cost = min(Fraction(1), inputs * coding_failure(rows, first, densities[1], densities[0])[0])
        return cost * Fraction(float(used.values[max(0, rows - used.first) :].sum()))

    likely, typical = used.trimmed(_RARE).first, round(float(mean_size(used)[1]))
    return rival > 0 and all(least(max(1, rows)) < min(rival, 1 - Fraction(_RARE)) for rows in (typical, likely))


def _dual(used: Masses, inputs: int, first: int, densities: tuple[Fraction, Fraction], scale: Fraction) -> Fraction:
    likely, spare = likely_sizes(used, scale / 10**6)
    return min(Fraction(1), dual_failure(likely, inputs, first, densities)[1] + spare)


def sharp_inverse(constructions: tuple[Construction, ...], steps: Callable[[Width], tuple[Step, ...]]) -> Inverse:
    """Read the sharp construction for given widths.

    Parameters
    ----------
    constructions
        The colourings to choose from.
    steps
        What an answer with a design was computed from.
    """

    def holds(given: GivenWidths, densities: tuple[Fraction, ...], failure_probability: Fraction) -> bool:
        asked = given.target, densities, given.widths, constructions
        try:
            return least_failure(*asked, enough=failure_probability)[0] <= failure_probability
        except InfeasibleWidth:
            return False  # too sparse or too long to decide: not granted

    def success(given: GivenWidths, densities: tuple[Fraction, ...]) -> tuple[Fraction, None]:
        return max(Fraction(0), 1 - least_failure(given.target, densities, given.widths, constructions)[0]), None

    def explained(answer: Width) -> tuple[Step, ...]:
        widths = tuple(width or 0 for width in answer.widths)
        least, design = least_failure(answer.target, answer.densities, widths, constructions)
        if design is None:
            return steps(answer)
        return steps(replace(answer, design=design, success_lower=max(Fraction(0), 1 - least), reason=design.says()))

    return Inverse(reason=_reason, refuses=_refuses, holds=holds, success=success, steps=explained, digits=_DIGITS)


def _reason(given: GivenWidths) -> str:  # noqa: ARG001
    return "bounded inputs; layer 0 is masked and carries linear combinations; the best of some designs"


def _refuses(given: GivenWidths) -> str:
    if given.target.depth > 2 or given.target.is_convolutional:
        return (
            "given widths are read for fully connected targets with at most one hidden layer; drop answers for others"
        )
    if given.layer0 != "coded":
        return "given widths are read with a coded layer 0 alone; drop and exact answer for a matched one"
    return ""
