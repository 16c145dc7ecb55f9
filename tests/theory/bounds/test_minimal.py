"""The smallest widths by the exact law: each satisfies it, no factor can be lowered, none exceeds the printed."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory.bounds.blocks.grids import exact_factor
from ertheory.bounds.blocks.laws import LAYER0, Law, law_holds
from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.blocks.printed import printed
from ertheory.networks.target import Target
from tests.reference import make_widths as ref
from tests.strategies import HALF, conv_patterns, deltas, densities, patterns, plain_densities, real, small_targets
from tests.theory.bounds.test_laws import target_of

STORED = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))
ONE, MILLE = Fraction(1), Fraction(1, 1000)
FIGURE = Target.from_text("784-128-10")
common_deltas = st.fractions(Fraction(1, 200), Fraction(9, 10), max_denominator=200)


def law_satisfied(nonzeros, factors, chances, delta) -> bool:
    """Whether the dense law is at least 1 - delta: in fractions where they are short, else with 2000 digits."""
    pairs = list(zip(nonzeros, pairwise(factors), chances[1:], strict=True))
    if sum(m * above * copies * p.denominator.bit_length() for m, (copies, above), p in pairs) < 100_000:
        return ref.block_law(nonzeros, factors[:-1], chances[1:]) >= 1 - delta
    goal = real(1 - delta, 2000)
    mp = goal.context
    total = -mp.log(goal)
    for m, (copies, above), p in pairs:
        if m and p < 1:
            total += m * above * mp.log1p(-mp.exp(copies * mp.log(real(1 - p, 2000))))
    assert abs(total) > mp.mpf(10) ** -1000, "2000 digits do not decide"
    return bool(total >= 0)


def lowered(factors):
    """All factors with one of q_0..q_{L-1} made smaller by one."""
    for level, copies in enumerate(factors[:-1]):
        if copies > 1:
            yield (*factors[:level], copies - 1, *factors[level + 1 :])


# --- minimal and sufficient ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(small_targets, st.data(), deltas)
def test_the_law_holds_and_no_factor_can_be_lowered(widths, data, delta):
    target = Target.from_widths(widths)
    chances = (ONE, *data.draw(st.tuples(*[densities] * target.depth)))
    found = exact(target, chances, delta)
    assert law_satisfied(target.nonzeros, found.factors, chances, delta)
    for fewer in lowered(found.factors):
        assert not law_satisfied(target.nonzeros, fewer, chances, delta)
    assert found.success_lower >= 1 - delta
    assert found.widths == tuple(n * q for n, q in zip(target.widths, found.factors, strict=True))
    upper = printed(target, chances, delta)
    assert all(q <= p for q, p in zip(found.factors, upper.factors, strict=True))


@settings(max_examples=40)
@given(patterns() | conv_patterns(), st.tuples(plain_densities, plain_densities), common_deltas)
@example([[[1, 0], [1, 1]], [[0, 0]]], (HALF, HALF), HALF)
def test_sparse_and_convolutional_targets(layers, upper, delta):
    target, chances = target_of(layers), (ONE, *upper)
    found = exact(target, chances, delta)
    assert law_satisfied(target.nonzeros, found.factors, chances, delta)
    for fewer in lowered(found.factors):
        assert not law_satisfied(target.nonzeros, fewer, chances, delta)
    for level, m in enumerate(target.nonzeros):
        assert m or found.factors[level] == 1


@settings(max_examples=15)
@given(patterns(), st.tuples(*[st.sampled_from((HALF, Fraction(3, 4), ONE))] * 3), common_deltas)
@example([[[1, 0], [1, 1]], [[1, 1]]], (HALF, HALF, HALF), Fraction(1, 10))
def test_preassigned_layer_0(layers, chances, delta):
    target = target_of(layers)
    found = exact(target, chances, delta, layer0="preassigned")
    fan_out = np.count_nonzero(layers[0], axis=0).tolist()

    def holds(factors) -> bool:
        return ref.preassigned_law(fan_out, target.nonzeros[1:], factors[:-1], chances) >= 1 - delta

    assert holds(found.factors)
    assert not any(holds(fewer) for fewer in lowered(found.factors))
    upper = printed(target, chances, delta, layer0="preassigned")
    assert all(q <= p for q, p in zip(found.factors, upper.factors, strict=True))
    assert found.widths[0] == found.factors[0] * target.inputs


@settings(max_examples=15)
@given(st.tuples(*[st.integers(1, 3)] * 3), st.tuples(*[st.sampled_from((HALF, Fraction(3, 4)))] * 3), common_deltas)
@example((4, 8, 3), (HALF, HALF, HALF), Fraction(1, 10))
def test_matched_layer_0(widths, chances, delta):
    target = Target.from_widths(widths)
    found = exact(target, chances, delta, layer0="matched")
    d, width = target.inputs, found.widths[0]

    def holds(factors, neurons) -> bool:
        block = ref.block_law(target.nonzeros, factors[:-1], chances[1:])
        return neurons >= factors[0] * d and (1 - ref.hall_sum(d, factors[0], chances[0], neurons)) * block >= 1 - delta

    assert holds(found.factors, width)
    assert not holds(found.factors, width - 1)
    assert not any(holds(fewer, width) for fewer in lowered(found.factors))
    upper = printed(target, chances, delta, layer0="matched")
    assert all(n <= p for n, p in zip(found.widths, upper.widths, strict=True))


@pytest.mark.parametrize("layer0", ["preassigned", "matched"])
@pytest.mark.parametrize("p", [HALF, Fraction(1, 10), Fraction(1, 100)], ids=str)
def test_the_figure_with_a_masked_layer_0(p, layer0):
    found = exact(FIGURE, (p,) * 3, MILLE, layer0=layer0)
    upper = printed(FIGURE, (p,) * 3, MILLE, layer0=layer0)
    law = Law(FIGURE, (p,) * 3, layer0)
    assert found.success_lower >= 1 - MILLE
    assert all(n <= q for n, q in zip(found.widths, upper.widths, strict=True))
    assert law_holds(law, MILLE, found.factors, found.widths[0]).holds
    for fewer in lowered(found.factors):
        assert not law_holds(law, MILLE, fewer, found.widths[0]).holds
    if layer0 == "matched":
        assert not law_holds(law, MILLE, found.factors, found.widths[0] - 1).holds


def test_figure_widths_of_one_half():
    row = next(row for row in STORED["figure2"]["rows"] if row["sparsity"] == "1/2")
    found = exact(FIGURE, (ONE, HALF, HALF), MILLE)
    assert found.factors == (row["joint_q0"], row["joint_q1"], 1) == (32, 22, 1)
    assert abs(1 - found.success_lower - Fraction(row["joint_failure"])) < Fraction(1, 10**9)


# --- one layer, and the columns of the table -----------------------------------------------------------------------

COLUMNS = [
    (row, kind, links, delta)
    for row in STORED["figure2"]["rows"]
    for kind, links, delta in (
        ("half_q1", 1280, MILLE / 2),
        ("full_q1", 1280, MILLE),
        ("half_q0", 784 * 128 * row["half_q1"], MILLE / 2),
    )
]


@pytest.mark.parametrize(
    ("row", "kind", "links", "delta"), COLUMNS, ids=lambda value: value if type(value) is str else ""
)
def test_exact_columns_of_the_figure(row, kind, links, delta):
    # A target of one output is one layer, which then has all of delta: the columns "half" and "full".
    density = 1 - Fraction(row["sparsity"])
    assert exact(Target.from_widths((links, 1)), (ONE, density), delta).factors == (row[kind], 1)


@pytest.mark.parametrize("row", STORED["figure2"]["rows"], ids=lambda row: row["sparsity"])
def test_exact_columns_of_the_figure_before_rounding(row):
    sparsity = float(Fraction(row["sparsity"]))
    half, full = (exact_factor(1280, failure_probability=delta, sparsity=sparsity) for delta in (0.0005, 0.001))
    assert half == pytest.approx(float(row["half_q1_real"]), rel=1e-12)
    assert full == pytest.approx(float(row["full_q1_real"]), rel=1e-12)
    assert full < half < float(row["printed_q1_real"])


# --- ties ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 29, 64, 199])
def test_one_link_needs_exactly_k_copies(k):
    delta = Fraction(1, 2**k)
    assert exact(Target.from_text("1-1"), (ONE, HALF), delta).factors == (k, 1)
    certain = exact(Target.from_text("1-1-1"), (ONE, ONE, HALF), delta)
    assert certain.factors == (1, k, 1)
    assert certain.success_lower <= 1 - delta
    # A masked layer 0 whose edges upwards are certain: neuron k is dead with probability 1/2.
    for layer0 in ("preassigned", "matched"):
        found = exact(Target.from_text("1-1-1"), (HALF, ONE, ONE), delta, layer0=layer0)
        assert found.widths == (k, 1, 1)


@pytest.mark.parametrize(("links", "q"), [(7, 3), (100, 3), (1000, 3), (3500, 4)])
def test_many_links_in_a_tie(links, q):
    # All of them need an edge, with probability (1 - 2^-q)^links: exactly 1 - delta.
    delta = 1 - (1 - HALF**q) ** links
    assert exact(Target.from_widths((links, 1)), (ONE, HALF), delta).factors == (q, 1)


def test_ties_of_two_layers():
    # 3/4 7/8 = 21/32, one link in each layer; neither factor has a copy to spare.
    law = Law(Target.from_text("1-1-1"), (ONE, HALF, HALF), "dense")
    delta = 1 - ref.block_law((1, 1), (4, 2), (HALF, HALF))
    decision = law_holds(law, delta, (4, 2, 1), 4)
    assert decision.holds
    assert decision.bits == 0
    assert not law_holds(law, delta - Fraction(1, 10**300), (4, 2, 1), 4).holds
    assert law_holds(law, delta + Fraction(1, 10**300), (4, 2, 1), 4).holds


@settings(max_examples=60)
@given(st.integers(1, 63), st.integers(20, 60), st.integers(2, 40), st.data())
@example(1, 48, 7, None)
def test_next_to_a_tie_the_width_still_suffices(mantissa, exponent, copies, data):
    # 1 - (1 - p)^k = k p - k (k - 1) / 2 p^2 + ..., and 1 - delta = k p - c p^2: the rounding of logarithms decides.
    p = Fraction(mantissa, 2**exponent)
    second = 1 if data is None else data.draw(st.integers(1, copies * (copies - 1) // 2 + 1))
    delta = 1 - copies * p + second * p**2
    found = exact(Target.from_text("1-1"), (ONE, p), delta).factors[0]
    assert (1 - p) ** found <= delta < (1 - p) ** (found - 1)


def test_extremes():
    wide = Target.from_text("1000000000000-1")
    tiny = Fraction(1, 10**12)
    assert exact(wide, (ONE, tiny), Fraction(1, 10**300)).factors == (718406549013784, 1)
    assert exact(wide, (ONE, tiny), HALF).factors == (27997534036497, 1)
    assert printed(wide, (ONE, tiny), HALF).factors == (28324168296475, 1)
    assert exact(wide, (ONE, 1 - Fraction(1, 10**300)), Fraction(1, 10**300)).factors == (2, 1)
    assert exact(wide, (ONE, ONE), tiny).factors == (1, 1)
    assert exact(Target.from_text("1280-1"), (ONE, Fraction(1, 100)), MILLE / 2).factors == (1469, 1)


# --- deciding the law ----------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(small_targets, st.data(), deltas)
def test_the_law_is_decided_as_fractions_do(widths, data, delta):
    target = Target.from_widths(widths)
    chances = (ONE, *data.draw(st.tuples(*[plain_densities] * target.depth)))
    factors = (*data.draw(st.tuples(*[st.integers(1, 25)] * target.depth)), 1)
    decision = law_holds(Law(target, chances, "dense"), delta, factors, factors[0] * target.inputs)
    assert decision.holds == (ref.block_law(target.nonzeros, factors[:-1], chances[1:]) >= 1 - delta)


@pytest.mark.parametrize("layer0", LAYER0)
def test_what_an_answer_says(layer0):
    found = exact(FIGURE, (ONE, HALF, HALF), MILLE, layer0=layer0)
    assert (found.method, found.layer0, found.kind) == ("exact", layer0, "sufficient")
    assert found.variant == ("repaired" if layer0 == "matched" else "exact")
    assert found.applies
    assert found.factors == (32, 22, 1)  # p_0 = 1: however layer 0 is read
    assert found.statement == "Theorem 2.1"
    assert found.real_factors is None


def test_masked_layer_0_does_not_apply_when_read_as_dense():
    found = exact(FIGURE, (HALF,) * 3, MILLE)
    assert not found.applies
    assert found.success_lower is None
    assert "layer 0" in found.reason
