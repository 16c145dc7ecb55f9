"""Three factors: theorems against generic ranks, bounds against the law of all masks, widths against draws."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from ertheory.bounds import success_probability, width, widths
from ertheory.bounds.factored import MapShape, shapes_of_target
from ertheory.bounds.factored.best_triple import best_triple
from ertheory.bounds.factored.colouring import colouring_failure, least_colouring
from ertheory.bounds.factored.given_triples import triple_failure
from ertheory.bounds.factored.linking import linking_failure, unlinked
from ertheory.bounds.factored.necessary import edge_ceiling, middle_ceiling, outer_rank_ceiling
from ertheory.bounds.factored.triple import THEOREMS, triple_map
from ertheory.bounds.factored.triple_network import triple_design
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.layerwise.model_target import model_target
from ertheory.networks.layer import Layer
from ertheory.networks.target import Target
from ertheory.numbers import ends
from tests import oracles_factored as oracles

DELTA = Fraction(1, 1000)
HALF = Fraction(1, 2)


def shape(inputs, outputs, taps=1):
    return MapShape("map", inputs, outputs, taps, (inputs, outputs), inputs * outputs * taps)


def triples(inputs, outputs, neurons):
    sizes = (neurons[0], inputs), (neurons[1], neurons[0]), (outputs, neurons[1])
    total = sum(math.prod(size) for size in sizes)
    for bits in product((False, True), repeat=total):
        flat, at = np.array(bits), 0
        masks = []
        for size in sizes:
            masks.append(flat[at : at + math.prod(size)].reshape(size))
            at += math.prod(size)
        yield masks


@pytest.mark.parametrize(("inputs", "outputs", "neurons"), [(1, 1, (2, 2)), (2, 1, (2, 2)), (1, 2, (2, 2))])
def test_all_masks_of_tiny_triples(inputs, outputs, neurons):
    densities = (Fraction(9, 10), Fraction(4, 5), Fraction(2, 3))
    failing = dict.fromkeys(("linking", "transposed", "colouring"), Fraction(0))
    rng = np.random.default_rng(5)
    for first, middle, last in triples(inputs, outputs, neurons):
        holds = {
            "linking": oracles.linked(first, middle, last),
            "transposed": oracles.linked(last.T, middle.T, first.T),
            "colouring": oracles.coloured(first, middle, last, (1, 1)),
        }
        if any(holds.values()):  # each of them reaches an open set at least
            assert oracles.generic_triple_rank(first, middle, last, rng) == inputs * outputs
        chance = math.prod(
            density ** int(mask.sum()) * (1 - density) ** int(mask.size - mask.sum())
            for mask, density in zip((first, middle, last), densities, strict=True)
        )
        for name, held in holds.items():
            failing[name] += 0 if held else chance
    assert failing["linking"] <= linking_failure(inputs, outputs, neurons, densities) <= 1
    assert failing["transposed"] <= linking_failure(outputs, inputs, neurons[::-1], densities[::-1]) <= 1
    assert failing["colouring"] <= colouring_failure(inputs, outputs, neurons, (1, 1), densities) <= 1


@given(st.integers(1, 14), st.integers(0, 25), st.integers(0, 30), st.integers(1, 9), st.integers(1, 9))
def test_sums_over_ranges_are_above_the_sum_itself(outputs, more, spare, second, third):
    count, neurons, p2, p3 = outputs + more, outputs + spare, second / 10, third / 10
    exact = sum(
        math.comb(outputs, t)
        * math.comb(count, a)
        * binom.cdf(t - 1 - a, neurons, (1 - (1 - p3) ** t) * (1 - (1 - p2) ** (count - a)))
        for t in range(1, outputs + 1)
        for a in range(t)
    )
    bound = unlinked(outputs, [count], neurons, (Fraction(second, 10), Fraction(third, 10)))[0]
    assert bound >= exact * (1 - 1e-9)


def test_one_output_is_nearly_the_law_of_paths():
    # With m = 1 an input is linked just if it has a path, and the bound is E[(1 - p_3 (1 - (1 - p_2)^K))^N_2].
    neurons, densities = (40, 50), (HALF, Fraction(1, 5), Fraction(2, 5))
    counts = np.arange(41)
    lost = (1 - 0.4 * (1 - 0.8**counts)) ** 50
    exact = 3 * float(binom.pmf(counts, 40, 0.5) @ lost)
    bound = float(linking_failure(3, 1, neurons, densities))
    assert exact <= bound * (1 + 1e-9)
    assert bound <= 1.6 * exact  # numbers of columns are looked at in steps


# Hoeffding: of 300 draws a share that is 0.186 above the probability is seen less than once in 1e9 tests.
@pytest.mark.parametrize(
    ("inputs", "outputs", "neurons", "densities"),
    [(8, 4, (18, 14), (HALF, HALF, HALF)), (4, 6, (22, 24), (HALF, Fraction(2, 5), HALF))],
)
def test_draws_fail_no_more_often_than_the_bounds_say(inputs, outputs, neurons, densities):
    rng = np.random.default_rng(20261130)
    failures = {"linking": 0, "colouring": 0}
    for _ in range(300):
        first, middle, last = (
            rng.random(size) < float(density)
            for size, density in zip(
                ((neurons[0], inputs), (neurons[1], neurons[0]), (outputs, neurons[1])), densities, strict=True
            )
        )
        failures["linking"] += not oracles.linked(first, middle, last)
        failures["colouring"] += not oracles.coloured(first, middle, last, (2, 2))
    assert failures["linking"] / 300 <= linking_failure(inputs, outputs, neurons, densities) + Fraction(186, 1000)
    assert failures["colouring"] / 300 <= (
        colouring_failure(inputs, outputs, neurons, (2, 2), densities) + Fraction(186, 1000)
    )


@settings(max_examples=10)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(2, 9), st.sampled_from(THEOREMS))
def test_a_width_is_enough_and_the_least_for_its_other_width(inputs, outputs, tenths, theorem):
    density = (Fraction(tenths, 10),) * 3
    found = triple_map(shape(inputs, outputs), densities=density, failure_probability=DELTA, theorems=(theorem,))
    assert found.failure <= DELTA
    first, second = found.inner
    if theorem == "linking":
        assert linking_failure(inputs, outputs, (first - 1, second), density) > DELTA
    elif theorem == "linking-transposed":
        assert linking_failure(outputs, inputs, (second - 1, first), density) > DELTA
    else:
        assert found.classes[0] * found.classes[1] >= 1
        assert colouring_failure(inputs, outputs, found.inner, found.classes, density) == found.failure
    assert found.edges_expected == density[0] * (inputs * first + first * second + second * outputs)


def test_three_factors_take_fewer_edges_where_paths_are_rare():
    (two, three) = (
        width(
            Target.from_text("300-40"),
            method="factored",
            sparsity="0.99",
            factors=factors,
            failure_probability=DELTA,
        )
        for factors in (2, 3)
    )
    assert three.edges_expected < two.edges_expected * Fraction(2, 3)
    assert (len(two.widths), len(three.widths)) == (2, 3)
    assert three.edges_expected == three.design.edges_expected
    assert three.success_lower == three.design.success_lower >= 1 - DELTA
    widths_, classes = least_colouring(10, 10, (Fraction(1, 20),) * 3, DELTA, edges=False)
    assert colouring_failure(10, 10, widths_, classes, (Fraction(1, 20),) * 3) <= DELTA


@pytest.mark.parametrize(("inputs", "outputs", "density"), [(20, 6, "0.1"), (4, 12, "0.2")])
def test_chosen_densities_ask_for_fewer_edges_at_the_same_sparsity(inputs, outputs, density):
    one = shape(inputs, outputs)
    equal = triple_map(one, densities=(density,) * 3, failure_probability=DELTA)
    best = best_triple(one, equal)
    assert best.density <= equal.density == Fraction(density)
    assert best.edges_expected < equal.edges_expected
    assert best.failure <= DELTA
    assert triple_failure(one, best.inner, best.densities)[0] <= DELTA
    fewest = best_triple(one, equal, objective="total")
    assert sum(fewest.inner) <= sum(equal.inner)
    assert fewest.density <= equal.density


def test_a_network_is_asked_for_the_best_densities_of_three_factors():
    target = Target.from_text("12-4-4")
    asked = {"method": "factored", "density": "0.1", "factors": 3, "failure_probability": DELTA}
    equal, best = (width(target, split=split, **asked) for split in ("equal", "best"))
    assert best.edges_expected < equal.edges_expected
    assert best.densities == best.design.densities != equal.densities
    assert best.success_lower >= 1 - DELTA
    held = success_probability(target, best.widths, best.densities, method="factored", factors=3)
    assert held.success_lower >= 1 - DELTA


def test_convolutions_and_architectures_have_three_factors():
    conv = Target((Layer(6, 4, (3, 3)),))
    lifted = width(conv, method="factored", density="0.4", factors=3, failure_probability=DELTA)
    (one,) = lifted.design.maps
    assert one.form == "spatial-first"  # zero padding would meet lifted neurons
    assert lifted.edges_expected == one.edges_expected
    free = width(conv, method="factored", density="0.4", factors=3, inner="identity", failure_probability=DELTA)
    assert free.edges_expected <= lifted.edges_expected
    design = triple_design(shapes_of_target(model_target("40-9-5")), densities=["0.3"], failure_probability=DELTA)
    assert len(design.widths) == 6


def test_bad_input_is_one_clear_line():
    mnist = Target.from_text("784-128-10")
    asked = {"failure_probability": DELTA, "density": "0.1"}
    with pytest.raises(InvalidInput, match="factors: expected 2 or 3, got 4"):
        widths(mnist, factors=4, **asked)
    with pytest.raises(InvalidInput, match="split: expected one of equal, best"):
        triple_design([shape(4, 3)], densities=["0.5"], failure_probability=DELTA, split="worst")
    with pytest.raises(InvalidInput, match="inner"):
        width(mnist, method="factored", factors=3, inner="relu-positive", **asked)
    with pytest.raises(InvalidInput, match="one number, or 6"):
        width(mnist, method="factored", factors=3, density=("0.1",) * 4, failure_probability=DELTA)
    with pytest.raises(InfeasibleWidth, match="layer 1: three factors of 784 inputs and 128 outputs"):
        width(mnist, method="factored", factors=3, density="1e-7", failure_probability=DELTA)


@pytest.mark.parametrize("triple", [(HALF, HALF, HALF), (Fraction(9, 10), Fraction(1, 3), Fraction(3, 5))])
@pytest.mark.parametrize(
    ("inputs", "outputs", "inner"), [(1, 1, (2, 2)), (2, 1, (2, 2)), (2, 2, (2, 1)), (1, 2, (1, 3))]
)
def test_ceilings_are_above_the_law_of_all_masks(inputs, outputs, inner, triple):
    first, second = inner
    law = Fraction(0)
    for masks in triples(inputs, outputs, inner):
        chance = Fraction(1)
        for mask, density in zip(masks, triple, strict=True):
            ones = int(mask.sum())
            chance *= density**ones * (1 - density) ** (mask.size - ones)
        below, middle, above = (mask.astype(int) for mask in masks)
        law += chance * bool((above @ middle @ below > 0).all())
    ceilings = (
        edge_ceiling(inputs, first, triple[0]),
        edge_ceiling(outputs, second, triple[2]),
        middle_ceiling(first, second, triple),
        outer_rank_ceiling(inputs, 1, first, triple[0]),
        outer_rank_ceiling(outputs, 1, second, triple[2]),
    )
    assert all(law <= ends(ceiling)[1] for ceiling in ceilings)
    if (inputs, outputs) == (1, 1):  # Jensen's inequality loses little here
        assert law > Fraction(7, 10) * ends(ceilings[2])[0]


def test_no_sufficient_width_of_three_factors_is_below_a_necessary_one():
    rng = np.random.default_rng(3)
    for _ in range(12):
        sizes = "-".join(str(int(size)) for size in rng.integers(1, 40, size=2))
        asked = {
            "density": Fraction(int(rng.integers(2, 20)), 20),
            "failure_probability": Fraction(1, int(rng.integers(2, 2000))),
            "factors": 3,
        }
        rows = {row.method: row for row in widths(Target.from_text(sizes), **asked)}
        enough = rows["factored"].widths
        for name in ("factored-paths", "factored-count"):
            assert rows[name].applies
            assert all(least <= given for least, given in zip(rows[name].widths, enough, strict=True))


def test_necessary_widths_of_three_factors_are_those_of_their_formulas():
    asked = {"density": Fraction(1, 10), "failure_probability": DELTA, "factors": 3}
    paths, count = (width(Target.from_text("9-4"), method=f"factored-{name}", **asked) for name in ("paths", "count"))
    for ends_, number in ((9, paths.widths[0]), (4, paths.widths[1])):
        assert (1 - Fraction(9, 10) ** number) ** ends_ >= 1 - DELTA > (1 - Fraction(9, 10) ** (number - 1)) ** ends_
    for ends_, number in ((9, count.widths[0]), (4, count.widths[1])):
        alive = 1 - Fraction(9, 10) ** ends_
        tails = [
            sum(math.comb(wide, k) * alive**k * (1 - alive) ** (wide - k) for k in range(4, wide + 1))
            for wide in (number, number - 1)
        ]
        assert tails[0] >= 1 - DELTA > tails[1]
    assert "N1 = 87, N2 = 79" in paths.explain()
    assert "whatever the other width is" in paths.explain()


@pytest.mark.parametrize("edges", [True, False])
@pytest.mark.parametrize(
    ("inputs", "outputs", "densities"),
    [(4, 30, ("1/2", "1/5", "1/3")), (8, 3, ("9/10", "1/20", "1/4")), (3, 40, ("1/4", "1/20", "9/10"))],
)
def test_a_map_and_its_transpose_cost_about_the_same(inputs, outputs, densities, edges):
    """The colouring of a map is that of its transpose from the other end; the sizes that are tried differ a little."""

    def cost(inputs, outputs, p):
        first, second = least_colouring(inputs, outputs, p, Fraction(1, 100), edges=edges)[0]
        return p[0] * first * inputs + p[1] * first * second + p[2] * second * outputs if edges else first + second

    known = tuple(map(Fraction, densities))
    here, there = cost(inputs, outputs, known), cost(outputs, inputs, known[::-1])
    assert max(here, there) <= Fraction(115, 100) * min(here, there)
