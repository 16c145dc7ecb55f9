"""Hall's sum for wide maps: how likely some rows cannot be matched into a random number of columns.

Theorem. Rows 1..d read random columns out of k, the rows independently of each other, and no row avoids t given columns
with a probability above (1 - a)^t; independent edges of probability a are the first example. Then

    P(the rows cannot all be matched) <= h_k = sum_{s=1}^{d} C(d, s) C(k, s - 1) (1 - a)^{s (k - s + 1)},   k >= d,

and, since a matching into some of the columns is one into all of them, also h*_k = min(1, min_{d <= j <= k} h_j). If
the columns are a random set, independent of what the rows read, of K members, then the probability is at most E[h*_K],
with h* = 1 below d.

Proof. By Hall's theorem a matching fails only if some s rows have at most s - 1 neighbours; then these rows avoid the
k - s + 1 other columns, for one of C(d, s) C(k, s - 1) choices of rows and neighbours.  QED

Evaluation, always from above. The terms next to both ends, s <= E and s > d - E, are added one by one. Those between
are gathered in ranges u <= s <= v whose lengths grow geometrically away from the ends: s (k - s + 1) is concave in s,
hence least at u or v, and a binomial coefficient is largest at the point of the range next to its middle. So a million
rows take about a thousand terms. With u = 2^-53 a logarithm of a factorial n!, by a table or by Stirling's series cut
after 1 / (12 n) (an upper bound, at most 1 / (360 n^3) too large), errs by less than 2^-50 (1 + n log n) + 2 * 10^-10;
margins for six of them and for the product are added to every exponent.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ertheory.numbers import Masses, bounds, log_fraction

__all__ = ["log_choose", "mean_failures", "structural_failures"]

Floats = npt.NDArray[np.float64]

_ENDS = 256  # terms at both ends that are added one by one
_GROWTH = 1 / 48  # of ranges between them, relative to the distance from the nearer end
_BLOCK = 32  # numbers of columns that are evaluated together
_NEGLIGIBLE = 1e-36  # h is not followed below this
_UNLIKELY = 1e-40  # numbers of columns with smaller masses are not looked at
_TABLE = np.array([math.log(math.factorial(n)) for n in range(256)])


def structural_failures(rows: int, columns: npt.ArrayLike, density: Fraction) -> Floats:
    """Bound h_k from above for several k.

    Parameters
    ----------
    rows
        The number d >= 1 of rows.
    columns
        The numbers k >= d of columns, shape (count,).
    density
        The density a in (0, 1].

    Returns
    -------
    numpy.ndarray
        Upper bounds of h_k, shape (count,); infinite where they overflow.

    Examples
    --------
    >>> bound = structural_failures(1, [2, 3], Fraction(1, 2))
    >>> [round(value, 6) for value in bound.tolist()]
    [0.25, 0.125]
    """
    counts = np.asarray(columns, dtype=np.float64)[:, None]  # (count, 1)
    if density == 1:
        return np.zeros(len(counts))
    first, last = _ranges(rows)  # (terms,)
    log_miss = math.log1p(-float(density)) if density < Fraction(1, 2) else log_fraction(1 - density)
    log_miss *= 1 - 2.0**-49  # towards 0, that is, up
    of_rows = log_choose(rows, np.clip(rows // 2, first, last))
    of_columns = log_choose(counts, np.clip(counts // 2, first - 1, last - 1))
    missing = np.minimum(first * (counts - first + 1), last * (counts - last + 1)) * log_miss
    margin = 2e-9 + 2.0**-46 * (rows + counts) * np.log(rows + counts + 2) + 2.0**-49 * np.abs(missing)
    with np.errstate(over="ignore"):
        terms = (last - first + 1) * np.exp(of_rows + of_columns + missing + margin)
        total: Floats = terms.sum(axis=1) * (1 + 2.0**-40) + 1e-300
    return total


def mean_failures(rows: int, law: Masses, density: Fraction) -> Floats:
    """Bound E[h*_K; K >= kappa] from above for every kappa.

    Parameters
    ----------
    rows
        The number d >= 0 of rows.
    law
        The law of K.
    density
        The density a in (0, 1].

    Returns
    -------
    numpy.ndarray
        Upper bounds for kappa = ``law.first`` + i, shape (length of the law,).

    Examples
    --------
    >>> from ertheory.numbers import binomial_masses
    >>> bound = mean_failures(1, binomial_masses(3, 1.0), Fraction(1, 2))[0]
    >>> round(float(bound), 6) == round((3 / 4) ** 3, 6)
    True
    """
    if rows == 0:
        return np.zeros(len(law.values))
    failures = np.ones(len(law.values))
    likely = law.first + np.flatnonzero(law.values > _UNLIKELY)
    start = max(rows, int(likely[0]))  # elsewhere 1 is a bound that costs nothing
    if start <= law.last:
        stride = max(1, int(1 / (100 * density)))
        first = (start - rows) // (stride * _BLOCK)
        blocks = 1 + (max(start, int(likely[-1])) - rows) // (stride * _BLOCK) - first
        known = _structural(rows, density, first, blocks)
        near = (np.arange(start, law.last + 1) - rows) // stride - first * _BLOCK
        failures[start - law.first :] = known[np.minimum(near, len(known) - 1)]
    sums = np.cumsum((law.values * failures)[::-1])[::-1]
    taken = law.roundings + len(law.values) + 2
    return np.asarray(sums * float(bounds(1.0, taken)[1]) * (1 + 2.0**-50) + 2.0**-899)


@lru_cache(maxsize=256)
def _structural(rows: int, density: Fraction, first: int, blocks: int) -> Floats:
    """Bound h*_k from above in some blocks of k = d, d + w, .., or fewer of them where h* gets negligible."""
    found: list[Floats] = []
    while len(found) < blocks and not (found and found[-1][-1] < _NEGLIGIBLE):
        found.append(_block(rows, density, first + len(found)))
    return np.minimum(1.0, np.minimum.accumulate(np.concatenate(found)))


@lru_cache(maxsize=4096)
def _block(rows: int, density: Fraction, index: int) -> Floats:
    stride = max(1, int(1 / (100 * density)))
    return structural_failures(rows, rows + stride * np.arange(index * _BLOCK, (index + 1) * _BLOCK), density)


@lru_cache(maxsize=256)
def _ranges(rows: int) -> tuple[Floats, Floats]:
    """Ranges that cover 1..d, as first and last member of each."""
    if rows <= 2 * _ENDS:
        every = np.arange(1, rows + 1, dtype=np.float64)
        return every, every
    ends = [*range(1, _ENDS + 1)]
    while ends[-1] < rows // 2:
        ends.append(min(rows // 2, ends[-1] + max(1, int(ends[-1] * _GROWTH))))
    lower = np.array(ends)  # last members, from 1 to d // 2
    upper = (rows - lower)[::-1]  # last members again, from d - d // 2 on: the ranges mirrored
    last = np.unique(np.concatenate([lower, upper, [rows]]))
    last = last[last >= 1]
    first = np.concatenate([[1], last[:-1] + 1])
    return first.astype(np.float64), last.astype(np.float64)


def log_choose(total: float | Floats, chosen: Floats) -> Floats:
    """Take logarithms of binomial coefficients, with the errors that the head of this module states.

    Examples
    --------
    >>> math.isclose(log_choose(5.0, np.array([2.0]))[0], math.log(10), rel_tol=1e-15)
    True
    """
    return _log_factorial(np.asarray(total, dtype=np.float64)) - _log_factorial(chosen) - _log_factorial(total - chosen)


def _log_factorial(number: Floats) -> Floats:
    small = _TABLE[np.minimum(number, len(_TABLE) - 1).astype(np.int64)]
    large = np.maximum(number, len(_TABLE))
    series = large * np.log(large) - large + 0.5 * np.log(2 * math.pi * large) + 1 / (12 * large)
    return np.where(number < len(_TABLE), small, series)
