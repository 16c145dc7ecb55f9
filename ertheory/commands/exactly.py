"""Whether a mask that holds a target up to the rounding of solved weights holds the target itself."""

from __future__ import annotations

from fractions import Fraction

from ertheory.builders import Embedding
from ertheory.builders.sharp.rational import rational_layer0, rational_rows
from ertheory.check.coded import ExactRows, differs_exactly
from ertheory.errors import ConstructionFailed

__all__ = ["exact_layer"]

_MOST = 64  # inputs, and neurons of layer 1 in use: less than a second, where numbers do not grow too long


def exact_layer(embedding: Embedding) -> int | None:
    """Find rational weights of layer 1, or else of layer 0, with which a coded source is its target exactly.

    Returns
    -------
    int or None
        The layer, once the weights have been checked by code that shares nothing with the builder; ``None`` where
        layer 0 is not coded, there are no such weights, or they are too many to be solved for in a moment.

    Examples
    --------
    >>> from ertheory.builders.blocks.build import embed_target
    >>> from ertheory.networks.target import Target
    >>> target = Target.from_arrays([[[1.0, 3.0]], [[3.0]]], domain=[(0, 1), (0, 1)])
    >>> masks = [[1, 0], [1, 1]], [[1, 1]], [[1]]
    >>> exact_layer(embed_target(target, masks, construction="sequential", layer0="coded"))
    1
    """
    target = embedding.target
    if embedding.layer0 != "coded" or not target.is_chain or target.inputs > _MOST or embedding.copies[1] > _MOST:
        return None
    for layer, solved in ((1, _layer_1), (0, _layer_0)):
        try:
            rows = solved(embedding)
        except ConstructionFailed:
            continue
        if not differs_exactly(target, embedding.source, embedding.masks, rows):
            return layer
    return None


def _layer_1(embedding: Embedding) -> tuple[None, ExactRows]:
    return None, {row.neuron: (row.weights, row.bias) for row in rational_rows(embedding)}


def _layer_0(embedding: Embedding) -> tuple[ExactRows, ExactRows]:
    """Layer 0, and the biases of layer 1 that go with it."""
    found, weight = rational_layer0(embedding), embedding.source.affine[1].weight
    rows: dict[int, tuple[dict[int, Fraction], Fraction]] = {}
    for neuron, bias in found.biases.items():
        place = slice(weight.indptr[neuron], weight.indptr[neuron + 1])
        values = zip(weight.indices[place].tolist(), weight.data[place].tolist(), strict=True)
        rows[neuron] = {unit: Fraction(value) for unit, value in values}, bias
    return {row.neuron: (row.weights, row.bias) for row in found.rows}, rows
