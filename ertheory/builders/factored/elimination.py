"""Most equations of J taken away row by row and column by column, so that few are left for a Cholesky factor.

|J^T V|^2 is a sum over the rows i and the columns j of V: |B_i v_i|^2 + |A_j^T v_j|^2, where B_i are the inner neurons
that output i reads, and A_j those that read input j. The columns are split into C and R, and V is written as (e, f, y):

- V_iR = Q_i e_i - X_i u_i. Q_i spans the directions in which B_iR is large, and X_i is such that B_i v_i is a sum of
  orthogonal parts, B_iR Q_i e_i and P_i u_i. In u_i are V_iC and the directions in which B_iR is small.
- u_j = Z_j f_j + Y_j y_j for every place j of u. Z_j spans the directions in which A_j is large, Y_j the others.

As |a - b|^2 + |b|^2 / q >= |a|^2 / (1 + q), with 1 / D_i = (1 - share) least_B, where least_B is the smallest
eigenvalue of the Gram matrix of B_iR Q_i, and with w_j = 1 / (1 + |A_j^T D A_j|),

  |J^T V|^2 >= |N u|^2 + sum_(j in C) |A_j^T u_j|^2 + share least_B |e|^2,
  |N u|^2 = sum_i |P_i u_i|^2 + sum_(j in R) w_j |A_j^T (X u)_j|^2 <= max_i (|P_i|^2 + |X_i|^2 / D_i) |u|^2.

Once more, with q = |N|^2 / ((1 - share) least_A) and w = 1 / (1 + q), this is at least

  w |N Y y|^2 + sum_(j in C) |A_j^T Y_j y_j|^2 + share (least_A |f|^2 + least_B |e|^2),

and if the first two terms are at least w s |V(y)|^2, then |V| <= |V(y)| + |V(f)| + |V(e)| leads to

  sigma^2 >= 1 / (1 / (w s) + (1 + |X|^2) / (share least_A) + 1 / (share least_B)).

There are as many numbers in (e, f, y) as in V, so that every V is reached where this is positive. Bases are computed
ones: what they are off by is bounded, and taken away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.directions import Column, Row, solve_column, solve_row
from ertheory.builders.factored.pairs import Array
from ertheory.builders.factored.spectra import largest_square

Places: TypeAlias = npt.NDArray[np.intp]

__all__ = ["Choice", "Elimination", "Sides", "choose", "eliminate"]

LARGE = (0.3, 0.2, 0.15, 0.1, 0.05, 0.02)  # of the largest singular value: what is eliminated
WIDTH = 512  # columns of a panel of the form's matrix, about
NUMBERS = 2**26  # made at a time: half a gigabyte
_SHARE = 0.2
_SAMPLE, _SPLITS = 12, 12  # rows and numbers of columns by which the split is chosen
_SPARE = 3  # times the mean number of small directions: the largest one, about


class Sides(NamedTuple):
    """J, part by part.

    Parameters
    ----------
    rows
        B_i for every output, shape (neurons, n).
    columns
        A_j for every input, shape (m, neurons).
    """

    rows: tuple[Array, ...]
    columns: tuple[Array, ...]

    def turned(self) -> Sides:
        """Give the parts for the transpose of the map."""
        return Sides(tuple(one.T for one in self.columns), tuple(one.T for one in self.rows))


@dataclass(frozen=True, eq=False, kw_only=True)
class Elimination:
    """What is left of |J^T V|^2, and the numbers that lead back from there.

    Parameters
    ----------
    solved
        X, shape (m, columns in R, places of u).
    parts
        P_i, each of shape (neurons, places of u).
    bases
        Y_j for every place, shape (m, unknowns).
    inner
        w_j A_j A_j^T for the columns in R, shape (columns in R, m, m).
    own
        A_j^T Y_j for the columns in C, which are the first places.
    weight
        w.
    lost
        What products that should be 0 take away from the form in y, in units of |y|^2.
    moduli
        The trace of the form in y, where all numbers are replaced by their moduli, but for that of V(y).
    solved_moduli
        The same for |V(y)|^2.
    terms
        The number of roundings in an entry of the form, at most.
    least_first, least_second
        ``share least_A / (1 + |X|^2)`` and ``share least_B``, both less what rounding does.
    """

    solved: Array
    parts: tuple[Array, ...]
    bases: tuple[Array, ...]
    inner: Array
    own: tuple[Array, ...]
    weight: float
    lost: float
    moduli: float
    solved_moduli: float
    terms: int
    least_first: float
    least_second: float

    @property
    def unknowns(self) -> int:
        """The numbers in y."""
        return sum(basis.shape[1] for basis in self.bases)

    def smallest(self, shift: float) -> float:
        """Bound sigma^2, where the form in y is at least ``weight * shift`` times |V(y)|^2."""
        places = (self.weight * shift, self.least_first, self.least_second)
        return 0.0 if min(places) <= 0 else float((1 - 1e-9) / sum(1 / place for place in places))


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """What is to be eliminated.

    Parameters
    ----------
    kept, rest
        The columns in C and in R.
    bases, ranks
        For every column all directions, and how many of them are large.
    limit
        From which singular value on a direction of a row is large.
    unknowns
        How many numbers are left, about.
    memory
        The bytes that a Cholesky factor for them takes, with all that is needed for it, about.
    """

    kept: Places
    rest: Places
    bases: tuple[Array, ...]
    ranks: tuple[int, ...]
    limit: float
    unknowns: int
    memory: int


def choose(sides: Sides, most: int) -> Choice:
    """Find what may be eliminated so that about so many unknowns are left, or as few as there can be.

    The fewer directions are eliminated, the better is the bound.
    """
    found = [np.linalg.svd(column)[:2] for column in sides.columns]
    tops = [max(float(np.linalg.norm(one, 2)) for one in side) for side in (sides.rows, sides.columns)]
    for large in LARGE:
        ranks = tuple(int((values > large * tops[1]).sum()) for _, values in found)
        unknowns = len(sides.rows) - np.array(ranks)
        order = np.argsort(unknowns, kind="stable")
        left, count = _fewest(sides.rows, order, unknowns[order], large * tops[0])
        if left <= most or large == LARGE[-1]:
            break
    m, places = len(sides.rows), int(count + _SPARE * (left - unknowns[order[:count]].sum()) / len(sides.rows))
    numbers = len(order) * m * m + (len(order) - count) * (m * places + 2 * m * m) + sum(map(len, sides.rows)) * places
    return Choice(
        kept=order[:count],
        rest=order[count:],
        bases=tuple(basis for basis, _ in found),
        ranks=ranks,
        limit=large * tops[0],
        unknowns=int(left),
        memory=int(
            4 * left * (left + WIDTH) + 8 * (numbers + 2 * min(max(NUMBERS, m * m * places), (m * places) ** 2))
        ),
    )


def eliminate(sides: Sides, choice: Choice) -> Elimination:
    """Take it away."""
    rows = [solve_row(row, choice.kept, choice.rest, choice.limit) for row in sides.rows]
    columns = {j: solve_column(sides.columns[j], choice.bases[j], choice.ranks[j]) for j in choice.kept.tolist()}
    return _joined(sides, choice.rest, rows, columns, choice.limit)


def _fewest(rows: tuple[Array, ...], order: Places, unknowns: Places, limit: float) -> tuple[float, int]:
    """Give the least number of unknowns, by the look of some of the rows, and the number of columns in C for it."""
    by_size = sorted(rows, key=len)
    sample = [by_size[at] for at in np.unique(np.linspace(0, len(rows) - 1, _SAMPLE).astype(int))]
    best = float(unknowns.sum()), len(order)
    most = min(len(order), len(by_size[-1]))  # with more columns in R more small directions are left
    for count in (len(order) - np.unique(np.linspace(0, most, _SPLITS).astype(int))).tolist():
        ranks = [int((np.linalg.svd(row[:, order[count:]], compute_uv=False) > limit).sum()) for row in sample]
        left = float(unknowns[:count].sum()) + len(rows) * (len(order) - count - sum(ranks) / len(sample))
        best = min(best, (left, count))
    return best


def _joined(sides: Sides, rest: Places, rows: list[Row], columns: dict[int, Column], limit: float) -> Elimination:
    m, kept, most = len(rows), len(columns), max(row.small.shape[1] for row in rows)
    others = [sides.columns[j] for j in rest]
    solved = np.zeros((m, len(others), kept + most))
    parts = []
    for i, row in enumerate(rows):
        width = kept + row.small.shape[1]
        solved[i, :, :width] = np.hstack([row.solved, row.small])
        parts.append(np.hstack([row.part, np.zeros((len(row.part), kept + most - width))]))
    bases = [column.others for column in columns.values()]
    bases += [np.eye(m)[:, [row.small.shape[1] > at for row in rows]] for at in range(most)]
    frame = max([1.0, *(row.frame for row in rows), *(column.frame for column in columns.values())])
    # Where nothing is eliminated in a row, any number is right.
    damping = [frame / ((1 - _SHARE) * (row.least if 0 < row.least < math.inf else limit**2)) for row in rows]
    inner, moduli = np.zeros((len(others), m, m)), 0.0
    for at, column in enumerate(others):
        weight = (1 - 1e-9) / (1 + largest_square(np.sqrt(damping)[:, None] * column))
        inner[at] = weight * (column @ column.T)
        moduli += weight * float(np.sum(column * column)) * float(np.sum(solved[:, at] ** 2))
    leasts = np.array([column.least for column in columns.values()])
    least = leasts.min(initial=math.inf)
    norm = math.inf
    if least > 0:
        norm = max(_scaled_norm(*one, leasts) for one in zip(rows, parts, solved, damping, strict=True))
    weight = (1 - 1e-9) / (1 + frame * norm / (1 - _SHARE))
    cross = max(row.cross for row in rows), max((column.cross for column in columns.values()), default=0.0)
    off = cross[1] + frame * cross[0]
    own = sum(float(np.sum(sides.columns[j] ** 2)) * column.others.shape[1] for j, column in columns.items())
    spread = max(largest_square(one) for one in solved)
    longest = [len(row.part) for row in rows] + [one.shape[1] for one in sides.columns]
    return Elimination(
        solved=solved,
        parts=tuple(parts),
        bases=tuple(bases),
        inner=inner,
        own=tuple(column.own for column in columns.values()),
        weight=weight,
        lost=1.01 * off / weight if weight else math.inf,
        moduli=1.01 * frame * (moduli + sum(row.moduli for row in rows) + own),
        solved_moduli=1.01 * frame * float(np.sum(solved**2) + sum(basis.shape[1] for basis in bases)),
        terms=2 * m + len(others) + max(longest) + 16,
        least_first=(_SHARE * least - off) / (frame * (1 + spread)),
        least_second=(_SHARE * min(row.least for row in rows) - cross[0]) / frame,
    )


def _scaled_norm(row: Row, part: Array, solved: Array, damping: float, leasts: Array) -> float:
    """Bound |(P, X / sqrt(D)) / sqrt(least_A)|^2 on the columns in C."""
    both = np.vstack([part, solved / math.sqrt(damping)])[:, : len(leasts)]
    off = row.off / math.sqrt(leasts.min(initial=math.inf))
    return (math.sqrt(largest_square(both / np.sqrt(leasts))) + off) ** 2
