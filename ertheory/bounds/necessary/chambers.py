"""The chamber theorem: how many dense rows of layer 0 it takes to evade what necessary statements ask for.

Target d-n-o with one hidden layer, n <= d, W_2 without zeros, the n hyperplanes W_1 x + b_1 = 0 meeting inside the box.
Source: two masked hidden layers N_0 and N_1, linear output. Row u of layer 0 has a_u ~ Bin(d, p_0) entries.

Theorem. For every W_1 outside of a null set that does not depend on the masks: if the source represents the target and

    sum over u of (a_u - d + n)^+ < n,                                                                           (1)

then there is a convex set inside the box, open in it, that meets all n hyperplanes and on which layer 0 is affine.

So any bound on the probability that a source whose layer 0 is affine does the rest holds for every source, if the
probability that (1) fails is added; that is what `evasion` encloses.

Proof. Let Z be the set in which all n preactivations y = W_1 x + b_1 are 0. A kink of row u contains Z only if its
normal is W_1^T s with s in S_u = {s : W_1^T s vanishes outside of the entries of row u}, and for almost every W_1 the
dimension of S_u is (a_u - d + n)^+. Let T be the sum of all S_u. Under (1) it is not all of R^n, and then, for almost
every W_1, no unit vector e_j lies in T. For S_u(G W_1) = G^-T S_u(W_1) for every invertible G, and e_j lies in G^-T T
only if row j of G lies in T, which is a null set of G; by Fubini's theorem the W_1 with e_j in T are a null set too.
There are finitely many masks, so one null set serves for all of them. Hence the orthogonal complement of T contains a
vector v of which no entry is 0. Take a point z of Z inside the box off all kinks that do not contain Z. Near z the
other kinks are hyperplanes s . y = 0 with s in T, and moving y along v crosses none of them: each of the open cones
into which they cut the space contains, with y, the line y + t v, and that line meets every hyperplane y_j = 0. As the
cones contain small multiples of what they contain, one cone near z is the set that was claimed.  QED

That no row has d - n + 1 entries is more than (1), but then all S_u are zero, and it is enough that every non-zero
vector of the row span of W_1 has d - n + 1 or more non-zeros: a condition on W_1 that can be checked
(`ertheory.bounds.necessary.position`), and the one that is used where it has been. For (1) it is not enough. Let a, b,
c, e, g have two entries each, along the edges of a tree on six inputs, and let W_1 have the rows a + b, a - b, c + e,
c - e and a generic one: none of its minors of size 5 is 0. Rows a, b, c, e of layer 0 make a sum of 4 < 5 in (1), and
yet max(|a|, |b|) = |b| + relu(|a| - |b|) represents such a target with four neurons in layer 1 (a test does).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from flint import arb_series
from flint import ctx as _context

from ertheory.numbers import Ball, ball, below, decide, lower_tail, working_precision

__all__ = ["dense_rows", "evasion", "widest"]

_LONGEST = 20_000  # neurons of the target; beyond, the series is long and the union bound takes its place


def dense_rows(inputs: int, classes: int, density: Fraction, neurons: int) -> Ball:
    """Enclose N_0 P(Bin(d, p_0) >= d - n + 1), which bounds the probability that some row is so dense.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> float(enclose(lambda: dense_rows(3, 1, Fraction(1, 2), 4))[1])
    0.5
    """
    return neurons * lower_tail(inputs, classes - 1, ball(1 - density))


def evasion(inputs: int, classes: int, density: Fraction, neurons: int) -> Ball:
    """Enclose P(sum over u of (a_u - d + n)^+ >= n) for independent a_u ~ Bin(d, p_0), u = 1..N_0.

    Parameters
    ----------
    inputs, classes
        d and n, with n <= d.
    density
        p_0 in (0, 1].
    neurons
        N_0, at least 0.

    Notes
    -----
    The truncated N_0-th power of a power series. Where the sum of the tails is too small to matter at the working
    precision, that is the enclosure, and no power is taken.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> low, high = enclose(lambda: evasion(2, 2, Fraction(1, 2), 1))  # both entries are there
    >>> float(low), float(high)
    (0.25, 0.25)
    """
    if neurons == 0:
        return Ball(0)
    if density == 1:
        return Ball(1)
    return _evasion(inputs, classes, density, neurons, working_precision())


@lru_cache(maxsize=256)
def _evasion(inputs: int, classes: int, density: Fraction, neurons: int, bits: int) -> Ball:
    union = dense_rows(inputs, classes, density, neurons)
    if union < Ball(2) ** -bits:
        return below(union)
    if classes > _LONGEST:
        return below(union.min(Ball(1)))
    # n - z entries too many where z ~ Bin(d, 1 - p_0) are missing, and none where z >= n.
    chance, miss = ball(density), ball(1 - density)
    mass = chance**inputs  # of z = 0
    masses = [mass]
    for missing in range(1, classes):
        mass = mass * (miss / chance) * (inputs - missing + 1) / missing
        masses.append(mass)
    none = 1 - sum(masses, Ball(0))
    before, _context.cap = _context.cap, classes
    try:
        single = arb_series([none, *reversed(masses[1:])], prec=classes)
        few = sum((single**neurons).coeffs(), Ball(0))
    finally:
        _context.cap = before
    # What rounding leaves outside of [0, union] is not true of a probability.
    return (1 - few).max(Ball(0)).min(union).min(Ball(1))


def widest(inputs: int, classes: int, density: Fraction, most: Fraction, limit: int) -> int:
    """Give the largest N_0 up to a limit at which `evasion` is certainly at most a given probability.

    Examples
    --------
    >>> widest(784, 128, Fraction(4, 5), Fraction(1, 10_000), 10**6)
    3313
    """

    def evades(neurons: int) -> bool:
        return not decide(lambda: ball(most) - evasion(inputs, classes, density, neurons), undecided=False).holds

    if not evades(limit):
        return limit
    low, high = 0, 1
    while not evades(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if evades(middle) else (middle, high)
    return low
