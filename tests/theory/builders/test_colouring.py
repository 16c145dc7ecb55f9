"""Colourings of the last hidden layer against loops and brute force on tiny graphs.

What the private matching and the local search find is compared with a search through all assignments.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.builders.sharp.colouring import colouring_of, demand_of, sequential, without_redundant
from ertheory.builders.sharp.local_search import repaired
from ertheory.builders.sharp.private import private_matching, share_out
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.masks import read_mask
from ertheory.networks.network import Affine


@st.composite
def cases(draw: st.DrawFn, most: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Edges (consumers, neurons) and needs (consumers, classes) as booleans."""
    consumers, classes, neurons = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, most))

    def pattern(width: int) -> np.ndarray:
        size = consumers * width
        return np.reshape(draw(st.lists(st.booleans(), min_size=size, max_size=size)), (consumers, width))

    return pattern(neurons), pattern(classes)


def demand(case, usable=None):
    edges, needs = case
    return demand_of(read_mask(edges), Affine.from_dense(needs.astype(float)), needs.shape[1], usable=usable)


def unserved(case, owners) -> set[tuple[int, int]]:
    edges, needs = case
    links = itertools.product(range(len(needs)), range(needs.shape[1]))
    return {
        (t, j) for t, j in links if needs[t, j] and not any(edges[t, v] and owners[v] == j for v in range(len(owners)))
    }


def greedy(case) -> list[int]:
    """The construction as its theorem states it, by loops."""
    edges, needs = case
    owners = [-1] * edges.shape[1]
    for t in range(len(edges)):
        lacking = [j for j in range(needs.shape[1]) if (t, j) in unserved(case, owners)]
        free = [v for v in range(len(owners)) if edges[t, v] and owners[v] < 0]
        for v, j in zip(free, lacking, strict=False):
            owners[v] = j
    return owners


def assert_true(case, found) -> None:
    lacking = unserved(case, found.owners.tolist())
    assert {tuple(link) for link in found.missing.tolist()} == lacking
    assert found.complete == (not lacking)
    assert found.used == sum(owner >= 0 for owner in found.owners.tolist())


@given(cases(7))
@settings(max_examples=200)
def test_the_sequential_colouring_is_that_of_its_theorem(case):
    found = sequential(demand(case))
    assert found.owners.tolist() == greedy(case)
    assert_true(case, found)


@given(cases())
@settings(max_examples=200)
def test_the_private_matching_serves_as_many_links_as_can_be(case):
    edges, needs = case
    found = private_matching(demand(case))
    wanted = needs.sum(axis=1)
    neighbours = [[-1, *np.flatnonzero(edges[:, v]).tolist()] for v in range(edges.shape[1])]
    most = max(
        sum(min(choice.count(t), wanted[t]) for t in range(len(edges))) for choice in itertools.product(*neighbours)
    )
    assert int(wanted.sum()) - len(found.missing) == most
    # Every link that counts as served is served, each by a neuron of its own.
    lacking = unserved(case, found.owners.tolist())
    assert lacking <= {tuple(link) for link in found.missing.tolist()}
    assert found.used == most


@given(cases(), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_the_local_search_finds_what_there_is(case, seed):
    edges, needs = case
    start = sequential(demand(case))
    found = repaired(demand(case), start, seed=seed, moves=3_000)
    assert_true(case, found)
    assert len(found.missing) <= len(start.missing)
    every = itertools.product(range(-1, needs.shape[1]), repeat=edges.shape[1])
    assert len(found.missing) == min(len(unserved(case, owners)) for owners in every)


@given(cases(7), st.data())
@settings(max_examples=200)
def test_no_link_is_lost_with_what_is_redundant_and_nothing_redundant_is_left(case, data):
    edges, needs = case
    size = edges.shape[1]
    owners = np.array(data.draw(st.lists(st.integers(-1, needs.shape[1] - 1), min_size=size, max_size=size)))
    kept = without_redundant(demand(case), owners)
    assert set(np.flatnonzero(kept != owners)) <= set(np.flatnonzero(kept < 0))
    lacking = unserved(case, owners.tolist())
    assert unserved(case, kept.tolist()) == lacking
    for neuron in np.flatnonzero(kept >= 0):
        without = kept.copy()
        without[neuron] = -1
        assert unserved(case, without.tolist()) != lacking


@given(cases(7), st.data())
@settings(max_examples=100)
def test_neurons_that_must_not_be_used_are_not(case, data):
    size = case[0].shape[1]
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    for found in (sequential(demand(case, usable)), private_matching(demand(case, usable))):
        assert not (found.owners[~usable] >= 0).any()
    thinner = (case[0] & usable, case[1])
    assert sequential(demand(case, usable)).owners.tolist() == sequential(demand(thinner)).owners.tolist()


def test_taps_and_positions_are_consumers_of_their_own():
    # Two outputs, two channels and a filter of two taps; of the mask, three channels.
    weight = np.array([[[1.0, 0.0], [2.0, 3.0]], [[0.0, 0.0], [0.0, 4.0]]])
    mask = np.arange(12).reshape(2, 6) % 5 != 0
    found = demand_of(read_mask(mask), Affine.from_dense(weight), 2)
    expected = np.zeros((4, 2)), np.zeros((4, 3))
    for output, tap in itertools.product(range(2), range(2)):
        expected[0][output * 2 + tap] = weight[output, :, tap] != 0
        expected[1][output * 2 + tap] = mask[output].reshape(3, 2)[:, tap]
    assert found.needs.toarray().tolist() == expected[0].tolist()
    assert found.adjacent.toarray().tolist() == expected[1].tolist()
    flat = demand_of(read_mask(mask), Affine.from_dense(weight.reshape(2, 4)), 2)
    assert flat.adjacent.toarray().tolist() == expected[1].tolist()
    assert (flat.consumers, flat.neurons, flat.classes, flat.links) == (4, 3, 2, 4)


def test_a_full_mask_needs_one_neuron_for_each_class_and_an_empty_one_serves_nothing():
    needs = np.ones((3, 4), dtype=bool)
    full = demand((np.ones((3, 12), dtype=bool), needs))
    assert sequential(full).used == 4
    assert private_matching(full).used == 12
    assert (without_redundant(full, private_matching(full).owners) >= 0).sum() == 4
    empty = demand((np.zeros((3, 12), dtype=bool), needs))
    for found in (sequential(empty), private_matching(empty), repaired(empty, sequential(empty), moves=10)):
        assert len(found.missing) == 12
        assert found.used == 0


def test_the_local_search_depends_on_its_seed_alone():
    random = np.random.default_rng(3)
    case = random.random((4, 14)) < 0.5, np.ones((4, 6), dtype=bool)
    start = sequential(demand(case))
    assert not start.complete
    once, again = (repaired(demand(case), start, seed=5, moves=500).owners.tolist() for _ in range(2))
    assert once == again


def test_the_local_search_helps_where_the_greedy_one_gives_up():
    random = np.random.default_rng(11)
    helped = 0
    for _ in range(40):
        case = random.random((5, 24)) < 0.5, np.ones((5, 9), dtype=bool)
        start = sequential(demand(case))
        helped += not start.complete and repaired(demand(case), start).complete
    assert helped >= 10  # 16 are


def test_neurons_are_shared_out_up_to_what_is_wanted():
    neurons, units = np.array([0, 1, 1, 2, 2]), np.array([0, 0, 1, 0, 1])
    shared = share_out(neurons, units, 4, np.array([1, 2])).tolist()
    assert shared[3] == -1
    assert shared.count(0) == 1
    assert shared.count(1) == 2
    assert share_out(neurons, units, 4, np.array([0, 0])).tolist() == [-1] * 4


def test_bad_input_is_refused():
    last = Affine.from_dense(np.ones((2, 4)), groups=1)
    mask = read_mask(np.ones((2, 6)))
    with pytest.raises(InvalidInput, match="classes: expected a divisor of the 4 inputs"):
        demand_of(mask, last, 3)
    with pytest.raises(InvalidInput, match="mask: expected 2 rows"):
        demand_of(read_mask(np.ones((3, 6))), last, 4)
    with pytest.raises(InvalidInput, match="usable: expected shape"):
        demand_of(mask, last, 4, usable=np.ones(5, dtype=bool))
    with pytest.raises(TheoremNotApplicable, match="groups"):
        demand_of(mask, Affine.from_dense(np.ones((2, 2)), groups=2), 4)
    small = demand_of(mask, last, 4)
    start = sequential(small)
    with pytest.raises(InvalidInput, match="seed"):
        repaired(small, start, seed=-1)
    with pytest.raises(InvalidInput, match="moves"):
        repaired(small, start, moves=-1)
    assert colouring_of(small, start.owners).complete
