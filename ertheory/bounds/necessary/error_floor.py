"""Error floors: how far every network on a given mask stays from a single ReLU, whatever its weights.

Theorem 2.3 and its exact laws (`ertheory.bounds.univariate_width`) say how likely a mask is to hold
f(x) = v phi(w.x + b) + c. Here the same question is asked of one mask, and answered by a number: the largest error over
the box is at least the floor, for all weights and biases on that mask.

Statement. Let g be a network with any number of hidden layers, any activation and a linear output, on given masks. A
neuron of its last hidden layer *sees* input i if a path leads from i to it. Let T be a set of t inputs such that no
neuron of the last hidden layer with an edge to the output sees all of T. For every function h and every box
[l, l + s] in the inputs of T, the others fixed, let D h = sum over the 2^t corners of (-1)^(corner coordinates at l) h.
Then sup |f - g| >= |D f| / 2^t, already at these corners.

Proof. g is a constant plus a sum over the neurons that are left, and each term ignores some input of T. D is a
difference in every input of T, one after another in any order, and the difference in an ignored input is 0: so D g = 0.
D f = D (f - g) is a sum of 2^t errors with signs. QED. With a ReLU at the output the sum is inside the ReLU, and the
statement holds for single inputs T = {i} from which no path leads to the output: g ignores them.

Only minimal T matter: with one input more, D f is the difference of two such D f, and is divided by 2 more.

The best box. Put the box into the units z_i = |w_i| x_i, with sides H_i and -N <= w.x + b <= P on all of it, and let
a cube of side h have its lower corner at w.x + b = -(k + 1) h. For t >= 2 the difference is then C(t - 2, k) h up to
its sign: two of the t differences turn phi into a hat of height h, and the others pick binomial coefficients from it.
Such a cube lies in the box if and only if h <= min(H_T, N / (k + 1), P / (t - k - 1)), H_T the shortest side in T, so

    floor = |v| max over k = 0..t - 2 of C(t - 2, k) min(H_T, N / (k + 1), P / (t - k - 1)) / 2^t.

No box gives more than |v| C(t - 2, floor((t - 2) / 2)) H_T / 2^t. Proof. Let D be made of the differences in two
inputs, one of them that of the shortest side, which turn phi into a trapezium between 0 and at most H_T, and of those
in the m = t - 2 others. These take the trapezium at a sum of sides for every subset, with alternating signs by size.
The subsets fall into C(m, floor(m / 2)) chains that grow by one input at a time (de Bruijn, Tengbergen and Kruyswijk
1951). Along a chain the sums only grow, so the values rise and then fall, and an alternating sum of such values is at
most the largest of them, in size. QED. So the cube is the best of all boxes wherever H_T is what limits it; where N or
P does, it is the best cube. For t = 1 the floor is |v| min(H_i, P) / 2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

__all__ = ["ErrorFloor", "error_floor", "unseen_inputs"]

Output = Literal["relu", "linear"]
Mask = npt.NDArray[np.bool_]

_MOST_INPUTS = 16  # 2^d sets of inputs are looked at


@dataclass(frozen=True, kw_only=True)
class ErrorFloor:
    """What every network on a mask has as its largest error over the box, at least.

    Parameters
    ----------
    value
        The floor, exactly; 0 if none was found.
    inputs
        T, inputs that no neuron sees together, ascending; empty if the floor is 0.
    low, high
        Opposite corners of the box that shows it, d numbers each, equal outside T.
    """

    value: Fraction
    inputs: tuple[int, ...] = ()
    low: tuple[Fraction, ...] = ()
    high: tuple[Fraction, ...] = ()

    @property
    def corners(self) -> tuple[tuple[Fraction, ...], ...]:
        """The 2^t points at one of which, at least, the error reaches the floor; none if the floor is 0."""
        if not self.inputs:
            return ()
        ends = zip(self.low, self.high, strict=True)
        return tuple(
            itertools.product(*((a, b) if place in self.inputs else (a,) for place, (a, b) in enumerate(ends)))
        )


@dataclass(frozen=True)
class _Neuron:
    """v phi(w.x + b) + c on its box, in rationals: what the best box is computed from."""

    weights: tuple[Fraction, ...]
    bias: Fraction
    factor: Fraction
    box: tuple[tuple[Fraction, Fraction], ...]

    @property
    def sides(self) -> tuple[Fraction, ...]:
        return tuple(abs(w) * (high - low) for w, (low, high) in zip(self.weights, self.box, strict=True))

    @property
    def below(self) -> Fraction:
        """N: how far w.x + b falls below 0."""
        least = sum((min(w * low, w * high) for w, (low, high) in zip(self.weights, self.box, strict=True)), self.bias)
        return -least

    @property
    def above(self) -> Fraction:
        """P: how far w.x + b rises above 0."""
        return sum(self.sides) - self.below

    def __call__(self, point: Sequence[Fraction]) -> Fraction:
        total = sum((w * x for w, x in zip(self.weights, point, strict=True)), self.bias)
        value: Fraction = self.factor * max(total, Fraction(0))
        return value


def error_floor(target: Target, masks: Sequence[Mask], *, output: Output = "linear") -> ErrorFloor:
    """Compute the floor of the error of all networks on given masks, for a target that is a single ReLU.

    Parameters
    ----------
    target
        d-1-1 with weights and a box, d <= 16: f(x) = v phi(w.x + b) + c.
    masks
        They are those of the source layers 0..L, booleans (N_l, N_{l-1}) with N_{-1} = d and N_L = 1; at least one
        layer.
    output
        Whether the source applies ReLU at its output or not.

    Returns
    -------
    ErrorFloor
        The largest floor over all sets of inputs that no neuron sees together, and all cubes of the box in the units
        |w_i| x_i. For masks with one hidden layer it is 0 if and only if the target is on the mask, under the
        conditions of the exact laws of Theorem 2.3 (`ertheory.bounds.UnivariateWidth.conditions`).

    Raises
    ------
    InvalidInput
        If the target is no single ReLU with weights and a box, or the masks do not fit it.

    Notes
    -----
    Statement and proofs stand at the head of this module. The value is the mixed difference of the target at the
    corners that are returned, in rationals; the formula only says which corners those are.

    Examples
    --------
    f(x) = phi(x_1 + x_2) on [-1, 1]^2, and a mask on which every hidden neuron sees one input:

    >>> target = Target.from_arrays([[[1.0, 1.0]], [[1.0]]], domain=[(-1, 1)] * 2)
    >>> floor = error_floor(target, [np.eye(2, dtype=bool), np.ones((1, 2), dtype=bool)])
    >>> floor.value, floor.inputs, len(floor.corners)
    (Fraction(1, 2), (0, 1), 4)
    """
    neuron = _read(target)
    best = ErrorFloor(value=Fraction(0))
    for inputs in unseen_inputs(masks, [place for place, w in enumerate(neuron.weights) if w], output=output):
        shown = _best_cube(neuron, inputs)
        if shown is not None:
            found = ErrorFloor(value=_difference(neuron, inputs, *shown), inputs=inputs, low=shown[0], high=shown[1])
            best = max(best, found, key=lambda one: one.value)
    return best


def unseen_inputs(
    masks: Sequence[Mask], among: Sequence[int], *, output: Output = "linear"
) -> tuple[tuple[int, ...], ...]:
    """Give the minimal sets of inputs that no neuron before the output sees together.

    Parameters
    ----------
    masks, output
        They are as for `error_floor`.
    among
        Inputs of which the sets are made, at most 16.

    Returns
    -------
    tuple
        Sets of ascending inputs, small ones first; empty if some neuron with an edge to the output sees all.

    Raises
    ------
    InvalidInput
        If the masks do not follow one another, or there are too many inputs.

    Examples
    --------
    >>> masks = [np.array([[1, 1, 0], [0, 1, 1]], dtype=bool), np.ones((1, 2), dtype=bool)]
    >>> unseen_inputs(masks, range(3)), unseen_inputs(masks, range(3), output="relu")
    (((0, 2),), ())
    """
    if output not in get_args(Output):
        raise InvalidInput("output", "relu or linear", output)
    if len(among) > _MOST_INPUTS:
        raise InvalidInput("among", f"at most {_MOST_INPUTS} inputs", len(among))
    _check(masks, max(among, default=-1) + 1)
    sees = np.eye(masks[0].shape[1], dtype=np.int64)
    for mask in masks[:-1]:
        sees = np.minimum(mask.astype(np.int64) @ sees, 1)
    last = masks[-1][0]
    rows = sees[last] if output == "linear" else sees[last].any(axis=0, keepdims=True)
    bits = {place: 1 << number for number, place in enumerate(among)}
    seen = {sum(bit for place, bit in bits.items() if row[place]) for row in rows}
    found: dict[int, tuple[int, ...]] = {}
    for size in range(1, len(among) + 1):
        for inputs in itertools.combinations(sorted(among), size):
            word = sum(bits[place] for place in inputs)
            if all(word & ~one for one in seen) and not any(word & one == one for one in found):
                found[word] = inputs
    return tuple(found.values())


def _best_cube(neuron: _Neuron, inputs: tuple[int, ...]) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]] | None:
    """Opposite corners of the cube of the largest mixed difference in the given inputs, or None where it is 0."""
    sides, below, above = neuron.sides, neuron.below, neuron.above
    shortest, count = min(sides[place] for place in inputs), len(inputs)
    if count == 1:
        side = min(shortest, above)
        start = above + below - side  # of w.x + b above its least value
    else:
        cubes = [(min(shortest, below / (k + 1), above / (count - k - 1)), k) for k in range(count - 1)]
        side, k = max(cubes, key=lambda cube: math.comb(count - 2, cube[1]) * cube[0])
        start = below - (k + 1) * side
    if side <= 0:
        return None
    low, high = [], []
    for place, (length, weight, (least, most)) in enumerate(zip(sides, neuron.weights, neuron.box, strict=True)):
        step = side if place in inputs else Fraction(0)
        move = min(start, length - step)  # whatever is left goes to the inputs that follow
        start -= move
        ends = [least if weight >= 0 else most] * 2
        if weight:
            ends = [end + way / weight for end, way in zip(ends, (move, move + step), strict=True)]
        low.append(ends[0])
        high.append(ends[1])
    return tuple(low), tuple(high)


def _difference(
    neuron: _Neuron, inputs: tuple[int, ...], low: tuple[Fraction, ...], high: tuple[Fraction, ...]
) -> Fraction:
    """|D f| / 2^t on a box."""
    total = Fraction(0)
    for ups in itertools.product((False, True), repeat=len(inputs)):
        point = list(low)
        for place, up in zip(inputs, ups, strict=True):
            point[place] = high[place] if up else low[place]
        total += neuron(point) if sum(ups) % 2 else -neuron(point)
    return abs(total) / (1 << len(inputs))


def _read(target: Target) -> _Neuron:
    single = target.depth == 2 and target.widths[1:] == (1, 1) and not target.is_convolutional
    if not single or target.weights is None or target.biases is None or target.domain is None:
        raise InvalidInput("target", "a single ReLU d-1-1 with weights and a box", str(target))
    if target.inputs > _MOST_INPUTS:
        raise InvalidInput("target", f"at most {_MOST_INPUTS} inputs", target.inputs)
    (first, second), (bias, _) = target.weights, target.biases
    return _Neuron(
        tuple(map(Fraction, first[0].tolist())),
        Fraction(float(bias[0])),
        Fraction(float(second[0, 0])),
        tuple((Fraction(low), Fraction(high)) for low, high in np.asarray(target.domain).tolist()),
    )


def _check(masks: Sequence[Mask], inputs: int) -> None:
    shapes = [np.shape(mask) for mask in masks]
    fits = bool(shapes) and all(len(shape) == 2 for shape in shapes) and shapes[-1][0] == 1
    fits = fits and all(one[0] == other[1] for one, other in itertools.pairwise(shapes)) and shapes[0][1] >= inputs
    if not fits or any(mask.dtype != np.bool_ for mask in masks):
        allowed = "booleans (N_l, N_{l-1}) of layers that follow one another, from the inputs to one output"
        raise InvalidInput("masks", allowed, shapes)
