"""The best split of the failure budget: reference optima, brute force, certified integers."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import Target
from ertheory.bounds import exact, joint, printed
from ertheory.bounds.blocks.laws import Law, law_holds
from ertheory.errors import InvalidInput
from tests.reference import make_widths as ref
from tests.strategies import HALF

FIGURE2 = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))["figure2"]
TARGET = Target.from_widths(FIGURE2["target"])
DELTA = Fraction(FIGURE2["delta"])
ONE = Fraction(1)


def holds(answer, factors):
    law = Law(answer.target, answer.densities, "dense")
    return law_holds(law, answer.failure_probability, factors, factors[0] * answer.target.inputs).holds


@pytest.mark.parametrize("row", FIGURE2["rows"], ids=lambda row: row["sparsity"])
def test_reference_optima(row):
    density = 1 - Fraction(row["sparsity"])
    densities = (ONE, density, density)
    answer = joint(TARGET, densities, DELTA)
    assert answer.factors == (row["joint_q0"], row["joint_q1"], 1)
    assert answer.widths == (784 * row["joint_q0"], 128 * row["joint_q1"], 10)
    assert float(1 - answer.success_lower) == pytest.approx(float(row["joint_failure"]), rel=1e-5)
    assert answer.success_lower >= 1 - DELTA
    assert answer.total <= exact(TARGET, densities, DELTA).total <= printed(TARGET, densities, DELTA).total
    assert (answer.method, answer.layer0, answer.kind, answer.applies) == ("joint", "dense", "sufficient", True)


def best_total(target, densities, delta):
    """Smallest total by going through all pairs of copies, in fractions."""
    inputs, hidden, _ = target.widths
    first, second = target.nonzeros
    best = None
    start = printed(target, densities, delta)
    for q1 in range(1, start.total // hidden + 1):
        last = (1 - (1 - densities[2]) ** q1) ** second
        if last <= 1 - delta:
            continue
        q0 = 1
        while (1 - (1 - densities[1]) ** q0) ** (first * q1) * last < 1 - delta:
            q0 += 1
            if best is not None and inputs * q0 + hidden * q1 > best:
                break
        else:
            total = inputs * q0 + hidden * q1
            best = total if best is None else min(best, total)
    return best


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 3), min_size=3, max_size=3),
    st.tuples(*[st.integers(4, 10).map(lambda count: Fraction(count, 11))] * 2),
    st.sampled_from([Fraction(1, 3), Fraction(1, 10), Fraction(1, 1000)]),
)
def test_the_total_is_the_smallest(widths, densities, delta):
    target = Target.from_widths(widths)
    answer = joint(target, (ONE, *densities), delta)
    assert answer.total == best_total(target, (ONE, *densities), delta)
    assert holds(answer, answer.factors)


def test_the_total_is_the_smallest_where_failure_is_likely():
    density = Fraction(1, 10)
    target, delta = Target.from_text("1-1-1"), Fraction(9, 10)
    answer = joint(target, (ONE, density, density), delta)
    assert answer.total == best_total(target, (ONE, density, density), delta)


DEEP = [("4-8-8-3", HALF, Fraction(1, 10)), ("3-5-4-2-2", Fraction(1, 10), DELTA), ("9-2-9-2", Fraction(1, 50), DELTA)]


@pytest.mark.parametrize(("text", "density", "delta"), DEEP, ids=[text for text, *_ in DEEP])
def test_deep_targets_are_no_wider_than_printed(text, density, delta):
    target = Target.from_text(text)
    densities = (ONE, *(density,) * target.depth)
    answer = joint(target, densities, delta)
    assert answer.total <= printed(target, densities, delta).total
    assert holds(answer, answer.factors)
    for layer in range(target.depth):  # no factor can be lowered alone
        lower = (*answer.factors[:layer], answer.factors[layer] - 1, *answer.factors[layer + 1 :])
        assert lower[layer] == 0 or not holds(answer, lower)


def test_one_layer_leaves_nothing_to_split():
    target = Target.from_text("5-3")
    answer = joint(target, (ONE, HALF), Fraction(1, 100))
    assert answer.factors == exact(target, (ONE, HALF), Fraction(1, 100)).factors


@pytest.mark.parametrize("densities", [(ONE, ONE, ONE), (ONE, HALF, ONE), (ONE, ONE, HALF)], ids=str)
def test_dense_layers(densities):
    answer = joint(Target.from_text("4-8-3"), densities, Fraction(1, 100))
    assert holds(answer, answer.factors)
    dense = [layer for layer in range(2) if densities[layer + 1] == 1]
    assert all(answer.factors[layer] == 1 for layer in dense)


def test_a_masked_layer_0_is_refused_or_said():
    densities = (HALF,) * 3
    for layer0 in ("matched", "preassigned"):
        with pytest.raises(InvalidInput, match=r"^layer0: expected dense for the method joint, got"):
            joint(TARGET, densities, DELTA, layer0=layer0)
    answer = joint(TARGET, densities, DELTA)
    assert not answer.applies
    assert "layer 0 is masked here" in answer.reason


@pytest.mark.parametrize(
    "text",
    ["2-2-2", "2-2-2-2"],
)
def test_failure_probabilities_next_to_1(text):
    target = Target.from_text(text)
    answer = joint(target, (ONE, *(HALF,) * target.depth), 1 - Fraction(1, 10**20))
    assert answer.factors == (1,) * (target.depth + 1)


@pytest.mark.parametrize("text", ["2-2-2", "2-2-2-2"])
def test_failure_probabilities_below_every_double(text):
    target = Target.from_text(text)
    densities = (ONE, *(HALF,) * target.depth)
    answer = joint(target, densities, Fraction(1, 10**400))
    assert holds(answer, answer.factors)
    assert answer.total <= printed(target, densities, answer.failure_probability).total
