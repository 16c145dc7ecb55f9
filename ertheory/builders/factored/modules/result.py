"""What `embed_module` returns: the new module, and what its maps rest on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ertheory.bounds.result import rational_text, success_text
from ertheory.builders.factored.answers import MapAnswer
from ertheory.builders.factored.inner import Inner
from ertheory.masks import DrawnMask
from ertheory.results import Result

__all__ = ["FactoredModule"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FactoredModule(Result):
    """A module inside a random one with two masked maps for every linear map.

    Parameters
    ----------
    module
        The new module. Its pairs have the names of the layers, with children ``first`` and ``second`` that hold the
        kept weights ``values`` and, as a buffer, their ``places``.
    maps
        The answer for every layer that was replaced, by name; layers with one weight appear once.
    left_dense
        Layers that stay as they are, by name, and why.
    density, failure_probability, seed, inner
        The inputs: the overall density p, the probability delta that was granted, the seed, and what inner neurons do.
    """

    module: Any
    maps: dict[str, MapAnswer]
    left_dense: dict[str, str]
    density: Fraction
    failure_probability: Fraction
    seed: int
    inner: Inner = "identity"

    @property
    def masks(self) -> dict[str, tuple[DrawnMask, ...]]:
        """The two masks of every layer."""
        return {name: answer.masks for name, answer in self.maps.items()}

    @property
    def edges(self) -> int:
        """Entries that all masks keep."""
        return sum(answer.edges for answer in self.maps.values())

    @property
    def edges_ratio(self) -> float:
        """Kept entries for each weight other than 0 of the layers that were replaced."""
        return self.edges / max(1, sum(answer.nonzeros for answer in self.maps.values()))

    @property
    def error_bound(self) -> dict[str, float]:
        """A proved bound on the largest error of a weight, for every layer."""
        return {name: answer.error_bound for name, answer in self.maps.items()}

    @property
    def success_probability_lower(self) -> Fraction:
        """A lower bound on the probability that masks of these widths hold every module of this architecture."""
        lost = sum((answer.failure for answer in self.maps.values()), start=Fraction(0))
        return max(Fraction(0), 1 - lost)

    def to_dict(self) -> dict[str, Any]:
        """Collect what describes the module in types that JSON knows; not the weights."""
        return {
            "density": rational_text(self.density),
            "failure_probability": rational_text(self.failure_probability),
            "seed": self.seed,
            "inner": self.inner,
            "edges": self.edges,
            "edges_ratio": self.edges_ratio,
            "success_probability_lower": success_text(self.success_probability_lower),
            "left_dense": dict(self.left_dense),
            "maps": {name: answer.to_dict() for name, answer in self.maps.items()},
        }
