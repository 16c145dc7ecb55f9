"""Builders on fully connected targets: exact in rational arithmetic where they return, right where they refuse.

The events are decided again in `tests.oracles_networks`, by loops over the mask. Statistical tests fix their seeds.
With a seed of its own, each would fail once in 10^9 runs if the code were right.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

import ertheory.builders.blocks.realise
import ertheory.masks
from ertheory.bounds.blocks.laws import Law
from ertheory.builders import MissingEdge, embed_target
from ertheory.check import check_embedding
from ertheory.errors import ConstructionFailed, InvalidInput
from ertheory.masks import DrawnMask
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual
from ertheory.networks.target import Target, network_of
from ertheory.numbers import enclose
from tests import oracles
from tests.oracles_networks import (
    attempt,
    certificate_faults,
    construct,
    dense_masks,
    drop_probability,
    evaluate,
    has_b_matching,
    owner,
)
from tests.strategies import HALF
from tests.strategies_networks import ANY, DYADIC, chains, masks, points, source_shapes

RELU = Activation("relu")
FALSE_ALARM = 1e-9


def units_of(network: Network) -> list[int]:
    """Which input each unit of layer 0 reads: one unit per input on a box, else a pair."""
    inputs = range(network.inputs)
    return list(inputs) if network.domain is not None else [i for i in inputs for _ in range(2)]


def rewritten(network: Network) -> tuple:
    """Steps with the first layer written in the units, as far as the pattern matters."""
    first, *rest = network.steps
    weight = first.weight.toarray()
    if network.domain is None:
        weight = np.repeat(weight, 2, axis=1) * np.tile([1.0, -1.0], weight.shape[1])
    return (Affine.from_dense(weight, first.bias), *rest)


def decide(network, given_masks, construction, layer0):
    """Give the missing edges as (layer, copy, output, input, tap), and what layer 0 serves, dense or preassigned."""
    kept, reads = dense_masks(given_masks), units_of(network)
    neurons, units = len(kept[0]), len(units_of(network))
    below = [owner(k, neurons, units) if layer0 == "dense" else k % units for k in range(neurons)]
    dead = [k for k in range(neurons) if not kept[0][k, reads[below[k]]]]
    missing = [(0, k, below[k], reads[below[k]], 0) for k in dead] if layer0 == "dense" else []
    below = [-1 if k in dead else unit for k, unit in enumerate(below)]
    above, _ = construct(rewritten(network), kept[1:], below, units, drop=construction == "drop")
    return missing + [(at, v, j, reads[i] if at == 1 else i, tap) for at, v, j, i, tap in above]


def as_tuples(missing) -> Counter:
    return Counter((edge.layer, edge.copy, edge.output, edge.input, edge.tap) for edge in missing)


@st.composite
def cases(draw: st.DrawFn, numbers=DYADIC, **options):
    network = draw(chains(numbers, **options))
    shapes = draw(source_shapes(network, len(units_of(network))))
    return network, draw(masks(shapes, first_full=draw(st.booleans())))


def assert_right(embedding, data, positions=()):
    assert certificate_faults(embedding) == []
    for _ in range(2):
        point = data.draw(points(embedding.target.domain, embedding.target.inputs, positions))
        assert evaluate(embedding.source, point) == evaluate(embedding.target, point)


@given(cases(), st.sampled_from(["blocks", "drop"]), st.sampled_from(["dense", "preassigned"]), st.data())
@settings(max_examples=250)
def test_a_builder_succeeds_if_and_only_if_its_event_holds_and_is_exact_then(case, construction, layer0, data):
    network, given_masks = case
    expected = decide(network, given_masks, construction, layer0)
    embedding, error = attempt(embed_target, network, given_masks, construction=construction, layer0=layer0)
    if error is not None:
        assert as_tuples(error.missing) == Counter(expected)
        assert expected
        assert str(error).startswith(f"{construction}: ")
        assert "\n" not in str(error)
        return
    assert expected == []
    assert_right(embedding, data)
    assert embedding.edges_available == sum(int(mask.sum()) for mask in dense_masks(given_masks))
    assert embedding.widths == tuple(len(mask) for mask in dense_masks(given_masks))


@given(cases(ANY, depth=3), st.sampled_from(["blocks", "drop"]), st.data())
@settings(max_examples=120)
def test_it_is_exact_for_numbers_of_every_size(case, construction, data):
    network, given_masks = case
    try:
        embedding = embed_target(network, given_masks, construction=construction)
    except (ConstructionFailed, InvalidInput):  # corrected biases beyond the doubles have a test of their own
        return
    assert_right(embedding, data)
    assert check_embedding(embedding.target, embedding.source, embedding.masks).exact


@given(st.data(), st.booleans())
@settings(max_examples=100)
def test_the_checker_agrees_and_full_masks_never_fail(data, boxed):
    network = data.draw(chains())
    shapes = data.draw(source_shapes(network, len(units_of(network))))
    embedding = embed_target(network, [np.ones(shape) for shape in shapes])
    assert_right(embedding, data)
    found = check_embedding(embedding.target, embedding.source, embedding.masks)
    assert found.passed
    assert found.exact
    assert embedding.error_bound == 0


def test_the_evaluators_agree_and_a_wrong_weight_is_seen():
    # The oracle is no good if it finds nothing.
    target = Target.from_arrays([[[1.0, -2.0]], [[3.0]]], domain=[(-1, 1), (0, 2)])
    embedding = embed_target(target, [np.ones((4, 2)), np.ones((2, 4)), np.ones((1, 2))])
    assert certificate_faults(embedding) == []
    point = [Fraction(1, 3), Fraction(1, 7)]
    assert evaluate(embedding.source, point) == evaluate(network_of(target), point) == [Fraction(1, 7)]
    embedding.source.affine[1].weight.data[0] *= 2
    assert certificate_faults(embedding)
    assert evaluate(embedding.source, point) != evaluate(network_of(target), point)


def test_biases_that_are_no_doubles_follow_their_neurons():
    # Neuron 1 has other corrections than neuron 0, and two copies of each stand in between.
    target = Target.from_arrays([[[0.1], [0.3]], [[1.0, 1.0]]], domain=[(-0.1, 1)])
    embedding = embed_target(target, [np.ones((2, 1)), np.ones((4, 2)), [[1, 0, 1, 0]]])
    first = embedding.source.affine[1]
    wanted = [Fraction(weight) * Fraction(-0.1) for weight in (0.1, 0.3)]
    assert first.exact_bias == (wanted[0], 0, wanted[1], 0)
    assert first.bias.tolist() == [float(wanted[0]), 0, float(wanted[1]), 0]
    assert embedding.bias_corrections == tuple(wanted)
    assert evaluate(embedding.source, [Fraction(1, 3)]) == evaluate(network_of(target), [Fraction(1, 3)])


@pytest.mark.parametrize(
    "box", [(0.1, 0.1), (-1e300, 1e300), (-5e-324, 5e-324), (1e15, 1e15 + 1), (-3.0, -2.0), (0, 0)]
)
@pytest.mark.parametrize("name", ["relu", "hardtanh", "relu6", "leaky_relu:0.5"])
def test_boxes_of_every_size(box, name):
    network = Network(
        (Affine.from_dense([[0.5], [-2.0]], [0.25, 0.0]), Activation(name), Affine.from_dense([[1.0, 2.0]])),
        np.array([box]),
    )
    embedding = embed_target(network, [np.ones((2, 1)), np.ones((4, 2)), np.ones((1, 4))])
    low, high = map(Fraction, box)
    for share in (0, Fraction(1, 3), Fraction(1, 2), 1):
        point = [low + share * (high - low)]
        assert evaluate(embedding.source, point) == evaluate(network, point)


def test_a_corrected_bias_beyond_the_doubles_is_refused():
    network = Network((Affine.from_dense([[2.0]]), RELU, Affine.from_dense([[1.0]])), np.array([[-1.5e308, 0.0]]))
    with pytest.raises(InvalidInput, match=r"^target: expected biases that stay doubles"):
        embed_target(network, [[[1]]] * 3)


def test_a_target_of_one_layer_and_one_that_reads_nothing():
    target = Target.from_arrays([[[0.0, 0.0], [2.0, 0.0]]], [[1.0, 0.5]], domain=[(-1, 1)] * 2)
    embedding = embed_target(target, [np.ones((2, 2)), [[0, 0], [1, 0]]])
    assert embedding.copies == (1, 2)
    assert evaluate(embedding.source, [Fraction(1, 3), Fraction(0)]) == [1, Fraction(7, 6)]
    assert embedding.source.activation == "relu"
    constant = Target.from_arrays([[[0.0]], [[0.0]]], [[1.0], [2.0]], domain=[(0, 1)])
    embedding = embed_target(constant, [[[1]], [[0]], [[0]]])
    assert embedding.edges_used == 0
    assert embedding.copies == (0, 0, 1)
    assert evaluate(embedding.source, [Fraction(1)]) == [2]


def test_activations_that_do_nothing_stay():
    network = Network((Affine.from_dense([[2.0]]), Activation("identity"), Affine.from_dense([[3.0]])))
    embedding = embed_target(network, [np.ones((2, 1)), np.ones((1, 2)), [[1]]])
    assert embedding.source.activation == "identity"
    assert evaluate(embedding.source, [Fraction(-1, 3)]) == [-2]
    assert embedding.to_dict()["activation"] == "identity"


# ---- what is missing


def test_missing_edges_are_named():
    target = Target.from_arrays([[[1.0, 2.0], [0.0, 3.0]], [[1.0, 1.0]]], domain=[(0, 1)] * 2)
    first = np.array([[1, 1, 0, 0], [1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 1, 0]])
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(target, [np.ones((4, 2)), first, [[1, 1, 0, 0]]])
    assert caught.value.missing == (
        MissingEdge(layer=1, copy=0, output=0, input=1),
        MissingEdge(layer=1, copy=2, output=1, input=1),
        MissingEdge(layer=2, copy=0, output=0, input=1),
    )
    assert str(caught.value) == (
        "blocks: the mask lacks edges: neuron 0 of source layer 1 has no edge for the target link 1 -> 0, and 2 more"
    )
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(target, [np.ones((4, 2)), first, [[1, 0, 1, 1]]], construction="drop")
    # Copy 0 is dropped, so that neuron 0 has copy 1 alone, which the output does not see.
    assert caught.value.missing == (MissingEdge(2, 0, 0, 0),)
    embedding = embed_target(target, [np.ones((4, 2)), first, [[0, 1, 1, 1]]], construction="drop")
    assert embedding.owners[1].tolist() == [-1, 0, -1, 1]


def test_links_of_pairs_and_of_layer_zero_are_named_by_the_input():
    target = Target.from_arrays([[[1.0, 2.0]], [[1.0]]])
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(target, [np.ones((4, 2)), [[1, 1, 1, 0]], [[1]]])
    assert caught.value.missing == (MissingEdge(1, 0, 0, 1),)
    assert "link 1 -> 0" in str(caught.value)
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(target, [[[1, 1], [1, 0], [1, 0], [1, 1]], np.ones((1, 4)), [[1]]])
    assert caught.value.missing[0] == MissingEdge(0, 2, 2, 1)
    assert "neuron 2 of source layer 0 does not read input 1" in str(caught.value)


def test_only_the_first_missing_edges_are_listed(monkeypatch):
    monkeypatch.setattr(ertheory.builders.blocks.realise, "MOST_LISTED", 3)
    target = Target.from_arrays([np.ones((2, 2)), np.ones((2, 2))], domain=[(0, 1)] * 2)
    with pytest.raises(ConstructionFailed, match="and 7 more") as caught:
        embed_target(target, [np.ones((2, 2)), np.zeros((2, 2)), np.zeros((2, 2))])
    assert len(caught.value.missing) == 3


# ---- pruning


@given(cases(), st.sampled_from(["blocks", "drop"]))
@settings(max_examples=100)
def test_what_no_output_reads_is_empty_and_what_is_in_use_is_read(case, construction):
    network, given_masks = case
    try:
        embedding = embed_target(network, given_masks, construction=construction)
    except ConstructionFailed:
        return
    layers = embedding.source.affine
    assert (embedding.owners[-1] >= 0).all()
    for level, (step, above) in enumerate(pairwise(layers)):
        read = (above.weight.toarray() != 0).any(axis=0)
        np.testing.assert_array_equal(read, embedding.owners[level] >= 0)
        assert not step.weight.toarray()[~read].any()
        assert not step.bias[~read].any()
        assert not any(bias for bias, used in zip(step.exact_bias, read, strict=True) if not used)
    assert embedding.copies == tuple(int((owners >= 0).sum()) for owners in embedding.owners)
    assert embedding.edges_used == sum(int(step.weight.nnz) for step in layers)
    for level in range(len(layers)):
        edges = list(embedding.edges(level))
        assert len(edges) == layers[level].weight.nnz
        for edge in edges:
            assert layers[level].weight.toarray()[edge.copy, edge.column] == edge.weight != 0
            assert edge.output == embedding.owners[level][edge.copy]


# ---- workers


@pytest.mark.parametrize("construction", ["blocks", "drop"])
def test_workers_change_nothing(monkeypatch, construction):
    rng = np.random.default_rng(1)
    target = Target.from_arrays([rng.normal(size=(5, 4)), rng.normal(size=(3, 5))], domain=[(-1, 1)] * 4)
    drawn = [
        DrawnMask(shape, density, 3, layer)
        for layer, (shape, density) in enumerate([((80, 4), Fraction(1)), ((100, 80), HALF), ((3, 100), HALF)])
    ]
    whole = embed_target(target, drawn, construction=construction, workers=1)
    monkeypatch.setattr(ertheory.masks, "_ENTRIES_AT_ONCE", 700)
    told: list[int] = []
    for workers in (1, 4):
        parts = embed_target(target, drawn, construction=construction, workers=workers, progress=told.append)
        for one, other in zip(whole.source.affine, parts.source.affine, strict=True):
            assert (one.weight != other.weight).nnz == 0
            np.testing.assert_array_equal(one.bias, other.bias)
        assert parts.edges_available == whole.edges_available
    assert sum(told) == 2 * (100 * 80 + 3 * 100)


# ---- the frequency of success


def plausible(count: int, trials: int, probability) -> bool:
    law = binom(trials, float(probability))
    return 2 * min(law.cdf(count), law.sf(count - 1)) >= FALSE_ALARM


def successes(target, shapes, densities, trials, **options) -> int:
    count = 0
    for seed in range(trials):
        drawn = [
            DrawnMask(shape, p, seed, layer) for layer, (shape, p) in enumerate(zip(shapes, densities, strict=True))
        ]
        try:
            embed_target(target, drawn, **options)
            count += 1
        except ConstructionFailed:
            pass
    return count


SPARSE = Target.from_arrays([[[1.0, 0.0], [2.0, 3.0]], [[1.0, -1.0]]], domain=[(0, 1)] * 2)
TRIALS = 3000


def test_blocks_succeed_as_often_as_their_law_says():
    p = (Fraction(1), Fraction(3, 5), Fraction(3, 5))
    count = successes(SPARSE, [(4, 2), (4, 4), (1, 4)], p, TRIALS)
    truth = oracles.block_probability([[[1, 0], [1, 1]], [[1, 1]]], (2, 2), p[1:])
    low, high = enclose(lambda: Law(SPARSE, p, "dense").log_success((2, 2, 1), 4))
    assert float(low) <= np.log(float(truth)) + 1e-12
    assert float(high) >= np.log(float(truth)) - 1e-12
    assert plausible(count, TRIALS, truth)
    assert not plausible(count, TRIALS, oracles.block_probability([[[1, 1], [1, 1]], [[1, 1]]], (2, 2), p[1:]))


def test_preassigned_blocks_succeed_as_often_as_their_law_says():
    p = (Fraction(1, 2), Fraction(4, 5), Fraction(4, 5))
    patterns = [[[1, 0], [1, 1]], [[1, 1]]]
    count = successes(SPARSE, [(6, 2), (2, 6), (1, 2)], p, TRIALS, layer0="preassigned")
    truth = oracles.preassigned_probability(patterns, (3, 1), p)
    assert plausible(count, TRIALS, truth)
    assert not plausible(count, TRIALS, oracles.block_probability(patterns, (3, 1), p[1:]))


def test_drop_succeeds_as_often_as_its_law_says():
    p = (Fraction(1), HALF, HALF)
    weights = ([[1.0, 0.0], [2.0, 3.0]], [[1.0, -1.0]])
    truth = drop_probability(weights, (2, 4, 1), HALF)
    # The law: neuron j has G_j ~ Bin(2, g_j) good copies, g = 1/2 and 1/4 with one copy of each input.
    law = Fraction(1)
    for good in (HALF, Fraction(1, 4)):
        law *= sum(comb(2, k) * good**k * (1 - good) ** (2 - k) * (1 - HALF**k) for k in range(3))
    assert law == truth
    count = successes(SPARSE, [(2, 2), (4, 2), (1, 4)], p, TRIALS, construction="drop")
    assert plausible(count, TRIALS, truth)
    block = oracles.block_probability([[[1, 0], [1, 1]], [[1, 1]]], (1, 2), p[1:])
    assert not plausible(count, TRIALS, block)


def test_matched_layers_succeed_as_often_as_hall_allows():
    target = Target.from_arrays([[[1.0, 1.0, 1.0]]], domain=[(0, 1)] * 3)
    p = (HALF, Fraction(1))
    count = successes(target, [(7, 3), (1, 7)], p, TRIALS, layer0="matched")
    truth = oracles.b_matching_probability([2, 2, 2], 7, HALF)
    assert plausible(count, TRIALS, truth)
    assert not plausible(count, TRIALS, oracles.b_matching_probability([2, 2, 2], 6, HALF))


# ---- matched


@given(chains(depth=2), st.data())
@settings(max_examples=150)
def test_matched_succeeds_if_and_only_if_some_sharing_out_exists(network, data):
    reads = units_of(network)
    shapes = data.draw(source_shapes(network, len(reads), most=2))
    assume(shapes[0][0] <= 9)
    given_masks = [data.draw(masks(shapes[:1]))[0], *(np.ones(shape) for shape in shapes[1:])]
    kept = dense_masks(given_masks)[0]
    copies = data.draw(st.none() | st.integers(1, 3))
    wanted = len(kept) // len(reads) if copies is None else copies
    possible = has_b_matching([[bool(row[i]) for i in reads] for row in kept], len(reads), wanted)
    embedding, error = attempt(embed_target, network, given_masks, layer0="matched", copies=copies)
    if error is not None:
        assert not possible
        assert error.missing
        for edge in error.missing:
            if edge.layer == 0:
                assert edge.copy is None
                assert edge.input == reads[edge.output]
        return
    assert possible
    assert_right(embedding, data)


def test_matched_gives_every_unit_as_many_neurons_and_no_more():
    target = Target.from_arrays([[[1.0, 1.0]]], domain=[(0, 1)] * 2)
    mask = [[1, 1], [1, 0], [1, 0], [1, 1], [0, 0], [1, 1]]
    embedding = embed_target(target, [mask, np.ones((1, 6))], layer0="matched", copies=2)
    # Only the neurons that are read stay; before, two of each.
    assert set(embedding.owners[0].tolist()) == {-1, 0, 1}
    with pytest.raises(ConstructionFailed, match="input 1 has too few neurons") as caught:
        embed_target(target, [[[1, 1], [1, 0], [1, 0], [1, 0]], np.ones((1, 4))], layer0="matched", copies=2)
    assert caught.value.missing[0].layer == 0
    # Every neuron reads both inputs: a half for each is possible in many ways, but not three of four.
    full = [np.ones((4, 2)), np.ones((1, 4))]
    embed_target(target, full, layer0="matched", copies=2)
    with pytest.raises(ConstructionFailed):
        embed_target(target, full, layer0="matched", copies=3)


@given(cases(depth=2), st.sampled_from(["blocks", "drop"]), st.data())
@settings(max_examples=100)
def test_matched_is_exact_on_any_masks(case, construction, data):
    network, given_masks = case
    try:
        embedding = embed_target(network, given_masks, construction=construction, layer0="matched")
    except ConstructionFailed:
        return
    assert_right(embedding, data)


# ---- what is refused

AFFINE = Affine.from_dense([[1.0]])
SIMPLE = Network((AFFINE, RELU, AFFINE), np.array([[0.0, 1.0]]))
ONES = [[[1]]] * 3


def with_masks(*masks_given):
    return {"masks": list(masks_given)}


@pytest.mark.parametrize(
    ("target", "options", "name"),
    [
        (SIMPLE, {"construction": "greedy"}, "construction"),
        (SIMPLE, {"layer0": "masked"}, "layer0"),
        (SIMPLE, {"form": "shifted"}, "form"),
        (SIMPLE, {"copies": 0, "layer0": "matched"}, "copies"),
        (SIMPLE, {"copies": 1.5, "layer0": "matched"}, "copies"),
        (SIMPLE, {"masks": ONES[:2]}, "masks"),
        (SIMPLE, {"masks": ONES * 2}, "masks"),
        (SIMPLE, {"masks": None}, "masks"),
        (SIMPLE, with_masks([[1, 1]], [[1]], [[1]]), "mask of layer 0"),
        (SIMPLE, with_masks([[1]], [[1, 1]], [[1]]), "mask of layer 1"),
        (SIMPLE, with_masks([[1], [1]], [[1]], [[1]]), "mask of layer 1"),
        (SIMPLE, with_masks([[1]], [[1]], [[1], [1]]), "mask of layer 2"),
        (SIMPLE, with_masks([[1]], [[2]], [[1]]), "mask of layer 1"),
        (SIMPLE, with_masks(np.zeros((0, 1)), np.zeros((1, 0)), [[1]]), "widths"),
        (SIMPLE, with_masks([[1]], np.zeros((0, 1)), np.zeros((1, 0))), "mask of layer 1"),
        (SIMPLE, {"domain": (1, 0)}, "domain"),
        (SIMPLE, {"domain": [(0, 1)] * 2}, "domain"),
        (SIMPLE, {"domain": (0, float("inf"))}, "domain"),
        (Network(SIMPLE.steps, np.array([[0.0, 1.0]] * 2)), {}, "domain"),
        (Target.from_widths([1, 1, 1]), {}, "target"),
        (Network((RELU, AFFINE, AFFINE)), {}, "target"),
        (Network((AFFINE, AFFINE, RELU)), {}, "target"),
        (Network((Residual((AFFINE,)), AFFINE)), {}, "target"),
        (Network((Pool("max", (2,), (), (1,)), AFFINE, AFFINE)), {}, "target"),
        (Network((AFFINE, RELU, Affine.from_dense([[1.0, 1.0]])), np.array([[0.0, 1.0]])), {}, "target"),
        (
            Network((Affine.from_dense(np.ones((2, 1))), Flatten(), Affine.from_dense(np.ones((1, 3))))),
            with_masks([[1], [1]], np.ones((2, 2)), np.ones((1, 2))),
            "target",
        ),
        (Network((AFFINE, RELU, AFFINE, Activation("tanh"), AFFINE)), {"masks": [[[1]]] * 4}, "steps"),
    ],
)
def test_bad_input_is_refused_in_one_line(target, options, name):
    options = {"masks": ONES, **options}
    masks_given = options.pop("masks")
    with pytest.raises(InvalidInput) as caught:
        embed_target(target, masks_given, **options)
    assert caught.value.argument == name
    assert "\n" not in str(caught.value)
