"""The simulators of the sharp constructions against enumeration, and against masks that were written down.

Seeds are fixed. Every interval has level 1 - 1e-9: with a seed of its own, a check of something true would fail once in
a thousand million runs.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from ertheory.bounds.necessary.size_lp import cover_weights, size_shortfall
from ertheory.bounds.sharp.sequential_law import sequential_law
from ertheory.errors import InvalidInput
from ertheory.montecarlo import binomial_interval
from ertheory.montecarlo.events import sharp as events_sharp
from ertheory.montecarlo.events.sampling import Event, count_occurrences
from tests import oracles
from tests.strategies import HALF

LEVEL = 1 - Fraction(1, 10**9)
TRIALS = 40_000
THIRD, THREE_FIFTHS = Fraction(1, 3), Fraction(3, 5)
NEEDS = [[True, True], [True, False], [True, True]]


def simulated(event: Event):
    return binomial_interval(count_occurrences(event, TRIALS, 3), TRIALS, LEVEL)


def assert_tells_apart(event: Event, truth: Fraction, wrong: Fraction) -> None:
    interval = simulated(event)
    assert interval.meets(float(truth), float(truth))
    assert not interval.meets(float(wrong), float(wrong))


def over_masks(holds, shapes, densities) -> Fraction:
    """Probability of an event, over all masks."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    total = Fraction(0)
    for bits in itertools.product((False, True), repeat=sum(sizes)):
        parts = np.split(np.array(bits), np.cumsum(sizes)[:-1])
        masks = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        if holds(*masks):
            chances = (
                p ** int(part.sum()) * (1 - p) ** int((~part).sum()) for part, p in zip(parts, densities, strict=True)
            )
            weight = Fraction(1)
            for chance in chances:
                weight *= chance
            total += weight
    return total


def greedy(mask: np.ndarray, needs) -> list[int] | None:
    owners = [-1] * mask.shape[1]
    for row, needed in zip(mask, needs, strict=True):
        around = np.flatnonzero(row).tolist()
        lacking = [kind for kind, need in enumerate(needed) if need and not any(owners[v] == kind for v in around)]
        free = [v for v in around if owners[v] < 0]
        if len(free) < len(lacking):
            return None
        for neuron, kind in zip(free, lacking, strict=False):
            owners[neuron] = kind
    return owners


def has_matching(pattern: np.ndarray) -> bool:
    """Whether all rows can be given columns of their own: all ways are tried."""
    rows, columns = pattern.shape
    ways = itertools.permutations(range(columns), rows)
    return any(all(pattern[row, column] for row, column in enumerate(way)) for way in ways)


def solved(first: np.ndarray, row: np.ndarray) -> bool:
    return has_matching(first[row].T)


@pytest.mark.parametrize("needs", [NEEDS, [[True, True]] * 2, [[True] * 3, [False, True, True]]])
@pytest.mark.parametrize("density", [THIRD, HALF, Fraction(1)])
def test_the_law_of_the_greedy_is_that_of_all_masks(needs, density):
    for neurons in range(0, 5):
        exact = over_masks(lambda mask: greedy(mask, needs) is not None, [(len(needs), neurons)], [density])
        assert sequential_law(needs, neurons, density) == exact


def test_the_greedy_is_simulated():
    truth = sequential_law(NEEDS, 5, HALF)
    assert_tells_apart(events_sharp.sequential_event(NEEDS, 5, HALF), truth, sequential_law([[True] * 2] * 3, 5, HALF))
    dense = [[True] * 3] * 3
    event = events_sharp.sequential_event(dense, 7, THREE_FIFTHS)
    assert_tells_apart(event, sequential_law(dense, 7, THREE_FIFTHS), sequential_law(dense, 8, THREE_FIFTHS))


def test_private_matchings_are_simulated():
    truth = oracles.b_matching_probability((1, 3), 6, HALF)
    assert_tells_apart(
        events_sharp.private_event((1, 3), 6, HALF), truth, oracles.b_matching_probability((2, 2), 6, HALF)
    )


def test_colourings_are_simulated():
    def colourable(mask: np.ndarray) -> bool:
        ways = itertools.product(range(2), repeat=mask.shape[1])
        return any(all(mask[:, np.array(way) == kind].any(axis=1).all() for kind in range(2)) for way in ways)

    truth, other = (over_masks(colourable, [(outputs, 4)], [HALF]) for outputs in (3, 2))
    assert_tells_apart(events_sharp.colourable_event(2, 3, 4, HALF), truth, other)


def test_combinations_are_simulated():
    shapes, densities = [(3, 2), (2, 3)], (HALF, Fraction(3, 4))

    def primal(first: np.ndarray, second: np.ndarray) -> bool:
        return all(solved(first, row) for row in second)

    def dual(first: np.ndarray, second: np.ndarray) -> bool:
        return all(has_matching(second[:, first[:, i]]) for i in range(first.shape[1]))

    truths = [over_masks(holds, shapes, densities) for holds in (primal, dual)]
    assert truths[0] != truths[1]
    assert_tells_apart(events_sharp.coded_event(2, 2, 3, densities), *truths)
    assert_tells_apart(events_sharp.coded_event(2, 2, 3, densities, dual=True), *reversed(truths))


def test_classes_are_simulated():
    shapes, densities = [(3, 1), (4, 3)], (Fraction(4, 5), Fraction(9, 10))

    def holds(first: np.ndarray, second: np.ndarray) -> bool:
        shared = second.reshape(2, 2, 3).all(axis=1)
        return all(has_matching(shared[:, first[:, i]]) for i in range(first.shape[1]))

    def apart(first: np.ndarray, second: np.ndarray) -> bool:
        return all(has_matching(second[::2][:, first[:, i]]) for i in range(first.shape[1]))

    truth, other = (over_masks(event, shapes, densities) for event in (holds, apart))
    assert_tells_apart(events_sharp.class_event(2, 2, (1, 3), densities), truth, other)


@pytest.mark.parametrize("needs", [[[True], [True]], [[True, True], [True, False]]])
def test_the_sharp_construction_is_simulated(needs):
    shapes, densities = [(2, 2), (2, 2), (2, 2)], (Fraction(4, 5), Fraction(3, 4), Fraction(7, 10))

    def holds(first: np.ndarray, second: np.ndarray, last: np.ndarray) -> bool:
        owners = greedy(last, needs)
        return owners is not None and all(solved(first, second[v]) for v, owner in enumerate(owners) if owner >= 0)

    def coloured(first: np.ndarray, second: np.ndarray, last: np.ndarray) -> bool:
        return greedy(last, needs) is not None

    truth, other = (over_masks(event, shapes, densities) for event in (holds, coloured))
    assert_tells_apart(events_sharp.sharp_event(needs, 2, (2, 2), densities), truth, other)


def test_sizes_are_simulated_and_follow_their_law():
    weights = cover_weights(3, THREE_FIFTHS)
    low, high = size_shortfall(weights, 5, 3, THREE_FIFTHS)
    assert high - low < Fraction(1, 10**10)
    other = size_shortfall(weights, 6, 3, THREE_FIFTHS)[0]
    assert_tells_apart(events_sharp.sizes_event(weights, 3, 5, THREE_FIFTHS), 1 - low, 1 - other)


def test_free_parameters_are_simulated():
    def counted(first: np.ndarray, second: np.ndarray) -> bool:
        def free(rows) -> int:
            return sum(
                max(0, int(reads.sum() + read.sum()) - 1) if reads.any() and read.any() else 0
                for reads, read in zip(first, second[list(rows)].T, strict=True)
            )

        return any(free(rows) >= 4 for rows in itertools.combinations(range(len(second)), 2))

    truth = over_masks(counted, [(2, 2), (3, 2)], (HALF, THREE_FIFTHS))
    other = over_masks(counted, [(2, 2), (2, 2)], (HALF, THREE_FIFTHS))
    assert_tells_apart(events_sharp.counted_event(2, 2, (2, 3), (HALF, THREE_FIFTHS)), truth, other)


def test_reached_neurons_agree_with_every_mask():
    def reached(first, second):
        paths = np.array(second, dtype=int) @ np.array(first, dtype=int)
        return (paths > 0).all(axis=1).sum() >= 2

    truth = over_masks(reached, [(2, 2), (3, 2)], (HALF, THREE_FIFTHS))
    other = over_masks(reached, [(2, 2), (2, 2)], (HALF, THREE_FIFTHS))
    assert_tells_apart(events_sharp.reached_event(2, 2, (2, 3), (HALF, THREE_FIFTHS)), truth, other)


def test_edges_of_the_domain_of_the_law():
    assert sequential_law([], 3, HALF) == 1
    assert sequential_law([[True]], 0, HALF) == 0
    with pytest.raises(InvalidInput, match="neurons"):
        sequential_law([[True]], -1, HALF)
    with pytest.raises(InvalidInput, match="density"):
        sequential_law([[True]], 1, Fraction(0))
