"""Capacity by ratio and factored students: the committed tables hold together."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from ertheory.bounds.factored.own_masks import own_masks_factor, own_masks_widening
from ertheory.plots.columns import columns_of

FIGURES = Path(__file__).parents[3] / "figures"


def table(name):
    return columns_of((FIGURES / f"{name}.csv").read_text(encoding="utf-8"))


def rows_of(columns):
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_every_cell_of_the_capacity_has_all_ratios_and_what_is_computed_comes_out_again():
    rows = rows_of(table("capacity"))
    cells = {(row["network"], row["density"]) for row in rows}
    assert len(rows) == 4 * len(cells)
    for ratio in ("uniform", "pyramidal"):
        (row,) = (row for row in rows if (row["network"], row["density"], row["ratio"]) == ("vgg16", 0.3, ratio))
        asked = {"ratio": ratio, "density": "0.3", "failure_probability": Fraction(1, 1000), "width": "1"}
        assert row["factor"] == pytest.approx(float(own_masks_factor("vgg16", **asked).factor), abs=1e-12)
        assert row["wider"] == pytest.approx(float(own_masks_widening("vgg16", **asked)), abs=1e-12)


def test_students_that_fail_are_counted_once():
    rows = rows_of(table("factored-students"))
    assert {row["target"] for row in rows} == {"4-8-3", "8-16-4", "digits-12"}
    for row in rows:
        assert row["learnt"] + row["mask"] + row["optimiser"] == row["n"]
        assert row["mask"] <= row["n"] - row["constructed"]
        if row["share"] == 1:  # proved for 0.05; so few as 12 of 16 or 55 of 64 have probability below 0.01
            assert row["constructed"] > {16: 12, 64: 55}[row["n"]]
