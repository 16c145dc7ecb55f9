"""The bound on floating-point errors is above every error that is measured against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from ertheory.check import evaluate, evaluate_exact, float_bound, rounding
from ertheory.errors import InvalidInput
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual

EXACT = ["relu", "identity", "relu6", "hardtanh", "hardsigmoid", "hardswish", "leaky_relu:0.1", "softshrink:0.3"]


def measured(network: Network, points: np.ndarray) -> list[Fraction]:
    """Give the largest error per output, in rational arithmetic."""
    floats, exact = evaluate(network, points), evaluate_exact(network, points)
    gaps = np.abs(np.frompyfunc(Fraction, 1, 1)(floats) - exact)
    return list(gaps.reshape(len(points), gaps.shape[1], -1).max(axis=(0, 2)))


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, shape)


@settings(max_examples=80)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 6), min_size=2, max_size=5), st.sampled_from(EXACT))
def test_the_bound_holds_for_chains(seed: int, widths: list[int], name: str) -> None:
    rng = np.random.default_rng(seed)
    box = np.sort(numbers(rng, widths[0], 2), axis=1)
    steps: list[Any] = []
    for below, above in pairwise(widths):
        steps += [Affine.from_dense(numbers(rng, above, below), numbers(rng, above)), Activation(name)]
    network = Network(tuple(steps))
    bound = float_bound(network, box)
    points = rng.uniform(*box.T, (5, widths[0]))
    assert bound.shape == (widths[-1],)
    assert all(error <= Fraction(limit) for error, limit in zip(measured(network, points), bound.tolist(), strict=True))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_the_bound_holds_with_positions(seed: int, whole: bool, even: bool) -> None:
    rng = np.random.default_rng(seed)
    conv = Affine.from_dense(numbers(rng, 4, 2, 3), numbers(rng, 4), padding=(1,))
    block = Residual((Affine.from_dense(numbers(rng, 4, 2, 3), padding=(1,), groups=2),))
    down = Residual((Affine.from_dense(numbers(rng, 2, 4, 1)),), (Affine.from_dense(numbers(rng, 2, 4, 1)),))
    end = (
        (Pool("average"), Affine.from_dense(numbers(rng, 3, 2)))
        if whole
        else (Flatten(), Affine.from_dense(numbers(rng, 3, 8)))
    )
    relu = Activation("relu")
    middle = Pool("average", (2,)) if even else Pool("average", outputs=(5,))
    steps = (Pool("average", (2,), (1,), (1,)), conv, relu, middle, block, relu, Pool("max", (2,), (1,)))
    network = Network((*steps, down, *end))
    box = np.sort(numbers(rng, 2, 2), axis=1)
    points = rng.uniform(*box.T, (2, 9, 2)).transpose(0, 2, 1)
    bound = float_bound(network, box)
    assert all(error <= Fraction(limit) for error, limit in zip(measured(network, points), bound.tolist(), strict=True))


def test_the_bound_is_of_the_right_size() -> None:
    # One product: half a unit in the last place of 0.1 * 0.7; the bound counts three roundings of it.
    network = Network((Affine.from_dense([[0.1]]),))
    bound = float_bound(network, [[0.7, 0.7]])[0]
    assert 0 < measured(network, np.array([[0.7]]))[0] <= Fraction(bound)
    assert bound < 3.1 * 0.07 * 2**-53
    # An error of the first layer is multiplied by the second.
    deep = Network((Affine.from_dense([[0.1]]), Activation("relu"), Affine.from_dense([[1000.0]])))
    assert 1500 * bound < float_bound(deep, [[0.7, 0.7]])[0] < 3000 * bound
    # The bias that is meant is 1/3; its double is off by up to 2^-54.
    third = Affine(weight=csr_array((1, 1)), bias=np.array([1 / 3]), inputs=1, bias_exact=(Fraction(1, 3),))
    assert float_bound(Network((third,)), [[0.0, 0.0]])[0] >= abs(Fraction(1 / 3) - Fraction(1, 3)) > 0


def gamma(count: int) -> Fraction:
    return Fraction(count, 2**53) / (1 - Fraction(count, 2**53))


@pytest.mark.parametrize("name", ["relu", "leaky_relu:0.5", "tanh", "sigmoid", "gelu"])
def test_the_bound_is_the_one_of_running_error_analysis(name: str) -> None:
    """|w| e + gamma_{k+2} (|w| m + |b|), layer by layer, in fractions; an activation loses 32 units of its value."""
    rng = np.random.default_rng(4)
    layers = [Affine.from_dense(rng.normal(size=shape) * (rng.random(shape) < 0.7), rng.normal(size=shape[0]))
              for shape in ((4, 3), (5, 4), (2, 5))]  # fmt: skip
    network = Network((layers[0], Activation(name), layers[1], Activation(name), layers[2]))
    function = activation(name)
    slope, lost = function.lipschitz, Fraction(0 if name == "relu" else 32, 2**53)
    zero = abs(Fraction(float(function.function(np.zeros(1))[0])))
    size, error = [Fraction(2), Fraction(1, 2), Fraction(3)], [Fraction(0)] * 3
    for place, layer in enumerate(layers):
        rows = [[abs(Fraction(value)) for value in row] for row in layer.weight.toarray().tolist()]
        biases = [abs(Fraction(value)) for value in layer.bias.tolist()]
        sums = [
            sum((w * m for w, m in zip(row, size, strict=True)), bias) for row, bias in zip(rows, biases, strict=True)
        ]
        passed = [sum(w * e for w, e in zip(row, error, strict=True)) for row in rows]
        error = [e + gamma(sum(map(bool, row)) + 2) * (s + e) for e, row, s in zip(passed, rows, sums, strict=True)]
        size = sums
        if place < len(layers) - 1:
            error = [slope * e + lost * (zero + max(slope, 1) * (m + e)) for e, m in zip(error, size, strict=True)]
            size = [zero + slope * m for m in size]
    found = float_bound(network, [[-2.0, 1.0], [0.0, 0.5], [-1.0, 3.0]])
    for bound, truth in zip(found.tolist(), error, strict=True):
        assert truth <= Fraction(bound) <= truth * (1 + Fraction(1, 10**12))


@pytest.mark.parametrize(
    ("pool", "roundings"),
    [(Pool("average", (3,)), 5), (Pool("average", (3, 4)), 14), (Pool("average"), 66), (Pool("max", (3,)), 0)],
)
def test_an_average_adds_all_of_its_window_or_half_to_half(pool: Pool, roundings: int) -> None:
    first = gamma(roundings) * 3
    truth = 2 * first + gamma(3) * (2 * (3 + first) + 1)
    found = float_bound(Network((pool, Affine.from_dense([[2.0]], [1.0]))), [[-3.0, 1.0]])[0]
    assert truth <= Fraction(found) <= truth * (1 + Fraction(1, 10**12))


def test_a_sum_of_two_is_rounded_once() -> None:
    one, two = Affine.from_dense([[2.0]]), Affine.from_dense([[3.0]])
    branch, skip = gamma(3) * 10, gamma(3) * 15
    truth = branch + skip + Fraction(1, 2**53) * (25 + branch + skip)
    found = float_bound(Network((Residual((one,), (two,)),)), [[-1.0, 5.0]])[0]
    assert truth <= Fraction(found) <= truth * (1 + Fraction(1, 10**12))


def test_averages_and_sums_have_errors_of_their_own() -> None:
    unit, box, one = 2.0**-53, [[1.0, 1.0]], Affine.from_dense([[1.0]])
    alone = float_bound(Network((one,)), box)[0]
    for pool in (Pool("average", (3,)), Pool("average"), Pool("average", outputs=(2,))):
        assert float_bound(Network((pool, one)), box)[0] > alone + 3 * unit
    assert float_bound(Network((Pool("max", (3,)), one)), box)[0] == alone
    assert float_bound(Network((Residual((one,)),)), box)[0] > alone + 2 * unit
    assert float_bound(Network((Residual((one,), (one,)),)), box)[0] > 2 * alone + 2 * unit


def test_errors_of_products_that_underflow_are_counted() -> None:
    network = Network((Affine.from_dense([[5e-324, 5e-324]]),))
    points = np.array([[0.25, 0.3]])
    bound = float_bound(network, [[0.25, 0.25], [0.3, 0.3]])
    assert 0 < measured(network, points)[0] <= Fraction(bound.item())


def test_a_value_that_may_overflow_has_no_bound() -> None:
    network = Network((Affine.from_dense([[1e200]]), Activation("relu"), Affine.from_dense([[1e200]])))
    assert float_bound(network, [[0.0, 1.0]]).tolist() == [np.inf]


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "silu", "gelu", "gelu_tanh", "softplus", "elu", "selu", "mish"])
def test_elementary_functions_stay_within_their_share(name: str) -> None:
    mpmath = pytest.importorskip("mpmath")
    mp = mpmath.mp.clone()
    mp.dps = 40
    scale, alpha = mp.mpf(1.0507009873554805), mp.mpf(1.6732632423543772)
    true = {
        "tanh": mp.tanh,
        "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
        "silu": lambda z: z / (1 + mp.exp(-z)),
        "gelu": lambda z: z * mp.ncdf(z),
        "gelu_tanh": lambda z: z / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (z + mp.mpf("0.044715") * z**3))),
        "softplus": lambda z: mp.log1p(mp.exp(z)),
        "elu": lambda z: z if z > 0 else mp.expm1(z),
        "selu": lambda z: scale * (z if z > 0 else alpha * mp.expm1(z)),
        "mish": lambda z: z * mp.tanh(mp.log1p(mp.exp(z))),
    }[name]
    network = Network((Affine.from_dense([[1.0]]), Activation(name)))
    for size in (0.01, 1.0, 8.0, 40.0):
        bound = float_bound(network, [[-size, size]])[0]
        points = np.linspace(-size, size, 101)[:, None]
        values = evaluate(network, points)
        gaps = [
            abs(mp.mpf(v) - true(mp.mpf(z))) for v, z in zip(values[:, 0].tolist(), points[:, 0].tolist(), strict=True)
        ]
        assert max(gaps) <= bound < 1e-12
    assert activation(name).exact is None


@pytest.mark.parametrize("box", [[[0.0, 1.0]], [[0.0, np.inf]] * 2, [0.0, 1.0]])
def test_another_box_is_refused(box: Any) -> None:
    with pytest.raises(InvalidInput, match="box"):
        float_bound(Network((Affine.from_dense([[1.0, 1.0]]),)), box)


@pytest.mark.parametrize(
    ("name", "size"),
    [("softplus", 700.0), ("silu", 40.0), ("gelu", 12.0), ("mish", 900.0), ("tanh", 3.0), ("elu", 5.0)],
)
def test_an_inexact_activation_is_off_by_its_value_even_where_its_argument_is_exact(name, size):
    # Nothing is wrong with the argument: all of the error is that of the function itself.
    function = {
        "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
        "silu": lambda z: z / (1 + mpmath.exp(-z)),
        "gelu": lambda z: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
        "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
        "tanh": mpmath.tanh,
        "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    }[name]
    points = np.linspace(-size, size, 2001)
    with mpmath.workdps(40):
        truth = [function(mpmath.mpf(z)) for z in points.tolist()]
        values = activation(name).function(points).tolist()
        measured = max(abs(mpmath.mpf(value) - true) for value, true in zip(values, truth, strict=True))
    # The step alone: a network has affine steps as well, whose share of the bound would hide that of the activation.
    error, reached = rounding._activated(activation(name), np.zeros(1), np.array([size]))
    assert 0 < measured <= error[0] < 1e-14 * (1 + size)
    assert max(map(abs, truth)) <= reached[0]
