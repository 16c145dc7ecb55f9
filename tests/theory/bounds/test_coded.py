"""The coded input layer: eps against enumeration and Monte Carlo, and widths that cannot be lowered."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import beta

from ertheory.bounds.sharp import matched as module
from ertheory.bounds.sharp.coded import coded_width, dual_failure, mean_size, primal_failure
from ertheory.bounds.sharp.matched import coding_failure, structural_failure
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import Masses
from tests.strategies import HALF

FALSE_ALARM = 1e-9  # of every Monte-Carlo comparison; seeds are fixed, so this is the rate over seeds


def h(rows: int, columns: int, density: Fraction) -> Fraction:
    return sum(
        (comb(rows, s) * comb(columns, s - 1) * (1 - density) ** (s * (columns - s + 1)) for s in range(1, rows + 1)),
        start=Fraction(0),
    )


def eps(rows: int, neurons: int, density: Fraction, reading: Fraction, least: int = 0) -> Fraction:
    """E[h*_K | K >= least], in fractions."""
    total, given, best = Fraction(0), Fraction(0), Fraction(1)
    for columns in range(neurons + 1):
        mass = comb(neurons, columns) * reading**columns * (1 - reading) ** (neurons - columns)
        if columns >= rows:
            best = min(best, h(rows, columns, density))
        if columns >= least:
            total, given = total + mass * best, given + mass
    return total / given


def two_terms(rows: int, neurons: int, density: Fraction, reading: Fraction) -> Fraction:
    """min_k P(K < k) + h_k, the weaker form."""
    masses = [comb(neurons, k) * reading**k * (1 - reading) ** (neurons - k) for k in range(neurons + 1)]
    return min(sum(masses[:k]) + h(rows, k, density) for k in range(rows, neurons + 1))


def unmatched(rows: int, columns: int, density: Fraction) -> Fraction:
    """Probability that the rows have no matching into the columns, over all masks and all injections."""
    total = Fraction(0)
    for mask in itertools.product((0, 1), repeat=rows * columns):
        grid = np.reshape(mask, (rows, columns))
        found = any(
            all(grid[row, column] for row, column in enumerate(choice))
            for choice in itertools.permutations(range(columns), rows)
        )
        if not found:
            total += density ** sum(mask) * (1 - density) ** (rows * columns - sum(mask))
    return total


def saturates(mask: np.ndarray) -> bool:
    """Whether all rows of a boolean array can be matched into its columns."""
    if mask.shape[1] < mask.shape[0]:
        return False
    return bool((maximum_bipartite_matching(csr_matrix(mask), perm_type="column") >= 0).sum() == mask.shape[0])


def lowest(hits: int, trials: int) -> float:
    """Lower end of an exact one-sided interval."""
    return float(beta.ppf(FALSE_ALARM, hits, trials - hits + 1)) if hits else 0.0


@pytest.mark.parametrize("density", [Fraction(1, 3), HALF, Fraction(4, 5)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (2, 2), (2, 4), (3, 3), (3, 4)])
def test_structural_failure_covers_every_mask(rows, columns, density):
    low, high = structural_failure(rows, columns, density)
    expected = min([Fraction(1), *(h(rows, k, density) for k in range(rows, columns + 1))])
    assert low <= expected <= high
    assert high - low < Fraction(1, 10**10)
    assert unmatched(rows, columns, density) <= high


@pytest.mark.parametrize("density", [Fraction(1, 3), HALF])
@pytest.mark.parametrize("reading", [Fraction(2, 5), Fraction(3, 4)])
@pytest.mark.parametrize(("rows", "neurons"), [(1, 4), (2, 4), (3, 4)])
def test_coding_failure_covers_every_mask(rows, neurons, density, reading):
    exact = sum(
        comb(neurons, k)
        * reading**k
        * (1 - reading) ** (neurons - k)
        * (unmatched(rows, k, density) if k >= rows else 1)
        for k in range(neurons + 1)
    )
    low, high = coding_failure(rows, neurons, density, reading)
    assert low <= eps(rows, neurons, density, reading) <= high
    assert exact <= high


@pytest.mark.parametrize(
    ("rows", "neurons", "density", "reading"),
    [
        (10, 24, HALF, HALF),
        (10, 30, HALF, HALF),
        (20, 60, Fraction(3, 10), HALF),
        (5, 90, Fraction(1, 5), Fraction(1, 9)),
    ],
)
@pytest.mark.parametrize("columns", [0, 4, 12])
def test_coding_failure_is_the_mean_and_below_the_weaker_form(rows, neurons, density, reading, columns):
    low, high = coding_failure(rows, neurons, density, reading, columns=columns)
    assert low <= eps(rows, neurons, density, reading, columns) <= high
    assert high - low < Fraction(1, 10**10)
    if not columns:
        assert high < two_terms(rows, neurons, density, reading)


def test_what_is_cut_short_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_NEGLIGIBLE", 1e-2)
    monkeypatch.setattr(module, "_structural", module._structural.__wrapped__)
    low, high = coding_failure(6, 120, Fraction(1, 5), HALF)
    assert low < eps(6, 120, Fraction(1, 5), HALF) < high < Fraction(1, 50)
    assert low < high / 2


def test_the_reviewed_cells():
    # The weaker form gives .0453; 60,000 masks gave .0231, and P(K < 10) = .0214 is below.
    assert round(float(two_terms(10, 30, HALF, HALF)), 4) == 0.0453
    low, high = coding_failure(10, 30, HALF, HALF)
    assert 0.0214 < low < high < 0.0231 + 0.0005


@pytest.mark.parametrize(
    ("rows", "neurons", "density", "reading"), [(10, 30, 0.5, 0.5), (8, 40, 0.3, 0.4), (6, 60, 0.2, 0.3)]
)
def test_monte_carlo_never_contradicts_eps(rows, neurons, density, reading):
    random, trials = np.random.default_rng(20240607), 4000
    failed = sum(
        not saturates(random.random((rows, random.binomial(neurons, reading))) < density) for _ in range(trials)
    )
    assert lowest(failed, trials) <= coding_failure(rows, neurons, Fraction(density), Fraction(reading))[1]


def test_a_matching_is_enough_for_every_row():
    # Structural rank implies that one generic B serves all rows, and the dual likewise: solved here by least squares.
    random = np.random.default_rng(5)
    inputs, neurons, used = 4, 14, 5
    served = 0
    for _ in range(40):
        first, second = random.random((neurons, inputs)) < 0.6, random.random((used, neurons)) < 0.6
        rows = random.normal(size=(used, inputs))
        if all(saturates(first[second[v]].T) for v in range(used)):
            mixing = random.normal(size=first.shape) * first
            for v in range(used):
                kept = second[v]
                solved = np.linalg.lstsq(mixing[kept].T, rows[v], rcond=None)[0]
                assert np.allclose(solved @ mixing[kept], rows[v], atol=1e-6)
            served += 1
    assert served > 10


@pytest.mark.parametrize(
    ("sparsity", "used", "width", "kind"),
    [
        ("0.5", 475, 1111, "dual"),
        ("0.9", 1280, 9227, "primal"),
        ("0.95", 1280, 18530, "primal"),
        ("0.99", 1280, 239812, "primal"),
    ],
)
def test_the_reference_widths_are_reached(sparsity, used, width, kind):
    density = 1 - Fraction(sparsity)
    found, way, bits = coded_width(Masses(used, np.ones(1), 0), 784, (density, density), Fraction(1, 2000))
    assert (found <= width, way, bits) == (True, kind, 53)
    if sparsity != "0.99":  # where h matters, the mean of h is better than its worst case
        assert found == width


@pytest.mark.parametrize(
    "densities", [(HALF, HALF), (Fraction(1, 5), Fraction(4, 5)), (Fraction(9, 10), Fraction(1, 5))]
)
def test_one_neuron_less_is_not_enough(densities):
    used, share = Masses(6, np.array([0.25, 0.5, 0.25]), 0), Fraction(1, 50)
    found, way, _ = coded_width(used, 9, densities, share)

    def primal(neurons):
        return 7 * eps(9, neurons, *densities)

    def dual(neurons):
        shares = (Fraction(1, 4), HALF, Fraction(1, 4))
        return sum(
            w * min(1, 9 * eps(v, neurons, densities[1], densities[0])) for v, w in zip((6, 7, 8), shares, strict=True)
        )

    assert (primal if way == "primal" else dual)(found) <= share
    assert primal(found - 1) > share
    assert dual(found - 1) > share * (1 - Fraction(1, 10**8))
    assert mean_size(used)[0] < 7 < mean_size(used)[1]


def test_bounds_fall_with_neurons_and_densities():
    values = [coding_failure(7, n, HALF, HALF) for n in range(7, 60)]
    assert all(above[1] <= below[1] for below, above in itertools.pairwise(values))
    by_density = [coding_failure(7, 40, Fraction(k, 10), HALF)[1] for k in range(1, 11)]
    assert by_density == sorted(by_density, reverse=True)
    four = Masses(4, np.ones(1), 0)
    assert dual_failure(four, 3, 20, (HALF, HALF))[0] > dual_failure(four, 3, 30, (HALF, HALF))[1]
    assert (
        primal_failure((Fraction(4),) * 2, 3, 20, (HALF, HALF))[0]
        > primal_failure((Fraction(4),) * 2, 3, 30, (HALF, HALF))[1]
    )


def test_edges_of_the_domain():
    assert coding_failure(5, 4, HALF, HALF) == (1, 1)
    assert structural_failure(3, 2, HALF) == (1, 1)
    assert coding_failure(5, 5, Fraction(1), Fraction(1))[1] < Fraction(1, 10**200)
    assert structural_failure(200, 4000, Fraction(1, 100))[1] < 1
    # With few columns given, the condition is too unlikely to be used.
    assert coding_failure(3, 4000, HALF, Fraction(1, 1000), columns=2000) == (0, 1)
    for arguments in [(0, 3, HALF, HALF), (1, -1, HALF, HALF), (1, 3, Fraction(0), HALF), (1, 3, HALF, Fraction(2))]:
        with pytest.raises(InvalidInput):
            coding_failure(*arguments)
    with pytest.raises(InvalidInput):
        coding_failure(1, 3, HALF, HALF, columns=4)
    with pytest.raises(InfeasibleWidth):
        coding_failure(10_001, 20_000, HALF, HALF)


def test_sparse_layers_use_a_coarser_grid_and_stay_sound():
    # Density 1/1000: h is looked at for every tenth k only; the bound stays above the isolation of one row.
    low, high = coding_failure(20, 400_000, Fraction(1, 1000), Fraction(1, 20))
    isolated = 20 * (1 - 1 / 20_000) ** 400_000
    assert isolated * 0.99 < float(low) <= float(high) < isolated * 1.05
    assert math.isfinite(float(high))
