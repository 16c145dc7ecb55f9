"""Dropped copies: the law against enumeration, the widths against the law, and both against what they improve on."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ertheory import Target, width
from ertheory.bounds import exact, printed, widths
from ertheory.bounds.drop.kept import drop_success
from ertheory.bounds.drop.law import exact_drop, log_drop, read_neurons, unmet
from ertheory.bounds.drop.thresholds import best_thresholds
from ertheory.bounds.drop.widths import drop
from ertheory.errors import TheoremNotApplicable
from ertheory.numbers import Ball, ball, enclose, hull
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import (
    EXTREME_DELTAS,
    EXTREME_DENSITIES,
    HALF,
    conv_patterns,
    ends,
    entries,
    patterns,
    plain_densities,
)
from tests.theory.bounds.test_laws import target_of

ONE, MILLE = Fraction(1), Fraction(1, 1000)
MNIST = Target.from_text("784-128-10")
common_deltas = st.fractions(Fraction(1, 200), Fraction(9, 10), max_denominator=200)


def law(target, densities, factors) -> Fraction:
    """The law of one hidden layer in fractions, neuron by neuron and copy by copy."""
    k = target.layers[0].row_nonzeros or [target.inputs] * target.widths[1]
    c = target.layers[1].column_nonzeros or [target.widths[2]] * target.widths[1]
    into, out = densities[1:]
    result = ONE
    for fan_in, fan_out in zip(k, c, strict=True):
        good = (1 - (1 - into) ** factors[0]) ** fan_in
        result *= sum(
            math.comb(factors[1], alive)
            * good**alive
            * (1 - good) ** (factors[1] - alive)
            * (1 - (1 - out) ** alive) ** fan_out
            for alive in range(factors[1] + 1)
        )
    return result


def success(target, densities, factors):
    return ends(lambda: drop_success(target, densities, factors), 128)


def kept(target, densities, factors, threshold):
    return log_drop(target, densities, factors, (threshold,)).exp()


def masked(target, density, layer0):
    return (ONE if layer0 == "dense" else density, *(density,) * target.depth)


# --- the law -------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(patterns() | conv_patterns(), st.tuples(*[st.integers(1, 3)] * 2), st.tuples(*[plain_densities] * 2))
@example([[[1, 0], [1, 1]], [[0, 0]]], (2, 2), (HALF, HALF))
@example([[[0, 0], [1, 1]], [[1, 1]]], (2, 2), (HALF, Fraction(1, 3)))
@example([[[1], [1]], [[1, 1], [1, 0]]], (1, 3), (HALF, Fraction(1, 3)))
def test_the_law_is_what_enumeration_gives(layers, factors, upper):
    assume(entries(layers, factors) <= 16)
    target, copies = target_of(layers), (*factors, 1)
    truth = oracles.drop_probability(layers, factors, upper)
    assert exact_drop(target, (ONE, *upper), copies) == truth
    low, high = success(target, (ONE, *upper), copies)
    assert low <= truth <= high
    assert high - low < Fraction(1, 10**9)


@settings(max_examples=25)
@given(patterns(depth=3), st.tuples(*[st.integers(1, 2)] * 3), st.tuples(*[plain_densities] * 3))
@example([[[1]], [[1]], [[1]]], (2, 3, 3), (HALF, HALF, HALF))
def test_the_bound_of_deep_targets_is_below_enumeration(layers, factors, upper):
    assume(entries(layers, factors) <= 16)
    target, densities, copies = target_of(layers), (ONE, *upper), (*factors, 1)
    truth = oracles.drop_probability(layers, factors, upper)
    low, _ = success(target, densities, copies)
    assert low <= truth
    assert low >= oracles.block_probability(layers, factors, upper) - Fraction(1, 10**9)
    for threshold in range(1, factors[1] + 1):
        bound = exact_drop(target, densities, copies, (threshold,))
        assert bound <= truth
        found, _ = ends(partial(kept, target, densities, copies, threshold), 128)
        assert found <= bound


def test_the_bound_of_deep_targets_is_worth_something():
    target, densities, copies = Target.from_text("1-1-1-1"), (ONE, *(HALF,) * 3), (2, 3, 3, 1)
    low, _ = success(target, densities, copies)
    truth = oracles.drop_probability([[[1]]] * 3, copies[:-1], densities[1:])
    block = oracles.block_probability([[[1]]] * 3, copies[:-1], densities[1:])
    assert block + Fraction(3, 10) < low < truth < low + Fraction(3, 25)


@pytest.mark.parametrize(
    ("text", "copies", "into", "out", "known", "harris"),
    [
        ("4-8-3", (5, 9, 1), "0.5", "0.5", 0.8791, 0.8785),
        ("10-5-4", (10, 14, 1), "0.4", "0.4", 0.9735, 0.9735),
        ("3-4-2", (2, 6, 1), "0.7", "0.6", 0.8089, 0.8031),
    ],
)
def test_known_values(text, copies, into, out, known, harris):
    target, densities = Target.from_text(text), (ONE, Fraction(into), Fraction(out))
    low, high = success(target, densities, copies)
    assert float(low) == pytest.approx(known, abs=5e-5)
    good = (1 - (1 - float(into)) ** copies[0]) ** target.inputs
    jensen = (1 - (1 - float(out) * good) ** copies[1]) ** (target.widths[1] * target.widths[2])
    assert jensen == pytest.approx(harris, abs=5e-5)
    assert jensen <= high


@pytest.mark.parametrize("copies", [4, 11, 40])
@pytest.mark.parametrize("fan_out", [1, 3, 30, 1000])
def test_the_alternating_sum_and_the_sum_over_copies_agree(copies, fan_out):
    # Of 1000 readers at density 0.9 the alternating terms explode, and copies must be counted one by one.
    bad, out = Fraction(1, 5), Fraction(9, 10)
    truth = sum(
        math.comb(copies, alive)
        * (1 - bad) ** alive
        * bad ** (copies - alive)
        * (1 - (1 - (1 - out) ** alive) ** fan_out)
        for alive in range(copies + 1)
    )
    low, high = ends(lambda: unmet(copies, Ball(4) / 5, Ball(1) / 5, out, fan_out), 256)
    assert low <= truth <= high
    assert high - low < truth / 10**9


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 12), plain_densities, plain_densities)
def test_enclosures_close_in_on_the_law(copies, fan_out, good, out):
    truth = 1 - sum(
        math.comb(copies, alive) * good**alive * (1 - good) ** (copies - alive) * (1 - (1 - out) ** alive) ** fan_out
        for alive in range(copies + 1)
    )
    for precision in (64, 256):
        low, high = ends(lambda: unmet(copies, ball(good), ball(1 - good), out, fan_out), precision)
        assert low <= truth <= high
        assert high - low <= truth / 2 ** (precision // 3)


@pytest.mark.parametrize("fan_out", [2, 1000])
def test_a_chance_that_is_known_roughly_gives_a_rough_answer(fan_out):
    copies, out = 6, Fraction(9, 10)
    least, most = (ends(partial(unmet, copies, Ball(5 - bad) / 5, Ball(bad) / 5, out, fan_out)) for bad in (1, 2))
    low, high = ends(lambda: unmet(copies, hull(3, 4) / 5, hull(1, 2) / 5, out, fan_out))
    assert low <= least[0]
    assert most[1] <= high


def test_neurons_are_counted_by_what_they_read_and_by_what_reads_them():
    target = Target.from_arrays([[[1, 1, 0], [1, 1, 1], [0, 0, 1], [1, 0, 0]], [[1, 1, 0, 1], [1, 1, 0, 0]]])
    assert read_neurons(target, 1) == ((1, 1, 1), (2, 2, 1), (3, 2, 1))  # the third one is not read
    assert read_neurons(MNIST, 1) == ((784, 10, 128),)


def test_thresholds_are_well_chosen():
    target, densities, copies = Target.from_text("3-4-4-2"), (ONE, *(HALF,) * 3), (5, 12, 12, 1)
    chosen = best_thresholds(target, densities, copies)
    values = {threshold: ends(partial(kept, target, densities, copies, threshold))[0] for threshold in range(1, 13)}
    assert values[chosen[0]] == max(values.values())


# --- the widths ----------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    patterns(largest=2) | st.lists(st.integers(1, 3), min_size=3, max_size=3),
    st.tuples(*[st.sampled_from([Fraction(1, 4), Fraction(1, 3), HALF, Fraction(3, 4)])] * 2),
    common_deltas,
)
@example([[[1, 1], [0, 1]], [[0, 0]]], (HALF, HALF), HALF)
@example([[[0, 0]], [[1]]], (HALF, HALF), HALF)
@example([1, 1, 1], (HALF, ONE), Fraction(1, 8))  # 1 - 1/8 is met with equality
@example([1, 1, 1], (ONE, HALF), Fraction(1, 8))
@example([2, 2, 2], (ONE, ONE), HALF)
def test_the_total_is_the_smallest_that_the_law_allows(layers, upper, delta):
    target = target_of(layers) if isinstance(layers[0], list) else Target.from_widths(layers)
    densities = (ONE, *upper)
    found = drop(target, densities, delta)
    assert law(target, densities, found.factors) >= 1 - delta
    d, hidden = target.widths[:2]
    if found.factors[1] > 1:
        assert law(target, densities, (found.factors[0], found.factors[1] - 1, 1)) < 1 - delta
    for first in range(1, min(found.total // d, 60) + 1):
        second = (found.total - 1 - d * first) // hidden
        if second >= 1:
            assert law(target, densities, (first, second, 1)) < 1 - delta
    assert found.widths == (d * found.factors[0], hidden * found.factors[1], target.widths[2])
    assert found.success_lower >= 1 - delta
    assert found.success_lower <= law(target, densities, found.factors)
    assert found.certified.endswith("bits") or found.certified == "exact integers"


def test_equality_is_enough():
    chain = Target.from_text("1-1-1")
    assert drop(chain, (ONE, ONE, HALF), Fraction(1, 8)).factors == (1, 3, 1)
    assert drop(chain, (ONE, ONE, HALF), Fraction(1, 9)).factors == (1, 4, 1)
    assert drop(chain, (ONE, HALF, ONE), Fraction(1, 8)).total == 4


@pytest.mark.parametrize(
    ("density", "ratio"), [("0.9", 2.10), ("0.5", 2.23), ("0.1", 2.41), ("0.01", 2.63)], ids=lambda value: str(value)
)
def test_how_much_narrower_figure_2_gets(density, ratio):
    densities = masked(MNIST, Fraction(density), "dense")
    found = drop(MNIST, densities, MILLE)
    assert printed(MNIST, densities, MILLE).total / found.total == pytest.approx(ratio, abs=0.005)
    assert (found.method, found.kind, found.variant, found.layer0) == ("drop", "sufficient", "exact", "dense")
    assert found.statement == "dropped copies (ours), Theorem 2.1's blocks"
    if density == "0.1":
        assert found.factors == (74, 187, 1)
    for fewer in ((found.factors[0], found.factors[1] - 1, 1), (found.factors[0] - 1, found.factors[1], 1)):
        assert enclose(lambda fewer=fewer: drop_success(MNIST, densities, fewer))[1] < 1 - MILLE


@pytest.mark.parametrize(
    ("text", "density", "delta", "total"),
    [
        ("10-20-20-5", "0.2", "0.01", 2000),
        ("784-300-100-10", "0.3", "0.001", 36_600),
        ("784-300-100-10", "0.05", "0.001", 229_440),
        ("64-64-64-64-64-10", "0.2", "0.01", 14_592),
    ],
)
def test_deep_designs_are_no_wider_than_known_ones(text, density, delta, total):
    target = Target.from_text(text)
    found = drop(target, masked(target, Fraction(density), "dense"), Fraction(delta))
    assert 0.9 * total < found.total <= total
    assert found.variant == "repaired"
    assert "good copies of every neuron, counted on: t_1 = " in found.reason
    assert found.success_lower >= 1 - Fraction(delta)


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    plain_densities,
    common_deltas | st.sampled_from([MILLE, Fraction(1, 10**9)]),
    st.sampled_from(["dense", "matched"]),
)
def test_never_wider_than_exact_and_as_certain(sizes, density, delta, layer0):
    target = Target.from_widths(sizes)
    densities = masked(target, density, layer0)
    found, whole = (method(target, densities, delta, layer0=layer0) for method in (drop, exact))
    assert found.applies
    assert found.total <= whole.total
    assert found.success_lower >= 1 - delta
    assert found.layer0 == layer0
    if target.depth == 1:
        assert found.widths == whole.widths


@settings(max_examples=15)
@given(st.lists(st.integers(1, 5), min_size=3, max_size=3), plain_densities, plain_densities, common_deltas)
def test_wider_where_more_is_asked(sizes, density, other, delta):
    target, (low, high) = Target.from_widths(sizes), sorted([density, other])
    sparse, dense = (drop(target, masked(target, p, "dense"), delta).total for p in (low, high))
    assert dense <= sparse
    assert drop(target, masked(target, density, "dense"), delta / 3).total >= (sparse if density == low else dense)


@settings(max_examples=15)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)),
    st.sampled_from([Fraction(1, 4), HALF, Fraction(3, 4)]),
    common_deltas,
)
@example((4, 8, 3), HALF, Fraction(1, 20))
def test_matched_layer_0(sizes, density, delta):
    target, d = Target.from_widths(sizes), sizes[0]
    densities = (density,) * 3
    found = drop(target, densities, delta, layer0="matched")
    assert found.variant == "repaired"
    q0, q1, _ = found.factors

    def holds(first, second, neurons):
        share = 0 if neurons < first * d else 1 - ref.hall_sum(d, first, density, neurons)
        return share * law(target, densities, (first, second, 1)) >= 1 - delta

    assert holds(q0, q1, found.widths[0])
    assert not holds(q0, q1, found.widths[0] - 1)
    assert q1 == 1 or not holds(q0, q1 - 1, found.widths[0])
    assert q0 == 1 or not holds(q0 - 1, q1, found.widths[0])


def test_matching_costs_nothing_for_many_inputs():
    tenth = Fraction(1, 10)
    free, dense = (drop(MNIST, masked(MNIST, tenth, how), MILLE, layer0=how) for how in ("matched", "dense"))
    assert free.widths == dense.widths


@pytest.mark.parametrize(("into", "out", "delta"), [*product(EXTREME_DENSITIES, EXTREME_DENSITIES, EXTREME_DELTAS)])
def test_extremes(into, out, delta):
    target = Target.from_text("3-4-2")
    found = drop(target, (ONE, into, out), delta)
    assert 1 <= found.total <= exact(target, (ONE, into, out), delta).total
    assert found.success_lower >= 1 - delta


@pytest.mark.parametrize("text", ["784-128-10", "1-1-1000000000000000", "10-1-1000", "1000000-1000-1000-10"])
@pytest.mark.parametrize("density", [Fraction(1, 10**12), Fraction(1, 10**6), Fraction(9, 10)], ids=str)
def test_large_targets(text, density):
    target = Target.from_text(text)
    found = drop(target, masked(target, density, "dense"), MILLE)
    assert found.total <= exact(target, masked(target, density, "dense"), MILLE).total
    if target.depth == 2 and density < HALF:
        assert enclose(lambda: drop_success(target, found.densities, found.factors))[0] >= 1 - MILLE


def test_densities_beyond_doubles():
    target, density = Target.from_text("3-4-2"), Fraction(1, 10**150)
    found = drop(target, masked(target, density, "dense"), HALF)
    assert found.widths == exact(target, masked(target, density, "dense"), HALF).widths
    assert found.method == "drop"


# --- what is refused -----------------------------------------------------------------------------------------------


def test_preassigned_neurons_are_shared():
    with pytest.raises(TheoremNotApplicable, match="share the dead ones"):
        drop(MNIST, (HALF,) * 3, MILLE, layer0="preassigned")
    with pytest.raises(TheoremNotApplicable, match=r"^drop: copies that share preassigned"):
        width(MNIST, method="drop", density=HALF, failure_probability=MILLE, layer0="preassigned")
    rows = widths(MNIST, density=HALF, failure_probability=MILLE, layer0="preassigned")
    (row,) = (row for row in rows if row.method == "drop")
    assert not row.applies
    assert row.reason.startswith("copies that share preassigned neurons")
    assert row.widths == (None, None, 10)
    assert row.statement.startswith("dropped copies")


def test_shared_dead_neurons_would_break_the_law():
    # Why: with one copy of the input, all copies of the hidden neuron live or die together.
    density = HALF
    together = oracles.preassigned_probability([[[1]], [[1]]], (1, 2), (density, ONE, density))
    apart = oracles.drop_probability([[[1]], [[1]]], (1, 2), (density, density))
    assert 1 - (1 - density) ** 2 == Fraction(3, 4)
    assert together <= density * Fraction(3, 4) < apart


def test_a_masked_layer_0_is_not_read_as_dense():
    found = drop(MNIST, (HALF,) * 3, MILLE)
    assert not found.applies
    assert "layer 0 is masked here" in found.reason
    assert found.success_lower is None


def test_trained_targets_with_many_kinds_of_neurons():
    rng = np.random.default_rng(0)
    layers = [rng.random((40, 60)) < 0.2, rng.random((5, 40)) < 0.5]
    target = Target.from_arrays([layer.astype(float) for layer in layers])
    densities = masked(target, Fraction(1, 10), "dense")
    found = drop(target, densities, MILLE)
    assert found.total < exact(target, densities, MILLE).total / 1.5
    fewer = (found.factors[0], found.factors[1] - 1, 1)
    assert enclose(lambda: drop_success(target, densities, fewer))[1] < 1 - MILLE
