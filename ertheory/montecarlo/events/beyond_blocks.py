"""Events of constructions beyond the plain blocks: dropped copies, and the residual stream.

Shapes and the numbering of copies are those of `ertheory.montecarlo.events.blocks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ertheory.montecarlo.events.sampling import Bools, Event, draw_mask

__all__ = ["drop_event", "residual_event"]


def drop_event(patterns: Sequence[npt.ArrayLike], factors: tuple[int, ...], densities: tuple[Fraction, ...]) -> Event:
    """Every output sees a good copy of each neuron that it needs; a hidden copy is good if it does so itself.

    Parameters
    ----------
    patterns
        W_1..W_L or their zero patterns, shape (out, in) or (out, in, *taps).
    factors
        q_0..q_{L-1}; outputs have one copy.
    densities
        p_0..p_L; all copies in layer 0 are good, and p_0 is not used.

    Examples
    --------
    >>> event = drop_event([[[1, 1]], [[1]]], (1, 2), (Fraction(1),) * 3)
    >>> event.occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    needs = [_by_tap(pattern) for pattern in patterns]
    copies = (*factors, 1)

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        good: Bools = np.ones((trials, needs[0].shape[1], factors[0]), dtype=np.bool_)
        for need, (below, above), density in zip(needs, pairwise(copies), densities[1:], strict=True):
            outs, ins, taps = need.shape
            mask = draw_mask(rng, (trials, outs, above, ins, below, taps), density)
            seen = (mask & good[:, None, None, :, :, None]).any(axis=4)  # (trials, outs, above, ins, taps)
            good = np.asarray((seen | ~need[:, None]).all(axis=(3, 4)))
        result: Bools = np.asarray(good.all(axis=(1, 2)))
        return result

    return Event(_entries(needs, copies), occurs)


def residual_event(
    branches: Sequence[Sequence[npt.ArrayLike]],
    stream: int,
    inner: int,
    densities: Sequence[Sequence[Fraction]],
) -> Event:
    """Every copy in a stream of residual blocks y = relu(x + F(x)), with two-layer branches F, sees what it needs.

    The skip adds channel u to channel u. So the copies of a stream channel sit at the same places before and after a
    block, and there are as many of them; a copy whose branch is wrong spoils what the next block reads.

    Parameters
    ----------
    branches
        W_1, W_2 of each block, shapes (hidden, channels, *taps) and (channels, hidden, *taps).
    stream, inner
        Copies of each channel of the stream, and of each channel inside the branches.
    densities
        They are those of the two mask layers of each block.

    Examples
    --------
    >>> ones = np.ones((1, 1, 3))
    >>> residual_event([[ones, ones]], 1, 2, [(Fraction(1),) * 2]).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    needs = [[_by_tap(pattern) for pattern in branch] for branch in branches]

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        stream_right: Bools = np.ones((trials, needs[0][0].shape[1] * stream), dtype=np.bool_)
        result: Bools = np.ones(trials, dtype=np.bool_)
        for (into, back), (first, second) in zip(needs, densities, strict=True):
            inside = _represented(rng, into, stream_right, inner, first)
            stream_right = stream_right & _represented(rng, back, inside, stream, second)  # channel u to channel u
            result &= np.asarray(inside.all(axis=1) & stream_right.all(axis=1))
        return result

    return Event(sum(_entries(branch, (stream, inner, stream)) for branch in needs), occurs)


def _represented(rng: np.random.Generator, need: Bools, right: Bools, copies: int, density: Fraction) -> Bools:
    """Tell which copies read a right copy of every channel and tap that they need, shape (trials, outs * copies)."""
    outs, ins, taps = need.shape
    trials, channels = right.shape
    mask = draw_mask(rng, (trials, outs * copies, channels, taps), density) & right[:, None, :, None]
    seen = mask.reshape(trials, outs, copies, ins, channels // ins, taps).any(axis=4)
    found: Bools = np.asarray((seen | ~need[:, None]).all(axis=(3, 4)))
    return found.reshape(trials, -1)


def _by_tap(pattern: npt.ArrayLike) -> Bools:
    weights: Bools = np.asarray(np.asarray(pattern) != 0)
    return weights.reshape(*weights.shape[:2], -1)


def _entries(needs: Sequence[Bools], copies: Sequence[int]) -> int:
    return sum(need.size * above * below for need, (below, above) in zip(needs, pairwise(copies), strict=True))
