"""The weights of a subset sum, drawn by counting: weight k of trial i depends on the seed, i and k alone.

So a trial is the same whichever worker draws it, and the first weights do not depend on how many follow. Word k % 4 of
the Philox block with counter (k // 4, i, stream, 0) makes weight k. A uniform number is the middle of one of 2^53 equal
cells of [-1, 1] and exact in double precision; the factor of the product law is the middle of one of 2^52 cells of
[0, 1], from the next stream.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.bounds.subset_sum import LAWS, LawName
from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number

__all__ = ["LAWS", "Law", "check_law", "draw_weights", "stream_key"]

# U[-1, 1], and U[-1, 1] times an independent U[0, 1].
Law: TypeAlias = LawName
Floats: TypeAlias = npt.NDArray[np.float64]
Words: TypeAlias = npt.NDArray[np.uint64]

_SPAWN_KEY = (0, 24)  # masks have spawn keys of one number: no stream is used twice
_LARGEST_SEED = 2**128 - 1


def check_law(law: str) -> bool:
    """Say whether a law is that of products.

    Raises
    ------
    InvalidInput
        If there is no such law.
    """
    if law not in LAWS:
        raise InvalidInput("law", f"one of {', '.join(LAWS)}", law)
    return law == "product"


def stream_key(seed: int) -> Words:
    """Make the two words of the key from a seed.

    Raises
    ------
    InvalidInput
        If the seed is not a whole number from 0 to 2^128 - 1.
    """
    seed = whole_number("seed", seed, least=0, most=_LARGEST_SEED)
    return np.random.SeedSequence(seed, spawn_key=_SPAWN_KEY).generate_state(2, np.uint64).astype(np.uint64)


def draw_weights(trials: int, weights: int, *, first: int = 0, law: Law = "uniform", seed: int = 0) -> Floats:
    """Draw the first weights of some trials.

    Parameters
    ----------
    trials, weights
        How many of each.
    first
        Number of the first trial.
    law
        One of `LAWS`.
    seed
        0 <= seed < 2^128.

    Returns
    -------
    ndarray
        Shape (trials, weights); what the simulations of this package see with the same seed.

    Raises
    ------
    InvalidInput
        If there is no such law or the seed is out of range.

    Examples
    --------
    >>> bool((draw_weights(3, 5)[2] == draw_weights(1, 9, first=2)[0, :5]).all())
    True
    """
    from ertheory.montecarlo.subset_sums.draw_kernel import fill_weights

    product, key = check_law(law), stream_key(seed)
    drawn = np.empty((trials, -(-weights // 4) * 4))
    fill_weights(drawn, first, 0, product, key)
    return drawn[:, :weights]
