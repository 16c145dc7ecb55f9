"""Lemma 2.4: what is proved, what was fitted and what is simulated, against each other.

The simultaneous intervals have level 1 - 1e-6, so that with a seed of its own this module would fail once in some ten
thousand runs where everything is true. `benchmarks/subset_sums.py` checks 8,000 points with more trials.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from ertheory.bounds.subset_sum import FITS, failure_lower, failure_upper, n_necessary, n_required, sharp_exponent
from ertheory.montecarlo import sign_stratified, stopping_times

LEVEL = "0.999999"
TABLE = Path(__file__).parents[2] / "reference" / "subset_sums.csv"
TARGETS = {"1": {"z": 1}, "1/2": {"z": "1/2"}, "1/4": {"z": "1/4"}, "uniform": {"uniform": True}}


@pytest.mark.parametrize("law", ["uniform", "product"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("epsilon", ["0.1", "0.01"])
def test_measured_failures_lie_between_the_bounds(law, target, epsilon):
    problem = {"law": law, **TARGETS[target]}
    run = stopping_times(epsilon, trials=20_000, seed=31, **problem)
    for density in ("0.1", "0.5", "0.9", "1"):
        for n in sorted({ceil(live / float(density)) for live in (1, 2, 3, 5, 8, 11, 14, 18, 22, 27, 33, 40, 50)}):
            interval = run.failure(n, density, level=LEVEL).interval
            question = {"density": density, "epsilon": epsilon, **problem}
            assert interval.low <= failure_upper(n, **question)
            assert failure_lower(n, **question) <= interval.high


def test_rare_failures_lie_between_the_bounds():
    run = sign_stratified("0.01", trials=20_000, seed=31)
    for density, numbers in (("1", (20, 28, 36, 44)), ("0.5", (45, 60, 75, 90)), ("0.1", (250, 330, 410, 490))):
        for n in numbers:
            rare = run.failure(n, density)
            question = {"density": density, "epsilon": "0.01"}
            assert rare.value - 6 * rare.standard_error <= failure_upper(n, **question)
            assert failure_lower(n, **question) <= rare.value + 6 * rare.standard_error


def test_required_numbers_lie_between_the_bounds():
    for epsilon in ("0.1", "0.01"):
        run = stopping_times(epsilon, trials=50_000, seed=32)
        for density in ("0.1", "0.5", "1"):
            question = {"density": density, "epsilon": epsilon, "failure_probability": "0.05"}
            measured = run.required(density, "0.05", level=LEVEL)
            assert n_necessary(**question) <= measured.high
            assert measured.low <= n_required(**question).n


@pytest.fixture(scope="module")
def table():
    rows = defaultdict(list)
    with TABLE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["law"], row["target"]].append(row)
    return rows


def test_table_is_what_a_run_gives(table):
    rows = [row for row in table["uniform", "1"] if row["epsilon"] == "0.1"]
    run = stopping_times("0.1", trials=int(rows[0]["trials"]), seed=int(rows[0]["seed"]))
    assert len(rows) > 30
    for row in rows:
        found = run.required(row["density"], row["delta"])
        assert [found.n, found.low, found.high] == [int(row[name]) for name in ("n", "low", "high")]
        assert run.crossing(row["density"], row["delta"]) == pytest.approx(float(row["crossing"]), abs=1e-3)


def test_every_fit_was_measured(table):
    assert set(FITS) == set(table)


@pytest.mark.parametrize("key", FITS, ids="/".join)
def test_fits_are_as_good_as_they_say(table, key):
    fit, rows = FITS[key], table[key]
    epsilon, density, delta, measured = (
        np.array([float(row[name]) for row in rows]) for name in ("epsilon", "density", "delta", "crossing")
    )
    questions = [(row["density"], row["epsilon"], row["delta"]) for row in rows]
    sharp = np.array([sharp_exponent(density=p, epsilon=e, failure_probability=d) for p, e, d in questions])
    bits, rarity = -np.log(epsilon), -np.log(delta)
    parts = np.array([np.sqrt(bits * rarity) / density, np.sqrt(rarity) / density, -1 / np.log1p(-density / 2)])
    chosen = np.array([fit.a, fit.b, fit.c])
    errors = (sharp + chosen @ parts) / measured - 1
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(fit.rms, abs=1e-4)
    assert np.abs(errors).max() == pytest.approx(fit.worst, abs=1e-3)
    assert fit.rms <= 0.03
    for name, values in (("epsilon", epsilon), ("delta", delta), ("density", density)):
        low, high = (float(end) for end in getattr(fit, f"{name}_range"))
        assert (low, high) == pytest.approx((values.min(), values.max()))
    # Least squares: no other coefficients do better.
    best = np.linalg.lstsq((parts / measured).T, 1 - sharp / measured)[0]
    assert chosen == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("key", FITS, ids="/".join)
def test_calibrated_numbers_are_near_the_measured_ones(table, key):
    law, target = key
    errors = []
    for row in table[key][::7]:
        question = {"density": row["density"], "epsilon": row["epsilon"], "failure_probability": row["delta"]}
        found = n_required(**question, **TARGETS[target], law=law, mode="calibrated").n
        # Both are rounded up to whole numbers, which alone can make a difference of 1.
        errors.append(max(0, abs(found - int(row["n"])) - 1) / int(row["n"]))
    assert np.sqrt(np.mean(np.square(errors))) <= 0.03
