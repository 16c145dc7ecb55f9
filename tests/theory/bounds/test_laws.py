"""The laws of the block construction against enumeration of every mask, and their monotonicity where it is true."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ertheory.bounds.blocks.laws import LAYER0, Law, checked_layer0
from ertheory.errors import InvalidInput
from ertheory.networks.target import Layer, Target
from ertheory.numbers import at_precision, enclose
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import (
    HALF,
    bits,
    conv_patterns,
    densities,
    ends,
    entries,
    patterns,
    plain_densities,
    real,
    small_targets,
)

ONE = Fraction(1)
THIRD, FIFTH = Fraction(1, 3), Fraction(1, 5)
STORED = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))
short = st.fractions(Fraction(1, 5), 1, max_denominator=5)
factor = st.integers(1, 3)


def target_of(layers: list[Any]) -> Target:
    """Make the target of these non-zero patterns; a dense pattern of three axes stands behind a flatten."""
    return Target(
        tuple(
            Layer.from_weight(layer)
            if level == 0 or np.ndim(layer) == 2
            else Layer.from_weight(np.reshape(layer, (len(layer), -1)), positions=np.shape(layer)[2])
            for level, layer in enumerate(layers)
        )
    )


def success(law: Law, factors, first_width: int | None = None, *, precision: int = 128):
    """Enclose the probability itself."""
    width = factors[0] * law.target.inputs if first_width is None else first_width
    return ends(lambda: law.log_success(tuple(factors), width).exp(), precision)


def assert_encloses(low, high, truth: Fraction) -> None:
    assert low <= truth <= high
    assert high - low <= truth * Fraction(1, 2**40)


# --- against enumeration -------------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(patterns(), st.tuples(factor, factor), st.tuples(short, short))
@example([[[1, 0], [1, 1]], [[0, 1]]], (2, 2), (HALF, THIRD))
@example([[[1], [1]], [[0, 0]]], (2, 2), (HALF, THIRD))
def test_dense_block_law_is_the_enumerated_probability(layers, factors, chances):
    assume(entries(layers, factors) <= 14)
    law = Law(target_of(layers), (ONE, *chances), "dense")
    truth = oracles.block_probability(layers, factors, chances)
    assert_encloses(*success(law, (*factors, 1)), truth)
    exact = [
        law.exact_layer(layer, q, above)
        for layer, (q, above) in enumerate(zip(factors, (*factors[1:], 1), strict=True))
    ]
    assert math.prod(exact) == truth


@settings(max_examples=60)
@given(conv_patterns(), st.tuples(factor, factor), st.tuples(short, short))
@example([[[[1, 0, 1]], [[0, 1, 0]]], [[[1, 1], [0, 1]]]], (2, 1), (HALF, THIRD))
def test_convolutional_block_law_counts_filter_entries(layers, factors, chances):
    assume(entries(layers, factors) <= 14)
    law = Law(target_of(layers), (ONE, *chances), "dense")
    assert law.target.is_convolutional
    truth = oracles.block_probability(layers, factors, chances)
    assert_encloses(*success(law, (*factors, 1)), truth)


@pytest.mark.parametrize(
    ("layers", "factors", "chances"),
    [
        ([[[1]], [[1]], [[1]]], (2, 3, 2), (HALF, THIRD, FIFTH)),
        ([[[1, 1]]], (5,), (THIRD,)),
        ([[[1], [1]], [[1, 0]], [[1], [1]]], (1, 2, 2), (HALF, Fraction(1), FIFTH)),
    ],
)
def test_other_depths(layers, factors, chances):
    law = Law(target_of(layers), (ONE, *chances), "dense")
    assert_encloses(*success(law, (*factors, 1)), oracles.block_probability(layers, factors, chances))


@settings(max_examples=80)
@given(patterns(), st.tuples(factor, factor), st.tuples(short, short, short))
@example([[[1, 0], [1, 1]], [[1, 1]]], (2, 1), (FIFTH, HALF, THIRD))  # inputs of different fan-out
@example([[[1]], [[1]]], (3, 3), (HALF, ONE, THIRD))
@example([[[1]], [[1]]], (3, 3), (ONE, HALF, THIRD))
@example([[[1, 0]], [[1]]], (3, 2), (HALF, HALF, THIRD))  # an input without weights needs no neuron
def test_preassigned_law_is_the_enumerated_probability(layers, factors, chances):
    assume(entries(layers, factors) + factors[0] * len(layers[0][0]) <= 14)
    law = Law(target_of(layers), chances, "preassigned")
    truth = oracles.preassigned_probability(layers, factors, chances)
    low, high = success(law, (*factors, 1))
    assert low <= truth <= high
    assert high - low <= truth * Fraction(1, 2**20)


@pytest.mark.parametrize(("inputs", "copies", "neurons"), [(1, 2, 4), (2, 1, 3), (2, 2, 6), (3, 1, 4)])
def test_matched_law_is_a_lower_bound_that_counts_layer_0(inputs, copies, neurons):
    layers, chances = [[[1] * inputs], [[1]]], (HALF, Fraction(2, 3), THIRD)
    law = Law(target_of(layers), chances, "matched")
    assert entries(layers, (copies, 1)) <= oracles.MAX_ENTRIES
    block = oracles.block_probability(layers, (copies, 1), chances[1:])
    low, high = success(law, (copies, 1, 1), neurons)
    # The matching reads layer 0 only, the rest of the mask is independent of it.
    assert low <= oracles.b_matching_probability([copies] * inputs, neurons, HALF) * block
    assert_encloses(low, high, (1 - ref.hall_sum(inputs, copies, HALF, neurons)) * block)


@settings(max_examples=50)
@given(small_targets, st.data())
def test_all_readings_agree_on_a_dense_layer_0(widths, data):
    target = Target.from_widths(widths)
    chances = (ONE, *data.draw(st.tuples(*[plain_densities] * target.depth)))
    factors = (*data.draw(st.tuples(*[st.integers(1, 30)] * target.depth)), 1)
    truth = ref.block_law(target.nonzeros, factors[:-1], chances[1:])
    assume(truth > Fraction(1, 10**6))
    for layer0 in LAYER0:
        assert_encloses(*success(Law(target, chances, layer0), factors), truth)


# --- extremes ------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(small_targets, st.data(), bits)
def test_enclosures_hold_at_extreme_densities(widths, data, precision):
    target = Target.from_widths(widths)
    chances = (ONE, *data.draw(st.tuples(*[densities] * target.depth)))
    factors = (*data.draw(st.tuples(*[st.sampled_from((1, 7, 10**13, 10**15))] * target.depth)), 1)
    mp = real(1, 2000).context
    truth = mp.mpf(0)
    for level, m in enumerate(target.nonzeros):
        if chances[level + 1] < 1:
            log_miss = factors[level] * mp.log(mp.mpf(1) - real(chances[level + 1], 2000))
            truth += m * factors[level + 1] * mp.log1p(-mp.exp(log_miss))
    law = Law(target, chances, "dense")
    found = at_precision(precision, lambda: law.log_success(factors, factors[0] * target.inputs))
    middle, radius = (
        mp.mpf(tuple(map(int, part.man_exp()))) for part in (found.mid(), found.rad())
    )  # too small for fractions, at times
    low, high = middle - radius, middle + radius
    error = -truth * mp.mpf(10) ** -1000
    assert low - error <= truth <= high + error
    if precision > 64:  # a power of 10^15 costs fifty bits
        assert high - low <= -truth * mp.mpf(2) ** -40


def test_one_link_at_each_extreme():
    target = Target.from_text("1-1")
    for density, copies in ((Fraction(1, 10**12), 10**12), (1 - Fraction(1, 10**300), 1), (Fraction(1, 10**300), 1)):
        law = Law(target, (ONE, density), "dense")
        low, high = enclose(lambda law=law, q=copies: 1 - law.log_success((q, 1), q).exp(), digits=30)
        if copies == 1:
            assert low <= 1 - density <= high
        else:
            assert abs(float(low) - math.exp(-1)) < 1e-9
        assert (high - low) * 10**30 <= high


@pytest.mark.parametrize("row", STORED["block"]["rows"], ids=lambda row: "-".join(map(str, row["factors"])))
def test_reference_block_laws(row):
    law = Law(Target.from_widths(row["target"]), (ONE, *map(Fraction, row["densities"])), "dense")
    low, high = success(law, (*row["factors"], 1))
    assert low - Fraction(1, 10**24) <= Fraction(row["success"]) <= high + Fraction(1, 10**24)
    if row["fraction"] is not None:
        assert low <= Fraction(row["fraction"]) <= high


@pytest.mark.parametrize("row", STORED["layer0"]["preassigned"], ids=lambda row: str(row["q0"]))
def test_reference_preassigned_laws(row):
    target, p = Target.from_widths(row["target"]), Fraction(row["p"])
    low, high = success(Law(target, (p,) * 3, "preassigned"), (row["q0"], row["q1"], 1))
    assert low - Fraction(1, 10**24) <= Fraction(row["success"]) <= high + Fraction(1, 10**24)
    assert high - low <= Fraction(1, 2**50)


# --- monotone, and not ---------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(small_targets, st.data(), st.sampled_from(LAYER0))
def test_more_copies_of_the_inputs_and_more_density_help(widths, data, layer0):
    target = Target.from_widths(widths)
    chances = data.draw(st.tuples(*[plain_densities] * (target.depth + 1)))
    factors = (*data.draw(st.tuples(*[st.integers(1, 12)] * target.depth)), 1)
    width = factors[0] * target.inputs + data.draw(st.integers(1, 40))
    low, high = success(Law(target, chances, layer0), factors, width)
    assume(high > Fraction(1, 10**200))

    def no_less(law: Law, copies: tuple[int, ...], inputs: int) -> bool:
        """More, or the same but for what enclosures leave open: what hardly ever fails gains next to nothing."""
        more, most = success(law, copies, inputs)
        return more > high or (most >= low and most - low < high / 10**15)

    first = 1 if layer0 == "dense" else 0
    level = data.draw(st.integers(first, target.depth))
    denser = (*chances[:level], (chances[level] + 1) / 2, *chances[level + 1 :])
    assert no_less(Law(target, denser, layer0), factors, width)
    if layer0 == "matched":
        assert no_less(Law(target, chances, layer0), factors, width + 1)
    else:
        assert no_less(Law(target, chances, layer0), (factors[0] + 1, *factors[1:]), width)


def test_more_hidden_copies_can_hurt():
    law = Law(Target.from_text("784-128-10"), (ONE, HALF, HALF), "dense")
    few, more, many = (success(law, (33, q1, 1)) for q1 in (22, 30, 60))
    assert few[0] > many[1]
    assert more[0] > few[1]
    assert at_precision(64, lambda: law.log_layer(0, 33, 60) < law.log_layer(0, 33, 22))


def test_layer_0_matters_only_where_it_is_masked():
    target = Target.from_text("4-8-3")
    masked, dense = ((p, HALF, HALF) for p in (HALF, ONE))
    assert success(Law(target, masked, "dense"), (14, 10, 1)) == success(Law(target, dense, "dense"), (14, 10, 1))
    for layer0 in ("preassigned", "matched"):
        assert (
            success(Law(target, masked, layer0), (14, 10, 1))[1] < success(Law(target, dense, layer0), (14, 10, 1))[0]
        )


def test_widths_that_cannot_be_matched_have_no_chance():
    law = Law(Target.from_text("4-8-3"), (HALF,) * 3, "matched")
    assert success(law, (14, 10, 1), 55) == (0, 0)
    assert success(law, (14, 10, 1), 200)[0] > Fraction(9, 10)
    # Only `matched` asks for N_0.
    for layer0 in ("dense", "preassigned"):
        other = Law(law.target, law.densities, layer0)
        assert success(other, (14, 10, 1), 55) == success(other, (14, 10, 1), 200)


# --- the rest ------------------------------------------------------------------------------------------------------


def test_values_are_remembered_per_precision_and_factor():
    law = Law(Target.from_text("4-8-3"), (HALF,) * 3, "matched")
    asked = list(product((64, 128), ((14, 10, 1), (10, 14, 1)), (80, 90)))
    first, again = ([success(law, q, n, precision=b) for b, q, n in asked] for _ in range(2))
    fresh = [success(Law(law.target, law.densities, "matched"), q, n, precision=b) for b, q, n in asked]
    assert first == again == fresh
    assert len(set(fresh)) == 8


def test_exact_layers_are_given_only_where_they_are_short():
    law = Law(Target.from_text("2-3"), (HALF, THIRD), "dense")
    assert law.exact_layer(0, 2, 1) == Fraction(5, 9) ** 6
    assert law.exact_layer(0, 10**6, 1) is None


def test_equal_laws_are_equal_whatever_they_remember():
    one, other = (Law(Target.from_text("4-8-3"), (HALF,) * 3, "dense") for _ in range(2))
    one.log_success((14, 10, 1), 56)
    assert one == other
    assert repr(one) == repr(other)


def test_readings_of_layer_0_have_names():
    assert LAYER0 == ("dense", "preassigned", "matched")
    for name in LAYER0:
        checked_layer0(name)
    with pytest.raises(InvalidInput, match=r"layer0: expected one of dense, preassigned, matched, got 'coded'"):
        checked_layer0("coded")


@settings(max_examples=60)
@given(small_targets, st.data(), st.sampled_from(LAYER0))
def test_the_union_bound_covers_the_law_for_every_reading_of_layer_0(widths, data, layer0):
    target = Target.from_widths(widths)
    chances = data.draw(st.tuples(*[plain_densities] * (target.depth + 1)))
    factors = (*data.draw(st.tuples(*[st.integers(1, 30)] * target.depth)), 1)
    spare = data.draw(st.integers(0, 40))
    width = factors[0] * target.inputs + spare
    law = Law(target, chances if layer0 != "dense" else (ONE, *chances[1:]), layer0)
    claimed = ends(lambda: law.union_failure(factors, width), 256)[1]
    assert claimed >= 1 - success(law, factors, width, precision=256)[1]


def test_powers_of_densities_of_many_digits_are_not_written_down():
    tiny = Fraction(1, 10**300)
    law = Law(Target.from_text("2-1"), (tiny, tiny), "matched")
    assert (law.exact_matching(2, 500), law.exact_layer(0, 500, 1)) == (None, None)
    assert law.exact_matching(1, 2) is not None is not law.exact_layer(0, 3, 1)
