"""What students cost: one by one, and as one batched model; and how their learning rate was chosen.

    python benchmarks/students.py [--quick] [--choose]

- Rates of both in one run, in turns, for targets 4-8-3 and 8-16-4 with sharp widths at density 1/2, in one process with
  one thread; and of two such processes at once, as `ertrain verify widths` has them on two cores.
- With --choose: errors over learning rates on validation teachers, none of which is measured elsewhere.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import replace
from fractions import Fraction

import torch
from joblib import Parallel, delayed

from ertheory.bounds import width
from ertheory.target import Target
from ertrain.students import Budget, Errors, Students, errors_of, student_masks, train_students
from ertrain.teacher import TOLERANCE, draw_teacher
from ertrain.widths import SCALES

DENSITY, DELTA = Fraction(1, 2), Fraction(1, 20)
VALIDATION = (("3-6-2", 10**6), ("5-10-4", 10**6 + 1))


def widths_of(target: Target) -> tuple[int, ...]:
    """Sharp widths, coded."""
    answer = width(target, method="sharp", density=DENSITY, failure_probability=DELTA, layer0="coded")
    return tuple(int(width or 0) for width in answer.widths)


def train(target: Target, widths: tuple[int, ...], seeds: range, budget: Budget, teacher_seed: int = 0) -> Errors:
    """Draw, train and measure students."""
    torch.set_num_threads(1)
    teacher = draw_teacher(target, teacher_seed)
    shapes = tuple(zip(widths, (target.inputs, *widths), strict=False))
    students = Students(student_masks(shapes, (DENSITY,) * len(shapes), list(seeds)), list(seeds))
    train_students(teacher, students, budget)
    return errors_of(students, teacher)


def rates(text: str, budget: Budget, count: int, repeats: int) -> None:
    """Print trainings per minute: alone, together, and together in two processes."""
    target = Target.from_text(text)
    widths = widths_of(target)
    alone, together = [], []
    train(target, widths, range(1), replace(budget, steps=50))  # what is imported late
    for repeat in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        train(target, widths, range(repeat, repeat + 1), budget)
        alone.append((time.process_time() - used, time.perf_counter() - start))
        start, used = time.perf_counter(), time.process_time()
        train(target, widths, range(count), budget)
        together.append((time.process_time() - used, time.perf_counter() - start))
    (cpu_alone, clock_alone), (cpu_together, clock_together) = min(alone), min(together)
    with Parallel(n_jobs=2) as parallel:
        parallel(delayed(train)(target, widths, range(1), replace(budget, steps=50)) for _ in range(2))
        start = time.perf_counter()
        parallel(delayed(train)(target, widths, range(n * count, (n + 1) * count), budget) for n in range(2))
        both = time.perf_counter() - start
    name = f"{text}, widths {'-'.join(map(str, widths[:-1]))}, {budget.steps} steps of {budget.batch}"
    print(f"| {name} | {60 / clock_alone:.1f} | {60 * count / clock_together:.0f} | {120 * count / both:.0f} ", end="")
    print(f"| {count * cpu_alone / cpu_together:.1f} | {60 * count / cpu_together:.0f} |", flush=True)


def choose(budget: Budget) -> None:
    """Print errors on the validation teachers."""
    print("| validation teacher | learning rate | median rms | 95 % rms | median largest | learnt |")
    print("| --- | --- | --- | --- | --- | --- |")
    for text, seed in VALIDATION:
        target = Target.from_text(text)
        widths = widths_of(target)
        for rate in (0.003, 0.01, 0.03, 0.1):
            errors = train(target, widths, range(32), replace(budget, learning_rate=rate), seed)
            middle, high = errors.rms.nanquantile(torch.tensor([0.5, 0.95])).tolist()
            largest = errors.largest.nanmedian().item()
            learnt = int(TOLERANCE.met(errors.rms, errors.largest).sum())
            print(f"| {text} | {rate} | {middle:.4f} | {high:.4f} | {largest:.3f} | {learnt} of 32 |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Fewer steps and repetitions.")
    parser.add_argument("--choose", action="store_true", help="Learning rates on the validation teachers instead.")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}\n")
    budget = replace(SCALES["quick"].budget, steps=400) if options.quick else SCALES["quick"].budget
    if options.choose:
        choose(budget)
        return
    print("| target | alone, per minute | together | two processes | ratio | per minute of one core's time |")
    print("| --- | --- | --- | --- | --- | --- |")
    for text in ("4-8-3", "8-16-4"):
        rates(text, budget, 64, 2 if options.quick else 3)


if __name__ == "__main__":
    main()
