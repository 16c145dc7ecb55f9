"""Factored sources from below: necessary widths never exceed sufficient ones, and all small masks are counted."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds.factored import factored_map, map_failure
from ertheory.bounds.factored.necessary import (
    count_ceiling,
    least_necessary,
    path_ceiling,
    rank_ceiling,
)
from ertheory.errors import InfeasibleWidth
from tests import oracles_factored as oracles

CEILINGS = (path_ceiling, count_ceiling, rank_ceiling)


def necessary_and_sufficient(rng: np.random.Generator) -> tuple[tuple[object, ...], int, int]:
    """Draw a map, densities and a failure probability, and compute both widths."""
    inputs, outputs = (int(10 ** rng.uniform(0, 2.3)) for _ in range(2))
    densities = tuple(Fraction(int(rng.integers(4, 101)), 100) for _ in range(2))
    delta = Fraction(1, int(10 ** rng.uniform(0.4, 6)) + 1)
    necessary = least_necessary(CEILINGS, inputs, outputs, densities, delta)  # type: ignore[arg-type]
    enough = factored_map(inputs, outputs, densities=densities, failure_probability=delta).inner  # type: ignore[arg-type]
    return (inputs, outputs, densities, delta), necessary, enough


def test_what_is_enough_is_not_less_than_what_is_necessary() -> None:
    rng = np.random.default_rng(20261129)
    for _ in range(300):  # benchmarks/factored_bounds.py asks for thousands
        asked, necessary, enough = necessary_and_sufficient(rng)
        assert necessary <= enough, asked


@settings(max_examples=30)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_a_ceiling_is_never_below_a_proved_probability(
    inputs: int, outputs: int, inner: int, first: int, second: int
) -> None:
    densities = (Fraction(first, 20), Fraction(second, 20))
    least = 1 - min(
        map_failure(inputs, outputs, inner, densities, name, Fraction(1, 100)).failure
        for name in ("dual", "primal", "mixed-dual", "mixed-primal")
    )
    for ceiling in CEILINGS:
        high = ceiling(inputs, outputs, inner, densities)
        assert not high < float(least) * (1 - 1e-12) - 1e-12


@pytest.mark.parametrize(("inputs", "outputs", "inner"), [(2, 2, 3), (2, 1, 4), (1, 3, 4), (3, 2, 2)])
def test_ceilings_are_above_the_law_of_all_masks(inputs: int, outputs: int, inner: int) -> None:
    rng = np.random.default_rng(3)
    densities = (Fraction(2, 3), Fraction(3, 5))
    law = {"generic": Fraction(0), "exact": Fraction(0)}
    for kinds, chance in neurons(inputs, outputs, inner, densities):
        first, second = (np.array(side, dtype=bool) for side in zip(*kinds, strict=True))
        if oracles.generic_rank(first, second.T, rng) == inputs * outputs:
            law["generic"] += chance
        if (second.T.astype(int) @ first > 0).all():
            law["exact"] += chance
    for ceiling in CEILINGS:  # an open set is reached: a necessary condition for almost all maps of full rank
        assert ceiling(inputs, outputs, inner, densities) > float(law["generic"]) * (1 - 1e-12)
    assert path_ceiling(inputs, outputs, inner, densities) > float(law["exact"]) * (1 - 1e-12)
    if 1 in (inputs, outputs):  # paths decide, and the law is known
        assert law["generic"] == law["exact"]
        bound = map_failure(
            inputs, outputs, inner, densities, "dual" if outputs == 1 else "primal", Fraction(1, 2)
        ).failure
        assert abs(float(1 - law["exact"] - bound)) < 1e-12


def neurons(inputs, outputs, inner, densities):  # type: ignore[no-untyped-def]
    """All masks up to the order of inner neurons, with their probabilities."""
    kinds = list(product(product((0, 1), repeat=inputs), product((0, 1), repeat=outputs)))

    def mass(kind):  # type: ignore[no-untyped-def]
        (reads, feeds), (p, q) = kind, densities
        return p ** sum(reads) * (1 - p) ** (inputs - sum(reads)) * q ** sum(feeds) * (1 - q) ** (outputs - sum(feeds))

    masses = {kind: mass(kind) for kind in kinds}
    for chosen in combinations_with_replacement(kinds, inner):
        orders = factorial(inner) // prod(factorial(count) for count in Counter(chosen).values())
        yield chosen, orders * prod(masses[kind] for kind in chosen)


def test_all_pairs_of_two_by_two_with_at_most_four_inner_neurons() -> None:
    # Derived apart: of those with all paths 349 are dual or primal, none more mixed, 12 of full rank only, 1 deficient.
    rng = np.random.default_rng(4)
    found: Counter[str] = Counter()
    for inner in range(1, 5):
        for kinds, _ in neurons(2, 2, inner, (Fraction(1, 2),) * 2):
            first, second = (np.array(side, dtype=bool) for side in zip(*kinds, strict=True))
            second = second.T
            if not first.any(axis=1).all() or not second.any(axis=0).all():
                continue  # an idle inner neuron
            if not (second.astype(int) @ first > 0).all():
                continue
            if oracles.dual(first, second) or oracles.primal(first, second):
                found["matched"] += 1
            elif oracles.mixed(first, second):
                found["mixed"] += 1
            else:
                found["generic" if oracles.generic_rank(first, second, rng) == 4 else "deficient"] += 1
    assert found == {"matched": 349, "generic": 12, "deficient": 1}


def test_necessary_widths_know_their_limits() -> None:
    tiny = (Fraction(1, 10**9),) * 2
    with pytest.raises(InfeasibleWidth, match="necessary"):
        least_necessary((path_ceiling,), 10, 10, tiny, Fraction(1, 1000))  # type: ignore[arg-type]
    assert least_necessary(CEILINGS, 7, 5, (Fraction(1), Fraction(1)), Fraction(1, 1000)) == 5
