"""What each argument of Theorem 2.5 costs in width, changed alone."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from ertheory import Target
from ertheory.bounds import ticket_sensitivity, ticket_widths
from ertheory.errors import InvalidInput
from tests.tickets import random_target

LENET = Target.from_text("784-300-100-10")
SMALL = Target.from_text("2-4-1")
HUNDREDTH = {"epsilon": "0.01", "failure_probability": "0.01", "norms": [1200, 400]}
TENTH = {"epsilon": "0.1", "failure_probability": "0.1", "domain": (-1, 1)}


def test_what_each_density_costs():
    table = ticket_sensitivity(LENET, density="0.5", factor="0.1", **HUNDREDTH)
    rows = {row.argument: row.ratios for row in table.rows}
    source = ["epsilon", "delta", "p_0", "p_1", "p_2", "p_3"]
    of_target = ["B_0", "B_1", "B_2", "max_weight", "max_bias", "signed_inputs", "n_0", "n_1", "n_2"]
    assert list(rows) == [*source, *of_target, "parameters", "fan_in"]
    assert rows["p_3"][:3] == pytest.approx([1.05, 1.07, 10.7], rel=0.01)
    assert rows["p_1"][:3] == pytest.approx([10.0, 1, 1], rel=0.01)
    assert rows["p_0"][0] == pytest.approx(1.12, abs=0.015)
    assert all(1 < ratio < 1.1 for ratio in rows["epsilon"][:3])
    told = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert told["factor"] == "0.1"
    assert len(told["rows"]) == len(table.rows)


@pytest.mark.parametrize(
    ("mode", "depth"),
    [("rigorous", "L+1"), ("rigorous", "2L"), ("calibrated", "L+1"), ("calibrated", "2L"), ("printed", "L+1")],
)
def test_each_bound_on_the_target_costs_what_a_target_with_it_costs(mode, depth):
    more = {"constant": 5} if mode == "printed" else {"extrapolate": mode == "calibrated"}
    given = {"density": "0.5", "mode": mode, "depth": depth, **TENTH, **more}
    norms = [Fraction(2), Fraction(12)]
    rows = {row.argument: row for row in ticket_sensitivity(SMALL, **given).rows}
    half = Fraction(1, 2)
    domain = {"B_0": ((-2, 2), norms[1:]), "B_1": ((-1, 1), [2 * norms[1]])}
    for argument, (box, norm) in domain.items():
        asked = ticket_widths(SMALL, **given | {"domain": box, "norms": norm})
        assert rows[argument].widths == asked.widths
        assert rows[argument].after == 2 * rows[argument].before
    smaller_bias = ticket_widths(SMALL, **given | {"norms": norms[1:], "largest_bias": half})
    assert rows["max_bias"].widths == smaller_bias.widths
    if mode != "printed" and depth == "L+1":  # elsewhere the row norms fall as well
        smaller_weight = ticket_widths(SMALL, **given | {"norms": norms[1:], "largest_weight": half})
        assert rows["max_weight"].widths == smaller_weight.widths
    # Inputs in [0, 1]^2 have the same norm as in [-1, 1]^2.
    assert (rows["signed_inputs"].before, rows["signed_inputs"].after) == (1, 0)
    unsigned = ticket_widths(SMALL, **given | {"norms": norms[1:], "domain": (0, 1)})
    assert rows["signed_inputs"].widths == unsigned.widths
    assert (rows["parameters"].before, rows["parameters"].after) == (17, 34)
    assert (rows["fan_in"].before, rows["fan_in"].after) == (4, 8)
    assert min(rows["parameters"].ratios[:-1]) >= 1
    assert min(rows["fan_in"].ratios[:-1]) >= 1


def test_neurons_of_a_layer_cost_that_layer():
    rows = {row.argument: row.ratios for row in ticket_sensitivity(SMALL, density="0.5", **TENTH).rows}
    assert rows["n_1"][0] == 1
    assert 1 < rows["n_1"][1] < 2  # the constants are not doubled
    assert rows["n_0"][0] > 1
    assert rows["n_0"][1] == 1
    printed = ticket_sensitivity(SMALL, density="0.5", mode="printed", constant=5, **TENTH)
    ratios = {row.argument: row.ratios for row in printed.rows}
    assert ratios["n_1"][:2] == pytest.approx([1, 2], abs=0.01)


def test_nothing_is_said_to_change_where_there_is_nothing():
    target = Target.from_arrays([np.zeros((2, 3)), np.zeros((1, 2))])
    table = ticket_sensitivity(target, density="0.5", epsilon="0.1", failure_probability="0.1")
    assert not {"max_weight", "max_bias"} & {row.argument for row in table.rows}


def test_known_weights_have_the_same_arguments():
    table = ticket_sensitivity(random_target(0, (2, 3, 2, 1)), density="0.5", epsilon="0.1", failure_probability="0.1")
    arguments = {row.argument: row for row in table.rows}
    assert {"B_0", "B_1", "B_2", "max_weight", "max_bias"} <= arguments.keys()
    assert arguments["B_2"].before == table.base.facts.norms[2]
    assert arguments["B_2"].ratios[-2] > 1
    with pytest.raises(InvalidInput, match=r"^factor"):
        ticket_sensitivity(SMALL, density="0.5", factor=1, **TENTH)


def test_the_printed_arguments_are_changed_too():
    table = ticket_sensitivity(SMALL, density="0.5", mode="printed", constant=5, **TENTH)
    rows = {row.argument: row for row in table.rows}
    assert rows["constant"].ratios[0] > 2  # rho contains C as well
    assert rows["gamma"].after == Fraction(1, 10)
    assert rows["p_0"].ratios == (1.0, 1.0, 1.0)  # it does not occur
