"""Ends that are rounded outwards: right and close, against rational arithmetic on the same numbers.

What a sum of products can lose is known: gamma_k times the sum of moduli, gamma_k = k u / (1 - k u), u = 2^-53. What is
allowed for it is as much at least, and no more than some times as much.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from ertheory.builders.error import error_bound
from ertheory.builders.factored import certificate
from ertheory.builders.factored.boxes import map_boxes, widened
from ertheory.builders.factored.certificate import residual_bound
from ertheory.builders.factored.spectra import gamma, least_square
from ertheory.builders.ticket.error import Signals, input_boxes, sums_error, through_relu
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network, Residual

UNIT = Fraction(1, 2**53)
TERMS = 100


def exact(array) -> np.ndarray:
    """The same numbers, as rational ones."""
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array, dtype=np.float64))


def lost(terms: int) -> Fraction:
    return terms * UNIT / (1 - terms * UNIT)


@pytest.mark.parametrize("numbers", [2**23, 1])
@pytest.mark.parametrize("off", [0.0, 2.0**-20])
def test_how_far_a_product_is_off_is_bounded_closely(numbers, off, monkeypatch):
    monkeypatch.setattr(certificate, "_NUMBERS", numbers)  # one block, and one for every column
    rng = np.random.default_rng(1)
    second, first = (rng.normal(size=shape) * (rng.random(shape) < 0.7) for shape in ((3, 40), (40, 5)))
    product = exact(second) @ exact(first)
    weight = product.astype(np.float64) + off * np.eye(3, 5)
    truth = np.abs(product - exact(weight)).max()
    moduli = (np.abs(exact(second)) @ np.abs(exact(first))).max()
    terms = int((second != 0).sum(axis=1).max())
    bound = Fraction(residual_bound(csr_array(second), csr_array(first), weight))
    assert truth <= bound
    assert bound <= (truth + 2 * lost(terms + 2) * moduli) * (1 + 16 * UNIT)


def test_a_map_of_zeros_is_met_but_for_the_smallest_double():
    nothing = csr_array((2, 3)), csr_array((3, 4))
    assert residual_bound(*nothing, np.zeros((2, 4))) <= 2.0**-1074
    assert residual_bound(*nothing, np.full((2, 4), -0.5)) == pytest.approx(0.5, abs=1e-15)


def test_gamma_is_that_of_the_book():
    for terms in (1, 7, 10**6):
        assert gamma(terms) == pytest.approx(float(lost(terms)), rel=1e-12)


def interval(weight, bias, box) -> np.ndarray:
    """Ends of W x + b, and the sums of moduli."""
    low, high = exact(box).T
    above, below = exact(np.maximum(weight, 0)), exact(np.minimum(weight, 0))
    size = np.abs(exact(weight)) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(exact(bias))
    return np.stack([above @ low + below @ high + exact(bias), above @ high + below @ low + exact(bias), size], axis=1)


def assert_close(found, low, high, slack) -> None:
    """Outside of what is true, but by no more than the slack."""
    assert (exact(found[:, 0]) <= low).all()
    assert (exact(found[:, 1]) >= high).all()
    assert (low - exact(found[:, 0]) <= slack).all()
    assert (exact(found[:, 1]) - high <= slack).all()


def test_boxes_are_those_of_interval_arithmetic_and_widened_by_what_is_lost():
    rng = np.random.default_rng(2)
    box = np.sort(rng.normal(size=(TERMS, 2)), axis=1)
    weight, bias = rng.normal(size=(4, TERMS)), rng.normal(size=4)
    steps = Affine.from_dense(weight, bias), Activation("relu"), Affine.from_dense(np.ones((1, 4)))
    read, hidden = map_boxes(Network(steps, box))
    assert (read == box).all()
    low, high, size = interval(weight, bias, box).T
    # Once for what the sums lose, and once more so that its own evaluation is covered.
    assert_close(hidden, np.maximum(low, 0), np.maximum(high, 0), 5 * lost(TERMS + 1) * size / 2)
    ends = widened(np.array([1.0]), np.array([2.0]), np.array([8.0]), TERMS)
    assert lost(TERMS + 1) * 8 <= 1 - Fraction(ends[0, 0]) <= lost(TERMS + 1) * 20
    assert lost(TERMS + 1) * 8 <= Fraction(ends[0, 1]) - 2 <= lost(TERMS + 1) * 20


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "leaky_relu:0.5", "softplus", "relu6", "identity"])
def test_boxes_behind_an_activation_reach_as_far_as_its_slope_may(name):
    function = activation(name)
    steps = Affine.from_dense([[1.0]]), Activation(name), Affine.from_dense([[1.0]])
    [low, high] = map_boxes(Network(steps, np.array([[-2.0, 3.0]])))[1][0]
    values = function.function(np.linspace(-2, 3, 101))
    assert low <= values.min()
    assert values.max() <= high
    start = abs(float(function.function(np.zeros(1))[0]))
    reach = start + 3 * float(function.lipschitz)
    if name == "identity":
        assert (low, high) == pytest.approx((-2, 3), rel=1e-14)
    else:
        assert high == pytest.approx(reach, rel=1e-14)
        assert low == (0 if name in ("sigmoid", "softplus", "relu6") else pytest.approx(-reach, rel=1e-14))


def test_boxes_behind_a_sum_of_branches():
    branch = (Affine.from_dense([[2.0, -1.0], [0.5, 0.0]]),)
    steps = Residual(branch), Affine.from_dense(np.ones((1, 2)))
    found = map_boxes(Network(steps, np.array([[-1.0, 1.0], [0.0, 4.0]])))[1]
    np.testing.assert_allclose(found, [[-6 - 1, 2 + 1], [-0.5, 4.5]], rtol=2e-14)


def test_errors_grow_by_moduli_and_slopes():
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=shape) for shape in ((3, 2), (4, 3), (2, 4))]
    first, second, third = (Affine.from_dense(weight) for weight in weights)
    net = Network(
        (
            first,
            Activation("gelu"),
            Residual((second, Affine.from_dense(weights[1].T))),
            second,
            Activation("relu"),
            third,
        )
    )
    start = [Fraction(1, 3), Fraction(0), Fraction(1, 8)]
    error = np.array(start) * activation("gelu").lipschitz
    moduli = [np.abs(exact(weight)) for weight in weights]
    error = error + moduli[1].T @ (moduli[1] @ error)
    truth = (moduli[2] @ (moduli[1] @ error)).max()
    bound = error_bound(net, start)
    assert truth <= bound <= truth * (1 + 200 * UNIT)


def layer_below() -> tuple[Signals, np.ndarray]:
    """Two inputs, one of both signs and one positive; factors, copies with errors, a constant, and one of nothing."""
    domain = np.array([[-1.0, 0.5], [0.25, 2.0]])
    return Signals(
        units=np.array([0, 2, 1, 4, 0, 1, -1]),
        factors=np.array([0.5, -0.75, 1.0, 0.3, 1.0, -0.2, 0.0]),
        low=np.array([0.0, 0.0, -0.01, 0.0, -0.5, 0.0, 0.0]),
        high=np.array([0.0, 0.0, 0.02, 0.0, -0.25, 0.0, 0.0]),
        boxes=input_boxes(domain),
        inputs=2,
    ), domain


@pytest.mark.parametrize("seed", range(5))
def test_errors_of_sums_are_their_largest_and_smallest_values(seed):
    below, domain = layer_below()
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(3, 7)) * (rng.random((3, 7)) < 0.8)
    weights[:, 6] = 0
    biases, wanted = rng.normal(size=3), rng.normal(size=(3, 5))
    rows, least, most = exact(weights), [], []
    for row in range(3):
        coefficients = -exact(wanted[row])
        for neuron in range(6):
            coefficients[below.units[neuron]] += rows[row, neuron] * Fraction(below.factors[neuron])
        ends = [Fraction(biases[row]) + coefficients[4]] * 2
        for place, (low, high) in enumerate(domain.tolist()):
            # Linear between the ends of the box and 0: of one sign the one part, of the other sign the other.
            bends = [Fraction(low), Fraction(high), *([Fraction(0)] if low < 0 < high else [])]
            values = [coefficients[place] * max(x, 0) + coefficients[2 + place] * max(-x, 0) for x in bends]
            ends = [ends[0] + min(values), ends[1] + max(values)]
        for neuron in range(6):
            reach = [rows[row, neuron] * Fraction(end[neuron]) for end in (below.low, below.high)]
            ends = [ends[0] + min(reach), ends[1] + max(reach)]
        least.append(ends[0])
        most.append(ends[1])
    found = np.stack(sums_error(csr_array(weights), biases, below, wanted), axis=1)
    assert_close(found, np.array(least), np.array(most), Fraction(1, 10**12))


@pytest.mark.parametrize(
    ("low", "high"), [(-0.5, 0.75), (0.25, 0.5), (-0.5, -0.25), (-9.0, 9.0), (0.0, 0.0), (-3.5, -2.0), (0.0, 1.0)]
)
@pytest.mark.parametrize("shift", [-4.0, -0.5, 0.25, 3.0])
def test_what_a_relu_leaves_of_an_error(low, high, shift):
    below, domain = layer_below()
    wanted = np.array([[1.0, 0.0, -1.0, 0.0, shift]])  # relu(x) - relu(-x), which is x, and the shift
    t_low, t_high = domain[0] + shift
    bends = [value for value in (t_low, t_high, 0.0, -low, -high) if t_low <= value <= t_high]
    moved = [max(t + e, 0) - max(t, 0) for t in bends for e in (low, high, *([0.0] if low < 0 < high else []))]
    (least, most), boxes = through_relu((np.array([low]), np.array([high])), wanted, below, np.array([0]))
    assert least[0] <= min(moved) + 1e-15
    assert most[0] >= max(moved) - 1e-15
    assert (least[0], most[0]) == pytest.approx((min(moved), max(moved)), abs=1e-12)
    np.testing.assert_allclose(boxes, [[max(t_low, 0), max(t_high, 0)], [1, 1]], atol=1e-12)


def test_the_least_square_is_that_of_gershgorin_and_frobenius():
    rng = np.random.default_rng(4)
    columns = np.linalg.qr(rng.normal(size=(9, 4)))[0] + 1e-3 * rng.normal(size=(9, 4))
    gram = columns.T @ columns
    off = np.linalg.norm(gram - np.diag(np.diag(gram)))
    found = least_square(columns)
    assert found < np.linalg.svd(columns, compute_uv=False)[-1] ** 2
    assert found == pytest.approx(np.diag(gram).min() - off, abs=1e-11)
    assert all(after < before for before, after in pairwise(least_square(columns[:, :size]) for size in (1, 2, 3, 4)))
