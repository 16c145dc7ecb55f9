"""Hall's sum for wide maps, against rational sums and against the law of all masks."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory.bounds.factored.hall import mean_failures, structural_failures
from ertheory.bounds.sharp.matched import coding_failure
from ertheory.numbers import binomial_masses
from tests.oracles_factored import matches


def hall_sum(rows: int, columns: int, density: Fraction) -> Fraction:
    return sum(
        (comb(rows, s) * comb(columns, s - 1) * (1 - density) ** (s * (columns - s + 1)) for s in range(1, rows + 1)),
        Fraction(0),
    )


@given(st.integers(1, 40), st.integers(0, 60), st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=100))
def test_the_sum_is_enclosed_from_above_and_closely(rows: int, more: int, density: Fraction) -> None:
    exact = hall_sum(rows, rows + more, density)
    bound = Fraction(structural_failures(rows, [rows + more], density)[0])
    assert exact <= bound <= exact * Fraction(1_000_001, 1_000_000) + Fraction(1, 10**250)


@pytest.mark.parametrize(("rows", "columns"), [(700, 700), (700, 760), (1500, 1505), (1200, 4000)])
def test_gathered_terms_cost_little(rows: int, columns: int) -> None:
    bound = structural_failures(rows, [columns], Fraction(1, 100))[0]
    with mpmath.workdps(30):
        miss = mpmath.mpf(99) / 100
        exact = mpmath.fsum(
            comb(rows, s) * comb(columns, s - 1) * miss ** (s * (columns - s + 1)) for s in range(1, rows + 1)
        )
        assert exact <= bound <= 1.01 * exact


def test_a_million_rows_are_summed() -> None:
    columns = np.array([10**6, 1_500_000, 2_000_000])
    bound = structural_failures(10**6, columns, Fraction(1, 50_000))
    lonely = 1e6 * np.exp(columns * np.log1p(-1 / 50_000))  # rows without an edge, in the mean
    assert np.all(lonely * (1 - 1e-9) <= bound)
    assert np.all(bound[1:] <= 1.1 * lonely[1:])


@pytest.mark.parametrize(("rows", "neurons", "a", "b"), [(128, 1881, "1/10", "1/10"), (10, 53, "1/2", "1/2")])
def test_it_agrees_with_the_sum_of_the_coded_layer(rows: int, neurons: int, a: str, b: str) -> None:
    density, reading = Fraction(a), Fraction(b)
    low, high = coding_failure(rows, neurons, density, reading)
    bound = mean_failures(rows, binomial_masses(neurons, float(reading / (1 - reading))), density)[0]
    assert low <= Fraction(bound) <= high * Fraction(1_000_001, 1_000_000)


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (2, 2), (2, 4), (3, 3), (3, 4)])
@pytest.mark.parametrize("density", [Fraction(1, 2), Fraction(4, 5)])
def test_no_matching_is_rarer_than_the_sum(rows: int, columns: int, density: Fraction) -> None:
    failing = Fraction(0)
    for bits in product((0, 1), repeat=rows * columns):
        if not matches(np.array(bits, dtype=bool).reshape(rows, columns)):
            failing += density ** sum(bits) * (1 - density) ** (rows * columns - sum(bits))
    bound = Fraction(structural_failures(rows, [columns], density)[0])
    assert failing <= bound
    if rows == 1:
        assert bound <= failing * Fraction(1_000_001, 1_000_000)
