"""Spare neurons of layer 1: smaller N_0 with the same N_1, certified, never worse, and answers both ways agree."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest

from ertheory import sparsity as largest_sparsity
from ertheory.bounds.sharp.given import least_failure
from ertheory.bounds.sharp.law import Design, colouring
from ertheory.bounds.sharp.search import designs
from ertheory.bounds.sharp.spare import counted, spared, wired
from ertheory.bounds.sharp.widths import sharp
from ertheory.networks.target import Target

DELTA = Fraction(1, 1000)
MNIST = Target.from_text("784-128-10")
SMALL = Target.from_text("12-8-3")
HALF = Fraction(1, 2)


def plain(target: Target, density: Fraction, first: int, second: int) -> Design:
    colours = colouring(target, density, "sequential")
    return Design(target, (density,) * 3, colours, "primal", first, second, second)


def below(trials: int, count: int, chance: Fraction) -> Fraction:
    return sum((comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(count)), start=Fraction(0))


@pytest.mark.parametrize(
    ("sparsity", "before", "widths"),
    [("0.9", 9206, (8551, 1850, 10)), ("0.95", 18529, (17087, 3513, 10)), ("0.99", 213743, (213743, 17666, 10))],
)
def test_the_paper_s_target_needs_fewer_neurons_in_layer_0(sparsity, before, widths):
    answer = sharp(MNIST, (1 - Fraction(sparsity),) * 3, DELTA)
    assert answer.widths == widths
    design = answer.design
    assert design.failure()[1] <= DELTA < replace(design, first_width=widths[0] - 1).failure()[0]
    # All neurons of layer 1 counted on, the smallest N_0 is the one of before.
    everyone = replace(design, first_width=before, served=widths[1], columns=0)
    assert everyone.failure()[1] <= DELTA < replace(everyone, first_width=before - 1).failure()[0]


@pytest.mark.parametrize(("sparsity", "widths"), [("0.9", (8551, 1850)), ("0.95", (17087, 3513))])
def test_sparsity_grants_what_width_answers(sparsity, widths):
    """Some 22 and 42 spare neurons make these widths enough; fewer do not, and the search passes them."""
    (found,) = largest_sparsity(MNIST, widths, failure_probability=DELTA, method="sharp")
    assert found.sparsity == Fraction(sparsity)


def test_the_bound_is_the_theorem_s():
    """12-8-3 at density 1/2, in fractions: K < k for at most N_1 - N' neurons, and N' that are coloured."""
    design = replace(plain(SMALL, HALF, 60, 40), served=37, columns=20)
    few = below(60, 20, HALF)
    low, high = design.failure()
    first, last = design.first_layer(), design.colours.failure(37)
    assert low <= first[1] + last[1] + below(40, 37, 1 - few)
    assert first[0] + last[0] + below(40, 37, 1 - few) <= high < low * (1 + Fraction(1, 10**6))


@pytest.mark.parametrize("neurons", [40, 60, 90])
def test_k_is_as_good_as_any_other(neurons):
    design = replace(plain(SMALL, HALF, neurons, 40), served=37)
    least = min(replace(design, columns=k).failure()[1] for k in range(12, neurons))
    assert wired(design).failure()[1] <= least * (1 + Fraction(1, 10**9))


def test_what_is_counted_on_is_nearly_the_best():
    design = plain(SMALL, HALF, 60, 40)
    failure, found = counted(design)
    assert failure == found.failure()[1]
    least = min(wired(replace(design, served=served)).failure()[1] for served in range(20, 40))
    assert least <= failure <= least * Fraction(11, 10)
    narrow = plain(SMALL, HALF, 11, 40)  # fewer than there are inputs
    assert counted(narrow) == (Fraction(1), narrow)


def test_designs_that_are_drawn_elsewhere_have_spare_neurons():
    """The case of `test_sharp`, in which the construction is run on drawn masks."""
    (design,) = designs(SMALL, (HALF,) * 3, colouring(SMALL, HALF, "sequential"), Fraction(1, 10), "coded", "last")
    assert design.served < design.last_width
    assert design.columns == SMALL.inputs
    assert design.failure()[1] > Fraction(1, 50)


def test_a_layer_0_that_is_too_narrow_gains_nothing():
    narrow = plain(SMALL, HALF, 11, 40)
    assert wired(narrow) == narrow
    assert spared(narrow, Fraction(1, 20)) == narrow


@pytest.mark.parametrize("text", ["12-8-3", "20-10-5", "30-4-2", "9-6-6"])
@pytest.mark.parametrize("density", [Fraction(1, 5), HALF, Fraction(7, 10)], ids=str)
def test_widths_are_read_back(text, density):
    """What `width` answers, `confidence` grants; and never more neurons than with all of layer 1."""
    target, delta = Target.from_text(text), Fraction(1, 20)
    answer = sharp(target, (density,) * 3, delta, layer0="coded")
    asked = target, answer.densities, answer.widths, ("sequential", "matching")
    assert least_failure(*asked)[0] <= delta
    assert least_failure(*asked, enough=delta)[0] <= delta  # what `sparsity` asks
    design = answer.design
    assert design.failure()[1] <= delta
    if design.layer0 == "primal":
        everyone = plain(target, density, answer.widths[0] - 1, answer.widths[1])
        assert design.served < answer.widths[1] or everyone.failure()[0] > delta
