"""What a source certainly contains: targets that satisfy the law, and none that is one neuron larger."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ertheory
from ertheory.bounds import success_probability, width
from ertheory.bounds.capacity import capacity_of
from ertheory.bounds.factored.width_factor import width_factor
from ertheory.bounds.front import maximal_points
from ertheory.cli import main
from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import architecture
from ertheory.networks.target import Target

DELTA = Fraction(1, 1000)


@given(
    st.lists(st.integers(1, 12), min_size=0, max_size=3),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.integers(0, 60),
)
def test_maximal_points_of_a_monotone_condition(limits, weights, budget):
    def holds(point):
        return sum(weight * number**2 for weight, number in zip(weights, point, strict=False)) <= budget

    front = maximal_points(holds, tuple(limits))
    every = [point for point in product(*(range(1, limit + 1) for limit in limits)) if holds(point)]
    best = [point for point in every if not any(point != more and dominates(more, point) for more in every)]
    assert set(front.points) <= set(best)
    assert bool(front.points) == bool(every)
    if front.complete:
        assert sorted(best) == list(front.points)
    assert front.complete or len(limits) > 2


@pytest.mark.parametrize("limits", [(5, 4, 7), (3, 4, 3, 5), (2, 3, 2, 3, 2)])
def test_all_maximal_points_of_more_numbers_are_found(limits):
    def holds(point):
        return sum((index + 2) * number**2 for index, number in enumerate(point)) <= 90

    every = [point for point in product(*(range(1, limit + 1) for limit in limits)) if holds(point)]
    best = [point for point in every if not any(point != more and dominates(more, point) for more in every)]
    front = maximal_points(holds, limits)
    assert front.complete
    assert list(front.points) == sorted(best)
    assert len(best) > 3


def test_of_too_many_points_some_are_left_out_and_that_is_said():
    front = maximal_points(lambda point: sum(point) <= 300, (10**4,) * 3)
    assert not front.complete
    assert 20 < len(front.points) < 300
    assert all(sum(point) == 300 for point in front.points)
    assert min(max(point) - min(point) for point in front.points) < 10


def dominates(more, point):
    return all(high >= low for high, low in zip(more, point, strict=True))


def test_a_long_staircase_is_thinned_and_says_so():
    front = maximal_points(lambda point: point[0] + point[1] <= 1000, (10**6, 10**6))
    assert not front.complete
    assert 10 < len(front.points) < 40
    assert all(sum(point) == 1000 for point in front.points)


def certain(target, source, densities, method):
    layer0 = {"factored": None, "sharp": "coded"}.get(method, "matched")
    answer = success_probability(target, source[1:], densities, method=method, layer0=layer0)
    return answer.applies and answer.success_lower >= 1 - DELTA


@pytest.mark.parametrize(
    ("text", "density", "method"),
    [
        ("784-1921-128-1600-10", "0.1", "factored"),
        ("20-130-60-100-50-100-10", "0.5", "factored"),
        ("12-60-20-70-9-60-16-60-4", "0.6", "factored"),
        ("10-600-300-4", "0.5", "exact"),
        ("10-600-300-4", "0.5", "drop"),
        ("10-600-300-4", "0.5", "sharp"),
    ],
)
def test_targets_are_contained_and_larger_ones_are_not(text, density, method):
    source = Target.from_text(text)
    found = capacity_of(source, method=method, density=density, failure_probability=DELTA)
    assert found.applies
    assert found.targets
    densities = (Fraction(density),) * source.depth
    limits = source.widths[2::2] if method == "factored" else source.widths[2:]
    for target in found.targets:
        assert (target[0], target[-1]) == (source.inputs, source.widths[-1])
        assert certain(Target.from_widths(target), source.widths, densities, method)
        for layer in range(1, len(target) - 1):
            if target[layer] < limits[layer - 1]:
                larger = (*target[:layer], target[layer] + 1, *target[layer + 1 :])
                assert not certain(Target.from_widths(larger), source.widths, densities, method)


def test_the_widths_of_an_answer_contain_its_target():
    answer = width(Target.from_text("60-20-30-10"), method="factored", density="0.4", failure_probability=DELTA)
    found = capacity_of(
        Target.from_widths((60, *answer.widths)), density="0.4", failure_probability=DELTA, method="factored"
    )
    assert found.targets == ((60, 20, 30, 10),)


def test_the_width_factor_of_an_architecture():
    factor, design = width_factor("300-100-40", density="0.4", failure_probability=DELTA)
    weights = sum(layer.weights for layer in architecture("300-100-40"))
    assert design.edges_expected <= weights
    assert design.widths[1] == architecture("300-100-40", width=factor)[0].outputs
    twice, _ = width_factor("300-100-40", density="0.4", failure_probability=DELTA, edges=2 * weights)
    assert factor < 1 < twice
    assert not ertheory.capacity(model="lenet-300-100", density="0.2", delta=DELTA, edges=100)["factored"].applies


def test_the_command_and_its_bad_input(capsys):
    words = ["capacity", "--source", "784-1921-128-1600-10", "--sparsity", "0.9", "--delta", "0.001"]
    assert main([*words, "--json"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)["results"]}
    assert (rows["factored"]["targets"], rows["factored"]["kind"]) == ([[784, 128, 10]], "sufficient")
    assert not rows["exact"]["applies"]
    assert rows["exact"]["targets"] == []
    for change, said in (
        (["capacity", *words[3:]], "exactly one of --source and --model"),
        ([*words, "--edges", "7"], "--edges: expected --model to go with it"),
        ([*words[:2], "784", *words[3:]], "--source: expected layer widths"),
        ([*words[:3], "--density", "0.1,0.2", *words[5:]], "one number, or 4"),
        ([*words, "--method", "degree"], "--method: expected one of exact, drop, sharp, factored"),
    ):
        assert main(change) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="model"):
        ertheory.capacity(model="vgg", density="0.1", delta="0.001")
    with pytest.raises(InvalidInput, match="one number for a model"):
        ertheory.capacity(model="vgg16", density=[0.1, 0.2], delta="0.001")
