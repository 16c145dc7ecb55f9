"""An exact certificate of a coded layer 0: weights of layer 1 as rational numbers.

The source holds doubles, which solve A B = W up to rounding. With the layer 0 that it has there are rational weights on
the same mask that solve it exactly, unless the doubles of B are too few; so the mask contains the target itself.

>>> from ertheory.builders.blocks.build import embed_target
>>> from ertheory.networks.target import Target
>>> target = Target.from_arrays([[[1.0, 2.0]], [[3.0]]], domain=[(0, 1), (0, 1)])
>>> built = embed_target(target, [[[1, 0], [1, 1]], [[1, 1]], [[1]]], construction="sequential", layer0="coded")
>>> [(row.neuron, sorted(row.weights)) for row in rational_rows(built)]
[(0, [0, 1])]
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ertheory.builders.result import Embedding
from ertheory.errors import ConstructionFailed, InvalidInput
from ertheory.networks.activations import activation

__all__ = ["RationalRow", "exact_combination", "rational_rows"]


class RationalRow(NamedTuple):
    """The weights of one neuron of source layer 1 with which it is a copy of its target neuron exactly.

    Parameters
    ----------
    neuron
        Its number.
    weights
        By neuron of layer 0; all of them lie on the mask.
    bias
        Its bias.
    """

    neuron: int
    weights: dict[int, Fraction]
    bias: Fraction


def rational_rows(embedding: Embedding) -> tuple[RationalRow, ...]:
    """Solve for the weights of layer 1 in rational numbers, and check that they are right.

    Parameters
    ----------
    embedding
        With a coded layer 0. The numbers grow with the inputs: good for some dozens of them.

    Raises
    ------
    InvalidInput
        If layer 0 is not coded.
    ConstructionFailed
        If some neuron has no exact weights with this layer 0, as where it was layer 0 that was solved for.
    """
    if embedding.layer0 != "coded":
        raise InvalidInput("embedding", "one with a coded layer 0", embedding.layer0)
    if embedding.target.affine[0].kernel:
        raise InvalidInput("embedding", "one of a fully connected target", "a convolution")
    piece = activation(embedding.source.activation).piece
    assert piece is not None
    target, bottom = embedding.target.affine[0], embedding.source.affine[0]
    rows = [[piece.slope * Fraction(value) for value in row] for row in bottom.weight.toarray().tolist()]
    constants = [piece.slope * bias + piece.offset for bias in bottom.exact_bias]
    goals = [[Fraction(value) for value in row] for row in target.weight.toarray().tolist()]
    found = []
    for neuron in np.flatnonzero(embedding.owners[1] >= 0).tolist():
        kind = int(embedding.owners[1][neuron])
        units = [
            unit for unit in embedding.masks[1].rows(neuron, neuron + 1)[1].tolist() if embedding.owners[0][unit] >= 0
        ]
        solution = exact_combination([rows[unit] for unit in units], goals[kind])
        if solution is None:
            msg = f"neuron {neuron} of source layer 1 has no exact weights with this layer 0"
            raise ConstructionFailed(msg)
        weights = {unit: value for unit, value in zip(units, solution, strict=True) if value}
        shift = sum((value * constants[unit] for unit, value in weights.items()), start=Fraction(0))
        found.append(RationalRow(neuron, weights, target.exact_bias[kind] - shift))
    return tuple(found)


def exact_combination(rows: list[list[Fraction]], wanted: list[Fraction]) -> list[Fraction] | None:
    """Solve a B = w exactly, with as many zeros in a as the rank of B allows; nothing if there is no solution.

    Parameters
    ----------
    rows
        B, a list for each row.
    wanted
        w.

    Examples
    --------
    >>> one, two = Fraction(1), Fraction(2)
    >>> exact_combination([[one, one], [one, two], [two, two]], [one, Fraction(0)])
    [Fraction(2, 1), Fraction(-1, 1), Fraction(0, 1)]
    >>> exact_combination([[one, one]], [one, two]) is None
    True
    """
    from sympy import QQ
    from sympy.polys.matrices import DomainMatrix

    if not rows or not wanted:
        return None if any(wanted) else [Fraction(0)] * len(rows)
    columns = [[QQ(row[at].numerator, row[at].denominator) for row in rows] for at in range(len(wanted))]
    system = [[*row, QQ(goal.numerator, goal.denominator)] for row, goal in zip(columns, wanted, strict=True)]
    reduced, pivots = DomainMatrix(system, (len(wanted), len(rows) + 1), QQ).rref()
    if len(rows) in pivots:
        return None
    solution = [Fraction(0)] * len(rows)
    for place, column in enumerate(pivots):
        value = reduced[place, len(rows)].element
        solution[column] = Fraction(int(value.numerator), int(value.denominator))
    for at, goal in enumerate(wanted):
        if sum((value * row[at] for value, row in zip(solution, rows, strict=True)), start=Fraction(0)) != goal:
            msg = "the solution that was computed does not solve its equations"
            raise AssertionError(msg)
    return solution
