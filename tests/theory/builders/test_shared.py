"""Parts of copies that share their weights: their sizes, what is left to them of layer 0, and solutions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from ertheory.builders import embed_target
from ertheory.builders.sharp.coded import solvable_on
from ertheory.builders.sharp.shared import _parts, divisions, in_parts
from ertheory.builders.sharp.solvable import problem_of
from ertheory.check import check_embedding
from ertheory.masks import DrawnMask, read_mask
from ertheory.networks.network import Affine
from ertheory.networks.target import Target, network_of


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 2), st.data())
def test_parts_are_small_and_read_what_all_of_them_read(owners, size, taps, data):
    neurons = data.draw(st.integers(1, 4))
    bits = data.draw(
        st.lists(st.booleans(), min_size=len(owners) * neurons * taps, max_size=len(owners) * neurons * taps)
    )
    upper = np.array(bits).reshape(len(owners), neurons * taps)
    first = Affine(
        weight=csr_array(np.arange(1.0, 1 + 4 * 2 * taps).reshape(4, 2 * taps)),
        bias=np.zeros(4),
        inputs=2,
        kernel=() if taps == 1 else (taps,),
    )
    masks = read_mask(np.ones((neurons, 2))), read_mask(upper)
    problem = problem_of(masks, first, np.array(owners))
    shared, part_of = in_parts(problem, size)
    assert len(part_of) == len(problem.rows) == taps * sum(owner >= 0 for owner in owners)
    for part in range(len(shared.rows)):
        members = np.flatnonzero(part_of == part)
        assert 1 <= len(members) <= size
        assert len({(owners[problem.rows[row]], problem.taps[row]) for row in members}) == 1
        everyone = problem.upper.toarray()[members].all(axis=0)
        assert (shared.upper.toarray()[part] == everyone).all()
        assert (shared.wanted[part] == problem.wanted[members]).all()
    counts = np.unique(np.array([owner for owner in owners if owner >= 0], dtype=int), return_counts=True)[1]
    assert len(shared.rows) == taps * sum(-(-count // size) for count in counts.tolist())


def test_divisions_end_with_whole_classes():
    first = Affine.from_dense([[1.0], [2.0]])
    problem = problem_of((read_mask([[1]]), read_mask(np.ones((5, 1)))), first, np.array([0, 0, 1, 0, -1]))
    assert [len(part.rows) for part, _ in divisions(problem)] == [4, 3, 2]


@pytest.mark.parametrize("power", [-300, 0, 200])
def test_the_scale_of_the_weights_does_not_matter(power):
    # Parts of two copies: three neurons of layer 0 and four of layer 1, two inputs, all of which read everything.
    random = np.random.default_rng(3)
    weights = [random.normal(size=(2, 6)) * 2.0**power, random.normal(size=(3, 2))]
    target = Target.from_arrays(weights, domain=[(-1, 1)] * 6)
    found = []
    for seed in range(25):
        shapes = enumerate([(3, 6), (8, 3), (3, 8)])
        masks = tuple(DrawnMask(shape, Fraction(9, 10), seed, layer) for layer, shape in shapes)
        found.append(solvable_on(network_of(target), masks, "sequential"))
        if found[-1]:
            embedding = embed_target(target, masks, construction="sequential", layer0="coded")
            assert check_embedding(target, embedding.source, masks).passed
            assert embedding.error_bound < Fraction(1, 10**9) * Fraction(2) ** power
    assert found == [
        solvable_on(
            network_of(Target.from_arrays([np.ones((2, 6)), np.ones((3, 2))], domain=[(-1, 1)] * 6)),
            tuple(
                DrawnMask(shape, Fraction(9, 10), seed, layer) for layer, shape in enumerate([(3, 6), (8, 3), (3, 8)])
            ),
            "sequential",
        )
        for seed in range(25)
    ]
    assert 3 < sum(found) < 25


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_parts_are_rows_of_one_class_one_after_another_and_alike_in_size(size):
    kinds = np.random.default_rng(0).integers(0, 4, 2000)
    parts = _parts(kinds, size)
    for kind in range(4):
        mine = parts[kinds == kind]
        counts = np.unique(mine, return_counts=True)[1]
        assert (np.diff(mine) >= 0).all()
        assert len(counts) == -(-len(mine) // size)
        assert counts.max() - counts.min() <= 1
        assert not np.isin(parts[kinds != kind], mine).any()
