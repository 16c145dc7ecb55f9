"""Linear forms with exact coefficients: what the units of a step compute from the units of the step before.

Row u of a `Forms` over B elements says that unit u is sum_b coefficient[u, b] element_b + constant; the constant is the
last column. Nearly all coefficients are single doubles that no operation has touched, so they stay doubles. The others
are added up as integers and are doubles again where one equals the sum, and fractions elsewhere.

>>> forms = identity(2)
>>> forms.elements, forms.near.toarray().tolist()
(2, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.geometry import Entries, entries, inside
from ertheory.check.upwards import gamma
from ertheory.networks.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["ROUNDOFF", "TINY", "Forms", "add_up", "biases", "identity", "nearest", "selection", "through"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

ROUNDOFF = 2.0**-53
TINY = 2.0**-1074  # of a product that underflows, the absolute error
_LARGEST = float(np.finfo(np.float64).max)
_NORMAL = 2.0**-1000  # products at least this large are exact where one factor is a power of 2
_MOST_TERMS = 16_000_000  # with more, sums are bounded in floating point instead
_TERMS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class Forms:
    """Rows of coefficients.

    Parameters
    ----------
    near
        The doubles nearest to the coefficients, shape (units, elements + 1), sorted and without zeros.
    fractions
        The coefficients that no double equals, by row and column.
    moduli
        The sum of the moduli of the terms that a coefficient is the sum of, rounded: the scale of its rounding errors.
    radius
        A bound on |coefficient - near| where coefficients are not known exactly, ``None`` where all are.
    """

    near: csr_array
    fractions: Mapping[tuple[int, int], Fraction] = field(default_factory=dict)
    moduli: csr_array | None = None
    radius: csr_array | None = None

    @property
    def units(self) -> int:
        """Number of rows."""
        return int(self.near.shape[0])

    @property
    def elements(self) -> int:
        """Columns without that of the constant."""
        return int(self.near.shape[1]) - 1


def identity(elements: int, more: int = 0) -> Forms:
    """Let unit b be element b; ``more`` elements stand behind, which no unit is."""
    return selection(np.arange(elements), elements + more, {})


def selection(element: Integers, elements: int, constants: Mapping[int, Fraction]) -> Forms:
    """Let unit u be one element, or a constant where the element is -1; a constant that is not named is 0."""
    from scipy.sparse import csr_array

    fixed = {unit: value for unit, value in constants.items() if value}
    units = np.flatnonzero(element >= 0)
    rows = np.concatenate([units, np.fromiter(fixed, np.int64, len(fixed))])
    columns = np.concatenate([element[units], np.full(len(fixed), elements)])
    values = np.concatenate([np.ones(len(units)), np.array([nearest(value) for value in fixed.values()])])
    near = csr_array((values, (rows, columns)), shape=(len(element), elements + 1))
    return Forms(near, {(unit, elements): value for unit, value in fixed.items() if nearest(value) != value})


def through(step: Affine, state: Forms) -> Forms:
    """Apply an affine step to units.

    Parameters
    ----------
    step
        Reads the units as channels.
    state
        The units in terms of B elements; its coefficients are exact.

    Returns
    -------
    Forms
        They are forms over B taps + taps elements: column b taps + t is element b at tap t, and column B taps + t is 1
        at tap t, which is 0 in the padding. Constants at taps that never read the padding are in the last column.
    """
    found = entries(step)
    lengths = np.diff(state.near.indptr).astype(np.int64)[found.channels]
    ends = np.cumsum(lengths)
    if len(ends) and ends[-1] > _MOST_TERMS and lengths.max() > 1:
        return _through_rounded(step, state, found)
    # Rows are independent, so they are added up some at a time.
    starts = step.weight.indptr.astype(np.int64)
    chunk = np.concatenate([[0], ends])[starts[:-1]] // _TERMS_AT_ONCE
    first_rows = np.flatnonzero(np.diff(chunk, prepend=-1))
    parts = [
        _through_rows(step, state, found, (low, high))
        for low, high in zip(first_rows.tolist(), [*first_rows[1:].tolist(), step.outputs], strict=True)
    ]
    return parts[0] if len(parts) == 1 else _stacked(parts)


def _through_rows(step: Affine, state: Forms, found: Entries, rows: tuple[int, int]) -> Forms:
    low, high = rows
    entry = np.arange(step.weight.indptr[low], step.weight.indptr[high], dtype=np.int64)
    lengths = np.diff(state.near.indptr).astype(np.int64)[found.channels[entry]]
    place = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = np.repeat(entry, lengths)
    place += state.near.indptr[found.channels[entry]]
    columns = _columns(step, state.elements, state.near.indices[place].astype(np.int64), found.taps[entry])
    x, y = found.values[entry], state.near.data[place]
    special: dict[int, Fraction] = {}
    if state.fractions:
        keys = {_place(state.near, *key): value for key, value in state.fractions.items()}
        for term in np.flatnonzero(np.isin(place, np.fromiter(keys, np.int64, len(keys)))).tolist():
            special[term] = Fraction(x[term].item()) * keys[int(place[term])]
    biased, bias, odd = biases(step, low, high)
    special.update({len(x) + term: value for term, value in odd.items()})
    return add_up(
        (high - low, (state.elements + 1) * step.taps + 1),
        np.concatenate([found.rows[entry], biased]) - low,
        np.concatenate([columns, np.full(len(biased), (state.elements + 1) * step.taps)]),
        np.concatenate([x, bias]),
        np.concatenate([y, np.ones(len(bias))]),
        special,
    )


def _stacked(parts: list[Forms]) -> Forms:
    from scipy.sparse import csr_array, vstack

    fractions: dict[tuple[int, int], Fraction] = {}
    start = 0
    for part in parts:
        fractions |= {(start + row, column): value for (row, column), value in part.fractions.items()}
        start += part.units
    near, moduli = (
        csr_array(vstack(matrices)) for matrices in zip(*((part.near, part.moduli) for part in parts), strict=True)
    )
    return Forms(near, fractions, moduli)


def add_up(
    shape: tuple[int, int], rows: Integers, columns: Integers, x: Array, y: Array, special: Mapping[int, Fraction]
) -> Forms:
    """Add the products x y that stand at the same row and column, exactly.

    Parameters
    ----------
    shape
        The shape of the forms is (units, elements + 1).
    rows, columns, x, y
        Each entry belongs to one term.
    special
        The values of those terms that are not x y.
    """
    from scipy.sparse import csr_array

    key = rows * shape[1] + columns
    order = np.argsort(key, kind="stable")
    key, x, y = key[order], x[order], y[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.diff(starts, append=len(key))
    row, column = np.divmod(key[starts], shape[1])
    with np.errstate(all="ignore"):
        products = x * y
        exact = (y == 1) | ((np.abs(np.frexp(y)[0]) == 0.5) & (np.abs(products) > _NORMAL) & np.isfinite(products))
        if special:
            exact &= ~np.isin(order, np.fromiter(special, np.int64, len(special)))
        first, second = products[starts], np.where(sizes == 2, products[np.minimum(starts + 1, len(key) - 1)], 0.0)
        total = first + second
        part = total - first
        # Knuth's error of one addition; NaN where something overflows.
        error = (first - (total - part)) + (second - part)
        moduli = np.add.reduceat(np.abs(products), starts) if len(starts) else np.empty(0)
    certain = (sizes <= 2) & exact[starts] & np.where(sizes == 2, exact[np.minimum(starts + 1, len(key) - 1)], True)
    near = total
    fractions: dict[tuple[int, int], Fraction] = {}
    open_groups = np.flatnonzero(~(certain & (error == 0)))
    sums = _integer_sums(x, y, starts[open_groups], sizes[open_groups], order, special)
    for group, value in zip(open_groups.tolist(), sums, strict=True):
        near[group] = nearest(value)
        if near[group] != value:
            fractions[int(row[group]), int(column[group])] = value
    kept = near != 0
    where = (row[kept], column[kept])
    scale = csr_array((moduli[kept], where), shape=shape)
    return Forms(csr_array((near[kept], where), shape=shape), fractions, scale)


def nearest(value: Fraction) -> float:
    """Give the nearest double, or the largest one where it lies beyond; never 0 for another number."""
    try:
        near = float(value)
    except OverflowError:
        near = _LARGEST if value > 0 else -_LARGEST
    if near or not value:
        return near
    return TINY if value > 0 else -TINY


def _integer_sums(
    x: Array, y: Array, starts: Integers, sizes: Integers, order: Integers, special: Mapping[int, Fraction]
) -> list[Fraction]:
    """Add groups of products: mantissas are integers of 53 bits, so the products are integers at known exponents."""
    terms = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
    (mantissa_x, exponent_x), (mantissa_y, exponent_y) = np.frexp(x[terms]), np.frexp(y[terms])
    left = np.ldexp(mantissa_x, 53).astype(np.int64).tolist()
    right = np.ldexp(mantissa_y, 53).astype(np.int64).tolist()
    exponents = (exponent_x.astype(np.int64) + exponent_y - 106).tolist()
    names = order[terms].tolist()
    sums, start = [], 0
    for size in sizes.tolist():
        group = range(start, start + size)
        start += size
        base = min(exponents[term] for term in group)
        others = [special[names[term]] for term in group if names[term] in special] if special else []
        plain = [term for term in group if names[term] not in special] if others else group
        total = sum(left[term] * right[term] << (exponents[term] - base) for term in plain)
        value = Fraction(total << base) if base >= 0 else Fraction(total, 1 << -base)
        sums.append(sum(others, value))
    return sums


def _through_rounded(step: Affine, state: Forms, found: Entries) -> Forms:
    """Do the same in floating point, with a bound on the error of each coefficient."""
    from scipy.sparse import csr_array

    tapped = csr_array(
        (found.values, (found.rows * step.taps + found.taps, found.channels)),
        shape=(step.outputs * step.taps, state.units),
    )
    biased, _, _ = biases(step)
    shape = (step.outputs, (state.elements + 1) * step.taps + 1)

    def laid_out(product: csr_array, bias: Array) -> csr_array:
        pairs = product.tocoo()
        row, tap = np.divmod(pairs.row.astype(np.int64), step.taps)
        columns = _columns(step, state.elements, pairs.col.astype(np.int64), tap)
        where = np.concatenate([row, biased]), np.concatenate([columns, np.full(len(biased), shape[1] - 1)])
        return csr_array((np.concatenate([pairs.data, bias]), where), shape=shape)

    # Every coefficient is the sum of at most so many products, each of three or four roundings.
    terms = int(np.diff(tapped.indptr).max(initial=0)) * step.taps + 6
    moduli = laid_out(abs(tapped) @ abs(state.near), np.abs(step.bias[biased]))
    radius = moduli * (2 * gamma(terms))
    radius.data += terms * TINY
    if _smallest(tapped) * _smallest(state.near) < _NORMAL:  # products that underflow may leave no entry at all
        touched = laid_out(
            (tapped != 0).astype(np.float64) @ (state.near != 0).astype(np.float64), np.ones(len(biased))
        )
        radius = radius + touched * TINY
    return Forms(laid_out(tapped @ state.near, step.bias[biased]), {}, moduli, radius)


def _smallest(matrix: csr_array) -> float:
    return float(np.abs(matrix.data).min(initial=1.0))


def _columns(step: Affine, elements: int, element: Integers, tap: Integers) -> Integers:
    last = (element == elements) & inside(step)[tap]
    return np.where(last, (elements + 1) * step.taps, element * step.taps + tap)


def biases(step: Affine, low: int = 0, high: int | None = None) -> tuple[Integers, Array, dict[int, Fraction]]:
    """Give the rows with a bias, the doubles, and those of the biases that are no doubles, by their place here.

    Parameters
    ----------
    step
        The step.
    low, high
        The rows to look at, all where left out.
    """
    if step.bias_exact is None:
        rows = low + np.flatnonzero(step.bias[low:high])
        return rows, step.bias[rows], {}
    pairs = [(row, value) for row, value in enumerate(step.bias_exact[low:high], start=low) if value]
    near = np.array([nearest(value) for _, value in pairs])
    odd = {place: value for place, (_, value) in enumerate(pairs) if near[place] != value}
    return np.array([row for row, _ in pairs], dtype=np.int64), near, odd


def _place(matrix: csr_array, row: int, column: int) -> int:
    start, stop = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
    return start + int(np.searchsorted(matrix.indices[start:stop], column))
