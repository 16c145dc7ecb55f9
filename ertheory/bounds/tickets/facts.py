"""What the widths of strong tickets depend on in a target: sizes of its weights, biases and hidden values.

Where the weights are known, everything is read off them; the hidden values are bounded by interval arithmetic over the
box of inputs, with every rounding error added. Where only the widths are known, bounds are assumed and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.bounds.result import number_for_json
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.arrays import read_box
from ertheory.networks.target import Target
from ertheory.numbers import Rational, exact_rational
from ertheory.results import Result

__all__ = ["TargetFacts", "read_facts"]

_LARGEST = 10**9
_UNIT = 2.0**-52


@dataclass(frozen=True, kw_only=True)
class TargetFacts(Result):
    """Bounds on a target of depth L over a box of inputs, rounded up.

    Parameters
    ----------
    widths
        n_0..n_L.
    nonzeros
        m_1..m_L, non-zero weights.
    biases
        Non-zero biases per layer 1..L; n_l where they are not known.
    fan_in
        r_1..r_L, largest number of non-zero weights that lead into one neuron.
    row_norms
        Largest sum of absolute weights that lead into one neuron, per layer 1..L.
    largest_weights, largest_biases
        max |W_l| and max |b_l|, per layer 1..L.
    norms
        B_0..B_{L-1}, bounds on the L1 norm of the inputs and of what the hidden layers give.
    signed
        Whether an input can be negative.
    known
        Whether the weights are known, rather than assumed.
    """

    widths: tuple[int, ...]
    nonzeros: tuple[int, ...]
    biases: tuple[int, ...]
    fan_in: tuple[int, ...]
    row_norms: tuple[Fraction, ...]
    largest_weights: tuple[Fraction, ...]
    largest_biases: tuple[Fraction, ...]
    norms: tuple[Fraction, ...]
    signed: bool
    known: bool

    @property
    def depth(self) -> int:
        """L."""
        return len(self.nonzeros)

    @property
    def parameters(self) -> int:
        """N_T, non-zero weights and biases."""
        return sum(self.nonzeros) + sum(self.biases)

    def problems(self, layer: int) -> int:
        """Subset sums for one copy of every neuron of layer l: signed inputs need two for a weight of layer 1."""
        both = 2 if layer == 1 and self.signed else 1
        return both * self.nonzeros[layer - 1] + self.biases[layer - 1]

    def to_dict(self) -> dict[str, Any]:
        """Say what was assumed or read off, in types that JSON knows."""
        return {
            "weights": "known" if self.known else "assumed",
            "max_weights": [_number(value) for value in self.largest_weights],
            "max_biases": [_number(value) for value in self.largest_biases],
            "norms": [_number(value) for value in self.norms],
            "signed_inputs": self.signed,
        }


def read_facts(
    target: Target,
    *,
    domain: npt.ArrayLike | None = None,
    norms: Sequence[Rational] | None = None,
    largest_weight: Rational | None = None,
    largest_bias: Rational | None = None,
) -> TargetFacts:
    """Collect the bounds on a target.

    Parameters
    ----------
    target
        A target that is fully connected.
    domain
        Box of the inputs: one interval for all, or shape (d, 2). By default that of the target, else [0, 1]^d.
    norms
        B_1..B_{L-1} for a target without weights. By default what its largest weights and biases allow.
    largest_weight, largest_bias
        max |W| and max |b| for a target without weights, 1 by default.

    Raises
    ------
    InvalidInput
        If bounds are given for a target with weights, or lie outside their ranges.
    TheoremNotApplicable
        If the target has convolutions or a flatten.

    Examples
    --------
    >>> facts = read_facts(Target.from_text("2-4-1"), domain=(-1, 1))
    >>> facts.norms, facts.problems(1)
    ((Fraction(2, 1), Fraction(12, 1)), 20)
    """
    if any(layer.entries_per_pair > 1 for layer in target.layers):
        msg = "ticket: the target has convolutions; Theorem 2.5 is about fully connected ones"
        raise TheoremNotApplicable(msg)
    given = target.domain if domain is None else domain
    box = read_box((0, 1) if given is None else given, target.inputs)
    first = sum((max(abs(Fraction(low)), abs(Fraction(high))) for low, high in box.tolist()), Fraction(0))
    signed = bool((box[:, 0] < 0).any())
    if target.weights is None or target.biases is None:
        weight = _bound("largest_weight", largest_weight)
        bias = _bound("largest_bias", largest_bias)
        assumed = [first]
        for layer in target.layers[:-1]:
            assumed.append(layer.outputs * (weight * assumed[-1] + bias))
        fan_in = tuple(max(layer.fan_in_counts) for layer in target.layers)
        return TargetFacts(
            widths=target.widths,
            nonzeros=target.nonzeros,
            biases=tuple(layer.outputs if bias else 0 for layer in target.layers),
            fan_in=fan_in,
            row_norms=tuple(weight * count for count in fan_in),
            largest_weights=(weight,) * target.depth,
            largest_biases=(bias,) * target.depth,
            norms=tuple(assumed) if norms is None else (first, *_given_norms(norms, target.depth)),
            signed=signed,
            known=False,
        )
    for name, value in (("norms", norms), ("largest_weight", largest_weight), ("largest_bias", largest_bias)):
        if value is not None:
            raise InvalidInput(name, "no such bound for a target whose weights are known", value)
    weights, biases = target.weights, target.biases
    for letter, arrays in (("W", weights), ("b", biases)):
        for index, array in enumerate(arrays, start=1):
            if (size := float(np.abs(array).max(initial=0.0))) > _LARGEST:
                raise InvalidInput(f"{letter}{index}", "numbers of size at most 10^9", size)
    return TargetFacts(
        widths=target.widths,
        nonzeros=target.nonzeros,
        biases=tuple(int(np.count_nonzero(bias)) for bias in biases),
        fan_in=tuple(max(layer.fan_in_counts) for layer in target.layers),
        row_norms=tuple(_row_norm(weight) for weight in weights),
        largest_weights=tuple(Fraction(float(np.abs(weight).max())) for weight in weights),
        largest_biases=tuple(Fraction(float(np.abs(bias).max())) for bias in biases),
        norms=(first, *_hidden_norms(weights[:-1], biases[:-1], box)),
        signed=signed,
        known=True,
    )


def _bound(name: str, value: Rational | None) -> Fraction:
    bound = Fraction(1) if value is None else exact_rational(name, value)
    if not (0 if name == "largest_bias" else Fraction(1, _LARGEST)) <= bound <= _LARGEST:
        raise InvalidInput(name, "a number above 0 (a bias may be 0), at most 10^9", value)
    return bound


def _given_norms(norms: Sequence[Rational], depth: int) -> tuple[Fraction, ...]:
    values = tuple(exact_rational("norms", value) for value in norms)
    if len(values) != depth - 1:
        raise InvalidInput("norms", f"{depth - 1} numbers, B_1..B_{depth - 1}", len(values))
    for value in values:
        if not 0 <= value <= 10**30:
            raise InvalidInput("norms", "numbers in [0, 10^30]", value)
    return values


def _row_norm(weight: npt.NDArray[np.float64]) -> Fraction:
    sums = np.abs(weight).sum(axis=1)
    return Fraction(float(sums.max() * (1 + (weight.shape[1] + 2) * _UNIT)))


def _hidden_norms(
    weights: Sequence[npt.NDArray[np.float64]],
    biases: Sequence[npt.NDArray[np.float64]],
    box: npt.NDArray[np.float64],
) -> list[Fraction]:
    """Bound B_1..B_{L-1} by interval arithmetic, layer by layer."""
    low, high = box[:, 0], box[:, 1]
    found = []
    for weight, bias in zip(weights, biases, strict=True):
        plus, minus = np.maximum(weight, 0), np.minimum(weight, 0)
        # Every sum of n products is off by at most (n + 2) units of the sum of absolute values.
        slack = np.abs(weight) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(bias)
        slack *= (4 * weight.shape[1] + 16) * _UNIT
        low, high = (
            np.maximum(plus @ low + minus @ high + bias - slack, 0),
            np.maximum(plus @ high + minus @ low + bias + slack, 0),
        )
        if not np.isfinite(high).all():
            raise InvalidInput("target", "weights and a box with which hidden values stay below 1e308", "larger ones")
        found.append(Fraction(float(high.sum() * (1 + (len(high) + 2) * _UNIT))))
    return found


def _number(value: Fraction) -> int | float | str:
    return number_for_json(value)
