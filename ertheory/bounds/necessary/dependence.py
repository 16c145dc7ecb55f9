"""Which inputs a target depends on, decided from its weights and its box.

An input that the first layer reads may still not matter: its neurons may be inactive on the whole box, or cancel. What
is counted here matters for certain: there is a point inside the box, off all kinks, at which some output has a non-zero
derivative with respect to it. Points are evaluated in whole numbers, so every sign is exact. A derivative is looked at
modulo a prime, as a random combination over the outputs: where that is not 0 the derivative is not, and where a chance
of 2^-60 makes it 0, an input is not counted that might have been.

With one hidden layer that is the whole truth: where it does not come from the derivative at one point, an input matters
if and only if neurons whose kinks lie on one hyperplane through the box, with a non-zero weight of this input, do not
cancel. In deeper targets an input may matter only where no point was tried; it is then left out, and said to be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.networks.arrays import Array
from ertheory.networks.network import Network
from ertheory.networks.target import Target

__all__ = ["Dependence", "dependence_of"]

Whole: TypeAlias = npt.NDArray[Any]  # Python's integers, of any length

_PRIME = 2**61 - 1
_POINTS = 8
_CORNERS = 64
_EFFORT = 4_000_000  # weights times points
_MOST_WEIGHTS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """What is known of the inputs that a target depends on.

    Parameters
    ----------
    inputs
        How many inputs count as such.
    checked
        Whether the target certainly depends on them. Otherwise they are those that reach an output by some weights,
        and that each of them matters is assumed.
    uncounted
        Inputs that reach an output by some weights as well, for which no point was found at which they matter.
    """

    inputs: int
    checked: bool = False
    uncounted: int = 0

    @property
    def words(self) -> str:
        """Say so, as the condition of a statement."""
        if not self.checked:
            return f"for a target that depends on all {self.inputs} inputs that reach an output (assumed, not checked)"
        left = f", of {self.inputs + self.uncounted} that reach an output" if self.uncounted else ""
        return f"for a target that depends on {self.inputs} inputs (checked){left}"


def dependence_of(target: Target) -> Dependence:
    """Count the inputs that a target depends on: for certain where its weights are known and it is fully connected.

    Examples
    --------
    >>> dependence_of(Target.from_text("784-128-10")).inputs
    784
    >>> cancelling = Target.from_arrays([[[1.0, 1.0], [1.0, 0.0]], [[1.0, 0.0]]])
    >>> dependence_of(cancelling), dependence_of(cancelling).words
    (Dependence(inputs=2, checked=True, uncounted=0), 'for a target that depends on 2 inputs (checked)')
    """
    weights = target.weights
    if weights is None:
        return Dependence(inputs=sum(count for fan_out, count in target.layers[0].fan_out_counts.items() if fan_out))
    needed = np.ones(target.widths[-1], dtype=np.bool_)
    for layer, weight in zip(reversed(target.layers), reversed(weights), strict=True):
        links = (weight != 0).reshape(layer.outputs, layer.inputs, -1).any(axis=2)
        needed = links[needed].any(axis=0)
    reaching = tuple(np.flatnonzero(needed).tolist())
    connected = not any(layer.kernel or layer.positions > 1 for layer in target.layers)
    if target.network is None or not connected or sum(weight.size for weight in weights) > _MOST_WEIGHTS:
        return Dependence(inputs=len(reaching))
    return _decided(target.network, reaching)


@lru_cache(maxsize=8)  # networks are hashed by what they are
def _decided(network: Network, reaching: tuple[int, ...]) -> Dependence:
    box = network.domain
    free = set(reaching) if box is None else {index for index in reaching if box[index, 0] < box[index, 1]}
    known: set[int] = set()
    chain = _Chain(network)
    shallow = len(network.affine) <= 2
    tried = _POINTS if shallow else max(2, _EFFORT // sum(weight.size for weight in chain.dense))
    for point in islice(_points(network, chain), tried):
        found = chain.mattering(point)
        known |= free & (found or set())
        if free <= known or (shallow and found is not None):
            break
    if len(network.affine) == 2 and not free <= known:
        known |= free & chain.kinked(box)
        free = known  # nothing else matters
    return Dependence(inputs=len(known), checked=True, uncounted=len(free - known))


def _points(network: Network, chain: _Chain) -> Iterator[Array]:
    """Points inside the box: some at random, and some near the corners where neurons of the first layer are largest."""
    rng = np.random.default_rng(0)
    box = network.domain
    low, high = (np.full(network.inputs, end) for end in (-1.0, 1.0)) if box is None else box.T
    sides = high - low
    for _ in range(_POINTS):
        yield np.clip(low + sides * rng.random(network.inputs), np.nextafter(low, high), np.nextafter(high, low))
    first = chain.dense[0]
    for row in first[:_CORNERS]:
        share = np.where(row > 0, 1023, 1) / 1024 if box is not None else np.sign(row) * 2.0**20
        yield low + sides * share


class _Chain:
    """The layers in whole numbers: W_l is `wholes[l]` over 2^shift, and so are the biases over a denominator."""

    def __init__(self, network: Network) -> None:
        self.dense = [step.weight.toarray() for step in network.affine]
        self.biases = [step.exact_bias for step in network.affine]
        self.shifts: list[int] = []
        self.wholes: list[Whole] = []
        for weight in self.dense:
            mantissas, exponents = np.frexp(weight)
            numbers, powers = (mantissas * 2.0**53).astype(np.int64), exponents - 53
            least = int(powers[numbers != 0].min(initial=0))
            shift = np.where(numbers != 0, powers - least, 0)
            self.wholes.append(numbers.astype(object) << shift.astype(object))
            self.shifts.append(-least)

    def mattering(self, point: Array) -> set[int] | None:
        """Give the inputs with a non-zero derivative at a point, or ``None`` if it may lie on a kink."""
        value = [Fraction(entry) for entry in point.tolist()]
        scale = math.lcm(*(entry.denominator for entry in value))
        signal: Whole = np.array([int(entry * scale) for entry in value], dtype=object)
        patterns: list[Whole] = []
        active = np.ones(len(signal), dtype=np.bool_)
        for whole, shift, bias in zip(self.wholes[:-1], self.shifts, self.biases, strict=False):
            # signal / scale goes in; whole / 2^shift and biases over their denominators follow.
            common = math.lcm(*(entry.denominator for entry in bias))
            up, down = (2**shift, 1) if shift >= 0 else (1, 2**-shift)
            signal = whole.dot(signal) * (down * common) + np.array(
                [int(entry * common) * scale * up for entry in bias], dtype=object
            )
            scale *= up * common
            at_zero = np.array([not entry for entry in signal])
            if (whole[at_zero][:, active] != 0).any():
                return None
            active = np.array([entry > 0 for entry in signal])
            patterns.append(active)
            signal = np.where(active, signal, 0)
        rng = np.random.default_rng(1)
        moved: Whole = rng.integers(1, _PRIME, len(self.wholes[-1])).astype(object)
        for place in range(len(self.wholes) - 1, -1, -1):
            # Powers of two and other factors of a whole layer change nothing.
            moved = moved.dot(self.wholes[place] % _PRIME) % _PRIME
            if place:
                moved = np.where(patterns[place - 1], moved, 0)
        return {index for index, entry in enumerate(moved.tolist()) if entry}

    def kinked(self, box: Array | None) -> set[int]:
        """Give the inputs on which a kink of the target inside the box depends, for one hidden layer."""
        common = math.lcm(*(entry.denominator for entry in self.biases[0]))
        up, down = 2 ** max(0, self.shifts[0]), 2 ** max(0, -self.shifts[0])
        biases = [int(entry * common) * up for entry in self.biases[0]]
        rows = self.wholes[0] * (down * common)
        totals: dict[tuple[int, ...], Whole] = {}
        for row, bias, read in zip(rows, biases, self.wholes[1].T, strict=True):
            if any(row) and (box is None or _crosses(row, bias, box)):
                size = math.gcd(*row, bias) * (1 if next(filter(None, row)) > 0 else -1)
                plane = (*(entry // size for entry in row), bias // size)
                totals[plane] = totals.get(plane, 0) + read * abs(size)
        cutting = [plane for plane, total in totals.items() if any(total)]
        return {index for plane in cutting for index, entry in enumerate(plane[:-1]) if entry}


def _crosses(row: Whole, bias: int, box: Array) -> bool:
    """Whether w . x + b changes its sign inside the box."""
    mantissas, exponents = np.frexp(box)
    powers = exponents - 53
    least = min(0, int(powers.min()))
    ends: Whole = (mantissas * 2.0**53).astype(np.int64).astype(object) << (powers - least).astype(object)
    products = row[:, None] * ends
    level = bias * 2**-least
    return bool(products.min(axis=1).sum() + level < 0 < products.max(axis=1).sum() + level)
