"""The derivative of (A, B) -> A B on two masks: J (dA, dB) = A dB + dA B.

J J^T V = A (S_1 o A^T V) + (S_2 o V B^T) B, for V of the shape of the map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ertheory.builders.factored.conjugate import conjugate_gradients
from ertheory.builders.factored.pairs import Array

__all__ = ["Derivative"]


@dataclass(frozen=True, eq=False)
class Derivative:
    """J at a point.

    Parameters
    ----------
    second, first
        A of shape (m, N) and B of shape (N, n), dense, 0 outside of their masks.
    feeds, reads
        The masks, as numbers 0 and 1 of the same shapes.
    """

    second: Array
    first: Array
    feeds: Array
    reads: Array

    def gram(self, v: Array) -> Array:
        """Apply J J^T to an array of the shape of the map."""
        change_second, change_first = self.step(v)
        result: Array = self.second @ change_first + change_second @ self.first
        return result

    def step(self, v: Array) -> tuple[Array, Array]:
        """Apply J^T: give (dA, dB)."""
        return (v @ self.first.T) * self.feeds, (self.second.T @ v) * self.reads

    @property
    def paths(self) -> Array:
        """1 where an input reaches an output; elsewhere A B is 0 whatever the numbers are."""
        return (self.feeds @ self.reads > 0).astype(np.float64)

    def lowest(self, rng: np.random.Generator) -> float:
        """Estimate the smallest eigenvalue of J J^T on the pairs with a path by inverse iteration, from above."""
        vector = rng.standard_normal(self.feeds.shape[:1] + self.reads.shape[1:]) * self.paths
        for _ in range(4):
            vector = conjugate_gradients(self.gram, vector / np.linalg.norm(vector), tolerance=1e-3)
        return float(np.sum(vector * self.gram(vector)) / np.sum(vector * vector))
