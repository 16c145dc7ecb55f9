"""Evaluation agrees with PyTorch in every geometry, with rational arithmetic, and with values worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from ertheory import plan
from ertheory.check import evaluate, evaluate_exact
from ertheory.check.geometry import check_flow, entries, inside
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual
from tests import oracles_networks

RELU = Activation("relu")


def sparse(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Give dyadic weights, a third of them 0, so that sums are exact."""
    return rng.integers(-8, 9, shape) / 4 * (rng.random(shape) < 0.7)


def exactly(network: Network, points: Any) -> np.ndarray:
    return evaluate_exact(network, points).astype(np.float64)


GEOMETRIES = [
    ((3,), {}),
    ((3,), {"padding": (2,), "stride": (2,), "dilation": (2,)}),
    ((1, 1), {}),
    ((3, 3), {"padding": (1, 1)}),
    ((3, 2), {"padding": (2, 0), "stride": (1, 3), "dilation": (1, 2)}),
    ((2, 2), {"groups": 2}),
    ((3, 3), {"groups": 4, "padding": (1, 1), "stride": (2, 2)}),
    ((2, 1, 3), {"padding": (0, 1, 2), "stride": (1, 2, 1), "groups": 2}),
]


@pytest.mark.parametrize(("kernel", "geometry"), GEOMETRIES)
def test_convolutions_are_those_of_pytorch(kernel: tuple[int, ...], geometry: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    functions = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
    rng = np.random.default_rng(1)
    groups = geometry.get("groups", 1)
    weight, bias = sparse(rng, 8, 4 // groups, *kernel), sparse(rng, 8)
    points = rng.integers(-9, 9, (3, 4, 7, 6, 8)[: 2 + len(kernel)]) / 8
    network = Network((Affine.from_dense(weight, bias, **geometry),))
    tensors = [torch.from_numpy(array) for array in (points, weight, bias)]
    expected = functions[len(kernel)](*tensors, **geometry).numpy()
    np.testing.assert_array_equal(evaluate(network, points), expected)
    np.testing.assert_array_equal(exactly(network, points), expected)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [((2,), (), ()), ((3,), (2,), (1,)), ((2, 2), (), ()), ((3, 2), (2, 1), (1, 1)), ((2, 2, 2), (1, 2, 3), (1, 0, 1))],
)
def test_pools_are_those_of_pytorch(kind: str, size: Any, stride: Any, padding: Any) -> None:
    torch = pytest.importorskip("torch")
    name = f"{'max' if kind == 'max' else 'avg'}_pool{len(size)}d"
    points = np.random.default_rng(2).integers(-50, -1, (2, 3, 7, 6, 5)[: 2 + len(size)]) / 8
    network = Network((Pool(kind, size, stride, padding), Affine.from_dense(np.eye(3))))
    function = getattr(torch.nn.functional, name)
    expected = function(torch.from_numpy(points), size, stride or size, padding or 0).numpy()
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-15)
    np.testing.assert_allclose(exactly(network, points), expected, rtol=1e-15)


def test_a_global_pool_leaves_no_positions_and_takes_them_all() -> None:
    points = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7) / 8.0
    for kind, wanted in (("max", points.max(axis=(2, 3))), ("average", points.mean(axis=(2, 3)))):
        network = Network((Pool(kind), Affine.from_dense(np.eye(3))))
        np.testing.assert_array_equal(evaluate(network, points), wanted)
        np.testing.assert_array_equal(exactly(network, points), wanted)
        # Flattening nothing changes nothing.
        flat = Network((Pool(kind), Flatten(), Affine.from_dense(np.eye(3))))
        np.testing.assert_array_equal(evaluate(flat, points), wanted)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("outputs", [(1,), (3,), (7,), (9,), (2, 5), (7, 6), (1, 8), (3, 1, 4)])
def test_pools_to_a_number_of_outputs_are_those_of_pytorch(kind: str, outputs: Any) -> None:
    torch = pytest.importorskip("torch")
    points = np.random.default_rng(2).integers(-50, -1, (2, 3, 7, 6, 5)[: 2 + len(outputs)]) / 8
    network = Network((Pool(kind, outputs=outputs), Affine.from_dense(np.eye(3))))  # type: ignore[arg-type]
    name = f"adaptive_{'max' if kind == 'max' else 'avg'}_pool{len(outputs)}d"
    expected = getattr(torch.nn.functional, name)(torch.from_numpy(points), outputs).numpy()
    np.testing.assert_allclose(evaluate(network, points), expected, rtol=1e-15)
    exact = exactly(network, points)
    np.testing.assert_allclose(exact, expected, rtol=1e-15)
    # An oracle that asks which pieces of the axis meet.
    for one, image in zip(exact, points, strict=True):
        np.testing.assert_allclose(one.ravel(), np.array(oracles_networks.evaluate(network, image), dtype=float))


def test_a_pool_to_a_number_of_outputs_wants_as_many_axes() -> None:
    network = Network((Pool("max", outputs=(2, 2)), Affine.from_dense(np.eye(3))))
    for shape in ((1, 3, 4), (1, 3, 4, 4, 4), (1, 3, 4, 0)):
        for run in (evaluate, evaluate_exact):
            with pytest.raises(InvalidInput, match="points: expected 2 axes of positions"):
                run(network, np.zeros(shape))


def residual(rng: np.random.Generator) -> Network:
    """A small network with all kinds of steps, whose values are dyadic and far below 2^53."""
    branch = (
        Affine.from_dense(sparse(rng, 6, 4, 3, 3), sparse(rng, 6), padding=(1, 1)),
        RELU,
        Affine.from_dense(sparse(rng, 4, 6, 3, 3), padding=(1, 1)),
    )
    down = (Affine.from_dense(sparse(rng, 6, 2, 3, 3), padding=(1, 1), stride=(2, 2), groups=2),)
    skip = (Affine.from_dense(sparse(rng, 6, 4, 1, 1), sparse(rng, 6), stride=(2, 2)),)
    steps = (
        Pool("max", (2, 1)),
        Affine.from_dense(sparse(rng, 4, 2, 3, 1), sparse(rng, 4), padding=(1, 0)),
        RELU,
        Residual(branch),
        RELU,
        Residual(down, skip),
        RELU,
        Pool("average", (2, 2)),
        Flatten(),
        Affine.from_dense(sparse(rng, 5, 24), sparse(rng, 5)),
        RELU,
        Affine.from_dense(sparse(rng, 3, 5), sparse(rng, 3)),
    )
    return Network(steps)


def by_torch(network: Network, points: np.ndarray) -> np.ndarray:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def run(steps: Any, x: Any) -> Any:
        for step in steps:
            if isinstance(step, Affine):
                weight = torch.from_numpy(step.weight.toarray())
                bias = torch.from_numpy(step.bias)
                if step.kernel:
                    weight = weight.reshape(step.outputs, -1, *step.kernel)
                    x = functional.conv2d(x, weight, bias, step.stride, step.padding, step.dilation, step.groups)
                else:
                    x = functional.linear(x, weight, bias)
            elif isinstance(step, Activation):
                x = functional.relu(x)
            elif isinstance(step, Pool):
                pool = functional.max_pool2d if step.kind == "max" else functional.avg_pool2d
                x = pool(x, step.size, step.stride, step.padding)
            elif isinstance(step, Flatten):
                x = x.flatten(1)
            else:
                x = run(step.branch, x) + run(step.skip, x)
        return x

    return run(network.steps, torch.from_numpy(points)).numpy()


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_network_is_that_of_pytorch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = residual(rng)
    points = rng.integers(-8, 9, (5, 2, 16, 8)) / 8
    expected = by_torch(network, points)
    np.testing.assert_array_equal(evaluate(network, points), expected)
    np.testing.assert_array_equal(exactly(network, points[:1]), expected[:1])


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(1, 4))
def test_a_chain_is_dense_arithmetic(seed: int, widths: list[int], count: int) -> None:
    rng = np.random.default_rng(seed)
    steps: list[Any] = []
    points = rng.integers(-4, 5, (count, widths[0])) / 4
    values = points
    for below, above in pairwise(widths):
        if steps:
            steps.append(RELU)
            values = np.maximum(values, 0)
        weight, bias = sparse(rng, above, below), sparse(rng, above)
        steps.append(Affine.from_dense(weight, bias))
        values = values @ weight.T + bias
    network = Network(tuple(steps))
    np.testing.assert_array_equal(evaluate(network, points), values)
    np.testing.assert_array_equal(exactly(network, points), values)


def test_exact_values_worked_out_by_hand() -> None:
    third, tenth = Fraction(1, 3), Fraction(0.1)
    network = Network((Affine.from_dense([[0.1], [-3.0]]), RELU, Affine.from_dense([[7.0, 1.0]], [0.25])))
    assert evaluate_exact(network, [[third], [-third]]).tolist() == [
        [7 * tenth / 3 + Fraction(1, 4)],
        [1 + Fraction(1, 4)],
    ]
    # The bias 1/3 is no double, and 0.1 is not 1/10.
    layer = Affine(weight=csr_array([[1.0]]), bias=np.array([1 / 3]), inputs=1, bias_exact=(third,))
    assert evaluate_exact(Network((layer,)), [[0.1]])[0, 0] == third + tenth != third + Fraction(1, 10)
    mean = Network((Pool("average", (3,), padding=(1,)), Affine.from_dense([[1.0]])))
    assert evaluate_exact(mean, [[[Fraction(1), Fraction(1, 7), Fraction(5)]]]).tolist() == [[[Fraction(8, 21)]]]
    largest = Network((Pool("max", (3,), (2,), (1,)), Affine.from_dense([[1.0]])))
    assert evaluate_exact(largest, [[[-3, -1, -2]]]).tolist() == [[[-1, -1]]]


def test_a_fully_connected_step_acts_at_every_position() -> None:
    layer = Affine.from_dense([[1.0, 2.0]], [0.5])
    points = np.arange(12.0).reshape(1, 2, 2, 3)
    wanted = (points[:, :1] + 2 * points[:, 1:]) + 0.5
    np.testing.assert_array_equal(evaluate(Network((layer,)), points), wanted)
    np.testing.assert_array_equal(exactly(Network((layer,)), points), wanted)


def test_units_that_nothing_reads_cost_nothing() -> None:
    # 10^9 numbers per point would be needed if all neurons of layer 0 were evaluated at once.
    wide = 200_000
    rows = np.arange(wide)
    first = Affine(weight=csr_array((np.ones(wide), (rows, rows % 2)), shape=(wide, 2)), bias=np.zeros(wide), inputs=2)
    read = csr_array((np.array([2.0, 3.0]), ([0, 0], [5, 100_000])), shape=(1, wide))
    network = Network((first, RELU, Affine(weight=read, bias=np.ones(1), inputs=wide)))
    points = np.random.default_rng(0).random((10_000, 2))
    finished: list[int] = []
    values = evaluate(network, points, progress=finished.append)
    np.testing.assert_allclose(values[:, 0], 1 + 2 * points[:, 1] + 3 * points[:, 0], rtol=1e-14)
    assert finished == sorted(finished)
    assert finished[-1] == 10_000
    assert len(finished) > 1


def test_a_unit_without_weights_that_is_read_gives_its_bias() -> None:
    network = Network((Affine.from_dense([[0.0], [1.0]], [2.0, 0.0]), RELU, Affine.from_dense([[5.0, 0.0]])))
    assert evaluate(network, [[7.0]]).tolist() == [[10.0]]
    constant = Network((Affine.from_dense([[0.0]], [4.0]),))
    assert evaluate(constant, [[7.0], [1.0]]).tolist() == [[4.0], [4.0]]


@pytest.mark.parametrize(
    ("steps", "points", "argument"),
    [
        ((Affine.from_dense([[1.0]]), RELU, Affine.from_dense([[1.0, 1.0]])), [[1.0]], "steps"),
        ((Affine.from_dense(np.ones((2, 1, 1))), Flatten(), Affine.from_dense(np.ones((1, 3)))), [[[1.0]]], "steps"),
        ((Residual((Affine.from_dense(np.ones((2, 1))),)),), [[1.0]], "steps"),
        ((Affine.from_dense([[1.0]]), Activation("no such")), [[1.0]], "activation"),
        ((Affine.from_dense([[1.0]]),), [[1.0, 2.0]], "points"),
        ((Affine.from_dense([[1.0]]),), [1.0], "points"),
        ((Affine.from_dense([[1.0]]),), [[np.nan]], "points"),
        ((Affine.from_dense([[1.0]]),), [["one"]], "points"),
        ((Affine.from_dense(np.ones((1, 1, 3))),), [[[1.0, 2.0]]], "points"),
        ((Affine.from_dense(np.ones((1, 1, 3))),), [[[[1.0] * 3] * 3]], "points"),
        ((Pool("max", (2, 2)), Affine.from_dense([[1.0]])), [[[1.0, 2.0]]], "points"),
    ],
)
@pytest.mark.parametrize("call", [evaluate, evaluate_exact])
def test_what_does_not_fit_is_refused(call: Any, steps: Any, points: Any, argument: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(Network(steps), points)
    assert caught.value.argument == argument


def test_only_piecewise_linear_activations_have_exact_values() -> None:
    with pytest.raises(InvalidInput, match="rational values"):
        evaluate_exact(Network((Affine.from_dense([[1.0]]), Activation("silu"))), [[1]])


def test_a_skip_of_another_size_is_refused() -> None:
    branch = (Affine.from_dense(np.ones((1, 1, 3))),)
    for call in (evaluate, evaluate_exact):
        with pytest.raises(InvalidInput, match="skip of shape"):
            call(Network((Residual(branch),)), [[[1.0] * 4]])


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.integers(1, 12))
def test_inside_names_the_taps_that_never_read_the_padding(
    size: int, stride: int, padding: int, dilation: int, length: int
) -> None:
    step = Affine.from_dense(np.ones((1, 1, size)), stride=(stride,), padding=(padding,), dilation=(dilation,))
    outputs = (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1
    reads = [[o * stride + t * dilation - padding for o in range(max(outputs, 0))] for t in range(size)]
    for tap, flag in enumerate(inside(step).tolist()):
        if flag:
            assert all(0 <= place < length for place in reads[tap])
        else:
            assert padding > 0


def test_inside_and_entries_of_a_grouped_step() -> None:
    step = Affine.from_dense(np.arange(1.0, 13.0).reshape(2, 2, 3), groups=2, padding=(1,))
    found = entries(step)
    assert found.rows.tolist() == [0] * 6 + [1] * 6
    assert found.channels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert found.taps.tolist() == [0, 1, 2] * 4
    assert inside(step).tolist() == [False, True, False]
    two = Affine.from_dense(np.ones((1, 1, 3, 3)), padding=(1, 0))
    assert inside(two).tolist() == [tap in (3, 4, 5) for tap in range(9)]
    with pytest.raises(InvalidInput, match="domain"):
        check_flow(Network((step,), np.zeros((3, 2))))


def test_positions_in_every_order_of_axes() -> None:
    # One weight at each tap in turn: the output is the input, shifted.
    points = np.arange(30.0).reshape(1, 1, 5, 6)
    for tap in product(range(3), range(2)):
        weight = np.zeros((1, 1, 3, 2))
        weight[(0, 0, *tap)] = 1.0
        shifted = points[:, :, tap[0] : tap[0] + 3, tap[1] : tap[1] + 5]
        np.testing.assert_array_equal(evaluate(Network((Affine.from_dense(weight),)), points), shifted)


def flattening() -> Network:
    """A network of images of 4x4, of which the last layer reads but two of three channels."""
    rng = np.random.default_rng(3)
    weight = rng.normal(size=(2, 12))
    weight[:, 4:8] = 0
    steps = Affine.from_dense(rng.normal(size=(3, 1, 3, 3))), Activation("relu"), Flatten(), Affine.from_dense(weight)
    return Network(steps)


@pytest.mark.parametrize("size", [(4, 5), (5, 5), (3, 3), (4, 3), (6, 4), (2, 2)])
def test_images_of_another_size_are_refused(size: tuple[int, int]) -> None:
    network = flattening()
    assert evaluate(network, np.ones((2, 1, 4, 4))).shape == (2, 2)
    for function in (evaluate, evaluate_exact):
        with pytest.raises(InvalidInput, match="points: expected"):
            function(network, np.ones((2, 1, *size)))


def test_an_embedded_source_refuses_images_of_another_size() -> None:
    built = plan(flattening(), density="1,1/2,1/2", failure_probability="0.01", domain=(-1, 1)).embed(seed=1)
    assert evaluate(built.source, np.ones((2, 1, 4, 4))).shape == (2, 2)
    with pytest.raises(InvalidInput, match="points: expected 4 positions in each channel where"):
        evaluate(built.source, np.ones((2, 1, 5, 5)))


def test_what_is_flattened_at_once_has_the_right_size() -> None:
    network = Network((Flatten(), Affine.from_dense(np.ones((1, 8)))))
    assert evaluate(network, np.ones((3, 2, 2, 2))).tolist() == [[8.0]] * 3
    for shape in ((3, 2, 2, 3), (3, 2, 2), (3, 7)):
        with pytest.raises(InvalidInput, match="points"):
            evaluate(network, np.ones(shape))
