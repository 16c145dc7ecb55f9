"""Rows matched into a random number of columns: how likely no matching takes in all rows.

Setting. d rows are matched into K columns, where K ~ Bin(N, b) and each row has an edge to each of these columns with
probability a, independently.

Theorem. With

    h_k = sum_{s=1}^{d} C(d, s) C(k, s - 1) (1 - a)^{s (k - s + 1)},
    h*_k = min(1, min_{j in J, j <= k} h_j), which is 1 below d,   J = {d, d + w, d + 2 w, ...} with any step w,
    P(no matching of all rows) <= eps(d, N, a, b) = E[h*_K].

Proof. Given K = k >= d take any j of the k columns. By Hall's theorem a matching fails only if some s rows have at most
s - 1 neighbours among them, that is, if for some s rows and s - 1 columns the s (j - s + 1) edges from these rows to
the other columns are all missing: there are C(d, s) C(j, s - 1) choices. So h_j bounds the failure for every such j.
QED

E[h*_K] is at most P(K < k) + h_k for any k in J, since h* falls in k. Here w = max(1, floor(1 / (100 a))): h falls by
about a factor 1 - a from one k to the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import Bounds, Floats, Masses, binomial_masses, bounds, enclose, log_sparsity, probability

__all__ = ["coding_failure", "mean_failure", "structural_failure"]

_MOST_ROWS = 10_000
_BLOCK = 16  # numbers of columns whose h are summed together
_NEGLIGIBLE = 1e-36  # h is not followed below this
_FAR = 1e-45  # the probability of the numbers of columns beyond which h is not followed either
_UNLIKELY = 1e-100
_MOST_COLUMNS = 160_000


@lru_cache(maxsize=4096)  # searches for spare neurons come back to the same numbers
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
    low, high, taken = mean_failure(rows, neurons, density, reading, columns=columns)
    return bounds(low, taken)[0], min(Fraction(1), bounds(high, taken)[1])


def mean_failure(
    rows: int, neurons: int, density: Fraction, reading: Fraction, *, columns: int = 0
) -> tuple[float, float, int]:
    """Bound E[h*_K | K >= k] from below and above in doubles, but for so many roundings as are given with them.

    Examples
    --------
    >>> mean_failure(1, 1, Fraction(1), Fraction(1, 2))[:2]
    (0.5, 0.5)
    """
    readers = _readers(neurons, reading)
    return *readers.mean_failure(rows, density, columns), readers.roundings


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
    lows, highs = _structural(rows, density).up_to(columns)
    at = (columns - rows) // _stride(density)
    low = float(lows[at]) if at < len(lows) else 0.0
    return Fraction(low), Fraction(float(highs[min(at, len(highs) - 1)]))


@dataclass(frozen=True)
class _Readers:
    """The law of K, and its distribution function."""

    law: Masses
    below: Floats  # P(K < first + i)
    above: Floats  # P(K >= first + i)
    far: int  # K is hardly ever larger

    @property
    def roundings(self) -> int:
        return 2 * self.law.roundings + 3 * len(self.law.values) + 4

    def mean_failure(self, rows: int, density: Fraction, columns: int) -> tuple[float, float]:
        """E[h*_K | K >= columns] from below and above, but for `roundings` roundings."""
        first = self.law.first
        lowest = max(first, columns)  # of K
        if rows > self.law.last or lowest > self.law.last:
            return 0.0 if columns else float(self.below[-1]), 1.0
        few = float(self.law.values[lowest - first : max(0, rows - first)].sum())
        lows, highs = _structural(rows, density).up_to(self.law.last if columns else self.far)
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
    far = law.first + int(np.searchsorted(-above, -_FAR))
    return _Readers(law, np.concatenate([[0.0], below]), np.concatenate([above, [0.0]]), far)


def _stride(density: Fraction) -> int:
    return max(1, int(1 / (100 * density)))


@lru_cache(maxsize=256)
def _log_sparsity(density: Fraction) -> float:
    return float(enclose(lambda: log_sparsity(density), digits=20)[0])


class _Structural:
    """Bounds of h*_k from below and above for k = d, d + w, ..; followed as far as anybody has asked for."""

    def __init__(self, rows: int, density: Fraction) -> None:
        self.rows, self.density, self.stride = rows, density, _stride(density)
        self.lows, self.highs = np.empty(0), np.empty(0)

    def up_to(self, most: int) -> tuple[Floats, Floats]:
        """Give them up to k = `most`, or up to where h* is negligible."""
        while not len(self.highs) or not (
            self.highs[-1] < _NEGLIGIBLE or self.rows + len(self.highs) * self.stride > most
        ):
            if len(self.highs) >= _MOST_COLUMNS:
                msg = "a coded layer 0 needs longer sums than are evaluated"
                raise InfeasibleWidth(msg)
            lows, highs = _block(self.rows, len(self.highs), self.density)
            self.lows, self.highs = _falling(self.lows, lows), _falling(self.highs, highs)
        return self.lows, self.highs


def _falling(known: Floats, new: Floats) -> Floats:
    """Go on with the smallest number so far, 1 at most."""
    smallest = np.minimum.accumulate(np.concatenate([known[-1:], np.minimum(1.0, new)]))
    return np.concatenate([known[:-1], smallest])


@lru_cache(maxsize=2048)
def _structural(rows: int, density: Fraction) -> _Structural:
    return _Structural(rows, density)


def _block(rows: int, done: int, density: Fraction) -> tuple[Floats, Floats]:
    """Bounds of h_k from below and above for the next block of k, where so many are known.

    With u = 2^-53, log C(d, s) + log C(k, s - 1) is a sum of 2 d terms with partial sums below (d + k) log 2, which
    errs by less than (d + 16) (d + k + 64) u, logarithms included; the product that is added to it errs by six
    roundings.
    """
    if rows > _MOST_ROWS:
        raise InfeasibleWidth(f"a coded layer 0 is evaluated for up to {_MOST_ROWS} rows")
    if density == 1:
        return np.zeros(_BLOCK), np.zeros(_BLOCK)
    columns = rows + _stride(density) * np.arange(done, done + _BLOCK, dtype=np.float64)[:, None]
    sizes = np.arange(1, rows + 1, dtype=np.float64)
    choices = np.cumsum(np.log(rows + 1 - sizes) - np.log(sizes))
    steps = np.log(columns - sizes[:-1] + 1) - np.log(sizes[:-1])
    others = np.concatenate([np.zeros_like(columns), np.cumsum(steps, axis=1)], axis=1)
    missing = sizes * (columns - sizes + 1) * _log_sparsity(density)
    margin = 2.0**-52 * (rows + 16) * (rows + columns + 64) + 2.0**-50 * np.abs(missing)
    logs = choices + others + missing
    taken = 1 + 2.0**-50 * (rows + 64)
    with np.errstate(over="ignore"):
        low = np.exp(np.minimum(logs - margin, 700)).sum(axis=1) / taken
        high = np.exp(np.minimum(logs + margin, 700)).sum(axis=1) * taken + 1e-300
    return low, high
