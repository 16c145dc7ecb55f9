"""Recipes of the methods: every run has the one beside it that it is compared with."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.recipes import RECIPES, recipe  # noqa: E402

METHODS = {"table2": "rigl", "table3": "str", "table4": "imp", "table5": "edge-popup"}


@pytest.mark.parametrize("name", METHODS)
def test_every_start_has_the_dense_one_beside_it(name):
    for scale in RECIPES[name].minutes:
        runs = recipe(name).configurations(scale, seeds=2)
        assert len({run.hash for run in runs}) == len(runs)
        started = [run for run in runs if run.method == METHODS[name]]
        assert {run.density for run in started} == {"1", "0.5", "0.3", "0.2", "0.1"}
        for run in started:
            assert Fraction(run.density) > Fraction(run.final_density)
            assert replace(run, density="1") in runs
            if name == "table2":
                assert replace(run, method="fixed", density=run.final_density) in runs
        others = {run.method for run in runs} - {METHODS[name]}
        assert others == ({"fixed"} if name == "table2" else set())


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
