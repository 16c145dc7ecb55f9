"""A coded layer 0 with rational weights: whether a source with them is the target exactly.

The doubles of a coded layer solve A B = W up to rounding. Where rational weights of one of the two layers are given,
this looks at them by itself: they lie on the mask, every neuron of layer 0 stays where its activation is affine on the
whole box, every neuron of layer 1 that is read then has the weights and the bias of a neuron of the target, and so have
those of all further layers, where equal ones below count as one. All of it is done in rational numbers.

>>> import numpy as np
>>> from ertheory.masks import read_mask
>>> from ertheory.networks.network import Activation
>>> target = Network((Affine.from_dense([[3.0]]),), np.array([[0.0, 1.0]]))
>>> source = Network((Affine.from_dense([[3.0]]), Activation("relu"), Affine.from_dense([[1.0]])), target.domain)
>>> masks = read_mask([[1]]), read_mask([[1]])
>>> third = {0: ({0: Fraction(1, 3)}, Fraction(0))}
>>> differs_exactly(target, source, masks, (third, {0: ({0: Fraction(9)}, Fraction(0))}))
''
>>> differs_exactly(target, source, masks, (third, None))
'output 0 is another one'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from ertheory.masks import Mask
from ertheory.networks.activations import Piece, activation
from ertheory.networks.network import Affine, Network

__all__ = ["ExactRows", "differs_exactly"]

Weights: TypeAlias = Mapping[int, Fraction]
ExactRows: TypeAlias = Mapping[int, tuple[Weights, Fraction]]
Form: TypeAlias = tuple[frozenset[tuple[int, Fraction]], Fraction]


def differs_exactly(
    target: Network, source: Network, masks: Sequence[Mask], rows: tuple[ExactRows | None, ExactRows | None]
) -> str:
    """Say what stands in the way of a source being its target exactly; an empty string if nothing does.

    Parameters
    ----------
    target, source
        Chains of fully connected layers with one kind of activation, the source with a box and one layer more.
    masks
        They are those of source layers 0 and 1 at least.
    rows
        The weights of source layers 0 and 1, and the bias of each neuron that is used; ``None`` stands for those that
        the source has.
    """
    known = activation(source.activation)
    if known.piece is None or source.domain is None:
        return "layer 0 is not affine on a box"
    if len(target.affine) > 1 and source.activation != target.activation:
        return "the activations differ"
    steps = source.affine
    if len(steps) != len(target.affine) + 1 or not (source.is_chain and target.is_chain):
        return "source and target are no chains, or not of the depths that fit"
    lower, upper = (given or _rows(step) for given, step in zip(rows, steps, strict=False))
    for layer, exact in enumerate((lower, upper)):
        for neuron, (weights, _) in exact.items():
            if set(weights) - set(masks[layer].rows(neuron, neuron + 1)[1].tolist()):
                return f"neuron {neuron} of layer {layer} has a weight outside of the mask"
    box = [(Fraction(low), Fraction(high)) for low, high in source.domain.tolist()]
    read = {unit for weights, _ in upper.values() for unit, value in weights.items() if value}
    for neuron, (weights, bias) in lower.items():
        if neuron in read and not _inside(known.piece, weights, bias, box):
            return f"neuron {neuron} of layer 0 leaves the interval on which its activation is affine"
    below: dict[int, int] = {}  # the first of the equal target neurons of which a neuron of the source is a copy
    names: dict[int, int] = {}  # and of which a neuron of the target is one
    found: dict[int, Form | None]
    wanted: dict[int, Form | None]
    for layer, step in enumerate(steps[1:], start=1):
        if layer == 1:
            found = {row: _through(weights, bias, lower, known.piece) for row, (weights, bias) in upper.items()}
            wanted = {row: _form(*one) for row, one in _rows(target.affine[0]).items()}
        else:
            found = {row: _merged(weights, bias, below) for row, (weights, bias) in _rows(step).items()}
            wanted = {row: _merged(*one, names) for row, one in _rows(target.affine[layer - 1]).items()}
        first = {form: row for row, form in reversed(wanted.items()) if form is not None}
        names = {row: first[form] for row, form in wanted.items() if form is not None}
        if layer == len(steps) - 1:
            wrong = [row for row, form in wanted.items() if form is None or found.get(row) != form]
            return f"output {wrong[0]} is another one" if wrong else ""
        below = {row: first[form] for row, form in found.items() if form is not None and form in first}
    return ""


def _rows(step: Affine) -> dict[int, tuple[Weights, Fraction]]:
    """Read the weights of a layer other than 0, and its biases, row by row."""
    starts, columns, values = step.weight.indptr.tolist(), step.weight.indices.tolist(), step.weight.data.tolist()
    found: dict[int, tuple[Weights, Fraction]] = {}
    for row, bias in enumerate(step.exact_bias):
        places = range(starts[row], starts[row + 1])
        weights: dict[int, Fraction] = {}
        for place in places:
            weights[columns[place]] = weights.get(columns[place], Fraction(0)) + Fraction(values[place])
        found[row] = {column: value for column, value in weights.items() if value}, bias
    return found


def _inside(piece: Piece, weights: Weights, bias: Fraction, box: list[tuple[Fraction, Fraction]]) -> bool:
    ends = [(value * box[place][0], value * box[place][1]) for place, value in weights.items()]
    low = bias + sum((min(pair) for pair in ends), start=Fraction(0))
    high = bias + sum((max(pair) for pair in ends), start=Fraction(0))
    return (piece.low is None or low >= piece.low) and (piece.high is None or high <= piece.high)


def _form(weights: Weights, bias: Fraction) -> Form:
    return frozenset((place, value) for place, value in weights.items() if value), bias


def _through(weights: Weights, bias: Fraction, lower: ExactRows, piece: Piece) -> Form | None:
    """Put a neuron of layer 1 as an affine form of the inputs; nothing where it reads a neuron that has no weights."""
    total: dict[int, Fraction] = {}
    for unit, value in weights.items():
        if unit not in lower:
            return None
        inner, constant = lower[unit]
        bias += value * (piece.slope * constant + piece.offset)
        for place, factor in inner.items():
            total[place] = total.get(place, Fraction(0)) + value * piece.slope * factor
    return _form(total, bias)


def _merged(weights: Weights, bias: Fraction, below: Mapping[int, int]) -> Form | None:
    """Add up the weights of neurons below that are equal; nothing where one of them is not known."""
    total: dict[int, Fraction] = {}
    for unit, value in weights.items():
        if unit not in below:
            return None
        total[below[unit]] = total.get(below[unit], Fraction(0)) + value
    return _form(total, bias)
