"""The small target for strong tickets: weights and biases uniform on [-1, 1], inputs in [-1, 1]^2."""

from __future__ import annotations

from ertheory.networks.target import Target
from ertheory.plots.ticket_success import random_target

__all__ = ["random_target", "small"]


def small(seed: int) -> Target:
    """Draw the target 2-4-1."""
    return random_target(seed, (2, 4, 1))
