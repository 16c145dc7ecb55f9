"""Compiled: the subset sum nearest to a number, by meeting in the middle (Horowitz and Sahni, 1974).

The weights are split in two halves, and the sums of each half are kept sorted: one more weight X turns a list s into
the merge of s and s + X. Of two sorted lists the pair whose sum is nearest to z is found in one walk, up in one list
and down in the other. So n weights take about 2^(n/2) steps, and no sorting.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from ertheory.kernels import kernel
from ertheory.masks.philox import round_keys
from ertheory.montecarlo.subset_sums.draw_kernel import draw_block

__all__ = ["best_errors", "error_times"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]


@njit(nogil=True)
def _add(sums: Floats, count: int, weight: float, wider: Floats) -> None:
    """Write the sums with and without one more weight, 2 count of them, sorted."""
    plain, shifted = 0, 0
    for place in range(2 * count):
        if shifted == count or (plain < count and sums[plain] <= sums[shifted] + weight):
            wider[place] = sums[plain]
            plain += 1
        else:
            wider[place] = sums[shifted] + weight
            shifted += 1


@njit(nogil=True)
def _nearest(first: Floats, firsts: int, second: Floats, seconds: int, goal: float) -> float:
    """Give the smallest distance of a sum of one number of each list from the goal."""
    best = np.inf
    up, down = 0, seconds - 1
    while up < firsts and down >= 0:
        off = first[up] + second[down] - goal
        best = min(best, abs(off))
        if off > 0:
            down -= 1
        else:
            up += 1
    return best


@kernel
def best_errors(weights: Floats, kept: Bools, goal: float, most: int, errors: Floats) -> None:
    """Find for every trial the smallest distance of a subset sum of the kept weights from the goal.

    Parameters
    ----------
    weights, kept
        Shapes (trials, n).
    goal
        z.
    most
        Weights that are kept in a row, at most.
    errors
        Receives the distances, shape (trials,).
    """
    half = 2 ** ((most + 1) // 2)
    first, second, spare = np.empty(half), np.empty(half), np.empty(half)
    for row in range(len(weights)):
        first[0] = second[0] = 0.0
        firsts, seconds = 1, 1
        for place in range(weights.shape[1]):
            if not kept[row, place]:
                continue
            _add(first, firsts, weights[row, place], spare)
            first, spare = spare, first
            firsts *= 2
            first, second = second, first
            firsts, seconds = seconds, firsts
        errors[row] = _nearest(first, firsts, second, seconds, goal)


@kernel
def error_times(
    first: int, times: Integers, longest: int, goal: float, epsilons: Floats, product: bool, key: Words
) -> None:
    """Find for every trial and every tolerance the smallest k such that k weights have a subset sum within it.

    Parameters
    ----------
    first
        Number of the first trial.
    times
        Receives k, 0..longest, or longest + 1 where that many weights are not enough; shape (trials, tolerances).
    longest
        Most weights to draw; memory grows like 2^(longest / 2).
    goal
        z.
    epsilons
        Tolerances, falling.
    product
        Whether weights are products, see `ertheory.montecarlo.subset_sums.draws`.
    key
        Two words.
    """
    keys = round_keys(key)
    values = np.empty(longest + 4)
    half = 2 ** (longest // 2 + 1)
    even, odd, spare = np.empty(half), np.empty(half), np.empty(half)
    for place in range(len(times)):
        even[0] = odd[0] = 0.0
        evens, odds = 1, 1
        times[place] = longest + 1
        best, step, reached = abs(goal), 0, 0
        while True:
            while reached < len(epsilons) and best <= epsilons[reached]:
                times[place, reached] = step
                reached += 1
            if reached == len(epsilons) or step == longest:
                break
            if step % 4 == 0:
                draw_block(values, step // 4, first + place, 0, product, keys)
            # New subsets are those that have the new weight: the others together must come near to the rest.
            best = min(best, _nearest(even, evens, odd, odds, goal - values[step]))
            _add(even, evens, values[step], spare)
            even, spare = spare, even
            evens *= 2
            even, odd = odd, even
            evens, odds = odds, evens
            step += 1
