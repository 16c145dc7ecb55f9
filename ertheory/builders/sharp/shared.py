"""Class coding in a builder: copies of the same target neuron share their weights, so each input has fewer equations.

The construction of `ertheory.bounds.sharp.classes`: rows of A B = W are equal if they belong to copies of the same
target neuron. Parts of them become one row, which may use a neuron of layer 0 where all of its part may.

>>> import numpy as np
>>> from ertheory.masks import read_mask
>>> from ertheory.networks.network import Affine
>>> masks = read_mask([[1], [1]]), read_mask([[1, 1], [0, 1], [1, 0]])
>>> from ertheory.builders.sharp.solvable import problem_of
>>> problem = problem_of(masks, Affine.from_dense([[3.0], [2.0]]), np.array([0, 0, 1]))
>>> shared, part_of = in_parts(problem, 2)
>>> shared.upper.toarray().tolist(), shared.wanted.tolist(), part_of.tolist()
([[False, True], [True, False]], [[3.0], [2.0]], [0, 0, 1])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ertheory.builders.sharp.solvable import Problem

__all__ = ["divisions", "in_parts"]


def divisions(problem: Problem) -> Iterator[tuple[Problem, npt.NDArray[np.int64]]]:
    """Give `in_parts` for parts of 1 row, 2 rows and so on up to whole classes."""
    largest = int(np.unique(problem.kinds, return_counts=True)[1].max(initial=1))
    for size in range(1, largest + 1):
        yield in_parts(problem, size)


def in_parts(problem: Problem, size: int) -> tuple[Problem, npt.NDArray[np.int64]]:
    """Put up to so many equal rows together, and give the new row of every old one.

    Parameters
    ----------
    problem
        It is what `ertheory.builders.sharp.solvable.problem_of` gives.
    size
        The largest size s of a part, at least 1; a class of a rows is cut into ceil(a / s) parts of nearly equal sizes.

    Returns
    -------
    tuple
        A problem with one row for each part, whose neuron of layer 1 is the first of it; and the row of each row of the
        old one.
    """
    from scipy.sparse import csr_array

    _, firsts, part_of = np.unique(_parts(problem.kinds, size), return_index=True, return_inverse=True)
    upper = problem.upper.tocoo()
    shape = len(firsts), problem.upper.shape[1]
    readers = csr_array((np.ones(len(upper.row), dtype=np.int64), (part_of[upper.row], upper.col)), shape=shape)
    readers.sum_duplicates()
    everyone = readers.tocoo()
    whole = everyone.data == np.bincount(part_of, minlength=len(firsts))[everyone.row]
    pattern = np.ones(int(whole.sum()), dtype=np.bool_), (everyone.row[whole], everyone.col[whole])
    shared = replace(
        problem,
        rows=problem.rows[firsts],
        taps=problem.taps[firsts],
        kinds=problem.kinds[firsts],
        upper=csr_array(pattern, shape=shape),
        wanted=problem.wanted[firsts],
    )
    return shared, part_of


def _parts(kinds: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Give each row a number that it shares with its part alone."""
    _, inverse, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    rank = np.empty(len(kinds), dtype=np.int64)  # within its class
    rank[order] = np.arange(len(kinds)) - np.repeat(np.cumsum(counts) - counts, counts)
    number = -(-counts // size)
    return inverse * (len(kinds) + 1) + rank * number[inverse] // counts[inverse]
