"""The least total: reference values, every pair on small totals, and what it may not contradict."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory import Target, width
from ertheory.bounds.necessary.least_total import _Totals, least_total
from ertheory.bounds.necessary.position import position_of

DIGITS, DELTA = Target.from_text("784-128-10"), Fraction(1, 1000)
tenths = st.integers(1, 9).map(lambda count: Fraction(count, 10))


@pytest.mark.parametrize(("sparsity", "total"), [("0.9", 2808), ("0.95", 7400)])
def test_reference_totals(sparsity, total):
    answer = width(DIGITS, method="least-total", sparsity=sparsity, failure_probability=DELTA)
    assert (answer.total, answer.widths) == (total, (None, None, 10))
    assert answer.kind == "necessary"
    assert answer.to_dict()["total"] == total
    assert answer.width_ratio < 0.05
    assert answer.total < width(DIGITS, method="sharp", sparsity=sparsity, failure_probability=DELTA).total
    assert "assumed, not checked: almost every W_1" in answer.reason


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 8), st.integers(1, 3), st.tuples(tenths, tenths, tenths), tenths)
def test_every_smaller_pair_is_ruled_out_by_itself(n, spare, outputs, densities, delta):
    target = Target.from_widths([n + spare, n, outputs])
    answer = least_total(target, densities, delta)
    assert answer.applies
    affine = "affine" in answer.reason
    totals = _Totals(position_of(target), densities, delta, affine=affine)
    total = answer.total - 1
    for first in range(0, total + 1, 1 + total // 40):
        second, room = total - first, totals.room(first)
        few = second < totals.first_second(room) if room > 0 else False
        assert few or totals.excluded(first, second, room)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(0, 8), st.integers(1, 3), tenths, st.sampled_from([DELTA, Fraction(1, 5)]))
def test_no_construction_of_ours_is_smaller(n, spare, outputs, density, delta):
    target = Target.from_widths([n + spare, n, outputs])
    asked = {"density": density, "failure_probability": delta}
    least = width(target, method="least-total", **asked).total
    for method in ("exact", "drop", "sequential", "matching", "sharp"):
        assert least <= width(target, method=method, **asked).total


def test_where_nothing_is_said():
    assert not width(Target.from_text("4-8-3"), method="least-total", density="0.5", failure_probability=DELTA).applies
    assert "at least 0.001 only" in least_total(DIGITS, (Fraction(1, 1001),) * 3, DELTA).reason
    dense = width(DIGITS, method="least-total", sparsity="0.1", failure_probability=DELTA)
    assert dense.total >= 128 + 128
    assert "only for sources whose layer 0 is affine on the box" in dense.reason
