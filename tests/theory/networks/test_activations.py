"""Every activation is the function it names, and what is said of it holds: pieces, pairs, linearisations, Lipschitz."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest

from ertheory.errors import InvalidInput
from ertheory.networks.activations import ACTIVATIONS, ActivationFunction, Piece, activation

# Written once more, in the order and the precision of mpmath, from the definitions.
REFERENCE: dict[str, Callable[..., Any]] = {
    "relu": lambda z: max(z, 0),
    "identity": lambda z: z,
    "relu6": lambda z: min(max(z, 0), 6),
    "hardtanh": lambda z: min(max(z, -1), 1),
    "hardsigmoid": lambda z: min(max(z + 3, 0), 6) / 6,
    "hardswish": lambda z: z * min(max(z + 3, 0), 6) / 6,
    "selu": lambda z: (
        mpmath.mpf("1.0507009873554804934193349852946")
        * (z if z > 0 else mpmath.mpf("1.6732632423543772848170429916717") * mpmath.expm1(z))
    ),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "gelu": lambda z: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
    # 1 + tanh u = 2 / (1 + exp(-2 u)): no digits cancel.
    "gelu_tanh": lambda z: z / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3))),
    "tanh": mpmath.tanh,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
    "leaky_relu": lambda z, slope: z if z > 0 else slope * z,
    "prelu": lambda z, slope: z if z > 0 else slope * z,
    "elu": lambda z, alpha: z if z > 0 else alpha * mpmath.expm1(z),
    "celu": lambda z, alpha: z if z > 0 else alpha * mpmath.expm1(z / alpha),
    "softshrink": lambda z, width: z - width if z > width else z + width if z < -width else 0,
}
USUAL = {"leaky_relu": 0.01, "prelu": 0.25, "elu": 1.0, "celu": 1.0, "softshrink": 0.5}
NAMES = (
    *ACTIVATIONS,
    *("leaky_relu:0.5", "leaky_relu:-1", "leaky_relu:-2.5", "leaky_relu:1", "prelu:0.125", "prelu:0"),
    *("elu:1.75", "elu:0.25", "celu:0.5", "celu:3", "softshrink:1.25"),
)
GRID = np.arange(-30 * 16, 30 * 16 + 1) / 16  # dyadic, with every kink but those of the parameters
FINE = np.arange(-8 * 32, 8 * 32 + 1) / 32


def reference(name: str) -> Callable[[Any], Any]:
    kind, colon, text = name.partition(":")
    if kind not in USUAL:
        return REFERENCE[kind]
    return lambda z: REFERENCE[kind](z, mpmath.mpf(float(text) if colon else USUAL[kind]))


@cache
def precise(name: str, *, fine: bool) -> tuple[Any, ...]:
    with mpmath.workdps(40):
        return tuple(reference(name)(mpmath.mpf(z)) for z in (FINE if fine else GRID).tolist())


def fractions(points: np.ndarray) -> list[Fraction]:
    return [Fraction(z) for z in points.tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_its_definition(name: str) -> None:
    values = activation(name).function(GRID)
    expected = np.array([float(value) for value in precise(name, fine=False)])
    # Far in the tail of gelu the rounding of z^2 / 2 = 450 enters an exponential; 1 + tanh(u) of gelu_tanh cancels.
    rtol, atol = {"gelu": (3e-13, 0), "gelu_tanh": (2e-14, 4e-15)}.get(name, (2e-14, 0))
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=atol)
    assert values.dtype == np.float64


TORCH = {
    "relu": "relu", "identity": None, "relu6": "relu6", "hardtanh": "hardtanh", "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish", "selu": "selu", "softplus": None, "silu": "silu", "gelu": "gelu", "gelu_tanh": None,
    "tanh": "tanh", "sigmoid": "sigmoid", "mish": "mish", "leaky_relu": "leaky_relu", "prelu": None, "elu": "elu",
    "celu": "celu", "softshrink": "softshrink",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_that_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    points = torch.from_numpy(GRID)
    kind, colon, text = name.partition(":")
    if kind == "identity":
        expected = points
    elif kind == "softplus":
        expected = functional.softplus(points, threshold=100)
        below = functional.softplus(points)  # linear above 20, and no further from the function than the docs say
        assert 1e-9 < np.abs(below.numpy() - activation(name).function(GRID)).max() < np.exp(-20)
    elif kind == "gelu_tanh":
        expected = functional.gelu(points, approximate="tanh")
    elif kind == "prelu":
        expected = functional.prelu(points, torch.tensor([float(text) if colon else 0.25], dtype=torch.float64))
    else:
        expected = getattr(functional, TORCH[kind])(points, *((float(text),) if colon else ()))
    # PyTorch computes the tails of GELU from 1 + erf and 1 + tanh, which cancel.
    np.testing.assert_allclose(activation(name).function(GRID), expected.numpy(), rtol=1e-14, atol=2e-15)


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_function_and_the_one_on_doubles_agree(name: str) -> None:
    found = activation(name)
    kind = name.partition(":")[0]
    piecewise = {"relu", "identity", "relu6", "hardtanh", "leaky_relu", "prelu", "softshrink"}
    assert (found.exact is not None) == (kind in piecewise | {"hardsigmoid", "hardswish"})
    if found.exact is None:
        return
    exact = [found.exact(z) for z in fractions(GRID)]
    assert all(isinstance(value, Fraction) for value in exact)
    computed = found.function(GRID)
    if kind in piecewise and name != "leaky_relu":  # sums and products of short dyadic numbers are doubles
        assert [Fraction(value) for value in computed.tolist()] == exact
    else:
        np.testing.assert_allclose(computed, [float(value) for value in exact], rtol=4e-16, atol=1e-16)


def inside(piece: Piece, points: np.ndarray) -> np.ndarray:
    low = -np.inf if piece.low is None else float(piece.low)
    high = np.inf if piece.high is None else float(piece.high)
    return points[(low <= points) & (points <= high)]


@pytest.mark.parametrize("name", [name for name in NAMES if activation(name).piece is not None])
def test_pieces_are_affine_and_end_where_they_say(name: str) -> None:
    found = activation(name)
    piece = found.piece
    assert piece is not None
    assert piece.slope != 0
    points = inside(piece, GRID)
    assert len(points) > 20
    if found.exact is not None:
        assert all(found.exact(z) == piece.slope * z + piece.offset for z in fractions(points))
        ends = [(piece.low, -1), (piece.high, 1)]
        # Outside of the piece the line is left, unless a slope of 1 goes on behind it.
        if name not in {"identity", "leaky_relu:1"}:
            outside = [end + step * Fraction(1, 64) for end, step in ends if end is not None]
            assert outside
            assert all(found.exact(z) != piece.slope * z + piece.offset for z in outside)
    line = float(piece.slope) * points + float(piece.offset)
    np.testing.assert_allclose(found.function(points), line, rtol=4e-15, atol=1e-15)
    if found.exact is None:
        assert (piece.low, piece.high) == (0, None)
        assert abs(found.function(np.array([-0.25]))[0] - float(piece.slope) * -0.25) > 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_piece_bends_everywhere(name: str) -> None:
    if activation(name).piece is not None:
        return
    values = precise(name, fine=True)
    with mpmath.workdps(40):
        bends = [abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    # An affine piece of length 1 would give 30 second differences of 0 in a row.
    assert all(max(bends[start : start + 30]) > 1e-30 for start in range(len(bends) - 29))
    assert name in {"softplus", "silu", "gelu", "gelu_tanh", "tanh", "sigmoid", "mish"}


@pytest.mark.parametrize("name", NAMES)
def test_pairs_give_the_identity_and_the_others_do_not(name: str) -> None:
    found = activation(name)
    if found.pair is None:
        # The best multiple of z on [-8, 8] stays away from phi(z) - phi(-z).
        points = FINE[FINE > 0]
        odd = found.function(points) - found.function(-points)
        best = (odd @ points) / (points @ points)
        assert np.abs(odd - best * points).max() > 0.05 or name == "leaky_relu:-1"
        if name == "leaky_relu:-1":  # a multiple, but 0
            assert not odd.any()
        return
    assert found.pair != 0
    if found.exact is not None:
        assert all(found.exact(z) - found.exact(-z) == found.pair * z for z in fractions(GRID))
    with mpmath.workdps(40):
        values = precise(name, fine=False)
        pair = mpmath.mpf(found.pair.numerator) / found.pair.denominator
        for z, above, below in zip(GRID.tolist(), values, values[::-1], strict=True):
            assert abs(above - below - pair * z) <= mpmath.mpf("1e-36") * (1 + abs(z))
    difference = found.function(GRID) - found.function(-GRID)
    np.testing.assert_allclose(difference, float(found.pair) * GRID, rtol=4e-15, atol=0)


def test_who_is_no_pair() -> None:
    without = {name for name in NAMES if activation(name).pair is None}
    kinds = {"relu6", "hardtanh", "hardsigmoid", "selu", "tanh", "sigmoid", "mish", "elu", "celu", "softshrink"}
    assert {name.partition(":")[0] for name in without} == kinds | {"leaky_relu"}
    assert [name for name in without if name.startswith("leaky_relu")] == ["leaky_relu:-1"]
    points = FINE[FINE > 0]
    for name, deviation in (("elu", 0.51), ("mish", 0.19)):  # as measured for the notes on activations
        odd = activation(name).function(points) - activation(name).function(-points)
        best = (odd @ points) / (points @ points)
        assert np.abs(odd - best * points).max() == pytest.approx(deviation, abs=0.005)


LINEARISED = [name for name in NAMES if activation(name).linearisation is not None]


@pytest.mark.parametrize("name", LINEARISED)
def test_linearisations_bound_the_remainder_and_are_not_idle(name: str) -> None:
    found = activation(name).linearisation
    assert found is not None
    # What has no linearisation has an exact way.
    assert activation(name).classes == ("approximate",)
    points = [mpmath.mpf(k) / 256 for k in range(-3000, 3001)] + [mpmath.mpf(k) for k in (-1000, -50, 50, 1000)]
    most = mpmath.mpf(0)
    with mpmath.workdps(30):
        value, slope, coefficient = (
            mpmath.mpf(part.numerator) / part.denominator for part in (found.value, found.slope, found.coefficient)
        )
        function = reference(name)
        assert abs(mpmath.diff(function, 0) - slope) < 1e-12
        for y in points:
            if y == 0:
                assert function(y) == value
                continue
            share = abs(function(y) - value - slope * y) / (coefficient * abs(y) ** found.order)
            assert share <= 1
            most = max(most, share)
    assert most > 0.6  # a coefficient that is half as large would be refuted, or nearly


def test_everything_has_a_way() -> None:
    assert set(LINEARISED) == {"tanh", "sigmoid", "mish"}
    # A reflection, |z|: one piece that is affine, but no pair.
    assert activation("leaky_relu:-1").classes == ("E1",)
    assert all(activation(name).classes for name in NAMES)


def test_the_second_derivative_of_mish_stays_between_minus_one_and_one() -> None:
    mish = reference("mish")
    with mpmath.workdps(30):
        found = [mpmath.diff(mish, mpmath.mpf(k) / 32, 2) for k in range(-20 * 32, 20 * 32 + 1)]
        third = [mpmath.diff(mish, mpmath.mpf(k) / 4, 3) for k in range(-80, 81)]
    # Between two points of the grid it moves by at most 1/64 times the third derivative.
    assert max(map(abs, found)) + max(map(abs, third)) / 32 < 1


@pytest.mark.parametrize("name", NAMES)
def test_lipschitz_bounds_hold_and_are_near(name: str) -> None:
    found = activation(name)
    if found.exact is not None:
        values = [found.exact(z) for z in fractions(GRID)]
        steepest = max(abs(b - a) * 16 for a, b in pairwise(values))
        assert steepest <= found.lipschitz
    with mpmath.workdps(40):
        exactly = precise(name, fine=True)
        slopes = [abs(b - a) * 32 for a, b in pairwise(exactly)]
        bound = mpmath.mpf(found.lipschitz.numerator) / found.lipschitz.denominator
        assert max(slopes) <= bound * (1 + mpmath.mpf("1e-30"))
        assert max(slopes) > 0.95 * float(found.lipschitz)


def test_names_and_parameters() -> None:
    for name in ACTIVATIONS:
        assert activation(name).name == name
    assert set(REFERENCE) == set(ACTIVATIONS) == set(TORCH)
    assert activation("leaky_relu").exact(Fraction(-1)) == -Fraction(0.01)  # the double, not the decimal number
    assert activation("prelu").pair == Fraction(5, 4)
    assert activation("elu:2").lipschitz == 2


@pytest.mark.parametrize(
    "name",
    [
        *("", "Relu", "swish", "relu:1", "relu:", "leaky_relu:", "leaky_relu:a", "leaky_relu:nan", "prelu:inf"),
        *("elu:0", "elu:-1", "celu:0", "celu:-0.5", "softshrink:0", "softshrink:-1", "elu:1:2"),
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="activation: expected"):
        activation(name)


def test_functions_take_arrays_of_any_shape_and_leave_them_alone() -> None:
    points = np.array([[-2.0, 0.0], [0.5, 7.0]])
    points.flags.writeable = False
    for name in NAMES:
        found: ActivationFunction = activation(name)
        assert found.function(points).shape == (2, 2)
        assert np.isfinite(found.function(np.array([-1e6, 1e6]))).all()
