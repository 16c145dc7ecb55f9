"""Class coding: the law against fractions and enumeration, the widths it reaches, and masks enumerated to the end."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from ertheory.bounds.sharp.chains import chain
from ertheory.bounds.sharp.classes import Classes, class_width, rows_of
from ertheory.bounds.sharp.coded import dual_failure
from ertheory.bounds.sharp.law import Design, colouring
from ertheory.bounds.sharp.widths import sharp
from ertheory.builders.sharp.coded import solvable_on
from ertheory.errors import InfeasibleWidth
from ertheory.masks import read_masks
from ertheory.networks.target import Target, network_of
from ertheory.numbers import Masses
from tests.strategies import HALF
from tests.theory.bounds.test_coded import eps, saturates
from tests.theory.bounds.test_sharp import colour

DELTA = Fraction(1, 1000)
TARGET = Target.from_text("784-128-10")
HIGH = Fraction(9, 10)
SIZES = {1: Fraction(1, 4), 2: HALF, 4: Fraction(1, 4)}


def classes_of(count: int, sizes: dict[int, Fraction], taps: int = 1) -> Classes:
    values = np.zeros(max(sizes) + 1)
    for size, chance in sizes.items():
        values[size] = float(chance)
    return Classes(((count, Masses(0, values, 0)),), taps)


def rows_in_fractions(count: int, part: int) -> dict[int, Fraction]:
    law = {0: Fraction(1)}
    for _ in range(count):
        grown: dict[int, Fraction] = {}
        for (rows, weight), (size, chance) in itertools.product(law.items(), SIZES.items()):
            grown[rows + -(-size // part)] = grown.get(rows + -(-size // part), Fraction(0)) + weight * chance
        law = grown
    return law


@pytest.mark.parametrize("part", [1, 2, 3, 4, 9])
def test_rows_are_parts_times_taps(part):
    law = rows_in_fractions(3, part)
    found = rows_of(classes_of(3, SIZES, taps=2), part)
    for rows in range(found.first, found.last + 1):
        wanted = float(law.get(rows // 2, 0)) if rows % 2 == 0 else 0
        assert found.values[rows - found.first] == pytest.approx(wanted, rel=1e-12)
    groups = rows_of(Classes((*classes_of(1, SIZES).groups, *classes_of(2, SIZES).groups)), part)
    assert groups.values == pytest.approx(rows_of(classes_of(3, SIZES), part).values, rel=1e-12)
    fixed = rows_of(Classes(((5, Masses(7, np.ones(1), 0)),)), part)
    assert (fixed.first, fixed.last) == (5 * -(-7 // part),) * 2


@pytest.mark.parametrize("part", [1, 2, 4])
@pytest.mark.parametrize("densities", [(HALF, HIGH), (HIGH, Fraction(4, 5))])
def test_the_law_is_the_mean_over_the_rows(part, densities):
    first, second = densities
    low, high = dual_failure(rows_of(classes_of(3, SIZES), part), 2, 24, (first, second**part))
    wanted = sum(
        weight * min(1, 2 * eps(rows, 24, second**part, first)) for rows, weight in rows_in_fractions(3, part).items()
    )
    assert low <= wanted <= high
    assert high - low < Fraction(1, 10**9)


def unmatched(sizes: tuple[int, ...], columns: int, second: Fraction) -> Fraction:
    """Probability that parts of these sizes have no matching into the columns, over all masks."""
    total = Fraction(0)
    for mask in itertools.product((0, 1), repeat=len(sizes) * columns):
        grid = np.reshape(mask, (len(sizes), columns))
        if not saturates(grid.astype(bool)):
            chance = Fraction(1)
            for size, edges in zip(sizes, grid.sum(axis=1).tolist(), strict=True):
                chance *= second ** (size * edges) * (1 - second**size) ** (columns - edges)
            total += chance
    return total


@pytest.mark.parametrize(("part", "sizes"), [(2, (2, 1)), (2, (2, 2)), (3, (3, 1))])
def test_no_mask_is_forgotten(part, sizes):
    neurons, first, second = 6, HIGH, Fraction(4, 5)
    exact = sum(
        comb(neurons, k) * first**k * (1 - first) ** (neurons - k) * (unmatched(sizes, k, second) if k > 1 else 1)
        for k in range(neurons + 1)
    )
    law = rows_of(Classes(tuple((1, Masses(size, np.ones(1), 0)) for size in sizes)), part)
    assert exact <= dual_failure(law, 1, neurons, (first, second**part))[1] < 1


@pytest.mark.parametrize(
    ("sparsity", "first", "last", "part"),
    [("0.1", 166, 231, 3), ("0.2", 196, 285, 4), ("0.3", 232, 339, 4), ("0.5", 461, 475, 3)],
)
def test_the_reference_widths_are_reached(sparsity, first, last, part):
    answer = sharp(TARGET, (1 - Fraction(sparsity),) * 3, DELTA)
    design = answer.design
    assert isinstance(design, Design)
    assert (design.layer0, design.part) == ("classes", part)
    assert answer.widths[0] == first
    assert answer.widths[1] <= last
    assert f"(classes); up to s = {part} copies share their weights" in answer.reason
    assert answer.success_lower >= 1 - DELTA
    assert replace(design, first_width=first - 1).failure()[0] > DELTA


def test_the_best_part_is_taken():
    classes = colouring(TARGET, HALF, "sequential").classes(1)
    share = Fraction(1, 2000)
    found, part = class_width(classes, 784, (HALF, HALF), share)
    for size in range(1, 7):
        law = rows_of(classes, size)
        enough = dual_failure(law, 784, found - 1, (HALF, HALF**size))[1] <= share
        assert not enough
    assert dual_failure(rows_of(classes, part), 784, found, (HALF, HALF**part))[1] <= share
    assert class_width(classes, 784, (HALF, HALF), share, below=found + 1) == (found, part)
    with pytest.raises(InfeasibleWidth):
        class_width(classes, 784, (HALF, HALF), share, below=found)


def test_other_ways_stay_where_parts_reach_too_little():
    answer = sharp(TARGET, (Fraction(1, 10),) * 3, DELTA)
    assert (answer.design.layer0, answer.design.part, answer.widths[0]) == ("primal", 1, 8551)


def test_layer_1_of_deeper_targets_is_coded_by_classes_too():
    answer = sharp(Target.from_text("40-6-5-3"), (HIGH,) * 4, DELTA, layer0="coded")
    design = answer.design
    assert design.layer0 == "classes"
    assert design.factors == design.thresholds  # every copy in layer 1 is good
    assert rows_of(design.classes, design.part).first == 6 * -(-design.thresholds[0] // design.part)
    assert answer.widths[0] < 40  # the primal needs 40 columns at least


def test_filters_have_a_row_for_every_tap():
    target = Target.from_arrays([np.ones((3, 8, 2)), np.ones((2, 3))])
    design = sharp(target, (Fraction(19, 20),) * 3, Fraction(1, 20), layer0="coded").design
    assert design.layer0 == "classes"
    assert design.classes.taps == 2
    assert rows_of(design.classes, 99).first == 6


def test_sizes_of_classes():
    dense = colouring(TARGET, HALF, "sequential").classes(1)
    assert dense.groups == ((128, chain(HALF, 10)),)
    assert colouring(TARGET, HALF, "matching").classes(1).groups[0][1].first == 10
    sparse = Target.from_arrays([np.ones((4, 5)), [[1, 1, 0, 0], [1, 0, 0, 1], [1, 0, 0, 0]]])
    counts = {law.last: count for count, law in colouring(sparse, HALF, "matching").classes(1).groups}
    assert counts == {1: 2, 3: 1}  # nothing needs one of the four


def test_the_builder_finds_what_the_theorem_counts_on_every_mask():
    # All 2^13 masks of a source (2, 3, 1) for 2-2-1: the event of the theorem, its bound, and the builder.
    density, widths, target = Fraction(19, 20), (2, 3, 1), Target.from_text("2-2-1")
    colours = colouring(target, density, "sequential")
    bound = 1 - Design(target, (density,) * 3, colours, "classes", widths[0], 3, 3, part=2).failure()[1]
    network = network_of(Target.from_arrays([[[1.0, -2.0], [0.5, 3.0]], [[2.0, 1.0]]], domain=[(-1, 1), (-1, 1)]))
    chance, found = Fraction(0), []
    for last in itertools.product((False, True), repeat=3):
        owners = colour(np.array([last]), 2, "sequential")
        for second in itertools.product((False, True), repeat=6) if owners is not None else ():
            shared = np.array([np.reshape(second, (3, 2))[owners == j].all(axis=0) for j in range(2)])
            for first in itertools.product((False, True), repeat=4) if shared.any() else ():
                if all(saturates(shared[:, list(reads)]) for reads in zip(first[:2], first[2:], strict=True)):
                    ones = sum((*first, *second, *last))
                    chance += density**ones * (1 - density) ** (13 - ones)
                    found.append((np.reshape(first, (2, 2)), np.reshape(second, (3, 2)), np.reshape(last, (1, 3))))
    for masks in found:
        assert solvable_on(network, read_masks([mask.astype(int).tolist() for mask in masks]), "sequential")
    assert len(found) > 20
    assert 0 < bound <= chance
