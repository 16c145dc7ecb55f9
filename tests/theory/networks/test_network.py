"""Networks refuse what does not fit, and say in which order their layers are evaluated."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual
from ertheory.networks.target import Target, network_of

EYE = csr_array(np.eye(2))
RELU = Activation("relu")


def dense(outputs: int, inputs: int, *kernel: int, **geometry: Any) -> Affine:
    return Affine.from_dense(np.ones((outputs, inputs, *kernel)), **geometry)


def test_a_layer_holds_its_numbers_and_copies_them() -> None:
    weight = csr_array(np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]))
    bias = np.array([1.0, 2.0])
    layer = Affine(weight=weight, bias=bias, inputs=3)
    weight.data[:] = 9
    bias[:] = 9
    assert layer.weight.toarray().tolist() == [[1, 0, 2], [0, 0, 3]]
    assert layer.bias.tolist() == [1, 2]
    assert (layer.inputs, layer.outputs, layer.taps, layer.kernel, layer.stride) == (3, 2, 1, (), ())
    assert layer.exact_bias == (Fraction(1), Fraction(2))


def test_stored_zeros_and_doubles_vanish() -> None:
    weight = coo_array(([1.0, 2.0, 0.0, -1.0, 1.0], ([0, 0, 1, 1, 1], [1, 1, 0, 1, 1])), shape=(2, 2))
    layer = Affine(weight=weight, bias=np.zeros(2), inputs=2)
    assert layer.weight.nnz == 1
    assert layer.weight.toarray().tolist() == [[0, 3], [0, 0]]
    unsorted = csr_array((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    assert Affine(weight=unsorted, bias=np.zeros(1), inputs=2).weight.indices.tolist() == [0, 1]


def test_geometry_has_its_usual_values() -> None:
    layer = dense(4, 3, 5, 1)
    assert (layer.stride, layer.padding, layer.dilation) == ((1, 1), (0, 0), (1, 1))
    assert (layer.inputs, layer.taps, layer.weight.shape) == (3, 5, (4, 15))
    grouped = dense(4, 3, 5, 1, groups=2, stride=(2, 1), padding=(0, 3), dilation=(1, 7))
    assert (grouped.inputs, grouped.weight.shape) == (6, (4, 15))
    assert (grouped.stride, grouped.padding, grouped.dilation) == ((2, 1), (0, 3), (1, 7))


def test_weights_lie_channel_by_channel_and_tap_by_tap() -> None:
    weight = np.arange(1.0, 25).reshape(2, 3, 2, 2)
    layer = Affine.from_dense(weight, [1.0, 2.0])
    assert layer.weight.toarray()[1].tolist() == list(range(13, 25))
    assert layer.bias.tolist() == [1, 2]
    assert Affine.from_dense(weight).bias.tolist() == [0, 0]


def test_biases_may_be_more_precise_than_doubles() -> None:
    third = Fraction(1, 3)
    layer = Affine(weight=csr_array(np.ones((1, 1))), bias=np.array([1 / 3]), inputs=1, bias_exact=(third,))
    assert layer.exact_bias == (third,)
    assert Affine(weight=layer.weight, bias=layer.bias, inputs=1).exact_bias == (Fraction(1 / 3),) != (third,)


BAD_LAYERS: dict[str, tuple[dict[str, Any], str]] = {
    "columns": ({"inputs": 3}, "weight"),
    "columns of a kernel": ({"inputs": 1, "kernel": (3,)}, "weight"),
    "columns of a group": ({"groups": 2}, "weight"),
    "groups": ({"groups": 0}, "groups"),
    "groups of outputs": ({"weight": csr_array(np.ones((3, 1))), "groups": 2, "bias": np.zeros(3)}, "groups"),
    "groups of inputs": ({"inputs": 3, "groups": 2}, "groups"),
    "bias": ({"bias": np.zeros(3)}, "bias"),
    "bias of another dimension": ({"bias": np.zeros((2, 1))}, "bias"),
    "exact bias": ({"bias_exact": (Fraction(1),)}, "bias_exact"),
    "nan": ({"weight": csr_array(np.array([[np.nan, 0], [0, 1]]))}, "weight"),
    "no weight": ({"weight": None}, "weight"),
    "a row of weights": ({"weight": [1.0, 2.0]}, "weight"),
    "infinite bias": ({"bias": np.array([0, np.inf])}, "bias"),
    "stride of one axis": ({"inputs": 1, "kernel": (2, 1), "stride": (1,)}, "stride"),
    "stride without kernel": ({"stride": (1,)}, "stride"),
    "stride 0": ({"inputs": 1, "kernel": (2,), "stride": (0,)}, "stride"),
    "half a stride": ({"inputs": 1, "kernel": (2,), "stride": (1.5,)}, "stride"),
    "negative padding": ({"inputs": 1, "kernel": (2,), "padding": (-1,)}, "padding"),
    "dilation 0": ({"inputs": 1, "kernel": (2,), "dilation": (0,)}, "dilation"),
    "negative kernel": ({"inputs": 1, "kernel": (-1, -2)}, "kernel"),
}


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_layers_that_do_not_fit_are_refused(case: str) -> None:
    options, argument = BAD_LAYERS[case]
    with pytest.raises(InvalidInput) as caught:
        Affine(**{"weight": EYE, "bias": np.zeros(2), "inputs": 2, **options})
    assert caught.value.argument == argument


def test_a_dense_weight_has_two_dimensions_or_more() -> None:
    with pytest.raises(InvalidInput, match="weight"):
        Affine.from_dense([1.0, 2.0])


def test_pools_have_a_stride_and_no_padding_by_themselves() -> None:
    pool = Pool("max", (2, 3))
    assert (pool.stride, pool.padding) == ((2, 3), (0, 0))
    assert Pool("average") == Pool("average", (), (), ())
    assert Pool("max", (3,), (1,), (1,)).padding == (1,)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        (("mean",), "kind"),
        (("max", (2,), (1, 1)), "stride"),
        (("max", (), (1,)), "stride"),
        (("max", (2,), (2,), (0, 0)), "padding"),
        (("average", (3,), (1,), (2,)), "padding"),
        (("average", (3,), (1,), (-1,)), "padding"),
        (("max", (0,)), "size"),
        (("max", (2,), (0,)), "stride"),
        (("max", (2.5,)), "size"),
        (("max", (2,), (2,), (0,), (3,)), "outputs"),
        (("max", (), (), (), (3, -1)), "outputs"),
        (("max", (), (2,), (), (3,)), "stride"),
    ],
)
def test_pools_that_cannot_be_are_refused(options: tuple[Any, ...], argument: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Pool(*options)
    assert caught.value.argument == argument


def test_blocks_and_skips_end_with_a_layer() -> None:
    layer = dense(2, 2)
    assert Residual((RELU, layer)).skip == ()
    assert Residual((layer, RELU, layer), (layer,)).skip == (layer,)
    for branch in ((), (layer, RELU), (layer, Residual((layer,)))):
        with pytest.raises(InvalidInput, match="branch"):
            Residual(branch)
    assert Residual((layer, RELU, layer), (layer, layer)).skip == (layer, layer)
    assert Residual((layer,), (layer, RELU, layer)).skip == (layer, RELU, layer)
    for skip in ((RELU,), (Flatten(), layer), (layer, RELU), (Residual((layer,)), layer)):
        with pytest.raises(InvalidInput, match="skip"):
            Residual((layer,), skip)


def test_layers_come_in_the_order_of_evaluation() -> None:
    layers = [dense(2, 2) for _ in range(8)]
    a, b, c, d, e, f, g, h = layers
    inner = Residual((c, RELU, d), (e,))
    outer = Residual((RELU, b, inner, RELU, f), (g,))
    network = Network((a, RELU, outer, RELU, h))
    assert [layers.index(layer) for layer in network.affine] == list(range(8))
    assert network.inputs == network.outputs == 2


def test_inputs_and_outputs_are_those_of_the_first_and_the_last_layer() -> None:
    network = Network((dense(4, 3, 2), RELU, Flatten(), dense(5, 8)))
    assert (network.inputs, network.outputs) == (3, 5)
    assert Network((Residual((dense(2, 2), RELU, dense(3, 2)), (dense(3, 2),)),)).outputs == 3
    for steps in ((), (RELU,), (Flatten(), Pool("max"))):
        with pytest.raises(InvalidInput, match="affine"):
            Network(steps)


def test_a_network_has_one_activation_to_name() -> None:
    gelu = Activation("gelu")
    assert Network((dense(2, 2),)).activation == "identity"
    assert Network((dense(2, 2), gelu, dense(2, 2), gelu, dense(1, 2))).activation == "gelu"
    assert Network((Residual((dense(2, 2), gelu, dense(2, 2))),)).activation == "gelu"
    with pytest.raises(InvalidInput, match="gelu, relu"):
        _ = Network((dense(2, 2), RELU, Residual((gelu, dense(2, 2))))).activation


def test_chains() -> None:
    layer, conv = dense(2, 2), dense(2, 2, 3)
    for steps in ((layer,), (layer, RELU, layer), (layer, RELU, layer, RELU, layer)):
        assert Network(steps).is_chain
    others: tuple[Any, ...] = (
        (layer, layer),
        (layer, RELU),
        (RELU, layer),
        (layer, RELU, RELU, layer),
        (layer, RELU, conv),
        (Flatten(), layer),
        (Residual((layer,)),),
        (layer, RELU, Residual((layer,))),
    )
    assert not any(Network(steps).is_chain for steps in others)


def test_networks_with_boxes_can_be_compared_and_hashed() -> None:
    steps = (dense(1, 2),)
    one, other = (Network(steps, np.array([[0.0, 1.0], [0.0, 1.0]])) for _ in range(2))
    assert one != other
    assert len({one, other, one}) == 2


def test_the_network_of_a_target_has_its_weights_and_its_box() -> None:
    target = Target.from_arrays([[[1.0, 2.0], [0.0, 3.0]], [[4.0, 5.0]]], [[1.0, 2.0], [3.0]], domain=[(-1, 2)] * 2)
    network = network_of(target, activation="tanh")
    assert network.is_chain
    assert network.activation == "tanh"
    assert network.domain is not None
    assert network.domain.tolist() == [[-1, 2], [-1, 2]]
    for layer, weight, bias in zip(network.affine, target.weights or (), target.biases or (), strict=True):
        np.testing.assert_array_equal(layer.weight.toarray(), weight)
        np.testing.assert_array_equal(layer.bias, bias)
    with pytest.raises(InvalidInput, match="known by its counts alone"):
        network_of(Target.from_text("2-2-1"))


def test_a_flatten_stands_between_filters_and_neurons() -> None:
    target = Target.from_arrays([np.ones((3, 1, 2, 2)), np.ones((4, 3, 2, 2)), np.ones((2, 8)), np.ones((1, 2))])
    kinds = [type(step).__name__ for step in network_of(target).steps]
    assert " ".join(kinds) == "Affine Activation Affine Activation Flatten Affine Activation Affine"
    assert network_of(target).affine[1].kernel == (2, 2)
