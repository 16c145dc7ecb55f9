"""Exact reduction of a target: what it can lose without computing anything else.

The width bounds count the neurons and the non-zeros of the target, so a target is reduced before they are asked. Four
things are found, again and again until nothing changes, in hidden layer l (h_j is the preactivation of neuron j):

- dead: column j of W_{l+1} is zero, nothing reads the neuron. It goes.
- constant: row j of W_l is zero, so the neuron gives max(0, b_j). That value goes into the biases of layer l+1.
- inactive: h_j <= 0 for every input, so the neuron gives 0. It goes.
- affine: h_j >= 0 for every input, so the neuron needs no kink. It stays, and is listed.

The last two are read off interval bounds of h_j, which are sufficient: a neuron may be stable without being found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.arrays import read_box
from ertheory.networks.target import Target
from ertheory.results import Result

__all__ = ["Reduction", "RemovedNeuron", "reduce"]

Array: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Reason: TypeAlias = Literal["dead", "constant", "inactive"]

_REASONS: tuple[Reason, ...] = ("dead", "constant", "inactive")
_LARGEST = float(np.finfo(np.float64).max)
_ROUNDOFF = 2.0**-53
_UNDERFLOW = 2.0**-1073


@dataclass(frozen=True, slots=True)
class RemovedNeuron:
    """A hidden neuron that the reduced target does without.

    Parameters
    ----------
    index
        Its place in its layer of the original target, from 0.
    reason
        ``dead`` (nothing reads it), ``constant`` (it reads nothing), ``inactive`` (its preactivation is never above 0).
    """

    index: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction(Result):
    """A reduced target, and what became of the neurons of the original.

    Tuples per layer run over the target layers 1..L; indices are those of the original target, from 0.

    Parameters
    ----------
    original
        The target before the reduction.
    target
        The target after it; its ``domain`` is the box on which both agree, or ``None`` if they agree everywhere.
    kept
        The original neurons that stand behind those of the reduced target, shape (n_l,) per layer.
    removed
        The other hidden neurons, with the reason.
    affine
        Kept hidden neurons whose preactivation is never below 0 on the domain.
    unread_inputs
        Inputs that the reduced target does not read. They stay, so that d is the same.
    biases_exact
        The biases of the reduced target as rational numbers. With these, both targets are the same function.
    bias_rounding
        The largest difference between a bias of ``target``, which is a double, and the exact one; 0 unless a constant
        was folded into a bias that is no double.
    """

    original: Target
    target: Target
    kept: tuple[tuple[int, ...], ...]
    removed: tuple[tuple[RemovedNeuron, ...], ...]
    affine: tuple[tuple[int, ...], ...]
    unread_inputs: tuple[int, ...]
    biases_exact: tuple[tuple[Fraction, ...], ...]
    bias_rounding: Fraction

    @property
    def is_constant(self) -> bool:
        """Whether the reduced target reads no input at all; each of its hidden layers is then one silent neuron."""
        return not any(self.target.nonzeros)

    def to_dict(self) -> dict[str, Any]:
        """Give the reduction as values that JSON can hold; ``bias_rounding`` is rounded up to a double."""
        box = self.target.domain
        return {
            "widths_before": list(self.original.widths),
            "widths_after": list(self.target.widths),
            "nonzeros_before": list(self.original.nonzeros),
            "nonzeros_after": list(self.target.nonzeros),
            "kept": [list(layer) for layer in self.kept],
            "removed": [
                {"layer": index, "neuron": neuron.index, "reason": neuron.reason}
                for index, layer in enumerate(self.removed, start=1)
                for neuron in layer
            ],
            "affine": [list(layer) for layer in self.affine],
            "unread_inputs": list(self.unread_inputs),
            "is_constant": self.is_constant,
            "domain": None if box is None else box.tolist(),
            "bias_rounding": _above(self.bias_rounding),
        }

    def to_markdown(self) -> str:
        """Write a table of widths and non-zeros before and after, one row per target layer."""
        header = ("layer", "width", "reduced", "non-zeros", "reduced", *_REASONS, "affine")
        lines = [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
        pairs = zip(self.original.layers, self.target.layers, strict=True)
        for index, (before, after) in enumerate(pairs):
            counts = [sum(neuron.reason == reason for neuron in self.removed[index]) for reason in _REASONS]
            cells = (index + 1, before.outputs, after.outputs, before.nonzeros, after.nonzeros, *counts)
            lines.append(f"| {' | '.join(map(str, cells))} | {len(self.affine[index])} |")
        where = "on the box of the inputs" if self.target.domain is not None else "for all inputs"
        lines += ["", f"Equal {where}; {len(self.unread_inputs)} of {self.target.inputs} inputs are not read."]
        if self.is_constant:
            lines.append("The target is constant.")
        if self.bias_rounding:
            lines.append(f"The biases are rounded to doubles, by at most {_above(self.bias_rounding):.3g}.")
        return "\n".join(lines)


def reduce(target: Target, *, domain: npt.ArrayLike | None = None) -> Reduction:
    """Remove the hidden neurons that a fully connected target does not need.

    Parameters
    ----------
    target
        A fully connected target with weights.
    domain
        Box of the inputs in doubles, (a, b) for every input or shape (d, 2); it takes the place of ``target.domain``.
        Without any box, neurons count as stable only if they are for all real inputs.

    Raises
    ------
    TheoremNotApplicable
        If the target is convolutional or has no weights.
    InvalidInput
        If the box is not valid, or a folded bias is too large for a double.

    Notes
    -----
    The reduced target with ``biases_exact`` equals the original on the domain: constants are folded in rational
    arithmetic, and weights are never changed. Bounds are safe in floating point: a sum of n products has a relative
    error of at most n u / (1 - n u), u = 2**-53, of the sum of their moduli (Higham, Accuracy and Stability of
    Numerical Algorithms, section 3.1), and a sign that this leaves open is decided in rational arithmetic.

    If a hidden layer loses every neuron, the target is a constant function and all hidden layers do. A width is at
    least 1, so neuron 0 of each hidden layer then stays, with weights and bias 0: it reads nothing and nothing reads
    it. A convolutional target is refused: next to zero padding, a constant channel is no bias.

    Outputs stay, also those that read nothing; they need a bias alone.

    Reducing twice changes nothing more, unless ``bias_rounding`` is positive: rounded biases are another target.

    Examples
    --------
    >>> target = Target.from_arrays([[[1.0], [0.0], [-1.0]], [[1.0, 2.0, 1.0]]], [[0.5, 3.0, 0.0], [0.0]])
    >>> reduction = reduce(target, domain=(0, 1))
    >>> reduction.target.widths, reduction.biases_exact[-1], reduction.affine
    ((1, 1, 1), (Fraction(6, 1),), ((0,), ()))
    """
    network = _Network(_checked(target, domain))
    stable = network.settle()
    reasons = network.reasons
    kept = [tuple(np.flatnonzero(alive).tolist()) for alive in network.alive[1:]]
    if not all(kept):
        kept = [(0,) for _ in kept[:-1]] + [kept[-1]]
        reasons = [{index: reason for index, reason in layer.items() if index} for layer in reasons]
        stable = [np.zeros_like(flags) for flags in stable]
    weights, biases = network.parts(kept)
    rounded = [_rounded(layer) for layer in biases]
    pairs = (pair for layer in zip(rounded, biases, strict=True) for pair in zip(*layer, strict=True))
    return Reduction(
        original=target,
        target=Target.from_arrays(weights, rounded, domain=network.domain),
        kept=tuple(kept),
        removed=tuple(tuple(RemovedNeuron(*item) for item in sorted(layer.items())) for layer in reasons),
        affine=tuple(tuple(np.flatnonzero(flags).tolist()) for flags in stable),
        unread_inputs=tuple(np.flatnonzero(~weights[0].any(axis=0)).tolist()),
        biases_exact=tuple(tuple(layer) for layer in biases),
        bias_rounding=max(abs(Fraction(near) - exact) for near, exact in pairs),
    )


def _checked(target: Target, domain: npt.ArrayLike | None) -> Target:
    if target.weights is None:
        message = "the reduction reads weights, and this target was given by its counts alone"
        raise TheoremNotApplicable(message)
    if any(layer.kernel or layer.positions > 1 for layer in target.layers):
        message = "the reduction is exact for fully connected targets, and this one is convolutional"
        raise TheoremNotApplicable(message)
    if domain is None:
        return target
    return replace(target, domain=read_box(domain, target.inputs))


class _Network:
    """The weights, the exact biases, and which neurons are left; layer 0 are the inputs."""

    def __init__(self, target: Target) -> None:
        # `_checked` has refused a target without weights.
        self.weights: tuple[Array, ...] = target.weights or ()
        self.biases = [[Fraction(value) for value in bias.tolist()] for bias in target.biases or ()]
        self.alive: list[Flags] = [np.ones(width, dtype=np.bool_) for width in target.widths]
        self.reasons: list[dict[int, Reason]] = [{} for _ in target.layers]
        self.domain = target.domain

    def settle(self) -> list[Flags]:
        """Remove until nothing changes; say which neurons of layers 1..L are then affine."""
        while True:
            while self._drop_disconnected():
                pass
            inactive, affine = self._stable()
            if not any(flags.any() for flags in inactive):
                return affine
            for layer, flags in enumerate(inactive, start=1):
                self._remove(layer, flags, "inactive")

    def parts(self, kept: list[tuple[int, ...]]) -> tuple[list[Array], list[list[Fraction]]]:
        """Weights and biases of the neurons that are kept; a neuron kept for its place alone has zeros."""
        weights: list[Array] = []
        biases: list[list[Fraction]] = []
        below = np.arange(len(self.alive[0]))
        for layer, indices in enumerate(kept, start=1):
            rows = np.array(indices)
            edges = np.outer(self.alive[layer][rows], self.alive[layer - 1][below])
            weights.append(np.where(edges, self.weights[layer - 1][np.ix_(rows, below)], 0.0))
            biases.append([self.biases[layer - 1][i] if self.alive[layer][i] else Fraction(0) for i in indices])
            below = rows
        return weights, biases

    def _remove(self, layer: int, flags: Flags, reason: Reason) -> None:
        self.alive[layer] &= ~flags
        self.reasons[layer - 1].update(dict.fromkeys(np.flatnonzero(flags).tolist(), reason))

    def _drop_disconnected(self) -> bool:
        changed = False
        for layer in range(1, len(self.weights)):
            incoming, outgoing = self.weights[layer - 1], self.weights[layer]
            dead = self.alive[layer] & ~outgoing[self.alive[layer + 1]].any(axis=0)
            self._remove(layer, dead, "dead")
            constant = self.alive[layer] & ~incoming[:, self.alive[layer - 1]].any(axis=1)
            for index in np.flatnonzero(constant).tolist():
                self._fold(layer, index)
            self._remove(layer, constant, "constant")
            changed = changed or bool(dead.any() or constant.any())
        return changed

    def _fold(self, layer: int, index: int) -> None:
        value = self.biases[layer - 1][index]
        if value <= 0:
            return
        column = self.weights[layer][:, index]
        for reader in np.flatnonzero(column).tolist():
            self.biases[layer][reader] += Fraction(column[reader].item()) * value

    def _stable(self) -> tuple[list[Flags], list[Flags]]:
        everything = np.full((len(self.alive[0]), 2), (-np.inf, np.inf))
        low, high = (everything if self.domain is None else self.domain).T
        inactive: list[Flags] = []
        affine: list[Flags] = []
        for layer, weight in enumerate(self.weights, start=1):
            never, always = np.zeros_like(self.alive[layer]), np.zeros_like(self.alive[layer])
            if layer < len(self.weights):
                rows = np.flatnonzero(self.alive[layer])
                used = weight[np.ix_(rows, np.flatnonzero(self.alive[layer - 1]))]
                biases = [self.biases[layer - 1][index] for index in rows]
                high_h, never[rows] = _upper(used, biases, low, high)
                minus_low_h, always[rows] = _upper(-used, [-bias for bias in biases], low, high)
                low, high = np.maximum(-minus_low_h, 0.0), np.maximum(high_h, 0.0)
            inactive.append(never)
            affine.append(always)
        return inactive, affine


def _upper(weight: Array, biases: list[Fraction], low: Array, high: Array) -> tuple[Array, Flags]:
    """Bound max over the box of W x + b from above by doubles, and say in which rows interval bounds give <= 0."""
    bias = np.array(_rounded(biases, overflow=True))
    positive, negative = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
    terms = 2 * weight.shape[1] + 4  # at least the additions, and the rounding of the bias
    relative = terms * _ROUNDOFF / (1 - terms * _ROUNDOFF)
    with np.errstate(all="ignore"):
        value = positive @ high + negative @ low + bias
        moduli = positive @ np.abs(high) - negative @ np.abs(low) + np.abs(bias)
        # Twice what the error can be: `moduli` and this line are rounded themselves.
        margin = 2 * relative * moduli + terms * _UNDERFLOW
        bound = np.nextafter(value + margin, np.inf)
        nonpositive = value + margin <= 0
        # Both are false where something overflows: `moduli` is then infinite too.
        decided = nonpositive | (value - margin > 0)
    for row in np.flatnonzero(~decided).tolist():
        ends = np.where(weight[row] > 0, high, low)
        used = (weight[row] != 0) & (ends != 0)
        if np.isinf(ends[used]).any():
            bound[row], nonpositive[row] = np.inf, False
            continue
        products = zip(weight[row, used].tolist(), ends[used].tolist(), strict=True)
        exact = biases[row] + sum(Fraction(factor) * Fraction(end) for factor, end in products)
        bound[row], nonpositive[row] = _above(exact), exact <= 0
    return bound, nonpositive


def _rounded(values: list[Fraction], *, overflow: bool = False) -> list[float]:
    rounded = []
    for value in values:
        try:
            rounded.append(float(value))
        except OverflowError:
            if not overflow:
                size = f"about 2**{value.numerator.bit_length() - value.denominator.bit_length()}"
                raise InvalidInput("target", "biases that stay doubles when constants are folded", size) from None
            rounded.append(math.copysign(math.inf, value))
    return rounded


def _above(value: Fraction) -> float:
    """Give the smallest double that is not below a rational; minus the largest double below all of them."""
    try:
        near = float(value)
    except OverflowError:
        return math.inf if value > 0 else -_LARGEST
    return near if Fraction(near) >= value else math.nextafter(near, math.inf)
