"""What is known of each map of a target once it is a product of masked ones, whichever builder made it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from ertheory.bounds.factored.one_map import Form
from ertheory.masks import DrawnMask
from ertheory.numbers import rational_text

__all__ = ["MapAnswer", "Solved", "solved_fields"]


class Solved(Protocol):
    """A map of which factors were found."""

    @property
    def scheme(self) -> str:
        """What was drawn and what was solved, or written."""

    @property
    def universal(self) -> bool | None:
        """Whether these masks hold every map of the shape; ``None`` where only this map was looked at."""

    @property
    def error_bound(self) -> float:
        """A proved bound on the largest entry of the difference of the product and the map."""

    @property
    def exact(self) -> bool:
        """Whether there are factors on the same masks whose product is the map."""

    @property
    def condition(self) -> float:
        """The largest condition number of a system, an estimate."""


@dataclass(frozen=True, kw_only=True)
class MapAnswer:
    """One linear map as a product of two or three masked ones.

    Parameters
    ----------
    name
        It is that of its layer.
    form
        Which of the factors slides, where the map is a convolution.
    scheme
        What was drawn and what was solved, or written.
    blocks
        The number of maps into which a large layer, or each of its groups, was cut, so that it is solved in less time.
    inner
        The inner widths of all of them together: one number for two factors, two for three.
    densities
        They are those of the factors.
    masks
        They are those of the factors.
    edges
        Entries that the masks keep.
    nonzeros
        Weights of the map other than 0.
    failure
        A bound on the probability that drawn masks do not hold every map of the shape.
    error_bound
        It bounds the largest entry of the difference of the product and the map, and is proved for the numbers that are
        stored.
    universal
        Whether these masks hold every map of the shape, by matchings; ``None`` where only this map was looked at.
    condition
        The largest condition number of a system that was solved, an estimate.
    shift
        The largest bias that lifts an inner neuron above 0; 0 where none does.
    """

    name: str
    form: Form
    scheme: str
    blocks: int = 1
    inner: tuple[int, ...]
    densities: tuple[Fraction, ...]
    masks: tuple[DrawnMask, ...]
    edges: int
    nonzeros: int
    failure: Fraction
    error_bound: float
    universal: bool | None
    condition: float
    shift: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the product is the map, in the numbers that are stored."""
        return self.error_bound == 0

    def to_dict(self) -> dict[str, Any]:
        """Collect what describes a pair in types that JSON knows."""
        return {
            "form": self.form,
            "scheme": self.scheme,
            "blocks": self.blocks,
            "inner": self.inner[0],
            "densities": [rational_text(density) for density in self.densities],
            "edges": self.edges,
            "nonzeros": self.nonzeros,
            "error_bound": self.error_bound,
            "universal": self.universal,
            "condition": self.condition,
            "shift": self.shift,
        }


def solved_fields(maps: Iterable[Solved]) -> dict[str, list[Any]]:
    """Give what is said of all maps of a source, map after map, in types that JSON knows."""
    known = tuple(maps)
    return {
        "schemes": [one.scheme for one in known],
        "universal": [one.universal for one in known],
        "certificates": [{"bound": one.error_bound, "exact": one.exact} for one in known],
        "conditions": [one.condition for one in known],
    }
