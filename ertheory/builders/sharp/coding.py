"""How layer 0 hands the inputs on through an activation, and what layer 1 does with them.

Layer 0 consists of copies of a few units; a unit u is phi(s_u x_i + c_u) for one input i, or a constant. The first
layer of the target is rewritten in these units, and becomes the first layer that the source has to realise:

- shift: on the box a_i <= x_i <= b_i the argument stays where phi is affine, so the unit is an affine function of x_i.
  What that adds to layer 1 is put right in its biases.
- constant: the same, but the correction is a weight on a unit that is constant. Zero padding supplies 0 for a unit as
  well, so at the border exactly the taps inside are corrected. A bias would correct the others too.
- pairs: phi(x_i) and phi(-x_i) with weights w and -w. Right for all real inputs, and nothing is to be corrected.
- approximate: phi(e x_i) for a small e, where phi is differentiable. Never exact.

Where layer 0 is coded every neuron of it is a unit of its own, which carries a linear combination of the inputs; see
`ertheory.builders.sharp.combined`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.activations import ActivationFunction, Piece, activation
from ertheory.networks.network import Affine

__all__ = ["FORMS", "Coding", "Form", "code_inputs", "combinations", "finite", "into_piece"]

Array: TypeAlias = npt.NDArray[np.float64]
Form: TypeAlias = Literal["shift", "constant", "pairs", "approximate"]

FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True, eq=False, kw_only=True)
class Coding:
    """The units of layer 0, and the first target layer written in them.

    Parameters
    ----------
    form
        One of `FORMS`, or ``combinations``.
    inputs
        Which input each unit reads, -1 for a constant or a combination; shape (units,).
    weights, biases
        s_u and c_u, shape (units,).
    first
        The first layer of the target as a function of the units; its exact biases are those of the target less what
        the units add.
    error
        A bound for each neuron of `first` on how far its preactivation is from the target's on the box: 0 where exact,
        else what the approximate form and the rounding of weights to doubles cost. ``None`` where a weight had to be
        rounded and inputs are unbounded.
    """

    form: Form | Literal["combinations"]
    inputs: npt.NDArray[np.int64]
    weights: Array
    biases: Array
    first: Affine
    error: tuple[Fraction, ...] | None

    @property
    def units(self) -> int:
        """How many different neurons layer 0 has."""
        return len(self.inputs)


@dataclass(frozen=True)
class _Unit:
    """phi(weight x_input + bias) = slope (x_input + e) + offset, where |e| <= error; a constant has no input."""

    input: int
    weight: float
    bias: float
    slope: Fraction
    offset: Fraction
    error: Fraction = Fraction(0)


def code_inputs(
    first: Affine,
    domain: Array | None,
    *,
    name: str = "relu",
    form: Form | None = None,
    scale: Fraction | None = None,
) -> Coding:
    """Choose the units of layer 0 and rewrite the first layer of the target in them.

    Parameters
    ----------
    first
        The first layer of the target.
    domain
        Box of the inputs, shape (inputs, 2), or ``None`` for all of R^d.
    name
        The activation behind layer 0.
    form
        One of `FORMS`. If left out: ``pairs`` without a box or where the activation is nowhere affine, ``constant``
        where a shift would be wrong at a zero-padded border, else ``shift``; ``approximate`` only if asked for.
    scale
        e for ``approximate``, a power of two; 2^-10 if left out.

    Raises
    ------
    TheoremNotApplicable
        If the activation, the padding or the missing box rules the form out.
    InvalidInput
        If there is no such form.
    """
    function = activation(name)
    if form is None:
        form = _best_form(first, domain, function)
    if form not in FORMS:
        raise InvalidInput("form", f"one of {', '.join(FORMS)}", form)
    if form == "pairs":
        return _rewritten(form, first, _pairs(first.inputs, function), domain)
    if domain is None:
        raise TheoremNotApplicable(f"layer 0 in the form {form} needs bounded inputs: state a box, or use pairs")
    if form == "approximate":
        small = _small(domain, function, Fraction(1, 1024) if scale is None else scale)
        if any(first.padding) and any(unit.offset for unit in small):
            msg = f"layer 0 in the form approximate is wrong at a zero-padded border, since {name} is not 0 at 0"
            raise TheoremNotApplicable(msg)
        return _rewritten(form, first, small, domain)
    units = _shifted(domain, function)
    wrong_at_border = any(first.padding) and any(unit.offset for unit in units)
    if form == "shift":
        if wrong_at_border:
            msg = (
                "layer 0 in the form shift is wrong at a zero-padded border, where the padding supplies 0 instead of "
                "the shifted input: use constant or pairs, or inputs >= 0"
            )
            raise TheoremNotApplicable(msg)
        return _rewritten(form, first, units, domain)
    return _rewritten(form, first, _with_constants(units, first.groups, function), domain)


def combinations(first: Affine, weights: Array, biases: Array, error: tuple[Fraction, ...] | None) -> Coding:
    """Describe a coded layer 0, whose neurons are units of their own.

    Parameters
    ----------
    first
        The first layer of the target, as it is.
    weights, biases
        The largest modulus of the weights of each neuron, and its bias.
    error
        A bound for each neuron of `first` on the error of its copies.

    Examples
    --------
    >>> coding = combinations(Affine.from_dense([[2.0]]), np.ones(3), np.zeros(3), (Fraction(0),))
    >>> coding.form, coding.units
    ('combinations', 3)
    """
    inputs = np.full(len(biases), -1, dtype=np.int64)
    return Coding(form="combinations", inputs=inputs, weights=weights, biases=biases, first=first, error=error)


def _best_form(first: Affine, domain: Array | None, function: ActivationFunction) -> Form:
    if domain is not None and function.piece is not None:
        shifted = any(unit.offset for unit in _shifted(domain, function))
        return "constant" if shifted and any(first.padding) else "shift"
    if function.pair is not None:
        return "pairs"
    if domain is None:
        msg = f"{function.name} hands unbounded inputs on in no exact way: state a box of the inputs"
        raise TheoremNotApplicable(msg if function.piece else f"{msg} and ask for the approximate form")
    msg = (
        f"{function.name} is affine on no interval and phi(x) - phi(-x) is not linear, so no exact form exists; the "
        "approximate one has to be asked for"
    )
    raise TheoremNotApplicable(msg)


def _shifted(domain: Array, function: ActivationFunction) -> list[_Unit]:
    if function.piece is None:
        raise TheoremNotApplicable(f"{function.name} is affine on no interval, so inputs cannot be shifted into one")
    units = []
    for index, (low, high) in enumerate(domain.tolist()):
        weight, bias = into_piece(Fraction(low), Fraction(high), function.piece)
        slope = function.piece.slope * Fraction(weight)
        offset = function.piece.slope * Fraction(bias) + function.piece.offset
        units.append(_Unit(index, weight, bias, slope, offset))
    return units


def into_piece(low: Fraction, high: Fraction, piece: Piece) -> tuple[float, float]:
    """Find s, a power of two, and c, so that s x + c lies in the piece for all x of an interval, exactly.

    Examples
    --------
    >>> into_piece(Fraction(-3), Fraction(1), Piece(Fraction(0), None))
    (1.0, 3.0)
    """
    weight = Fraction(1)
    while True:
        least, most = weight * low, weight * high
        if piece.low is None or piece.high is None:
            missing = Fraction(0) if piece.low is None else max(Fraction(0), piece.low - least)
            bias = _not_below(missing)
        elif piece.low <= least and most <= piece.high:
            bias = 0.0
        else:
            bias = float((piece.low + piece.high - least - most) / 2)
        inside = (least + Fraction(bias), most + Fraction(bias)) if np.isfinite(bias) else None
        if inside and (piece.low is None or piece.low <= inside[0]) and (piece.high is None or inside[1] <= piece.high):
            return float(weight), bias
        weight /= 2


def _not_below(value: Fraction) -> float:
    try:
        near = float(value)
    except OverflowError:
        return np.inf
    return near if Fraction(near) >= value else math.nextafter(near, np.inf)


def _with_constants(units: list[_Unit], groups: int, function: ActivationFunction) -> list[_Unit]:
    """Add a constant to every group of input channels."""
    piece = function.piece or Piece(None, None)
    start = -(-piece.low.numerator // piece.low.denominator) if piece.low is not None else 1
    values = [(place, piece.slope * place + piece.offset) for place in range(start, start + 5)]
    inside = [(place, value) for place, value in values if value and (piece.high is None or place <= piece.high)]
    # Weights are divided by the constant: by a power of two that is exact.
    powers = [(place, value) for place, value in inside if value > 0 and _is_power_of_two(value)]
    place, value = (powers or inside)[0]
    constant = _Unit(-1, 0.0, float(place), Fraction(1), value)
    size = len(units) // groups
    grouped = [[*units[group * size : (group + 1) * size], constant] for group in range(groups)]
    return [unit for group in grouped for unit in group]


def _is_power_of_two(value: Fraction) -> bool:
    return value.numerator & (value.numerator - 1) == 0 and value.denominator & (value.denominator - 1) == 0


def _pairs(inputs: int, function: ActivationFunction) -> list[_Unit]:
    if function.pair is None:
        raise TheoremNotApplicable(f"{function.name} has no pair: phi(x) - phi(-x) is not linear")
    # w phi(x) - w phi(-x) = w k x: each of the two has the weight w / k, with its sign.
    slope = function.pair
    return [_Unit(index, sign, 0.0, slope * int(sign), Fraction(0)) for index in range(inputs) for sign in (1.0, -1.0)]


def _small(domain: Array, function: ActivationFunction, scale: Fraction) -> list[_Unit]:
    line = function.linearisation
    if line is None:
        raise TheoremNotApplicable(f"{function.name} has an exact form, an approximate one is not needed")
    exact = isinstance(scale, Fraction | int) and not isinstance(scale, bool)
    if not exact or not Fraction(1, 2**1022) <= scale <= 1 or not _is_power_of_two(scale):
        raise InvalidInput("scale", "a power of two from 2^-1022 to 1, as a fraction", scale)
    units = []
    for index, (low, high) in enumerate(domain.tolist()):
        reach = max(abs(Fraction(low)), abs(Fraction(high))) * scale
        slope = line.slope * scale
        error = line.coefficient * reach**line.order / slope
        units.append(_Unit(index, float(scale), 0.0, slope, line.value, error))
    return units


def _rewritten(form: Form, first: Affine, units: list[_Unit], domain: Array | None) -> Coding:
    from scipy.sparse import csr_array

    inputs = np.array([unit.input for unit in units], dtype=np.int64)
    per_group = first.inputs // first.groups
    units_per_group = len(units) // first.groups
    taps = first.taps
    serving: list[list[int]] = [[] for _ in range(first.inputs)]
    for index, unit in enumerate(units):
        if unit.input >= 0:
            serving[unit.input].append(index)
    reach = None if domain is None else [max(abs(Fraction(low)), abs(Fraction(high))) for low, high in domain.tolist()]
    weight = first.weight
    data: list[float] = []
    columns: list[int] = []
    starts = [0]
    biases: list[Fraction] = []
    errors: list[Fraction] = []
    bounded = True
    for row, bias in enumerate(first.exact_bias):
        group = row // (first.outputs // first.groups)
        corrections: dict[int, Fraction] = {}  # per tap
        error = Fraction(0)
        for place in range(weight.indptr[row], weight.indptr[row + 1]):
            channel, tap = divmod(int(weight.indices[place]), taps)
            channel += group * per_group
            value = float(weight.data[place])
            for index in serving[channel]:
                unit = units[index]
                new = _quotient(value, unit.slope)
                columns.append((index - group * units_per_group) * taps + tap)
                data.append(new)
                if unit.offset:
                    corrections[tap] = corrections.get(tap, Fraction(0)) - Fraction(new) * unit.offset
            if abs(unit.slope) != 1 or unit.error:
                # Those of a pair hand the input on together, with the slope of either.
                handed_on = Fraction(new) * unit.slope
                error += abs(handed_on) * unit.error
                if handed_on != value:
                    bounded = reach is not None
                    error += abs(handed_on - Fraction(value)) * (reach[channel] if reach else 0)
        if form == "constant":
            constant = units[(group + 1) * units_per_group - 1]
            for tap, total in corrections.items():
                if total:
                    columns.append((units_per_group - 1) * taps + tap)
                    data.append(_weight(total / constant.offset))
                    error += abs(Fraction(data[-1]) * constant.offset - total)
            corrections = {}
        starts.append(len(columns))
        biases.append(bias + sum(corrections.values()))
        errors.append(error)
    doubles = [finite(bias) for bias in biases]
    rounded = any(Fraction(double) != bias for double, bias in zip(doubles, biases, strict=True))
    return Coding(
        form=form,
        inputs=inputs,
        weights=np.array([unit.weight for unit in units]),
        biases=np.array([unit.bias for unit in units]),
        first=Affine(
            weight=csr_array((data, columns, starts), shape=(first.outputs, units_per_group * taps)),
            bias=np.array(doubles),
            inputs=len(units),
            kernel=first.kernel,
            stride=first.stride,
            padding=first.padding,
            dilation=first.dilation,
            groups=first.groups,
            bias_exact=tuple(biases) if rounded else None,
        ),
        error=tuple(errors) if bounded else None,
    )


def _quotient(value: float, slope: Fraction) -> float:
    if abs(slope) == 1:  # nearly always, and much faster
        return value if slope > 0 else -value
    return _weight(Fraction(value) / slope)


def _weight(value: Fraction) -> float:
    """Round to the nearest double, which must be no zero: the link would be lost."""
    try:
        near = float(value)
    except OverflowError:
        near = 0.0
    if not near:
        raise InvalidInput("target", "weights that stay doubles in the units of layer 0", "an overflow or underflow")
    return near


def finite(value: Fraction) -> float:
    """Give the double nearest to a bias, and refuse one beyond the doubles."""
    try:
        return float(value)
    except OverflowError:
        raise InvalidInput("target", "biases that stay doubles when the shift is put right", "an overflow") from None
