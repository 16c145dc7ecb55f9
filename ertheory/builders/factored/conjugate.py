"""Conjugate gradients, for matrices that are too large to be made.

>>> conjugate_gradients(lambda v: 4 * v, np.ones(3), tolerance=1e-9)
array([0.25, 0.25, 0.25])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Vector = TypeVar("Vector", npt.NDArray[np.float32], npt.NDArray[np.float64])

__all__ = ["conjugate_gradients"]


def conjugate_gradients(
    apply: Callable[[Vector], Vector], goal: Vector, *, tolerance: float, most: int = 5000
) -> Vector:
    """Solve a positive definite system up to a relative residual, or as far as so many steps lead."""
    solution, residual = np.zeros_like(goal), goal.copy()
    direction, size = residual, float(np.sum(residual * residual))
    wanted = tolerance**2 * size
    for _ in range(most):
        if size <= wanted:
            break
        image = apply(direction)
        along = size / float(np.sum(direction * image))
        solution += along * direction
        residual -= along * image
        before, size = size, float(np.sum(residual * residual))
        direction = residual + size / before * direction
    return solution
