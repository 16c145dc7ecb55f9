"""Hypotheses of the necessary statements for targets d-n-o, decided wherever the weights are known.

Some concern W_1: that it has rank n, and that every non-zero vector of its row span has at least d - n + 1 non-zeros,
which is to say that no minor of size n is zero. Others concern the box: that the n hyperplanes W_1 x + b_1 = 0 meet
inside. Inputs that no hidden neuron reads, or that the box leaves no choice of, are left out beforehand, and d counts
those that are left. What is said here is certain: matrices are eliminated in whole numbers, and a common point, or a
hyperplane that separates the common points from the box, is proved in balls or in rationals, whatever a solver says.
Rows are scaled by powers of two first, so that the scale of the weights has no say. Where nothing is proved either
way, the hypothesis stands among those that are assumed.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.bounds.necessary.chambers import dense_rows, evasion
from ertheory.bounds.necessary.elimination import full_rank, minors, whole_rows
from ertheory.bounds.necessary.meeting import meet_inside
from ertheory.networks.network import Network
from ertheory.networks.target import Target
from ertheory.numbers import Ball, at_precision, enclose, rational_text

__all__ = ["Position", "position_of"]

_SMALLEST = 1e-300  # probabilities below are not told apart where they are shown


@dataclass(frozen=True, kw_only=True)
class Position:
    """What is known of the hypotheses for one target.

    Parameters
    ----------
    inputs
        d, the inputs that hidden neurons read and the box leaves a choice of.
    classes, outputs
        n and o.
    refusal
        A hypothesis that is certainly violated, or an empty string.
    minors
        Whether no minor of size n of W_1 is zero, which is then certain. Otherwise W_1 is assumed to lie outside of the
        null set of `ertheory.bounds.necessary.chambers`.
    meeting
        Whether the hyperplanes certainly meet inside the box. Otherwise it is assumed.
    zeros
        Whether W_1 has zeros at these inputs.
    """

    inputs: int
    classes: int = 0
    outputs: int = 0
    refusal: str = ""
    minors: bool = False
    meeting: bool = False
    zeros: bool = False

    def evasion(self, density: Fraction, neurons: int) -> Ball:
        """Enclose the probability that rows of layer 0 are dense enough to evade the statements, from above.

        Parameters
        ----------
        density
            p_0.
        neurons
            N_0.
        """
        bound = dense_rows if self.minors else evasion
        return bound(self.inputs, self.classes, density, neurons)

    def evaded(self, density: Fraction, neurons: int) -> Fraction:
        """Give a rational number that this bound does not exceed, and that is 1 at most."""
        return min(Fraction(1), enclose(lambda: 1 + self.evasion(density, neurons), digits=16)[1] - 1)

    def evasion_lines(self, density: Fraction, neurons: int) -> tuple[str, ...]:
        """Write that bound, and the number that it gives, in lines of text.

        Examples
        --------
        >>> for line in position_of(Target.from_text("784-128-10")).evasion_lines(Fraction(4, 5), 3313):
        ...     print(line)
        E = P(sum over u of (a_u - d + n)^+ >= n),  a_u ~ Bin(d, p0), u = 1..N0
          <= 0.0000998 for d = 784, n = 128, p0 = 0.8, N0 = 3313
        """
        value = at_precision(64, lambda: float(self.evasion(density, neurons).upper()))
        formula = "P(sum over u of (a_u - d + n)^+ >= n),  a_u ~ Bin(d, p0), u = 1..N0"
        if self.minors:
            formula = "N0 P(Bin(d, p0) >= d - n + 1)"
        at = f"d = {self.inputs}, n = {self.classes}, p0 = {rational_text(density)}, N0 = {neurons}"
        return f"E = {formula}", f"  <= {_rounded_up(value)} for {at}"

    def conditions(self, *, generic: bool = False) -> str:
        """Say under which hypotheses a statement holds, and which of them have been checked.

        Parameters
        ----------
        generic
            Whether the statement needs almost every W_1 even where no minor of it is zero.
        """
        known = self.minors and not generic
        span = "no vector of the row span of W_1 has d - n or fewer non-zeros" if known else "almost every W_1"
        said = {span: known, "hyperplanes that meet inside the box": self.meeting}
        assumed = [text for text, checked in said.items() if not checked]
        checked = [text for text, checked in said.items() if checked]
        parts = [f"assumed, not checked: {' and '.join(assumed)}"] if assumed else []
        parts += [f"checked: {' and '.join(checked)}"] if checked else []
        return f"for a target in general position ({'; '.join(parts)}), W_2 without zeros, linear output"


def _rounded_up(value: float) -> str:
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_CEILING):
        return f"{+decimal.Decimal(max(value, _SMALLEST)):g}"


def position_of(target: Target) -> Position:
    """Decide the hypotheses for a target, as far as its counts and its weights decide them.

    Examples
    --------
    >>> position_of(Target.from_text("4-8-3")).refusal
    'needs at most as many hidden neurons as inputs (n = 8, d = 4)'
    >>> target = Target.from_arrays([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0]]])
    >>> position_of(target).minors, position_of(target).meeting
    (True, True)
    """
    if target.depth != 2 or target.is_convolutional or target.layers[1].positions > 1:
        return Position(inputs=target.inputs, refusal="speaks of fully connected targets with one hidden layer")
    if target.network is None:
        first = target.layers[0]
        read = sum(count for fan_out, count in first.fan_out_counts.items() if fan_out)
        return _counted(target, read, min(first.fan_in_counts), first.nonzeros)
    return _decided(target.network)


def _counted(target: Target, read: int, least: int, nonzeros: int) -> Position:
    """Look at the counts of W_1 at the inputs that are read: non-zeros of its emptiest row, and of all rows."""
    _, n, outputs = target.widths
    refusal = ""
    if n > read:
        refusal = f"needs at most as many hidden neurons as inputs (n = {n}, d = {read})"
    elif target.layers[1].nonzeros < target.layers[1].size:
        refusal = "needs W_2 without zeros"
    elif least < read - n + 1:
        refusal = "needs rows of W_1 with at least d - n + 1 non-zeros"
    return Position(inputs=read, classes=n, outputs=outputs, refusal=refusal, zeros=nonzeros < n * read)


@lru_cache(maxsize=8)  # networks are hashed by what they are, not by their counts
def _decided(network: Network) -> Position:
    target = Target.from_network(network)
    assert target.weights is not None
    weight, box = target.weights[0], network.domain
    live = weight.any(axis=0)
    biases = list(network.affine[0].exact_bias)
    if box is not None:
        still = live & (box[:, 0] == box[:, 1])
        for input_ in np.flatnonzero(still).tolist():
            value = Fraction(box[input_, 0])
            biases = [bias + Fraction(row[input_]) * value for bias, row in zip(biases, weight.tolist(), strict=True)]
        live &= ~still
        box = box[live]
    weight = weight[:, live]
    pattern = weight != 0
    found = _counted(target, int(live.sum()), int(pattern.sum(axis=1).min()), int(pattern.sum()))
    if found.refusal:
        return found
    rows = whole_rows(weight)
    if not full_rank(rows):
        return replace(found, refusal="needs W_1 of full rank")
    meeting = True if box is None else meet_inside(weight, biases, box)
    if meeting is False:
        return replace(found, refusal="needs the hyperplanes W_1 x + b_1 = 0 to meet inside the box")
    general = minors(rows)
    if general == "one is zero":
        return replace(found, refusal="needs a row span of W_1 without vectors of d - n or fewer non-zeros")
    return replace(found, minors=general == "none is zero", meeting=meeting is True)
