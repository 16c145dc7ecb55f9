"""Results: everything in JSON, tables and formulas with the numbers in them, probabilities rounded to the safe side."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.blocks.printed import printed
from ertheory.bounds.result import Width, number_for_json, rational_text, success_text
from ertheory.networks.source import Source, read_densities
from ertheory.networks.target import Target
from tests.strategies import HALF, deltas, densities

ONE, MILLE = Fraction(1), Fraction(1, 1000)
FIGURE = Target.from_text("784-128-10")
FIELDS = """method statement variant kind layer0 applies reason target densities delta widths total factors real_factors
    success_probability_lower edges_expected edges_ratio width_ratio holds_up_to certified""".split()


def answer(**changes) -> Width:
    found = printed(FIGURE, (ONE, Fraction(1, 10), Fraction(1, 10)), MILLE)
    return dataclasses.replace(found, **changes)


def necessary() -> Width:
    return Width(
        method="theorem-2.3",
        statement="Theorem 2.3",
        variant="printed",
        kind="necessary",
        layer0="any",
        applies=True,
        reason="a | b",
        target=FIGURE,
        densities=(HALF,) * 3,
        failure_probability=Fraction(1, 3),
        widths=(129, None, 10),
    )


def strict(text: str):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


EXTREMES = [
    ("784-128-10", "1,0.1,0.1", "0.001"),
    ("1000000000000-1", "1,1e-12", "1e-300"),
    ("3-2", "1,1e-300", "1e-300"),
    ("3-2", "1,1e-320", "1e-320"),  # smaller than any normal double
    ("3-2", "1,1e-700", "1/3"),  # factors beyond any double
    ("3-2-1", "1", "1/3"),
]


@pytest.mark.parametrize(("target", "density", "delta"), EXTREMES, ids=range(len(EXTREMES)))
@pytest.mark.parametrize("make", [printed, exact], ids=["printed", "exact"])
def test_json_is_strict_and_keeps_every_number(make, target, density, delta):
    network = Target.from_text(target)
    found = make(network, read_densities(network, density=density), Fraction(delta))
    document = strict(found.to_json())
    assert document == strict(json.dumps(found.to_dict()))
    assert list(document) == FIELDS
    assert document["widths"] == list(found.widths)
    assert document["factors"] == list(found.factors)
    assert document["total"] == sum(found.widths[:-1])
    assert [Fraction(value) for value in document["densities"]] == list(found.densities)
    assert Fraction(document["delta"]) == Fraction(delta)
    lower = document["success_probability_lower"]
    assert type(lower) is str
    assert Fraction(lower) <= found.success_lower
    for real, value in (
        zip(found.real_factors, document["real_factors"] or [], strict=make is printed) if make is (printed) else ()
    ):
        assert abs(Fraction(value) - real) <= real * Fraction(1, 10**15)
    edges = Source.for_target(network, widths=found.widths, densities=found.densities).edges_expected
    assert abs(Fraction(document["edges_expected"]) - edges) <= max(edges * Fraction(1, 10**15), 1)


def test_what_a_necessary_answer_leaves_open_is_null():
    document = strict(necessary().to_json())
    assert document["widths"] == [129, None, 10]
    for name in ("total", "factors", "real_factors", "success_probability_lower", "edges_expected", "width_ratio"):
        assert document[name] is None
    assert document["delta"] == "1/3"
    assert document["applies"] is True


def test_derived_numbers():
    found = answer()
    assert found.widths == (179536, 18048, 10)
    assert found.total == 179536 + 18048
    assert found.edges_expected == 784 * 179536 + (179536 * 18048 + 18048 * 10) * Fraction(1, 10)
    assert found.width_ratio is None
    assert answer(printed_total=found.total).width_ratio == 1.0
    half = answer(printed_total=2 * found.total)
    assert half.width_ratio == 0.5
    assert half.to_dict()["width_ratio"] == 0.5
    assert necessary().total is None
    assert necessary().edges_expected is None


def test_a_density_from_numpy_goes_into_json():
    chances = read_densities(FIGURE, density=[np.int64(1), np.float64(0.5), np.float32(0.5)])
    assert strict(printed(FIGURE, chances, MILLE).to_json())["densities"] == ["1", "0.5", "0.5"]


def test_markdown_contains_the_numbers():
    lines = answer(printed_total=400_000).to_markdown().splitlines()
    assert lines[:2] == ["| field | value |", "| --- | --- |"]
    cells = dict(line.strip("| ").split(" | ") for line in lines[2:])
    assert list(cells) == FIELDS
    assert cells["widths"] == "[179536, 18048, 10]"
    assert cells["factors"] == "[229, 141, 1]"
    assert cells["delta"] == "0.001"
    assert cells["applies"] == "true"
    assert cells["success_probability_lower"] == success_text(answer().success_lower)
    table = necessary().to_markdown()
    assert "| reason | a \\| b |" in table  # a bar would end the cell
    assert "| total | null |" in table


def test_latex_contains_the_numbers():
    assert answer().to_latex().startswith(r"N_{0} = 179536,\ N_{1} = 18048 \quad")
    for word in ("Theorem 2.1", "printed", "dense"):
        assert word in answer().to_latex()
    assert necessary().to_latex().startswith(r"N_{0} \ge 129 \quad")
    assert "None" not in necessary().to_latex()


def test_results_are_frozen_values():
    with pytest.raises(AttributeError):
        answer().widths = (1, 1, 1)
    assert answer() == answer()


# --- numbers in writing --------------------------------------------------------------------------------------------


@given(st.fractions(max_denominator=10**30) | densities | deltas)
@example(Fraction(1, 2**200))
@example(Fraction(3, 10**20))
@example(Fraction(3, 10**21))
@example(1 - Fraction(1, 10**300))
@example(Fraction(0))
@example(Fraction(-1, 8))
def test_rationals_are_written_exactly(value):
    text = rational_text(value)
    assert Fraction(text) == value
    assert "/" not in text or Fraction(10) ** 400 % value.denominator


def test_rationals_look_as_people_write_them():
    written = {"0.001": MILLE, "1": ONE, "1/3": Fraction(1, 3), "0.5": HALF, "1e-300": Fraction(1, 10**300)}
    for text, value in written.items():
        assert rational_text(value) == text


@given(st.fractions(0, 1, max_denominator=10**9) | densities | deltas.map(lambda delta: 1 - delta))
@example(Fraction(0))
@example(Fraction(9, 10))
@example(1 - MILLE)
@example(1 - Fraction(1, 10**300))
def test_success_is_rounded_to_the_safe_side(value):
    down, up = success_text(value), success_text(value, up=True)
    assert Fraction(down) <= value <= Fraction(up)
    failure = 1 - value
    for text in (down, up):
        # Four significant digits of the failure: an error of at most one thousandth of it.
        assert abs(value - Fraction(text)) <= failure / 1000
        assert 0 <= Fraction(text) <= 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1), "1"),
        (1 - MILLE, "0.999000"),
        (1 - Fraction(1, 3000), "0.9996666"),
        (1 - Fraction(1, 10**12), "0." + "9" * 12 + "0000"[:3]),
        (HALF, "0.5000"),
        (Fraction(0), "0.0000"),
    ],
    ids=range(6),
)
def test_success_in_writing(value, text):
    assert Fraction(success_text(value)) == Fraction(text)
    assert len(success_text(value)) in range(len(text), len(text) + 2)


@given(st.fractions() | st.fractions().map(lambda value: value * 10**400 + Fraction(1, 3)))
@example(Fraction(10**400))
@example(Fraction(10**400) + HALF)
@example(Fraction(2**70))
def test_numbers_for_json_are_finite(value):
    number = number_for_json(value)
    assert strict(json.dumps(number, allow_nan=False)) == number
    if value.denominator == 1:
        assert type(number) is int
        assert number == value
    elif abs(value) < 10**300:
        assert type(number) is float
        assert math.isclose(number, value, rel_tol=1e-15)
    else:
        assert abs(Fraction(number) - value) <= max(abs(value) * Fraction(1, 10**15), 1)
