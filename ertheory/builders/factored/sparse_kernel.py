"""Compiled loops over chosen rows of a sparse matrix: their Gram matrix, and a step of refinement."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

from ertheory.kernels import kernel

__all__ = ["add_gram", "refine"]

Numbers: TypeAlias = npt.NDArray[Any]


@kernel
def add_gram(starts: Numbers, columns: Numbers, values: Numbers, members: Numbers, gram: Numbers) -> None:
    """Add the products of columns of the chosen rows, below the diagonal and on it.

    Parameters
    ----------
    starts, columns, values
        The matrix, row by row, with columns in order within a row.
    members
        The rows.
    gram
        Is added to; shape (columns, columns).
    """
    for place in range(len(members)):
        first, last = starts[members[place]], starts[members[place] + 1]
        for at in range(first, last):
            row, value = columns[at], values[at]
            for before in range(first, at + 1):
                gram[row, columns[before]] += value * values[before]


@kernel
def refine(
    starts: Numbers,
    columns: Numbers,
    values: Numbers,
    members: Numbers,
    step: Numbers,
    solution: Numbers,
    residual: Numbers,
) -> None:
    """Move a solution b along the chosen rows times a step, and take the chosen rows times b off the residual.

    Parameters
    ----------
    starts, columns, values, members
        They are as for `add_gram`.
    step
        Shape (columns,).
    solution
        The numbers b, shape (members,); is changed.
    residual
        The right side before, its residual after; shape (columns,).
    """
    for place in range(len(members)):
        first, last = starts[members[place]], starts[members[place] + 1]
        moved = solution[place]
        for at in range(first, last):
            moved += values[at] * step[columns[at]]
        solution[place] = moved
        for at in range(first, last):
            residual[columns[at]] -= values[at] * moved
