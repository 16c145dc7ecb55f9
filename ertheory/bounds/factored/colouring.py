"""Three masked matrices in a row, solved in the middle: every pair of an input and an output has entries of its own.

Colouring. Give every input i a class of q_1 neurons of the first inner layer that read it, and every output o a class
of q_2 neurons of the second one that it reads, no neuron in two classes. If between the classes of every pair (o, i)
the mask S_2 has an entry, the triple is universal. Proof: let B and A be 1 on the edges within the classes and 0 else.
Then (A C B)_oi is the sum of the entries of C between the classes of o and i, which no other pair shares; put W_oi on
one of them.  QED  A and B do not depend on W, and W stands in C as it is: nothing is solved, and nothing is rounded.

By Hall's theorem the classes exist but with the probabilities H of `ertheory.bounds.blocks.hall`, and S_2 is
independent of the other masks, so

    P(not universal) <= H(n, q_1, N_1, p_1) + H(m, q_2, N_2, p_3) + n m (1 - p_2)^(q_1 q_2).
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.bounds.blocks.hall import hall_sum
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, ball, decide, enclose, log_fraction, log_sparsity, smallest

__all__ = ["Classes", "colouring_failure", "least_colouring"]

Classes = tuple[int, int]
Densities = tuple[Fraction, Fraction, Fraction]

_WIDEST = 10**11
_CANDIDATES = 3  # numbers of classes of which the widths are computed


def colouring_failure(
    inputs: int, outputs: int, neurons: tuple[int, int], classes: Classes, densities: Densities
) -> Fraction:
    """Bound the probability that the classes or their entries do not exist, from above.

    Parameters
    ----------
    inputs, outputs
        The sizes n and m.
    neurons
        The numbers N_1 and N_2.
    classes
        The sizes q_1 and q_2 of the classes, each at least 1.
    densities
        The densities p_1, p_2 and p_3.

    Examples
    --------
    >>> third = (Fraction(1, 3),) * 3
    >>> colouring_failure(4, 3, (60, 50), (6, 6), third) < Fraction(1, 1000)
    True
    """
    return min(Fraction(1), enclose(lambda: _total(inputs, outputs, neurons, classes, densities))[1])


def _total(inputs: int, outputs: int, neurons: tuple[int, int], classes: Classes, densities: Densities) -> Ball:
    missed = ball(0)
    if densities[1] < 1:
        missed = inputs * outputs * (classes[0] * classes[1] * log_sparsity(densities[1])).exp()
    first = hall_sum(neurons[0], inputs, classes[0], densities[0])
    return first + hall_sum(neurons[1], outputs, classes[1], densities[2]) + missed


def least_colouring(
    inputs: int, outputs: int, densities: Densities, delta: Fraction, *, edges: bool = True
) -> tuple[tuple[int, int], Classes]:
    """Find numbers of inner neurons and sizes of classes that are enough, with few edges or few neurons.

    Parameters
    ----------
    inputs, outputs, densities
        They are as for `colouring_failure`.
    delta
        The failure probability: half of it for entries, a quarter for each of the two colourings.
    edges
        Whether edges shall be few, or neurons.

    Returns
    -------
    tuple
        N_1 and N_2, then q_1 and q_2.

    Raises
    ------
    InfeasibleWidth
        If more than 10**11 neurons are needed.

    Examples
    --------
    >>> widths, classes = least_colouring(4, 3, (Fraction(1, 3),) * 3, Fraction(1, 1000))
    >>> colouring_failure(4, 3, widths, classes, (Fraction(1, 3),) * 3) <= Fraction(1, 1000)
    True
    """
    product = 1
    if densities[1] < 1:
        product = max(1, math.ceil(log_fraction(2 * inputs * outputs / delta) / -log_fraction(1 - densities[1])))
        product += (1 - densities[1]) ** product * 2 * inputs * outputs > delta if product < 10**4 else 1
    firsts = sorted({max(1, round(product ** (part / 24))) for part in range(25)})

    def cost(first: int, second: int) -> float:
        both = float(first), float(second)
        if not edges:
            return sum(both)
        p, q, r = map(float, densities)
        return p * both[0] * inputs + q * both[0] * both[1] + r * both[1] * outputs

    pairs = [(first, -(-product // first)) for first in firsts]
    guesses = {
        pair: (_guess(inputs, pair[0], densities[0], delta), _guess(outputs, pair[1], densities[2], delta))
        for pair in pairs
    }
    chosen = sorted(pairs, key=lambda pair: cost(*guesses[pair]))[:_CANDIDATES]
    found = [
        (
            (
                _least(inputs, pair[0], densities[0], delta / 4, guesses[pair][0]),
                _least(outputs, pair[1], densities[2], delta / 4, guesses[pair][1]),
            ),
            pair,
        )
        for pair in chosen
    ]
    return min(found, key=lambda one: cost(*one[0]))


def _guess(rows: int, copies: int, density: Fraction, delta: Fraction) -> int:
    log = log_fraction(4 * rows / delta)
    alone = (copies + log + math.sqrt(2 * copies * log)) / float(density)
    together = rows * copies / -math.expm1(rows * math.log1p(-min(float(density), 1 - 1e-16)))
    return max(1, math.ceil(max(alone, together)))


def _least(rows: int, copies: int, density: Fraction, delta: Fraction, guess: int) -> int:
    def holds(neurons: int) -> Decision:
        if neurons > _WIDEST:
            raise InfeasibleWidth(f"more than {_WIDEST} inner neurons are needed")
        return decide(lambda: ball(delta) - hall_sum(neurons, rows, copies, density), undecided=False, most_bits=256)

    if guess > _WIDEST:
        raise InfeasibleWidth(f"more than {_WIDEST} inner neurons are needed")
    return smallest(holds, guess)[0]
