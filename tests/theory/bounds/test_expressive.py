"""Theorems 2.1, 2.2 and the convolutional statement in closed form: every integer is checked by a second decision."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory.bounds.blocks.answers import statement_of
from ertheory.bounds.blocks.closed_form import union_factor
from ertheory.bounds.blocks.hall import hall_sum
from ertheory.bounds.blocks.laws import LAYER0, Law
from ertheory.bounds.blocks.printed import printed
from ertheory.networks.target import Layer, Target
from ertheory.numbers import enclose
from tests.reference import make_widths as ref
from tests.strategies import HALF, deltas, densities, large_targets, plain_densities, real, small_targets

STORED = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))
ONE, MILLE = Fraction(1), Fraction(1, 1000)
FIGURE = Target.from_text("784-128-10")


def satisfied(links: int, density: Fraction, copies: int, delta: Fraction) -> bool:
    """Whether links (1 - p)^copies <= delta: in fractions where they are short, else with 2000 digits."""
    r = 1 - density
    if r == 0 or not links:
        return True
    if copies * r.denominator.bit_length() < 100_000:
        return links * r**copies <= delta
    real_r = real(r, 2000)
    mp = real_r.context
    gap = mp.log(real(links / delta, 2000)) + copies * mp.log(real_r)
    assert abs(gap) > mp.mpf(10) ** -1000, "2000 digits do not decide"
    return bool(gap <= 0)


def uniform(target: Target, density: Fraction, *, first: Fraction = ONE) -> tuple[Fraction, ...]:
    return (first, *(density,) * target.depth)


# --- one inequality ------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**12), densities, deltas)
@example(1, HALF, HALF)
@example(10**12, Fraction(1, 10**12), Fraction(1, 10**300))
@example(10**12, Fraction(1, 10**300), Fraction(1, 10**300))
@example(10**12, 1 - Fraction(1, 10**300), Fraction(1, 10**300))
@example(8, 1 - Fraction(1, 3), Fraction(8, 3**40))  # a tie in thirds
@example(1, Fraction(1, 10**6), 1 - Fraction(1, 10**6))  # r^1 = delta
def test_the_factor_is_the_smallest_integer(links, density, delta):
    factor, value, bits = union_factor(density, links, delta)
    assert factor >= 1
    assert satisfied(links, density, factor, delta)
    assert factor == 1 or not satisfied(links, density, factor - 1, delta)
    assert factor == max(1, math.ceil(value)) or abs(value - round(value)) <= Fraction(1, 10**15) * factor
    assert bits == 0 or bits >= 64
    if density < 1:
        r = real(1 - density, 400)
        closed = r.context.log(real(links / delta, 400)) / -r.context.log(r)
        assert abs(real(value, 400) - closed) <= closed * r.context.mpf(10) ** -16
    else:
        assert (factor, value) == (1, 0)


@pytest.mark.parametrize("k", range(1, 200))
def test_powers_of_two_are_exact(k):
    factor, value, bits = union_factor(HALF, 1, Fraction(1, 2**k))
    assert (factor, bits) == (k, 0)
    assert abs(value - k) < Fraction(1, 10**14)


@given(st.integers(2, 12), st.integers(1, 11), st.integers(1, 60), st.integers(1, 10**6))
def test_other_ties_are_exact(b, a, k, links):
    r = Fraction(min(a, b - 1), b)
    delta = r**k / 10**6 * links
    if delta < 1:  # then links r^k / 10^6 = delta, and anything a little smaller needs one more
        assert union_factor(1 - r, Fraction(links, 10**6), delta)[0] == k
        assert union_factor(1 - r, Fraction(links, 10**6), delta - Fraction(1, 10**400))[0] == k + 1


def test_reference_integers_at_the_extremes():
    for row in STORED["numerics"]["rows"]:
        density = Fraction(row["density"]) if "density" in row else 1 - Fraction(row["sparsity"])
        factor, value, _ = union_factor(density, int(Fraction(row["weights"])), Fraction(row["delta"]))
        assert str(factor) == row["closed"]
        assert abs(value / Fraction(row["closed_real"]) - 1) < Fraction(1, 10**15)
    assert union_factor(Fraction(1, 10**12), 10**12, Fraction(1, 10**300))[0] == 718406549013784
    assert union_factor(Fraction(1, 100), 1280, Fraction(1, 2000))[0] == 1469
    for (j, k), factor in zip(((3, 26), (10, 37), (40, 159)), STORED["numerics"]["tie_products"], strict=True):
        assert union_factor(HALF, 2**j, Fraction(1, 2**k))[0] == factor == j + k


def test_a_hair_beside_a_tie():
    delta, hair = Fraction(9, 10) ** 20, Fraction(1, 10**1000)
    assert union_factor(Fraction(1, 10), 1, delta)[0] == 20
    assert union_factor(Fraction(1, 10) + hair, 1, delta)[0] == 20
    assert union_factor(Fraction(1, 10) - hair, 1, delta)[0] == 21


@pytest.mark.parametrize("exponent", [400, 900])
def test_densities_far_below_any_double(exponent):
    density = Fraction(1, 10**exponent)
    factor, value, _ = union_factor(density, 1, HALF)
    mp = real(density, 2 * exponent + 100).context
    closed = mp.log(2) / -mp.log1p(-real(density, 2 * exponent + 100))
    assert factor == int(mp.ceil(closed))
    assert abs(value / factor - 1) < Fraction(1, 10**15)


def test_inequalities_that_hold_for_nothing_need_one_copy():
    assert union_factor(HALF, 0, MILLE) == (1, 0, 0)
    assert union_factor(ONE, 10**12, MILLE) == (1, 0, 0)
    assert union_factor(Fraction(9999, 10000), 100, HALF)[0] == 1  # F3: real 0.58, not 58 neurons for 100


@given(st.integers(1, 10**6), plain_densities, deltas)
def test_the_factor_is_monotone(links, density, delta):
    factor = union_factor(density, links, delta)[0]
    assert union_factor(density, links + 1, delta)[0] >= factor
    assert union_factor((density + 1) / 2, links, delta)[0] <= factor
    assert union_factor(density, links, delta / 2)[0] >= factor
    assert union_factor(density, links, (1 + delta) / 2)[0] <= factor


# --- whole targets -------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(large_targets | small_targets, st.data(), st.sampled_from(("dense", "preassigned")))
def test_every_layer_satisfies_its_inequality_and_one_copy_fewer_does_not(widths, data, layer0):
    target = Target.from_widths(widths)
    # The exact law of a preassigned layer 0 is a long sum at the extremes.
    chance, loss = (densities, deltas) if layer0 == "dense" else (plain_densities, st.sampled_from((HALF, MILLE)))
    chances, delta = data.draw(st.tuples(*[chance] * (target.depth + 1))), data.draw(loss)
    found = printed(target, chances, delta, layer0=layer0)
    assert found.factors[-1] == 1
    for level, (copies, above) in enumerate(zip(found.factors, found.factors[1:], strict=False)):
        links, chance = target.nonzeros[level] * above, chances[level + 1]
        if level == 0 and layer0 == "preassigned":
            chance *= chances[0]
        assert satisfied(links, chance, copies, delta / target.depth)
        assert copies == 1 or not satisfied(links, chance, copies - 1, delta / target.depth)
        assert copies >= found.real_factors[level] * (1 - Fraction(1, 10**16))
        assert copies == 1 or copies < found.real_factors[level] * (1 + Fraction(1, 10**16)) + 1
    assert found.widths == tuple(n * q for n, q in zip(target.widths, found.factors, strict=True))
    if layer0 == "dense" and chances[0] < 1:
        assert not found.applies
        assert found.success_lower is None
    else:
        assert found.applies
        assert found.success_lower >= 1 - delta


@settings(max_examples=40)
@given(small_targets, st.data(), st.fractions(Fraction(1, 50), Fraction(9, 10), max_denominator=50))
def test_success_is_that_of_the_exact_law(widths, data, delta):
    target = Target.from_widths(widths)
    chances = (ONE, *data.draw(st.tuples(*[plain_densities] * target.depth)))
    found = printed(target, chances, delta)
    truth = ref.block_law(target.nonzeros, found.factors[:-1], chances[1:])
    assert 1 - delta <= found.success_lower <= truth
    assert truth - found.success_lower <= (1 - truth) * Fraction(1, 10**5)


def test_masked_layer_0_does_not_apply_as_printed():
    found = printed(FIGURE, uniform(FIGURE, HALF, first=HALF), MILLE)
    assert found.widths == printed(FIGURE, uniform(FIGURE, HALF), MILLE).widths  # as printed, p_0 is not mentioned
    assert not found.applies
    assert "layer 0" in found.reason
    assert "0.5" in found.reason
    assert found.success_lower is None
    for layer0 in ("preassigned", "matched"):
        assert printed(FIGURE, uniform(FIGURE, HALF, first=HALF), MILLE, layer0=layer0).applies


@pytest.mark.parametrize("layer0", LAYER0)
def test_what_an_answer_says(layer0):
    found = printed(FIGURE, uniform(FIGURE, HALF), MILLE, layer0=layer0)
    assert found.method == "printed"
    assert found.layer0 == layer0
    assert (found.variant, found.kind) == (("printed",) * 2 if layer0 == "dense" else ("repaired", "sufficient"))
    assert found.target == FIGURE
    assert found.densities == (ONE, HALF, HALF)
    assert found.failure_probability == MILLE


def test_how_the_integers_were_certified_is_said():
    assert printed(Target.from_text("1-1"), (ONE, HALF), Fraction(1, 1024)).certified == "exact integers"
    assert printed(FIGURE, uniform(FIGURE, Fraction(1, 10**12)), MILLE).certified.endswith(" bits")


@pytest.mark.parametrize("widths", ["4-8-3", "10-1", "6-5-4-3"])
def test_names_of_the_statements(widths):
    target = Target.from_text(widths)
    assert statement_of(target) == ("Theorem 2.1" if target.depth == 2 else "Theorem 2.2")
    assert printed(target, uniform(target, HALF), MILLE).statement == statement_of(target)


def test_convolutions_count_filter_entries_and_flattened_positions():
    filters, dense = np.ones((6, 3, 3, 3)), np.ones((10, 6 * 4))
    filters[0, 0] = 0  # nine entries fewer
    dense[:, 0] = 0
    target = Target((Layer.from_weight(filters), Layer.from_weight(dense, positions=4)))
    assert target.nonzeros == (6 * 27 - 9, 230)
    found = printed(target, uniform(target, HALF), MILLE)
    q1 = ref.closed_integer(2 * 230, MILLE, HALF)
    q0 = ref.closed_integer(2 * (6 * 27 - 9) * q1, MILLE, HALF)
    assert found.factors == (q0, q1, 1)
    assert found.widths == (3 * q0, 6 * q1, 10)
    assert "convolution" in found.statement


def test_layers_without_weights_ask_for_nothing():
    target = Target.from_arrays([[[1.0, 1.0]], [[0.0], [0.0]]])
    found = printed(target, uniform(target, HALF), MILLE)
    assert found.factors == (ref.closed_integer(2 * 2, MILLE, HALF), 1, 1)
    nothing = printed(Target.from_arrays([[[0.0]], [[0.0]]]), (ONE, HALF, HALF), MILLE)
    assert (nothing.factors, nothing.success_lower) == ((1, 1, 1), 1)


@settings(max_examples=40)
@given(small_targets, st.data(), st.sampled_from(("dense", "preassigned")))
def test_more_density_and_more_failure_need_no_more(widths, data, layer0):
    target = Target.from_widths(widths)
    delta = data.draw(deltas if layer0 == "dense" else st.sampled_from((HALF, MILLE)))
    chances = data.draw(st.tuples(*[plain_densities] * (target.depth + 1)))
    before = printed(target, chances, delta, layer0=layer0).factors
    denser = printed(target, tuple((p + 1) / 2 for p in chances), delta, layer0=layer0).factors
    looser = printed(target, chances, (1 + delta) / 2, layer0=layer0).factors
    for after in (denser, looser):
        assert all(less <= more for less, more in zip(after, before, strict=True))


# --- Figure 2 and the counterexamples ------------------------------------------------------------------------------


@pytest.mark.parametrize("row", STORED["figure2"]["rows"], ids=lambda row: row["sparsity"])
def test_printed_columns_of_the_figure(row):
    found = printed(FIGURE, uniform(FIGURE, 1 - Fraction(row["sparsity"])), MILLE)
    assert found.factors == (row["printed_q0"], row["printed_q1"], 1)
    assert found.widths == (row["printed_width0"], row["printed_width1"], 10)
    for value, stored in zip(found.real_factors, (row["printed_q0_real"], row["printed_q1_real"]), strict=False):
        assert abs(value / Fraction(stored) - 1) < Fraction(1, 10**15)
    assert abs(1 - found.success_lower - Fraction(row["printed_failure"])) <= Fraction(row["printed_failure"]) / 10**5
    assert 1 - found.success_lower >= Fraction(row["printed_failure"]) * (1 - Fraction(1, 10**20))


def test_three_numbers_of_the_figure_before_rounding():
    widths = {
        s: round(128 * printed(FIGURE, uniform(FIGURE, 1 - Fraction(s)), MILLE).real_factors[1])
        for s in ("0.1", "0.9", "0.999")
    }
    assert widths == {"0.1": 820, "0.9": 17926, "0.999": 1887762}


def test_f3_real_factors_below_one_are_clamped():
    target = Target.from_text("3-100-10")
    found = printed(target, uniform(target, Fraction(9999, 10000)), HALF)
    assert found.widths[1] == STORED["counterexamples"]["F3"]["width_needed"]
    assert abs(found.real_factors[1] - Fraction(STORED["counterexamples"]["F3"]["q1_real"])) < Fraction(1, 10**15)


def test_f4_the_rounded_factor_goes_into_the_next_formula():
    stored = STORED["counterexamples"]["F4"]
    chances = (ONE, Fraction(1, 20), Fraction(99, 100))
    found = printed(Target.from_text("1-1-1"), chances, HALF)
    assert found.factors == (stored["q0"], stored["q1"], 1)
    assert found.success_lower >= HALF
    late = Law(found.target, chances, "dense")
    low, high = enclose(lambda: late.log_success((stored["q0_from_real"], 1, 1), stored["q0_from_real"]).exp())
    assert low <= Fraction(stored["success_from_real"]) + Fraction(1, 10**24)
    assert high < HALF


@pytest.mark.parametrize("row", STORED["counterexamples"]["F5"], ids=lambda row: str(row["q1"]))
def test_f5_the_hypothesis_is_not_monotone_in_the_width(row):
    needed = union_factor(HALF, 2 * 784 * 128 * row["q1"], MILLE)[0]
    assert needed == row["q0_needed"]
    assert (needed <= row["q0"]) is row["qualifies"] is (row["q1"] == 22)


@pytest.mark.parametrize("row", STORED["counterexamples"]["F2"], ids=lambda row: f"{row['d']}-{row['p']}")
def test_f2_literal_widths(row):
    target = Target.from_widths((row["d"], 1, 1))
    p = Fraction(row["p"])
    found = printed(target, (p,) * 3, Fraction(row["delta"]))
    assert found.factors == (row["q0"], row["q1"], 1)
    assert not found.applies  # no construction reaches 1 - delta there


# --- repaired layer 0 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", STORED["layer0"]["preassigned"], ids=lambda row: str(row["q0"]))
def test_preassigned_widths_are_repaired(row):
    target, p = Target.from_widths(row["target"]), Fraction(row["p"])
    layer0 = "preassigned" if row["variant"] == "corrected" else "dense"
    found = printed(target, (p,) * 3, Fraction(row["delta"]), layer0=layer0)
    assert found.factors == (row["q0"], row["q1"], 1)
    if layer0 == "preassigned":
        truth = Fraction(row["success"])
        assert truth - Fraction(1, 10**7) <= found.success_lower <= truth + Fraction(1, 10**24)


MATCHED = [("4-8-3", HALF, Fraction(1, 10)), ("784-128-10", Fraction(1, 100), MILLE), ("784-128-10", HALF, MILLE)]


@pytest.mark.parametrize(("text", "p", "delta"), MATCHED, ids=lambda value: str(value))
def test_matched_widths_satisfy_three_inequalities_and_are_smallest(text, p, delta):
    target, third = Target.from_text(text), delta / 3
    found = printed(target, (p,) * 3, delta, layer0="matched")
    q0, q1, _ = found.factors
    assert q1 == ref.closed_integer(target.nonzeros[1], third, p)
    assert q0 == ref.closed_integer(target.nonzeros[0] * q1, third, p)
    width = found.widths[0]
    assert enclose(lambda: hall_sum(width, target.inputs, q0, p), digits=6)[1] <= third
    if width > q0 * target.inputs:
        assert enclose(lambda: hall_sum(width - 1, target.inputs, q0, p), digits=6)[0] > third
    assert found.success_lower >= 1 - delta


@pytest.mark.parametrize(
    ("delta", "p1", "width"), [(Fraction(2, 3000), "0.0622", 179634), (MILLE, "0.06052", 179633)], ids=["third", "half"]
)
def test_reference_matched_widths(delta, p1, width):
    # One layer of weights, so that half of delta is for the matching; q_0 = 229 as in the reference values.
    found = printed(Target.from_text("784-1"), (Fraction(1, 100), Fraction(p1)), delta, layer0="matched")
    assert found.factors == (229, 1)
    rows = [row for row in STORED["layer0"]["minimal"] if row["q0"] == 229]
    assert {(Fraction(row["delta"]) / row["parts"], row["n0"]) for row in rows} >= {(delta / 2, width)}
    assert found.widths == (width, 1)


@pytest.mark.parametrize("k", [1, 2, 29, 199])
def test_ties_of_the_hall_sum_are_exact(k):
    # One input, one copy, p_0 = 1/2: H(N) = 2^-N, which meets delta / 3 = 2^-k at N = k and no sooner.
    found = printed(Target.from_text("1-1-1"), (HALF, ONE, ONE), Fraction(3, 2**k) if k > 1 else HALF, layer0="matched")
    assert found.widths[0] == (k if k > 1 else 3)
