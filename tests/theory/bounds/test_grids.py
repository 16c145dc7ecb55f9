"""Grids: reference values, every integer against the exact one, and one-line refusals."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import exact_factor, printed_copies, printed_factor
from ertheory.bounds import union_factor
from ertheory.errors import InvalidInput
from tests.reference import make_widths as ref

STORED = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))
FIGURE2 = STORED["figure2"]["rows"]
NUMERICS = STORED["numerics"]
ALL = (printed_factor, exact_factor, printed_copies)
LINKS = 1280


def column(name):
    return np.array([float(row[name]) for row in FIGURE2])


SPARSITY = np.array([float(Fraction(row["sparsity"])) for row in FIGURE2])


def test_figure_2():
    np.testing.assert_allclose(
        printed_factor(LINKS, failure_probability=0.0005, sparsity=SPARSITY), column("printed_q1_real"), rtol=1e-12
    )
    np.testing.assert_allclose(
        exact_factor(LINKS, failure_probability=0.0005, sparsity=SPARSITY), column("half_q1_real"), rtol=1e-12
    )
    np.testing.assert_allclose(
        exact_factor(LINKS, failure_probability=0.001, sparsity=SPARSITY), column("full_q1_real"), rtol=1e-12
    )
    np.testing.assert_array_equal(
        printed_copies(LINKS, failure_probability=0.0005, sparsity=SPARSITY), column("printed_q1")
    )
    links = 100352 * column("printed_q1")
    np.testing.assert_allclose(
        printed_factor(links, failure_probability=0.0005, sparsity=SPARSITY), column("printed_q0_real"), rtol=1e-12
    )
    copies = printed_copies(links, failure_probability=0.0005, sparsity=SPARSITY)
    np.testing.assert_array_equal(784 * copies, column("printed_width0"))


@pytest.mark.parametrize("row", NUMERICS["rows"], ids=lambda row: f"{row['weights']}-{row['delta']}")
def test_extremes(row):
    rate = {key: float(Fraction(row[key])) for key in ("density", "sparsity") if key in row}
    links, delta = float(row["weights"]), float(Fraction(row["delta"]))
    got = printed_factor(links, failure_probability=delta, **rate)
    assert got == pytest.approx(float(row["closed_real"]), rel=1e-13)
    got = exact_factor(links, failure_probability=delta, **rate)
    # Here a density one part in 10^16 away from the decimal one matters less than the tolerance.
    assert got == pytest.approx(float(row["exact_real"]), rel=1e-13)


def test_ties_of_powers_of_two():
    powers = np.arange(1, 1001)
    exact = np.array([Fraction(1, 2**power) for power in powers.tolist()])
    copies = printed_copies(1, failure_probability=exact, density=0.5)
    np.testing.assert_array_equal(copies, powers)
    np.testing.assert_array_equal(copies[:199], NUMERICS["ties"])
    np.testing.assert_array_equal(printed_copies(1, failure_probability=exact, sparsity=Fraction(1, 2)), powers)
    above, under = exact * (1 + Fraction(1, 10**17)), exact * (1 - Fraction(1, 10**17))
    np.testing.assert_array_equal(printed_copies(1, failure_probability=under, density=0.5), powers + 1)
    np.testing.assert_array_equal(printed_copies(1, failure_probability=above, density=0.5), powers)
    shifts = np.array([3, 10, 40]), np.array([26, 37, 159])
    goals = np.array([Fraction(1, 2**shift) for shift in shifts[1].tolist()])
    copies = printed_copies(2.0 ** shifts[0], failure_probability=goals, density=0.5)
    np.testing.assert_array_equal(copies, NUMERICS["tie_products"])


def test_floats_are_decimals():
    # 1e-12 (1 - 0.999999999999): as doubles, 1 - p is off by a part in ten thousand.
    assert printed_copies(10**6, failure_probability=1e-300, density=0.999999999999) == 26
    for kind in (np.float32, np.float64):
        three = printed_copies(1, failure_probability=np.array([0.1, 0.001, 0.01], kind), density=kind(0.9))
        np.testing.assert_array_equal(three, [1, 3, 2])
        np.testing.assert_array_equal(printed_copies(1, failure_probability=kind(0.001), sparsity=kind(0.1)), 3)


probabilities = st.floats(1e-12, 1 - 1e-12) | st.integers(1, 40).map(lambda k: 2.0**-k) | st.just(1 - 2.0**-40)
links = st.integers(1, 10**12) | st.integers(0, 50).map(lambda k: 2**k)
deltas = probabilities | st.sampled_from([1e-300, 2.0**-1000])


@settings(max_examples=80)
@given(links, deltas, probabilities)
def test_every_integer_is_the_exact_one(count, delta, value):
    goal, chance = Fraction(repr(delta)), Fraction(repr(value))
    density = union_factor(chance, count, goal)
    assert printed_copies(count, failure_probability=delta, density=value) == density[0]
    sparsity = union_factor(1 - chance, count, goal)
    assert printed_copies(count, failure_probability=delta, sparsity=value) == sparsity[0]
    real = printed_factor(count, failure_probability=delta, density=value)
    binary = union_factor(Fraction(value), count, Fraction(delta))[1]
    assert real == pytest.approx(float(binary), rel=1e-13)


def test_a_random_grid():
    rng = np.random.default_rng(3)
    density = np.concatenate([rng.uniform(1e-4, 1, 20), [0.5, 0.75, 1 - 2.0**-20, 1.0]])
    delta = np.concatenate([rng.uniform(1e-6, 1, 5), 2.0 ** -np.arange(1, 12)])[:, None]
    counts = np.array([1, 8, 1280])[:, None, None]
    copies = printed_copies(counts, failure_probability=delta, density=density)
    assert copies.shape == (3, 16, 24)
    assert copies.dtype == np.int64
    expected = [
        [
            [union_factor(Fraction(repr(p)), int(m), Fraction(repr(d)))[0] for p in density.tolist()]
            for d in delta[:, 0].tolist()
        ]
        for m in counts[:, 0, 0]
    ]
    np.testing.assert_array_equal(copies, expected)


@settings(max_examples=100)
@given(links, st.floats(1e-12, 1.0, exclude_max=True), st.floats(1e-9, 1.0, exclude_max=True))
def test_the_exact_factor_solves_the_law(count, delta, density):
    factor = exact_factor(count, failure_probability=delta, density=density)
    assert 0 <= factor <= printed_factor(count, failure_probability=delta, density=density) * (1 + 1e-14)
    high = mpmath.mp.clone()
    high.dps = 60
    truth = high.log(1 - (1 - high.mpf(delta)) ** (high.mpf(1) / count)) / high.log1p(-high.mpf(density))
    assert factor == pytest.approx(float(truth), rel=1e-13)


def test_tiny_failure_probabilities_and_many_links():
    for delta, count in [(1e-279, 1e30), (1e-300, 1e12), (1e-315, 1e12), (5e-324, 1e300)]:
        union = printed_factor(count, failure_probability=delta, density=0.5)
        assert exact_factor(count, failure_probability=delta, density=0.5) == pytest.approx(union, rel=1e-13)


def test_without_a_mask_no_copies_are_needed():
    for given_as in ({"density": 1.0}, {"sparsity": 0.0}):
        assert printed_factor(10**6, failure_probability=1e-9, **given_as) == 0
        assert exact_factor(10**6, failure_probability=1e-9, **given_as) == 0
        assert printed_copies(10**6, failure_probability=1e-9, **given_as) == 1


def test_sparsity_keeps_the_precision_of_a_small_sparsity():
    assert printed_factor(1, failure_probability=1e-30, sparsity=1e-300) == pytest.approx(0.1, rel=1e-14)
    assert printed_factor(1, failure_probability=0.5, density=1e-300) == pytest.approx(math.log(2) * 1e300, rel=1e-14)


def test_arrays_broadcast_and_stay_as_they_were():
    counts = np.array([1.0, 100.0, 10_000.0])[:, None]
    delta = np.array([0.5, 0.25, 0.125, 1e-3])
    density = np.array(0.5)
    copies = [given.copy() for given in (counts, delta, density)]
    for given_array in (counts, delta, density):
        given_array.flags.writeable = False
    for function in ALL:
        grid = function(counts, failure_probability=delta, density=density)
        assert grid.shape == (3, 4)
        assert grid.flags.writeable
        for row in range(3):
            for col in range(4):
                single = function(counts[row, 0], failure_probability=delta[col], density=0.5)
                assert grid[row, col] == single
    for given_array, copy in zip((counts, delta, density), copies, strict=True):
        np.testing.assert_array_equal(given_array, copy)


def test_empty_grids_are_empty():
    for function in ALL:
        assert function(1, failure_probability=np.empty(0), density=0.5).shape == (0,)


def test_a_hundred_thousand_pairs():
    density = np.geomspace(1e-6, 0.999, 1000)
    delta = np.geomspace(1e-12, 0.5, 100)[:, None]
    copies = printed_copies(100352, failure_probability=delta, density=density)
    real = printed_factor(100352, failure_probability=delta, density=density)
    assert copies.shape == (100, 1000)
    assert np.all(copies >= real * (1 - 1e-13))
    assert np.all(copies < real + 1 + 1e-6)
    assert np.all(np.diff(copies, axis=1) <= 0)
    assert np.all(np.diff(copies, axis=0) <= 0)


OK = {"links": 3, "failure_probability": 0.1, "density": 0.5}
BAD = [
    ("links", 0),
    ("links", 0.5),
    ("links", -3),
    ("links", math.nan),
    ("links", [4, math.nan]),
    ("links", math.inf),
    ("links", 10**400),
    ("links", "many"),
    ("links", [[1], [1, 2]]),
    ("links", 1 + 2j),
    ("links", np.array([1 + 2j])),
    ("failure_probability", 0),
    ("failure_probability", 1),
    ("failure_probability", [0.1, -0.1]),
    ("failure_probability", math.nan),
    ("failure_probability", None),
    ("failure_probability", {}),
    ("density", 0),
    ("density", 1.5),
    ("density", [0.5, math.nan]),
    ("density", "half"),
    ("sparsity", 1),
    ("sparsity", -0.1),
    ("sparsity", [0.5, 2]),
    ("sparsity", math.nan),
]


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(("argument", "value"), BAD, ids=[f"{name}-{number}" for number, (name, _) in enumerate(BAD)])
def test_bad_values_are_named_in_one_line(function, argument, value):
    arguments = OK | {argument: value}
    if argument == "sparsity":
        del arguments["density"]
    with pytest.raises(InvalidInput, match=rf"^{argument}: expected [^\n]*, got [^\n]*$"):
        function(arguments.pop("links"), **arguments)


@pytest.mark.parametrize("function", ALL)
def test_exactly_one_of_density_and_sparsity(function):
    for given_as in ({}, {"density": 0.5, "sparsity": 0.5}):
        with pytest.raises(InvalidInput, match=r"^density: expected exactly one of density and sparsity, got"):
            function(1, failure_probability=0.5, **given_as)


@pytest.mark.parametrize("function", ALL)
def test_shapes_must_fit(function):
    with pytest.raises(InvalidInput, match=r"^[^\n]*$"):
        function([1, 2], failure_probability=0.5, density=[0.1, 0.2, 0.3])


@pytest.mark.parametrize("density", [1e-30, 5e-324])
def test_factors_beyond_64_bits_are_refused(density):
    with pytest.raises(InvalidInput, match=r"^density: expected values whose factors stay below 2"):
        printed_copies(1, failure_probability=0.5, density=density)
