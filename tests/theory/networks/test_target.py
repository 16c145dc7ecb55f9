"""Targets: what is counted, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ertheory import InvalidInput, Layer, Target

ENTRIES = st.sampled_from([0.0, 1.0, -2.5])


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), elements=ENTRIES))
def test_counts_are_those_of_the_array(weight):
    layer = Layer.from_weight(weight)
    assert layer.nonzeros == np.count_nonzero(weight)
    assert layer.size == weight.size
    assert layer.kernel == weight.shape[2:]
    rows = np.count_nonzero(weight.reshape(weight.shape[0], -1), axis=1)
    columns = np.count_nonzero(np.moveaxis(weight, 1, 0).reshape(weight.shape[1], -1), axis=1)
    assert sorted(layer.fan_in_counts.elements()) == sorted(rows.tolist())
    assert sorted(layer.fan_out_counts.elements()) == sorted(columns.tolist())


def test_a_dense_array_and_its_widths_are_the_same_target():
    arrays = [np.ones((8, 4)), np.full((3, 8), 2.0)]
    assert Target.from_arrays(arrays) == Target.from_text("4-8-3")
    assert hash(Target.from_arrays(arrays)) == hash(Target.from_text("4-8-3"))


def test_a_flatten_counts_channels_and_positions():
    target = Target.from_arrays([np.ones((5, 3, 3, 3)), np.ones((10, 5 * 4))])
    assert target.widths == (3, 5, 10)
    assert target.nonzeros == (135, 200)
    assert target.layers[1].positions == 4
    assert target.layers[1].fan_out_counts == {40: 5}
    assert target.is_convolutional


def test_sizes_of_huge_layers_are_exact():
    layer = Layer(outputs=10**15, inputs=10**15)
    assert layer.nonzeros == 10**30
    assert layer.fan_in_counts == {10**15: 10**15}


def test_biases_default_to_zero_and_arrays_are_read_only():
    weight = np.ones((2, 3))
    target = Target.from_arrays([weight])
    assert target.biases[0].tolist() == [0.0, 0.0]
    weight[0, 0] = 7.0
    assert target.weights[0][0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        target.weights[0][0, 0] = 2.0


ONE = (np.ones((2, 3)),)
BAD = [
    (lambda: Target(()), "target"),
    (lambda: Target.from_text("784"), "target"),
    (lambda: Target.from_text("784-128-"), "target"),
    (lambda: Target.from_text("4--3"), "target"),
    (lambda: Target.from_text("4-0-3"), "target"),
    (lambda: Target.from_widths([4]), "target"),
    (lambda: Target.from_widths([4, 2.5]), "target"),
    (lambda: Target.from_widths([4, True]), "target"),
    (lambda: Target((Layer(2, 3), Layer(2, 3))), "layer 2"),
    (lambda: Layer(0, 3), "outputs"),
    (lambda: Layer(2, 3, kernel=(0,)), "kernel"),
    (lambda: Layer(2, 3, kernel=(3,), positions=2), "positions"),
    (lambda: Layer(2, 3, row_nonzeros=(1, 1)), "column_nonzeros"),
    (lambda: Layer(2, 3, row_nonzeros=(1,), column_nonzeros=(1, 0, 0)), "row_nonzeros"),
    (lambda: Layer(2, 3, row_nonzeros=(4, 0), column_nonzeros=(2, 2, 0)), "row_nonzeros"),
    (lambda: Layer(2, 3, row_nonzeros=(1, 1), column_nonzeros=(1, 0, 0)), "column_nonzeros"),
    (lambda: Target((Layer(2, 3),), Target.from_arrays([np.zeros((2, 3))]).network), "network"),
    (lambda: Target.from_text("784-" + "0" * 50 + "128-10"), "target"),
    (lambda: Target.from_text("784-1000000000000000000128-10"), "target"),
    (lambda: Target.from_text("784-١٢٨-10"), "target"),
    (lambda: Target.from_arrays(ONE, [np.zeros(3)]), "b1"),
    (lambda: Target.from_arrays(ONE, []), "biases"),
    (lambda: Target.from_arrays([np.ones(3)]), "W1"),
    (lambda: Target.from_arrays([np.ones((2, 0))]), "W1"),
    (lambda: Target.from_arrays([[[1.0, 2.0], [3.0]]]), "W1"),
    (lambda: Target.from_arrays([[["1", "2"]]]), "W1"),
    (lambda: Target.from_arrays([np.ones((2, 3)) * 1j]), "W1"),
    (lambda: Target.from_arrays([[[2**60 + 1]]]), "W1"),
    (lambda: Target.from_arrays([[[float("nan")]]]), "W1"),
    (lambda: Target.from_arrays([[[1.0]]], [[float("inf")]]), "b1"),
    (lambda: Target.from_arrays([np.ones((5, 3, 3, 3)), np.ones((10, 7))]), "W2"),
    (lambda: Target.from_arrays(ONE, domain=[[0, 1]]), "domain"),
    (lambda: Target.from_arrays(ONE, domain=[[0, 1], [0, 1], [2, 1]]), "domain"),
]


@pytest.mark.parametrize(("make", "argument"), BAD)
def test_bad_targets_are_refused_in_one_line(make, argument):
    with pytest.raises(InvalidInput) as error:
        make()
    assert error.value.argument == argument
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 400


def test_a_degenerate_box_is_allowed():
    target = Target.from_arrays(ONE, domain=[[1, 1], [0, 1], [-1, 0]])
    assert target.domain.tolist() == [[1, 1], [0, 1], [-1, 0]]
