"""The path ceiling: reference values, enumeration, and the refutation of the literal theorem."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import Target, path_ceiling, width
from ertheory.errors import InfeasibleWidth, InvalidInput
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import HALF, plain_densities

F2 = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))["counterexamples"]["F2"]


def name(row):
    return f"{row['d']}-{row['p']}-{row['delta']}"


@pytest.mark.parametrize("row", F2, ids=name)
def test_no_construction_does_what_the_literal_theorem_says(row):
    density, delta = Fraction(row["p"]), Fraction(row["delta"])
    target = Target.from_widths([row["d"], 1, 1])
    literal = width(target, method="printed", density=density, failure_probability=delta)
    assert not literal.applies  # layer 0 is masked
    assert literal.factors == (row["q0"], row["q1"], 1)
    ceiling = path_ceiling(row["d"], literal.widths[:-1], (density,) * 3)
    assert ceiling == pytest.approx(float(row["ceiling"]), rel=1e-10)
    assert 0 <= ceiling < 1 - delta


SMALL = [(1, (1,)), (3, (4,)), (2, (7,)), (1, (3, 2)), (2, (2, 3)), (3, (3, 2)), (2, (2, 2, 3)), (1, (2, 2, 2, 2))]


@pytest.mark.parametrize(
    "densities", [(HALF,) * 5, tuple(Fraction(k, 10) for k in (3, 9, 5, 7, 4))], ids=["half", "mixed"]
)
@pytest.mark.parametrize(("inputs", "hidden"), SMALL)
def test_equals_the_enumerated_probability(inputs, hidden, densities):
    used = densities[: len(hidden) + 1]
    truth = oracles.path_probability(inputs, hidden, used)
    assert path_ceiling(inputs, hidden, used) == pytest.approx(float(truth), rel=1e-12)


@pytest.mark.parametrize("dense", [0, 1, 2])
def test_dense_layers(dense):
    densities = tuple(Fraction(1) if layer == dense else Fraction(1, 3) for layer in range(3))
    truth = oracles.path_probability(2, (3, 2), densities)
    assert path_ceiling(2, (3, 2), densities) == pytest.approx(float(truth), rel=1e-12)
    assert path_ceiling(2, (3, 2), (Fraction(1),) * 3) == 1


@settings(max_examples=40)
@given(st.integers(1, 5), st.lists(st.integers(1, 30), min_size=1, max_size=3), plain_densities)
def test_grows_with_the_widths_and_the_density_and_falls_with_the_inputs(inputs, hidden, density):
    densities = (density,) * (len(hidden) + 1)
    value = path_ceiling(inputs, tuple(hidden), densities)
    assert 0 <= value <= 1 + 1e-12
    slack = 1e-12
    for layer in range(len(hidden)):
        wider = (*hidden[:layer], hidden[layer] + 1, *hidden[layer + 1 :])
        assert path_ceiling(inputs, wider, densities) >= value - slack
    assert path_ceiling(inputs + 1, tuple(hidden), densities) <= value + slack
    denser = tuple((1 + p) / 2 for p in densities)
    assert path_ceiling(inputs, tuple(hidden), denser) >= value - slack


def test_tiny_densities_lose_no_digits():
    tiny = Fraction(1, 10**12)
    assert path_ceiling(1, (1, 1), (tiny,) * 3) == pytest.approx(1e-36, rel=1e-12)
    assert path_ceiling(3, (5,), (tiny, HALF)) > 0


def test_too_few_densities():
    with pytest.raises(InvalidInput, match=r"^densities: expected 3 numbers, one per source layer, got 2$"):
        path_ceiling(1, (2, 2), (HALF, HALF))


def test_too_long_sums():
    with pytest.raises(InfeasibleWidth, match="10000000 pairs"):
        path_ceiling(1, (10**4, 10**4), (HALF,) * 3)
    with pytest.raises(InfeasibleWidth):
        path_ceiling(1, (10**8,), (HALF,) * 2)
