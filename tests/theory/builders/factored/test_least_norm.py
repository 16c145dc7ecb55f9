"""Shortest solutions of many systems, against orthogonal transformations in double precision."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from ertheory.builders.factored.least_norm import solve_columns
from ertheory.builders.factored.sparse_kernel import add_gram, refine


def drawn(rng: np.random.Generator, inner: int, equations: int, share: float) -> np.ndarray:
    return np.where(rng.random((inner, equations)) < share, rng.normal(size=(inner, equations)), 0.0)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4, 1.0])
@pytest.mark.parametrize("equations", [1, 20, 64, 90])
def test_solutions_are_the_shortest_ones(share: float, equations: int) -> None:
    rng = np.random.default_rng(equations)
    matrix = drawn(rng, 500, equations, share)
    pattern = csr_array(rng.random((500, 12)) < 0.4)
    goal = rng.normal(size=(equations, 12)) * 10.0 ** rng.integers(-8, 9, size=12)
    found = solve_columns(matrix, pattern, goal, workers=2)
    again = solve_columns(matrix, pattern, goal, workers=1)
    assert (found.matrix != again.matrix).nnz == 0
    assert len(found.failed) == 0
    conditions = []
    for column in range(12):
        members = np.flatnonzero(pattern.toarray()[:, column])
        part = matrix[members]
        wanted = np.linalg.lstsq(part.T, goal[:, column], rcond=None)[0]
        got = found.matrix.toarray()[members, column]
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())
        singular = np.linalg.svd(part, compute_uv=False)
        conditions.append(singular[0] / singular[-1])
        off = np.abs(got @ part - goal[:, column]).max()
        assert off <= 1e-13 * conditions[-1] * np.abs(goal[:, column]).max()
    # In the norm of sums of moduli, so up to a factor that grows with the root of the number of equations.
    assert max(conditions) / 3 <= found.condition <= 3 * max(conditions) * equations**0.5


def test_a_solution_is_refined_as_long_as_that_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residuals of every step are seen; where the last is no half of the one before, the one before is the answer."""
    residuals: list[float] = []

    def seen(*arguments: Any) -> None:
        refine(*arguments)
        residuals.append(float(np.abs(arguments[-1]).max()))

    monkeypatch.setattr("ertheory.builders.factored.sparse_kernel.refine", seen)
    rng = np.random.default_rng(7)
    for _ in range(5):
        residuals.clear()
        matrix, wanted = drawn(rng, 500, 80, 0.2), rng.normal(size=(80, 1))
        found = solve_columns(matrix, csr_array(np.ones((500, 1), dtype=np.bool_)), wanted, workers=1)
        scale = 2.0 ** np.frexp(np.abs(wanted).max())[1]
        assert 2 <= len(residuals) <= 6
        assert all(after < before / 2 for before, after in pairwise(residuals[:-1]))
        best = residuals[-1] if residuals[-1] < residuals[-2] / 2 else residuals[-2]
        off = np.abs(wanted - matrix.T @ found.matrix.toarray()).max() / scale
        assert off == pytest.approx(best, abs=2e-15)


def test_equations_without_unknowns_and_twice_the_same() -> None:
    rng = np.random.default_rng(3)
    matrix = drawn(rng, 400, 70, 0.2)
    matrix[:, 5] = 0.0  # no entry
    goal = rng.normal(size=(70, 3))
    goal[5] = [0.0, 1.0, 0.0]
    pattern = csr_array(rng.random((400, 3)) < 0.5)
    found = solve_columns(matrix, pattern, goal)
    assert found.failed.tolist() == [1]
    product = matrix.T @ found.matrix.toarray()
    np.testing.assert_allclose(product[:, [0, 2]], goal[:, [0, 2]], atol=1e-12)
    matrix[:, 6] = matrix[:, 7]
    goal[6] = goal[7]  # singular, and solvable all the same
    found = solve_columns(matrix, pattern, goal)
    np.testing.assert_allclose((matrix.T @ found.matrix.toarray())[:, [0, 2]], goal[:, [0, 2]], atol=1e-9)


def test_the_loops_compute_products() -> None:
    rng = np.random.default_rng(4)
    matrix = csr_array(drawn(rng, 30, 8, 0.5))
    members = rng.choice(30, size=11, replace=False)
    part = matrix.toarray()[members]
    gram = np.zeros((8, 8))
    add_gram(matrix.indptr, matrix.indices, matrix.data, members, gram)
    np.testing.assert_allclose(gram, np.tril(part.T @ part), atol=1e-13)
    step, solution, residual = rng.normal(size=8), rng.normal(size=11), rng.normal(size=8)
    moved = solution + part @ step
    left = residual - moved @ part
    refine(matrix.indptr, matrix.indices, matrix.data, members, step, solution, residual)
    np.testing.assert_allclose(solution, moved, atol=1e-13)
    np.testing.assert_allclose(residual, left, atol=1e-12)
