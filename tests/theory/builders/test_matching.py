"""Largest matchings: as large as scipy's on small patterns, and soon found on layered ones."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from ertheory.builders.sharp.matching_kernel import match_columns
from ertheory.builders.sharp.solve import unmatched
from ertheory.montecarlo.events.blocks import largest_matching

patterns = arrays(bool, st.tuples(st.integers(0, 8), st.integers(1, 8)))


def ladder(levels: int, width: int, rng: np.random.Generator) -> csr_array:
    """Layers of rows whose columns are all taken, and beside them a path of as many rows to the only free column."""
    edges, size = [], width * levels
    for level in range(levels):
        for rung in range(width):
            edges.append((width * level + rung, width * level + rung))
            if level + 1 < levels:
                edges += [(width * level + rung, width * (level + 1) + other) for other in range(width)]
        edges += [(size + level, size + level), (size + level, size + level + 1)]
    edges += [(size + levels, column) for column in (*range(width), size)]
    rows, columns = np.array(edges).T
    total = size + levels + 1
    shuffled = rng.permutation(total)[rows], rng.permutation(total)[columns]
    return csr_array((np.ones(len(rows), dtype=np.int8), shuffled), shape=(total, total))


@given(patterns)
def test_a_matching_is_one_and_as_large_as_can_be(pattern):
    graph = csr_array(pattern.astype(np.int8))
    owner = match_columns(graph.indptr, graph.indices, graph.shape[1])
    taken = np.flatnonzero(owner >= 0)
    assert pattern[owner[taken], taken].all()
    assert len(set(owner[taken].tolist())) == len(taken)
    assert len(taken) == (maximum_bipartite_matching(graph, perm_type="row") >= 0).sum()
    assert unmatched(graph).tolist() == np.flatnonzero(owner < 0).tolist()


def test_layered_patterns_take_no_exponential_time():
    # Every search finds three ways on at each of sixty levels, all of them in vain but one.
    rng = np.random.default_rng(0)
    unmatched(ladder(2, 2, rng))  # compiles
    start = time.perf_counter()
    for _ in range(20):
        assert not len(unmatched(ladder(60, 3, rng)))
    assert time.perf_counter() - start < 1


@given(arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 3))), st.integers(1, 2))
def test_neurons_are_largest_matching_trial_by_trial(reads, copies):
    chosen = largest_matching(reads, copies)
    assert chosen.shape == (len(reads), reads.shape[2] * copies)
    for mask, neurons in zip(reads, chosen.tolist(), strict=True):
        given_to = {neuron: place // copies for place, neuron in enumerate(neurons) if neuron >= 0}
        assert len(given_to) == sum(neuron >= 0 for neuron in neurons)
        assert all(mask[neuron, index] for neuron, index in given_to.items())
        graph = csr_array(np.repeat(mask, copies, axis=1).astype(np.int8))
        assert len(given_to) == (maximum_bipartite_matching(graph, perm_type="row") >= 0).sum()
