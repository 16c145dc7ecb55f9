"""What to hope for from an elimination: its form applied in single precision, to find a shift that is worth trying."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.conjugate import conjugate_gradients
from ertheory.builders.factored.elimination import Elimination

__all__ = ["largest_shift"]

_ROUNDS, _STEPS, _TOLERANCE = 3, 300, 0.1

_Single = npt.NDArray[np.float32]


class _Form:
    """The form in y, and |V(y)|^2."""

    def __init__(self, left: Elimination) -> None:
        self.solved, self.inner = left.solved.astype(np.float32), left.inner.astype(np.float32)
        self.parts = [part.astype(np.float32) for part in left.parts]
        self.bases = [basis.astype(np.float32) for basis in left.bases]
        self.own = [own.astype(np.float32) for own in left.own]
        self.ends = np.cumsum([basis.shape[1] for basis in self.bases])[:-1]

    def form(self, y: _Single) -> _Single:
        u = self._lifted(y)
        z = (self.inner @ self._solved(u).T[:, :, None])[:, :, 0].T
        rows = [part.T @ (part @ v) for part, v in zip(self.parts, u, strict=True)]
        pieces = np.split(y, self.ends)
        own = [one.T @ (one @ piece) for one, piece in zip(self.own, pieces, strict=False)]
        result = self._lowered((z[:, None] @ self.solved)[:, 0] + np.stack(rows))
        result += np.concatenate(own + [np.zeros_like(piece) for piece in pieces[len(own) :]])
        return result

    def size(self, y: _Single) -> _Single:
        u = self._lifted(y)
        image = (self._solved(u)[:, None] @ self.solved)[:, 0]
        image[:, : len(self.own)] += u[:, : len(self.own)]
        return self._lowered(image)

    def _solved(self, u: _Single) -> _Single:
        image: _Single = (self.solved @ u[:, :, None])[:, :, 0]
        return image

    def _lifted(self, y: _Single) -> _Single:
        pieces = np.split(y, self.ends)
        return np.stack([basis @ piece for basis, piece in zip(self.bases, pieces, strict=True)], axis=1)

    def _lowered(self, u: _Single) -> _Single:
        return np.concatenate([basis.T @ part for basis, part in zip(self.bases, u.T, strict=True)])


def largest_shift(left: Elimination, rng: np.random.Generator) -> float:
    """Estimate for which multiple of |V(y)|^2 the form in y is as large, by inverse iteration, from above."""
    form = _Form(left)
    vector = rng.standard_normal(left.unknowns).astype(np.float32)
    # Small products of single precision may read past a row in BLAS, and raise flags for what is never used. It is an
    # estimate alone: where it is no number, nothing is proved with it.
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            goal = form.size(vector)
            vector = conjugate_gradients(form.form, goal / np.linalg.norm(goal), tolerance=_TOLERANCE, most=_STEPS)
        return float(vector @ form.form(vector)) / float(vector @ form.size(vector))
