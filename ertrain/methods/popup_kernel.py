"""Compiled: what edge-popup does with every weight of a layer at every step, in two passes, each over few arrays.

A layer does not fit into the cache together with its scores and gradients, so it is passes that take time. From a step
to the next hardly a weight changes sides, so most blocks of scores are looked at, a vector at a time, and left alone.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["score_gradients", "use_near"]

Floats: TypeAlias = npt.NDArray[np.float32]
Bools: TypeAlias = npt.NDArray[np.bool_]
Integers: TypeAlias = npt.NDArray[np.int32]

_BLOCK = 64
_BANDS = (0.001, 0.01, 0.1)  # how far a threshold is looked for around that of the step before, relative to it


@njit(nogil=True)
def score_gradients(gradients: Floats, values: Floats, scores: Floats) -> None:
    """Turn the gradients of the weights in use into those of the scores, in place."""
    for at in range(len(scores)):
        slope, score = gradients[at] * values[at], scores[at]
        gradients[at] = slope if score > 0 else (-slope if score < 0 else slope * score)


@njit(nogil=True)
def _differing(scores: Floats, low: np.float32, high: np.float32, mask: Bools) -> tuple[int, int]:
    """Count scores above a band, and those that lie in it or on another side than the mask says; no branches."""
    above, differing = np.int32(0), np.int32(0)
    for at in range(len(scores)):
        score = abs(scores[at])
        over, under = np.int32(not score <= high), np.int32(score < low)
        above += over
        differing += (np.int32(1) - over - under) | (over ^ np.int32(mask[at]))
    return int(above), int(differing)


@njit(nogil=True)
def _split(
    scores: Floats, values: Floats, low: np.float32, high: np.float32, mask: Bools, weights: Floats, around: Integers
) -> tuple[int, int]:
    """Use the weights whose scores |s| lie above a band, none of those below it, and list those in it.

    Returns how many lie above the band, what is not a number among them, and in it. Masks and weights of those in the
    band are left as they are.
    """
    above = listed = 0
    for start in range(0, len(scores), _BLOCK):
        block, there = scores[start : start + _BLOCK], mask[start : start + _BLOCK]
        more, differing = _differing(block, low, high, there)
        above += more
        if differing == 0:
            continue
        for at in range(len(block)):
            score = abs(block[at])
            if score < low:
                if there[at]:
                    there[at], weights[start + at] = False, 0
            elif score <= high:
                around[listed] = start + at
                listed += 1
            elif not there[at]:
                there[at], weights[start + at] = True, values[start + at]
    return above, listed


def use_near(
    scores: Floats, values: Floats, mask: Bools, weights: Floats, count: int, near: float, room: Integers
) -> float:
    """Use exactly so many weights, those with the largest |s|, the first ones among those that are equal.

    Their threshold, the smallest of these |s|, is looked for around `near`, which is above 0, and returned. If it is
    not there, 0 is, and mask and weights are left in between.
    """
    for band in _BANDS:
        low, high = np.float32(near * (1 - band)), np.float32(near * (1 + band))
        above, listed = _split(scores, values, low, high, mask, weights, room)
        rank = count - above
        if 1 <= rank <= listed:
            around = room[:listed]
            some = np.abs(scores[around])
            order = np.argsort(-some, kind="stable")
            kept, left = around[order[:rank]], around[order[rank:]]
            mask[kept], mask[left] = True, False
            weights[kept], weights[left] = values[kept], 0
            return float(some[order[rank - 1]])
    return 0.0
