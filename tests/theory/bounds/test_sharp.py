"""Sharp widths: the reference table, the law in fractions, and constructions on drawn masks from layer 0 upwards."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import beta

from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.necessary.degree import degree
from ertheory.bounds.sharp.law import Design, colouring, missing_link, short_of
from ertheory.bounds.sharp.search import designs
from ertheory.bounds.sharp.widths import matching, sequential, sharp
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.networks.target import Target
from tests.strategies import HALF

FALSE_ALARM = 1e-9  # of every Monte-Carlo comparison; seeds are fixed, so this is the rate over seeds
DELTA = Fraction(1, 1000)
TARGET = Target.from_text("784-128-10")


def binomial_below(trials: int, count: int, chance: Fraction) -> Fraction:
    return sum(
        (comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(min(count, trials + 1))),
        start=Fraction(0),
    )


def matched(mask: np.ndarray) -> np.ndarray | None:
    """Columns that all rows of a boolean array are matched to, or nothing."""
    if mask.shape[1] < mask.shape[0]:
        return None
    found = maximum_bipartite_matching(csr_matrix(mask), perm_type="column")
    return found if (found >= 0).all() else None


def colour(last: np.ndarray, classes: int, method: str) -> np.ndarray | None:
    """Classes of the neurons of the last hidden layer given its mask (outputs, neurons), -1 for none."""
    outputs, neurons = last.shape
    colours = np.full(neurons, -1)
    if method == "matching":
        found = matched(np.repeat(last, classes, axis=0))
        if found is None:
            return None
        colours[found] = np.tile(np.arange(classes), outputs)
        return colours
    for row in last:
        missing = [j for j in range(classes) if not (row & (colours == j)).any()]
        free = np.flatnonzero(row & (colours < 0))
        if len(free) < len(missing):
            return None
        colours[free[: len(missing)]] = missing
    return colours


def builds(design: Design, random: np.random.Generator) -> bool:
    """Draw all masks of a fully connected target without zeros, and run the construction from layer 0 upwards."""
    target, widths = design.target, design.widths
    reads = (target.inputs, *widths)
    masks = [
        random.random((n, m)) < float(p) for n, m, p in zip(widths, reads, design.densities, strict=False)
    ]  # S_l, shape (N_l, N_{l-1})
    if design.layer0 == "matched":
        owner = matched(np.repeat(masks[0].T, design.copies, axis=0))
        if owner is None:
            return False
        blocks = owner.reshape(target.inputs, design.copies)
        good = np.all([masks[1][:, block].any(axis=1) for block in blocks], axis=0)
    else:
        good = masks[1].sum(axis=1) >= design.columns
    used = np.arange(0)
    for layer, threshold in enumerate(design.thresholds, start=1):
        classes = target.widths[layer]
        copies = good.reshape(classes, -1)
        if (copies.sum(axis=1) < threshold).any():
            return False
        first = [j * copies.shape[1] + np.flatnonzero(copies[j])[:threshold] for j in range(classes)]
        if layer == 1:
            used = np.concatenate(first)
        good = np.all([masks[layer + 1][:, block].any(axis=1) for block in first], axis=0)
    chosen = np.flatnonzero(good)[: design.served]
    if len(chosen) < design.served:
        return False
    colours = colour(masks[-1][:, chosen], target.widths[-2], design.colours.method)
    if colours is None:
        return False
    if not design.thresholds:
        used = chosen[colours >= 0]
    if design.layer0 == "primal":
        return all(matched(masks[0][masks[1][v]].T) is not None for v in used)
    if design.layer0 == "classes":
        owners = colours[colours >= 0] if not design.thresholds else used // design.factors[0]
        used = chosen[colours >= 0] if not design.thresholds else used
        groups = [used[owners == j] for j in range(target.widths[1])]
        parts = [part for group in groups for part in np.split(group, range(design.part, len(group), design.part))]
        shared = np.array([masks[1][part].all(axis=0) for part in parts if len(part)])
        return all(matched(shared[:, masks[0][:, i]]) is not None for i in range(target.inputs))
    if design.layer0 == "dual":
        return all(matched(masks[1][used][:, masks[0][:, i]]) is not None for i in range(target.inputs))
    return True


CASES = [
    ("12-4-3", Fraction(9, 10), "sequential", "coded", "last"),
    ("12-8-3", HALF, "sequential", "coded", "last"),  # spare neurons of layer 1
    ("20-4-4-3", Fraction(9, 10), "sequential", "coded", "total"),
    ("6-5-3", HALF, "sequential", "coded", "last"),
    ("6-5-3", Fraction(3, 10), "matching", "coded", "total"),
    ("12-3-2", Fraction(3, 5), "sequential", "coded", "last"),
    ("4-4-2", Fraction(2, 5), "matching", "matched", "last"),
    ("4-5-5-3", Fraction(2, 5), "sequential", "coded", "total"),
    ("4-5-5-3", HALF, "matching", "matched", "last"),
    ("3-3-3-3-2", HALF, "sequential", "coded", "last"),
]


@pytest.mark.parametrize(("text", "density", "method", "layer0", "objective"), CASES)
def test_the_constructions_succeed_on_drawn_masks(text, density, method, layer0, objective):
    target, delta = Target.from_text(text), Fraction(1, 10)
    densities = (density,) * (target.depth + 1)
    random, trials, seen = np.random.default_rng(20240610), 250, 0
    for design in designs(target, densities, colouring(target, density, method), delta, layer0, objective):
        assert design.failure()[1] <= delta
        failed = sum(not builds(design, random) for _ in range(trials))
        least = float(beta.ppf(FALSE_ALARM, failed, trials - failed + 1)) if failed else 0.0
        assert least <= design.failure()[1]
        seen += 1
    assert seen


def test_the_law_is_the_sum_of_its_terms():
    # 2-2-2-1, coded with k columns, in fractions.
    target, p = Target.from_text("2-2-2-1"), HALF
    colours = colouring(target, p, "matching")
    design = Design(target, (p,) * 4, colours, "primal", 12, 9, 6, columns=3, factors=(8,), thresholds=(4,))
    h = {k: 2 * p**k + comb(k, 1) * p ** (2 * (k - 1)) for k in range(2, 13)}
    masses = [comb(12, k) * p**12 for k in range(13)]
    given = sum(masses[3:])
    each = sum(masses[k] * min(min(h[j] for j in range(2, k + 1)), 1) for k in range(3, 13)) / given
    good = (1 - p**4) ** 2
    expected = (
        2 * 4 * each
        + 2 * binomial_below(8, 4, given)
        + binomial_below(9, 6, good)
        + binomial_below(6, 2, p)  # one output that needs two neurons
    )
    low, high = design.failure()
    assert low <= expected
    assert min(expected, 1) <= high
    sure = Design(target, (p,) * 4, colours, "primal", 60, 40, 20, columns=3, factors=(30,), thresholds=(8,))
    low, high = sure.failure()
    assert low < high < low * (1 + Fraction(1, 10**8)) < 1
    assert design.widths == (12, 16, 9, 1)


@pytest.mark.parametrize(
    ("sparsity", "last", "first"),
    [("0.5", 475, 1111), ("0.9", 1850, 9227), ("0.95", 3513, 18530), ("0.99", 17666, 239812)],
)
def test_the_reference_widths_are_reached(sparsity, last, first):
    density = 1 - Fraction(sparsity)
    answer = sharp(TARGET, (density,) * 3, DELTA)
    assert answer.widths[1] == last
    assert answer.widths[0] < first
    assert answer.success_lower >= 1 - DELTA
    assert answer.applies
    assert (answer.kind, answer.layer0, answer.method) == ("sufficient", "coded", "sharp")
    assert answer.widths[1] >= degree(TARGET, (density,) * 3, DELTA, first_width=answer.widths[0]).widths[1]
    assert answer.edges_expected > 0


@pytest.mark.parametrize(("density", "objective"), [(HALF, "last"), (Fraction(1, 5), "total")])
def test_one_neuron_less_is_not_enough(density, objective):
    target, delta = Target.from_text("9-6-3"), Fraction(1, 50)
    for design in designs(target, (density,) * 3, colouring(target, density, "sequential"), delta, "coded", objective):
        keywords = {name: getattr(design, name) for name in Design.__dataclass_fields__}
        assert design.failure()[1] <= delta < Design(**{**keywords, "first_width": design.first_width - 1}).failure()[0]
        fewer = {"last_width": design.last_width - 1, "served": min(design.served, design.last_width - 1)}
        assert Design(**{**keywords, **fewer}).failure()[0] > delta


def test_sharp_takes_the_better_one():
    for density in (Fraction(1, 10), Fraction(1, 20)):
        answers = [method(TARGET, (density,) * 3, DELTA) for method in (sharp, sequential, matching)]
        assert answers[0].widths == min(answers[1:], key=lambda answer: answer.total).widths
        assert sharp(TARGET, (density,) * 3, DELTA, objective="total").total < answers[0].total
    deep = Target.from_text("10-20-20-5")
    fifth = (Fraction(1, 5),) * 4
    assert sharp(deep, fifth, Fraction(1, 100)).total < 1100  # 3030 by Theorem 2.2, layer 0 dense


def test_either_colouring_can_be_the_better_one():
    asked = Target.from_text("33-2-3"), (Fraction(1), Fraction(4, 5), Fraction(1, 10)), DELTA
    totals = [method(*asked).total for method in (sharp, sequential, matching)]
    assert totals[0] <= min(totals[1:])
    assert totals[2] < totals[1]
    percent = TARGET, (Fraction(1, 100),) * 3, DELTA
    assert sharp(*percent).total == sequential(*percent).total < matching(*percent).total
    assert matching(*percent).widths[1] < sharp(*percent).widths[1]


def test_totals_move_the_right_way():
    target = Target.from_text("12-8-4")
    by_density = [sharp(target, (Fraction(k, 10),) * 3, Fraction(1, 20)).total for k in (1, 2, 3, 5, 7, 9)]
    assert by_density == sorted(by_density, reverse=True)
    by_delta = [sharp(target, (HALF,) * 3, Fraction(1, 10**k)).total for k in (1, 2, 4, 8, 16)]
    assert by_delta == sorted(by_delta)


def test_zeros_of_the_target_are_used():
    random = np.random.default_rng(3)
    first = random.normal(size=(8, 10))
    second = random.normal(size=(6, 8)) * (random.random((6, 8)) < 0.5)
    second[:, 0] = 0
    second[0, 1:3] = 1
    known, delta = Target.from_arrays([first, second]), Fraction(1, 20)
    counted = Target(known.layers)
    dense = Target.from_text("10-8-6")
    for method in (sequential, matching):
        totals = [method(target, (HALF,) * 3, delta).widths[1] for target in (known, counted, dense)]
        assert totals == sorted(totals)
        assert totals[0] < totals[2]
    assert matching(known, (HALF,) * 3, delta).widths == matching(counted, (HALF,) * 3, delta).widths


def test_convolutions_count_taps():
    filters = [np.ones((6, 3, 3, 3)), np.ones((5, 6, 3, 3)), np.ones((4, 5))]
    target = Target.from_arrays(filters)
    answer = sharp(target, (HALF,) * 4, Fraction(1, 100), layer0="coded")
    assert "no zero padding" in answer.reason
    assert answer.widths[-1] == 4
    plain = sharp(Target.from_text("3-6-5-4"), (HALF,) * 4, Fraction(1, 100), layer0="coded")
    assert answer.total > plain.total
    last = Target.from_arrays([np.ones((6, 3, 3, 3)), np.ones((4, 6, 3, 3))])
    colours = colouring(last, HALF, "matching")
    assert colours.used.first == 6 * 4 * 9


def test_without_hidden_layers():
    target = Target.from_text("10-3")
    coded = sharp(target, (HALF, HALF), Fraction(1, 20))
    assert (coded.layer0, coded.widths[1]) == ("coded", 3)
    plain = sharp(target, (HALF, HALF), Fraction(1, 20), layer0="matched")
    assert plain.widths == exact(target, (HALF, HALF), Fraction(1, 20), layer0="matched").widths
    assert coded.widths[0] < plain.widths[0]


def test_parts_of_the_law():
    for sources, fan_in in itertools.product((1, 3), (1, 4)):
        low, high = missing_link(sources, Fraction(2, 5), fan_in)
        assert low <= 1 - (1 - Fraction(3, 5) ** sources) ** fan_in <= high
    assert missing_link(3, Fraction(1), 4) == (0, 0)
    assert 0 < missing_link(10**6, HALF, 4)[1] < Fraction(1, 10**300)
    low, high = short_of(7, 3, (Fraction(1, 4), Fraction(1, 3)))
    assert low <= binomial_below(7, 3, Fraction(3, 4)) < binomial_below(7, 3, Fraction(2, 3)) <= high
    assert short_of(2, 3, (HALF, HALF)) == (1, 1)


def test_edges_of_the_domain():
    target = Target.from_text("4-3-2")
    ones = sharp(target, (Fraction(1),) * 3, HALF)
    assert ones.widths[1] == 3
    with pytest.raises(InvalidInput, match=r"^layer0: "):
        sharp(target, (HALF,) * 3, DELTA, layer0="dense")
    with pytest.raises(InvalidInput, match=r"^objective: "):
        sharp(target, (HALF,) * 3, DELTA, objective="edges")
    with pytest.raises(InvalidInput, match=r"^densit(y|ies): "):
        sharp(target, (HALF,) * 2, DELTA)
    with pytest.raises(InfeasibleWidth):
        sharp(target, (HALF,) * 3, Fraction(1, 10**40))
    with pytest.raises(TheoremNotApplicable):
        sharp(Target.from_arrays([np.ones((3, 4)), np.zeros((2, 3))]), (HALF,) * 3, DELTA)
