"""How wide, really? Widths found by building, beside the proved ones, for the gap figure.

    python benchmarks/calibrated.py --out ertheory/plots/gap_measured.csv

Every row is one call of `ertheory.calibrate` with delta = 0.05. Where `masked` says "last", it is about the last hidden
layer: the layers below are dense, so that nothing can fail there, and the last two layers of a target then need what
the target 1-n-o does. Where it says "all", every layer is masked, with a coded layer 0, and all hidden layers are
lowered. Rows that are in the file already are kept; a row takes from half a minute to some minutes on one core, one
with all layers up to an hour.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from fractions import Fraction
from pathlib import Path

from tqdm import tqdm

import ertheory

DELTA = Fraction(1, 20)
RESOLUTION = {"last": Fraction(1, 50), "all": Fraction(1, 20)}
SEED = 1
SPARSITIES = ("0.5", "0.8", "0.9", "0.95")
# Target, the one that stands for its last two layers.
LAST = (("784-128-10", "1-128-10"), ("784-300-100-10", "1-100-10"), ("LeNet-5", "1-84-10"))
# Target and sparsities of the rows in which every layer is masked; sparser masks take hours.
ALL = (("784-128-10", ("0.5",)),)
COLUMNS = (
    "target",
    "sparsity",
    "delta",
    "masked",
    "widths",
    "proved",
    "failures",
    "trials",
    "low",
    "high",
    "level",
    "masks",
    "seed",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how wide a source has to be for the builders to succeed.")
    parser.add_argument("--out", type=Path, required=True, help="CSV file; rows that it has are kept")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    rows = list(csv.DictReader(arguments.out.open())) if arguments.out.exists() else []
    known = {(row["target"], row["sparsity"], row["masked"]) for row in rows}
    jobs = [(name, sparsity, "last", small) for sparsity in SPARSITIES for name, small in LAST]
    jobs += [(name, sparsity, "all", name) for name, sparsities in ALL for sparsity in sparsities]
    for name, sparsity, masked, small in jobs:
        if (name, sparsity, masked) not in known:
            rows.append(row := measured(name, sparsity, masked, small, arguments.workers))
            arguments.out.write_text(as_csv(rows))
            print(*row.values(), flush=True)


def measured(name: str, sparsity: str, masked: str, small: str, workers: int) -> dict[str, object]:
    started = time.perf_counter()
    density = 1 - Fraction(sparsity)
    with tqdm(unit=" masks", desc=f"{name} at {sparsity}", leave=False) as bar:
        found = ertheory.calibrate(
            ertheory.Target.from_text(small),
            density=density if masked == "all" else (1, 1, density),
            layer0="coded" if masked == "all" else "matched",
            failure_probability=DELTA,
            resolution=RESOLUTION[masked],
            seed=SEED,
            workers=workers,
            progress=bar.update,
        )
    print(f"{time.perf_counter() - started:.0f} s", end=" ")
    cells = (
        name,
        sparsity,
        str(DELTA),
        masked,
        "-".join(map(str, shown(found.widths, masked))),
        "-".join(map(str, shown(found.proved.widths, masked))),
        found.test.failures,
        found.test.trials,
        f"{found.test.interval.low:.6g}",
        f"{found.test.interval.high:.6g}",
        f"{found.test.interval.level:.6g}",
        found.masks,
        found.seed,
    )
    return dict(zip(COLUMNS, cells, strict=True))


def shown(widths: tuple[int | None, ...], masked: str) -> tuple[int | None, ...]:
    return widths[:-1] if masked == "all" else widths[-2:-1]


def as_csv(rows: list[dict[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    main()
