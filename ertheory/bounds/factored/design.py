"""What designs of factored sources have in common, however many factors a map has."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ertheory.bounds.result import Construction

__all__ = ["MapsDesign"]


class MapsDesign:
    """What follows from the maps of a source alone.

    Attributes
    ----------
    maps
        The maps, in order, each with its densities, its expected edges and a bound on its failure.
    nonzeros
        The non-zero weights of the target.
    """

    maps: tuple[Any, ...]
    nonzeros: int

    @property
    def construction(self) -> Construction:
        """The name of the construction, as for every design."""
        return "factored"

    @property
    def copies(self) -> int:
        """0: no neuron of the source is a copy."""
        return 0

    @property
    def densities(self) -> tuple[Fraction, ...]:
        """Densities of all source layers in order."""
        return tuple(density for one in self.maps for density in one.densities)

    @property
    def edges_expected(self) -> Fraction:
        """Expected number of kept weights."""
        return sum((one.edges_expected for one in self.maps), Fraction(0))

    @property
    def edges_ratio(self) -> Fraction:
        """Expected kept weights over the non-zero weights of the target."""
        return self.edges_expected / self.nonzeros

    @property
    def success_lower(self) -> Fraction:
        """A lower bound on the probability that the source contains every network of the shape."""
        return max(Fraction(0), 1 - sum((one.failure for one in self.maps), Fraction(0)))
