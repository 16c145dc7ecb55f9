"""Measure how many weights random subset sums need, and fit the calibrated form to it.

    python benchmarks/fit_subset_sums.py [--measure] [--workers 1]

With --measure the table tests/reference/subset_sums.csv is made anew (about half an hour on one core): for both laws
and four targets, epsilon from 1e-1 down to 1e-8 (to 1e-6 for all of [-1, 1]), eight densities and five delta. `n` is
the smallest number of weights, `low` and `high` hold the true one with probability 0.95 for all densities of one run,
and `crossing` is where the line in log F between whole n meets delta; a row needs 10 failures that support it.

The fit is printed, and then stands in ertheory/bounds/subset_sum/fits.py:

    n = (a ln(1/epsilon) + c) / p + b ln(1/delta) / ln(1 / (1 - p/2))

by relative least squares on `crossing`, with a >= 1/ln 2: every live weight brings one bit at most.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from ertheory import InvalidInput
from ertheory.montecarlo import StoppingTimes, stopping_times, stopping_times_at

TABLE = Path(__file__).parents[1] / "tests" / "reference" / "subset_sums.csv"
COARSE = ("0.1", "0.03", "0.01", "0.003", "0.001")
FINE = ("1e-4", "1e-5", "1e-6", "1e-7", "1e-8")
DENSITIES = ("0.05", "0.1", "0.2", "0.35", "0.5", "0.8", "0.95", "1")
DELTAS = ("0.1", "0.03", "0.01", "0.003", "0.001")
LAWS, TARGETS = ("uniform", "product"), ("1", "1/2", "1/4", "uniform")
COLUMNS = ("law", "target", "epsilon", "density", "delta", "n", "low", "high", "crossing", "failures", "trials", "seed")
SEED = 24


def runs(law: str, target: str, workers: int) -> Iterator[tuple[str, StoppingTimes]]:
    """Yield the stopping times of every epsilon."""
    settings = {"law": law, "seed": SEED, "workers": workers}
    if target == "uniform":
        trials = dict(zip((*COARSE, *FINE[:3]), (*(200_000,) * 4, 100_000, 30_000, 10_000, 1_500), strict=True))
        for epsilon, number in trials.items():
            yield epsilon, stopping_times(epsilon, uniform=True, trials=number, **settings)
        return
    for epsilon in COARSE:
        yield epsilon, stopping_times(epsilon, z=target, trials=200_000, **settings)
    yield from zip(FINE, stopping_times_at(FINE, z=target, trials=50_000, **settings), strict=True)


def measure(workers: int) -> list[dict[str, str]]:
    """Make the rows of the table."""
    rows = []
    for law in LAWS:
        for target in TARGETS:
            for epsilon, run in runs(law, target, workers):
                print(
                    law, target, epsilon, run.trials, "trials,", run.censored, "censored", file=sys.stderr, flush=True
                )
                for density in DENSITIES:
                    for delta in DELTAS:
                        try:
                            found = run.required(density, delta)
                        except InvalidInput:  # too few trials for this delta
                            continue
                        crossing = f"{run.crossing(density, delta):.3f}"
                        numbers = (found.n, found.low, found.high, crossing, found.failures, run.trials, run.seed)
                        values = (law, target, epsilon, density, delta, *map(str, numbers))
                        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def fit(rows: list[dict[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Fit a, b, c; return them and the relative errors."""
    epsilon, density, delta, n = (
        np.array([float(row[name]) for row in rows]) for name in ("epsilon", "density", "delta", "crossing")
    )
    parts = np.stack([-np.log(epsilon) / density, np.log(delta) / np.log1p(-density / 2), 1 / density], axis=1)
    scaled = parts / n[:, None]
    least = [1 / math.log(2), 0.0, -np.inf]
    found = lsq_linear(scaled, np.ones(len(n)), bounds=(least, np.inf))
    return found.x, scaled @ found.x - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.measure:
        rows = measure(arguments.workers)
        with TABLE.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    print(
        "| law | target | points | a | b | c | rms | worst |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    for law in LAWS:
        for target in TARGETS:
            chosen = [row for row in rows if (row["law"], row["target"]) == (law, target)]
            (a, b, c), errors = fit(chosen)
            rms, worst = np.sqrt(np.mean(errors**2)), np.abs(errors).max()
            print(f"| {law} | {target} | {len(chosen)} | {a:.4f} | {b:.4f} | {c:.4f} | {rms:.1%} | {worst:.1%} |")


if __name__ == "__main__":
    main()
