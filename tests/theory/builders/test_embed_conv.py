"""Builders on convolutions: geometry, zero padding at the border, groups, pooling and flattening."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

import ertheory.masks
from ertheory.builders import embed_target, plan, write_embedding
from ertheory.builders.sharp.coding import code_inputs
from ertheory.check import check_file
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.masks import DrawnMask
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool
from ertheory.networks.target import Target, network_of
from tests import oracles
from tests.oracles_networks import attempt, certificate_faults, construct, dense_masks, evaluate, has_b_matching, owner
from tests.strategies import HALF
from tests.strategies_networks import conv_networks, masks, points, source_shapes

RELU = Activation("relu")


def preassigned(neurons: int, units: int, groups: int) -> list[int]:
    """Unit of each neuron: inside each group one after another."""
    part, of_part = neurons // groups, units // groups
    return [k // part * of_part + k % part % of_part for k in range(neurons)]


def decide(network, coding, given_masks, construction, layer0):
    kept = dense_masks(given_masks)
    neurons = len(kept[0])
    below = (
        [owner(k, neurons, coding.units) for k in range(neurons)]
        if layer0 == "dense"
        else preassigned(neurons, coding.units, coding.first.groups)
    )
    reads = coding.inputs.tolist()
    dead = [k for k in range(neurons) if reads[below[k]] >= 0 and not kept[0][k, reads[below[k]]]]
    missing = [(0, k, below[k], reads[below[k]], 0) for k in dead] if layer0 == "dense" else []
    below = [-1 if k in dead else unit for k, unit in enumerate(below)]
    steps = (coding.first, *network.steps[1:])
    above, _ = construct(steps, kept[1:], below, coding.units, drop=construction == "drop")
    return missing + [(at, v, j, reads[i] if at == 1 else i, tap) for at, v, j, i, tap in above]


@given(
    st.data(),
    conv_networks(),
    st.sampled_from([None, "constant", "pairs", "shift"]),
    st.sampled_from(["blocks", "drop"]),
    st.sampled_from(["dense", "preassigned"]),
)
@settings(max_examples=150)
def test_success_if_and_only_if_the_event_holds_and_exact_then(data, drawn, form, construction, layer0):
    network, positions = drawn
    border = any(network.affine[0].padding) and bool((network.domain[:, 0] < 0).any())
    if form == "shift" and border:
        with pytest.raises(TheoremNotApplicable, match="zero-padded border"):
            code_inputs(network.affine[0], network.domain, form=form)
        return
    coding = code_inputs(network.affine[0], network.domain, form=form)
    if form is None:
        assert coding.form == ("constant" if border else "shift")
    shapes = data.draw(source_shapes(network, coding.units, most=2))
    given_masks = data.draw(masks(shapes, first_full=data.draw(st.booleans())))
    expected = decide(network, coding, given_masks, construction, layer0)
    embedding, error = attempt(embed_target, network, given_masks, construction=construction, layer0=layer0, form=form)
    if error is not None:
        assert Counter((e.layer, e.copy, e.output, e.input, e.tap) for e in error.missing) == Counter(expected)
        return
    assert expected == []
    assert certificate_faults(embedding) == []
    for step, wanted in zip(embedding.source.affine[1:], network.affine, strict=True):
        assert step.groups == wanted.groups
    point = data.draw(points(network.domain, network.inputs, positions))
    assert evaluate(embedding.source, point) == evaluate(network, point)


@given(st.data(), conv_networks(nonnegative=True))
@settings(max_examples=40)
def test_inputs_above_zero_need_no_correction(data, drawn):
    network, positions = drawn
    shapes = data.draw(source_shapes(network, network.inputs, most=2))
    embedding = embed_target(network, [np.ones(shape) for shape in shapes])
    assert embedding.coding.form == "shift"
    assert not any(embedding.bias_corrections)
    assert not embedding.source.affine[0].bias.any()
    point = data.draw(points(network.domain, network.inputs, positions))
    assert evaluate(embedding.source, point) == evaluate(network, point)


def test_the_shift_is_wrong_at_the_border_and_the_other_forms_are_not():
    first = Affine.from_dense([[[2.0, 1.0, -3.0]]], [0.5], padding=(1,))
    network = Network((first, RELU, Affine.from_dense([[[1.0]]])), np.array([[-1.0, 1.0]]))
    point = np.array([[Fraction(1, 3), Fraction(-1, 2), Fraction(1)]])
    wanted = evaluate(network, point)
    # All taps together are 0, so a shift by 1 changes no bias. At both ends one of the taps sees the padding.
    naive = Network((Affine.from_dense([[1.0]], [1.0]), RELU, *network.steps))
    found = evaluate(naive, point)
    assert found[1] == wanted[1]
    assert found[0] != wanted[0]
    with pytest.raises(TheoremNotApplicable, match="zero-padded border"):
        embed_target(network, [np.ones((1, 1)), np.ones((1, 3)), [[1]]], form="shift")
    for form in ("constant", "pairs"):
        embedding = embed_target(network, [np.ones((2, 1)), np.ones((1, 6)), [[1]]], form=form)
        assert evaluate(embedding.source, point) == wanted
    embedding = embed_target(network, [np.ones((2, 1)), np.ones((1, 6)), [[1]]])
    assert embedding.coding.form == "constant"
    # The constant is a channel without weights and with the bias 1; each tap takes away what the shift adds there.
    assert embedding.coding.inputs.tolist() == [0, -1]
    assert embedding.source.affine[0].weight.toarray().tolist() == [[1], [0]]
    assert embedding.source.affine[0].bias.tolist() == [1, 1]
    assert embedding.source.affine[1].weight.toarray().tolist() == [[2, 1, -3, -2, -1, 3]]
    # A missing edge of a correction is missing.
    mask = np.ones((1, 6))
    mask[0, 4] = 0
    with pytest.raises(ConstructionFailed, match="constant -> 0 at tap 1") as caught:
        embed_target(network, [np.ones((2, 1)), mask, [[1]]])
    assert [(edge.input, edge.tap) for edge in caught.value.missing] == [(-1, 1)]


def test_each_tap_may_be_served_by_another_copy():
    network = Network((Affine.from_dense([[[2.0, 3.0]]]), RELU, Affine.from_dense([[[1.0]]])), np.array([[0.0, 1.0]]))
    masks_given = [np.ones((2, 1)), [[0, 1, 1, 0]], [[1]]]
    embedding = embed_target(network, masks_given)
    assert embedding.source.affine[1].weight.toarray().tolist() == [[0, 3, 2, 0]]
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(network, [np.ones((2, 1)), [[0, 1, 0, 1]], [[1]]])
    assert [(edge.output, edge.input, edge.tap) for edge in caught.value.missing] == [(0, 0, 0)]


def test_positions_behind_a_flatten_take_the_place_of_taps():
    target = Target.from_arrays([np.ones((2, 1, 2)), [[1.0, 0.0, 2.0, 0.0, 3.0, 0.0]]], domain=[(0, 1)])
    network = network_of(target)
    assert isinstance(network.steps[2], Flatten)
    last = np.zeros((1, 12))  # channels 0, 0, 1, 1 with three positions each
    last[0, [0, 5, 7]] = 1
    embedding = embed_target(target, [np.ones((1, 1)), np.ones((4, 2)), last])
    assert embedding.source.affine[-1].weight.toarray().nonzero()[1].tolist() == [0, 5, 7]
    point = np.array([[Fraction(1, 3), Fraction(1, 2), Fraction(0), Fraction(1)]])
    assert evaluate(embedding.source, point) == evaluate(network, point)
    # Channel 0 of the target is served by two source channels, channel 1 by one; the last one is not read.
    assert embedding.owners[1].tolist() == [0, 0, 1, -1]
    last[0, 7] = 0
    with pytest.raises(ConstructionFailed) as caught:
        embed_target(target, [np.ones((1, 1)), np.ones((4, 2)), last])
    assert [(edge.input, edge.tap) for edge in caught.value.missing] == [(1, 1)]


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("leading", [(2,), ()])
def test_pooling_in_front_and_behind(kind, leading):
    first = Affine.from_dense([[[1.0, -2.0]], [[0.5, 1.0]]], [0.25, 0.0])
    last = Affine.from_dense([[[1.0], [2.0]]])
    behind = (Pool(kind, (2,), (1,), (1,)), last) if leading else (Flatten(), Affine.from_dense([[1.0, -2.0]]))
    steps = (
        (Pool(kind, (2,), (1,)), first, RELU)
        if leading
        else (Pool(kind, (3,)), Affine.from_dense([[[1.0]], [[2.0]]]), RELU)
    )
    network = Network((*steps, *behind), np.array([[-1.0, 1.0]]))
    columns = [1, 3 * network.affine[0].taps, 6]
    rows = [3, 6, 1]
    embedding = embed_target(network, [np.ones(shape) for shape in zip(rows, columns, strict=True)])
    size = 5 if leading else 3
    point = np.array([[Fraction(k * k % 7 - 3, 3) for k in range(size)]])
    assert evaluate(embedding.source, point) == evaluate(network, point)
    assert certificate_faults(embedding) == []


def test_a_pool_to_a_number_of_outputs_goes_through_the_file(tmp_path):
    rng = np.random.default_rng(3)
    first = Affine.from_dense(rng.integers(-4, 5, (3, 2, 3, 3)) / 4, rng.integers(-4, 5, 3) / 4, padding=(1, 1))
    last = Affine.from_dense(rng.integers(-4, 5, (2, 18)) / 4)
    network = Network((first, RELU, Pool("average", outputs=(3, 2)), Flatten(), last), np.array([[-1.0, 1.0]] * 2))
    target = Target.from_network(network)
    embedding = plan(target, density=Fraction(4, 5), failure_probability=Fraction(1, 2)).embed(seed=1)
    path = tmp_path / "source.npz"
    write_embedding(path, embedding)
    images = rng.integers(-8, 9, (4, 2, 4, 7)) / 8
    check = check_file(path, target=target, points=images)
    assert check.passed
    assert check.exact
    assert evaluate(embedding.source, images[0]) == evaluate(network, images[0])


def test_inputs_are_flattened_first():
    weight = np.arange(8.0).reshape(2, 4) - 3
    network = Network(
        (Flatten(), Affine.from_dense(weight), RELU, Affine.from_dense([[1.0, -1.0]])), np.array([[-1.0, 1.0]] * 4)
    )
    embedding = embed_target(network, [np.ones((4, 4)), np.ones((2, 4)), np.ones((1, 2))])
    point = np.array([[Fraction(1, 3), Fraction(-1)], [Fraction(1, 2), Fraction(2, 7)]])
    assert evaluate(embedding.source, point) == evaluate(network, point)


# ---- groups


def grouped(inputs: int = 4, groups: int = 2) -> Network:
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 5, (groups, inputs // groups, 2))
    return Network(
        (Affine.from_dense(weight, groups=groups), RELU, Affine.from_dense(np.ones((1, groups, 1)))),
        np.array([[-1.0, 1.0]] * inputs),
    )


@pytest.mark.parametrize("layer0", ["dense", "preassigned", "matched"])
@pytest.mark.parametrize("neurons", [4, 8, 12, 20])
def test_neurons_of_layer_zero_serve_units_of_their_own_group(layer0, neurons):
    network = grouped()
    embedding = embed_target(network, [np.ones((neurons, 4)), np.ones((2, neurons)), np.ones((1, 2))], layer0=layer0)
    assert certificate_faults(embedding) == []
    signal = embedding.owners[0].reshape(2, -1)
    assert set(signal[0].tolist()) <= {-1, 0, 1}
    assert set(signal[1].tolist()) <= {-1, 2, 3}
    point = np.array([[Fraction(k - 2, 3), Fraction(1, 2 + k)] for k in range(4)])
    assert evaluate(embedding.source, point) == evaluate(network, point)


@given(st.data())
@settings(max_examples=60)
def test_matched_layers_share_out_every_group_alone(data):
    network = grouped()
    mask = np.reshape(data.draw(st.lists(st.booleans(), min_size=32, max_size=32)), (8, 4))
    copies = data.draw(st.integers(1, 2))
    possible = all(has_b_matching(mask[4 * g : 4 * g + 4, 2 * g : 2 * g + 2], 2, copies) for g in (0, 1))
    try:
        embed_target(network, [mask, np.ones((2, 8)), np.ones((1, 2))], layer0="matched", copies=copies)
    except ConstructionFailed:
        assert not possible
        return
    assert possible


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        (((5, 4), (2, 4), (1, 2)), "widths"),
        (((4, 4), (3, 4), (1, 3)), "mask of layer 1"),
        (((4, 4), (2, 8), (1, 2)), "mask of layer 1"),
    ],
)
def test_widths_that_do_not_fit_the_groups_are_refused(shapes, name):
    with pytest.raises(InvalidInput) as caught:
        embed_target(grouped(), [np.ones(shape) for shape in shapes])
    assert caught.value.argument == name


def test_channels_in_front_of_groups_are_a_multiple_of_these():
    first, second = Affine.from_dense(np.ones((2, 1, 1))), Affine.from_dense(np.ones((2, 1, 1)), groups=2)
    network = Network((first, RELU, second, RELU, Affine.from_dense(np.ones((1, 2, 1)))), np.array([[0.0, 1.0]]))
    with pytest.raises(InvalidInput, match=r"^mask of layer 2: expected a multiple of 2 channels"):
        embed_target(network, [np.ones((1, 1)), np.ones((3, 1)), np.ones((2, 1)), np.ones((1, 2))])


@pytest.mark.parametrize("layer0", [None, "preassigned"])
def test_a_plan_for_groups_keeps_its_promise(layer0):
    network = grouped()
    made = plan(network, density="1/2", failure_probability="1/100", layer0=layer0)
    assert made.layer0 == "preassigned"
    failed = 0
    for seed in range(200):
        try:
            made.embed(seed)
        except ConstructionFailed:
            failed += 1
    assert 2 * binom(200, 0.01).sf(failed - 1) >= 1e-9
    with pytest.raises(TheoremNotApplicable, match="groups"):
        plan(network, density="1/2", failure_probability="1/100", layer0="matched")


def test_blocks_of_rows_may_end_inside_a_group(monkeypatch):
    network = grouped(6, 3)
    drawn = [np.ones((12, 6)), DrawnMask((24, 8), HALF, 3, 1), np.ones((1, 24))]
    one = embed_target(network, drawn, construction="drop")
    monkeypatch.setattr(ertheory.masks, "_ENTRIES_AT_ONCE", 40)
    other = embed_target(network, drawn, construction="drop", workers=3)
    for first, second in zip(one.source.affine, other.source.affine, strict=True):
        assert (first.weight != second.weight).nnz == 0
    assert certificate_faults(one) == []


def test_filters_succeed_in_as_many_masks_as_their_law_says():
    """All 256 masks are gone through, so that the share is the law's as a fraction."""
    filters = np.array([[[1.0, 0.0], [1.0, 1.0]]])
    target = Target.from_arrays([filters], domain=[(0, 1)] * 2)
    count = 0
    for bits in itertools.product((0.0, 1.0), repeat=8):
        with contextlib.suppress(ConstructionFailed):
            embed_target(target, [np.ones((4, 2)), np.array([bits])])
            count += 1
    assert Fraction(count, 256) == oracles.block_probability([filters], (2,), (HALF,))
