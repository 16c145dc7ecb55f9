"""The compiled loop of the local search."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from ertheory.kernels import kernel

__all__ = ["min_conflicts"]

Integers: TypeAlias = npt.NDArray[Any]


@njit(inline="always")
def _draw(state: Integers, below: int) -> Any:
    """Draw a number from 0 to below - 1: xorshift64*, so that the result depends on the seed alone."""
    word = state[0]
    word ^= word >> np.uint64(12)
    word ^= word << np.uint64(25)
    word ^= word >> np.uint64(27)
    state[0] = word
    return np.int64((word * np.uint64(0x2545F4914F6CDD1D) >> np.uint64(33)) % np.uint64(below))


@njit(inline="always")
def _gain(neuron: int, kind: int, readers: Any, reader_starts: Any, needed: Any, counts: Any, old: int) -> Any:
    """Links that are served if a neuron goes from class `old` to class `kind`, less those that are not any more."""
    gain = 0
    for place in range(reader_starts[neuron], reader_starts[neuron + 1]):
        consumer = readers[place]
        if needed[consumer, kind] and counts[consumer, kind] == 0:
            gain += 1
        if old >= 0 and needed[consumer, old] and counts[consumer, old] == 1:
            gain -= 1
    return gain


@kernel
def min_conflicts(
    starts: Integers,
    neurons: Integers,
    reader_starts: Integers,
    readers: Integers,
    needed: Any,
    owners: Integers,
    counts: Integers,
    moves: int,
    tenure: int,
    state: Integers,
) -> tuple[Any, int]:
    """Move neurons between classes until every needed link is served, or the moves are used up.

    Parameters
    ----------
    starts, neurons
        Neurons around each consumer, row by row.
    reader_starts, readers
        The same by neuron: its consumers.
    needed
        Whether a consumer needs a class, shape (consumers, classes).
    owners, counts
        Class of each neuron, -1 for none, and how many neurons of each class a consumer has; both are changed.
    moves
        The most moves.
    tenure
        For so many moves, and up to as many more by chance, a neuron that was moved rests.
    state
        One word other than 0, the state of the random numbers.

    Returns
    -------
    tuple
        The classes with the fewest unserved links that were found, and how many these are.
    """
    classes = needed.shape[1]
    place = np.full(needed.size, -1, dtype=np.int64)  # of a link among those that are open
    open_links = np.empty(needed.size, dtype=np.int64)
    left = 0
    for consumer in range(needed.shape[0]):
        for kind in range(classes):
            if needed[consumer, kind] and counts[consumer, kind] == 0:
                place[consumer * classes + kind] = left
                open_links[left] = consumer * classes + kind
                left += 1
    best, fewest = owners.copy(), left
    rests_until = np.zeros(len(owners), dtype=np.int64)
    for move in range(moves):
        if left == 0:
            break
        consumer, kind = divmod(open_links[_draw(state, left)], classes)
        chosen, highest, equal = -1, 0, 0
        for edge in range(starts[consumer], starts[consumer + 1]):
            neuron = neurons[edge]
            gain = _gain(neuron, kind, readers, reader_starts, needed, counts, owners[neuron])
            if rests_until[neuron] > move and left - gain >= fewest:
                continue
            if chosen < 0 or gain > highest:
                chosen, highest, equal = neuron, gain, 1
            elif gain == highest:
                equal += 1
                if _draw(state, equal) == 0:
                    chosen = neuron
        if chosen < 0:
            continue
        old = owners[chosen]
        owners[chosen] = kind
        rests_until[chosen] = move + tenure + _draw(state, tenure + 1)
        for edge in range(reader_starts[chosen], reader_starts[chosen + 1]):
            reader = readers[edge]
            counts[reader, kind] += 1
            link = reader * classes + kind
            if place[link] >= 0:
                left -= 1
                last = open_links[left]
                open_links[place[link]] = last
                place[last] = place[link]
                place[link] = -1
            if old >= 0:
                counts[reader, old] -= 1
                if needed[reader, old] and counts[reader, old] == 0:
                    link = reader * classes + old
                    place[link] = left
                    open_links[left] = link
                    left += 1
        if left < fewest:
            fewest = left
            best[:] = owners
    return best, fewest
