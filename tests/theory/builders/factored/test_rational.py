"""Systems in rational arithmetic: A B = W holds exactly on the pattern, or there is no solution."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array

from ertheory.builders.factored.rational import exact_solution


def product(drawn, found, shape):
    """Multiply A, whose transpose is given, by the entries of B, in rationals."""
    result = [[Fraction(0)] * shape[1] for _ in range(shape[0])]
    for (inner, column), value in found.items():
        for row in range(shape[0]):
            result[row][column] += Fraction(drawn[inner, row]) * value
    return result


@pytest.mark.parametrize("form", ["dense", "entries", "transposed"])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_on_a_pattern_solves_the_system_exactly(form, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(12, 4)) * (rng.random((12, 4)) < 0.8)
    kept = csr_array(rng.random((12, 6)) < 0.7)
    goal = rng.normal(size=(4, 6))
    goal[:, 2] = 0
    near = csr_array(kept.multiply(rng.normal(size=kept.shape)))  # anything is near: what it leaves is solved for
    places = {(int(i), int(j)): float(drawn[i, j]) for i, j in np.argwhere(drawn)}
    given = {"dense": drawn, "entries": places, "transposed": {at[::-1]: value for at, value in places.items()}}[form]
    found = exact_solution(given, kept, goal, near, transposed=form == "transposed")
    assert found is not None
    assert product(drawn, found, goal.shape) == [[Fraction(value) for value in row] for row in goal.tolist()]
    assert all(kept.toarray()[place] for place in found)
    assert all(found.values())


def test_a_column_without_entries_is_solved_where_nothing_is_wanted_of_it_and_nowhere_else():
    drawn, kept = np.array([[2.0], [4.0]]), csr_array([[False, True], [False, False]])
    near = csr_array((2, 2))
    assert exact_solution(drawn, kept, np.array([[0.0, 3.0]]), near) == {(0, 1): Fraction(3, 2)}
    assert exact_solution(drawn, kept, np.array([[1e-300, 3.0]]), near) is None


def test_a_system_without_a_solution_is_said_whatever_is_near():
    drawn, kept = np.array([[1.0, 2.0]]), csr_array([[True]])
    assert exact_solution(drawn, kept, np.array([[1.0], [2.0]]), csr_array([[0.0]])) == {(0, 0): Fraction(1)}
    assert exact_solution(drawn, kept, np.array([[1.0], [np.nextafter(2.0, 3)]]), csr_array([[1.0]])) is None
