"""Bounds of factored sources against drawn masks, all small masks, and each other; and what depth buys.

    python benchmarks/factored_bounds.py [--masks 1000] [--sets 3000] [--parts mixed,floors,small,depth]

- mixed: four maps at widths where the dual says nothing and the mixed theorem has inputs set apart; a share of failures
  that is further above the bound than Hoeffding's inequality allows once in 1e9 runs ends the program.
- floors: random maps, densities and failure probabilities; no sufficient width may be below a necessary one.
- small: all pairs of 2 x 3 and 3 x 3 with all paths and at most four inner neurons, none idle, up to their order: dual
  or primal, mixed only, of full rank only, deficient. Takes many minutes.
- depth: expected edges for each weight of 784-128-10, by copies, by two factors and by three.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np

from ertheory.bounds import width
from ertheory.bounds.factored import factored_map
from ertheory.bounds.factored.failure import mixed_failure as mixed_bound
from ertheory.bounds.factored.necessary import count_ceiling, least_necessary, path_ceiling, rank_ceiling
from ertheory.builders.factored.matching import mixed_failure
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.verdict import locally_generic, universal_by
from ertheory.networks.target import Target

FALSE_ALARM = 1e-9
MAPS = (
    (60, 40, 107, Fraction(2, 5), Fraction(3, 5)),
    (80, 40, 125, Fraction(1, 3), Fraction(2, 3)),
    (60, 60, 130, Fraction(1, 2), Fraction(1, 2)),
    (100, 50, 115, Fraction(1, 2), Fraction(1, 2)),
)


def mixed(masks: int) -> None:
    print("| map | N | densities | inputs apart | bound | failures | seconds |\n|" + " --- |" * 7, flush=True)
    rng = np.random.default_rng(20261129)
    margin = math.sqrt(-math.log(FALSE_ALARM / len(MAPS)) / (2 * masks))
    for inputs, outputs, inner, first, second in MAPS:
        bound = mixed_bound(inputs, outputs, inner, (first, second), Fraction(1, 2))
        start, failures, largest = time.perf_counter(), 0, 0
        for _ in range(masks):
            below = rng.random((inner, inputs)) < float(first)
            above = rng.random((outputs, inner)) < float(second)
            apart = np.flatnonzero(below.sum(axis=0) < bound.threshold)
            largest = max(largest, len(apart))
            small = len(apart) <= bound.set_aside
            failures += not (small and mixed_failure(MaskPair.read(below, above), apart) is None)
        if failures / masks > bound.failure + margin:
            msg = f"{inputs} -> {outputs}: {failures} failures of {masks}, bound {float(bound.failure)}"
            raise SystemExit(msg)
        cells = (
            f"{inputs} -> {outputs}",
            str(inner),
            f"{first}, {second}",
            f"at most {bound.set_aside} (seen {largest})",
            f"{float(bound.failure):.3f}",
            f"{failures} of {masks}",
            f"{time.perf_counter() - start:.0f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)


def floors(sets: int) -> None:
    rng = np.random.default_rng(20261130)
    tightest = math.inf
    for _ in range(sets):
        inputs, outputs = (int(10 ** rng.uniform(0, 2.7)) for _ in range(2))
        pair = (Fraction(int(rng.integers(3, 101)), 100), Fraction(int(rng.integers(3, 101)), 100))
        delta = Fraction(1, int(10 ** rng.uniform(0.4, 6)) + 1)
        least = least_necessary((path_ceiling, count_ceiling, rank_ceiling), inputs, outputs, pair, delta)
        enough = factored_map(inputs, outputs, densities=pair, failure_probability=delta).inner
        if enough < least:
            msg = f"{inputs} -> {outputs} at {pair}, {delta}: {enough} are said to be enough, {least} to be necessary"
            raise SystemExit(msg)
        tightest = min(tightest, enough / least)
    print(f"{sets} sets of parameters: sufficient over necessary at least {tightest:.4f}", flush=True)


def small() -> None:
    for inputs, outputs in ((2, 3), (3, 3)):
        found: Counter[str] = Counter()
        kinds = [
            (reads, feeds)
            for reads, feeds in product(product((0, 1), repeat=inputs), product((0, 1), repeat=outputs))
            if any(reads) and any(feeds)
        ]
        for inner in range(1, 5):
            for chosen in combinations_with_replacement(kinds, inner):
                below, above = (np.array(side, dtype=bool) for side in zip(*chosen, strict=True))
                if not (above.T.astype(int) @ below > 0).all():
                    continue
                pair = MaskPair.read(below, above.T)
                scheme = universal_by(pair)
                if scheme is not None:
                    found["mixed" if scheme.startswith("mixed") else "dual or primal"] += 1
                else:
                    found["full rank" if locally_generic(pair) else "deficient"] += 1
        print(f"{inputs} x {outputs}: {dict(found)}", flush=True)


def depth() -> None:
    target = Target.from_text("784-128-10")
    print("| sparsity | copies (sharp) | two factors | two, best split | three factors |\n|" + " --- |" * 5, flush=True)
    for sparsity in ("0.5", "0.8", "0.9", "0.95", "0.99"):
        asked = {"sparsity": sparsity, "failure_probability": "0.001"}
        answers = (
            width(target, method="sharp", **asked),
            width(target, method="factored", **asked),
            width(target, method="factored", split="best", **asked),
            width(target, method="factored", factors=3, **asked),
        )
        cells = (f"{float(answer.edges_ratio or 0):.3g} ({answer.total:,} neurons)" for answer in answers)
        print(f"| {sparsity} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--sets", type=int, default=3000)
    parser.add_argument("--parts", default="mixed,floors,small,depth")
    options = parser.parse_args()
    parts = {
        "mixed": lambda: mixed(options.masks),
        "floors": lambda: floors(options.sets),
        "small": small,
        "depth": depth,
    }
    for name in options.parts.split(","):
        parts[name]()


if __name__ == "__main__":
    main()
