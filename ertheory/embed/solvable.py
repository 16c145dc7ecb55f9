"""Whether a coded layer 0 has a solution, read off the masks alone.

A neuron of layer 1 needs a matrix of full rank from the inputs to the neurons of layer 0 that it reads. Entries on a
mask that are drawn from densities give the largest rank that any entries give, the size of a maximum matching. So for
almost all targets and numbers drawn the masks alone decide.

>>> from ertheory.masks import read_mask
>>> first = Affine.from_dense([[3.0, -1.0]])
>>> masks = read_mask([[1, 1], [0, 1]]), read_mask([[1, 1], [1, 0]])
>>> unsolvable(masks, first, np.array([0, -1])), unsolvable(masks, first, np.array([0, 0])).neurons.tolist()
(None, [1])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.embed.links import Owners
from ertheory.embed.solve import unmatched
from ertheory.masks import Mask, pattern_csr
from ertheory.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Problem", "Unsolved", "lacking", "problem_of", "unsolvable"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Unsolved:
    """Neurons of layer 1 for which there is no solution.

    Parameters
    ----------
    neurons
        Their numbers.
    unmatched
        For each of them, inputs whose weights it cannot have: those that no path leads to it from, or where there is a
        path for each, those left over when inputs are matched to neurons of layer 0 that it reads. None if it only is
        that no numbers were found.
    """

    neurons: Integers
    unmatched: tuple[Integers, ...]


@dataclass(frozen=True, eq=False)
class Problem:
    """What has to be solved: A B = W, with A and B on the masks.

    Parameters
    ----------
    rows
        The neurons of layer 1 that are needed and that read an input.
    read
        The inputs that some neuron of the target reads; the others are not read by the source either.
    lower, upper
        The masks of B and of A, booleans of shapes (N_0, inputs read) and (rows, N_0).
    wanted
        W, shape (rows, inputs read).
    """

    rows: Integers
    read: Integers
    lower: csr_array
    upper: csr_array
    wanted: Array


def problem_of(masks: tuple[Mask, Mask], first: Affine, owners: Owners) -> Problem:
    """Write down what layers 0 and 1 have to solve.

    Parameters
    ----------
    masks
        Of layers 0 and 1.
    first
        The first layer of the target, fully connected.
    owners
        Of which target neuron each neuron of layer 1 is a copy, -1 where nothing needs it.
    """
    from scipy.sparse import csr_array

    read = np.unique(first.weight.indices).astype(np.int64)
    lengths = np.diff(first.weight.indptr)
    rows = np.flatnonzero(owners >= 0)
    rows = rows[lengths[owners[rows]] > 0]  # the others are constants
    starts, kept = masks[1].rows(0, masks[1].shape[0])
    return Problem(
        rows=rows,
        read=read,
        lower=csr_array(masks[0].to_csr()[:, read]),
        upper=csr_array(pattern_csr(starts, kept, masks[1].shape[1])[rows]),
        wanted=first.weight[owners[rows]].toarray()[:, read],
    )


def lacking(problem: Problem, place: int) -> Integers:
    """Give the inputs that one system, counted from 0, cannot have, numbered among those read; empty if it has all."""
    support = problem.upper.indices[problem.upper.indptr[place] : problem.upper.indptr[place + 1]]
    lost = problem.wanted[place] != 0
    reached = np.zeros(len(lost), dtype=np.bool_)
    rows = problem.lower[support]
    reached[rows.indices] = True
    if (lost & ~reached).any():
        return np.flatnonzero(lost & ~reached)
    left = unmatched(rows)
    return left[reached[left]]  # the others are not wanted either


def unsolvable(masks: tuple[Mask, Mask], first: Affine, owners: Owners) -> Unsolved | None:
    """Find the neurons of layer 1 that have no solution for almost any weights; arguments as for `problem_of`.

    Returns
    -------
    Unsolved or None
        None where there is one for all: by the primal, or where that fails by the dual.
    """
    problem = problem_of(masks, first, owners)
    failed = np.flatnonzero(~_solvable(problem))
    if not len(failed):
        return None
    dual = Problem(
        rows=problem.read,
        read=problem.rows,
        lower=problem.upper.T.tocsr(),
        upper=problem.lower.T.tocsr(),
        wanted=problem.wanted.T,
    )
    if _solvable(dual).all():
        return None
    return Unsolved(problem.rows[failed], tuple(problem.read[lacking(problem, place)] for place in failed.tolist()))


def _solvable(problem: Problem) -> npt.NDArray[np.bool_]:
    """Say which systems lack nothing."""
    from ertheory.embed.matching_kernel import saturated  # numba takes half a second to load

    lower, upper = problem.lower, problem.upper
    return saturated(lower.indptr, lower.indices, upper.indptr, upper.indices, problem.wanted != 0)
