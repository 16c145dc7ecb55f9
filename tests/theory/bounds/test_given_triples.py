"""Sources of three factors whose widths are given: against the widths that are asked for, and against draws."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ertheory
from ertheory.bounds import largest_sparsity, success_probability, width
from ertheory.bounds.capacity import capacity_of, capacity_of_model
from ertheory.bounds.factored import MapShape
from ertheory.bounds.factored.given_triples import triple_failure
from ertheory.bounds.factored.triple import THEOREMS, triple_map
from ertheory.cli import main
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from tests import oracles_factored as oracles

DELTA = Fraction(1, 1000)
SMALL = Target.from_text("8-4-3")
MNIST = Target.from_text("784-128-10")


def shape(inputs, outputs, taps=1):
    return MapShape("map", inputs, outputs, taps, (inputs, outputs), inputs * outputs * taps)


@settings(max_examples=15)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.integers(2, 9), st.sampled_from(THEOREMS))
def test_widths_that_are_enough_are_granted(inputs, outputs, taps, tenths, theorem):
    one = shape(inputs, outputs, taps)
    density = (Fraction(tenths, 10),) * 3
    found = triple_map(one, densities=density, failure_probability=DELTA, theorems=(theorem,))
    failure, _ = triple_failure(one, found.inner, density)
    # Of a colouring, other classes are tried than those of the width; each of the levels is off by a little.
    assert failure <= (found.failure if theorem != "colouring" else 1)
    if theorem != "colouring":
        assert failure <= DELTA
    assert triple_failure(one, (0, 0), density)[0] == 1


def test_classes_are_found_where_only_they_help():
    # So few paths that no linking is likely: the second layer is nearly full, and the ends are thin.
    density = Fraction(1, 50), Fraction(99, 100), Fraction(1, 50)
    found = triple_map(shape(30, 30), densities=density, failure_probability=DELTA, theorems=("colouring",))
    failure, theorem = triple_failure(shape(30, 30), found.inner, density)
    assert theorem == "colouring"
    assert failure <= 2 * DELTA


# Hoeffding: of 200 draws a share that is 0.228 below the probability is seen less than once in 1e9 tests.
@pytest.mark.parametrize(("inner", "tenths"), [((20, 16), 5), ((30, 20), 4)])
def test_draws_succeed_as_often_as_is_granted(inner, tenths):
    rng, density = np.random.default_rng(20261130), (Fraction(tenths, 10),) * 3
    sizes = (inner[0], 6), (inner[1], inner[0]), (4, inner[1])
    found = 0
    for _ in range(200):
        first, middle, last = (rng.random(size) < tenths / 10 for size in sizes)
        found += oracles.linked(first, middle, last) or oracles.linked(last.T, middle.T, first.T)
    failure, _ = triple_failure(shape(6, 4), inner, density)
    assert found / 200 >= 1 - failure - Fraction(228, 1000)
    assert failure < 1


def test_widths_answer_the_inverse_questions():
    asked = {"method": "factored", "factors": 3}
    for tenth in (Fraction(4, 10), Fraction(7, 10)):
        enough = width(SMALL, density=tenth, failure_probability=DELTA, **asked).widths
        found = success_probability(SMALL, enough, (tenth,) * 6, **asked)
        assert found.success_lower >= 1 - DELTA
        sparsest = largest_sparsity(SMALL, enough, DELTA, **asked)
        assert sparsest.sparsity >= 1 - tenth
        again = success_probability(SMALL, enough, sparsest.densities, **asked)
        assert again.success_lower >= 1 - DELTA
        for name in ("factored-paths", "factored-count"):
            ceiling = success_probability(SMALL, enough, (tenth,) * 6, method=name, factors=3)
            assert ceiling.success_upper >= found.success_lower
            assert largest_sparsity(SMALL, enough, DELTA, method=name, factors=3).sparsity >= sparsest.sparsity
    wider = (*enough[:2], enough[2] + 2, *enough[3:])
    assert success_probability(SMALL, wider, (tenth,) * 6, **asked).applies
    narrow = (*enough[:2], enough[2] - 1, *enough[3:])
    assert "every third source layer" in success_probability(SMALL, narrow, (tenth,) * 6, **asked).reason
    assert f"N1 = {enough[0]}, N2 = {enough[1]}: P <= " in found.explain()


@pytest.mark.parametrize(
    ("text", "density"), [("784-1908-188-128-322-160-10", "0.1"), ("20-90-60-15-90-60-12-90-60-5", "0.5")]
)
def test_capacity_is_maximal(text, density):
    source = Target.from_text(text)
    found = capacity_of(source, density=density, failure_probability=DELTA, factors=3)
    assert found.targets
    assert found.complete
    for target in found.targets:
        densities = (Fraction(density),) * source.depth
        held = success_probability(
            Target.from_widths(target), source.widths[1:], densities, method="factored", factors=3
        )
        assert held.success_lower >= 1 - DELTA
        for at in range(1, len(target) - 1):
            if target[at] < source.widths[3 * at]:
                larger = Target.from_widths((*target[:at], target[at] + 1, *target[at + 1 :]))
                held = success_probability(larger, source.widths[1:], densities, method="factored", factors=3)
                assert not held.applies or held.success_lower < 1 - DELTA


def test_three_factors_of_a_model_hold_a_part_of_it():
    factor = capacity_of_model("24-16-4", density="0.4", failure_probability=DELTA, edges=1500, factors=3)
    assert factor.applies
    assert factor.edges_expected <= 1500
    assert len(factor.source) == 7


def test_commands_ask_for_three_factors(capsys):
    words = ["--target", "8-4-3", "--factors", "3", "--json"]
    widths = "50,30,4,40,30"
    assert main(["confidence", *words, "--widths", widths, "--sparsity", "0.4"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in content["results"]] == ["factored", "factored-paths", "factored-count"]
    assert content["inputs"]["factors"] == 3
    assert main(["sparsity", *words, "--widths", widths, "--delta", "0.01", "--method", "factored"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["densities"][0] == row["densities"][5]
    assert main(["capacity", "--source", f"8-{widths.replace(',', '-')}-3", *words[2:], "--sparsity", "0.4",
                 "--delta", "0.01"]) == 0  # fmt: skip
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["targets"] == [[8, 4, 3]]


def test_bad_input_is_one_clear_line():
    with pytest.raises(InvalidInput, match="factors: expected 2 or 3, got 4"):
        ertheory.sparsity("8-4-3", (50, 30, 4, 40, 30), delta=DELTA, factors=4)
    with pytest.raises(InvalidInput, match="factors: expected left out with exact"):
        ertheory.confidence("8-4-3", (50, 30), density="0.5", method="exact", factors=3)
    with pytest.raises(InvalidInput, match="widths: expected 5 or 6"):
        ertheory.sparsity("8-4-3", (50, 30, 4), delta=DELTA, factors=3)
    with pytest.raises(InvalidInput, match="factors: expected `method` factored"):
        ertheory.capacity("8-4-3", density="0.5", delta=DELTA, method="sharp", factors=3)
    assert "multiple of 3" in ertheory.capacity("8-4-3", density="0.5", delta=DELTA, factors=3)[0].reason
