"""Compiled: what the subset sums of more and more weights cover, as a union of closed intervals.

The points within eps of a subset sum are a union of disjoint closed intervals, each at least 2 eps long, so there are
never more than range / (2 eps) + 1 of them. One more weight X joins the union to its own shift by X: one merge of two
sorted lists. A point is covered from the first k on at which some interval holds it; an interval [low, high] once
some interval of the union contains it. End points are sums in double precision, off by at most about 1e-15: that
matters only if a gap is as narrow, which weights with a density make as unlikely.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from ertheory.kernels import kernel
from ertheory.masks.philox import round_keys
from ertheory.montecarlo.subset_sums.draw_kernel import draw_block

__all__ = ["cover_times", "sign_rows"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]

_ROOM = 1024
_POSITIVE, _NEGATIVE = 2, 4  # streams of the magnitudes


@njit(inline="always", nogil=True)
def _covers(lows: Floats, highs: Floats, count: int, low: float, high: float) -> bool:
    """Whether one interval contains [low, high]: the last one that begins at `low` or before."""
    first, after = 0, count
    while first < after:
        middle = (first + after) >> 1
        if lows[middle] <= low:
            first = middle + 1
        else:
            after = middle
    return first > 0 and highs[first - 1] >= high


@njit(nogil=True)
def _join(lows: Floats, highs: Floats, count: int, shift: float, new_lows: Floats, new_highs: Floats) -> int:
    """Write the union of the intervals and of their shift; there must be room for one more on the left."""
    lows[count] = np.inf  # neither list ends before the other
    plain, shifted, out = 0, 0, -1
    reach = -np.inf
    for _ in range(2 * count):
        here, there = lows[plain], lows[shifted] + shift
        if here <= there:
            low, high = here, highs[plain]
            plain += 1
        else:
            low, high = there, highs[shifted] + shift
            shifted += 1
        if low > reach:
            out += 1
            new_lows[out] = low
            reach = high
        else:
            reach = max(reach, high)
        new_highs[out] = reach
    return out + 1


@kernel
def cover_times(
    first: int, times: Integers, longest: int, low: float, high: float, epsilon: float, product: bool, key: Words
) -> None:
    """Find for every trial the smallest k such that the subset sums of k weights cover [low, high] within epsilon.

    Parameters
    ----------
    first
        Number of the first trial.
    times
        Receives k of each trial, 0..longest, or longest + 1 where that many weights do not cover it; shape (trials,).
    longest
        Most weights to draw.
    low, high
        What must be covered; the same number twice for a point.
    epsilon
        A number above 0.
    product
        Whether weights are products, see `ertheory.montecarlo.subset_sums.draws`.
    key
        Two words.
    """
    keys = round_keys(key)
    values = np.empty(longest + 4)
    lows, highs, new_lows, new_highs = np.empty(_ROOM), np.empty(_ROOM), np.empty(_ROOM), np.empty(_ROOM)
    for place in range(len(times)):
        lows[0], highs[0] = -epsilon, epsilon
        count, step = 1, 0
        while not _covers(lows, highs, count, low, high):
            if step == longest:
                step += 1
                break
            if step % 4 == 0:
                draw_block(values, step // 4, first + place, 0, product, keys)
            if 2 * count >= len(new_lows):
                new_lows, new_highs = np.empty(4 * count), np.empty(4 * count)
            if count >= len(lows):
                lows, highs = _moved(lows, highs, count)
            count = _join(lows, highs, count, values[step], new_lows, new_highs)
            lows, new_lows = new_lows, lows
            highs, new_highs = new_highs, highs
            step += 1
        times[place] = step


@njit(nogil=True)
def _moved(lows: Floats, highs: Floats, count: int) -> Any:
    """Copy a union to where there is room for its end mark."""
    wide_lows, wide_highs = np.empty(2 * count + 2), np.empty(2 * count + 2)
    wide_lows[:count], wide_highs[:count] = lows[:count], highs[:count]
    return wide_lows, wide_highs


@kernel
def sign_rows(
    first: int, rows: Integers, longest: int, low: float, high: float, epsilon: float, product: bool, key: Words
) -> None:
    """Find for every trial and every a the smallest b such that a positive and b negative weights cover [low, high].

    Parameters
    ----------
    first, low, high, epsilon, product, key
        They are as for `cover_times`.
    rows
        Receives b of each trial for a = 0..A, 0..longest, or longest + 1 where that many negative weights are not
        enough; never increasing in a. Shape (trials, A + 1).
    longest
        Most negative weights to draw.
    """
    keys = round_keys(key)
    most = rows.shape[1] - 1
    positive, negative = np.empty(most + 4), np.empty(longest + 4)
    room = _ROOM
    base_lows, base_highs = np.empty(room), np.empty(room)
    lows, highs, new_lows, new_highs = np.empty(room), np.empty(room), np.empty(room), np.empty(room)
    for place in range(len(rows)):
        for block in range((most + 3) // 4):
            draw_block(positive, block, first + place, _POSITIVE, product, keys)
        for block in range((longest + 3) // 4):
            draw_block(negative, block, first + place, _NEGATIVE, product, keys)
        base_lows[0], base_highs[0] = -epsilon, epsilon
        base, before = 1, longest + 1
        for plus in range(most + 1):
            if plus > 0 and before > 0:
                if 2 * base >= room:
                    room = 4 * base
                    base_lows, base_highs = _resized(base_lows, base, room), _resized(base_highs, base, room)
                    lows, highs, new_lows, new_highs = np.empty(room), np.empty(room), np.empty(room), np.empty(room)
                base = _join(base_lows, base_highs, base, abs(positive[plus - 1]), new_lows, new_highs)
                base_lows, new_lows = new_lows, base_lows
                base_highs, new_highs = new_highs, base_highs
            # Negative weights reach no further up. One more positive weight never asks for more negative ones.
            if before > 0 and base_highs[base - 1] >= high:
                lows[:base], highs[:base] = base_lows[:base], base_highs[:base]
                count, minus = base, 0
                while minus < before and not _covers(lows, highs, count, low, high):
                    if minus == longest:
                        minus += 1
                        break
                    if 2 * count >= room:
                        room = 4 * count
                        base_lows, base_highs = _resized(base_lows, base, room), _resized(base_highs, base, room)
                        lows, highs = _resized(lows, count, room), _resized(highs, count, room)
                        new_lows, new_highs = np.empty(room), np.empty(room)
                    count = _join(lows, highs, count, -abs(negative[minus]), new_lows, new_highs)
                    lows, new_lows = new_lows, lows
                    highs, new_highs = new_highs, highs
                    minus += 1
                before = min(before, minus)
            rows[place, plus] = before


@njit(nogil=True)
def _resized(values: Floats, count: int, room: int) -> Floats:
    wider = np.empty(room)
    wider[:count] = values[:count]
    return wider
