"""Bounds of factored sources against drawn masks, all small masks, and each other; and what depth buys.

    python benchmarks/factored_bounds.py [--masks 1000] [--sets 3000] [--parts mixed,floors,small,depth]

- mixed: four maps at widths where the dual says nothing and the mixed theorem has inputs set apart; a share of failures
  that is further above the bound than Hoeffding's inequality allows once in 1e9 runs ends the program.
- floors: random maps, densities and failure probabilities; no sufficient width may be below a necessary one.
- small: all pairs of 1 x 3 to 3 x 3 with all paths and at most four inner neurons, none idle, up to their order: dual
  or primal, mixed only, of full rank only, deficient; one of each orbit under permutations of inputs and outputs is
  decided. With the probabilities of masks that gives the exact law of each verdict, which the bounds must enclose.
- depth: expected edges for each weight of 784-128-10, by copies, by two factors and by three.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, permutations, product

import numpy as np
from tqdm import tqdm

from ertheory.bounds import width
from ertheory.bounds.factored import factored_map
from ertheory.bounds.factored.failure import dual_failure
from ertheory.bounds.factored.failure import mixed_failure as mixed_bound
from ertheory.bounds.factored.necessary import count_ceiling, least_necessary, path_ceiling, rank_ceiling
from ertheory.builders.factored.matching import mixed_failure
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.verdict import locally_generic, universal_by
from ertheory.networks.target import Target
from ertheory.numbers import ends

FALSE_ALARM = 1e-9
VERDICTS = ("dual or primal", "mixed", "full rank only", "deficient")
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


@dataclass(frozen=True)
class Orbit:
    """Pairs of masks that differ by the order of inputs, of outputs and of inner neurons alone.

    Parameters
    ----------
    neurons
        The pairs (inputs read, outputs fed) of the inner neurons of one of them, as bits; none is idle.
    pairs
        How many pairs there are, up to the order of their inner neurons.
    verdict
        One of `VERDICTS`.
    """

    neurons: tuple[tuple[int, int], ...]
    pairs: int
    verdict: str


def orbits(inputs: int, outputs: int, inner: int) -> Iterator[Orbit]:
    """Enumerate the pairs with so many inner neurons in which every input has a path to every output.

    Orbits under permutations of the inputs and of the outputs are found as arrays, and each is decided once.
    """
    kinds = [(reads, feeds) for reads in range(1, 2**inputs) for feeds in range(1, 2**outputs)]
    number = {kind: place for place, kind in enumerate(kinds)}
    paths = np.array([_paths(reads, feeds, inputs) for reads, feeds in kinds])
    chosen = np.array(list(combinations_with_replacement(range(len(kinds)), inner)))
    chosen = chosen[np.bitwise_or.reduce(paths[chosen], axis=1) == 2 ** (inputs * outputs) - 1]
    if not len(chosen):
        return
    least = np.full(len(chosen), np.iinfo(np.int64).max)
    powers = len(kinds) ** np.arange(inner, dtype=np.int64)
    for order, other in product(permutations(range(inputs)), permutations(range(outputs))):
        moved = np.array([number[_moved(reads, order), _moved(feeds, other)] for reads, feeds in kinds])
        np.minimum(least, np.sort(moved[chosen], axis=1) @ powers, out=least)
    _, places, counts = np.unique(least, return_index=True, return_counts=True)
    for place, count in zip(tqdm(places, desc=f"{inputs} x {outputs}, {inner}", leave=False), counts, strict=True):
        neurons = tuple(kinds[kind] for kind in chosen[place])
        yield Orbit(neurons, int(count), _verdict(neurons, inputs, outputs))


def _paths(reads: int, feeds: int, inputs: int) -> int:
    return sum(reads << (inputs * output) for output in range(feeds.bit_length()) if feeds >> output & 1)


def _moved(bits: int, order: tuple[int, ...]) -> int:
    return sum((bits >> place & 1) << to for place, to in enumerate(order))


def _verdict(neurons: tuple[tuple[int, int], ...], inputs: int, outputs: int) -> str:
    below = np.array([[reads >> place & 1 for place in range(inputs)] for reads, _ in neurons], dtype=bool)
    above = np.array([[feeds >> place & 1 for place in range(outputs)] for _, feeds in neurons], dtype=bool)
    pair = MaskPair.read(below, above.T)
    scheme = universal_by(pair)
    if scheme is not None:
        return "mixed" if scheme.startswith("mixed") else "dual or primal"
    return "full rank only" if locally_generic(pair) else "deficient"


def probabilities(
    found: Iterable[Orbit], inputs: int, outputs: int, neurons: int, densities: tuple[Fraction, Fraction]
) -> dict[str, Fraction]:
    """Add up the probability of each verdict over all masks of N inner neurons, of which some may be idle."""
    first, second = densities

    def chance(kind: tuple[int, int]) -> Fraction:
        reads, feeds = (bits.bit_count() for bits in kind)
        below = first**reads * (1 - first) ** (inputs - reads)
        return below * second**feeds * (1 - second) ** (outputs - feeds)

    idle = 1 - (1 - (1 - first) ** inputs) * (1 - (1 - second) ** outputs)
    total = dict.fromkeys(VERDICTS, Fraction(0))
    for orbit in found:
        resting = neurons - len(orbit.neurons)
        orders = math.factorial(neurons) // math.factorial(resting)
        for times in Counter(orbit.neurons).values():
            orders //= math.factorial(times)
        total[orbit.verdict] += orbit.pairs * orders * idle**resting * math.prod(map(chance, orbit.neurons))
    return total


def small() -> None:
    densities = [(Fraction(1, 2),) * 2, (Fraction(4, 5),) * 2, (Fraction(9, 10), Fraction(3, 5))]
    counts, laws = [], []
    for inputs, outputs in ((1, 3), (2, 2), (2, 3), (3, 3)):
        start = time.perf_counter()
        found = [orbit for inner in range(1, 5) for orbit in orbits(inputs, outputs, inner)]
        each = Counter[str]()
        for orbit in found:
            each[orbit.verdict] += orbit.pairs
        cells = (f"{each[verdict]:,}" for verdict in VERDICTS)
        seconds = time.perf_counter() - start
        counts.append(f"| {inputs} x {outputs} | {' | '.join(cells)} | {len(found):,} | {seconds:.1f} |")
        for pair in densities:
            laws.append(_compared(found, inputs, outputs, 4, pair))
    print(f"| map | {' | '.join(VERDICTS)} | orbits | seconds |\n|" + " --- |" * (len(VERDICTS) + 3))
    print("\n".join(counts))
    print("\n| map, N = 4 | densities | bound | dual or primal | mixed too | full rank | ceiling |\n|" + " --- |" * 7)
    print("\n".join(laws), flush=True)


def _compared(found: list[Orbit], inputs: int, outputs: int, neurons: int, pair: tuple[Fraction, Fraction]) -> str:
    """Compare what all masks say with the bounds, which must enclose it, and with the law of one row."""
    law = probabilities(found, inputs, outputs, neurons, pair)
    turned = pair[::-1]
    bound = 1 - min(dual_failure(inputs, outputs, neurons, pair), dual_failure(outputs, inputs, neurons, turned))
    ceilings = [ends(one(inputs, outputs, neurons, pair))[1] for one in (path_ceiling, count_ceiling, rank_ceiling)]
    matched = law["dual or primal"]
    universal = matched + law["mixed"]
    generic = universal + law["full rank only"]
    if not bound <= matched <= generic <= min(ceilings):
        msg = f"{inputs} x {outputs} at {pair}: {float(bound)}, {float(matched)}, {float(generic)}, {ceilings}"
        raise SystemExit(msg)
    values = (bound, matched, universal, generic, min(1, *ceilings))
    shown = " | ".join(f"{float(value):.4f}" for value in values)
    return f"| {inputs} x {outputs} | {pair[0]}, {pair[1]} | {shown} |"


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
