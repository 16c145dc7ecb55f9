"""The size bound: weights that cover, laws against enumeration, and no packing of any mask that beats it."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds import width
from ertheory.bounds.necessary import size_lp as module
from ertheory.bounds.necessary.degree import degree
from ertheory.bounds.necessary.size_lp import cheapest_cover, cover_weights, size_lp, size_shortfall
from ertheory.bounds.sharp.private import private_width
from ertheory.bounds.sharp.sequential import dense_stages, sequential_width
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from tests.strategies import HALF

DELTA = Fraction(1, 1000)
TARGET = Target.from_text("784-128-10")


def multisets(outputs: int):
    """All minimal multisets of sizes that sum to the outputs at least."""
    for length in range(1, outputs + 1):
        for sizes in itertools.combinations_with_replacement(range(1, outputs + 1), length):
            if sum(sizes) >= outputs > sum(sizes) - sizes[0]:
                yield sizes


def test_seventy_six_multisets():
    assert sum(1 for _ in multisets(10)) == 76


@settings(max_examples=50)
@given(st.integers(1, 7).flatmap(lambda o: st.lists(st.fractions(0, 2, max_denominator=9), min_size=o, max_size=o)))
def test_the_cheapest_cover_is_that_of_all_multisets(values):
    weights = (Fraction(0), *values)
    assert cheapest_cover(weights) == min(sum(weights[s] for s in sizes) for sizes in multisets(len(values)))


@pytest.mark.parametrize("outputs", [1, 2, 3, 5, 10, 17])
@pytest.mark.parametrize("density", [Fraction(1, 50), Fraction(3, 10), HALF, Fraction(9, 10), 1 - Fraction(1, 10**12)])
def test_the_weights_cover(outputs, density):
    weights = cover_weights(outputs, density)
    assert len(weights) == outputs + 1
    assert weights[0] == 0
    assert min(weights) >= 0
    assert cheapest_cover(weights) >= 1


@pytest.mark.parametrize("denominator", range(1, 8))
def test_coarsely_rounded_weights_still_cover(monkeypatch, denominator):
    monkeypatch.setattr(module, "_LARGEST_DENOMINATOR", denominator)
    for outputs, density in [(7, HALF), (10, HALF), (11, Fraction(2, 5))]:
        assert cheapest_cover(cover_weights.__wrapped__(outputs, density)) >= 1


def test_the_linear_program_is_solved():
    # With density .9 nearly all neurons see nine or ten outputs; two of them cover unless one sees all ten.
    assert cover_weights(10, Fraction(9, 10))[9:] == (HALF, 1)
    assert cover_weights(10, HALF)[5] == HALF


@pytest.mark.parametrize(("outputs", "neurons", "classes"), [(2, 4, 2), (2, 5, 2), (3, 3, 2), (3, 4, 2)])
@pytest.mark.parametrize("density", [Fraction(1, 3), Fraction(3, 4)])
def test_no_packing_does_better(outputs, neurons, classes, density):
    weights = cover_weights(outputs, density)
    short, packed = Fraction(0), Fraction(0)
    for bits in itertools.product((0, 1), repeat=outputs * neurons):
        mask = np.reshape(bits, (outputs, neurons))
        chance = density ** sum(bits) * (1 - density) ** (len(bits) - sum(bits))
        if sum(weights[size] for size in mask.sum(axis=0)) < classes:
            short += chance
        if any(
            all(mask[:, np.array(colours) == j].any(axis=1).all() for j in range(classes))
            for colours in itertools.product(range(classes), repeat=neurons)
        ):
            packed += chance
    low, high = size_shortfall(weights, neurons, classes, density)
    assert low <= short <= high
    assert high - low < Fraction(1, 10**10)
    assert packed <= 1 - low


@pytest.mark.parametrize("sparsity", ["0.1", "0.3", "0.5", "0.7", "0.9", "0.99"])
def test_it_lies_below_what_suffices(sparsity):
    density = 1 - Fraction(sparsity)
    width = size_lp(TARGET, (density,) * 3, DELTA).widths[1]
    assert width <= sequential_width(dense_stages(128, 10), density, DELTA)[0]
    assert width <= private_width((128,) * 10, density, DELTA)[0]
    weights = cover_weights(10, density)
    assert size_shortfall(weights, width, 128, density)[0] <= DELTA
    assert size_shortfall(weights, width - 1, 128, density)[0] > DELTA


def test_it_is_sharper_than_the_degrees_where_layers_are_dense():
    densities = (HALF, HALF, Fraction(7, 10))
    assert size_lp(TARGET, densities, DELTA, first_width=10_000).widths[1] == 255
    assert degree(TARGET, densities, DELTA, first_width=10_000).widths[1] < 255
    sparse = (HALF, HALF, Fraction(1, 10))
    assert size_lp(TARGET, sparse, DELTA).widths[1] < degree(TARGET, sparse, DELTA, first_width=10_000).widths[1]


def test_it_applies_at_sparsity_a_fifth():
    fifth = (Fraction(4, 5),) * 3
    assert size_lp(TARGET, fifth, DELTA, first_width=388).widths[1] == 244
    answer = width(TARGET, method="size-lp", sparsity="0.2", failure_probability=DELTA)
    assert (answer.widths, answer.holds_up_to[0]) == ((None, 244, 10), 2724)


def test_the_hypotheses_are_stated():
    dense = (Fraction(9, 10),) * 3
    answer = size_lp(TARGET, dense, DELTA, first_width=10_000)
    assert not answer.applies
    assert answer.widths[1] is None
    assert "says nothing" in answer.reason
    affine = size_lp(TARGET, dense, DELTA)
    assert affine.applies
    assert "if layer 0 is affine on the box" in affine.reason
    assert not size_lp(Target.from_text("4-8-3"), (HALF,) * 3, DELTA).applies
    assert "up to 100 outputs" in size_lp(Target.from_text("300-20-101"), (HALF,) * 3, DELTA).reason
    assert size_lp(TARGET, (HALF, HALF, Fraction(1)), DELTA).widths[1] == 128
    # However likely failure may be: nothing is left to chance.
    assert size_lp(TARGET, (HALF, HALF, Fraction(1)), 1 - Fraction(1, 10**30)).widths[1] == 128


def test_weights_that_do_not_cover_are_refused():
    for weights in [
        (Fraction(0), Fraction(2, 5), Fraction(1)),
        (Fraction(1), Fraction(1)),
        (Fraction(0), Fraction(1), -HALF),
    ]:
        with pytest.raises(InvalidInput, match=r"^weights: "):
            size_shortfall(weights, 3, 1, HALF)
