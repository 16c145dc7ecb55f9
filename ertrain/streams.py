"""Separate streams of random numbers: the mask, the weights, the data order and the rest never disturb one another.

Every stream is a function of the run's seed, its own name and, where it matters, the epoch and step. Nothing is drawn
from a state that was left behind, so a run that is taken up again draws what it would have drawn, and two runs that
differ in their ratio alone see the same weights and the same batches.
"""

from __future__ import annotations

import numpy as np
import torch

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number

__all__ = ["STREAMS", "generator", "stream_seed"]

# The position of a name is its key: new streams are added at the end, or old runs would change.
STREAMS = ("mask", "weights", "order", "augmentation", "noise", "ratio", "repair", "points", "test", "growth", "scores")

_LARGEST_SEED = 2**63 - 1


def stream_seed(seed: int, stream: str, *place: int) -> int:
    """Derive the seed of a stream.

    Parameters
    ----------
    seed
        The seed of the run, 0 <= seed < 2^63.
    stream
        One of `STREAMS`.
    place
        Where in the run, for instance epoch and step.

    Returns
    -------
    int
        A whole number below 2^63.

    Raises
    ------
    InvalidInput
        If the seed or the name lies outside its domain.

    Examples
    --------
    >>> stream_seed(0, "mask") == stream_seed(0, "mask"), stream_seed(0, "mask") == stream_seed(0, "weights")
    (True, False)
    """
    seed = whole_number("seed", seed, least=0, most=_LARGEST_SEED)
    if stream not in STREAMS:
        raise InvalidInput("stream", f"one of {', '.join(STREAMS)}", stream)
    key = (STREAMS.index(stream), *place)
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, stream: str, *place: int) -> torch.Generator:
    """Make a generator on the CPU for a stream: numbers do not depend on the device that they are used on.

    Examples
    --------
    >>> order = torch.randperm(5, generator=generator(0, "order", 3))
    >>> order.equal(torch.randperm(5, generator=generator(0, "order", 3)))
    True
    """
    return torch.Generator().manual_seed(stream_seed(seed, stream, *place))
