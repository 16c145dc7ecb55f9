"""What the neurons of source layer 0 are as functions of the inputs.

On the box, a neuron phi(z), z = w x + b, whose argument stays in an affine piece of phi is slope z + offset. If
phi(z) - phi(-z) = k z, it is (k - slope) z + offset where -z stays in the piece, and k z / 2 + e(z) elsewhere: then e
is even, so that neurons z and -z share e, and it cancels in their difference. A neuron without weights is a constant.

>>> import numpy as np
>>> from ertheory.networks.activations import activation
>>> pair = expand(Affine.from_dense([[2.0], [-2.0]]), activation("relu"), None)
>>> pair.forms.near.toarray().tolist()
[[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]]
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.forms import Forms, add_up, biases, nearest
from ertheory.check.geometry import entries
from ertheory.check.upwards import above, products, upper
from ertheory.networks.activations import ActivationFunction, Piece
from ertheory.networks.network import Affine

__all__ = ["Expansion", "at_zero", "constant", "expand", "keeps_positions"]

Array: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Expansion:
    """The neurons of layer 0 in terms of the inputs.

    Parameters
    ----------
    forms
        Forms over the d inputs and the even parts behind them.
    error
        A bound on the modulus of what is missing in the form, 0 unless phi is nowhere affine; shape (neurons,).
    unknown
        The neurons of which nothing is known, shape (neurons,).
    even
        A bound on the modulus of each even part on the box.
    """

    forms: Forms
    error: Array
    unknown: Flags
    even: Array


def expand(step: Affine, function: ActivationFunction, box: Array | None) -> Expansion:
    """Write the neurons of layer 0 as affine forms.

    Parameters
    ----------
    step
        The affine step of layer 0. Of a convolution, neurons that read other taps than the centre stay unknown.
    function
        The activation behind it.
    box
        It is that of the inputs, shape (d, 2); ``None`` for all of R^d.
    """
    found = entries(step)
    weighted = np.bincount(found.rows, minlength=step.outputs) > 0
    unknown = np.zeros(step.outputs, dtype=np.bool_)
    unknown[found.rows[found.taps != step.taps // 2]] = True
    low, high = _range(step, box, -1), _range(step, box, 1)
    with np.errstate(over="ignore"):
        size = np.maximum(_size(low), _size(high)) if box is not None else np.full(step.outputs, np.inf)
    on_piece = weighted & ~unknown & _in_piece(function.piece, low, high)
    other = weighted & ~unknown & ~on_piece
    kinds: list[tuple[Flags, Fraction, Fraction]] = []  # which neurons are how many times z plus how much
    even, sizes = np.full(step.outputs, -1), np.empty(0)
    error = np.zeros(step.outputs)
    if function.piece is not None:
        kinds.append((on_piece, function.piece.slope, function.piece.offset))
    if function.pair is not None:
        if function.piece is not None:
            mirrored = other & _in_piece(_mirrored(function.piece), low, high)
            kinds.append((mirrored, function.pair - function.piece.slope, function.piece.offset))
            other &= ~mirrored
        kinds.append((other, function.pair / 2, Fraction(0)))
        even, sizes = _even_parts(step, other, size)
        # |phi(z) - k z / 2| <= |phi(0)| + (Lipschitz constant + |k| / 2) |z|.
        sizes = upper(at_zero(function) + products(above(function.lipschitz + abs(function.pair) / 2), sizes), 4)
    elif function.linearisation is not None and box is not None:
        line = function.linearisation
        kinds.append((other, line.slope, line.value))
        power = size[other]
        for _ in range(line.order - 1):
            power = products(power, size[other])
        error[other] = upper(products(above(line.coefficient), power), 8 + 2 * line.order)
    else:
        unknown |= other
    constants = {row: constant(function, value) for row, value in _constants(step, ~weighted & ~unknown).items()}
    unknown[[row for row, value in constants.items() if value is None]] = True
    known = {row: value for row, value in constants.items() if value}
    return Expansion(forms=_add(step, kinds, even, len(sizes), known), error=error, unknown=unknown, even=sizes)


def constant(function: ActivationFunction, value: Fraction) -> Fraction | None:
    """Give phi(value) where it is a rational number that is known, ``None`` elsewhere."""
    if function.exact is not None:
        return function.exact(value)
    piece = function.piece
    if (
        piece is None
        or (piece.low is not None and value < piece.low)
        or (piece.high is not None and value > piece.high)
    ):
        return None
    return piece.slope * value + piece.offset


def keeps_positions(step: Affine) -> bool:
    """Say whether the centre tap of a step reads at every position just that position, and no other is lost."""
    axes = zip(step.kernel, step.stride, step.padding, step.dilation, strict=True)
    return all(size % 2 and stride == 1 and 2 * pad == gap * (size - 1) for size, stride, pad, gap in axes)


def at_zero(function: ActivationFunction) -> float:
    """Bound |phi(0)| from above; elementary functions are taken to be right up to a relative 2^-40."""
    value = abs(float(function.function(np.zeros(1))[0]))
    return value * (1 + 2.0**-40)


def _range(step: Affine, box: Array | None, sign: int) -> Forms | None:
    """Give the least (sign -1) or the largest (sign 1) w x + b over the box, exactly, as one column."""
    if box is None:
        return None
    found = entries(step)
    rows, bias, odd = biases(step)
    ends = np.where(found.values * sign > 0, box[found.channels, 1], box[found.channels, 0])
    return add_up(
        (step.outputs, 1),
        np.concatenate([found.rows, rows]),
        np.zeros(len(found.rows) + len(rows), dtype=np.int64),
        np.concatenate([found.values, bias]),
        np.concatenate([ends, np.ones(len(bias))]),
        {len(found.rows) + place: value for place, value in odd.items()},
    )


def _size(column: Forms | None) -> Array:
    """Give upper bounds on the moduli of one column."""
    assert column is not None
    size: Array = np.abs(column.near.toarray()[:, 0])
    return upper(size, 1)


def _mirrored(piece: Piece) -> Piece:
    low, high = (None if end is None else -end for end in (piece.high, piece.low))
    return Piece(low, high)


def _in_piece(piece: Piece | None, low: Forms | None, high: Forms | None) -> Flags | bool:
    if piece is None:
        return False
    if low is None or high is None:
        return piece.low is None and piece.high is None
    return _reaches(low, piece.low, 1) & _reaches(high, piece.high, -1)


def _reaches(column: Forms, bound: Fraction | None, sign: int) -> Flags | bool:
    """Say where sign (value - bound) >= 0. Rounding is monotone, so only where the doubles tie is there a question."""
    if bound is None:
        return True
    near, edge = column.near.toarray()[:, 0], nearest(bound)
    above: Flags = (near - edge) * sign > 0 if np.isfinite(edge) else np.zeros(len(near), dtype=np.bool_)
    for row in np.flatnonzero(near == edge).tolist():
        value = column.fractions.get((row, 0), Fraction(near[row].item()))
        above[row] = (value - bound) * sign >= 0
    return above


def _even_parts(step: Affine, rows: Flags, size: Array) -> tuple[Integers, Array]:
    """Give each neuron the number of its even part: one for all arguments that are equal up to the sign."""
    number: dict[object, int] = {}
    part = np.full(step.outputs, -1)
    sizes: list[float] = []
    weight, exact = step.weight, step.bias_exact
    for row in np.flatnonzero(rows).tolist():
        cut = slice(int(weight.indptr[row]), int(weight.indptr[row + 1]))
        data, bias = weight.data[cut], Fraction(step.bias[row].item()) if exact is None else exact[row]
        sign = 1 if data[0] > 0 else -1
        group = row // (step.outputs // step.groups)
        key = (group, weight.indices[cut].tobytes(), (data * sign).tobytes(), bias * sign)
        part[row] = number.setdefault(key, len(number))
        if part[row] == len(sizes):
            sizes.append(size[row])
    return part, np.array(sizes)


def _constants(step: Affine, rows: Flags) -> dict[int, Fraction]:
    values = dict.fromkeys(np.flatnonzero(rows).tolist(), Fraction(0))
    number, bias, odd = biases(step)
    for place, (row, value) in enumerate(zip(number.tolist(), bias.tolist(), strict=True)):
        if row in values:
            values[row] = odd.get(place, Fraction(value))
    return values


def _add(
    step: Affine, kinds: list[tuple[Flags, Fraction, Fraction]], even: Integers, parts: int, known: dict[int, Fraction]
) -> Forms:
    """Put slope (w x + b) + offset, the even parts and the constants together."""
    found, last = entries(step), step.inputs + parts
    number, bias, odd = biases(step)
    rows: list[Integers] = []
    columns: list[Integers] = []
    terms: list[tuple[Array, Array]] = []
    special: dict[int, Fraction] = {}
    length = 0

    def put(row: Integers, column: Integers, x: Array, y: Array, values: dict[int, Fraction]) -> None:
        nonlocal length
        rows.append(row)
        columns.append(column)
        terms.append((x, y))
        special.update({length + place: value for place, value in values.items()})
        length += len(row)

    for flags, slope, offset in kinds:
        factor = nearest(slope)
        used, biased = flags[found.rows], np.flatnonzero(flags[number])
        weights = found.values[used]
        odd_here = {new: odd[old] * slope for new, old in enumerate(biased.tolist()) if old in odd}
        odd_weights: dict[int, Fraction] = {}
        if factor != slope:
            odd_weights = {place: Fraction(value) * slope for place, value in enumerate(weights.tolist())}
            odd_here = {
                new: odd.get(old, Fraction(bias[old].item())) * slope for new, old in enumerate(biased.tolist())
            }
        put(found.rows[used], found.channels[used], weights, np.full(len(weights), factor), odd_weights)
        put(number[biased], np.full(len(biased), last), bias[biased], np.full(len(biased), factor), odd_here)
        if offset:
            here = np.flatnonzero(flags)
            extra = dict.fromkeys(range(len(here)), offset) if nearest(offset) != offset else {}
            put(here, np.full(len(here), last), np.full(len(here), nearest(offset)), np.ones(len(here)), extra)
    here = np.flatnonzero(even >= 0)
    put(here, step.inputs + even[here], np.ones(len(here)), np.ones(len(here)), {})
    fixed = np.fromiter(known, np.int64, len(known))
    put(fixed, np.full(len(fixed), last), np.zeros(len(fixed)), np.ones(len(fixed)), dict(enumerate(known.values())))
    x, y = (np.concatenate(part) for part in zip(*terms, strict=True))
    return add_up((step.outputs, last + 1), np.concatenate(rows), np.concatenate(columns), x, y, special)
