"""How large a part of an architecture a random source of so many edges contains: the factor on its widths."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ertheory.bounds.factored.network import FactoredDesign, factored_design, shapes_of_model
from ertheory.bounds.factored.options import FACTORS, factors_of
from ertheory.bounds.factored.triple_network import TripleDesign, triple_design
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.layerwise.architectures import architecture
from ertheory.numbers import Rational, probability

__all__ = ["width_factor"]

_PARTS = 64  # factors are multiples of its inverse
_WIDEST = 64


def width_factor(
    model: str,
    *,
    density: Rational,
    failure_probability: Rational,
    edges: int | None = None,
    factors: int = 2,
    progress: Callable[[], object] | None = None,
) -> tuple[Fraction, FactoredDesign | TripleDesign]:
    """Find the largest factor on the hidden widths of an architecture whose factored source has few enough edges.

    Parameters
    ----------
    model
        The name of the architecture.
    density
        The density of all masks.
    failure_probability
        The number delta in (0, 1).
    edges
        How many expected edges the source may have; as many as the architecture has weights if left out.
    factors
        How many masked maps, 2 or 3, each map becomes.
    progress
        It is called after each factor that was looked at.

    Returns
    -------
    tuple
        The factor, a multiple of 1/64 of which the next one asks for more edges, and the source.

    Raises
    ------
    InfeasibleWidth
        If not even a factor of 1/64 is within the edges.

    Examples
    --------
    >>> factor, design = width_factor("lenet-300-100", density="0.5", failure_probability="0.001")
    >>> factor < 1, design.edges_expected <= 266200
    (True, True)
    """
    kept = probability("density", density, one=True)
    most = sum(layer.weights for layer in architecture(model)) if edges is None else edges
    if most < 1:
        raise InvalidInput("edges", "a whole number of at least 1", edges)

    design = factored_design if factors_of({"factors": factors}) == FACTORS[0] else triple_design

    def designed(parts: int) -> FactoredDesign | TripleDesign | None:
        shapes = shapes_of_model(architecture(model, width=Fraction(parts, _PARTS)))
        try:
            found = design(shapes, densities=[kept], failure_probability=failure_probability)
        except InfeasibleWidth:
            return None
        finally:
            if progress is not None:
                progress()
        return found if found.edges_expected <= most else None

    low, high = 0, _PARTS
    best: FactoredDesign | TripleDesign | None = None
    while high <= _WIDEST * _PARTS and (found := designed(high)) is not None:
        low, high, best = high, 2 * high, found
    while high - low > 1:
        middle = (low + high) // 2
        found = designed(middle)
        low, high, best = (low, middle, best) if found is None else (middle, high, found)
    if best is None:
        raise InfeasibleWidth(f"no source of {most} expected edges contains even a {_PARTS}th of the widths of {model}")
    return Fraction(low, _PARTS), best
