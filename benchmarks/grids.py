"""Time a grid of widths against a loop over single certified answers, as ratios in one run.

    python benchmarks/grids.py [--points 100000]

Baseline: one `union_factor` per point, exact rationals all the way. Limit: the two logarithms and the division that any
float implementation needs. The grid gives the same integers as the baseline, which is checked on the points that the
baseline has time for.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ertheory import printed_copies
from ertheory.bounds import union_factor

LINKS = 1280


def best_of(function: Callable[[], object], repeats: int = 5) -> float:
    """Smallest wall time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    points = parser.parse_args().points
    rng = np.random.default_rng(0)
    density = 10.0 ** rng.uniform(-6, 0, points)
    delta = 10.0 ** rng.uniform(-12, -0.01, points)
    few = min(points, 2_000)

    def loop() -> list[int]:
        pairs = zip(density[:few].tolist(), delta[:few].tolist(), strict=True)
        return [union_factor(Fraction(p), LINKS, Fraction(d))[0] for p, d in pairs]

    grid = printed_copies(LINKS, density=density, failure_probability=delta)
    if grid[:few].tolist() != loop():
        msg = "grid and single answers differ"
        raise SystemExit(msg)
    seconds = best_of(lambda: printed_copies(LINKS, density=density, failure_probability=delta))
    limit = best_of(lambda: (np.log(LINKS) - np.log(delta)) / -np.log1p(-density))
    single = best_of(loop, repeats=3) / few
    print("| what | per point | relative to the grid |")
    print("| --- | ---: | ---: |")
    for name, value in (("grid, certified", seconds / points), ("loop, certified", single), ("floats", limit / points)):
        print(f"| {name} | {value * 1e9:,.0f} ns | {value * points / seconds:.3g} |")
    print(f"\n{points:,} points in {seconds:.3f} s; slope over sizes (seconds per point, relative to the largest):")
    for size in (points // 1000, points // 100, points // 10, points):
        taken = best_of(
            lambda size=size: printed_copies(LINKS, density=density[:size], failure_probability=delta[:size])
        )
        print(f"  {size:>9,}: {taken / size / (seconds / points):.2f}")


if __name__ == "__main__":
    main()
