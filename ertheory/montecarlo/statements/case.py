"""One statement on one target and one source, ready to be simulated."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ertheory.montecarlo.events.sampling import Event
from ertheory.networks.target import Target

__all__ = ["Case"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A statement on one target and one source.

    Parameters
    ----------
    says
        The event whose probability is predicted, in words.
    target
        The target.
    widths
        N_0..N_L (Theorem 2.3: hidden layer and output); ``None`` for a layer of which the event does not speak.
    densities
        One per source layer.
    event
        The event, to be decided from drawn masks.
    predicted
        The probability by the exact law, or a lower and an upper bound on it.
    built
        The event that the builder finds the target, for statements about a construction.
    predicted_built
        The same for `built`, where a builder may succeed more often than the construction that a law speaks of.
    trials
        How often to look where nobody says so; ``None`` for the usual number.
    """

    says: str
    target: Target
    widths: tuple[int | None, ...]
    densities: tuple[Fraction, ...]
    event: Event
    predicted: float | tuple[float, float]
    built: Event | None = None
    predicted_built: float | tuple[float, float] | None = None
    trials: int | None = None
