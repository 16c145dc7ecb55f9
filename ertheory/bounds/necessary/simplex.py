"""A linear program in rationals, for the few small ones where a solver in doubles cannot tell touching from meeting.

The simplex method with Bland's rule, which ends always and needs no tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpq

__all__ = ["largest_last"]

Rows = list[list[fmpq]]


def largest_last(equations: Sequence[Sequence[Fraction]], right: Sequence[Fraction]) -> Fraction | None:
    """Maximise the last variable subject to A v = b and v >= 0; ``None`` where no such v exists.

    Parameters
    ----------
    equations
        A, rows of the same length. The last variable must be bounded by them.
    right
        b, one number per row.

    Examples
    --------
    >>> one = Fraction(1)
    >>> largest_last([[one, 2 * one]], [one]), largest_last([[one, one]], [-one])
    (Fraction(1, 2), None)
    """
    count = len(equations[0])
    table: Rows = []
    for index, (row, value) in enumerate(zip(equations, right, strict=True)):
        sign = -1 if value < 0 else 1
        slack = [fmpq(int(index == other)) for other in range(len(equations))]
        table.append([*(_exact(sign * entry) for entry in row), *slack, _exact(sign * value)])
    basis = list(range(count, count + len(table)))
    # First drive the artificial variables out, whose sum is what the equations miss.
    zero = fmpq(0)
    missed = [-sum((row[column] for row in table), zero) if column < count else zero for column in range(len(table[0]))]
    missed[-1] = -sum((row[-1] for row in table), zero)
    _improve(table, basis, missed, count)
    if missed[-1] != 0:
        return None
    gain = [fmpq(-int(column == count - 1)) for column in range(len(table[0]))]
    for place in range(len(table)):
        if basis[place] >= count:  # at 0: exchanged for any variable that may take its place
            column = next((column for column in range(count) if table[place][column] != 0), None)
            if column is not None:
                _exchange(table, basis, gain, (place, column))
    if count - 1 in basis:
        _subtract(gain, table[basis.index(count - 1)], count - 1)
    _improve(table, basis, gain, count)
    return Fraction(int(gain[-1].p), int(gain[-1].q))


def _improve(table: Rows, basis: list[int], cost: list[fmpq], count: int) -> None:
    """Exchange variables until none of the first ones lowers the cost."""
    while True:
        column = next((column for column in range(count) if cost[column] < 0), None)
        if column is None:
            return
        ratios = [(row[-1] / row[column], basis[place], place) for place, row in enumerate(table) if row[column] > 0]
        _exchange(table, basis, cost, (min(ratios)[2], column))


def _exchange(table: Rows, basis: list[int], cost: list[fmpq], pivot: tuple[int, int]) -> None:
    place, column = pivot
    factor = table[place][column]
    table[place] = [entry / factor for entry in table[place]]
    basis[place] = column
    for row in (*(row for other, row in enumerate(table) if other != place), cost):
        _subtract(row, table[place], column)


def _subtract(row: list[fmpq], pivot: list[fmpq], column: int) -> None:
    factor = row[column]
    if factor != 0:
        row[:] = [entry - factor * other for entry, other in zip(row, pivot, strict=True)]


def _exact(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)
