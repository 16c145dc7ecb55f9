"""Targets for strong tickets: weights and biases uniform on [-1, 1], inputs in [-1, 1]."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ertheory.target import Target

__all__ = ["random_target", "small"]


def random_target(seed: int, dims: tuple[int, ...]) -> Target:
    """Draw a target: all weights from the inputs on, then all biases, from `numpy.random.default_rng(seed)`."""
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(-1, 1, (after, before)) for before, after in pairwise(dims)]
    biases = [rng.uniform(-1, 1, outputs) for outputs in dims[1:]]
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * dims[0])


def small(seed: int) -> Target:
    """Draw the target 2-4-1."""
    return random_target(seed, (2, 4, 1))
