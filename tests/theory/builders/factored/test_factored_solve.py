"""One map as two: all masks on tiny maps, random masks on small ones, and numbers against exact arithmetic."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory.builders.factored.certificate import residual_bound
from ertheory.builders.factored.matching import unmatched_inputs, unmatched_outputs
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.solve import factor_map
from ertheory.builders.factored.verdict import locally_generic, universal_by, verdicts
from ertheory.errors import ConstructionFailed, InvalidInput
from ertheory.masks import DrawnMask

PRIME = 1_000_003


def rank(rows: list[list[int]]) -> int:
    """Eliminate over the field of PRIME elements."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((at for at in range(found, len(rows)) if rows[at][column] % PRIME), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        inverse = pow(rows[found][column], -1, PRIME)
        for at in range(found + 1, len(rows)):
            factor = rows[at][column] * inverse % PRIME
            rows[at] = [(a - factor * b) % PRIME for a, b in zip(rows[at], rows[found], strict=True)]
        found += 1
    return found


def generic_columns(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> bool:
    """Whether A[:, K] has full row rank for every input, with random A on its mask."""
    numbers = second * rng.integers(1, PRIME, size=second.shape)
    for column in first.T:
        part = numbers[:, column != 0]
        if rank(part.tolist()) < len(second):
            return False
    return True


def jacobian_rank(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> int:
    a, b = (mask * rng.integers(1, PRIME, size=mask.shape) for mask in (second, first))
    rows = []
    for j, i in zip(*np.nonzero(first), strict=True):
        move = np.zeros((len(second), first.shape[1]), dtype=np.int64)
        move[:, i] = a[:, j]
        rows.append(move.ravel().tolist())
    for o, j in zip(*np.nonzero(second), strict=True):
        move = np.zeros((len(second), first.shape[1]), dtype=np.int64)
        move[o] = b[j]
        rows.append(move.ravel().tolist())
    return rank(rows)


def tiny(outputs: int, inputs: int, most: int):
    """All multisets of inner neurons, each with an input and an output, in which every pair has a path."""
    reads = [bits for bits in product((0, 1), repeat=inputs) if any(bits)]
    feeds = [bits for bits in product((0, 1), repeat=outputs) if any(bits)]
    for size in range(1, most + 1):
        for chosen in combinations_with_replacement(list(product(reads, feeds)), size):
            first = np.array([neuron[0] for neuron in chosen])
            second = np.array([neuron[1] for neuron in chosen]).T
            if ((second @ first) > 0).all():
                yield first, second


def test_every_mask_of_two_by_two():
    rng = np.random.default_rng(0)
    counts = {"matched": 0, "mixed": 0, "rank": 0, "deficient": 0}
    for first, second in tiny(2, 2, 4):
        pair = MaskPair.read(first, second)
        dual, primal = not len(unmatched_inputs(pair)), not len(unmatched_outputs(pair))
        assert dual == generic_columns(first, second, rng)
        assert primal == generic_columns(second.T, first.T, rng)
        full = jacobian_rank(first, second, rng) == 4
        assert locally_generic(pair) == full
        scheme = universal_by(pair)
        assert full or scheme is None
        kind = "matched" if dual or primal else "mixed" if scheme else "rank" if full else "deficient"
        counts[kind] += 1
    assert counts == {"matched": 349, "mixed": 0, "rank": 12, "deficient": 1}


def test_schemes_of_two_by_three():
    counts = Counter(universal_by(MaskPair.read(first, second)) for first, second in tiny(2, 3, 4))
    assert counts["dual"] + counts["primal"] == 3674
    assert counts["mixed-dual"] + counts["mixed-primal"] == 57
    assert counts[None] == 741 + 97


def drawn(inputs: int, inner: int, outputs: int, density: str, seed: int) -> MaskPair:
    p = Fraction(density)
    first, second = DrawnMask((inner, inputs), p, seed, 0), DrawnMask((outputs, inner), p, seed, 1)
    return MaskPair(first.to_csr(), second.to_csr())


@pytest.mark.parametrize(("inputs", "inner", "outputs", "density"), [(6, 14, 4, "0.4"), (4, 10, 4, "0.5")])
def test_solved_exactly_where_matched(inputs, inner, outputs, density):
    rng = np.random.default_rng(5)
    failures = 0
    for seed in range(500):
        pair = drawn(inputs, inner, outputs, density, seed)
        weight = rng.standard_normal((outputs, inputs))
        if len(unmatched_inputs(pair)):
            failures += 1
            with pytest.raises(ConstructionFailed, match="map 7: no matching for input"):
                factor_map(weight, pair, scheme="dual", name="map 7")
        else:
            found = factor_map(weight, pair, scheme="dual")
            product_ = found.second.toarray() @ found.first.toarray()
            assert np.abs(product_ - weight).max() <= found.certificate.bound <= 1e-9
    assert 25 < failures < 475  # both sides of the statement are seen


@given(
    sizes=st.tuples(*[st.integers(1, 5)] * 2, st.integers(1, 12)),
    seed=st.integers(0, 2**20),
    density=st.sampled_from(["0.3", "0.6", "1"]),
    zeros=st.floats(0, 0.9),
)
def test_factors_lie_on_the_masks_and_are_certified(sizes, seed, density, zeros):
    inputs, outputs, inner = sizes
    rng = np.random.default_rng(seed)
    pair = drawn(inputs, inner, outputs, density, seed)
    weight = rng.standard_normal((outputs, inputs)) * (rng.random((outputs, inputs)) >= zeros)
    try:
        found = factor_map(weight, pair, seed=seed)
    except ConstructionFailed:
        assert universal_by(pair) not in ("dual", "primal")
        return
    assert found.universal is not True or universal_by(pair) in ("dual", "primal")
    for factor, mask in ((found.first, pair.first), (found.second, pair.second)):
        assert not (factor.toarray() != 0)[~mask.toarray()].any()
    exact = [
        [
            sum((Fraction(a) * Fraction(b) for a, b in zip(row, column, strict=True)), start=Fraction(0))
            for column in zip(*found.first.toarray().tolist(), strict=True)
        ]
        for row in found.second.toarray().tolist()
    ]
    off = max(
        abs(x - Fraction(y))
        for line, wanted in zip(exact, weight.tolist(), strict=True)
        for x, y in zip(line, wanted, strict=True)
    )
    assert off <= Fraction(found.certificate.bound)


def test_rational_factors_solve_their_map():
    pair = drawn(7, 40, 5, "0.5", 3)
    weight = np.random.default_rng(1).standard_normal((5, 7))
    found = factor_map(weight, pair, exact=True)
    assert found.certificate.exact
    kept = pair.first.toarray()
    for output, row in enumerate(found.second.toarray().tolist()):
        for source in range(7):
            terms = (Fraction(row[j]) * found.rational[0].get((j, source), Fraction(0)) for j in range(40))
            assert sum(terms, start=Fraction(0)) == Fraction(weight[output, source].item())
    for place, value in found.rational[0].items():
        assert kept[place]
        assert float(value) == found.first.toarray()[place]


def test_mixed_scheme_serves_masks_that_the_dual_does_not():
    pair = drawn(40, 190, 40, "0.25", 2)
    assert len(unmatched_inputs(pair))
    weight = np.random.default_rng(0).standard_normal((40, 40))
    for scheme in ("mixed-dual", "mixed-primal"):
        found = factor_map(weight, pair, scheme=scheme)
        assert np.abs(found.second @ found.first.toarray() - weight).max() <= found.certificate.bound < 1e-8
    small = factor_map(weight, pair, scheme="mixed-dual", fewest=48)
    assert small.condition < factor_map(weight, pair, scheme="mixed-dual").condition


def test_triangle_is_locally_generic_only():
    first = [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    found = verdicts(MaskPair.read(first, np.transpose(first)), [[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    assert (found.universal, found.locally_generic, found.this_map) == (None, True, None)


def test_bound_holds_and_is_not_idle():
    rng = np.random.default_rng(2)
    pair = drawn(30, 90, 20, "0.3", 4)
    weight = rng.standard_normal((20, 30))
    found = factor_map(weight, pair)
    off = weight.copy()
    off[3, 4] += 1e-6
    assert residual_bound(found.second, found.first, off) >= 1e-6 * (1 - 1e-9)


def test_positive_numbers_and_single_precision():
    pair = drawn(12, 90, 9, "0.4", 4)
    weight = np.random.default_rng(3).standard_normal((9, 12))
    found = factor_map(weight, pair, scheme="primal", law="positive", dtype=np.float32)
    assert (found.first.data > 0).all()
    for factor in (found.first, found.second):
        assert (factor.data == factor.data.astype(np.float32)).all()
    assert np.abs(found.second @ found.first.toarray() - weight).max() <= found.certificate.bound < 1e-4


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30])
def test_scale_of_the_weights_does_not_matter(scale):
    pair = drawn(12, 90, 9, "0.4", 4)
    weight = np.random.default_rng(3).standard_normal((9, 12)) * scale
    assert factor_map(weight, pair).certificate.bound < 1e-12 * scale


def test_outputs_and_inputs_without_weights_ask_for_nothing():
    pair = MaskPair.read([[1, 0], [0, 0]], [[1, 0], [0, 0]])
    found = factor_map([[2.0, 0.0], [0.0, 0.0]], pair)
    assert (found.second @ found.first.toarray()).tolist() == [[2.0, 0.0], [0.0, 0.0]]
    assert found.universal is False
    assert factor_map(np.zeros((2, 2)), pair).certificate.bound == 0
    with pytest.raises(ConstructionFailed, match=r"no matching for input 1 \(dual\)"):
        factor_map([[0.0, 2.0], [0.0, 0.0]], pair, scheme="dual")


def test_bad_shapes_are_refused():
    with pytest.raises(InvalidInput, match="second mask"):
        MaskPair.read(np.ones((3, 2)), np.ones((2, 4)))
    pair = MaskPair.read(np.ones((3, 2)), np.ones((2, 3)))
    with pytest.raises(InvalidInput, match="weight of fc1"):
        factor_map(np.ones((3, 2)), pair, name="fc1")
    with pytest.raises(InvalidInput, match="finite"):
        factor_map([[1.0, np.nan], [0.0, 0.0]], pair)
