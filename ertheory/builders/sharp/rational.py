"""An exact certificate of a coded layer 0: weights of layer 1, or of layer 0, as rational numbers.

The source holds doubles, which solve A B = W up to rounding. With the layer 0 that it has there are rational weights of
layer 1 on the same mask that solve it exactly, unless the doubles of B are too few; so the mask contains the target
itself. Where layer 1 was drawn and layer 0 solved for, with or without weights that copies share, it is the other way
round: with the layer 1 that it has there are rational weights of layer 0.

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
from ertheory.networks.activations import Piece, activation

__all__ = ["RationalLayer0", "RationalRow", "exact_combination", "rational_layer0", "rational_rows"]


class RationalRow(NamedTuple):
    """The weights of one neuron of source layer 1 with which it is a copy of its target neuron exactly; so of layer 0.

    Parameters
    ----------
    neuron
        Its number.
    weights
        The weights by neuron of layer 0, or by input; all of them lie on the mask.
    bias
        Its bias.
    """

    neuron: int
    weights: dict[int, Fraction]
    bias: Fraction


class RationalLayer0(NamedTuple):
    """A layer 0 with which all copies in source layer 1 are their target neurons exactly.

    Parameters
    ----------
    rows
        The weights of the neurons of layer 0 that are used, by input, and biases with which the activation is affine on
        the whole box.
    biases
        The biases of the used neurons of layer 1, whose weights stay what they are.
    """

    rows: tuple[RationalRow, ...]
    biases: dict[int, Fraction]


def rational_rows(embedding: Embedding) -> tuple[RationalRow, ...]:
    """Solve for the weights of layer 1 in rational numbers, and check that they are right.

    Parameters
    ----------
    embedding
        An embedding with a coded layer 0. The numbers grow with the inputs: good for some dozens of them.

    Raises
    ------
    InvalidInput
        If layer 0 is not coded.
    ConstructionFailed
        If some neuron has no exact weights with this layer 0, as where it was layer 0 that was solved for.
    """
    piece = _piece(embedding)
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


def rational_layer0(embedding: Embedding) -> RationalLayer0:
    """Solve for the weights of layer 0 in rational numbers, and check that they are right.

    Parameters
    ----------
    embedding
        An embedding with a coded layer 0. The numbers grow with the used neurons of layer 1, copies that share their
        weights counted once: good for some dozens of them.

    Raises
    ------
    InvalidInput
        If layer 0 is not coded.
    ConstructionFailed
        If some input has no exact weights with this layer 1, as where it was layer 1 that was solved for.
    """
    piece = _piece(embedding)
    assert embedding.target.domain is not None
    target, top = embedding.target.affine[0], embedding.source.affine[1]
    neurons = np.flatnonzero(embedding.owners[1] >= 0).tolist()
    kinds = [int(embedding.owners[1][neuron]) for neuron in neurons]
    above = [[piece.slope * Fraction(value) for value in row] for row in top.weight[neurons].toarray().tolist()]
    wanted = [[Fraction(value) for value in row] for row in target.weight.toarray().tolist()]
    # Copies that share their weights have the same equation.
    apart = list({(kind, *row): place for place, (kind, row) in enumerate(zip(kinds, above, strict=True))}.values())
    used = [unit for unit in np.flatnonzero(embedding.owners[0] >= 0).tolist() if any(row[unit] for row in above)]
    readers = embedding.masks[0].rows(0, embedding.masks[0].shape[0])
    reads = [set(readers[1][readers[0][unit] : readers[0][unit + 1]].tolist()) for unit in used]
    below: dict[int, dict[int, Fraction]] = {unit: {} for unit in used}
    for place in range(target.inputs):
        units = [unit for unit, seen in zip(used, reads, strict=True) if place in seen]
        columns = [[above[row][unit] for row in apart] for unit in units]
        solution = exact_combination(columns, [wanted[kinds[row]][place] for row in apart])
        if solution is None:
            msg = f"input {place} has no exact weights with this layer 1"
            raise ConstructionFailed(msg)
        for unit, value in zip(units, solution, strict=True):
            if value:
                below[unit][place] = value
    box = [(Fraction(low), Fraction(high)) for low, high in embedding.target.domain.tolist()]
    given = embedding.source.affine[0].exact_bias
    rows = tuple(RationalRow(unit, below[unit], _bias_into(piece, below[unit], box, given[unit])) for unit in used)
    biases = {}
    for neuron, kind, row in zip(neurons, kinds, above, strict=True):
        shift = sum((row[unit.neuron] * unit.bias for unit in rows), start=Fraction(0))
        fixed = sum((row[unit.neuron] / piece.slope * piece.offset for unit in rows), start=Fraction(0))
        biases[neuron] = target.exact_bias[kind] - shift - fixed
    return RationalLayer0(rows, biases)


def _piece(embedding: Embedding) -> Piece:
    if embedding.layer0 != "coded":
        raise InvalidInput("embedding", "one with a coded layer 0", embedding.layer0)
    if embedding.target.affine[0].kernel:
        raise InvalidInput("embedding", "one of a fully connected target", "a convolution")
    piece = activation(embedding.source.activation).piece
    assert piece is not None
    return piece


def _bias_into(
    piece: Piece, weights: dict[int, Fraction], box: list[tuple[Fraction, Fraction]], given: Fraction
) -> Fraction:
    """Give a bias with which the neuron stays where the activation is affine: the one that it has, if that is one."""
    ends = [sorted((value * box[place][0], value * box[place][1])) for place, value in weights.items()]
    low, high = (sum((end[side] for end in ends), start=Fraction(0)) for side in (0, 1))
    least = None if piece.low is None else piece.low - low
    most = None if piece.high is None else piece.high - high
    if least is not None and most is not None and least > most:
        msg = "a neuron of layer 0 with these weights leaves the interval on which the activation is affine"
        raise ConstructionFailed(msg)
    if least is not None and given < least:
        return least
    return most if most is not None and given > most else given


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
