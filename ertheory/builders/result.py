"""What a builder returns: the source, and the certificate that says why it computes the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ertheory.bounds.result import rational_text
from ertheory.bounds.statement import Reading
from ertheory.builders.blocks.links import Owners
from ertheory.builders.error import error_bound
from ertheory.builders.sharp.coding import Coding
from ertheory.masks import DrawnMask, Mask, seed_of
from ertheory.networks.network import Network
from ertheory.results import Result

__all__ = ["Embedding", "LinkEdge"]


class LinkEdge(NamedTuple):
    """The edge that stands for a link of the target in one copy of it.

    Parameters
    ----------
    copy
        The source neuron that the edge leads into.
    column
        It is that of its row in the mask and in the weight, which the edge takes up.
    output
        The target neuron of which the source neuron is a copy.
    weight
        The weight on the edge.
    """

    copy: int
    column: int
    output: int
    weight: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Embedding(Result):
    """A target inside a masked source.

    Parameters
    ----------
    construction
        ``blocks``, ``drop``, ``sequential`` or ``matching``.
    layer0
        How the neurons of layer 0 were shared out.
    target
        The target, with the box on which the source equals it; no box stands for all of R^d.
    source
        The source: its weights lie on the masks, and it computes the target.
    masks
        They are those of source layers 0..L.
    owners
        The certificate. For layer 0: which unit of `coding` each neuron is, shape (N_0,). For layer l: of which target
        neuron it is a copy, shape (N_l,). -1 where it serves nothing.
    coding
        What the units of layer 0 do, and the first target layer with its biases put right.
    edges_available
        Entries that the masks keep.
    """

    construction: str
    layer0: Reading
    target: Network
    source: Network
    masks: tuple[Mask, ...]
    owners: tuple[Owners, ...]
    coding: Coding
    edges_available: int

    @property
    def widths(self) -> tuple[int, ...]:
        """N_0..N_L."""
        return tuple(step.outputs for step in self.source.affine)

    @property
    def edges_used(self) -> int:
        """Weights other than 0."""
        return sum(self.source.nonzeros)

    @property
    def seed(self) -> int | None:
        """The seed of the masks; ``None`` if they were given."""
        return seed_of(self.masks)

    @property
    def copies(self) -> tuple[int, ...]:
        """Source neurons in use, per layer 0..L."""
        return tuple(int(np.count_nonzero(layer >= 0)) for layer in self.owners)

    @property
    def bias_corrections(self) -> tuple[Fraction, ...]:
        """What the biases of layer 1 have beyond those of the target, for each target neuron of layer 1."""
        pairs = zip(self.coding.first.exact_bias, self.target.affine[0].exact_bias, strict=True)
        return tuple(new - old for new, old in pairs)

    @property
    def error_bound(self) -> Fraction | None:
        """A bound on |source(x) - target(x)| on the box as real functions.

        0 where the two are equal, as they are for ReLU unless layer 0 is coded. Otherwise what the approximate form
        costs, or the rounding of weights to doubles where they are solved for, or divided by the slope of an activation
        such as 1.01; ``None`` if the inputs are unbounded then, or if no double is as large.
        """
        return None if self.coding.error is None else error_bound(self.target, self.coding.error)

    def edges(self, layer: int) -> Iterator[LinkEdge]:
        """Go through the edges chosen in one source layer, 0..L."""
        weight = self.source.affine[layer].weight.tocoo()
        owners = self.owners[layer]
        for row, column, value in zip(weight.row.tolist(), weight.col.tolist(), weight.data.tolist(), strict=True):
            yield LinkEdge(row, column, int(owners[row]), value)

    def to_dict(self) -> dict[str, Any]:
        """Collect what describes the embedding in types that JSON knows; not the weights."""
        densities = [mask.density if isinstance(mask, DrawnMask) else None for mask in self.masks]
        return {
            "construction": self.construction,
            "layer0": self.layer0,
            "form": self.coding.form,
            "activation": self.source.activation,
            "widths": list(self.widths),
            "densities": [None if density is None else rational_text(density) for density in densities],
            "seed": self.seed,
            "copies_used": list(self.copies),
            "edges_used": self.edges_used,
            "edges_available": self.edges_available,
            "error_bound": None if self.error_bound is None else float(self.error_bound),
        }
