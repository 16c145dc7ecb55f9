"""All masks of tiny maps: the verdicts of every orbit, and the exact laws that the bounds must enclose."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from benchmarks.factored_bounds import VERDICTS, orbits, probabilities
from ertheory.bounds.factored.failure import dual_failure
from ertheory.bounds.factored.necessary import count_ceiling, path_ceiling, rank_ceiling
from ertheory.numbers import ends

HALF = (Fraction(1, 2),) * 2
UNEQUAL = (Fraction(9, 10), Fraction(3, 5))


def enumerated(inputs, outputs, inner):
    return [orbit for count in range(1, inner + 1) for orbit in orbits(inputs, outputs, count)]


def test_every_pair_of_two_by_two_is_counted_once():
    found = Counter()
    for orbit in enumerated(2, 2, 4):
        found[orbit.verdict] += orbit.pairs
    assert found == {"dual or primal": 349, "full rank only": 12, "deficient": 1}


def test_of_two_by_three_some_pairs_are_shown_by_the_mixed_theorem_alone():
    found = Counter()
    for orbit in enumerated(2, 3, 3):
        found[orbit.verdict] += orbit.pairs
    everything = sum(orbit.pairs for orbit in enumerated(3, 2, 3))
    assert everything == found.total()  # a pair and its transpose
    assert found["mixed"] > 0
    assert set(found) == set(VERDICTS)


@pytest.mark.parametrize("pair", [HALF, UNEQUAL])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (2, 2), (3, 1)])
def test_bounds_enclose_the_law_of_all_masks(inputs, outputs, pair):
    found = enumerated(inputs, outputs, 3)
    law = probabilities(found, inputs, outputs, 3, pair)
    bound = 1 - min(dual_failure(inputs, outputs, 3, pair), dual_failure(outputs, inputs, 3, pair[::-1]))
    generic = law["dual or primal"] + law["mixed"] + law["full rank only"]
    assert bound <= law["dual or primal"] <= generic
    for ceiling in (path_ceiling, count_ceiling, rank_ceiling):
        assert generic <= ends(ceiling(inputs, outputs, 3, pair))[1]
    if min(inputs, outputs) == 1:  # every pair needs a path, and that is enough: the exact law
        assert law["full rank only"] == law["deficient"] == law["mixed"] == 0
        assert float(bound) == pytest.approx(float(law["dual or primal"]), rel=1e-9)
