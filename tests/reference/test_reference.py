"""The reference laws against enumeration of all masks, its integers against plain scans, and the file itself."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from tests import oracles
from tests.reference import make_widths as ref

HALF, THIRD, FIFTH = Fraction(1, 2), Fraction(1, 3), Fraction(1, 5)
STORED = json.loads((Path(__file__).parent / "widths.json").read_text(encoding="utf-8"))


def count(layers: list[list[list[int]]]) -> list[int]:
    return [int(np.count_nonzero(layer)) for layer in layers]


# --- laws against enumeration --------------------------------------------------------------------------------------

TARGETS = {
    "1-1-1": [[[1]], [[1]]],
    "2-2-1": [[[1, 1], [1, 1]], [[1, 1]]],
    "2-2-1 sparse": [[[1, 0], [1, 1]], [[1, 1]]],
    "2-2-1 dead column": [[[1, 1], [1, 0]], [[1, 0]]],
    "1-2-1, layer 2 without weights": [[[1], [1]], [[0, 0]]],
    "1-1-1-1": [[[1]], [[1]], [[1]]],
    "2-1 single layer": [[[1, 1]]],
    "filters of 3 taps": [[[[1, 0, 1]], [[0, 1, 0]]], [[[1], [1]]]],
}
BLOCKS = [
    *[("1-1-1", factors, (HALF, THIRD)) for factors in ([2, 1], [1, 2], [2, 2], [3, 4])],
    *[("2-2-1", factors, (FIFTH, HALF)) for factors in ([2, 1], [1, 2], [2, 2])],
    ("2-2-1 sparse", [2, 2], (HALF, THIRD)),
    ("2-2-1 sparse", [2, 1], (Fraction(9, 10), Fraction(1, 100))),
    ("2-2-1 dead column", [2, 2], (THIRD, HALF)),
    ("1-2-1, layer 2 without weights", [2, 2], (THIRD, HALF)),
    ("1-1-1-1", [2, 3, 2], (HALF, THIRD, FIFTH)),
    ("2-1 single layer", [5], (THIRD,)),
    ("filters of 3 taps", [2, 1], (HALF, THIRD)),
    ("filters of 3 taps", [1, 2], (Fraction(2, 3), HALF)),
]


@pytest.mark.parametrize(("target", "factors", "densities"), BLOCKS)
def test_block_law_is_the_enumerated_probability(target, factors, densities):
    layers = TARGETS[target]
    assert oracles.block_probability(layers, factors, densities) == ref.block_law(count(layers), factors, densities)


@pytest.mark.parametrize("sizes", [[[1, 3], [2, 1], [1]], [[2, 1], [1, 2], [1]], [[2, 2], [2, 2], [1]]])
def test_block_law_with_a_size_for_each_neuron(sizes):
    # Input 0 feeds both hidden neurons, input 1 only the second; both feed the output.
    layers, readers = TARGETS["2-2-1 sparse"], [[[0, 1], [1]], [[0], [0]]]
    law = ref.sized_block_law(readers, sizes, [HALF, THIRD])
    assert oracles.block_probability(layers, sizes[:-1], [HALF, THIRD]) == law


@pytest.mark.parametrize(
    ("target", "factors", "densities"),
    [
        ("1-1-1", [2, 2], (HALF, THIRD, FIFTH)),
        ("1-1-1", [4, 3], (THIRD, HALF, HALF)),
        ("2-2-1", [2, 1], (HALF, THIRD, FIFTH)),
        ("2-2-1 sparse", [2, 1], (FIFTH, HALF, THIRD)),
        ("2-1 single layer", [4], (THIRD, HALF)),
        ("1-1-1-1", [3, 2, 2], (HALF, THIRD, HALF, FIFTH)),
    ],
)
def test_preassigned_law_is_the_enumerated_probability(target, factors, densities):
    layers = TARGETS[target]
    fan_out = np.count_nonzero(layers[0], axis=0).tolist()
    law = ref.preassigned_law(fan_out, count(layers)[1:], factors, densities)
    assert oracles.preassigned_probability(layers, factors, densities) == law


@pytest.mark.parametrize("demands", [[1, 1], [2, 1], [2, 2], [0, 3], [1, 1, 1]])
def test_supply_by_enumeration_agrees_with_maximum_flow(demands):
    neurons, density, inputs = 3 if len(demands) == 3 else 4, THIRD, len(demands)
    capacity = np.zeros((inputs + neurons + 2,) * 2, dtype=np.int32)  # inputs, neurons, source, sink
    capacity[-2, :inputs] = demands
    capacity[inputs:-2, -1] = 1
    expected = Fraction(0)
    for mask in np.ndindex(*(2,) * (inputs * neurons)):
        capacity[:inputs, inputs:-2] = np.reshape(mask, (inputs, neurons))
        graph = csr_array(capacity)
        if maximum_flow(graph, inputs + neurons, inputs + neurons + 1).flow_value == sum(demands):
            expected += density ** sum(mask) * (1 - density) ** (len(mask) - sum(mask))
    assert oracles.b_matching_probability(demands, neurons, density) == expected


@pytest.mark.parametrize("p0", [HALF, FIFTH, Fraction(9, 10)])
@pytest.mark.parametrize(
    ("d", "q0", "n0"), [(1, 3, 5), (2, 1, 2), (2, 2, 4), (2, 3, 9), (3, 1, 4), (3, 2, 7), (4, 1, 5)]
)
def test_hall_sum_and_its_lower_bound_enclose_the_failure(d, q0, n0, p0):
    failure = 1 - oracles.b_matching_probability([q0] * d, n0, p0)
    assert ref.hall_lower(d, q0, p0, n0) <= failure <= ref.hall_sum(d, q0, p0, n0)
    if d == 1:
        assert failure == ref.hall_sum(d, q0, p0, n0)


@pytest.mark.parametrize(("d", "n"), [(1, 1), (1, 6), (2, 3), (2, 5), (3, 3), (3, 5), (2, 4), (4, 4), (9, 2)])
@pytest.mark.parametrize(
    ("p1", "p2"), [(HALF, HALF), (THIRD, Fraction(9, 10)), (Fraction(1), THIRD), (FIFTH, Fraction(1))]
)
def test_laws_and_bounds_of_theorem_2_3(d, n, p1, p2):
    paths = oracles.path_probability(d, [n], [p1, p2])
    assert paths == ref.path_law(d, n, p1, p2) == ref.path_law_by_sum(d, n, p1, p2)
    assert (1 - (1 - p1 * p2) ** n) ** d <= paths <= min(ref.path_upper_bounds(d, n, p1, p2))
    assert oracles.covering_probability(d, n, p1, p2) == ref.covering_law(d, n, p1, p2)


@pytest.mark.parametrize(("d", "n0", "n1"), [(1, 1, 1), (1, 3, 4), (2, 2, 3), (2, 3, 3), (3, 3, 2)])
def test_two_hidden_path_law_is_the_enumerated_probability(d, n0, n1):
    densities = (HALF, THIRD, Fraction(3, 4))
    assert oracles.path_probability(d, [n0, n1], densities) == ref.two_hidden_path_law(d, n0, n1, *densities)


@pytest.mark.parametrize(("neighbours", "n", "outputs"), [(0, 3, 2), (1, 4, 3), (3, 5, 4), (4, 4, 2), (5, 4, 1)])
def test_degree_law_is_the_enumerated_probability(neighbours, n, outputs):
    law = ref.degree_law(neighbours, n, THIRD, outputs)
    assert oracles.degree_probability(neighbours, n, THIRD, outputs) == law


def test_enumeration_refuses_what_it_cannot_do_exactly():
    with pytest.raises(ValueError, match="24 mask entries"):
        oracles.path_probability(5, [4], [HALF, HALF])
    with pytest.raises(ValueError, match="fractions"):
        oracles.path_probability(1, [1], [0.5, HALF])
    with pytest.raises(ValueError, match="2 layers"):
        oracles.path_probability(1, [1], [HALF])


# --- high precision and integers against plain scans ---------------------------------------------------------------


def first(holds: Callable[[int], bool], start: int = 1) -> int:
    return next(n for n in range(start, 10_000) if holds(n))


def close(value: object, exact: Fraction) -> bool:
    return bool(abs(value * exact.denominator / ref.mp.mpf(exact.numerator) - 1) < ref.mp.mpf(10) ** -60)


@pytest.mark.parametrize(("n", "m"), [(5, 3), (40, 4), (40, 39), (40, 40), (300, 150), (300, 290)])
@pytest.mark.parametrize("p", [Fraction(1, 50), HALF, Fraction(24, 25)])
def test_high_precision_laws_are_the_exact_ones(n, m, p):
    real = ref.mp.mpf(p.numerator) / p.denominator
    assert close(ref.binomial_below(n, real, m), ref.binomial_below(n, p, m))
    assert close(ref.path_law(3, n, real, real), ref.path_law(3, n, p, p))
    assert close(ref.path_law_by_sum(3, n, real, real), ref.path_law(3, n, p, p))


@pytest.mark.parametrize("delta", [HALF, Fraction(7, 16), Fraction(1, 1000), Fraction(999, 1000)])
@pytest.mark.parametrize("p", [HALF, Fraction(1, 10), Fraction(9999, 10000)])
@pytest.mark.parametrize("weights", [1, 2, 60])  # 1 and 2 have ties at p = 1/2
def test_factors_are_the_smallest_integers(weights, p, delta):
    r = 1 - p
    assert ref.closed_integer(weights, delta, p) == first(lambda q: weights * r**q <= delta)
    assert ref.single_integer(weights, delta, p) == first(lambda q: (1 - r**q) ** weights >= 1 - delta)
    assert math.ceil(ref.single_real(weights, delta, p) - ref.mp.mpf(10) ** -50) <= ref.single_integer(
        weights, delta, p
    )
    if weights > 1:
        assert ref.single_real(weights, delta, p) < ref.closed_real(weights, delta, p)


@pytest.mark.parametrize(
    ("widths", "p", "delta"),
    [((4, 8), HALF, Fraction(1, 10)), ((9, 2), THIRD, Fraction(1, 50)), ((2, 2), THIRD, Fraction(1, 50))],
)
def test_joint_optimum_is_the_cheapest_pair(widths, p, delta):
    weights = (widths[0] * widths[1], 3 * widths[1])
    costs = {
        (q0, q1): widths[0] * q0 + widths[1] * q1
        for q0 in range(1, 40)
        for q1 in range(1, 40)
        if ref.block_law(weights, (q0, q1), (p, p)) >= 1 - delta
    }
    q0, q1, optima = ref.joint_optimum(widths, weights, delta, p)
    least = min(costs.values())
    assert costs[q0, q1] == least
    assert optima == list(costs.values()).count(least)


@pytest.mark.parametrize(("d", "p1", "p2"), [(1, HALF, HALF), (2, FIFTH, HALF), (6, HALF, FIFTH), (30, FIFTH, THIRD)])
def test_path_and_covering_widths_are_smallest(d, p1, p2):
    delta = Fraction(1, 20)
    exact = first(lambda n: ref.path_law(d, n, p1, p2) >= 1 - delta)
    assert ref.path_width(d, p1, p2, delta) == exact
    violating = [n for n in range(1, 500) if min(ref.path_upper_bounds(d, n, p1, p2)) < 1 - delta]
    assert ref.path_width_from_bounds(d, p1, p2, delta) == max(violating) + 1 <= exact
    if d < 5:
        smallest = first(lambda n: ref.covering_law(d, n, p1, p2) >= 1 - delta)
        assert ref.covering_width(d, p1, p2, delta) == smallest


@pytest.mark.parametrize("delta", [Fraction(9, 10), Fraction(3, 4), HALF, Fraction(1, 4), Fraction(1, 10)])
@pytest.mark.parametrize("p1", [FIFTH, HALF, Fraction(19, 20)])
def test_width_from_upper_bounds_is_one_more_than_the_last_violation(p1, delta):
    for d in (2, 3, 6, 20):
        for p2 in (FIFTH, HALF, Fraction(19, 20)):
            violating = [n for n in range(1, 150) if min(ref.path_upper_bounds(d, n, p1, p2)) < 1 - delta]
            assert ref.path_width_from_bounds(d, p1, p2, delta) == max(violating, default=0) + 1


def test_smallest_width_that_violates_no_upper_bound_is_far_too_small():
    fine = first(lambda n: min(ref.path_upper_bounds(784, n, HALF, HALF)) >= Fraction(999, 1000))
    assert fine == 25
    assert ref.path_width_from_bounds(784, HALF, HALF, Fraction(1, 1000)) == 47


def test_degree_and_matched_widths_are_smallest():
    smallest = first(lambda n: ref.degree_law(6, n, THIRD, 4) >= Fraction(99, 100))
    assert ref.degree_width(6, THIRD, 4, Fraction(99, 100)) == smallest
    for p0, budget in ((Fraction(9, 10), HALF), (THIRD, Fraction(1, 100))):
        n0 = first(lambda n, p0=p0, budget=budget: ref.hall_sum(3, 4, p0, n) <= budget, start=12)
        assert ref.matched_width(3, 4, p0, budget) == n0


# --- the file ------------------------------------------------------------------------------------------------------


def assert_same(fast: dict, stored: dict) -> None:
    """The rows recomputed here are among the stored ones, and everything else is equal."""
    assert fast.keys() == stored.keys()
    for name, value in fast.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            assert [row for row in stored[name] if row in value] == value, name
        else:
            assert value == stored[name], name


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("figure2", lambda: ref.figure2_section(["1/10", "1/2", "9/10"])),
        ("theorem_2_3", lambda: ref.theorem23_section("1 1/2 1/2 1/20; 10 1/10 1/10 1/20; 784 1/2 1/2 1/1000")),
        ("counterexamples", ref.counterexample_section),
        ("layer0", lambda: ref.layer0_section("4 9 1/2 40; 8 10 1/5 120", "4 9 1/2 1/10; 8 10 1/5 1/10")),
        ("block", ref.block_section),
        ("numerics", ref.numerics_section),
    ],
)
def test_file_holds_what_the_script_computes(name, section):
    assert_same(section(), STORED[name])


def test_file_has_every_section_and_every_row():
    assert STORED.keys() == ref.SECTIONS.keys()
    assert [row["sparsity"] for row in STORED["figure2"]["rows"]] == ref.SPARSITIES
    assert len(STORED["theorem_2_3"]["rows"]) == len(ref.REQUIRED.split(";"))
    assert len(STORED["layer0"]["hall"]) == len(ref.HALL.split(";"))
    assert len(STORED["layer0"]["minimal"]) == 2 * len(ref.MATCHED.split(";"))


def test_stored_widths_of_figure_2_are_consistent():
    """Printed, exact and necessary widths in their order, and failures within the budget, at every sparsity."""
    for row in STORED["figure2"]["rows"]:
        assert float(row["full_q1_real"]) < float(row["half_q1_real"]) < float(row["printed_q1_real"])
        assert row["degree_width"] <= row["degree_width_half"] < 128 * row["full_q1"]
        assert 784 * row["joint_q0"] + 128 * row["joint_q1"] <= 784 * row["printed_q0"] + 128 * row["printed_q1"]
        assert float(row["printed_failure"]) <= 0.001
        assert float(row["joint_failure"]) <= 0.001
        for kind in ("printed", "half", "full"):
            assert row[f"{kind}_q1"] == math.ceil(float(row[f"{kind}_q1_real"]))
    for left, right in pairwise(STORED["figure2"]["rows"]):
        assert float(left["printed_width1_real"]) < float(right["printed_width1_real"])


def test_well_known_numbers():
    """The few values by which a reader recognises the file."""
    figure, required = STORED["figure2"]["rows"], STORED["theorem_2_3"]["rows"]
    widths = {row["sparsity"]: float(row["printed_width1_real"]) for row in figure}
    assert [round(widths[s]) for s in ("1/10", "9/10", "999/1000")] == [820, 17926, 1887762]
    assert [row["relu_output"] for row in required if (row["d"], row["p1"], row["p2"]) == (10, "1/100", "1/100")] == [
        52739
    ]
    assert STORED["theorem_2_3"]["laws"][0]["relu_output"].startswith("0.62075")
    assert STORED["counterexamples"]["F2"][2]["ceiling"].startswith("0.21726")
    assert STORED["block"]["rows"][0]["success"].startswith("0.957929")
    assert STORED["numerics"]["rows"][0]["exact_real"].startswith("718406549013783.0")


def test_ties_are_exact():
    assert STORED["numerics"]["ties"] == list(range(1, 200))
    assert STORED["numerics"]["tie_products"] == [3 + 26, 10 + 37, 40 + 159]
