"""Recipes of the methods: every run has the one beside it that it is compared with."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.masks.flops import forward_flops  # noqa: E402
from ertrain.models import build_model, factor_model  # noqa: E402
from ertrain.recipes import RECIPES, recipe  # noqa: E402
from ertrain.recipes.base import Recipe  # noqa: E402
from ertrain.recipes.factored import ARMS, DENSE, EQUAL_WORK, arms_at, equal_width  # noqa: E402

METHODS = {"table2": "rigl", "table28": "granet", "table3": "str", "table4": "imp", "table5": "edge-popup"}


@pytest.mark.parametrize("name", METHODS)
def test_every_start_has_the_dense_one_beside_it(name):
    for scale in RECIPES[name].scales:
        runs = recipe(name).configurations(scale, seeds=2)
        assert len({run.hash for run in runs}) == len(runs)
        started = [run for run in runs if run.method == METHODS[name]]
        assert {run.density for run in started} == {"1", "0.5", "0.3", "0.2", "0.1"}
        for run in started:
            assert Fraction(run.density) > Fraction(run.final_density)
            assert replace(run, density="1") in runs
            if name in ("table2", "table28"):
                assert replace(run, method="fixed", density=run.final_density) in runs
        others = {run.method for run in runs} - {METHODS[name]}
        assert others == ({"fixed"} if name in ("table2", "table28") else set())


def test_table1_has_every_ratio_of_the_paper_for_networks_that_are_connected_and_convolutional():
    compared = {"uniform", "erk", "balanced", "pyramidal", "snip", "synflow", "imp"}
    for scale, convolutional in (("quick", {"resnet20"}), ("paper", {"vgg16", "resnet18", "resnet50"})):
        runs = recipe("table1").configurations(scale, seeds=1)
        assert len({run.hash for run in runs}) == len(runs)
        assert convolutional <= {run.model for run in runs}
        for cell in {(run.data, run.model, run.density) for run in runs}:
            here = [run for run in runs if (run.data, run.model, run.density) == cell]
            assert {run.ratio for run in here} == compared
            assert len({replace(run, ratio="uniform") for run in here}) == 1


def test_epochs_are_those_of_all_rounds_and_levels():
    first = recipe("table4").configurations("quick")[0]
    assert (first.density, first.final_density, first.epochs, first.round_keep) == ("1", "0.1", 20, 0.5)
    halvings = {"1": 4, "0.5": 3, "0.3": 2, "0.2": 1}  # down to 0.1
    more = {"1": 6, "0.5": 5, "0.3": 4, "0.2": 4, "0.1": 3}  # and to 0.02
    rounds = sum(halvings.values()) + 4 + sum(more.values()) + 5
    assert recipe("table4").cost("quick", seeds=1).epochs == rounds * (20 + 3)
    levels = [run.epochs * run.levels for run in recipe("table5").configurations("paper", seeds=2)]
    assert recipe("table5").cost("paper", seeds=2).epochs == sum(levels) == 500 * len(levels)
    table1 = [run for run in recipe("table1").configurations("small", seeds=1) if run.ratio == "imp"]
    assert recipe("table1").cost("small", seeds=1).epochs > 16 * len(recipe("table1").configurations("small", seeds=1))
    assert table1


def test_costs_are_those_of_all_seeds_and_every_quick_scale_says_how_long_it_takes():
    for one in RECIPES.values():
        for scale in one.scales:
            cost, once, runs = one.cost(scale), one.cost(scale, seeds=1), one.configurations(scale)
            assert cost.runs == 3 * once.runs == len(runs)
            assert cost.epochs == 3 * once.epochs
            # On a laptop one wants to know; what takes a GPU has not been measured.
            assert cost.minutes is not None or scale != "quick"
            assert cost.minutes is None or scale != "paper" or one.name in ("gcn", "modular-addition", "tabular")
            assert cost.minutes is None or cost.minutes == pytest.approx(once.minutes * 3)


def test_rounds_that_find_a_ratio_cost_epochs_of_their_own():
    """From 1 to 0.1 by halves: four rounds, each of the epochs of a run where none are said."""
    run = Configuration(recipe="x", ratio="imp", density="0.1", epochs=7, ratio_keep=0.5)
    for ratio_epochs, epochs in ((0, 7 + 4 * 7), (3, 7 + 4 * 3)):
        alone = Recipe("x", "", lambda _, many=ratio_epochs: (replace(run, ratio_epochs=many),), ("quick",))
        assert alone.cost("quick", seeds=2).epochs == 2 * epochs


# Seconds of one core: epochs, as they were counted by hand, times those of an epoch, as they were measured.
SECONDS: dict[str, dict[str, float]] = {
    "factored": {
        "quick": 20 * (5 * 0.035 + 0.035 + 0.07 + 0.08 + 0.2 + 2 * (0.25 + 0.11 + 0.08 + 0.045))
        + 4 * (5 * 1.6 + 4.5 + 5 + 8 + 10 + 2 * (14 + 5 + 4.5 + 4.5))
    },
    "gcn": {"quick": 6 * 20 * 0.11, "small": 6 * 80 * 0.11},
    "imagenet": {},
    "modular-addition": {"quick": 6 * 150 * (0.055 + 0.1)},
    "ratios": {
        "quick": (61 * 20 + 26 * 5) * 0.035 + (61 * 4 + 26) * 1.6,  # 26 rounds of halves, down to six densities
        "small": (61 * 30 + 26 * 3) * 1.6,
    },
    "table1": {"quick": (28 * 20 + 22 * 5) * 0.035 + (14 * 3 + 6) * 1.6 + (14 * 10 + 10 * 3) * 0.33},
    "table2": {"quick": 18 * (20 * 0.035 + 6 * 1.6)},
    "table28": {"quick": 18 * (20 * 0.035 + 6 * 1.6)},
    "table3": {"quick": 9 * (20 * 0.035 + 6 * 1.6)},
    "table4": {"quick": 41 * (20 * 0.035 + 3 * 1.6)},  # rounds, of nine runs
    "table5": {"quick": 9 * 2 * (20 * 0.035 + 6 * 1.6)},
    "tabular": {"quick": 6 * 20 * (0.037 + 0.015 + 0.09), "small": 6 * 50 * (0.037 + 0.015 + 0.09)},
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_take_as_long_as_it_is_said(name):
    costs = {scale: recipe(name).cost(scale, seeds=1).minutes for scale in recipe(name).scales}
    found = {scale: 60 * minutes for scale, minutes in costs.items() if minutes is not None}
    assert found == pytest.approx(SECONDS[name])


def test_a_density_without_a_written_width_finds_its_own():
    assert arms_at("digits", "0.4")["widened"].width == equal_width(DENSE["digits"], "0.4") != "1"


def test_minutes_are_those_of_the_epochs():
    networks = recipe("factored").configurations("quick", seeds=1)
    pairs = [run for run in networks if run.factored and run.data == "digits"]
    assert len(pairs) == 8  # at four densities, with outer factors that are trained or frozen
    seconds = {"0.05": 0.25, "0.1": 0.11, "0.2": 0.08, "0.5": 0.045}  # of an epoch, as measured
    alone = Recipe("x", "", lambda _: tuple(pairs), ("quick",))
    assert alone.cost("quick", seeds=2).minutes == pytest.approx(2 * 20 * 2 * sum(seconds.values()) / 60)


def test_plain_networks_are_widened_to_the_weights_of_the_factored_ones():
    """Within one step of the width: 1/200, or a neuron more in each head of the transformer, 3 % of its weights."""
    for task in ("digits", "fashion-mnist", "modular-addition"):
        for density in ("0.5", "0.1"):
            arms = arms_at(task, density)
            assert list(arms) == list(ARMS[1:])
            assert arms["widened"].width == equal_width(DENSE[task], density)
            counts = {name: weights_of(run) for name, run in arms.items()}
            assert 0.97 * counts["factored"] < counts["widened"] <= counts["factored"] <= counts["frozen"]


def test_convolutional_plain_networks_are_widened_to_the_work_of_the_factored_ones_too():
    """Within one step of the width. As many weights make another width: the taps work at other places than the rest."""
    arms = arms_at("digits-resnet20", "0.5")
    assert arms[EQUAL_WORK].width == equal_width(DENSE["digits-resnet20"], "0.5", of="operations")
    assert float(arms["widened"].width) < float(arms[EQUAL_WORK].width)
    work = {}
    for name in ("factored", EQUAL_WORK):
        run = arms[name]
        model = build_model(run.model, inputs=(1, 8, 8), classes=10, width=run.width)
        if run.factored:
            model = factor_model(model, density=run.density)
        work[name] = forward_flops(model, (1, 8, 8))
    assert 0.97 * work["factored"] < work[EQUAL_WORK] <= work["factored"]


def weights_of(run: Configuration) -> int:
    inputs = {"digits": (1, 8, 8), "fashion-mnist": (1, 28, 28), "modular-addition-97": (2, 97)}[run.data]
    classes = 97 if "modular" in run.data else 10
    with torch.device("meta"):
        model = build_model(run.model, inputs=inputs, classes=classes, width=run.width)
        if run.factored:
            model = factor_model(model, density=run.density, outer=run.outer)
    return sum(layer.weights for layer in layer_shapes(model))


@pytest.mark.parametrize("scale", ["quick", "small", "paper"])
def test_every_arm_of_factored_networks_has_the_others_beside_it(scale):
    runs = recipe("factored").configurations(scale, seeds=2)
    assert len({run.hash for run in runs}) == len(runs)
    for data in {(run.data, run.model) for run in runs}:
        here = [run for run in runs if (run.data, run.model) == data and run.seed == 0]
        dense = [run for run in here if run.density == "1"]
        assert len(dense) == 1
        for density in {run.density for run in here} - {"1"}:
            found = [(run.factored, run.outer, run.width == dense[0].width) for run in here if run.density == density]
            wanted = [(0, "trained", True), (0, "trained", False), (2, "trained", True), (2, "frozen", True)]
            convolutional = dense[0].model.startswith("resnet")
            assert found == wanted + [(0, "trained", False)] * convolutional


def test_more_runs_than_anybody_waits_for_are_refused_at_once():
    count = len(recipe("table1").configurations("small", seeds=1))
    with pytest.raises(InvalidInput, match=rf"^seeds: expected at most {100_000 // count:,}, with {count} runs each"):
        recipe("table1").configurations("small", seeds=1_000_000)
    with pytest.raises(InvalidInput, match=r"^seeds: "):
        recipe("table1").configurations("small", seeds=3, overrides={"epochs": tuple(map(str, range(1, 10_000)))})
