"""Measure random subset sums: the table of n, the proved bounds at many points, and the speed as ratios in one run.

    python benchmarks/subset_sums.py [--quick] [--only-speed]

- The table: the smallest n at failure probability 1/10 and 1/100 for z = 1 and for all of [-1, 1].
- The bounds: simultaneous intervals of the simulation against `failure_upper` and `failure_lower`.
- Speed, z = 1 and epsilon = 1/100. Baseline: meeting in the middle in NumPy at n = 32, one sort and one search a trial.
  Limit: the same union of intervals in C (cc -O3), which must give the same stopping times. It reads weights from
  memory; ours draws them.
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path

import numpy as np

from ertheory.bounds.subset_sum import failure_lower, failure_upper
from ertheory.montecarlo import StoppingTimes, draw_weights, stopping_times
from ertheory.montecarlo.subset_sums.draws import stream_key
from ertheory.montecarlo.subset_sums.meet_kernel import error_times
from ertheory.montecarlo.subset_sums.union_kernel import cover_times

SEED = 2024
EPSILONS = ("0.1", "0.03", "0.01", "0.003", "0.001")
DENSITIES = ("0.1", "0.2", "0.5", "0.8", "0.95", "1")
CHECKED_DENSITIES = ("0.05", "0.1", "0.2", "0.35", "0.5", "0.8", "0.95", "1")
LEVEL = "0.999999"

C_SOURCE = r"""
#include <math.h>
#include <stdlib.h>

static double *la, *ha, *lb, *hb;

static int covers(const double *lows, const double *highs, long count, double low, double high) {
    long first = 0, after = count;
    while (first < after) {
        long middle = (first + after) / 2;
        if (lows[middle] <= low) first = middle + 1; else after = middle;
    }
    return first > 0 && highs[first - 1] >= high;
}

void cover_times(const double *weights, long trials, long columns, long longest, double low, double high,
                 double epsilon, long room, long *times) {
    la = malloc(room * sizeof(double)); ha = malloc(room * sizeof(double));
    lb = malloc(room * sizeof(double)); hb = malloc(room * sizeof(double));
    for (long trial = 0; trial < trials; trial++) {
        const double *x = weights + trial * columns;
        long count = 1, step = 0;
        la[0] = -epsilon; ha[0] = epsilon;
        while (!covers(la, ha, count, low, high)) {
            if (step == longest) { step++; break; }
            double shift = x[step], reach = -INFINITY, lo, hi;
            long plain = 0, shifted = 0, out = -1;
            la[count] = INFINITY;
            for (long turn = 0; turn < 2 * count; turn++) {
                double here = la[plain], there = la[shifted] + shift;
                if (here <= there) { lo = here; hi = ha[plain++]; }
                else { lo = there; hi = ha[shifted++] + shift; }
                if (lo > reach) { out++; lb[out] = lo; reach = hi; }
                else if (hi > reach) reach = hi;
                hb[out] = reach;
            }
            count = out + 1;
            double *swap = la; la = lb; lb = swap;
            swap = ha; ha = hb; hb = swap;
            step++;
        }
        times[trial] = step;
    }
    free(la); free(ha); free(lb); free(hb);
}
"""


def best_of(function: Callable[[], object], repeats: int = 5) -> float:
    """Smallest processor time in seconds: everything here runs on one core."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def numpy_times(weights: np.ndarray, z: float) -> list[float]:
    """Find the best error of every row with NumPy: sums of both halves, one of them sorted and searched."""
    errors = []
    for row in weights:
        halves = []
        for half in np.array_split(row, 2):
            sums = np.zeros(1)
            for weight in half:
                sums = np.concatenate([sums, sums + weight])
            halves.append(sums)
        halves[1].sort()
        wanted = z - halves[0]
        places = np.searchsorted(halves[1], wanted)
        above = np.abs(halves[1][np.minimum(places, len(halves[1]) - 1)] - wanted).min()
        errors.append(min(above, np.abs(halves[1][np.maximum(places - 1, 0)] - wanted).min()))
    return errors


def table(trials: dict[str, int]) -> dict[tuple[str, str], StoppingTimes]:
    """Print the table of n and return the runs."""
    found = {}
    for target, setting in (("1", {"z": 1}), ("[-1, 1]", {"uniform": True})):
        print(f"\n| z = {target}: epsilon | trials |", *(f"p = {p} |" for p in DENSITIES))
        print("| ---: | ---: |", *("--- |" for _ in DENSITIES))
        for epsilon in EPSILONS:
            run = found[target, epsilon] = stopping_times(epsilon, trials=trials[epsilon], seed=SEED, **setting)
            cells = []
            for density in DENSITIES:
                answers = [run.required(density, delta) for delta in ("0.1", "0.01")]
                cells.append(
                    " / ".join(str(a.n) + ("" if a.low == a.high else f" [{a.low}, {a.high}]") for a in answers)
                )
            print(f"| {epsilon} | {run.trials:,} |", " | ".join(cells), "|", flush=True)
    return found


def points(runs: dict[tuple[str, str], StoppingTimes]) -> Iterator[tuple[bool, bool]]:
    """Say of every point whether the simulation allows the upper and the lower bound."""
    for (target, epsilon), run in runs.items():
        setting = {"uniform": True} if target == "[-1, 1]" else {"z": target}
        for density in CHECKED_DENSITIES:
            for n in sorted({ceil(live / float(density)) for live in range(1, 51)}):
                interval = run.failure(n, density, level=LEVEL).interval
                problem = {"density": density, "epsilon": epsilon, **setting}
                yield interval.low <= failure_upper(n, **problem), failure_lower(n, **problem) <= interval.high


def c_library() -> ctypes.CDLL | None:
    """Compile the C version."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    (folder / "union.c").write_text(C_SOURCE)
    command = [compiler, "-O3", "-shared", "-fPIC", "-o", str(folder / "union.so"), str(folder / "union.c"), "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(folder / "union.so"))


def speed() -> None:
    """Print the ratios."""
    key, epsilon, longest, trials = stream_key(SEED), 0.01, 32, 50_000
    times = np.empty(trials, dtype=np.int64)

    def ours(
        low: float, high: float, number: int = trials, *, longest: int = longest, epsilon: float = epsilon
    ) -> None:
        cover_times(0, times[:number], longest, low, high, epsilon, False, key)

    few = draw_weights(200, longest, seed=SEED)
    baseline = 200 / best_of(lambda: numpy_times(few, 1.0), repeats=3)
    ours(1.0, 1.0)
    reached = times[:200] <= longest
    if not np.array_equal(reached, np.array(numpy_times(few, 1.0)) <= epsilon):
        msg = "the union and meeting in the middle disagree"
        raise SystemExit(msg)
    print("\n| what, epsilon = 0.01, one core | trials per second | relative to NumPy |\n| --- | ---: | ---: |")
    print(f"| meeting in the middle in NumPy, n = 32 | {baseline:,.0f} | 1 |")
    rates = {}
    for name, low, high, number in (
        ("union until z = 1 is covered", 1.0, 1.0, trials),
        ("union until [-1, 1] is covered", -1.0, 1.0, trials),
        ("union of all 32 weights (nothing ends it)", 1e9, 1e9, 5_000),
    ):
        rates[name] = number / best_of(lambda low=low, high=high, number=number: ours(low, high, number))
        print(f"| {name} | {rates[name]:,.0f} | {rates[name] / baseline:,.0f} |")
    several = np.empty((trials, 1), dtype=np.int64)
    meeting = trials / best_of(lambda: error_times(0, several, longest, 1.0, np.array([epsilon]), False, key))
    print(f"| meeting in the middle, compiled, until z = 1 is reached | {meeting:,.0f} | {meeting / baseline:,.0f} |")

    library = c_library()
    if library is None:
        print("\nNo C compiler here: nothing to compare with.")
    else:
        weights = draw_weights(trials, longest, seed=SEED)
        in_c = np.empty(trials, dtype=np.int64)
        print("\n| the same union in C | trials per second | ours, relative to it |\n| --- | ---: | ---: |")
        for name, low, high, number in zip(
            rates, (1.0, -1.0, 1e9), (1.0, 1.0, 1e9), (trials, trials, 5_000), strict=True
        ):

            def run(low: float = low, high: float = high, number: int = number) -> None:
                pointers = [ctypes.c_void_p(array.ctypes.data) for array in (weights, in_c)]
                sizes = [ctypes.c_long(size) for size in (number, weights.shape[1], longest)]
                numbers = [ctypes.c_double(value) for value in (low, high, epsilon)]
                library.cover_times(pointers[0], *sizes, *numbers, ctypes.c_long(100_000), pointers[1])

            rate = number / best_of(run)
            ours(low, high, number)
            if not np.array_equal(in_c[:number], times[:number]):
                msg = "C and ours disagree"
                raise SystemExit(msg)
            print(f"| {name} | {rate:,.0f} | {rates[name] / rate:.2f} |")

    print("\n| n weights, epsilon = 0.01, nothing ends it | microseconds a trial | a weight, relative to 64 |")
    print("| ---: | ---: | ---: |")
    sizes = {size: best_of(lambda size=size: ours(1e9, 1e9, 1_000, longest=size)) / 1_000 for size in (8, 16, 32, 64)}
    for size, taken in sizes.items():
        print(f"| {size} | {taken * 1e6:,.1f} | {taken / size / (sizes[64] / 64):.2f} |")
    print("\n| epsilon, [-1, 1] | microseconds a trial | times epsilon, relative to 0.0001 |\n| ---: | ---: | ---: |")
    grid = (0.1, 0.01, 0.001, 0.0001)
    taken = {
        eps: best_of(lambda eps=eps: ours(-1.0, 1.0, 500, longest=64, epsilon=eps), repeats=3) / 500 for eps in grid
    }
    for eps, each in taken.items():
        print(f"| {eps:g} | {each * 1e6:,.1f} | {each * eps / (taken[0.0001] * 0.0001):.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials")
    parser.add_argument("--only-speed", action="store_true")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    trials = {epsilon: (200_000 if epsilon == "0.001" else 400_000) // part for epsilon in EPSILONS}
    speed()
    if arguments.only_speed:
        return
    runs = table(trials)
    for z in ("1/2", "1/4"):
        for epsilon in EPSILONS:
            runs[z, epsilon] = stopping_times(epsilon, z=z, trials=trials[epsilon], seed=SEED)
    answers = list(points(runs))
    above, below = (sum(not allowed for allowed in column) for column in zip(*answers, strict=True))
    print(f"\n{len(answers):,} points (p, n, epsilon, z), intervals of level {LEVEL} per run: {above} above the proved")
    print(f"upper bound, {below} below the proved lower bound.")


if __name__ == "__main__":
    main()
