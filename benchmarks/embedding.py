"""Time the scan of a mask and the building of an embedding, as ratios in one run.

    python benchmarks/embedding.py [--rows 18048]

- The scan: all rows of the mask of source layer 1 (179,536 columns, p = 1/10) are drawn and an edge is chosen for every
  link. Limit: drawing as many random bits with SFC64, NumPy's fastest generator, on as many threads.
- Linear: seconds per mask entry over four sizes.
- Baseline: a double loop over neurons in Python, on a small mask.
- Verification: evaluating the built source, against its sparse matrix products alone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np

from ertheory import Target
from ertheory.builders import embed_target
from ertheory.builders.blocks.links import Signal, choose, layout
from ertheory.check import evaluate
from ertheory.masks import DrawnMask
from ertheory.networks.network import Affine

INPUTS, HIDDEN, OUTPUTS, COPIES = 784, 128, 10, 229
ROWS = 18_048
TENTH = Fraction(1, 10)
DIGITS_PER_ENTRY = 8.9  # random bits that an entry takes on average: blocks of four digits, until 64 are decided


def best_of(function: Callable[[], object], repeats: int = 3) -> float:
    """Smallest wall time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def random_bits(bits: float, threads: int) -> None:
    """Draw so many bits with SFC64."""
    chunk = 2**17
    generators = [np.random.SFC64(seed) for seed in range(threads)]

    def draw(generator: np.random.SFC64) -> None:
        for _ in range(int(bits / 64 / threads / chunk) + 1):
            generator.random_raw(chunk)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(draw, generators))


def double_loop(mask: np.ndarray, weight: np.ndarray, below: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Choose an edge for every link, one neuron after the other."""
    chosen = np.full((len(owners), weight.shape[1]), -1)
    for row, owner in enumerate(owners):
        for column, unit in enumerate(below):
            if mask[row, column] and weight[owner, unit] and chosen[row, unit] < 0:
                chosen[row, unit] = column
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="to scan; all of layer 1 if left out")
    rows = parser.parse_args().rows
    rng = np.random.default_rng(0)
    first = Affine.from_dense(rng.normal(size=(HIDDEN, INPUTS)))
    signal = Signal(layout(INPUTS * COPIES, INPUTS), INPUTS)
    threads = os.cpu_count() or 1

    def scan(size: int, workers: int) -> None:
        mask = DrawnMask((size, INPUTS * COPIES), TENTH, 1, 1)
        choose(mask, first, signal, layout(size, HIDDEN), name="mask", workers=workers)

    scan(128, 1)  # compiles
    print("| scan of the mask | entries | seconds | relative to as many random bits |")
    print("| --- | ---: | ---: | ---: |")
    for workers in sorted({1, threads}):
        entries = rows * INPUTS * COPIES
        taken = best_of(lambda workers=workers: scan(rows, workers))
        bits = best_of(lambda workers=workers, n=entries: random_bits(n * DIGITS_PER_ENTRY, workers))
        print(f"| {workers} thread(s) | {entries:,} | {taken:.2f} | {taken / bits:.2f} |")

    print("\n| rows | seconds per entry, relative to the largest |\n| ---: | ---: |")
    sizes = [rows // factor for factor in (64, 16, 4, 1)]
    per_entry = [best_of(lambda size=size: scan(size, threads)) / size for size in sizes]
    for size, each in zip(sizes, per_entry, strict=True):
        print(f"| {size:,} | {each / per_entry[-1]:.2f} |")

    small = DrawnMask((HIDDEN, INPUTS * COPIES), TENTH, 1, 1)
    dense = small.to_csr()[:2].toarray()
    arguments = dense, first.weight.toarray(), signal.owners, np.arange(2)
    loop = best_of(lambda: double_loop(*arguments), repeats=1) / dense.size
    single = best_of(lambda: scan(HIDDEN, 1)) / (HIDDEN * INPUTS * COPIES)
    chosen = choose(small, first, signal, np.arange(HIDDEN), name="mask").columns.reshape(HIDDEN, INPUTS)
    if not np.array_equal(chosen[:2], double_loop(*arguments)):
        msg = "the scan and the double loop choose different edges"
        raise SystemExit(msg)
    print(f"\nA double loop in Python takes {loop / single:,.0f} times as long per entry, without drawing.")

    target = Target.from_arrays(
        [rng.normal(size=(HIDDEN, INPUTS)), rng.normal(size=(OUTPUTS, HIDDEN))], domain=np.tile([0, 1], (INPUTS, 1))
    )
    shapes = [(INPUTS * COPIES, INPUTS), (ROWS, INPUTS * COPIES), (OUTPUTS, ROWS)]
    densities = (Fraction(1), TENTH, TENTH)
    masks = [DrawnMask(shape, p, 1, layer) for layer, (shape, p) in enumerate(zip(shapes, densities, strict=True))]
    source = embed_target(target, masks, construction="drop").source
    points = rng.random((2_000, INPUTS))
    ours = best_of(lambda: evaluate(source, points))
    kept: list[np.ndarray] = [points.T.copy()]
    weights = []
    columns = np.arange(INPUTS)
    for step in source.affine:
        used = np.flatnonzero(np.diff(step.weight.indptr))
        weights.append(step.weight[used][:, columns])
        columns = used

    def products() -> None:
        for start in range(0, len(points), 250):
            signal = kept[0][:, start : start + 250]
            for weight in weights:
                signal = weight @ signal

    print(f"Evaluating the source takes {ours / best_of(products):.2f} times as long as its sparse products alone.")


if __name__ == "__main__":
    main()
