"""Which of the sharp constructions a plan rests on, beside the widths."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from ertheory.bounds.result import Width
from ertheory.bounds.sharp.law import Colouring, colouring
from ertheory.bounds.sharp.search import SharpLayer0, designs
from ertheory.bounds.sharp.widths import matching, sequential, sharp
from ertheory.builders.sharp.last_hidden import Colourer
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target

__all__ = ["COLOURED", "SharpPlan", "sharp_plan"]

COLOURED: dict[str, tuple[Colourer, ...]] = {
    "sequential": ("sequential",),
    "matching": ("matching",),
    "sharp": ("sequential", "matching"),
}
_WIDTHS = {"sequential": sequential, "matching": matching, "sharp": sharp}


class SharpPlan(NamedTuple):
    """What a builder needs to know.

    Parameters
    ----------
    answer
        The widths.
    colourer
        How the last hidden layer is coloured; of no account without hidden layers.
    layer0
        ``coded`` or ``matched``.
    copies
        q_0 where layer 0 is matched.
    """

    answer: Width
    colourer: Colourer
    layer0: SharpLayer0
    copies: int | None


def sharp_plan(
    target: Target, method: str, densities: tuple[Fraction, ...], delta: Fraction, layer0: SharpLayer0 | None
) -> SharpPlan:
    """Compute the widths, and take from the design what they rest on.

    Parameters
    ----------
    target, densities, delta, layer0
        As for `ertheory.bounds.sharp.widths.sharp`.
    method
        One of `COLOURED`.

    Examples
    --------
    >>> half = (Fraction(1, 2),) * 3
    >>> found = sharp_plan(Target.from_text("4-8-3"), "sharp", half, Fraction(1, 100), "matched")
    >>> found.answer.widths, found.colourer, found.copies
    ((27, 43, 3), 'sequential', 5)
    """
    answer = _WIDTHS[method](target, densities, delta, layer0=layer0)
    chosen: SharpLayer0 = "coded" if answer.layer0 == "coded" else "matched"
    if target.depth == 1:
        copies = None if answer.factors is None or chosen == "coded" else answer.factors[0]
        return SharpPlan(answer, COLOURED[method][0], chosen, copies)
    known: dict[Colourer, Colouring] = {name: colouring(target, densities[-1], name) for name in COLOURED[method]}
    name = min(known, key=lambda name: _width(known[name], delta / 2))
    # The widths came from the same search with the same arguments.
    found = min(designs(target, densities, known[name], delta, chosen, "last"), key=lambda design: design.total)
    assert found.widths == answer.widths
    return SharpPlan(answer, name, chosen, found.copies or None)


def _width(colours: Colouring, share: Fraction) -> float:
    try:
        return colours.width(share)[0]
    except InfeasibleWidth:
        return math.inf
