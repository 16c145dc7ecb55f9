"""The sequential greedy: its bound against every mask of tiny layers, against simulation, and the reference widths."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from ertheory.bounds.sharp import sequential as module
from ertheory.bounds.sharp.sequential import (
    dense_stages,
    sequential_failure,
    sequential_used,
    sequential_width,
    stages_of,
)
from ertheory.errors import InfeasibleWidth, InvalidInput
from tests.strategies import HALF

FALSE_ALARM = 1e-9  # of every Monte-Carlo comparison; seeds are fixed, so this is the rate over seeds


def greedy(mask: np.ndarray, needs: np.ndarray) -> list[int] | None:
    """Run the construction on a mask (consumers, neurons): the class of every neuron or -1, or nothing if it fails."""
    colour = [-1] * mask.shape[1]
    for row, needed in zip(mask, needs, strict=True):
        free = [v for v in range(mask.shape[1]) if row[v] and colour[v] < 0]
        missing = [j for j in np.flatnonzero(needed) if not any(row[v] for v in range(len(colour)) if colour[v] == j)]
        if len(free) < len(missing):
            return None
        for v, j in zip(free, missing, strict=False):
            colour[v] = int(j)
    return colour


def greedy_law(needs: np.ndarray, neurons: int, density: Fraction) -> tuple[Fraction, dict[int, Fraction]]:
    """Failure probability and law of the used neurons where it succeeds, over all masks."""
    failure, used = Fraction(0), {}
    entries = needs.shape[0] * neurons
    for bits in itertools.product((False, True), repeat=entries):
        mask = np.reshape(bits, (needs.shape[0], neurons))
        weight = density ** sum(bits) * (1 - density) ** (entries - sum(bits))
        colour = greedy(mask, needs)
        if colour is None:
            failure += weight
        else:
            number = sum(c >= 0 for c in colour)
            used[number] = used.get(number, Fraction(0)) + weight
            for t, j in np.argwhere(needs):  # what it promises
                assert any(mask[t, v] for v in range(neurons) if colour[v] == j)
    return failure, used


def chain_law(needs: np.ndarray, density: Fraction) -> list[dict[tuple[int, int], Fraction]]:
    """For every consumer the law of (U_{t-1}, M_t), by following all n chains together in fractions."""
    states = {(0,) * needs.shape[1]: Fraction(1)}
    laws = []
    for needed in needs:
        law: dict[tuple[int, int], Fraction] = {}
        after: dict[tuple[int, ...], Fraction] = {}
        for state, weight in states.items():
            for rises in itertools.product(*((0, 1) if need else (0,) for need in needed)):
                chance = weight
                for size, need, rise in zip(state, needed, rises, strict=True):
                    missed = (1 - density) ** size
                    chance *= 1 if not need else missed if rise else 1 - missed
                if chance:
                    law[sum(state), sum(rises)] = law.get((sum(state), sum(rises)), Fraction(0)) + chance
                    new = tuple(size + rise for size, rise in zip(state, rises, strict=True))
                    after[new] = after.get(new, Fraction(0)) + chance
        laws.append(law)
        states = after
    return laws


def theorem(needs: np.ndarray, neurons: int, density: Fraction) -> Fraction:
    """The sum of the theorem in fractions, without the minimum with 1."""

    def fewer(trials: int, count: int) -> Fraction:
        return sum(
            (comb(trials, k) * density**k * (1 - density) ** (trials - k) for k in range(min(count, trials + 1))),
            start=Fraction(0),
        )

    return sum(
        (
            weight * fewer(max(0, neurons - used), demand)
            for law in chain_law(needs, density)
            for (used, demand), weight in law.items()
        ),
        start=Fraction(0),
    )


DENSE = [np.ones(shape, dtype=bool) for shape in [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (3, 1)]]
SPARSE = [np.array(rows, dtype=bool) for rows in [[[1, 0], [1, 1]], [[1, 1], [0, 1], [1, 0]], [[0, 1], [1, 0]]]]


@pytest.mark.parametrize("density", [Fraction(1, 3), HALF, Fraction(4, 5)])
@pytest.mark.parametrize("needs", DENSE + SPARSE)
def test_the_bound_covers_every_mask(needs, density):
    stages = stages_of(needs.tolist())
    for neurons in range(0, 13 // needs.shape[0]):
        failure, used = greedy_law(needs, neurons, density)
        low, high = sequential_failure(stages, neurons, density)
        expected = min(Fraction(1), theorem(needs, neurons, density))
        assert min(low, 1) <= expected <= high
        assert high - min(low, Fraction(1)) < Fraction(1, 10**10)
        assert failure <= high
        if needs.shape[0] == 1:
            assert abs(failure - expected) == 0  # one consumer: the bound is the law
        # Where it succeeds, the used neurons number as the infinite pool says, or fewer.
        law = sequential_used(stages, density)
        for number, weight in used.items():
            assert weight <= Fraction(float(law.values[number - law.first])) + Fraction(1, 10**10)


@settings(max_examples=25)
@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 14),
    st.fractions(Fraction(1, 10), Fraction(9, 10), max_denominator=10),
    st.randoms(),
)
def test_the_law_is_that_of_the_chains(consumers, classes, neurons, density, random):
    needs = np.array([[random.random() < 0.7 for _ in range(classes)] for _ in range(consumers)], dtype=bool)
    low, high = sequential_failure(stages_of(needs.tolist()), neurons, density)
    expected = theorem(needs, neurons, density)
    assert low <= expected
    assert min(expected, 1) <= high
    assert high - min(low, Fraction(1)) < Fraction(1, 10**10)


def test_the_joint_law_is_needed():
    # Treating U and M as independent gives less here, so it would not be a bound on the sum.
    needs, density, neurons = np.ones((6, 6), dtype=bool), Fraction(3, 10), 18
    laws = [module._joint_law(stage, density) for stage in stages_of(needs.tolist())]
    independent = 0.0
    for rows in laws:
        used: dict[int, float] = {}
        demand: dict[int, float] = {}
        for m, law in rows.items():
            demand[m] = float(law.values.sum())
            for at, mass in enumerate(law.values.tolist(), start=law.first):
                used[at] = used.get(at, 0.0) + mass
        for u, first in used.items():
            for m, second in demand.items():
                trials = max(0, neurons - u)
                independent += (
                    first
                    * second
                    * sum(comb(trials, k) * 0.3**k * 0.7 ** (trials - k) for k in range(min(m, trials + 1)))
                )
    joint, _ = sequential_failure(stages_of(needs.tolist()), neurons, density)
    assert (round(float(joint), 3), round(independent, 3)) == (4.141, 4.111)


@pytest.mark.parametrize(
    ("sparsity", "width"),
    [
        ("0.1", 231),
        ("0.3", 339),
        ("0.5", 475),
        ("0.7", 732),
        ("0.8", 1019),
        ("0.9", 1850),
        ("0.95", 3563),
        ("0.97", 5899),
        ("0.98", 8836),
        ("0.99", 17666),
        ("0.995", 35341),
    ],
)
def test_the_reference_widths_are_reached(sparsity, width):
    density, stages = 1 - Fraction(sparsity), dense_stages(128, 10)
    assert sequential_width(stages, density, Fraction(1, 2000)) == (width, 53)
    assert (
        sequential_failure(stages, width, density)[1]
        <= Fraction(1, 2000)
        < sequential_failure(stages, width - 1, density)[0]
    )


@pytest.mark.parametrize(
    ("classes", "consumers", "neurons", "density"), [(8, 4, 40, 0.4), (14, 5, 49, 0.5), (6, 6, 26, 0.5)]
)
def test_simulation_never_contradicts_the_bound(classes, consumers, neurons, density):
    random, trials = np.random.default_rng(20240608), 2000
    needs = np.ones((consumers, classes), dtype=bool)
    failed = sum(greedy(random.random((consumers, neurons)) < density, needs) is None for _ in range(trials))
    least = float(beta.ppf(FALSE_ALARM, failed, trials - failed + 1)) if failed else 0.0
    low, high = sequential_failure(dense_stages(classes, consumers), neurons, Fraction(density))
    assert least <= high
    # The bound is close: the simulation is not far below it either.
    assert float(beta.ppf(1 - FALSE_ALARM, failed + 1, trials - failed)) > low / 2


def test_used_neurons_have_the_mean_of_the_chains():
    law = sequential_used(dense_stages(128, 10), HALF)
    # E[a_10] by one chain in fractions.
    chain = {0: Fraction(1)}
    for _ in range(10):
        after: dict[int, Fraction] = {}
        for size, weight in chain.items():
            missed = HALF**size
            after[size] = after.get(size, Fraction(0)) + weight * (1 - missed)
            after[size + 1] = after.get(size + 1, Fraction(0)) + weight * missed
        chain = after
    mean = 128 * sum(size * weight for size, weight in chain.items())
    assert abs(float(law.values @ np.arange(law.first, law.last + 1)) - float(mean)) < 1e-6
    assert abs(law.values.sum() - 1) < 1e-9


def test_the_bound_falls_with_neurons_and_density_and_grows_with_needs():
    stages = dense_stages(5, 4)
    values = [sequential_failure(stages, n, HALF) for n in range(5, 60)]
    assert all(above[1] <= below[1] for below, above in itertools.pairwise(values))
    widths = [sequential_width(stages, Fraction(k, 10), Fraction(1, 100))[0] for k in range(1, 11)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 5
    larger = [sequential_width(dense_stages(n, t), HALF, Fraction(1, 100))[0] for n, t in [(5, 4), (5, 8), (9, 8)]]
    assert larger == sorted(larger)
    sparse = stages_of([[True] * 5, [True, True, False, False, False]])
    assert sequential_failure(sparse, 14, HALF)[1] < sequential_failure(dense_stages(5, 2), 14, HALF)[0]


@pytest.mark.parametrize("density", [Fraction(1, 10), HALF, Fraction(9, 10)])
def test_the_weaker_bound_is_above_the_joint_one(monkeypatch, density):
    stages = dense_stages(128, 10)
    joint = sequential_width(stages, density, Fraction(1, 2000))[0]
    monkeypatch.setattr(module, "_LONGEST", 0)
    weaker = sequential_width(stages, density, Fraction(1, 2000))[0]
    assert joint < weaker < 1.3 * joint
    assert sequential_failure(stages, 0, density) == (1, 1)
    assert sequential_failure(stages, joint, density)[1] > Fraction(1, 2000)


def test_the_weaker_bound_is_the_best_of_its_levels(monkeypatch):
    # Up to five consumers every block is a single one: Markov's bound on U, and the law of M alone, in fractions.
    classes, density, neurons = 6, Fraction(2, 5), 60
    rate, missed = Fraction(2, 3), Fraction(3, 5)  # p / r and r
    chain, best = {0: Fraction(1)}, []
    rises = []
    for _ in range(5):
        rises.append(sum(weight * missed**size for size, weight in chain.items()))
        after: dict[int, Fraction] = {}
        for size, weight in chain.items():
            after[size] = after.get(size, Fraction(0)) + weight * (1 - missed**size)
            after[size + 1] = after.get(size + 1, Fraction(0)) + weight * missed**size
        chain = after
    for level in module._LEVELS:
        total = Fraction(0)
        for step, rise in enumerate(rises):
            used = 0
            if step:
                used = math.ceil((classes * math.log1p(step * float(rate)) + level) / -math.log(missed))
                total += (1 + step * rate) ** classes * missed ** (used + 1)
            left = max(0, neurons - used)
            for m in range(1, classes + 1):
                demand = comb(classes, m) * rise**m * (1 - rise) ** (classes - m)
                total += demand * sum(
                    comb(left, k) * density**k * missed ** (left - k) for k in range(min(m, left + 1))
                )
        best.append(total)
    monkeypatch.setattr(module, "_LONGEST", 0)
    low, high = sequential_failure(dense_stages(classes, 5), neurons, density)
    assert abs(float(low) - float(min(best))) < 1e-5 * float(low)
    assert low <= high < low * (1 + Fraction(1, 10**5))


def test_blocks_take_the_steps_of_their_last_consumer():
    blocks = module._demand_masses(dense_stages(3, 40), HALF)
    steps = [step for step, _ in blocks]
    sizes = [step - before for step, before in zip(steps, [-1, *steps], strict=False)]
    assert steps[-1] == 39
    assert sum(sizes) == 40
    for (_, demands), size in zip(blocks, sizes, strict=True):  # as many laws as the steps go on
        assert abs(demands.values.sum() - size) < 1e-9


def test_the_weaker_bound_covers_every_mask(monkeypatch):
    needs = np.ones((3, 2), dtype=bool)
    monkeypatch.setattr(module, "_LONGEST", 0)
    for neurons in range(5):
        assert greedy_law(needs, neurons, HALF)[0] <= sequential_failure(dense_stages(2, 3), neurons, HALF)[1]
    for neurons in (30, 60):
        assert theorem(needs, neurons, HALF) <= sequential_failure(dense_stages(2, 3), neurons, HALF)[1]


def test_edges_of_the_domain():
    assert sequential_failure((), 0, HALF)[1] < Fraction(1, 10**50)
    assert sequential_failure(dense_stages(3, 2), 3, Fraction(1)) == (0, 0)
    assert sequential_failure(dense_stages(3, 2), 2, Fraction(1)) == (1, 1)
    apart = stages_of([[True, False], [False, True]])
    assert sequential_failure(apart, 1, Fraction(1)) == (1, 1)
    assert sequential_failure(apart, 2, Fraction(1)) == (0, 0)
    assert sequential_width(dense_stages(3, 4), 1 - Fraction(1, 10**300), Fraction(1, 1000))[0] == 3
    with pytest.raises(InvalidInput, match=r"^neurons: "):
        sequential_failure(dense_stages(3, 2), -1, HALF)
    with pytest.raises(InvalidInput, match=r"^density: "):
        sequential_failure(dense_stages(3, 2), 3, Fraction(0))
    with pytest.raises(InfeasibleWidth):
        sequential_failure(dense_stages(3, 5000), 3000, HALF)
