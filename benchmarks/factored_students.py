"""At which widths factored students learn, beside what is necessary, proved, and found by the construction.

    python benchmarks/factored_students.py --out runs/students [--students 64] [--figures figures]

A grid in place of the search of `ertrain verify widths --construction factored`, with the same teachers, masks, starts
and training (scale quick): at a few shares of the inner widths that are proved for failure probability 0.05, how many
masks hold the teacher by the construction, how many students learn it, and on which masks the others failed. A killed
computation goes on; the last table is of students a minute of one core.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ertheory.montecarlo.intervals import binomial_interval
from ertheory.networks.target import Target
from ertheory.plots.columns import Columns
from ertheory.plots.factored_students import draw_factored_students
from ertheory.plots.figure_files import write_figure
from ertrain.storage.files import read_json, write_json
from ertrain.students.batched import Students, errors_of, student_masks, train_students
from ertrain.students.examples import named_teacher
from ertrain.students.teacher import TOLERANCE, draw_teacher, normalised
from ertrain.students.widths import SCALES, construction_of, trial_seeds

DELTA, LEVEL = Fraction(1, 20), Fraction(19, 20)
SHARES = (0.8, 1.0)
CELLS = tuple(product(("4-8-3", "8-16-4", "digits-12"), ("0.5", "0.8", "0.9", "0.95")))
FEWER = {("digits-12", "0.9"): 16, ("digits-12", "0.95"): 16}  # students of networks that take long


def measured(text: str, sparsity: str, share: float, students: int) -> dict[str, Any]:
    """Draw masks, ask for the construction in each, and train in each."""
    target, examples = named_teacher(text) or (Target.from_text(text), None)
    around = (None, None) if examples is None else (examples.around_train, examples.around_test)
    teacher = draw_teacher(target) if target.weights is None else normalised(target, draw=around[0])
    densities = (1 - Fraction(sparsity),) * (2 * target.depth)
    made = construction_of("factored", teacher, densities, DELTA)
    proved = made.line.widths(made.proved)
    hidden = [max(1, round(share * width)) if at % 2 == 0 else width for at, width in enumerate(proved)]
    sizes = (target.inputs, *hidden, target.widths[-1])
    shapes = tuple((outputs, inputs) for inputs, outputs in pairwise(sizes))
    seeds = trial_seeds(0, sum(hidden), 0, students)
    budget = SCALES["quick"].budget
    if examples is not None:
        budget = replace(budget, learning_rate=SCALES["quick"].classifier_rate)
    missing = made.missing(shapes, seeds)
    start = time.process_time()
    batch = Students(student_masks(shapes, densities, seeds), seeds, factors=2)
    train_students(teacher, batch, budget, draw=around[0])
    seconds = time.process_time() - start
    errors = errors_of(batch, teacher, draw=around[1])
    learnt = TOLERANCE.met(errors.rms, errors.largest)
    if examples is not None:
        learnt &= examples.as_accurate(batch, teacher)
    failed = [not one for one in learnt.tolist()]
    return {
        "target": text, "sparsity": sparsity, "share": share, "hidden": "-".join(map(str, hidden)),
        "necessary": "-".join(str(one or 1) for one in made.necessary), "proved": "-".join(map(str, proved)),
        "n": students, "constructed": missing.count(False), "learnt": failed.count(False),
        "mask": sum(one and other for one, other in zip(failed, missing, strict=True)),
        "optimiser": sum(one and not other for one, other in zip(failed, missing, strict=True)),
        "seconds": seconds,
    }  # fmt: skip


def ends(count: int, total: int) -> tuple[float, float]:
    interval = binomial_interval(count, total, LEVEL)
    return float(interval.low), float(interval.high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--students", type=int, default=64)
    parser.add_argument("--figures", type=Path, default=Path("figures"))
    parser.add_argument("--cells", nargs="+", default=[f"{text}:{sparsity}" for text, sparsity in CELLS])
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    asked = [cell for cell in CELLS if ":".join(cell) in options.cells]
    found = {}
    for share, (text, sparsity) in tqdm([(share, cell) for share in SHARES[::-1] for cell in asked], unit=" batches"):
        students = min(options.students, FEWER.get((text, sparsity), options.students))
        path = options.out / f"{text}-{sparsity}-{share}-{students}.json"
        row = read_json(path)
        if row is None:
            row = measured(text, sparsity, share, students)
            write_json(path, row)
        found[text, sparsity, share] = row
    rows = [found[(*cell, share)] for cell in asked for share in SHARES]
    head = (
        "target",
        "sparsity",
        "necessary",
        "proved",
        "hidden",
        "constructed",
        "95 %",
        "learnt",
        "95 %",
        "mask",
        "optimiser",
    )
    print(f"| {' | '.join(head)} |\n| --- | ---: |{' --- |' * 3}{' ---: |' * 6}")
    for row in rows:
        built, taught = ([f"{end:.2f}" for end in ends(row[kind], row["n"])] for kind in ("constructed", "learnt"))
        print(
            f"| {row['target']} | {row['sparsity']} | {row['necessary']} | {row['proved']} | {row['hidden']} | "
            f"{row['constructed']} of {row['n']} | [{', '.join(built)}] | {row['learnt']} | [{', '.join(taught)}] | "
            f"{row['mask']} | {row['optimiser']} |"
        )
    print("\n| target | sparsity | students a minute, one core, proved widths |\n| --- | ---: | ---: |")
    for row in rows:
        if row["share"] == 1:
            print(f"| {row['target']} | {row['sparsity']} | {60 * row['n'] / row['seconds']:.0f} |")
    columns: Columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    print(*write_figure("factored-students", draw_factored_students, columns, options.figures, force=True), sep="\n")


if __name__ == "__main__":
    main()
