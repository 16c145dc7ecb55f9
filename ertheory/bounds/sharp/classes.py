"""Class coding: copies of the same target neuron share their weights on layer 0, so each input has fewer equations.

Setting as in `ertheory.bounds.sharp.coded`. The neurons of layer 1 that are used fall into classes V_1..V_n, by the
target neuron that they copy; all rows w_v of a class are equal. Each class is cut into ceil(|V_j| / s) parts of at most
s neurons, for some s that is chosen before the masks are seen. A filter with f taps has f rows for each part, one for
every tap, and B is the same for all of them; f = 1 where fully connected.

Construction. Let T be the set of pairs of a row (part, tap) and a neuron u of layer 0 such that every neuron of the
part reads u at that tap. Draw numbers A for the pairs in T; all neurons of a part have them as their weights. For each
input i let K^i be the neurons of layer 0 that read it, and solve A[:, K^i] B[K^i, i] = the weights of i: one equation
for each row, where the dual has one for each neuron of layer 1.

Lemma. If for every input i all rows have a matching into K^i along T, this succeeds for almost all numbers that are
drawn, whatever the weights. Proof: let the numbers be variables. The matching gives a minor of A[:, K^i], with all its
rows, one of its monomials, and monomials of a determinant with independent variables do not cancel. So it is a non-zero
polynomial, and so is the product over i; where that is not 0, each A[:, K^i] has as large a rank as it has rows.  QED

Theorem. Let the classes depend on the masks behind layer 1 alone, and be given with probability 1 - last at least. Let
a_1..a_n be independent numbers that are at least their sizes wherever they are given, and M = sum_j ceil(a_j / s). Then

    P(failure) <= last + E[min(1, d eps(f M, N_0, p_1^s, p_0))],

with eps as in `ertheory.bounds.sharp.matched`.

Proof. Given the classes, the edges into the neurons of layer 1 that are used are still independent with probability
p_1, and so are S_0's. A row and a neuron u are in T with probability p_1^b, b <= s the size of the part; different
pairs rest on different edges, so they are independent. Leave pairs out at random until each is there with probability
p_1^s, and add rows until there are f M, which make a matching no easier. |K^i| is Bin(N_0, p_0), independent of T. So
given the classes an input fails with probability at most eps. Sum over the inputs, and take the mean over the classes:
E[g(classes); they are given] <= E[g(M)] for g >= 0.  QED

Sizes. One hidden layer: the classes are those of a colouring. The chains of the sequential greedy are independent
(`ertheory.bounds.sharp.sequential`), and up to its first failure they are the sizes. A private matching gives a class
one neuron for every consumer that needs it. More hidden layers: in layer 1 the first t_1 copies of every target neuron
are used, whatever the masks. A builder may leave redundant neurons out beforehand, by the masks behind layer 1: that
only lowers the sizes.

With s = 1 this is the dual. A larger s has fewer rows, of which each finds fewer neurons of layer 0: N_0 falls from
about |V| / p_0 to |V| / (s p_0), as long as p_1^s |V| / s is some multiple of log(d |V|).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.bounds.sharp.chains import powers
from ertheory.bounds.sharp.coded import dual_failure, likely_sizes, mean_size
from ertheory.bounds.sharp.matched import coding_failure
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Decision, Masses, convolve, decided, smallest

__all__ = ["Classes", "class_width", "rows_of"]


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of the neurons of layer 1 that are used.

    Parameters
    ----------
    groups
        Numbers of classes, and the law of the size of each of them; at most 1e-50 of all of them is left out.
    taps
        The number f of taps.
    """

    groups: tuple[tuple[int, Masses], ...]
    taps: int = 1

    @property
    def largest(self) -> int:
        """The largest size."""
        return max((law.last for _, law in self.groups), default=0)


@lru_cache(maxsize=64)
def rows_of(classes: Classes, part: int) -> Masses:
    """Law of f M, the number of rows.

    Parameters
    ----------
    classes
        The classes of layer 1.
    part
        The largest size s of a part, at least 1.

    Examples
    --------
    >>> law = rows_of(Classes(((2, Masses(2, np.array([0.5, 0.5]), 0)),)), 2)
    >>> law.first, law.values.tolist()
    (2, [0.25, 0.5, 0.25])
    """
    total = Masses(0, np.ones(1), 0)
    for count, law in classes.groups:
        first, last = -(-law.first // part), -(-law.last // part)
        values = np.zeros(last - first + 1)
        np.add.at(values, -(-np.arange(law.first, law.last + 1) // part) - first, law.values)
        if len(values) == 1 and not law.roundings:  # a number that is no matter of chance
            total = Masses(total.first + count * first, total.values, total.roundings)
        else:
            total = convolve(total, powers(Masses(first, values, law.roundings + part), count)[count])
    spread = np.zeros((len(total.values) - 1) * classes.taps + 1)
    spread[:: classes.taps] = total.values
    return Masses(total.first * classes.taps, spread, total.roundings)


def class_width(
    classes: Classes,
    inputs: int,
    densities: tuple[Fraction, Fraction],
    failure_probability: Fraction,
    *,
    least_part: int = 2,
    below: int | None = None,
) -> tuple[int, int]:
    """Smallest N_0 for which the bound is at most a given probability with any s, and that s.

    Parameters
    ----------
    classes
        The classes of layer 1.
    inputs, densities
        d and (p_0, p_1).
    failure_probability
        It lies in (0, 1).
    least_part
        The smallest s that is looked at.
    below
        Nothing but a smaller N_0 is of use.

    Raises
    ------
    InfeasibleWidth
        If there is none below.

    Examples
    --------
    >>> triples = Classes(((128, Masses(3, np.ones(1), 0)),))
    >>> class_width(triples, 784, (Fraction(9, 10), Fraction(9, 10)), Fraction(1, 2000))
    (166, 3)
    """
    first, second = densities
    best, chosen = below, 0
    for part in range(least_part, max(classes.largest, least_part) + 1):
        edge = second**part
        if best is not None and edge < 1:
            alone = math.log(inputs) + best * math.log1p(-float(edge))
            if alone > math.log(failure_probability):
                break  # one row alone is too likely to have no edge at all, and more so in larger parts
        used, spare = likely_sizes(rows_of(classes, part), failure_probability)
        typical = max(1, round(float(mean_size(used)[1])))

        def near(neurons: int, rows: int = typical, edge: Fraction = edge) -> Decision:
            low, high = coding_failure(rows, neurons, edge, first)
            return decided((inputs * low, inputs * high), failure_probability)

        def holds(neurons: int, used: Masses = used, spare: Fraction = spare, edge: Fraction = edge) -> Decision:
            low, high = dual_failure(used, inputs, neurons, (first, edge))
            return decided((low, high + spare), failure_probability)

        if best is not None and not near(best - 1).holds:
            continue  # as many rows as there are on average cost too much
        guess, _ = smallest(near, math.ceil(typical / first))
        found, _ = smallest(holds, guess)
        if best is None or found < best:
            best, chosen = found, part
    if best is None or not chosen:
        msg = "class coding needs no fewer neurons"
        raise InfeasibleWidth(msg)
    return best, chosen
