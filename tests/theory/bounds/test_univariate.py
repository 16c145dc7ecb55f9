"""Theorem 2.3: against reference values, enumeration, and a law written out in fractions."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ertheory import Target
from ertheory.bounds import (
    coverage_ceiling,
    essential_inputs,
    path_failure,
    printed,
    printed_univariate,
    univariate_width,
)
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import enclose
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import HALF, ends, plain_densities

STORED = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))["theorem_2_3"]
LAST_DIGIT = Fraction(1, 10**24)
few_deltas = st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)
coarse_densities = st.fractions(Fraction(1, 4), Fraction(1), max_denominator=6)


def path_law(inputs: int, neurons: int, into: Fraction, out: Fraction) -> Fraction:
    """P_A by inclusion and exclusion over the inputs without a path, another sum than the one in the code."""
    return sum(
        (-1) ** lost * math.comb(inputs, lost) * (1 - out * (1 - (1 - into) ** lost)) ** neurons
        for lost in range(inputs + 1)
    )


def of(row, output="relu"):
    densities = Fraction(row["p1"]), Fraction(row["p2"])
    return univariate_width(row["d"], densities, Fraction(row["delta"]), output=output)


def name(row):
    return "-".join(str(row[key]) for key in ("d", "p1", "p2", "delta") if key in row)


@pytest.mark.parametrize("row", STORED["rows"], ids=name)
def test_reference_widths(row):
    width = of(row)
    assert width.printed == row["printed"]
    assert width.exact == row["relu_output"]
    assert width.sufficient == row["relu_output_closed"]
    assert width.necessary == row["relu_output_bounds"]
    assert float(width.printed_value) == pytest.approx(float(row["printed_real"]), rel=1e-15)
    at, before = Fraction(row["relu_output_at"]), Fraction(row["relu_output_before"])
    assert before < 1 - width.failure_probability <= width.success_lower <= at + LAST_DIGIT
    assert (at - width.success_lower) < (1 - at) * Fraction(1, 10**5)


@pytest.mark.parametrize("row", STORED["rows"], ids=name)
def test_reference_widths_for_a_linear_output(row):
    width = of(row, "linear")
    assert width.exact == width.necessary == width.sufficient == int(row["linear_output"])
    assert width.printed == row["printed"] <= width.exact
    assert width.success_lower >= 1 - width.failure_probability


@pytest.mark.parametrize("row", STORED["rows"], ids=name)
def test_the_block_construction_is_far_wider(row):
    target = Target.from_widths([row["d"], 1])
    answer = printed(target, (Fraction(1), Fraction(row["p1"])), Fraction(row["delta"]))
    assert answer.widths[0] == row["theorem22_width"]


@pytest.mark.parametrize("row", STORED["laws"], ids=name)
def test_reference_laws(row):
    into, out = Fraction(row["p1"]), Fraction(row["p2"])
    low, high = enclose(lambda: path_failure(row["d"], row["n"], into, out), digits=26)
    assert low - LAST_DIGIT <= 1 - Fraction(row["relu_output"]) <= high + LAST_DIGIT
    target = Target.from_widths([row["d"], 1])
    low, high = enclose(lambda: coverage_ceiling(target, into, row["n"]), digits=26)
    assert low - LAST_DIGIT <= Fraction(row["first_layer_only"]) <= high + LAST_DIGIT
    assert Fraction(row["product_lower"]) <= Fraction(row["relu_output"]) <= Fraction(row["first_layer_only"])
    # At delta = 1 - P_B(n) the linear width is n; a little below it is n + 1.
    exact = (1 - out * into ** row["d"]) ** row["n"]
    assert abs(1 - exact - Fraction(row["linear_output"])) <= LAST_DIGIT
    assert univariate_width(row["d"], (into, out), exact, output="linear").exact == row["n"]
    less = exact * (1 - LAST_DIGIT)
    assert univariate_width(row["d"], (into, out), less, output="linear").exact == row["n"] + 1


# --- the laws against enumeration ----------------------------------------------------------------------------------

TINY = [(1, 1), (1, 4), (2, 1), (2, 3), (2, 5), (3, 3), (4, 3), (5, 2)]
PAIRS = [(HALF, HALF), (Fraction(1, 5), Fraction(9, 10)), (Fraction(9, 10), Fraction(1, 3)), (Fraction(1), HALF)]


@pytest.mark.parametrize("densities", [*PAIRS, (HALF, Fraction(1)), (Fraction(1), Fraction(1))], ids=str)
@pytest.mark.parametrize(("inputs", "neurons"), TINY)
def test_path_failure_contains_the_enumerated_probability(inputs, neurons, densities):
    truth = oracles.path_probability(inputs, [neurons], densities)
    assert truth == path_law(inputs, neurons, *densities)
    for precision in (64, 200):
        low, high = ends(lambda: path_failure(inputs, neurons, *densities), precision)
        assert low <= 1 - truth <= high
        assert high - low <= Fraction(1, 2 ** (precision // 2 - 16))
    target = Target.from_widths([inputs, 1])
    low, high = ends(lambda: coverage_ceiling(target, densities[0], neurons))
    assert low <= (1 - (1 - densities[0]) ** neurons) ** inputs <= high
    assert high >= truth


@pytest.mark.parametrize("densities", PAIRS, ids=str)
@pytest.mark.parametrize(("inputs", "neurons"), TINY)
def test_the_linear_width_meets_the_enumerated_probability(inputs, neurons, densities):
    failure = 1 - oracles.covering_probability(inputs, neurons, *densities)
    width = univariate_width(inputs, densities, failure, output="linear")
    assert width.exact == neurons  # with equality
    assert width.success_lower == 1 - failure
    assert univariate_width(inputs, densities, failure * Fraction(999, 1000), output="linear").exact > neurons


@pytest.mark.parametrize(("inputs", "neurons"), [(1, 4), (2, 3), (3, 3), (4, 3), (5, 2)])
def test_the_relu_width_meets_the_enumerated_probability(inputs, neurons):
    into, out = Fraction(1, 5), Fraction(9, 10)
    failure = 1 - oracles.path_probability(inputs, [neurons], (into, out))
    assert univariate_width(inputs, (into, out), failure).exact == neurons  # with equality
    assert univariate_width(inputs, (into, out), failure * Fraction(999, 1000)).exact == neurons + 1


# --- the widths against fractions ----------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(1, 6), coarse_densities, coarse_densities, few_deltas)
def test_the_width_suffices_and_one_less_does_not(inputs, into, out, delta):
    width = univariate_width(inputs, (into, out), delta)
    assert path_law(inputs, width.exact, into, out) >= 1 - delta
    assert width.exact == 1 or path_law(inputs, width.exact - 1, into, out) < 1 - delta
    assert 1 - delta <= width.success_lower <= path_law(inputs, width.exact, into, out)


@settings(max_examples=60)
@given(st.integers(1, 6), coarse_densities, coarse_densities, few_deltas)
def test_closed_forms_are_the_smallest_of_their_kind(inputs, into, out, delta):
    width = univariate_width(inputs, (into, out), delta)

    def union(neurons):
        return inputs * (1 - into * out) ** neurons <= delta

    assert union(width.sufficient)
    assert width.sufficient == 1 or not union(width.sufficient - 1)

    def covered(neurons):
        return (1 - (1 - into) ** neurons) ** inputs >= 1 - delta

    assert covered(width.printed)
    assert width.printed == 1 or not covered(width.printed - 1)
    assert 1 <= width.printed <= width.necessary <= width.exact <= width.sufficient


@settings(max_examples=60)
@given(st.integers(1, 3), coarse_densities, coarse_densities, few_deltas)
def test_the_linear_width_suffices_and_one_less_does_not(inputs, into, out, delta):
    width = univariate_width(inputs, (into, out), delta, output="linear")
    assume(width.exact < 2_000)
    miss = 1 - out * into**inputs
    assert miss**width.exact <= delta
    assert width.exact == 1 or miss ** (width.exact - 1) > delta
    assert width.exact >= univariate_width(inputs, (into, out), delta).exact  # it asks for more


@settings(max_examples=30)
@given(st.integers(1, 20), plain_densities, plain_densities, few_deltas)
def test_necessary_exact_sufficient(inputs, into, out, delta):
    width = univariate_width(inputs, (into, out), delta)
    assert width.printed <= width.necessary <= width.exact <= width.sufficient
    more = univariate_width(inputs + 1, (into, out), delta)
    assert more.exact >= width.exact


# --- edges ---------------------------------------------------------------------------------------------------------


def test_nothing_is_missing_without_a_mask():
    one = Fraction(1)
    for output in ("relu", "linear"):
        width = univariate_width(7, (one, one), HALF, output=output)
        assert (width.printed_value, width.printed, width.exact, width.necessary, width.sufficient) == (0, 1, 1, 1, 1)
        assert width.success_lower == 1


@pytest.mark.parametrize("inputs", [1, 2, 3, 9])
def test_a_dense_output_makes_the_printed_bound_exact(inputs):
    width = univariate_width(inputs, (Fraction(3, 10), Fraction(1)), Fraction(1, 1000))
    assert width.printed == width.necessary == width.exact


@pytest.mark.parametrize("inputs", [1, 2, 9])
@pytest.mark.parametrize("output", ["relu", "linear"])
def test_dense_inputs_need_one_neuron_that_reaches_the_output(inputs, output):
    width = univariate_width(inputs, (Fraction(1), HALF), Fraction(1, 2**29), output=output)
    assert (width.printed, width.necessary, width.exact) == (1, 29, 29)


@pytest.mark.parametrize("power", [1, 29, 30, 31, 58, 199, 1000])
def test_a_tie_is_no_reason_for_one_neuron_more(power):
    delta = Fraction(1, 2**power)
    assert printed_univariate(1, HALF, delta)[1] == power
    assert univariate_width(1, (HALF, Fraction(1)), delta).exact == power
    assert univariate_width(2, (HALF, Fraction(1)), 1 - (1 - delta) ** 2).printed == power


def test_one_input_is_the_same_for_both_outputs():
    densities = Fraction(1, 7), Fraction(2, 5)
    relu, linear = (univariate_width(1, densities, Fraction(1, 100), output=output) for output in ("relu", "linear"))
    assert relu.exact == linear.exact == relu.sufficient == relu.necessary


def test_extremes_have_closed_forms_only():
    tiny = Fraction(1, 10**12)
    width = univariate_width(784, (tiny, tiny), Fraction(1, 10**300))
    assert width.exact is None
    assert width.printed <= width.necessary <= width.sufficient <= width.necessary + 1
    assert width.success_lower == 1 - Fraction(1, 10**300)
    closed = (math.log(784) + 300 * math.log(10)) * 1e24
    assert width.sufficient == pytest.approx(closed, rel=1e-12)
    assert width.to_dict()["exact"]["width"] is None
    linear = univariate_width(2, (tiny, tiny), Fraction(1, 10**300), output="linear")
    assert linear.exact == pytest.approx(300 * math.log(10) * 1e36, rel=1e-12)


def test_almost_dense_layers():
    almost = 1 - Fraction(1, 10**300)
    assert univariate_width(5, (almost, almost), Fraction(1, 1000)).exact == 1
    assert univariate_width(5, (almost, almost), Fraction(1, 10**301)).exact == 2


def test_only_inputs_that_are_read_count():
    target = Target.from_arrays([[[1.0, 0.0, 0.0], [2.0, 0.0, 3.0]], [[1.0, 1.0]]])
    assert essential_inputs(target) == 2
    low, high = ends(lambda: coverage_ceiling(target, HALF, 3))
    assert low <= Fraction(7, 8) ** 2 <= high
    assert high - low < Fraction(1, 10**15)
    assert essential_inputs(Target.from_text("784-128-10")) == 784


@pytest.mark.parametrize("inputs", [0, -1, True, 1.5, "3", None])
def test_inputs_are_counted(inputs):
    with pytest.raises(InvalidInput, match=r"^inputs: expected a whole number of at least 1, got"):
        univariate_width(inputs, (HALF, HALF), HALF)


def test_outputs_are_known():
    with pytest.raises(InvalidInput, match=r"^output: expected relu or linear, got 'tanh'$"):
        univariate_width(1, (HALF, HALF), HALF, output="tanh")


def test_everything_is_told():
    width = univariate_width(10, (Fraction(1, 10), HALF), Fraction(1, 20))
    told = json.loads(json.dumps(width.to_dict(), allow_nan=False))
    assert told["densities"] == ["0.1", "0.5"]
    assert (told["printed"]["width"], told["printed"]["kind"]) == (51, "necessary")
    assert told["exact"]["width"] == 103
    assert (told["necessary"]["width"], told["sufficient"]["width"]) == (103, 104)
    assert "ReLU at the output" in told["conditions"]
    assert "changes sign" in univariate_width(1, (HALF, HALF), HALF, output="linear").conditions


@pytest.mark.parametrize(
    ("inputs", "into", "out", "delta"),
    [
        (10**6, 1 - Fraction(1, 10**6), 1 - Fraction(1, 10**6), HALF),
        (10**6, 1 - Fraction(1, 10**6), Fraction(1, 1000), Fraction(1, 10**6)),
        (10**5, 1 - Fraction(1, 10**4), HALF, Fraction(1, 10**300)),
    ],
)
def test_a_power_too_long_to_write_down_gives_the_width_all_the_same(inputs, into, out, delta):
    width = univariate_width(inputs, (into, out), delta, output="linear")
    mp = mpmath.mp.clone()
    mp.dps = 400
    unfit = mp.log1p(-mp.mpf(out.numerator) / out.denominator * (mp.mpf(into.numerator) / into.denominator) ** inputs)
    goal = mp.log(mp.mpf(delta.numerator) / delta.denominator)
    assert width.exact * unfit <= goal < (width.exact - 1) * unfit
    assert width.necessary == width.sufficient == width.exact
    assert width.success_lower >= 1 - delta


def test_a_million_inputs_may_need_two_neurons_of_a_linear_output():
    near = 1 - Fraction(1, 10**6)
    assert univariate_width(10**6, (near, near), HALF, output="linear").exact == 2
    assert univariate_width(10**6, (Fraction(1), HALF), Fraction(1, 4), output="linear").exact == 2
    with pytest.raises(InfeasibleWidth, match="written down"):
        univariate_width(10**6, (HALF, HALF), HALF, output="linear")
