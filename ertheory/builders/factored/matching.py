"""Which pairs of masks hold every map: decided by matchings, and not by the rank of numbers.

*Dual.* If for an input i all outputs can be matched to the inner neurons K^i that read i, along the second mask, then
almost every A on it has rows of full rank on K^i, so that A b = w has a solution b for every w. One A does for all
inputs. Where W has zeros, only outputs with a path from i need to be matched; the others have W[o, i] = 0.

*Mixed.* Inputs of a set F are served by A: for every output o, F can be matched to the inner neurons that o reads and
that do not read i, for every i outside of F; the inputs outside of F are served by B as in the dual. The inputs of F
restrict each row of A by |F| equations which its other entries absorb, so A is free where the dual needs it.

>>> pair = MaskPair.read([[1, 0], [1, 1]], [[1, 1], [0, 1]])
>>> unmatched_inputs(pair).tolist(), unmatched_outputs(pair).tolist()
([1], [1])
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.pairs import Integers, MaskPair, Scheme

__all__ = ["Unmatched", "matched", "mixed_failure", "unmatched_inputs", "unmatched_outputs"]


class Unmatched(NamedTuple):
    """What a mask lacks a matching for.

    Parameters
    ----------
    map
        The name of the map.
    end
        ``input`` or ``output``.
    number
        It is that of the input or output, from 0.
    """

    map: str
    end: str
    number: int


def unmatched_inputs(pair: MaskPair, weight: npt.ArrayLike | None = None) -> Integers:
    """Give the inputs for which the dual has no solution, in ascending order; none where it holds.

    Parameters
    ----------
    pair
        The masks.
    weight
        W of shape (m, n), of which only the places of zeros are read. If left out, every W is meant.
    """
    from ertheory.builders.sharp.matching_kernel import saturated  # numba takes half a second to load

    readers = pair.first.T.tocsr()  # (n, N): which inner neurons read an input
    feeds = pair.second.T.tocsr()  # (N, m): which outputs an inner neuron leads to
    shape = pair.inputs, pair.outputs
    wanted = np.ones(shape, dtype=np.bool_) if weight is None else np.ascontiguousarray(np.asarray(weight).T != 0)
    found = saturated(feeds.indptr, feeds.indices, readers.indptr, readers.indices, wanted)
    return np.flatnonzero(~found).astype(np.int64)


def unmatched_outputs(pair: MaskPair, weight: npt.ArrayLike | None = None) -> Integers:
    """Give the outputs for which the primal has no solution; arguments as for `unmatched_inputs`."""
    return unmatched_inputs(pair.transposed(), None if weight is None else np.asarray(weight).T)


def matched(pair: MaskPair, scheme: Scheme) -> bool:
    """Say whether the matchings of the dual or of the primal exist for every map."""
    return not len(unmatched_inputs(pair) if scheme == "dual" else unmatched_outputs(pair))


def mixed_failure(pair: MaskPair, apart: Integers, *, thorough: bool = True) -> tuple[str, int] | None:
    """Say where the conditions of the mixed scheme fail, or nothing where they hold.

    Parameters
    ----------
    pair
        The masks.
    apart
        F, a proper subset of the inputs.
    thorough
        Whether F has to be matched for every output and every input outside of F, which makes the pair universal, or
        only for every output, without which there is no A at all.

    Returns
    -------
    tuple of str and int, or None
        ``input`` or ``output``, and the number of the first one without a matching.
    """
    from ertheory.builders.sharp.matching_kernel import saturated

    others = np.setdiff1d(np.arange(pair.inputs), apart)
    lacking = np.setdiff1d(unmatched_inputs(pair), apart)
    if len(lacking) or not len(others):
        return "input", int(lacking[0]) if len(lacking) else 0
    if not len(apart):
        return None
    reads = pair.first[:, apart].tocsr()  # (N, |F|)
    in_part = pair.first[:, others].tocsc()
    for output in range(pair.outputs):
        members = pair.second.indices[pair.second.indptr[output] : pair.second.indptr[output + 1]]
        if thorough:
            left = np.zeros(pair.inner, dtype=np.bool_)
            left[members] = True
            parts = [
                np.flatnonzero(_without(left, in_part.indices[start:stop]))
                for start, stop in zip(in_part.indptr[:-1], in_part.indptr[1:], strict=True)
            ]
        else:
            parts = [members]
        starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        wanted = np.ones((len(parts), len(apart)), dtype=np.bool_)
        if not saturated(reads.indptr, reads.indices, starts, np.concatenate(parts), wanted).all():
            return "output", output
    return None


def _without(kept: npt.NDArray[np.bool_], dropped: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    result = kept.copy()
    result[dropped] = False
    return result
