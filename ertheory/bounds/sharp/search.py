"""Where `sharp` looks for its integers: designs that hold, with integers that cannot be lowered one by one.

Any integers for which the bound is at most delta make a valid design, so nothing rests on how they are found. Fixed
shares of delta give every layer its width, given what the layer below supplies; these supplies are moved one after
another, and the widths are lowered in the end until the whole bound forbids it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Literal

from ertheory.bounds.blocks.hall import hall_guess, hall_sum
from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.descent import Point, coordinate_descent
from ertheory.bounds.sharp.classes import class_width
from ertheory.bounds.sharp.coded import coded_width
from ertheory.bounds.sharp.law import Colouring, Design, short_of
from ertheory.bounds.sharp.spare import spared
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target
from ertheory.numbers import Decision, ball, decide, decided, smallest

__all__ = ["Objective", "SharpLayer0", "designs"]

Objective = Literal["last", "total"]
SharpLayer0 = Literal["coded", "matched"]
Shares = tuple[Fraction, Fraction, Fraction]

# Of the failure, for the colouring, for the layers of copies together, and for layer 0. The last matters where layer 0
# is so sparse that a used neuron fails because it does not reach an input.
_SHARES = (
    (Fraction(1, 2), Fraction(2, 5), Fraction(1, 10)),
    (Fraction(1, 5), Fraction(3, 10), Fraction(1, 2)),
)


def designs(
    target: Target,
    densities: tuple[Fraction, ...],
    colours: Colouring,
    delta: Fraction,
    layer0: SharpLayer0 | None,
    objective: Objective,
    rival: int | None = None,
) -> Iterator[Design]:
    """Make designs that hold, each with integers that cannot be lowered one by one.

    Spare neurons are looked for only where they could lead to fewer neurons in all than the `rival` has.
    """
    best: int | None = None
    if layer0 != "matched":
        for design in _coded_designs(target, densities, colours, delta, objective, rival):
            best = design.total if best is None else min(best, design.total)
            yield design
    if layer0 != "coded":
        yield from _searched(target, densities, colours, delta, "matched", _SHARES[:1], best)


def _coded_designs(
    target: Target,
    densities: tuple[Fraction, ...],
    colours: Colouring,
    delta: Fraction,
    objective: Objective,
    rival: int | None,
) -> Iterator[Design]:
    if target.depth == 2 and not target.is_convolutional:
        try:
            served = colours.width(delta / 2)[0]
            rest = delta - colours.failure(served)[1]
            first, kind, part = _first_width(target, densities, colours, rest)
            plain = Design(target, densities, colours, kind, first, served, served, part=part)
            yield _lowered(spared(plain, delta, rival=rival), delta)
            if objective == "last":
                return
        except InfeasibleWidth:
            pass
    best: int | None = None
    for design in _searched(target, densities, colours, delta, "primal", _SHARES, None):
        best = design.total if best is None else min(best, design.total)
        yield design
    if target.depth > 2 or target.is_convolutional:
        yield from _searched(target, densities, colours, delta, "classes", _SHARES, best)


def _first_width(
    target: Target, densities: tuple[Fraction, ...], colours: Colouring, rest: Fraction
) -> tuple[int, str, int]:
    """Give the smallest N_0 that any way of coding layer 0 allows for one hidden layer, which way that is, and s."""
    pair = densities[0], densities[1]
    first, kind, _ = coded_width(colours.used, target.inputs, pair, rest)
    try:
        first, part = class_width(colours.classes(1), target.inputs, pair, rest, below=first)
    except InfeasibleWidth:
        return first, kind, 1
    return first, "classes", part


def _searched(
    target: Target,
    densities: tuple[Fraction, ...],
    colours: Colouring,
    delta: Fraction,
    layer0: str,
    shares: tuple[Shares, ...],
    rival: int | None,
) -> Iterator[Design]:
    """Search for a small total with fixed shares of the failure for all terms, and lower what the law allows."""
    columns = target.inputs if layer0 == "primal" else 0
    for split in shares:
        coloured, copied, first_share = (share * delta for share in split)
        try:
            served = colours.width(coloured)[0]
            start = Design(target, densities, colours, layer0, 1, served, served, columns)
            found = _descended(start, copied / (target.depth - 1), first_share, rival)
        except InfeasibleWidth:
            continue
        if found is not None and layer0 == "matched":
            found = _with_first(found, _matched_width(found, first_share))
        if found is not None and decided(found.failure(), delta).holds:
            yield _lowered(found, delta)


def _descended(start: Design, share: Fraction, first_share: Fraction, rival: int | None) -> Design | None:
    """Move what layer 0 supplies (N_0 or q_0) and t_1..t_{L-2} one after another; all else follows from the shares.

    Layer 0 of ``classes`` follows from t_1, so that nothing stands in the first place.
    """

    def at(levels: Point) -> Design | None:
        try:
            return _made(start, levels, share, first_share, rival)
        except InfeasibleWidth:
            return None

    def total(levels: Point) -> float:
        design = at(levels)
        return math.inf if design is None else design.total

    levels = _first_levels(start, first_share)
    return at(coordinate_descent(total, levels, finest=0.001, fixed=int(start.layer0 == "classes")))


def _first_levels(start: Design, first_share: Fraction) -> Point:
    target, densities = start.target, start.densities
    sources = [_sources(target, densities, layer) for layer in range(2, target.depth)]
    if start.layer0 == "classes":
        return (0, *sources)
    if start.layer0 == "matched":
        return (_sources(target, densities, 1), *sources)
    first = replace(start, thresholds=tuple(sources), factors=tuple(sources))
    # So many that most neurons of layer 1 are wired, or more where these would cost too much.
    wired = math.ceil((target.inputs + 2 * math.sqrt(target.inputs) + 1) / densities[1])
    neurons, _ = smallest(
        lambda neurons: decided(_with_first(first, neurons).first_layer(), first_share), wired, least=wired
    )
    return (neurons, *sources)


def _made(start: Design, levels: Point, share: Fraction, first_share: Fraction, rival: int | None) -> Design | None:
    """Complete a design, or say that there is none."""
    design = replace(start, thresholds=levels[1:], factors=levels[1:])
    if design.layer0 == "matched":
        # A guess in floats will do to compare designs; the one that is chosen gets a width that is certified.
        first = hall_guess(design.target.inputs, levels[0], design.densities[0], first_share)
        design = replace(design, copies=levels[0], first_width=first, hall=first_share)
    elif design.layer0 == "classes":
        pair = design.densities[0], design.densities[1]
        first, part = class_width(design.classes, design.target.inputs, pair, first_share, least_part=1, below=rival)
        design = replace(design, first_width=first, part=part)
    else:
        design = _with_first(design, levels[0])
        if design.first_layer()[1] > first_share:
            return None
    factors = []
    for layer, threshold in enumerate(levels[1:], start=1):
        fans = design.target.layers[layer - 1].fan_in_counts
        missing = design.missing(layer, max(fans))
        factors.append(_copies(threshold, missing, share / sum(fans.values())))
    top = replace(design, factors=tuple(factors), last_width=1)
    missing = top.missing_last
    return replace(top, last_width=_copies(design.served, missing, share))


def _sources(target: Target, densities: tuple[Fraction, ...], layer: int) -> int:
    """Good copies below that make a copy in this layer good with probability 0.85."""
    fan_in = max(target.layers[layer - 1].fan_in_counts)
    if densities[layer] == 1:
        return 1
    return max(1, math.ceil(math.log(max(2, fan_in) / -math.log(0.85)) / -math.log1p(-float(densities[layer]))))


def _copies(threshold: int, missing: tuple[Fraction, Fraction], share: Fraction) -> int:
    """Fewest copies of which enough are good but for this share of the failure."""
    if missing[1] == 0:
        return threshold
    if missing[1] > Fraction(9, 10):
        msg = "hardly any copy is good"
        raise InfeasibleWidth(msg)
    return smallest(
        lambda copies: decided(short_of(copies, threshold, missing), share),
        math.ceil(threshold / (1 - missing[1])),
        least=threshold,
    )[0]


def _matched_width(design: Design, share: Fraction) -> int:
    inputs, copies, density = design.target.inputs, design.copies, design.densities[0]

    def holds(neurons: int) -> Decision:
        return decide(
            lambda: ball(share) - hall_sum(neurons, inputs, copies, density),
            undecided=False,
            most_bits=LAW_BITS,
        )

    return smallest(holds, hall_guess(inputs, copies, density, share), least=copies * inputs)[0]


def _lowered(design: Design, delta: Fraction) -> Design:
    """Lower N_{L-1}, q_{L-2}, .., q_1 and N_0 in turn until the bound forbids to lower any of them."""

    def least(changed: Callable[[int], Design], start: int, lowest: int) -> Design:
        found, _ = smallest(lambda number: decided(changed(number).failure(), delta), start, least=lowest)
        return changed(found)

    before = None
    while before != design:
        before = design
        design = least(partial(_with_last, design), design.last_width, 1)
        for place in reversed(range(len(design.factors))):
            lowest = design.thresholds[place]
            design = least(partial(_with_factor, design, place), design.factors[place], lowest)
        if design.layer0 != "matched":
            design = least(partial(_with_first, design), design.first_width, 1)
    return design


def _with_last(design: Design, width: int) -> Design:
    spare = design.columns or design.thresholds or design.layer0 == "matched"
    return replace(design, last_width=width, served=design.served if spare else width)


def _with_factor(design: Design, place: int, copies: int) -> Design:
    return replace(design, factors=(*design.factors[:place], copies, *design.factors[place + 1 :]))


def _with_first(design: Design, width: int) -> Design:
    return replace(design, first_width=width)
