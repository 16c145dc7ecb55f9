"""Up to which widths necessary statements are asked to hold, so that they can stand beside our sufficient ones.

Some necessary statements grow weaker as other layers of the source grow wider: a very wide layer 0 has some row with
many entries, a very wide layer 1 has some neuron that reads everything. They are therefore asked for sources of bounded
widths, and say nothing of wider ones. Here the bounds are chosen: ten times the printed widths, and no less than any
width that a source of our own constructions can have. As none of these (`exact`, `joint`, `drop`, `sharp`) has more
neurons in all than `drop`, a layer has at most what `drop` needs in all, less one neuron for each one of the target in
the others.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Literal

from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.blocks.laws import Law, Layer0
from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.drop.widths import drop
from ertheory.errors import ErError
from ertheory.networks.target import Layer, Target

__all__ = ["copied", "reach"]

_AMPLE = 10


def reach(target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction) -> tuple[int, ...]:
    """Choose N_0..N_{L-1} up to which necessary statements shall hold.

    Parameters
    ----------
    target
        The network to represent.
    densities
        The densities p_0..p_L.
    failure_probability
        The failure probability delta.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> reach(Target.from_text("784-128-10"), tenth, Fraction(1, 1000))
    (1795360, 180480)
    >>> sparse = (Fraction(1, 100), Fraction(1, 100), Fraction(1))
    >>> reach(Target.from_text("20-3-1"), sparse, Fraction(1, 1000))[1] > 2193
    True
    """
    factors = closed_form(Law(target, densities, "dense"), failure_probability).factors
    sizes = target.widths[:-1]
    ample = tuple(_AMPLE * q * n for q, n in zip(factors[:-1], sizes, strict=True))
    dropped = copied("drop", target.layers, densities, failure_probability)
    if not dropped:
        return ample  # no such source can be named
    spare = sum(dropped) - sum(sizes)
    return tuple(max(limit, n + spare) for limit, n in zip(ample, sizes, strict=True))


@lru_cache(maxsize=64)
def copied(
    method: Literal["drop", "exact"],
    layers: tuple[Layer, ...],
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
) -> tuple[int, ...]:
    """Give N_0..N_{L-1} of a construction that copies inputs, for a target of these layers; empty where it has none.

    Examples
    --------
    >>> copied("drop", Target.from_text("784-128-10").layers, (Fraction(1, 10),) * 3, Fraction(1, 1000))
    (58016, 23936)
    """
    construction = {"drop": drop, "exact": exact}[method]
    reading: Layer0 = "dense" if densities[0] == 1 else "matched"
    try:
        found = construction(Target(layers), densities, failure_probability, layer0=reading)
    except ErError:
        return ()
    return tuple(width or 0 for width in found.widths[:-1]) if found.applies else ()
