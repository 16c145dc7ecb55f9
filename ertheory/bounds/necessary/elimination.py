"""Exact elimination in matrices of doubles: ranks, vectors of the row span with few non-zeros, and all minors.

Every row is first multiplied by a power of two that makes it whole numbers, which changes nothing of this. Then a prime
is put in place of the rationals: what is not 0 modulo the prime is not 0, and what is 0 modulo the prime is looked at
again in whole numbers. So every answer is certain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from flint import fmpz_mat, nmod_mat

from ertheory.networks.arrays import Array

__all__ = ["Minors", "full_rank", "minors", "whole_rows"]

Minors = Literal["none is zero", "one is zero", "not decided"]
Rows = Sequence[Sequence[int]]

_PRIME = 2**61 - 1
_MOST_MINORS = 5_000
_ORDERS = 2  # of the columns, in which the elimination looks for a minor that is zero


def whole_rows(matrix: Array) -> list[list[int]]:
    """Multiply every row by a power of two that makes it whole numbers without a common factor of two.

    Parameters
    ----------
    matrix
        Doubles, shape (rows, columns).

    Examples
    --------
    >>> whole_rows(np.array([[0.5, 1.5], [1e-300, 0.0]]))[0]
    [1, 3]
    """
    mantissas, exponents = np.frexp(matrix)
    numbers = (mantissas * 2.0**53).astype(np.int64)
    rows = []
    for row, powers in zip(numbers.tolist(), exponents.tolist(), strict=True):
        used = [power for number, power in zip(row, powers, strict=True) if number]
        least = min(used, default=0)
        whole = [number << (power - least) if number else 0 for number, power in zip(row, powers, strict=True)]
        twos = math.gcd(*whole)
        shift = (twos & -twos).bit_length() - 1 if twos else 0
        rows.append([number >> shift for number in whole])
    return rows


def full_rank(rows: Rows) -> bool:
    """Whether so many rows are independent.

    Examples
    --------
    >>> full_rank([[1, 2], [2, 4]]), full_rank([[1, 2], [2, 5]])
    (False, True)
    """
    if _modular(rows).rank() == len(rows):
        return True
    matrix = fmpz_mat(rows)
    return int((matrix * matrix.transpose()).det()) != 0


def minors(rows: Rows) -> Minors:
    """Say whether some minor of full size is zero, for rows of full rank n.

    No minor is zero if and only if every non-zero vector of the row span has more than d - n non-zeros. All of them
    are looked at where there are at most five thousand; else those that an elimination leads to, in two orders of
    columns.

    Examples
    --------
    >>> minors([[1, 0, 1], [0, 1, 1]]), minors([[1, 0, 1], [0, 1, 0]])
    ('none is zero', 'one is zero')
    """
    n, d = len(rows), len(rows[0])
    if math.comb(d, n) <= _MOST_MINORS:
        modular = np.array([[number % _PRIME for number in row] for row in rows], dtype=object)
        for chosen in itertools.combinations(range(d), n):
            if not int(nmod_mat(modular[:, chosen].tolist(), _PRIME).det()) and _is_zero(rows, chosen):
                return "one is zero"
        return "none is zero"
    if any(_is_zero(rows, chosen) for chosen in _suspects(rows)):
        return "one is zero"
    return "not decided"


def _suspects(rows: Rows) -> Iterator[tuple[int, ...]]:
    """Give columns whose minor is zero modulo the prime: beside the pivots of some eliminations."""
    d = len(rows[0])
    rng = np.random.default_rng(0)
    for turn in range(_ORDERS):
        order = list(range(d)) if turn == 0 else rng.permutation(d).tolist()
        reduced, rank = _modular([[row[column] for column in order] for row in rows]).rref()
        if rank < len(rows):
            return
        table = np.array([[int(number) for number in row] for row in reduced.tolist()], dtype=object)
        pivots = [int(np.flatnonzero(row)[0]) for row in table]
        rest = np.setdiff1d(np.arange(d), pivots)
        for row, column in np.argwhere(table[:, rest] == 0)[:1].tolist():
            columns = [*pivots[:row], *pivots[row + 1 :], int(rest[column])]
            yield tuple(order[place] for place in columns)


def _is_zero(rows: Rows, chosen: Sequence[int]) -> bool:
    return int(fmpz_mat([[row[column] for column in chosen] for row in rows]).det()) == 0


def _modular(rows: Rows) -> nmod_mat:
    return nmod_mat([[number % _PRIME for number in row] for row in rows], _PRIME)
