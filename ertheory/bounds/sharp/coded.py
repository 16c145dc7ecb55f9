"""The coded input layer: layer 0 carries linear combinations of the inputs instead of copies of them.

Setting. Layer 0 has N_0 neurons that read each of d inputs with probability p_0, with mask S_0 of shape (N_0, d); the
neurons v of layer 1 read each neuron of layer 0 with probability p_1, with mask S_1 of shape (N_1, N_0). On a bounded
box a bias keeps every layer-0 neuron in its linear range, where x -> B x, so the layer-1 neurons of a set V see A B x
with any A supported on S_1 and any B supported on S_0. To be reached: rows w_v of length d, as A B = (w_v) for v in V.

Primal. K_v is the set of layer-0 neurons that v reads. Suppose that for every v in V there is a matching of all d
inputs into K_v, along S_0. Then all rows can be reached at once, whatever they are. Proof: let the entries of B on S_0
be variables. The matching gives a d x d minor of B[K_v] with one of its monomials, and monomials of a determinant with
independent variables do not cancel; so it is a non-zero polynomial. So is the product over v, hence one B makes all of
them non-zero at once, B[K_v] has rank d, and A_v B[K_v] = w_v can be solved for every v.

Dual. K^i is the set of layer-0 neurons that read input i. Suppose that for every i there is a matching of all of V into
K^i, along S_1. Then all rows can be reached at once: draw A, and solve A[:, K^i] B[K^i, i] = (w_vi)_v for every i.

Theorem. Let d rows be matched into K columns, where K ~ Bin(N, b) and each row has an edge to each of these columns
with probability a, independently. Then with

    h_k = sum_{s=1}^{d} C(d, s) C(k, s - 1) (1 - a)^{s (k - s + 1)},
    h*_k = min(1, min_{j in J, j <= k} h_j), which is 1 below d,   J = {d, d + w, d + 2 w, ...} with any step w,
    P(no matching of all rows) <= eps(d, N, a, b) = E[h*_K].

With density p_0 of layer 0 and p_1 of layer 1, and any V that does not depend on S_0 and S_1,

    primal:  P(failure) <= E|V| eps(d, N_0, p_0, p_1),      dual:  P(failure) <= E[min(1, d eps(|V|, N_0, p_1, p_0))].

Proof. Given K = k >= d take any j of the k columns. By Hall's theorem a matching fails only if some s rows have at most
s - 1 neighbours among them, that is, if for some s rows and s - 1 columns the s (j - s + 1) edges from these rows to
the other columns are all missing: there are C(d, s) C(j, s - 1) choices. So h_j bounds the failure for every such j. In
the primal, S_1 decides K_v and S_0 is independent of it; in the dual it is the other way round. Sum over V or over the
inputs. E[h*_K] is at most P(K < k) + h_k for any k in J, since h* falls in k. Here w = max(1, floor(1 / (100 a))): h
falls by about a factor 1 - a from one k to the next.  QED

One neuron of layer 1 is used for each (output, target neuron) pair at most, so |V| <= min(N_1, m_2).

Spare neurons. In the primal, let only neurons v with at least k edges into layer 0 be used. Whether a neuron is one of
them is a matter of its row of S_1, hence independent of the others, with probability 1 - P(Bin(N_0, p_1) < k). If V
depends on S_1 only through which neurons they are, each used one has K distributed as Bin(N_0, p_1) given that it is at
least k, and the primal holds with E[h*_K | K >= k] for eps, by the same proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import (
    Bounds,
    Decision,
    Floats,
    Masses,
    binomial_masses,
    bounds,
    decided,
    log_fraction,
    probability,
    smallest,
)

__all__ = ["coded_width", "coding_failure", "dual_failure", "mean_size", "primal_failure", "structural_failure"]

_MOST_ROWS = 10_000
_BLOCK = 16  # numbers of columns whose h are summed together
_NEGLIGIBLE = 1e-36  # h is not followed below this
_UNLIKELY = 1e-100
_SPARE = 1e-9  # of the failure: rare |V| of which no use is made
_MOST_BLOCKS = 10_000


def coding_failure(rows: int, neurons: int, density: Fraction, reading: Fraction, *, columns: int = 0) -> Bounds:
    """Enclose eps(d, N, a, b), or E[h*_K | K >= k].

    Parameters
    ----------
    rows
        d >= 1, what is matched.
    neurons
        N >= 0, neurons of layer 0.
    density
        The density a in (0, 1] of the edges between the rows and the columns.
    reading
        The probability b in (0, 1] that a neuron is one of the columns.
    columns
        k, from 0 to N; 0 for eps.

    Returns
    -------
    tuple
        Rationals below and above eps, the upper one at most 1.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If a sum is too long.

    Examples
    --------
    >>> low, high = coding_failure(10, 30, Fraction(1, 2), Fraction(1, 2))
    >>> round(float(low), 4), round(float(high), 4)
    (0.0228, 0.0228)
    """
    probability("density", density, one=True)
    probability("density", reading, one=True)
    if rows < 1 or not 0 <= columns <= neurons:
        raise InvalidInput("rows", "at least one row, and 0 to N columns", (rows, neurons, columns))
    if neurons < rows:
        return Fraction(1), Fraction(1)
    readers = _Readers.of(neurons, reading)
    low, high = readers.mean_failure(rows, density, columns)
    return bounds(low, readers.roundings)[0], min(Fraction(1), bounds(high, readers.roundings)[1])


def structural_failure(rows: int, columns: int, density: Fraction) -> Bounds:
    """Enclose h*_k: no matching of the rows, given that there are k columns.

    Examples
    --------
    >>> low, high = structural_failure(1, 2, Fraction(1, 2))
    >>> low < Fraction(1, 4) < high
    True
    """
    if columns < rows:
        return Fraction(1), Fraction(1)
    lows, highs = _structural(rows, columns, density)
    at = (columns - rows) // _stride(density)
    low = float(lows[at]) if at < len(lows) else 0.0
    return Fraction(low), Fraction(float(highs[min(at, len(highs) - 1)]))


def primal_failure(used: Bounds, inputs: int, neurons: int, densities: tuple[Fraction, Fraction]) -> Bounds:
    """Enclose E|V| eps(d, N_0, p_0, p_1).

    Parameters
    ----------
    used
        Rationals below and above E|V|.
    inputs, neurons, densities
        d, N_0 and (p_0, p_1).
    """
    low, high = coding_failure(inputs, neurons, densities[0], densities[1])
    return low * used[0], min(Fraction(1), high * used[1])


def dual_failure(used: Masses, inputs: int, neurons: int, densities: tuple[Fraction, Fraction]) -> Bounds:
    """Enclose E[min(1, d eps(|V|, N_0, p_1, p_0))].

    Parameters
    ----------
    used
        Law of |V|.
    inputs, neurons, densities
        d, N_0 and (p_0, p_1).

    Examples
    --------
    >>> four = Masses(4, np.ones(1), 0)
    >>> low, high = dual_failure(four, 3, 40, (Fraction(1, 2), Fraction(1, 2)))
    >>> low <= 3 * coding_failure(4, 40, Fraction(1, 2), Fraction(1, 2))[0] < high
    True
    """
    readers = _Readers.of(neurons, densities[0])
    low = high = 0.0
    for size, weight in enumerate(used.values.tolist(), start=used.first):
        least, most = readers.mean_failure(size, densities[1]) if size else (0.0, 0.0)
        low, high = low + weight * min(1.0, inputs * least), high + weight * min(1.0, inputs * most)
    taken = readers.roundings + used.roundings + len(used.values) + 2
    return bounds(low, taken)[0], min(Fraction(1), bounds(high, taken)[1])


def coded_width(
    used: Masses, inputs: int, densities: tuple[Fraction, Fraction], failure_probability: Fraction
) -> tuple[int, str, int]:
    """Smallest N_0 for which the primal or the dual bound is at most a given probability.

    Parameters
    ----------
    used
        Law of |V|, of positive numbers.
    inputs
        d.
    densities
        (p_0, p_1), each in (0, 1].
    failure_probability
        In (0, 1).

    Returns
    -------
    tuple
        N_0; ``primal`` or ``dual``, whichever needs fewer neurons; and the bits that decided N_0 and N_0 - 1.

    Examples
    --------
    >>> pairs = Masses(1280, np.ones(1), 0)
    >>> coded_width(pairs, 784, (Fraction(1, 10), Fraction(1, 10)), Fraction(1, 2000))[:2]
    (9227, 'primal')
    """
    first, second = densities
    expected = mean_size(used)
    likely = used.trimmed(float(failure_probability) * _SPARE)
    spare = Fraction(3 * float(failure_probability) * _SPARE)

    def primal_holds(neurons: int) -> Decision:
        return decided(primal_failure(expected, inputs, neurons, densities), failure_probability)

    def dual_holds(neurons: int) -> Decision:
        low, high = dual_failure(likely, inputs, neurons, densities)
        return decided((low, high + spare), failure_probability)

    try:
        neurons, bits = smallest(primal_holds, math.ceil(inputs / second), least=inputs)
    except InfeasibleWidth:
        neurons, bits = smallest(dual_holds, math.ceil(expected[1] / first))
        return neurons, "dual", bits
    typical = max(1, round(float(expected[1])))
    if inputs * coding_failure(typical, neurons - 1, second, first)[0] > failure_probability:
        return neurons, "primal", bits  # rows as many as are used on average already cost too much in the dual
    if dual_holds(neurons - 1).holds:
        neurons, bits = smallest(dual_holds, math.ceil(expected[1] / first))
        return neurons, "dual", bits
    return neurons, "primal", bits


def mean_size(used: Masses) -> Bounds:
    """Enclose E|V| for a law of |V| of which less than 1e-50 is left out.

    Examples
    --------
    >>> low, high = mean_size(Masses(2, np.array([0.5, 0.5]), 0))
    >>> low < Fraction(5, 2) < high
    True
    """
    sizes = np.arange(used.first, used.last + 1)
    return bounds(float(used.values @ sizes), used.roundings + len(sizes) + 1, 1e-40)


@dataclass(frozen=True)
class _Readers:
    """The law of K, and its distribution function."""

    law: Masses
    below: Floats  # P(K < first + i)
    above: Floats  # P(K >= first + i)

    @classmethod
    def of(cls, neurons: int, reading: Fraction) -> _Readers:
        return _readers(neurons, reading)

    @property
    def roundings(self) -> int:
        return 2 * self.law.roundings + 3 * len(self.law.values) + 4

    def mean_failure(self, rows: int, density: Fraction, columns: int = 0) -> tuple[float, float]:
        """E[h*_K | K >= columns] from below and above, but for `roundings` roundings."""
        first = self.law.first
        lowest = max(first, columns)  # of K
        if rows > self.law.last or lowest > self.law.last:
            return 0.0 if columns else float(self.below[-1]), 1.0
        few = float(self.law.values[lowest - first : max(0, rows - first)].sum())
        lows, highs = _structural(rows, self.law.last, density)
        stride = _stride(density)
        start = max(rows, lowest)  # of K, where h* is asked for
        near = (np.arange(start, min(len(highs) * stride + rows, self.law.last + 1)) - rows) // stride
        masses = self.law.values[start - first :][: len(near)]
        rest = float(self.above[start - first + len(near)])
        low, high = few + float(masses @ lows[near]), few + float(masses @ highs[near]) + rest * float(highs[-1])
        if not columns:
            return low, high
        given = float(self.above[lowest - first])
        # What underflows is divided by the condition too.
        return (low / given, high / given + _UNLIKELY) if given > _UNLIKELY else (0.0, 1.0)


@lru_cache(maxsize=64)
def _readers(neurons: int, reading: Fraction) -> _Readers:
    law = binomial_masses(neurons, math.inf if reading == 1 else float(reading / (1 - reading)))
    below, above = np.cumsum(law.values), np.cumsum(law.values[::-1])[::-1]
    return _Readers(law, np.concatenate([[0.0], below]), np.concatenate([above, [0.0]]))


def _stride(density: Fraction) -> int:
    return max(1, int(1 / (100 * density)))


@lru_cache(maxsize=4096)
def _structural(rows: int, most: int, density: Fraction) -> tuple[Floats, Floats]:
    """Bounds of h*_k from below and above for k = d, d + w, .. up to `most`; cut short where h* is negligible."""
    lows: list[Floats] = []
    highs: list[Floats] = []
    while True:
        low, high = _block(rows, len(highs), density)
        lows.append(low)
        highs.append(high)
        if high.min() < _NEGLIGIBLE or rows + len(highs) * _BLOCK * _stride(density) > most:
            break
        if len(highs) == _MOST_BLOCKS:
            msg = "a coded layer 0 needs longer sums than are evaluated"
            raise InfeasibleWidth(msg)
    low, high = (np.minimum(1.0, np.minimum.accumulate(np.concatenate(ends))) for ends in (lows, highs))
    return low, high


@lru_cache(maxsize=8192)
def _block(rows: int, block: int, density: Fraction) -> tuple[Floats, Floats]:
    """Bounds of h_k from below and above for one block of k.

    With u = 2^-53, log C(d, s) + log C(k, s - 1) is a sum of 2 d terms with partial sums below (d + k) log 2, which
    errs by less than (d + 16) (d + k + 64) u, logarithms included; the product that is added to it errs by six
    roundings.
    """
    if rows > _MOST_ROWS:
        raise InfeasibleWidth(f"a coded layer 0 is evaluated for up to {_MOST_ROWS} rows")
    if density == 1:
        return np.zeros(_BLOCK), np.zeros(_BLOCK)
    columns = rows + _stride(density) * np.arange(block * _BLOCK, (block + 1) * _BLOCK, dtype=np.float64)[:, None]
    sizes = np.arange(1, rows + 1, dtype=np.float64)
    choices = np.cumsum(np.log(rows + 1 - sizes) - np.log(sizes))
    steps = np.log(columns - sizes[:-1] + 1) - np.log(sizes[:-1])
    others = np.concatenate([np.zeros_like(columns), np.cumsum(steps, axis=1)], axis=1)
    log_miss = math.log1p(-float(density)) if density < Fraction(1, 2) else log_fraction(1 - density)
    missing = sizes * (columns - sizes + 1) * log_miss
    margin = 2.0**-52 * (rows + 16) * (rows + columns + 64) + 2.0**-50 * np.abs(missing)
    logs = choices + others + missing
    taken = 1 + 2.0**-50 * (rows + 64)
    with np.errstate(over="ignore"):
        low = np.exp(np.minimum(logs - margin, 700)).sum(axis=1) / taken
        high = np.exp(np.minimum(logs + margin, 700)).sum(axis=1) * taken + 1e-300
    return low, high
