"""Parameter and path count: the lemma by the rank of Jacobians, laws by enumeration, and what they rule out."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds import width
from ertheory.bounds.necessary.parameter_count import count_ceiling, log_count, parameter_count
from ertheory.bounds.necessary.path_count import path_count, path_count_ceiling
from ertheory.bounds.sharp.widths import sharp
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import enclose
from tests.oracles import at_least, reached_law
from tests.strategies import HALF

DELTA = Fraction(1, 1000)
DIGITS = Target.from_text("784-128-10")
PRIME = 2**31 - 1


def free_parameters(first: np.ndarray, second: np.ndarray) -> int:
    """sum_u X_u of a mask (N_0, d) of layer 0 and a mask (n, N_0) of some neurons of layer 1."""
    reads, read = first.sum(axis=1), second.sum(axis=0)
    return int(((reads + read - 1) * (reads > 0) * (read > 0)).sum())


def rank(matrix: np.ndarray) -> int:
    """Rank modulo a prime; with random entries that is the generic rank but for a chance of about 1e-7."""
    rows, found = matrix.astype(object) % PRIME, 0
    for column in range(rows.shape[1]):
        pivots = [row for row in range(found, len(rows)) if rows[row, column]]
        if not pivots:
            continue
        rows[[found, pivots[0]]] = rows[[pivots[0], found]]
        rows[found] = rows[found] * pow(int(rows[found, column]), -1, PRIME) % PRIME
        for row in range(len(rows)):
            if row != found:
                rows[row] = (rows[row] - rows[row, column] * rows[found]) % PRIME
        found += 1
        if found == len(rows):
            break
    return found


def jacobian(first: np.ndarray, second: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Derivative of A B by the free entries, at a random point; a row for every free entry."""
    b = random.integers(1, PRIME, first.shape) * first
    a = random.integers(1, PRIME, second.shape) * second
    rows = []
    for j, u in np.argwhere(second):
        change = np.zeros((len(second), first.shape[1]), dtype=object)
        change[j] = b[u]
        rows.append(change.ravel())
    for u, i in np.argwhere(first):
        change = np.zeros((len(second), first.shape[1]), dtype=object)
        change[:, i] = a[:, u]
        rows.append(change.ravel())
    return np.array(rows, dtype=object).reshape(len(rows), second.shape[0] * first.shape[1])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.sampled_from([0.3, 0.6, 0.9]), st.integers(0, 10**6))
def test_products_have_no_more_dimensions_than_are_counted(inputs, n, neurons, density, seed):
    random = np.random.default_rng(seed)
    first, second = random.random((neurons, inputs)) < density, random.random((n, neurons)) < density
    assert rank(jacobian(first, second, random)) <= min(n * inputs, free_parameters(first, second))


def test_full_masks_reach_what_is_counted():
    # A B of rank 2 has (3 + 4 - 2) 2 dimensions, but X counts (3 + 4 - 1) 2: the bound need not be sharp there.
    first, second = np.ones((1, 4), dtype=bool), np.ones((3, 1), dtype=bool)
    assert rank(jacobian(first, second, np.random.default_rng(0))) == free_parameters(first, second) == 6
    first, second = np.ones((2, 4), dtype=bool), np.ones((3, 2), dtype=bool)
    assert rank(jacobian(first, second, np.random.default_rng(0))) == 10 < free_parameters(first, second) == 12


def law(inputs: int, n: int, neurons: int, densities: tuple[Fraction, Fraction]) -> dict[int, Fraction]:
    """Law of X_1 + .. + X_{N_0} over all masks, one entry after the other."""
    single: dict[int, Fraction] = {}
    for bits in itertools.product((0, 1), repeat=inputs + n):
        reads, read = sum(bits[:inputs]), sum(bits[inputs:])
        chance = densities[0] ** reads * (1 - densities[0]) ** (inputs - reads)
        chance *= densities[1] ** read * (1 - densities[1]) ** (n - read)
        value = reads + read - 1 if reads and read else 0
        single[value] = single.get(value, Fraction(0)) + chance
    total = {0: Fraction(1)}
    for _ in range(neurons):
        after: dict[int, Fraction] = {}
        for (one, weight), (other, chance) in itertools.product(total.items(), single.items()):
            after[one + other] = after.get(one + other, Fraction(0)) + weight * chance
        total = after
    return total


@pytest.mark.parametrize("densities", [(HALF, HALF), (Fraction(1, 5), Fraction(4, 5)), (Fraction(1), Fraction(1, 3))])
@pytest.mark.parametrize(("inputs", "n", "neurons"), [(1, 1, 3), (2, 2, 3), (3, 2, 4), (2, 3, 5)])
@pytest.mark.parametrize("tilt", [Fraction(1, 7), Fraction(1), Fraction(5, 2)])
def test_the_bound_is_markovs_inequality_for_the_law(inputs, n, neurons, densities, tilt):
    exact = law(inputs, n, neurons, densities)
    low, high = enclose(lambda: log_count((inputs, n), densities, neurons, tilt))
    moment = sum(float(chance) * math.exp(tilt * value) for value, chance in exact.items())
    assert float(low) <= math.log(moment) - tilt * n * inputs + 1e-12
    assert float(high) >= math.log(moment) - tilt * n * inputs - 1e-12
    tail = sum(chance for value, chance in exact.items() if value >= n * inputs)
    assert float(tail) <= math.exp(high) * (1 + 1e-12)
    target = Target.from_widths([inputs, n, 1])
    for last in (HALF, Fraction(1)):  # output 1 reads all n neurons
        assert tail * last**n <= count_ceiling(target, (*densities, last), neurons, n, affine=True)


def test_no_mask_with_few_parameters_is_generic():
    # d = n = 2 and N_1 = 3: over all masks, some two rows of layer 1 have a Jacobian of full rank less often than that.
    target, density, random = Target.from_text("2-2-1"), Fraction(1, 2), np.random.default_rng(0)
    for neurons in (1, 2):
        found = 0
        for bits in itertools.product((False, True), repeat=neurons * 5):
            first = np.reshape(bits[: 2 * neurons], (neurons, 2))
            second = np.reshape(bits[2 * neurons :], (3, neurons))
            pairs = itertools.combinations(range(3), 2)
            found += any(rank(jacobian(first, second[list(pair)], random)) == 4 for pair in pairs)
        exact = Fraction(found, 2 ** (neurons * 5))
        assert exact <= 3 * sum(chance for value, chance in law(2, 2, neurons, (density,) * 2).items() if value >= 4)
        assert exact <= count_ceiling(target, (density, density, Fraction(1)), neurons, 3, affine=True)


@pytest.mark.parametrize("density", ["0.9", "0.5", "0.1", "0.01", "0.001"])
def test_one_neuron_less_is_ruled_out(density):
    densities = (Fraction(density),) * 3
    found = parameter_count(DIGITS, densities, DELTA, second_width=200_000, affine=True).widths[0]
    assert count_ceiling(DIGITS, densities, found - 1, 200_000, affine=True) < 1 - DELTA
    assert count_ceiling(DIGITS, densities, found, 200_000, affine=True) >= 1 - DELTA


@pytest.mark.parametrize("sparsity", ["0.5", "0.9", "0.95", "0.99"])
def test_it_lies_between_the_coverage_of_the_inputs_and_what_suffices(sparsity):
    asked = {"sparsity": sparsity, "failure_probability": DELTA}
    counted = width(DIGITS, method="parameter-count", **asked)
    assert counted.kind == "necessary"
    assert counted.widths[1:] == (None, 10)
    assert width(DIGITS, method="theorem-2.3", **asked).widths[0] < counted.widths[0]
    enough = sharp(DIGITS, counted.densities, DELTA)
    assert counted.widths[0] < enough.widths[0]
    tight = parameter_count(DIGITS, counted.densities, DELTA, second_width=enough.widths[1]).widths[0]
    assert counted.widths[0] <= tight < enough.widths[0]  # fewer neurons in layer 1, fewer sets of them


def test_the_hypotheses_are_stated():
    half = (HALF,) * 3
    answer = parameter_count(DIGITS, half, DELTA, second_width=1000)
    assert "almost every W_1" in answer.reason
    assert "N_1 up to 1000" in answer.reason
    assert "affine on the box" in parameter_count(DIGITS, half, DELTA, second_width=1000, affine=True).reason
    dense = (Fraction(9, 10),) * 3
    assert parameter_count(DIGITS, dense, DELTA, second_width=1000).widths[0] < 10  # so many rows may well evade
    affine = parameter_count(DIGITS, dense, DELTA, second_width=1000, affine=True)
    assert affine.widths[0] == 128  # the rank of W_1
    asked = width(DIGITS, method="parameter-count", density="0.9", failure_probability=DELTA)
    assert (asked.widths[0], "only for sources whose layer 0 is affine" in asked.reason) == (128, True)
    nothing = parameter_count(DIGITS, (Fraction(1), HALF, HALF), DELTA, second_width=1000)
    assert "says nothing" in nothing.reason
    narrow = parameter_count(DIGITS, half, DELTA, second_width=200)
    assert "200 neurons in layer 1 are too few" in narrow.reason
    assert not parameter_count(Target.from_text("4-8-3"), half, DELTA, second_width=99).applies
    assert not parameter_count(Target.from_text("9-4-3-2"), (HALF,) * 4, DELTA, second_width=99).applies
    sparse = Target.from_arrays([[[1, 1, 1], [1, 0, 2]], [[1, 1]]])
    assert parameter_count(sparse, half, DELTA, second_width=99).reason == "needs W_1 without zeros"
    few = (Fraction(1, 10**13), HALF, HALF)
    assert "densities of at least 1e-12" in parameter_count(DIGITS, few, DELTA, second_width=1000).reason
    with pytest.raises(InvalidInput, match="second_width: expected at least 128 neurons"):
        parameter_count(DIGITS, half, DELTA, second_width=127)


# --- the path count ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("densities", [(HALF, HALF), (Fraction(3, 5), Fraction(1, 4))])
@pytest.mark.parametrize(("inputs", "neurons", "second"), [(1, 2, 2), (2, 2, 3), (2, 3, 2), (3, 2, 2)])
def test_few_neurons_are_reached_from_all_inputs(inputs, neurons, second, densities):
    reached = reached_law(inputs, (neurons, second), densities)
    mean, last = sum(number * chance for number, chance in enumerate(reached)), Fraction(3, 4)
    for n in range(1, min(inputs, second) + 1):
        ceiling = path_count_ceiling(
            Target.from_widths([inputs, n, 1]), (*densities, last), neurons, second, affine=True
        )
        assert sum(chance * at_least(n, number, last) for number, chance in enumerate(reached)) <= ceiling
        assert abs(min(1, mean * last / n) - ceiling) < Fraction(1, 10**12)


@pytest.mark.parametrize("density", ["0.5", "0.1", "0.01"])
def test_one_neuron_less_has_too_few_paths(density):
    densities = (Fraction(density),) * 3
    found = path_count(DIGITS, densities, DELTA, second_width=20_000, affine=True).widths[0]
    assert path_count_ceiling(DIGITS, densities, found - 1, 20_000, affine=True) < 1 - DELTA
    assert path_count_ceiling(DIGITS, densities, found, 20_000, affine=True) >= 1 - DELTA


def test_paths_are_what_is_short_in_sparse_layers():
    for sparsity, more in (("0.9", "parameter-count"), ("0.99", "path-count")):
        asked = {"sparsity": sparsity, "failure_probability": DELTA}
        found = {name: width(DIGITS, method=name, **asked).widths[0] for name in ("parameter-count", "path-count")}
        assert max(found, key=lambda name: found[name]) == more
        assert max(found.values()) < width(DIGITS, method="sharp", **asked).widths[0]


def test_the_hypotheses_of_the_path_count_are_stated():
    half = (HALF,) * 3
    answer = path_count(DIGITS, half, DELTA, second_width=1000)
    assert answer.applies
    assert "N_1 up to 1000" in answer.reason
    wide = path_count(DIGITS, (Fraction(1), HALF, HALF), DELTA, second_width=1000)
    assert "says nothing" in wide.reason
    assert not path_count(Target.from_text("4-8-3"), half, DELTA, second_width=99).applies
    sparse = Target.from_arrays([[[1, 1, 1], [1, 0, 2]], [[1, 1]]])
    assert path_count(sparse, half, DELTA, second_width=99).reason == "needs W_1 without zeros"
    few = (Fraction(1, 1001), HALF, HALF)
    assert "densities of at least 0.001" in path_count(DIGITS, few, DELTA, second_width=1000).reason
    with pytest.raises(InvalidInput, match="second_width"):
        path_count(DIGITS, half, DELTA, second_width=127)
