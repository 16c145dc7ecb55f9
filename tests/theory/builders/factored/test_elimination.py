"""Equations eliminated before a Cholesky factor is made: bounds below the smallest eigenvalue, whatever is left."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import eigh, null_space

from ertheory.builders.factored import elimination, left_over, surjective
from ertheory.builders.factored.derivative import Derivative
from ertheory.builders.factored.directions import solve_column, solve_row
from ertheory.builders.factored.elimination import Sides, choose, eliminate
from ertheory.builders.factored.left_over import is_positive, panels
from ertheory.builders.factored.spectra import largest_square, least_square
from ertheory.builders.factored.surjective import smallest_eigenvalue
from ertheory.errors import InvalidInput

SHAPES = [  # outputs, inner neurons, inputs, density
    (6, 14, 5, 0.6),
    (5, 14, 6, 0.6),
    (12, 40, 12, 0.35),
    (9, 60, 14, 0.3),
    (3, 40, 20, 0.5),
    (20, 40, 3, 0.5),
    (1, 30, 8, 0.5),
    (8, 30, 1, 0.5),
    (1, 4, 1, 0.8),
    (4, 40, 4, 0.9),  # every row and column has its inverse, so that nothing is left
    (10, 24, 10, 0.25),  # not every pair has a path
]


def drawn(shape, seed):
    outputs, inner, inputs, density = shape
    rng = np.random.default_rng([seed, *shape[:3]])
    reads, feeds = (rng.random((inner, inputs)) < density) * 1.0, (rng.random((outputs, inner)) < density) * 1.0
    return Derivative(rng.standard_normal(feeds.shape) * feeds, rng.standard_normal(reads.shape) * reads, feeds, reads)


def smallest(point):
    """The smallest eigenvalue on pairs with a path, from all of the matrix."""
    shape = point.paths.shape
    matrix = np.stack([point.gram(e.reshape(shape)).ravel() for e in np.eye(point.paths.size)])
    kept = np.flatnonzero(point.paths.ravel())
    return np.linalg.eigvalsh(matrix[np.ix_(kept, kept)])[0]


def whole(left, shift):
    """The matrix of what is left, from its panels."""
    matrix = np.zeros((left.unknowns, left.unknowns))
    for start, block in panels(left, shift, lambda _: None):
        matrix[start:, start : start + block.shape[1]] = block
    return np.tril(matrix) + np.tril(matrix, -1).T


def pencil(left):
    """The form in y and |V(y)|^2."""
    form = whole(left, 0.0)
    return form, form - whole(left, 1.0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("large", [0.3, 0.1, 0.02])
def test_the_bound_is_below_the_smallest_eigenvalue_and_near_it(shape, large, monkeypatch):
    monkeypatch.setattr(surjective, "_DENSE", 0)
    monkeypatch.setattr(elimination, "LARGE", (large,))
    for seed in range(2):
        point = drawn(shape, seed)
        true = smallest(point)
        bound, doubt = smallest_eigenvalue(point, seed=seed, certain=True)
        assert doubt == 0
        assert bound <= max(true, 0)
        if true > 1e-3:
            assert bound > 1e-5 * large**2 * true


def norm_of_eliminated(left, sides, kept):
    """|N Z f|^2 for numbers f of which A_j^T Z_j f_j has at least the length 1."""
    moves = []
    for place, j in enumerate(kept):
        others = null_space(left.bases[place].T)
        least = np.linalg.svd(sides.columns[j].T @ others, compute_uv=False).min(initial=np.inf)
        for direction in others.T:
            u = np.zeros((len(sides.rows), len(left.bases)))
            u[:, place] = direction / least
            moves.append(u)
    u = np.array(moves).reshape(-1, len(sides.rows), len(left.bases))
    z = np.einsum("ijl,kil->kij", left.solved, u)
    gram = np.einsum("kij,jih,phj->kp", z, left.inner, z)
    for i, part in enumerate(left.parts):
        gram += (u[:, i] @ part.T) @ (u[:, i] @ part.T).T
    return np.linalg.eigvalsh(gram).max(initial=0.0)


@pytest.mark.parametrize("taken_from", ["both", "rows alone", "columns alone", "rows wholly"])
@pytest.mark.parametrize("shape", [*SHAPES[:6], (5, 4, 6, 1.0)])
def test_what_is_left_and_what_is_taken_away_bound_the_whole(shape, taken_from):
    """The inequality between quadratic forms, with bases that the test completes itself."""
    point = drawn(shape, 7)
    sides = surjective._sides(point, point.paths)
    m, n = len(sides.rows), len(sides.columns)
    choice = choose(sides, 10**6)
    if taken_from == "rows alone":  # so that w is 1
        choice = replace(choice, ranks=(0,) * n)
    elif taken_from == "columns alone":  # so that R is empty
        choice = replace(choice, kept=np.arange(n), rest=np.arange(0))
    elif taken_from == "rows wholly":  # so that nothing, or little, is left of a row but what X says
        few = min(n - 1, *(len(row) for row in sides.rows))
        choice = replace(choice, kept=np.arange(few, n), rest=np.arange(few), limit=1e-3)
    left = eliminate(sides, choice)
    kept, rest, number = choice.kept, choice.rest, len(choice.kept)
    columns = {"y": [], "f": [], "e": []}

    def give(kind, u):
        v = np.zeros((m, n))
        v[:, kept] = u[:, :number]
        v[:, rest] -= np.einsum("ijl,il->ij", left.solved, u)
        columns[kind].append(v.ravel())

    for place, basis in enumerate(left.bases):
        others = null_space(basis.T) if place < number else np.zeros((m, 0))
        for kind, one in (("y", basis), ("f", others)):
            for direction in one.T:
                u = np.zeros((m, len(left.bases)))
                u[:, place] = direction
                give(kind, u)
    for i in range(m):
        small = left.solved[i][:, number:]
        for direction in null_space(small[:, np.abs(small).sum(axis=0) > 0].T).T:
            v = np.zeros((m, n))
            v[i, rest] = direction
            columns["e"].append(v.ravel())
    assert 1 / left.weight - 1 >= norm_of_eliminated(left, sides, kept) / 0.8
    moves = {kind: np.array(vectors).reshape(-1, m * n).T for kind, vectors in columns.items()}
    ways = np.hstack(list(moves.values()))
    assert np.linalg.matrix_rank(ways) == ways.shape[1] == m * n
    whole_form = np.zeros((m * n, m * n))
    for i, row in enumerate(sides.rows):
        at = np.arange(n) + i * n
        whole_form[np.ix_(at, at)] += row.T @ row
    for j, column in enumerate(sides.columns):
        at = np.arange(m) * n + j
        whole_form[np.ix_(at, at)] += column @ column.T
    form, size = pencil(left)
    assert np.allclose(size, moves["y"].T @ moves["y"], atol=1e-9)
    claimed = np.zeros((m * n, m * n))
    count, taken = left.unknowns, moves["f"].shape[1]
    claimed[:count, :count] = left.weight * form
    middle = slice(count, count + taken)
    claimed[middle, middle] = left.least_first * moves["f"].T @ moves["f"] if taken else 0
    last = slice(count + taken, None)
    claimed[last, last] = left.least_second * moves["e"].T @ moves["e"] if moves["e"].size else 0
    assert np.linalg.eigvalsh(ways.T @ whole_form @ ways - claimed)[0] > -1e-9


def moduli_of(left, sides, choice):
    """The traces of the form in y and of |V(y)|^2 with moduli for all numbers, entry by entry."""
    form = size = 0.0
    for place, basis in enumerate(left.bases):
        mine, solved = np.abs(basis), np.abs(left.solved[:, :, place])
        kept = choice.kept[place] if place < len(choice.kept) else None
        for i, row in enumerate(sides.rows):
            part = np.abs(row[:, choice.rest]) @ solved[i] + (0 if kept is None else np.abs(row[:, kept]))
            form += part @ part * (mine[i] @ mine[i])
            size += solved[i] @ solved[i] * (mine[i] @ mine[i])
        for at, j in enumerate(choice.rest):
            column = sides.columns[j]
            weight = np.trace(left.inner[at]) / max(np.sum(column * column), 1e-300)
            form += weight * np.sum((np.abs(column).T @ (solved[:, [at]] * mine)) ** 2)
        if kept is not None:
            form, size = form + np.sum((np.abs(sides.columns[kept]).T @ mine) ** 2), size + np.sum(mine * mine)
    return form, size


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1e3, 1.0), (1.0, 1e3)], ids=["alike", "rows", "columns"])
@pytest.mark.parametrize("shape", [(1, 12, 8, 0.9), (1, 30, 8, 0.5), (5, 14, 6, 0.6), (10, 24, 10, 0.25)])
def test_moduli_are_those_of_all_numbers_whichever_part_is_the_largest(shape, scales):
    """With one output nothing but a hundredth for either kind of rounding is added; with more no form has more."""
    sides = surjective._sides(point := drawn(shape, 7), point.paths)
    sides = Sides(tuple(scales[0] * row for row in sides.rows), tuple(scales[1] * one for one in sides.columns))
    usual = choose(sides, 10**6)
    few = min(len(sides.columns) - 1, *map(len, sides.rows))
    none = (0,) * len(sides.columns)
    wholly = {"kept": np.arange(few, len(none)), "rest": np.arange(few), "limit": 1e-3}
    for choice in (usual, replace(usual, ranks=none), replace(usual, ranks=none, **wholly)):
        left = eliminate(sides, choice)
        for bound, true in zip((left.moduli, left.solved_moduli), moduli_of(left, sides, choice), strict=True):
            assert bound >= true
            if shape[0] == 1 and not any(choice.ranks):
                assert 1.015 * true < bound < 1.025 * true


@pytest.mark.parametrize(("width", "numbers"), [(512, 2**26), (7, 2**26), (512, 1), (1, 3000)])
def test_panels_of_any_width_give_the_same_answer(width, numbers, monkeypatch):
    point = drawn((12, 40, 12, 0.35), 1)
    sides = surjective._sides(point, point.paths)
    left = eliminate(sides, choose(sides, 10**6))
    expected, size = pencil(left)
    monkeypatch.setattr(left_over, "WIDTH", width)
    monkeypatch.setattr(left_over, "NUMBERS", numbers)
    made = panels(left, 0.0, lambda _: None)
    assert (len(made) > 2) == (width < 512 or numbers == 1)
    assert np.allclose(whole(left, 0.0), expected, atol=1e-12)
    top = eigh(expected, size, eigvals_only=True)[0]
    shares = []
    assert is_positive(left, 0.999 * top, shares.append)
    assert sum(shares) == pytest.approx(1)
    assert not is_positive(left, 1.001 * top)


def test_what_rounding_may_do_is_taken_off():
    """A form that is positive by less than the margin is not taken for one."""
    point = drawn((12, 40, 12, 0.35), 1)
    sides = surjective._sides(point, point.paths)
    left = eliminate(sides, choose(sides, 10**6))
    form, size = pencil(left)
    top = eigh(form, size, eigvals_only=True)[0]
    for share in (1e-3, 1e-2):
        shift = (1 - share) * top
        excess = np.linalg.eigvalsh(form - shift * size)[0]
        assert is_positive(replace(left, lost=0.9 * excess), shift)
        assert not is_positive(replace(left, lost=1.1 * excess), shift)
        assert not is_positive(replace(left, moduli=excess / left_over.gamma(left.terms)), shift)
    assert 0 < left.lost < 1e-6 * top


@pytest.mark.parametrize("off", [1e-9, 1e-4, 0.3])
def test_bases_that_are_not_what_they_should_be_cost_but_do_not_mislead(off):
    point = drawn((12, 40, 12, 0.35), 2)
    sides = surjective._sides(point, point.paths)
    choice = choose(sides, 10**6)
    rng = np.random.default_rng(0)
    bases = tuple(basis + off * rng.standard_normal(basis.shape) for basis in choice.bases)
    right, wrong = eliminate(sides, choice), eliminate(sides, replace(choice, bases=bases))
    assert wrong.lost > 1e4 * off * right.lost
    form, size = pencil(wrong)
    top = eigh(form, size, eigvals_only=True)[0]
    found = wrong.smallest(0.9 * top) if is_positive(wrong, 0.9 * top) else 0.0
    assert found <= smallest(point)
    assert (found > 0) == (off < 1e-6)


@pytest.mark.parametrize(("solve", "side"), [("solve_row", "rows"), ("solve_column", "columns")])
def test_parts_that_should_be_orthogonal_and_are_not_are_taken_off(solve, side, monkeypatch):
    """Twice the product of two vectors is lost, which is at most the sum of their squares."""
    point = drawn((12, 40, 12, 0.35), 2)
    sides = surjective._sides(point, point.paths)
    choice = choose(sides, 10**6)
    right, before = eliminate(sides, choice), getattr(elimination, solve)
    monkeypatch.setattr(elimination, solve, lambda *given: before(*given)._replace(cross=1e-3))
    wrong = eliminate(sides, choice)
    assert wrong.lost > 1e-3 / wrong.weight > 1e3 * right.lost
    assert wrong.least_first < right.least_first
    assert (wrong.least_second < right.least_second) == (side == "rows")


@pytest.mark.parametrize("seed", range(3))
def test_what_is_said_of_a_row_is_what_its_numbers_give(seed):
    """Every number of a row and of a column against its definition, with products that are added up one by one."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((9, 11)) * (rng.random((9, 11)) < 0.6)
    kept, rest = np.array([0, 3, 4, 8]), np.array([1, 2, 5, 6, 7, 9, 10])
    near, far = matrix[:, rest], matrix[:, kept]
    values, right = np.linalg.svd(near)[1:]
    limit = float(values[3] + values[4]) / 2  # four of seven directions are large
    row = solve_row(matrix, kept, rest, limit)
    lines = list(zip(near, np.hstack([far, np.zeros((9, 3))]), strict=True))
    left_out = np.hstack([row.solved, row.small]).T
    part = np.array(
        [[math.fsum([b, *(-line * xs)]) for b, xs in zip(own, left_out, strict=True)] for line, own in lines]
    )
    sizes = [[abs(b) + math.fsum(abs(line * xs)) for b, xs in zip(own, left_out, strict=True)] for line, own in lines]
    moduli = float(np.sum(np.square(sizes)))
    assert row.moduli == pytest.approx(moduli, rel=1e-8)
    assert np.linalg.norm(row.part - part) <= row.off < 1e-12 * math.sqrt(moduli)
    image = near @ right[:4].T
    assert row.least == pytest.approx(values[3] ** 2, rel=1e-6)
    assert row.least <= values[3] ** 2
    assert np.linalg.norm(image.T @ part) <= row.cross < 1e-10
    assert 1 <= row.frame < 1.0101
    basis, sizes = np.linalg.svd(matrix)[:2]
    column = solve_column(matrix, basis, 5)
    assert np.allclose(column.own, matrix.T @ basis[:, 5:], rtol=0, atol=1e-13)
    assert column.least == pytest.approx(sizes[4] ** 2, rel=1e-6)
    assert column.least <= sizes[4] ** 2
    assert np.linalg.norm((matrix.T @ basis[:, :5]).T @ column.own) <= column.cross < 1e-10
    assert 1 <= column.frame < 1.0101


def test_nothing_is_claimed_where_rank_is_lost(monkeypatch):
    monkeypatch.setattr(surjective, "_DENSE", 0)
    for seed in range(5):
        point = drawn((9, 8, 9, 0.5), seed)
        assert point.reads.sum() + point.feeds.sum() - 8 < point.paths.sum()
        assert smallest_eigenvalue(point, seed=seed, certain=True) == (0.0, 0.0)
    ones = np.ones((3, 6)), np.ones((6, 3))  # 36 entries, 36 - 9 unknowns
    rng = np.random.default_rng(0)
    point = Derivative(rng.standard_normal((6, 3)), rng.standard_normal((3, 6)), ones[1], ones[0])
    assert smallest_eigenvalue(point, certain=True) == (0.0, 0.0)


@pytest.mark.parametrize("nearly", [0.0, 1e-9, 1e-7])
def test_nearly_lost_rank_is_no_rank(nearly, monkeypatch):
    """Two outputs with the same row of A, and two inputs with the same column of B, but for a tiny difference."""
    monkeypatch.setattr(surjective, "_DENSE", 0)
    rng = np.random.default_rng(0)
    reads, feeds = np.ones((8, 5)), np.ones((5, 8))
    first, second = rng.standard_normal((8, 5)), rng.standard_normal((5, 8))
    first[4:] = nearly * first[4:]
    second[:, 4:] = nearly * second[:, 4:]
    point = Derivative(second, first, feeds, reads)
    true = smallest(point)
    assert true < 1e-12
    assert smallest_eigenvalue(point, certain=True).bound <= max(true, 0.0)


def test_without_the_memory_it_draws_vectors_or_is_refused(monkeypatch):
    monkeypatch.setattr(surjective, "_DENSE", 0)
    point = drawn((6, 14, 5, 0.6), 1)
    assert smallest_eigenvalue(point).doubt == 0
    assert smallest_eigenvalue(point, certain=False).doubt == 1e-12
    assert smallest_eigenvalue(point, enough=1e9).doubt == 1e-12
    assert smallest_eigenvalue(point, enough=1e9, certain=True).doubt == 0
    monkeypatch.setattr(surjective, "free_memory", lambda: 1e4)
    found = smallest_eigenvalue(point)
    assert found.doubt == 1e-12
    assert 0 < found.bound <= smallest(point)
    with pytest.raises(InvalidInput, match=r"^certain: .* \S+ GB of free memory for \d+ .*, got '1e-05 GB'"):
        smallest_eigenvalue(point, certain=True)
    monkeypatch.setattr(surjective, "free_memory", lambda: 1e12)
    monkeypatch.setattr(surjective, "_UNKNOWNS", 3)
    assert smallest_eigenvalue(point).doubt == 1e-12
    assert smallest_eigenvalue(point, certain=True).doubt == 0
    monkeypatch.undo()
    monkeypatch.setattr(surjective, "_DENSE", 0)
    monkeypatch.setattr(surjective, "_MOST", 20)
    assert smallest_eigenvalue(point).doubt == 1e-12
    assert smallest_eigenvalue(point, certain=True).doubt == 0


@pytest.mark.parametrize("shape", [(1, 1), (4, 9), (9, 4), (30, 30)])
def test_bounds_on_singular_values_are_on_the_right_side(shape):
    rng = np.random.default_rng(shape[0])
    for _ in range(20):
        factor = rng.standard_normal(shape)
        values = np.linalg.svd(factor, compute_uv=False)
        assert values[0] ** 2 < largest_square(factor) < 1.02 * values[0] ** 2
        basis = np.linalg.qr(rng.standard_normal((30, shape[1])))[0] * rng.uniform(1, 2, shape[1])
        basis += 1e-3 * rng.standard_normal(basis.shape)
        least = np.linalg.svd(basis, compute_uv=False)[-1] ** 2
        assert 0.9 * least < least_square(basis) < least
    assert least_square(np.zeros((3, 0))) == np.inf
    assert largest_square(np.zeros((3, 0))) == 0
