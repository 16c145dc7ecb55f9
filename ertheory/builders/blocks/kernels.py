"""The compiled loop over all edges of a mask, which every construction shares."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.kernels import kernel

__all__ = ["choose_edges"]

Integers: TypeAlias = npt.NDArray[Any]


@kernel
def choose_edges(
    starts: Integers,
    columns: Integers,
    owners: Integers,
    need_starts: Integers,
    needs: Integers,
    classes: Integers,
    chosen_starts: Integers,
    chosen: Integers,
) -> None:
    """Choose, for every link into every copy, the first kept entry that leads to a copy of where the link begins.

    Parameters
    ----------
    starts, columns
        The kept entries of some rows of the mask, shapes (rows + 1,) and (edges,).
    owners
        Target neuron of which each row is a copy, -1 for none; shape (rows,).
    need_starts, needs
        Classes that each target neuron reads, shapes (neurons + 1,) and (links,).
    classes
        Class of each column of the mask, -1 for none: what the column supplies.
    chosen_starts
        Where the links of each row begin in `chosen`, shape (rows + 1,).
    chosen
        Receives the column of each link, in the order of `needs`; stays as it is where there is none.
    """
    most = np.int64(0)
    for need in needs:
        most = max(most, need + 1)
    longest = np.int64(0)
    for neuron in range(len(need_starts) - 1):
        longest = max(longest, need_starts[neuron + 1] - need_starts[neuron])
    # Where the link to each class goes; the place after the last link takes all that nobody reads.
    slot = np.full(most + 1, longest, dtype=np.uint32)  # unsigned indices need no look whether they are negative
    found = np.empty(longest + 1, dtype=np.int32)
    for row in range(len(starts) - 1):
        owner = owners[row]
        if owner < 0:
            continue
        first, last = need_starts[owner], need_starts[owner + 1]
        for link in range(first, last):
            slot[needs[link]] = link - first
        found[:] = -1
        # Backwards, so that the first entry is the one that stays: no branch depends on what was drawn.
        kept = columns[starts[row] : starts[row + 1]][::-1]
        for column in kept:
            kind = min(np.uint32(classes[np.uint32(column)]), np.uint32(most))  # unsigned, -1 is the largest number
            found[slot[kind]] = column
        for link in range(first, last):
            if found[link - first] >= 0:
                chosen[chosen_starts[row] + link - first] = found[link - first]
            slot[needs[link]] = longest
