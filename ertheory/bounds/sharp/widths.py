"""Sharp widths: every layer by the construction that asks for least, with the failure probability split among them.

The statement and its proof stand in `ertheory.bounds.sharp.law`, the search in `ertheory.bounds.sharp.search`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np

from ertheory.bounds.blocks.closed_form import reading
from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.result import Width
from ertheory.bounds.sharp.coded import coded_width, dual_failure, mean_size, primal_failure
from ertheory.bounds.sharp.law import Colouring, Design, colouring
from ertheory.bounds.sharp.search import Objective, SharpLayer0, designs
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Masses, probability

__all__ = ["SHARP_STATEMENT", "matching", "sequential", "sharp"]

SHARP_STATEMENT = "sharp construction (ours)"
_CERTIFIED = "double precision with directed bounds, every rounding counted"
_LEAST_FAILURE = Fraction(1, 10**25)  # below, what is left out of the sums would count


def sequential(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer0: SharpLayer0 | None = None,
    objective: Objective = "last",
) -> Width:
    """Widths with the last hidden layer coloured by the sequential greedy; arguments as for `sharp`.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> sequential(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (9206, 1850, 10)
    """
    return _width("sequential", ("sequential",), target, densities, failure_probability, layer0, objective)


def matching(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer0: SharpLayer0 | None = None,
    objective: Objective = "last",
) -> Width:
    """Widths with the last hidden layer coloured by private matching; arguments as for `sharp`.

    Examples
    --------
    >>> twentieth = (Fraction(1, 20),) * 3
    >>> matching(Target.from_text("784-128-10"), twentieth, Fraction(1, 1000)).widths
    (18529, 3513, 10)
    """
    return _width("matching", ("matching",), target, densities, failure_probability, layer0, objective)


def sharp(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer0: SharpLayer0 | None = None,
    objective: Objective = "last",
) -> Width:
    """Widths of the best of our constructions, every layer masked.

    Parameters
    ----------
    target
        Target of depth L, fully connected or convolutional.
    densities
        p_0..p_L, each in (0, 1].
    failure_probability
        delta in (0, 1).
    layer0
        ``coded`` or ``matched``; by default whichever gives the smaller total.
    objective
        ``last``: with one hidden layer, N_1 is the smallest that half of delta allows, then N_0 the smallest that the
        rest allows. ``total``: spare neurons in layer 1 for a smaller N_0 + N_1. Deeper targets are designed for a
        small total either way.

    Returns
    -------
    Width
        Certified: the bound is at most delta, and above it where N_{L-1}, one of the q_l or (unless matched) N_0 is
        lowered alone. With spare neurons and for deeper targets a good design, not certainly the best one.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If no construction could be certified.

    Notes
    -----
    Ours, not the paper's. Inputs must be bounded for ``coded``. In convolutional targets layer 0 is a 1x1 convolution;
    ``coded`` then also needs layers without zero padding, or inputs and weights of layer 0 of one sign.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> sharp(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (9206, 1850, 10)
    >>> sharp(Target.from_text("784-128-10"), tenth, Fraction(1, 1000), objective="total").total < 9206 + 1850
    True
    """
    return _width("sharp", ("sequential", "matching"), target, densities, failure_probability, layer0, objective)


def _width(
    method: str,
    colourings: tuple[str, ...],
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    layer0: SharpLayer0 | None,
    objective: Objective,
) -> Width:
    densities = read_densities(target, density=densities)
    failure_probability = probability("failure_probability", failure_probability)
    if layer0 is not None and layer0 not in get_args(SharpLayer0):
        raise InvalidInput("layer0", "coded or matched", layer0)
    if objective not in get_args(Objective):
        raise InvalidInput("objective", "last or total", objective)
    if failure_probability < _LEAST_FAILURE:
        raise InfeasibleWidth(f"{method} is certified for failure probabilities of at least {float(_LEAST_FAILURE)}")
    if min(target.nonzeros) == 0:
        raise TheoremNotApplicable(f"{method}: a layer of the target has no weights; reduce the target first")
    if target.depth == 1:
        return _single_layer(method, target, densities, failure_probability, layer0)
    # Which colouring is used must not depend on the mask, so it is settled here.
    last = [colouring(target, densities[-1], name) for name in colourings]
    colours = min(last, key=lambda colours: _width_or_never(colours, failure_probability / 2))
    candidates = designs(target, densities, colours, failure_probability, layer0, objective)
    found = min(candidates, key=lambda design: design.total, default=None)
    if found is None:
        raise InfeasibleWidth(f"{method}: no widths could be certified for target {target}")
    return _describe(method, found, failure_probability)


def _width_or_never(colours: Colouring, share: Fraction) -> float:
    try:
        return colours.width(share)[0]
    except InfeasibleWidth:
        return math.inf


def _single_layer(
    method: str,
    target: Target,
    densities: tuple[Fraction, ...],
    delta: Fraction,
    layer0: SharpLayer0 | None,
) -> Width:
    """Without hidden layers there is nothing to colour: outputs are coded, or the exact law holds."""
    plain = None if layer0 == "coded" else exact(target, densities, delta, layer0="matched")
    coded = None
    if layer0 != "matched":
        layer = target.layers[0]
        rows = layer.entries_per_pair * sum(n for fan_in, n in layer.fan_in_counts.items() if fan_in)
        used = Masses(rows, np.ones(1), 0)
        try:
            first, kind, _ = coded_width(used, target.inputs, (densities[0], densities[1]), delta)
            coded = _coded_width(method, target, densities, delta, first, kind, used)
        except InfeasibleWidth:
            pass
    found = [answer for answer in (coded, plain) if answer is not None]
    if not found:
        raise InfeasibleWidth(f"{method}: no widths could be certified for target {target}")
    best = min(found, key=lambda answer: answer.widths[0] or 0)
    return replace(best, method=method, statement=SHARP_STATEMENT)


def _coded_width(
    method: str,
    target: Target,
    densities: tuple[Fraction, ...],
    delta: Fraction,
    first: int,
    kind: str,
    used: Masses,
) -> Width:
    pair = (densities[0], densities[1])
    if kind == "dual":
        failure = dual_failure(used, target.inputs, first, pair)[1]
    else:
        failure = primal_failure(mean_size(used), target.inputs, first, pair)[1]
    return Width(
        method=method,
        statement=SHARP_STATEMENT,
        variant="repaired",
        kind="sufficient",
        layer0="coded",
        applies=True,
        reason=_first_reading(target, kind),
        target=target,
        densities=densities,
        failure_probability=delta,
        widths=(first, target.widths[-1]),
        success_lower=max(1 - failure, 1 - delta),
        certified=_CERTIFIED,
    )


def _first_reading(target: Target, kind: str) -> str:
    if kind == "matched":
        return reading(target, "matched")
    padding = "; layer 0 is a 1x1 convolution; no zero padding" if target.is_convolutional else ""
    return f"bounded inputs{padding}; layer 0 is masked and carries linear combinations ({kind})"


def _describe(method: str, design: Design, delta: Fraction) -> Width:
    failure = design.failure()[1]
    parts = [_first_reading(design.target, design.layer0)]
    if design.copies:
        parts.append(f"q_0 = {design.copies}")
    if design.columns:
        parts.append(f"neurons of layer 1 with at least k = {design.columns} edges into layer 0 are used")
    if design.thresholds:
        kept = ", ".join(f"t_{layer} = {threshold}" for layer, threshold in enumerate(design.thresholds, start=1))
        parts.append(f"good copies counted on: {kept}")
    parts.append(f"last hidden layer: {design.colours.method}, {design.served} good neurons")
    return Width(
        method=method,
        statement=SHARP_STATEMENT,
        variant="repaired",
        kind="sufficient",
        layer0="matched" if design.layer0 == "matched" else "coded",
        applies=True,
        reason="; ".join(parts),
        target=design.target,
        densities=design.densities,
        failure_probability=delta,
        widths=design.widths,
        success_lower=max(1 - failure, 1 - delta),
        certified=_CERTIFIED,
    )
