"""Joint solutions: below the widths of the schemes, with a certificate that is checked against what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ertheory.builders.factored import dense, surjective
from ertheory.builders.factored.derivative import Derivative
from ertheory.builders.factored.joint import factor_jointly
from ertheory.builders.factored.matching import unmatched_inputs, unmatched_outputs
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.surjective import smallest_eigenvalue
from ertheory.builders.factored.triple import triple_locally_generic
from ertheory.builders.factored.verdict import locally_generic, verdicts
from ertheory.errors import ConstructionFailed, InvalidInput


def connected(inputs, inner, outputs, density, seed):
    """Masks in which every output has a path from every input."""
    rng = np.random.default_rng(seed)
    while True:
        first, second = rng.random((inner, inputs)) < density, rng.random((outputs, inner)) < density
        if (second.astype(int) @ first > 0).all():
            return MaskPair.read(first, second)


def jacobian(found, pair):
    """The derivative, entry by entry, of shape (outputs * inputs, edges)."""
    first, second = found.first.toarray(), found.second.toarray()
    columns = []
    for j, i in zip(*pair.first.nonzero(), strict=True):
        move = np.zeros((pair.outputs, pair.inputs))
        move[:, i] = second[:, j]
        columns.append(move.ravel())
    for o, j in zip(*pair.second.nonzero(), strict=True):
        move = np.zeros((pair.outputs, pair.inputs))
        move[o] = first[j]
        columns.append(move.ravel())
    return np.stack(columns, axis=1)


WAYS = pytest.mark.parametrize(
    ("whole", "certain", "doubt", "share"),
    [(3000, None, 0.0, 0.1), (10, None, 0.0, 1e-5), (10, False, 1e-12, 0.1)],
    ids=["whole", "eliminated", "vectors"],
)


@WAYS
@pytest.mark.parametrize("seed", range(3))
def test_maps_below_the_widths_of_the_schemes_are_solved_and_proved(seed, whole, certain, doubt, share, monkeypatch):
    monkeypatch.setattr(surjective, "_DENSE", whole)
    pair = connected(20, 45, 16, 0.35, seed)
    assert len(unmatched_inputs(pair))
    assert len(unmatched_outputs(pair))
    weight = np.random.default_rng(seed).standard_normal((16, 20)) * 100
    found = factor_jointly(weight, pair, seed=seed, certain=certain)
    for factor, mask in ((found.first, pair.first), (found.second, pair.second)):
        assert not (factor.toarray() != 0)[~mask.toarray()].any()
    assert np.abs(found.second @ found.first.toarray() - weight).max() <= found.certificate.bound < 1e-9
    assert found.certificate.exact
    assert found.certificate.doubt == doubt
    assert (found.scheme, found.universal) == ("joint", None)
    # The inequality, with a singular value found in another way; W was divided by a power of 2 to be solved.
    scale = 2.0 ** np.frexp(np.abs(weight).max())[1]
    smallest = np.linalg.svd(jacobian(replace(found, first=found.first / scale), pair), compute_uv=False)[-1]
    assert share * smallest**2 < 2 * found.radius / scale <= smallest**2


@WAYS
def test_the_bound_lies_below_the_smallest_eigenvalue(whole, certain, doubt, share, monkeypatch):
    monkeypatch.setattr(surjective, "_DENSE", whole)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        reads, feeds = (rng.random((14, 6)) < 0.6) * 1.0, (rng.random((5, 14)) < 0.6) * 1.0
        point = Derivative(
            rng.standard_normal(feeds.shape) * feeds, rng.standard_normal(reads.shape) * reads, feeds, reads
        )
        matrix = np.stack([point.gram(e.reshape(5, 6)).ravel() for e in np.eye(30)])
        kept = np.flatnonzero(point.paths.ravel())
        smallest = np.linalg.eigvalsh(matrix[np.ix_(kept, kept)])[0]
        found = smallest_eigenvalue(point, seed=seed, certain=certain)
        assert share * smallest < found.bound <= smallest
        assert found.doubt == doubt


@WAYS
def test_nothing_is_claimed_where_rank_is_lost(whole, certain, doubt, share, monkeypatch):
    monkeypatch.setattr(surjective, "_DENSE", whole)
    reads, feeds = np.ones((3, 6)), np.ones((6, 3))  # 36 entries, 36 - 9 unknowns
    rng = np.random.default_rng(0)
    point = Derivative(rng.standard_normal((6, 3)), rng.standard_normal((3, 6)), feeds, reads)
    assert smallest_eigenvalue(point, certain=certain).bound < 1e-12


@pytest.mark.parametrize("small", [1000, 0], ids=["eigenvalues", "estimate"])
def test_a_matrix_that_is_not_positive_is_not_taken_for_one(small, monkeypatch):
    """Whatever is tried as a shift: a bound is never above the smallest eigenvalue."""
    monkeypatch.setattr(dense, "_SMALL", small)
    monkeypatch.setattr(dense, "_SHIFTS", (1.5, 1.01, 0.9))  # of which the first two have to fail
    rng = np.random.default_rng(3)
    reads, feeds = (rng.random((14, 6)) < 0.6) * 1.0, (rng.random((5, 14)) < 0.6) * 1.0
    point = Derivative(rng.standard_normal(feeds.shape) * feeds, rng.standard_normal(reads.shape) * reads, feeds, reads)
    matrix = np.stack([point.gram(e.reshape(5, 6)).ravel() for e in np.eye(30)])
    smallest = np.linalg.eigvalsh(matrix)[0]
    assert 0.8 * smallest < smallest_eigenvalue(point).bound <= (0.9901 if small else 1) * smallest


def test_one_map_has_a_certificate_where_the_masks_are_not_universal():
    pair = connected(20, 45, 16, 0.35, 0)
    found = verdicts(pair, np.random.default_rng(0).standard_normal((16, 20)))
    assert (found.universal, found.locally_generic) == (None, True)
    assert found.this_map is not None
    assert found.this_map.exact


def test_what_cannot_be_is_named():
    pair = MaskPair.read([[1, 0], [0, 1]], [[1, 0], [0, 1]])
    with pytest.raises(ConstructionFailed, match="fc: no path from input 1 to output 0") as caught:
        factor_jointly([[1.0, 2.0], [0.0, 3.0]], pair, name="fc")
    assert [tuple(one) for one in caught.value.missing] == [("fc", "input", 1)]
    assert factor_jointly([[1.0, 0.0], [0.0, 3.0]], pair).certificate.bound < 1e-12
    few = MaskPair.read(np.ones((1, 3)), np.ones((3, 1)))
    with pytest.raises(ConstructionFailed, match=r"5 unknowns .* for 9 entries: almost no map"):
        factor_jointly(np.eye(3) + 1, few)
    triangle = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]])
    with pytest.raises(ConstructionFailed, match="no joint solution was found"):
        factor_jointly(1 - np.eye(3), MaskPair.read(triangle, triangle.T))
    with pytest.raises(InvalidInput, match="shape"):
        factor_jointly(np.ones((3, 2)), pair)
    with pytest.raises(InvalidInput, match="finite"):
        factor_jointly([[np.nan, 0.0], [0.0, 1.0]], pair)


@pytest.mark.parametrize(
    ("asked", "side"),
    [
        (lambda pair: factor_jointly(np.eye(pair.outputs, pair.inputs), pair), 1000),
        (locally_generic, 64),
        (lambda pair: triple_locally_generic([pair.first, np.eye(1), pair.second]), 64),
    ],
)
def test_as_many_entries_as_are_promised_are_taken_and_not_one_row_more(asked, side):
    """10**6 entries of a map that is solved for, 4096 of masks that are judged."""

    def answer(inputs):
        pair = MaskPair.read(np.zeros((1, inputs)), np.zeros((side, 1)))
        try:
            return asked(pair)
        except ConstructionFailed:
            return False  # the masks hold nothing, which is found at once

    assert answer(side) is False
    with pytest.raises(InvalidInput, match=f"at most {side**2} entries"):
        answer(side + 1)


def test_masks_are_judged_up_to_as_many_entries_as_that_takes_little_time_for():
    for inputs, judged in ((64, False), (65, None)):
        pair = MaskPair.read(np.zeros((1, inputs)), np.zeros((64, 1)))
        assert verdicts(pair).locally_generic is judged
