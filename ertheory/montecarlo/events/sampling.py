"""Drawing masks, many at a time, and counting how often an event occurs in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.numbers import whole_number

__all__ = ["Bools", "Event", "count_occurrences", "draw_mask"]

Bools = npt.NDArray[np.bool_]

_ENTRIES_AT_ONCE = 2**21
_MOST_TRIALS = 10**9


@dataclass(frozen=True)
class Event:
    """Something that a random mask does or does not do.

    Parameters
    ----------
    entries
        Numbers that one trial keeps in memory, about: how many trials can be decided at once.
    occurs
        Draws so many independent masks and says of each whether the event occurs, shape (trials,).
    """

    entries: int
    occurs: Callable[[np.random.Generator, int], Bools]


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], density: Fraction) -> Bools:
    """Draw a mask of independent entries, each kept with probability p."""
    return rng.random(shape) < float(density)


def count_occurrences(event: Event, trials: int, seed: int, *, progress: Callable[[int], object] | None = None) -> int:
    """Count in how many of so many independent trials an event occurs.

    Parameters
    ----------
    event
        What to look for.
    trials
        1 to 10^9.
    seed
        It is at least 0; the same seed gives the same count.
    progress
        It is told the number of finished trials, again and again.

    Raises
    ------
    InvalidInput
        If the trials or the seed are out of range.

    Examples
    --------
    >>> coin = Event(1, lambda rng, trials: draw_mask(rng, (trials,), Fraction(1, 2)))
    >>> count_occurrences(coin, 1_000, 0) == count_occurrences(coin, 1_000, 0)
    True
    """
    trials = whole_number("trials", trials, least=1, most=_MOST_TRIALS)
    seed = whole_number("seed", seed, least=0)
    streams = np.random.SeedSequence(seed)
    most = max(1, _ENTRIES_AT_ONCE // event.entries)
    done = found = 0
    while done < trials:
        chunk = min(most, trials - done)
        rng = np.random.default_rng(streams.spawn(1)[0])
        found += int(np.count_nonzero(event.occurs(rng, chunk)))
        done += chunk
        if progress is not None:
            progress(done)
    return found
