"""Measure how many weights random subset sums need, and fit the calibrated form to it.

    python benchmarks/fit_subset_sums.py [--measure] [--write] [--workers 1]

With --measure the table tests/reference/subset_sums.csv is made anew (about half an hour on one core): for both laws
and four targets, epsilon from 1e-1 down to 1e-8 (to 1e-5 for all of [-1, 1]), eight densities and five delta. `n` is
the smallest number of weights, `low` and `high` hold the true one with probability 0.95 for all densities of one run,
and `crossing` is where the line in log F between whole n meets delta; a row needs 20 expected failures.

The fit is printed, and with --write put into ertheory/bounds/subset_sum/fits.py:

    n = sharp(p, epsilon, delta) + (a sqrt(ln(1/epsilon) ln(1/delta)) + b sqrt(ln(1/delta))) / p + c / ln(1 / (1 - p/2))

by relative least squares on `crossing`. For comparison, the best of a form with three terms but not the sharp exponent,
(A ln(1/epsilon) + C) / p + B ln(1/delta) / ln(1 / (1 - p/2)) with A >= 1/ln 2, and the printed one with the best C.
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

from ertheory.bounds import sharp_exponent
from ertheory.montecarlo import StoppingTimes, stopping_times, stopping_times_at

TABLE = Path(__file__).parents[1] / "tests" / "reference" / "subset_sums.csv"
FITS_FILE = Path(__file__).parents[1] / "ertheory" / "bounds" / "subset_sum" / "fits.py"
COARSE = ("0.1", "0.03", "0.01", "0.003", "0.001")
FINE = ("1e-4", "1e-5", "1e-6", "1e-7", "1e-8")
DENSITIES = ("0.05", "0.1", "0.2", "0.35", "0.5", "0.8", "0.95", "1")
DELTAS = ("0.1", "0.03", "0.01", "0.003", "0.001")
LAWS, TARGETS = ("uniform", "product"), ("1", "1/2", "1/4", "uniform")
COLUMNS = ("law", "target", "epsilon", "density", "delta", "n", "low", "high", "crossing", "trials", "seed")
SEED, FAILURES = 24, 20


def runs(law: str, target: str, workers: int) -> Iterator[tuple[str, StoppingTimes]]:
    """Yield the stopping times of every epsilon."""
    settings = {"law": law, "seed": SEED, "workers": workers}
    if target == "uniform":
        trials = dict(zip((*COARSE, *FINE[:2]), (*(200_000,) * 4, 100_000, 20_000, 4_000), strict=True))
        for epsilon, number in trials.items():
            yield epsilon, stopping_times(epsilon, uniform=True, trials=number, **settings)
        return
    for epsilon in COARSE:
        yield epsilon, stopping_times(epsilon, z=target, trials=200_000, **settings)
    yield from zip(FINE, stopping_times_at(FINE, z=target, trials=50_000, **settings), strict=True)


def measure(law: str, target: str, workers: int) -> list[dict[str, str]]:
    """Make the rows of a law and a target."""
    rows = []
    for epsilon, run in runs(law, target, workers):
        print(law, target, epsilon, run.trials, "trials", run.censored, "censored", file=sys.stderr, flush=True)
        for density in DENSITIES:
            for delta in DELTAS:
                if float(delta) * run.trials < FAILURES:
                    continue
                found = run.required(density, delta)
                crossing = f"{run.crossing(density, delta):.3f}"
                numbers = (found.n, found.low, found.high, crossing, run.trials, run.seed)
                rows.append(dict(zip(COLUMNS, (law, target, epsilon, density, delta, *map(str, numbers)), strict=True)))
    return rows


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def fit(rows: list[dict[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Fit a, b, c; return them and the relative errors."""
    density = column(rows, "density")
    bits, rarity = -np.log(column(rows, "epsilon")), -np.log(column(rows, "delta"))
    questions = [(row["density"], row["epsilon"], row["delta"]) for row in rows]
    sharp = np.array([sharp_exponent(density=p, epsilon=e, failure_probability=d) for p, e, d in questions])
    parts = np.sqrt(bits * rarity) / density, np.sqrt(rarity) / density, -1 / np.log1p(-density / 2)
    return solved(np.stack(parts, axis=1), column(rows, "crossing"), sharp)


def fit_three_terms(rows: list[dict[str, str]]) -> np.ndarray:
    density, measured = column(rows, "density"), column(rows, "crossing")
    bits, rarity = -np.log(column(rows, "epsilon")), -np.log(column(rows, "delta"))
    parts = np.stack([bits / density, -rarity / np.log1p(-density / 2), 1 / density], axis=1) / measured[:, None]
    found = lsq_linear(parts, np.ones(len(rows)), bounds=([1 / math.log(2), -np.inf, -np.inf], np.inf))
    return parts @ found.x - 1


def fit_printed(rows: list[dict[str, str]]) -> np.ndarray:
    rows = [row for row in rows if row["density"] != "1"]  # it says n = 0 there
    size = -np.log(np.minimum(column(rows, "epsilon"), column(rows, "delta"))) / -np.log1p(-column(rows, "density"))
    return solved(size[:, None], column(rows, "crossing"), np.zeros(len(rows)))[1]


def solved(parts: np.ndarray, measured: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimise the relative errors of known + parts @ x."""
    scaled, rest = parts / measured[:, None], 1 - known / measured
    found = np.linalg.lstsq(scaled, rest)[0]
    return found, scaled @ found - rest


def rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.measure:
        with TABLE.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for law in LAWS:
                for target in TARGETS:
                    writer.writerows(measure(law, target, arguments.workers))
                    file.flush()
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    print("| law | target | points | a | b | c | rms | worst | rms, three terms | rms, printed |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    lines = []
    for law in LAWS:
        for target in TARGETS:
            chosen = [row for row in rows if (row["law"], row["target"]) == (law, target)]
            (a, b, c), errors = fit(chosen)
            numbers = [f"{value:.4f}" for value in (a, b, c, rms(errors), np.abs(errors).max())]
            finest = FINE[1] if target == "uniform" else FINE[-1]
            lines.append(f'    ("{law}", "{target}"): _measured({", ".join(numbers)}, "{finest}"),\n')
            others = (f"{rms(other(chosen)):.1%}" for other in (fit_three_terms, fit_printed))
            print("|", " | ".join((law, target, str(len(chosen)), *numbers, *others)), "|")
    if arguments.write:
        text = FITS_FILE.read_text()
        start = text.index("] = {", text.index("FITS:")) + len("] = {")
        FITS_FILE.write_text(text[:start] + "\n" + "".join(lines) + "}\n")


if __name__ == "__main__":
    main()
