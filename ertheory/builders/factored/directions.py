"""One row or one column of a map: the directions in which its part of J is large, and what is left of it without them.

What computed products are off by is bounded by gamma times the product of moduli, several times over.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.pairs import Array
from ertheory.builders.factored.spectra import gamma, largest_square, least_square

__all__ = ["Column", "Row", "solve_column", "solve_row"]


class Column(NamedTuple):
    """A column of which large directions are eliminated.

    Parameters
    ----------
    large, others
        Z and Y, of shape (m, directions).
    own
        A^T Y.
    least
        A lower bound on the eigenvalues of the Gram matrix of A^T Z; infinite where nothing is eliminated.
    cross
        An upper bound on |(A^T Z)^T A^T Y|.
    frame
        One on |(Z, Y)|^2.
    """

    large: Array
    others: Array
    own: Array
    least: float
    cross: float
    frame: float


class Row(NamedTuple):
    """A row of which large directions are eliminated.

    Parameters
    ----------
    solved, small
        X, of shape (columns in R, places): for the columns in C, and for the directions in which B_R is small.
    part
        P, of shape (neurons, places).
    least
        A lower bound on the eigenvalues of the Gram matrix of B_R Q; infinite where nothing is eliminated.
    cross
        An upper bound on |(B_R Q)^T P|.
    frame
        One on |(Q, small directions)|^2.
    moduli
        The square of the Frobenius norm of P, with all numbers replaced by their moduli.
    off
        An upper bound on what P is off by.
    """

    solved: Array
    small: Array
    part: Array
    least: float
    cross: float
    frame: float
    moduli: float
    off: float


def solve_column(column: Array, basis: Array, rank: int) -> Column:
    """Eliminate so many directions of a basis, where A has shape (m, neurons)."""
    large, others = basis[:, :rank], basis[:, rank:]
    image, own = column.T @ large, column.T @ others
    off = 8 * gamma(sum(column.shape) + 8) * float(np.sum(column * column)) * len(basis)
    cross = float(np.linalg.norm(image.T @ own)) * (1 + 1e-9) + off
    return Column(large, others, own, least_square(image) - off, cross, largest_square(basis))


def solve_row(row: Array, kept: npt.NDArray[np.intp], rest: npt.NDArray[np.intp], limit: float) -> Row:
    """Eliminate directions among the columns in ``rest``, for a row B of shape (neurons, n)."""
    near, far = row[:, rest], row[:, kept]
    left, values, right = np.linalg.svd(near)
    rank = int((values > limit).sum())
    large, small = right[:rank].T, -right[rank:].T
    solved = large @ ((left[:, :rank].T @ far) / values[:rank, None])
    part = np.hstack([far - near @ solved, -(near @ small)])
    image = near @ large
    sizes = np.hstack([np.abs(far) + np.abs(near) @ np.abs(solved), np.abs(near) @ np.abs(small)])
    moduli = float(np.sum(sizes * sizes)) * (1 + 1e-9)
    image_moduli = float(np.sum((np.abs(near) @ np.abs(large)) ** 2)) * (1 + 1e-9)
    off = 8 * gamma(sum(row.shape) + 8)
    cross = float(np.linalg.norm(image.T @ part)) * (1 + 1e-9) + off * math.sqrt(image_moduli * moduli)
    return Row(
        solved=solved,
        small=small,
        part=part,
        least=least_square(image) - off * image_moduli,
        cross=cross,
        frame=largest_square(right),
        moduli=moduli,
        off=off * math.sqrt(moduli),
    )
