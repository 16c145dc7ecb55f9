"""How far a pruned network is off a target, in rational arithmetic: no rounding at all.

Every neuron of the ticket is read as s x_k + e: a copy of target neuron k, s > 0 times as large, with an error e in an
interval for all x of the box. Which k and s is guessed from its weights in floating point; every guess gives a valid
bound, and a wrong one a useless bound. Neurons that read nothing are constants, and those of layer 0 read one input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.networks.network import Affine, Network

__all__ = ["Unproved", "largest_error"]

Span: TypeAlias = tuple[Fraction, Fraction]
Row: TypeAlias = list[Fraction]

_0 = Fraction(0)
_NOTHING: Span = _0, _0


class Unproved(Exception):
    """The network is not read as a pruned copy of the target; the message says where."""


@dataclass(frozen=True)
class _Neuron:
    """s x_k + e, or e alone where there is no k."""

    unit: int | None
    scale: Fraction
    error: Span


def largest_error(target: Network, ticket: Network) -> Fraction:
    """Bound the difference of outputs on the box of the ticket.

    Parameters
    ----------
    target, ticket
        Chains of fully connected layers with ReLU in between, the ticket with one layer more.

    Raises
    ------
    Unproved
        If a neuron that is read cannot be read as a copy of anything.

    Examples
    --------
    >>> from ertheory.networks.network import Activation
    >>> relu, box = Activation("relu"), np.array([[0.0, 2.0]])
    >>> target = Network((Affine.from_dense([[0.5]]),))
    >>> largest_error(target, Network((Affine.from_dense([[0.75]]), relu, Affine.from_dense([[0.75]])), box))
    Fraction(1, 8)
    """
    assert ticket.domain is not None
    domain = [(Fraction(low), Fraction(high)) for low, high in ticket.domain.tolist()]
    first, *layers = ticket.affine
    # Units of layer 0: relu(x_1), .., relu(x_d), relu(-x_1), .., relu(-x_d).
    boxes = [(max(low, _0), max(high, _0)) for low, high in domain]
    boxes += [(max(-high, _0), max(-low, _0)) for low, high in domain]
    neurons = [_input(first, row, bias, ticket.inputs) for row, bias in enumerate(first.exact_bias)]
    inputs, alike = ticket.inputs, [(unit, Fraction(1)) for unit in range(len(boxes))]
    for number, (source, wanted) in enumerate(zip(layers, target.affine, strict=True), start=1):
        last = number == len(layers)
        targets = [_folded(row, alike) for row in _coefficients(wanted, inputs)]
        biases = wanted.exact_bias
        alike = _multiples([[*row, bias] for row, bias in zip(targets, biases, strict=True)])
        sums = [_added(_range(row, boxes, inputs), (bias, bias)) for row, bias in zip(targets, biases, strict=True)]
        shapes = np.array([_shape(row, bias, boxes) for row, bias in zip(targets, biases, strict=True)])
        used = np.ones(source.outputs, dtype=bool) if last else np.diff(layers[number].weight.tocsc().indptr) > 0
        made: list[_Neuron | None] = []
        for row, own in enumerate(source.exact_bias):
            if not used[row]:
                made.append(None)
                continue
            found, offset = _gathered(source, row, own, neurons, len(boxes), number)
            if not last and not any(found) and offset[0] == offset[1]:
                value = max(offset[0], _0)
                made.append(_Neuron(None, _0, (value, value)))
                continue
            middle = (offset[0] + offset[1]) / 2
            unit, scale = (row, Fraction(1)) if last else _guess(_shape(found, middle, boxes), shapes)
            rest = [a - scale * b for a, b in zip(found, targets[unit], strict=True)]
            shift = scale * biases[unit]
            error = _added(_range(rest, boxes, inputs), (offset[0] - shift, offset[1] - shift))
            low, high = sums[unit]
            relu = error if last else _relu(error, (scale * low, scale * high))
            made.append(_Neuron(alike[unit][0], scale * alike[unit][1], relu))
        neurons = made
        boxes, inputs = [(max(low, _0), max(high, _0)) for low, high in sums], 0
    return max(max(-neuron.error[0], neuron.error[1]) for neuron in neurons if neuron is not None)


def _input(step: Affine, row: int, bias: Fraction, inputs: int) -> _Neuron | None:
    """Read a neuron of layer 0; None if it is neither a constant nor a part of one input."""
    weight = step.weight
    columns = weight.indices[weight.indptr[row] : weight.indptr[row + 1]].tolist()
    if not columns:
        value = max(bias, _0)
        return _Neuron(None, _0, (value, value))
    if len(columns) > 1 or bias:
        return None
    value = Fraction(float(weight.data[weight.indptr[row]]))
    return _Neuron(columns[0] + (inputs if value < 0 else 0), abs(value), _NOTHING)


def _coefficients(step: Affine, inputs: int) -> list[Row]:
    """Give the coefficients of the units in a target layer."""
    rows = [[Fraction(value) for value in row] for row in step.weight.toarray().tolist()]
    return [[*row, *(-value for value in row)] for row in rows] if inputs else rows


def _multiples(rows: Sequence[Row]) -> list[tuple[int, Fraction]]:
    """Say of every target neuron of which first one it is a positive multiple: copies of both look alike."""
    found: dict[tuple[Fraction, ...], tuple[int, Fraction]] = {}
    answers = []
    for place, row in enumerate(rows):
        size = max(map(abs, row)) or Fraction(1)
        first, first_size = found.setdefault(tuple(value / size for value in row), (place, size))
        answers.append((first, size / first_size))
    return answers


def _folded(row: Row, alike: Sequence[tuple[int, Fraction]]) -> Row:
    """Put the coefficients of units that are multiples of each other on the first of them."""
    result = [_0] * len(row)
    for value, (first, factor) in zip(row, alike, strict=True):
        result[first] += value * factor
    return result


def _gathered(
    source: Affine, row: int, bias: Fraction, neurons: Sequence[_Neuron | None], units: int, layer: int
) -> tuple[Row, Span]:
    """Add up what a row reads: the coefficient of every unit, and an interval for all that is none."""
    found = [_0] * units
    low = high = bias
    start, stop = source.weight.indptr[row : row + 2].tolist()
    places = zip(source.weight.indices[start:stop].tolist(), source.weight.data[start:stop].tolist(), strict=True)
    for column, value in places:
        neuron = neurons[column]
        if neuron is None:
            msg = f"neuron {column} of source layer {layer - 1} is neither a constant nor a part of one input"
            raise Unproved(msg)
        weight = Fraction(value)
        if neuron.unit is not None:
            found[neuron.unit] += weight * neuron.scale
        ends = weight * neuron.error[0], weight * neuron.error[1]
        low, high = low + min(ends), high + max(ends)
    return found, (low, high)


def _shape(row: Sequence[Fraction], bias: Fraction, boxes: Sequence[Span]) -> npt.NDArray[np.float64]:
    """Describe a sum of units by its value in the middle of the box and by how far each unit moves it, about."""
    ends = np.array([[float(low), float(high)] for low, high in boxes])
    numbers = np.array([float(value) for value in row])
    return np.append(numbers * (ends[:, 1] - ends[:, 0]) / 2, numbers @ ends.mean(axis=1) + float(bias))


def _guess(row: npt.NDArray[np.float64], targets: npt.NDArray[np.float64]) -> tuple[int, Fraction]:
    """Guess of which target neuron a sum is a copy, and how large: a power of two, which is what scaling does.

    The guess is the one that leaves the least error.
    """
    norms = (targets**2).sum(axis=1)
    ratios = np.divide(targets @ row, norms, out=np.ones(len(targets)), where=norms > 0)
    scales = np.exp2(np.round(np.log2(ratios, out=np.zeros(len(targets)), where=ratios > 0)))
    best = int(np.abs(row - scales[:, None] * targets).sum(axis=1).argmin())
    return best, Fraction(float(scales[best]))


def _range(row: Sequence[Fraction], boxes: Sequence[Span], inputs: int) -> Span:
    """Give the interval of a sum of units, all of which are at least 0, with exact coefficients."""
    spans = [
        (value * low, value * high) if value >= 0 else (value * high, value * low)
        for value, (low, high) in zip(row, boxes, strict=True)
    ]
    if inputs:  # relu(x) and relu(-x) are never positive at once
        spans = [
            (min(plus[0], minus[0]), max(plus[1], minus[1])) if above[1] and below[1] else _added(plus, minus)
            for plus, minus, above, below in zip(spans, spans[inputs:], boxes, boxes[inputs:], strict=False)
        ]
    return sum((low for low, _ in spans), _0), sum((high for _, high in spans), _0)


def _added(first: Span, second: Span) -> Span:
    return first[0] + second[0], first[1] + second[1]


def _relu(error: Span, sums: Span) -> Span:
    """Give the interval of relu(t + e) - relu(t): it grows with e, and with t where e > 0, and falls where e < 0."""
    return _moved(error[0], sums[0 if error[0] > 0 else 1]), _moved(error[1], sums[1 if error[1] > 0 else 0])


def _moved(error: Fraction, value: Fraction) -> Fraction:
    return max(value + error, _0) - max(value, _0)
