"""How far from the construction training still comes back: the share of factored students that learn, by noise.

    python benchmarks/basin.py --out runs/basin [--students 64] [--figures figures]

Students of a teacher 4-8-3 in masks that hold it by the factored construction (others are left out), at the widths
that are proved for failure probability 0.05. They start from the constructed weights with normal noise, whose standard
deviation is so many times the root mean square of a layer's kept weights, and from drawn weights as always; and learn
as in `ertrain verify widths`, scale quick, with its learning rate and with a tenth of it. A killed computation goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ertheory.montecarlo.intervals import binomial_interval
from ertheory.networks.target import Target
from ertheory.plots.basin import draw_basin
from ertheory.plots.columns import Columns
from ertheory.plots.figure_files import write_figure
from ertrain.storage.files import read_json, write_json
from ertrain.students.basin import Returned, return_rates
from ertrain.students.batched import Budget
from ertrain.students.teacher import draw_teacher
from ertrain.students.widths import SCALES, construction_of

NOISES = (0.0, 0.3, 1.0, 3.0, 10.0, None)  # None: starts that are drawn
CASES = (("1/2", 1.0, (0.03, 0.003)),)  # density, share of the proved inner widths, learning rates
LEVEL = Fraction(19, 20)


def kept(
    path: Path,
    teacher: Target,
    shapes: tuple[tuple[int, int], ...],
    densities: tuple[Fraction, ...],
    students: int,
    noise: float | None,
    budget: Budget,
) -> Returned:
    """Train, or read what was trained."""
    content = read_json(path)
    if content is None:
        (found,) = return_rates(teacher, shapes, densities, range(students), (noise,), budget)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(found))
        return found
    return Returned(*(tuple(value) if isinstance(value, list) else value for value in content.values()))


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    target, delta = Target.from_text("4-8-3"), Fraction(1, 20)
    teacher, rows = draw_teacher(target, 0), []
    total = sum(len(rates) for _, _, rates in CASES) * len(NOISES) * options.students
    with tqdm(total=total, unit=" students") as bar:
        for density, share, rates in CASES:
            densities = (Fraction(density),) * (2 * target.depth)
            made = construction_of("factored", teacher, densities, delta)
            proved = made.line.widths(made.proved)
            inner = [max(1, round(share * width)) if at % 2 == 0 else width for at, width in enumerate(proved)]
            sizes = (target.inputs, *inner, target.widths[-1])
            shapes = tuple((outputs, inputs) for inputs, outputs in pairwise(sizes))
            for rate in rates:
                budget = replace(SCALES["quick"].budget, learning_rate=rate)
                for noise in NOISES:
                    name = f"{density.replace('/', '_')}-{share}-{rate}-{noise}-{options.students}.json"
                    one = kept(options.out / name, teacher, shapes, densities, options.students, noise, budget)
                    bar.update(options.students)
                    count, learnt = len(one.learnt), sum(one.learnt)
                    interval = binomial_interval(learnt, count, LEVEL)
                    rows.append(
                        {
                            "density": density, "widths": "-".join(map(str, inner)), "rate": rate, "noise": one.noise,
                            "n": count, "learnt": learnt, "low": float(interval.low), "high": float(interval.high),
                            "before": float(np.median(one.before)), "after": float(np.median(one.after)),
                        }
                    )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--students", type=int, default=64)
    parser.add_argument("--figures", type=Path, default=Path("figures"))
    options = parser.parse_args()
    rows = measured(options)
    print("| density | hidden | rate | noise | learnt | 95 % | rms before | after |\n| ---: | --- |" + " ---: |" * 6)
    for row in rows:
        noise = "drawn start" if row["noise"] is None else f"{row['noise']:g}"
        print(
            f"| {row['density']} | {row['widths']} | {row['rate']:g} | {noise} | {row['learnt']} of {row['n']} | "
            f"[{row['low']:.3f}, {row['high']:.3f}] | {row['before']:.3g} | {row['after']:.3g} |"
        )
    columns: Columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    print(*write_figure("basin", draw_basin, columns, options.figures, force=True), sep="\n")


if __name__ == "__main__":
    main()
