"""How performance falls with sparsity, at fixed widths and at a fixed number of weights; and which ratio is best.

    python benchmarks/sparsity.py sparsity --out DIR --teachers 2 [--students 24] [--steps 1500]
    python benchmarks/sparsity.py digits --out DIR [--students 24]
    python benchmarks/sparsity.py ratios --out DIR --students 96 [--steps 1500]
    python benchmarks/sparsity.py report --out DIR

All but `report` train, and write a line per network to DIR/NAME-runs.csv; `report` prints the tables and draws.
"""

from __future__ import annotations

import argparse
import csv
import math
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import numpy as np

from ertheory.montecarlo.intervals import binomial_interval
from ertheory.networks.target import Target
from ertrain.configuration import Configuration
from ertrain.reports.statistics import mean_of, paired_difference
from ertrain.students.batched import Budget
from ertrain.students.cells import Cell, train_cells
from ertrain.students.ratio_choice import choose_ratio, predict_ratio
from ertrain.students.sparsity_fits import compare_forms
from ertrain.students.sparsity_plots import draw_ratio_errors, draw_sparsity
from ertrain.students.teacher import draw_teacher
from ertrain.students.widths import trial_seeds
from ertrain.training.process_group import join_process_group
from ertrain.training.replicas import perform_replicas

TARGET = Target.from_text("4-8-3")
DENSITIES = tuple(map(Fraction, ("1", "0.95", "0.9", "0.8", "0.65", "0.5", "0.35", "0.2", "0.1", "0.05")))
RATIO_DENSITIES = ("0.35", "0.25", "0.2", "0.15", "0.12")
RATIOS = ("uniform", "erk", "balanced", "pyramidal")
WIDTH, AT = 40, Fraction(1, 5)  # the fixed number of weights is that of WIDTH-WIDTH at this density
DIGITS = tuple(map(Fraction, ("1", "0.95", "0.9", "0.8", "0.65", "0.5", "0.35", "0.2", "0.1", "0.05", "0.03")))
FALLING = 0.2  # below, errors come close to those of a constant and grow no more
DELTA = Fraction(1, 20)
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


def ratio_cells(options: argparse.Namespace) -> dict[str, list[Cell]]:
    """Every ratio at every density; what the theory says of it goes to ratio-choice-predictions.csv."""
    cells: dict[str, list[Cell]] = {ratio: [] for ratio in RATIOS}
    widths = (WIDTH, WIDTH, TARGET.widths[-1])
    with (options.out / "ratio-choice-predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("density", "ratio", "densities", "expected_dead", "sharp", "built", "masks", "chosen"))
        seeds = trial_seeds(8, 0, 0, options.students)
        for density in RATIO_DENSITIES:
            found = [
                predict_ratio(draw_teacher(TARGET, 0), widths, density, ratio, seeds=seeds, failure_probability=DELTA)
                for ratio in RATIOS
            ]
            for one in found:
                cells[one.ratio].append(one.cell)
                densities = " ".join(f"{float(p):.6g}" for p in one.cell.densities)
                sharp = "" if one.sharp is None else "-".join(map(str, one.sharp))
                line = (density, one.ratio, densities, f"{one.expected_dead:.6g}", sharp, sum(one.built))
                writer.writerow([*line, len(one.built), int(one is choose_ratio(found))])
            file.flush()
    return cells


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


def train_digits(options: argparse.Namespace) -> None:
    """Train classifiers of digits with two hidden layers, as replicas, and write a line for each."""
    density, width = Fraction(1, 5), 32
    ends = 64 + 10
    widths = [round((math.sqrt(ends**2 + 4 * density * (width**2 + ends * width) / p) - ends) / 2) for p in DIGITS]
    studies = {"fixed widths": [width] * len(DIGITS), "fixed weights": widths}
    with (options.out / "sparsity-digits-runs.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("study", "widths", "densities", "student", "error"))
        for study, sizes in studies.items():
            started = time.perf_counter()
            for size in dict.fromkeys(sizes):
                runs = [
                    Configuration(recipe="sparsity", model=f"mlp-{size}-{size}", density=str(p), seed=seed, batch=64)
                    for p, own in zip(DIGITS, sizes, strict=True)
                    if own == size
                    for seed in range(options.students)
                ]
                with tempfile.TemporaryDirectory() as folder, join_process_group("cpu") as processes:
                    results = perform_replicas(runs, Path(folder), processes, data_dir=Path(folder))
                for run, found in zip(runs, results, strict=True):
                    error = f"{1 - found['accuracy_test']:.6g}"
                    writer.writerow((study, f"{size}-{size}", f"{float(Fraction(run.density)):.6g}", run.seed, error))
            print(f"digits, {study}: {time.perf_counter() - started:.0f} s", flush=True)


def read(path: Path) -> list[dict[str, str]]:
    """Lines of a .csv file, none if it is not there."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def report_sparsity(out: Path, name: str, column: str, error: str) -> None:
    """Fit the forms to the means over teachers, with the students as seeds."""
    errors: dict[tuple[str, float], dict[int, list[float]]] = {}
    for line in read(out / f"{name}-runs.csv"):
        # The density that every layer has; what is kept in all of them together has the same expectation.
        cell = errors.setdefault((line["study"], float(line["densities"].split()[0])), {})
        cell.setdefault(int(line["student"]), []).append(float(line[column]))
    studies = {}
    for study in dict.fromkeys(study for study, _ in errors):
        densities = sorted(density for known, density in errors if known == study)
        table = np.array([[fmean(errors[study, p][k]) for k in sorted(errors[study, p])] for p in densities])
        studies[study] = (densities, table, compare_forms(densities, table))
    if not studies:
        return
    print(f"\n{name}\n")
    print("| study | form | intercept | slope | R^2 | AIC | cross-validated | 95 % | best in |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    fitted = {study: found for study, (_, _, found) in studies.items()}
    for study, (densities, table, _) in studies.items():
        kept = [place for place, density in enumerate(densities) if density >= FALLING]
        fitted[f"{study}, p >= {FALLING:g}"] = compare_forms([densities[place] for place in kept], table[kept])
    for study, found in fitted.items():
        for fit in found.fits:
            numbers = f"{fit.intercept:.4f} | {fit.slope:.4f} | {fit.r_squared:.4f} | {fit.aic:.1f}"
            low, high = fit.interval
            share = f"{100 * found.best[fit.form]:.1f} %"
            print(
                f"| {study} | {fit.form} | {numbers} | {fit.cross_validated:.4f} | [{low:.4f}, {high:.4f}] | {share} |"
            )
    print()
    for study, found in fitted.items():
        low, high = found.interval
        print(f"{study}: {found.difference:.6f}, [{low:.6f}, {high:.6f}], {found.count} seeds: ", end="")
        print(found.explains or "undecided")
    for study, (densities, table, _) in studies.items():
        print(study)
        for density, row in zip(densities, table, strict=True):
            mean = mean_of(row.tolist())
            print(f"  p = {density:g}: {mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}]")
    print(*draw_sparsity(studies, out, name=name, error=error, force=True), sep="\n")


def report_ratios(out: Path) -> None:
    """Put what the theory says of every ratio beside what training reached, and compare its choice with the others."""
    by_mask: dict[tuple[str, str], dict[int, list[float]]] = {}
    learnt: dict[tuple[str, str], list[int]] = {}
    dead: dict[tuple[str, str], list[int]] = {}
    predictions = {(line["ratio"], line["densities"]): line for line in read(out / "ratio-choice-predictions.csv")}
    for line in read(out / "ratio-choice-runs.csv"):
        place = predictions[line["study"], line["densities"]]["density"], line["study"]
        by_mask.setdefault(place, {}).setdefault(int(line["student"]), []).append(float(line["rms"]))
        learnt.setdefault(place, []).append(int(line["learnt"]))
        dead.setdefault(place, []).append(int(line["dead"]))
    errors = {place: [fmean(found[mask]) for mask in sorted(found)] for place, found in by_mask.items()}
    if not errors:
        return
    print("| p | ratio | p_0, p_1, p_2 | sharp | built | dead, expected | dead, on no path | learnt | rms |")
    print("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    rows = sorted(predictions.values(), key=lambda line: -float(line["density"]))
    for line in rows:
        place = line["density"], line["ratio"]
        mean, right, n = mean_of(errors[place]), sum(learnt[place]), len(learnt[place])
        interval = binomial_interval(right, n, "0.95")
        built = binomial_interval(int(line["built"]), int(line["masks"]), "0.95")
        star = "*" if line["chosen"] == "1" else ""
        densities = ", ".join(f"{float(p):.3f}" for p in line["densities"].split())
        print(f"| {line['density']} | {line['ratio']}{star} | {densities} ", end="")
        print(
            f"| {line['sharp'] or '-'} | {line['built']} of {line['masks']} [{built.low:.2f}, {built.high:.2f}] ",
            end="",
        )
        print(f"| {float(line['expected_dead']):.1f} | {np.mean(dead[place]):.1f} ", end="")
        print(f"| {right} of {n} [{interval.low:.2f}, {interval.high:.2f}] ", end="")
        print(f"| {mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}] |")
    print("\nrms of the theory's choice minus that of another ratio, mask by mask, 95 % t-intervals:\n")
    print("| p | choice | " + " | ".join(RATIOS) + " |")
    print("| ---: | --- | " + " | ".join(["---:"] * len(RATIOS)) + " |")
    for density in dict.fromkeys(line["density"] for line in rows):
        best = next(line["ratio"] for line in rows if line["density"] == density and line["chosen"] == "1")
        cells = []
        for ratio in RATIOS:
            difference = paired_difference(errors[density, best], errors[density, ratio]).mean
            cells.append(
                "-" if ratio == best else f"{difference.value:.4f} [{difference.low:.4f}, {difference.high:.4f}]"
            )
        print(f"| {density} | {best} | " + " | ".join(cells) + " |")
    print(*draw_ratio_errors(errors, out, force=True), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sparsity", "digits", "ratios", "report"))
    parser.add_argument("--out", type=Path, required=True, help="Folder for the .csv files and figures.")
    parser.add_argument("--students", type=int, default=24, help="Per cell and teacher.")
    parser.add_argument("--steps", type=int, default=1500, help="Of every student.")
    parser.add_argument("--teachers", type=int, default=1, help="All of them meet the same masks.")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.what == "sparsity":
        train(options, sparsity_cells(), options.out / "sparsity-runs.csv")
    elif options.what == "digits":
        train_digits(options)
    elif options.what == "ratios":
        train(options, ratio_cells(options), options.out / "ratio-choice-runs.csv")
    else:
        report_sparsity(options.out, "sparsity", "rms", "rms error, in spreads of the teacher's outputs")
        report_sparsity(options.out, "sparsity-digits", "error", "test error of digits")
        report_ratios(options.out)


if __name__ == "__main__":
    main()
