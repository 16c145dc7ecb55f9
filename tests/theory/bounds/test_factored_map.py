"""Factored maps: bounds against the law of all masks and against draws, widths against what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds.factored import ORIENTATIONS, FactoredMap, Orientation, factored_map, map_failure
from ertheory.bounds.factored.failure import dual_failure, mixed_failure
from ertheory.builders.factored.matching import mixed_failure as conditions_failing
from ertheory.builders.factored.matching import unmatched_inputs
from ertheory.builders.factored.pairs import MaskPair
from ertheory.errors import InfeasibleWidth, InvalidInput
from tests import oracles_factored as oracles

DELTA = Fraction(1, 1000)
THIRD, HALF = Fraction(1, 3), Fraction(1, 2)


def masks(inputs: int, outputs: int, neurons: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for bits in product((False, True), repeat=neurons * (inputs + outputs)):
        flat = np.array(bits)
        yield flat[: neurons * inputs].reshape(neurons, inputs), flat[neurons * inputs :].reshape(outputs, neurons)


def mass(mask: np.ndarray, density: Fraction) -> Fraction:
    ones = int(mask.sum())
    return density**ones * (1 - density) ** (mask.size - ones)


@pytest.mark.parametrize(("inputs", "outputs", "neurons"), [(2, 2, 3), (3, 2, 2), (2, 1, 3), (1, 3, 3)])
def test_all_masks_of_tiny_maps(inputs: int, outputs: int, neurons: int) -> None:
    densities = [(HALF, Fraction(2, 3)), (Fraction(9, 10), Fraction(4, 5))]
    failing = {density: dict.fromkeys(("dual", "primal", "mixed", "generic"), Fraction(0)) for density in densities}
    rng = np.random.default_rng(1)
    for first, second in masks(inputs, outputs, neurons):
        holds = {"dual": oracles.dual(first, second), "primal": oracles.primal(first, second)}
        holds["mixed"] = oracles.mixed(first, second)
        holds["generic"] = oracles.generic_rank(first, second, rng) == inputs * outputs
        # Every theorem implies that an open set of maps is reached; the mixed one extends the other two.
        assert holds["mixed"] <= holds["generic"]
        assert (holds["dual"] or holds["primal"]) <= holds["mixed"]
        for density, sums in failing.items():
            for name, held in holds.items():
                if not held:
                    sums[name] += mass(first, density[0]) * mass(second, density[1])
    for density, sums in failing.items():
        assert sums["generic"] <= sums["mixed"] <= min(sums["dual"], sums["primal"])
        for orientation in ORIENTATIONS:
            bound = map_failure(inputs, outputs, neurons, density, orientation, HALF).failure
            assert sums["mixed" if "mixed" in orientation else orientation] <= bound <= 1
        if outputs == 1:  # the exact law, which no scheme undercuts
            assert sums["generic"] == sums["dual"]
            assert sums["dual"] <= map_failure(inputs, 1, neurons, density, "dual", HALF).failure
            assert map_failure(inputs, 1, neurons, density, "dual", HALF).failure < sums["dual"] * (
                1 + Fraction(1, 10**9)
            )


@given(st.integers(1, 6), st.integers(1, 30), st.fractions(Fraction(1, 20), 1, max_denominator=20), st.integers(1, 20))
def test_one_output_is_the_exact_law(inputs: int, neurons: int, first: Fraction, twentieths: int) -> None:
    second = Fraction(twentieths, 20)
    paths = sum(
        comb(neurons, u) * second**u * (1 - second) ** (neurons - u) * (1 - (1 - first) ** u) ** inputs
        for u in range(neurons + 1)
    )
    bound = dual_failure(inputs, 1, neurons, (first, second))
    assert 1 - paths <= bound <= (1 - paths) * (1 + Fraction(1, 10**9)) + Fraction(1, 2**890)


# Each bound claims failures of at most `bound` among 1,000 draws. The threshold is exceeded with a probability below
# 1e-9 by a law with that failure probability, by Hoeffding's inequality: sqrt(log(1e9) / 2,000) = 0.102.
@pytest.mark.parametrize(
    ("inputs", "outputs", "neurons", "first", "second"),
    [
        (12, 12, 35, HALF, HALF),
        (8, 20, 67, Fraction(2, 5), HALF),
        (20, 6, 24, HALF, Fraction(3, 5)),
        (5, 5, 20, HALF, HALF),
    ],
)
def test_draws_fail_no_more_often_than_the_bounds_say(
    inputs: int, outputs: int, neurons: int, first: Fraction, second: Fraction
) -> None:
    rng = np.random.default_rng(20261129)
    bound = mixed_failure(inputs, outputs, neurons, (first, second), Fraction(1, 2))
    failures = {"dual": 0, "primal": 0, "mixed": 0}
    for _ in range(1000):
        inner = rng.random((neurons, inputs)) < float(first)
        outer = rng.random((outputs, neurons)) < float(second)
        failures["dual"] += not oracles.dual(inner, outer)
        failures["primal"] += not oracles.primal(inner, outer)
        aside = tuple(np.flatnonzero(inner.sum(axis=0) < bound.threshold).tolist())
        small = len(aside) <= bound.set_aside
        failures["mixed"] += not (small and oracles.mixed_with(inner, outer, aside))
    pair = (first, second)
    bounds = {"mixed": bound.failure, "dual": dual_failure(inputs, outputs, neurons, pair)}
    bounds["primal"] = dual_failure(outputs, inputs, neurons, pair[::-1])
    assert bound.failure < Fraction(99, 100)  # or it would say nothing
    for name, failed in failures.items():
        assert failed / 1000 <= float(bounds[name]) + 0.102


@pytest.mark.parametrize(
    ("inputs", "outputs", "density", "orientation", "most"),
    [
        (200, 200, "0.2", "dual", 1308),
        (784, 128, "0.1", "dual", 1881),
        (784, 128, "0.5", "dual", 342),
        (784, 128, "0.5", "mixed-dual", 306),
        (200, 200, "0.2", "mixed-dual", 1058),
        (1024, 1024, "0.1", "mixed-dual", 10113),
        (4608, 512, "0.1", "mixed-dual", 5456),
    ],
)
def test_widths_that_were_derived_apart(
    inputs: int, outputs: int, density: str, orientation: Orientation, most: int
) -> None:
    found = factored_map(
        inputs, outputs, densities=(density, density), failure_probability=DELTA, orientations=(orientation,)
    )
    assert 0.9 * most < found.inner <= most


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 9), st.sampled_from(["equal", "best"]), st.booleans())
def test_a_width_is_the_least(inputs: int, outputs: int, tenths: int, split: str, conv: bool) -> None:
    density = Fraction(tenths, 10)
    found = factored_map(
        inputs,
        outputs,
        densities=(density, density),
        failure_probability=DELTA,
        split=split,
        taps=9 if conv else 1,  # type: ignore[arg-type]
    )
    assert found.density == density
    assert failure(found, found.inner) == found.failure <= DELTA
    for orientation in ORIENTATIONS:
        below = map_failure(found.columns, found.rows, found.inner - 1, found.densities, orientation, DELTA)
        assert below.failure > DELTA
    if split == "best":
        equal = factored_map(
            inputs, outputs, densities=(density, density), failure_probability=DELTA, taps=9 if conv else 1
        )
        assert found.edges_expected <= equal.edges_expected


def failure(found: FactoredMap, inner: int) -> Fraction:
    return map_failure(found.columns, found.rows, inner, found.densities, found.orientation, found.share).failure


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 8), st.integers(1, 20))
def test_more_is_asked_for_more(inputs: int, outputs: int, tenths: int, exponent: int) -> None:
    def inner(density: Fraction, delta: Fraction) -> int:
        return factored_map(inputs, outputs, densities=(density, density), failure_probability=delta).inner

    density, delta = Fraction(tenths, 10), Fraction(1, 2**exponent)
    here = inner(density, delta)
    assert inner(density, delta / 2) >= here >= inner(density + Fraction(1, 10), delta)


def test_density_one_needs_no_more_than_the_smaller_side() -> None:
    assert factored_map(7, 5, densities=(1, 1), failure_probability=DELTA).inner == 5
    assert factored_map(5, 7, densities=(1, 1), failure_probability=DELTA).inner == 5
    assert factored_map(1, 1, densities=(1, 1), failure_probability=DELTA).inner == 1


def test_one_by_one_is_a_path() -> None:
    found = factored_map(1, 1, densities=("0.1", "0.1"), failure_probability=DELTA)
    assert Fraction(99, 100) ** found.inner <= DELTA < Fraction(99, 100) ** (found.inner - 1)


def test_zero_rows_and_columns_need_nothing() -> None:
    pair = {"densities": ("0.2", "0.2"), "failure_probability": DELTA}
    assert factored_map(30, 20, used=(0, 0), **pair).inner == 0  # type: ignore[arg-type]
    some = factored_map(30, 20, used=(9, 4), **pair)  # type: ignore[arg-type]
    assert some.inner == factored_map(9, 4, **pair).inner  # type: ignore[arg-type]
    assert some.entries == some.inner * 50


def test_convolutions_take_the_cheaper_form() -> None:
    pair = {"densities": ("0.1", "0.1"), "failure_probability": DELTA, "taps": 9}
    both = [factored_map(64, 16, forms=(form,), **pair) for form in ("spatial-first", "spatial-last")]  # type: ignore[arg-type]
    best = factored_map(64, 16, **pair)  # type: ignore[arg-type]
    assert best.edges_expected == min(one.edges_expected for one in both)
    assert [(one.columns, one.rows) for one in both] == [(576, 16), (64, 144)]


@pytest.mark.parametrize("split", ["equal", "best"])
def test_a_million_channels(split: str) -> None:
    found = factored_map(10**6, 10**6, densities=("0.1", "0.1"), failure_probability=DELTA, split=split)  # type: ignore[arg-type]
    assert found.edges_expected / found.weights < (2 if split == "equal" else Fraction(102, 100))


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(InvalidInput, match="inputs"):
        factored_map(0, 3, densities=(1, 1), failure_probability=DELTA)
    with pytest.raises(InvalidInput, match="densities"):
        factored_map(2, 3, densities=(0, 1), failure_probability=DELTA)
    with pytest.raises(InvalidInput, match="split"):
        factored_map(2, 3, densities=(1, 1), failure_probability=DELTA, split="worst")  # type: ignore[arg-type]
    with pytest.raises(InfeasibleWidth, match="more than"):
        factored_map(1, 1, densities=("1e-6", "1e-6"), failure_probability=DELTA)


def test_draws_with_inputs_set_apart_fail_no_more_often_than_the_mixed_bound_says() -> None:
    """Here the dual says nothing. Of 120 draws a share 0.294 above the bound is seen less than once in 1e9 tests."""
    inputs, outputs, neurons, densities = 60, 40, 107, (Fraction(2, 5), Fraction(3, 5))
    bound = mixed_failure(inputs, outputs, neurons, densities, HALF)
    assert bound.set_aside > 0
    assert bound.failure < Fraction(2, 5)
    assert dual_failure(inputs, outputs, neurons, densities) == 1
    rng = np.random.default_rng(20261201)
    failures = {"dual": 0, "mixed": 0}
    for draw in range(120):
        inner = rng.random((neurons, inputs)) < float(densities[0])
        outer = rng.random((outputs, neurons)) < float(densities[1])
        aside = np.flatnonzero(inner.sum(axis=0) < bound.threshold)
        pair = MaskPair.read(inner, outer)
        holds = len(aside) <= bound.set_aside and conditions_failing(pair, aside) is None
        failures["mixed"] += not holds
        failures["dual"] += bool(len(unmatched_inputs(pair)))
        if draw == 0:  # the checker of the builders, against one that shares nothing with it
            assert oracles.mixed_with(inner, outer, tuple(aside.tolist())) == (conditions_failing(pair, aside) is None)
    assert failures["mixed"] / 120 <= float(bound.failure) + 0.294
    assert failures["dual"] > 100
