"""Necessary widths beside sufficient ones on random parameters: no number of one contradicts a number of the other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory import Target, width
from ertheory.errors import ErError

DELTAS = [Fraction(1, 1000), Fraction(1, 20), Fraction(1, 3)]
DENSITIES = [Fraction(1, 50), Fraction(1, 10), Fraction(3, 10), Fraction(1, 2), Fraction(4, 5), Fraction(1)]
SUFFICIENT = ("exact", "drop", "sequential", "matching", "sharp")
NECESSARY = ("theorem-2.3", "degree", "size-lp", "parameter-count", "path-count", "coupled", "least-total")


def contradicts(needed, enough):
    """Whether a necessary answer rules a sufficient one out, and whether its numbers look as if it did."""
    inside = all(limit is None or have <= limit for limit, have in zip(needed.holds_up_to, enough.widths, strict=False))
    less = [least is not None and have < least for least, have in zip(needed.widths, enough.widths, strict=True)]
    few = needed.total is not None and enough.total < needed.total
    return (any(less) or few) and inside, any(less) or few


@pytest.mark.parametrize("seed", range(8))
def test_no_sufficient_width_lies_below_a_necessary_one(seed):
    """Each seed asks some thirty statements of each of its sets; together they are thousands of pairs."""
    rng = np.random.default_rng(seed)
    pairs = 0
    for _ in range(8):
        n = int(rng.integers(1, 6))
        target = Target.from_widths([n + int(rng.integers(0, 30)), n, int(rng.integers(1, 5))])
        first = DENSITIES[int(rng.integers(len(DENSITIES)))]
        rest = [DENSITIES[int(rng.integers(1, len(DENSITIES)))] for _ in range(2)]
        asked = {"density": (first, *rest), "failure_probability": DELTAS[int(rng.integers(len(DELTAS)))]}
        answers = {}
        for method in (*SUFFICIENT, *NECESSARY):
            try:
                answers[method] = width(target, method=method, **asked)
            except ErError:
                continue
        for needed in (answers[name] for name in NECESSARY if name in answers and answers[name].applies):
            for enough in (answers[name] for name in SUFFICIENT if name in answers and answers[name].applies):
                ruled_out, apparent = contradicts(needed, enough)
                assert not ruled_out, (target, asked, needed, enough)
                assert not apparent, (target, asked, needed, enough)
                pairs += 1
    assert pairs > 100
