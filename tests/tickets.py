"""Small targets for strong tickets, inputs in [-1, 1]^2: weights and biases uniform on [-1, 1], or multiples of 1/4."""

from __future__ import annotations

import numpy as np

from ertheory.networks.target import Target
from ertheory.plots.ticket_success import random_target

__all__ = ["coarse", "random_target", "small"]


def small(seed: int) -> Target:
    """Draw the target 2-4-1."""
    return random_target(seed, (2, 4, 1))


def coarse(seed: int) -> Target:
    """Draw the target 2-4-1 with weights and biases that are multiples of 1/4 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    weights, biases = ([rng.integers(-4, 5, shape) / 4 for shape in shapes] for shapes in (((4, 2), (1, 4)), (4, 1)))
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * 2)
