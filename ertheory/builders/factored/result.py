"""A chain of layers inside a source of twice its depth, with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ertheory.builders.factored.answers import solved_fields
from ertheory.builders.factored.inner import Inner
from ertheory.builders.factored.solve import Factors
from ertheory.masks import DrawnMask, Mask, seed_of
from ertheory.networks.network import Network
from ertheory.numbers import rational_text
from ertheory.results import Result

__all__ = ["FactoredChain"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FactoredChain(Result):
    """A target inside a masked source with two layers for each of its own.

    Parameters
    ----------
    target
        The target, with its box where there is one.
    source
        The source: its weights lie on the masks.
    masks
        They are those of source layers 0..2L-1.
    factors
        The two factors of each layer of the target, their certificate and the verdict on the masks.
    inner
        What the inner neurons do.
    edges_available
        Entries that the masks keep.
    difference_bound
        A bound on |source(x) - target(x)| on the box as real functions, rounded up; ``None`` without a box.
    rationals
        Where they were asked for: the weights of each solved source layer as rational numbers, in the order of its
        stored weights. With them the source is the target exactly.
    """

    target: Network
    source: Network
    masks: tuple[Mask, ...]
    factors: tuple[Factors, ...]
    inner: Inner
    edges_available: int
    difference_bound: float | None
    rationals: dict[int, tuple[Fraction, ...]] | None = None

    @property
    def error_bound(self) -> float | None:
        """The same as `difference_bound`, under the name that it has in other embeddings."""
        return self.difference_bound

    @property
    def widths(self) -> tuple[int, ...]:
        """Outputs of all source layers: inner width, n_1, inner width, n_2, and so on."""
        return tuple(step.outputs for step in self.source.affine)

    @property
    def edges_used(self) -> int:
        """Weights other than 0."""
        return sum(self.source.nonzeros)

    @property
    def seed(self) -> int | None:
        """The seed of the masks; ``None`` if they were given."""
        return seed_of(self.masks)

    def to_dict(self) -> dict[str, Any]:
        """Collect what describes the source in types that JSON knows; not the weights."""
        densities = [rational_text(mask.density) if isinstance(mask, DrawnMask) else None for mask in self.masks]
        return {
            "construction": "factored",
            "inner": self.inner,
            "widths": list(self.widths),
            "densities": densities,
            "seed": self.seed,
            **solved_fields(self.factors),
            "edges_used": self.edges_used,
            "edges_available": self.edges_available,
            "difference_bound": self.difference_bound,
        }
