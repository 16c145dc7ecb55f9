"""The comparison of bounds with masks that are drawn: the functions of its script, on fewer masks.

Seeds are fixed, and every interval has level 1 - 1e-6.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from benchmarks import sharp_masks
from ertheory.masks import DrawnMask

DENSE = (Fraction(4, 5),)


@pytest.mark.parametrize(("kind", "masks", "points"), [("sufficient", 25, 6), ("necessary", 12, 9)])
def test_bounds_agree_with_what_is_built(kind, masks, points):
    found = list(sharp_masks.rows(kind, masks, targets=("24-14-5",), densities=DENSE))
    assert len(found) == points
    for row in found:
        assert row.agrees
        if kind == "sufficient":
            assert row.point.bound >= 1 - sharp_masks.DELTA
            assert row.successes > 0.7 * masks
        else:
            assert row.point.bound < 1 - sharp_masks.DELTA
        assert sharp_masks.line(row).count("|") == 10


def test_a_wrong_bound_is_seen():
    point = next(iter(sharp_masks.sufficient("24-14-5", *DENSE)))
    narrow = replace(point, widths=(12, 20, 5))
    row = sharp_masks.count(narrow, 10)  # these widths are not what the bound speaks of
    assert row.successes == 0
    assert not row.agrees
    assert "| NO |" in sharp_masks.line(row)
    assert not sharp_masks.Row(replace(point, kind="necessary", bound=0.5), 1000, 600).agrees
    assert sharp_masks.Row(replace(point, kind="necessary", bound=0.5), 1000, 520).agrees


def test_only_what_is_proved_counts(monkeypatch):
    point = next(iter(sharp_masks.sufficient("24-14-5", *DENSE)))
    shapes = [(40, 24), (28, 40), (5, 28)]
    masks = tuple(DrawnMask(shape, Fraction(1), 0, layer) for layer, shape in enumerate(shapes))
    assert sharp_masks.built(point.plan, masks)
    monkeypatch.setattr(sharp_masks, "NEAR", 0.0)
    assert not sharp_masks.built(point.plan, masks)
