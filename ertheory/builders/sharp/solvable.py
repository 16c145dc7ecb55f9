"""Whether a coded layer 0 has a solution, read off the masks alone.

A neuron of layer 1 needs a matrix of full rank from the inputs to the neurons of layer 0 that it reads. Entries on a
mask that are drawn from densities give the largest rank that any entries give, the size of a maximum matching. So for
almost all targets and numbers drawn the masks alone decide.

>>> from ertheory.masks import read_mask
>>> first = Affine.from_dense([[3.0, -1.0]])
>>> masks = read_mask([[1, 1], [0, 1]]), read_mask([[1, 1], [0, 1]])
>>> unsolvable(masks, first, np.array([0, -1])), unsolvable(masks, first, np.array([0, 0])).neurons.tolist()
(None, [1])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.builders.blocks.links import Owners
from ertheory.builders.sharp.solve import unmatched
from ertheory.masks import Mask, pattern_csr
from ertheory.networks.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Problem", "Unsolved", "has_dual", "lacking", "problem_of", "unsolvable", "unsolved_rows"]

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
        Inputs, for each of them, whose weights it cannot have: those that no path leads to it from, or where there is a
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
        The neurons of layer 1 that are needed and that read an input; a channel stands once for every filter tap with
        a weight.
    taps
        The tap of each row, 0 where fully connected.
    kinds
        They are those of each row, which row of the target it is a copy of: the number of the target neuron times taps,
        plus the tap.
    read
        The inputs that some neuron of the target reads; the others are not read by the source either.
    lower, upper
        The masks of B and of A, booleans of shapes (N_0, inputs read) and (rows, N_0).
    wanted
        W, shape (rows, inputs read).
    """

    rows: Integers
    taps: Integers
    kinds: Integers
    read: Integers
    lower: csr_array
    upper: csr_array
    wanted: Array


def problem_of(masks: tuple[Mask, Mask], first: Affine, owners: Owners) -> Problem:
    """Write down what layers 0 and 1 have to solve.

    Parameters
    ----------
    masks
        They are those of layers 0 and 1.
    first
        The first layer of the target, without groups.
    owners
        They are those of which target neuron each neuron of layer 1 is a copy, -1 where nothing needs it.
    """
    from scipy.sparse import csr_array

    taps = first.taps
    read = np.unique(first.weight.indices // taps).astype(np.int64)
    needed = np.flatnonzero(owners >= 0)
    # Channel by channel and tap by tap in the files; here row by row and tap by tap.
    wanted = first.weight[owners[needed]].toarray().reshape(len(needed), first.inputs, taps)
    wanted = wanted.transpose(0, 2, 1).reshape(-1, first.inputs)[:, read]
    asked = np.flatnonzero(wanted.any(axis=1))  # the other rows are 0, and a neuron without any is a constant
    starts, kept = masks[1].rows(0, masks[1].shape[0])
    upper = csr_array(pattern_csr(starts, kept, masks[1].shape[1])[needed]).tocoo()
    places = upper.row.astype(np.int64) * taps + upper.col % taps, upper.col // taps
    shape = len(needed) * taps, masks[1].shape[1] // taps
    return Problem(
        rows=needed[asked // taps],
        taps=asked % taps,
        kinds=owners[needed[asked // taps]] * taps + asked % taps,
        read=read,
        lower=csr_array(masks[0].to_csr()[:, read]),
        upper=csr_array(csr_array((upper.data, places), shape=shape)[asked]),
        wanted=wanted[asked],
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


def unsolved_rows(problem: Problem, failed: Integers) -> Unsolved:
    """Say of the neurons behind systems without a solution which inputs they cannot have, over all their taps."""
    inputs: dict[int, Integers] = {}
    for place, neuron in zip(failed.tolist(), problem.rows[failed].tolist(), strict=True):
        without = problem.read[lacking(problem, place)]
        inputs[neuron] = np.union1d(inputs[neuron], without) if neuron in inputs else without
    return Unsolved(np.array(list(inputs), dtype=np.int64), tuple(inputs.values()))


def unsolvable(masks: tuple[Mask, Mask], first: Affine, owners: Owners) -> Unsolved | None:
    """Find the neurons of layer 1 that have no solution for almost any weights; arguments as for `problem_of`.

    Returns
    -------
    Unsolved or None
        None where there is one for all: by the primal, or where that fails by the dual with copies of a target neuron
        in parts of any size.
    """
    from ertheory.builders.sharp.shared import divisions

    problem = problem_of(masks, first, owners)
    failed = np.flatnonzero(~_solvable(problem))
    if not len(failed) or any(has_dual(part) for part, _ in divisions(problem)):
        return None
    return unsolved_rows(problem, failed)


def has_dual(problem: Problem) -> bool:
    """Say whether B can be solved for with almost all A on the mask, for almost all weights."""
    return bool(_solvable(_transposed(problem)).all())


def _transposed(problem: Problem) -> Problem:
    """Exchange A and B."""
    nothing = np.zeros(len(problem.read), dtype=np.int64)
    return Problem(
        rows=problem.read,
        taps=nothing,
        kinds=nothing,
        read=problem.rows,
        lower=problem.upper.T.tocsr(),
        upper=problem.lower.T.tocsr(),
        wanted=problem.wanted.T,
    )


def _solvable(problem: Problem) -> npt.NDArray[np.bool_]:
    """Say which systems lack nothing."""
    from ertheory.builders.sharp.matching_kernel import saturated  # numba takes half a second to load

    lower, upper = problem.lower, problem.upper
    return saturated(lower.indptr, lower.indices, upper.indptr, upper.indices, problem.wanted != 0)
