"""How performance falls with sparsity, at fixed widths and at a fixed number of weights; and which ratio is best.

    python benchmarks/sparsity.py sparsity --out DIR [--students 24] [--steps 1500] [--teachers 2]
    python benchmarks/sparsity.py ratios --out DIR [...]
    python benchmarks/sparsity.py report --out DIR

The first two train students and write a line per student to DIR/NAME.csv; `report` prints the tables and draws.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from fractions import Fraction
from pathlib import Path

from ertheory.target import Target
from ertrain.cells import Cell, train_cells
from ertrain.students import Budget
from ertrain.teacher import draw_teacher
from ertrain.widths import trial_seeds

TARGET = Target.from_text("4-8-3")
DENSITIES = tuple(map(Fraction, ("1", "0.95", "0.9", "0.8", "0.65", "0.5", "0.35", "0.2", "0.1", "0.05")))
WIDTH, AT = 40, Fraction(1, 5)  # the fixed number of weights is that of WIDTH-WIDTH at this density
FIELDS = ("study", "widths", "densities", "density", "teacher", "student", "rms", "largest", "learnt", "dead")


def square(width: int, density: Fraction) -> Cell:
    """Two hidden layers of one width, one density."""
    return Cell((width, width, TARGET.widths[-1]), (density,) * 3)


def sparsity_cells() -> dict[str, list[Cell]]:
    """The same widths at all densities, and the same expected number of weights."""
    weights = square(WIDTH, AT).expected_weights(TARGET.inputs)
    ends = TARGET.inputs + TARGET.widths[-1]
    widths = [round((math.sqrt(ends**2 + 4 * weights / density) - ends) / 2) for density in DENSITIES]
    return {
        "fixed widths": [square(WIDTH, density) for density in DENSITIES],
        "fixed weights": [square(width, density) for width, density in zip(widths, DENSITIES, strict=True)],
    }


def train(options: argparse.Namespace, studies: dict[str, list[Cell]], path: Path) -> None:
    """Train the students of all studies, and write a line for each."""
    seeds = trial_seeds(8, 0, 0, options.students)
    budget = Budget(steps=options.steps)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        for number in range(options.teachers):
            teacher = draw_teacher(TARGET, number)
            for study, cells in studies.items():
                started = time.perf_counter()
                for cell, found in train_cells(teacher, cells, seeds=seeds, budget=budget, seed=number).items():
                    weights = sum(n * m for n, m in cell.shapes(TARGET.inputs))
                    density = float(cell.expected_weights(TARGET.inputs) / weights)
                    widths = "-".join(map(str, cell.widths[:-1]))
                    densities = " ".join(f"{float(p):.6g}" for p in cell.densities)
                    for student in range(options.students):
                        rms, largest = f"{found.rms[student]:.6g}", f"{found.largest[student]:.6g}"
                        line = (study, widths, densities, f"{density:.6g}", number, student, rms, largest)
                        writer.writerow([*line, int(found.learnt[student]), found.dead[student]])
                file.flush()
                print(f"teacher {number}, {study}: {time.perf_counter() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sparsity", "ratios", "report"))
    parser.add_argument("--out", type=Path, required=True, help="Folder for the .csv files and figures.")
    parser.add_argument("--students", type=int, default=24, help="Per cell and teacher.")
    parser.add_argument("--steps", type=int, default=1500, help="Of every student.")
    parser.add_argument("--teachers", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.what == "sparsity":
        train(options, sparsity_cells(), options.out / "sparsity.csv")


if __name__ == "__main__":
    main()
