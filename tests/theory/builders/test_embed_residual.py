"""Builders on residual blocks: a skip that is the identity ties both its ends."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.builders import embed_target, plan
from ertheory.builders.sharp.coding import code_inputs
from ertheory.check import check_embedding
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.networks.network import Activation, Affine, Network, Residual
from tests.oracles_networks import attempt, certificate_faults, construct, dense_masks, evaluate, owner
from tests.strategies_networks import ANY, masks, points, residual_networks, source_shapes

RELU = Activation("relu")
ONE = Affine.from_dense([[1.0]])
BOX = np.array([[0.0, 1.0]])


def decide(network, coding, given_masks, construction):
    kept, reads = dense_masks(given_masks), coding.inputs
    below = [owner(k, len(kept[0]), coding.units) for k in range(len(kept[0]))]
    missing = [(0, k, u, int(reads[u]), 0) for k, u in enumerate(below) if not kept[0][k, reads[u]]]
    dead = {k for _, k, *_ in missing}
    below = [-1 if k in dead else unit for k, unit in enumerate(below)]
    steps = (coding.first, *network.steps[1:])
    above, _ = construct(steps, kept[1:], below, coding.units, drop=construction == "drop")
    return missing + [(at, v, j, int(reads[i]) if at == 1 else i, tap) for at, v, j, i, tap in above]


@given(st.data(), residual_networks(), st.sampled_from(["blocks", "drop"]))
@settings(max_examples=250)
def test_success_if_and_only_if_the_event_holds_and_exact_then(data, network, construction):
    coding = code_inputs(network.affine[0], network.domain)
    shapes = data.draw(source_shapes(network, coding.units))
    given_masks = data.draw(masks(shapes, first_full=data.draw(st.booleans())))
    expected = decide(network, coding, given_masks, construction)
    embedding, error = attempt(embed_target, network, given_masks, construction=construction)
    if error is not None:
        assert Counter((e.layer, e.copy, e.output, e.input, e.tap) for e in error.missing) == Counter(expected)
        return
    assert expected == []
    assert certificate_faults(embedding) == []
    for _ in range(2):
        point = data.draw(points(network.domain, network.inputs))
        assert evaluate(embedding.source, point) == evaluate(network, point)


@given(st.data(), residual_networks(ANY))
@settings(max_examples=60)
def test_wide_numbers_and_full_masks(data, network):
    coding_units = network.inputs * (2 if network.domain is None else 1)
    shapes = data.draw(source_shapes(network, coding_units))
    try:
        embedding = embed_target(network, [np.ones(shape) for shape in shapes])
    except InvalidInput:  # biases beyond the doubles, which have a test of their own
        return
    assert certificate_faults(embedding) == []
    point = data.draw(points(network.domain, network.inputs))
    assert evaluate(embedding.source, point) == evaluate(network, point)
    assert check_embedding(embedding.target, embedding.source, embedding.masks).exact


def tied() -> Network:
    return Network((ONE, RELU, Residual((ONE,)), RELU, ONE), BOX)


def test_every_mask_of_a_small_stream_and_the_product_law():
    # Two copies of the stream: 2 entries in front, 4 in the branch, 2 behind. As if there were no skip, since the
    # layouts agree: two edges, two choices among two, and one more.
    good = Counter()
    for bits in product((0, 1), repeat=8):
        given_masks = [[[1]], np.reshape(bits[:2], (2, 1)), np.reshape(bits[2:6], (2, 2)), np.reshape(bits[6:], (1, 2))]
        for construction in ("blocks", "drop"):
            try:
                embedding = embed_target(tied(), given_masks, construction=construction)
            except ConstructionFailed:
                continue
            good[construction] += 1
            assert evaluate(embedding.source, [Fraction(1, 3)]) == [Fraction(2, 3)]
            assert certificate_faults(embedding) == []
    assert Fraction(good["blocks"], 256) == Fraction(1, 4) * Fraction(3, 4) ** 2 * Fraction(3, 4)
    # Dropping: with G copies alive in front, each of these lives on with probability 1 - 2^-G, and none of the others.
    # One alive: it needs its own edge, and the one behind. Two: each sees one of them with 3/4, and survives with 3/4.
    one = Fraction(1, 2) * Fraction(1, 2) * Fraction(1, 2)
    two = Fraction(1, 4) * (Fraction(9, 16) * Fraction(3, 4) + 2 * Fraction(3, 16) * Fraction(1, 2))
    assert Fraction(good["drop"], 256) == one + two


def test_a_channel_that_is_dead_at_one_end_is_not_used():
    full, last = [[1]], [[1, 1]]
    # Copy 0 dies in the branch, copy 1 in front of it: each is alive at one end only.
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(tied(), [full, [[1], [0]], [[0, 0], [1, 0]], last], construction="drop")
    assert [edge.layer for edge in caught.value.missing] == [3]
    # Copy 1 of the branch reads copy 0, which then serves in front of the block and not behind it.
    embedding = embed_target(tied(), [full, [[1], [1]], [[0, 0], [1, 0]], last], construction="drop")
    assert [owners.tolist() for owners in embedding.owners] == [[0], [0, 0], [-1, 0], [0]]
    assert certificate_faults(embedding) == []
    assert embedding.source.affine[3].weight.toarray().tolist() == [[0, 1]]
    assert evaluate(embedding.source, [Fraction(1, 3)]) == [Fraction(2, 3)]
    with pytest.raises(ConstructionFailed):
        embed_target(tied(), [full, [[1], [1]], [[0, 0], [1, 0]], last])


def test_a_channel_that_is_read_through_the_skip_alone_is_kept():
    # Neuron 1 of the stream has no weight in the branch and none in front of the skip reads it but the skip.
    first = Affine.from_dense([[1.0], [2.0]])
    network = Network(
        (first, Residual((Affine.from_dense([[1.0, 0.0], [0.0, 0.0]], [0.0, 5.0]),)), Affine.from_dense([[0.0, 1.0]])),
        BOX,
    )
    embedding = embed_target(network, [np.ones((1, 1)), np.ones((2, 1)), np.ones((2, 2)), np.ones((1, 2))])
    assert [owners.tolist() for owners in embedding.owners] == [[0], [-1, 1], [-1, 1], [0]]
    assert evaluate(embedding.source, [Fraction(1, 3)]) == [Fraction(17, 3)]


def test_projections_have_masks_of_their_own_behind_the_branch():
    network = Network((ONE, Residual((ONE, RELU, ONE), (Affine.from_dense([[2.0]]),)), ONE), BOX)
    masks_given = [[[1]], [[1], [1]], [[1, 0]], [[1], [1]], [[1, 0], [0, 1]], [[0, 1]]]
    embedding = embed_target(network, masks_given)
    assert embedding.source.affine[4].weight.toarray().tolist() == [[0, 0], [0, 2]]
    assert evaluate(embedding.source, [Fraction(1, 3)]) == [1]
    # A copy that lacks its edge in the projection is dropped although its branch is complete.
    masks_given[4] = [[1, 1], [0, 0]]
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(network, masks_given, construction="drop")
    assert [edge.layer for edge in caught.value.missing] == [5]
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(network, masks_given)
    assert [(edge.layer, edge.copy) for edge in caught.value.missing] == [(4, 1)]
    masks_given[5] = [[1, 0]]
    embedding = embed_target(network, masks_given, construction="drop")
    assert embedding.owners[4].tolist() == [0, -1]
    assert certificate_faults(embedding) == []


def test_convolutions_in_a_block():
    first = Affine.from_dense([[[1.0]], [[-1.0]]], [0.0, 0.5])
    branch = (
        Affine.from_dense([[[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]], padding=(1,)),
        RELU,
        Affine.from_dense([[[1.0]], [[3.0]]]),
    )
    network = Network(
        (first, RELU, Residual(branch), RELU, Affine.from_dense([[[1.0], [1.0]]])), np.array([[-1.0, 1.0]])
    )
    shapes = [(1, 1), (4, 1), (2, 12), (4, 2), (1, 4)]
    embedding = embed_target(network, [np.ones(shape) for shape in shapes])
    point = np.array([[Fraction(1, 3), Fraction(-1), Fraction(1, 2), Fraction(2, 7)]])
    assert evaluate(embedding.source, point) == evaluate(network, point)


@pytest.mark.parametrize(
    ("network", "shapes", "argument"),
    [
        (tied(), [(1, 1), (2, 1), (3, 2), (1, 3)], "masks"),
        (
            Network(
                (
                    Affine.from_dense(np.ones((4, 1))),
                    Residual((Affine.from_dense(np.ones((2, 4))),)),
                    Affine.from_dense([[1.0, 1.0]]),
                ),
                BOX,
            ),
            [(1, 1), (4, 1), (4, 4), (1, 4)],
            "target",
        ),
    ],
)
def test_ends_that_do_not_fit_are_refused(network, shapes, argument):
    with pytest.raises(InvalidInput) as caught:
        embed_target(network, [np.ones(shape) for shape in shapes])
    assert caught.value.argument == argument


def test_no_plan_for_blocks():
    with pytest.raises(TheoremNotApplicable, match="residual"):
        plan(tied(), density="1/2", failure_probability="1/10")
