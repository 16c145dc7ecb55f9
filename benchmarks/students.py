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
from joblib import delayed

from ertheory.bounds import width
from ertheory.networks.target import Target
from ertheory.processes import worker_processes
from ertrain.students.batched import Budget, Errors, Students, errors_of, student_masks, train_students
from ertrain.students.examples import Examples, named_teacher
from ertrain.students.teacher import TOLERANCE, draw_teacher, normalised
from ertrain.students.widths import SCALES

DENSITY, DELTA = Fraction(1, 2), Fraction(1, 20)
# Teachers that are measured nowhere else, with their seeds, and hidden widths of students; None for the sharp ones.
VALIDATION = (
    ("3-6-2", 10**6, None),
    ("5-10-4", 10**6 + 1, None),
    ("relu-4", 10**6 + 2, None),
    ("digits-12", 10**6 + 3, (60, 30)),  # from narrow to wide, as the best rate of these depends on it
    ("digits-12", 10**6 + 3, None),
    ("digits-12", 10**6 + 3, (300, 80)),
)
STUDENTS = 32


def teacher_of(text: str, seed: int) -> tuple[Target, Examples | None]:
    """Draw or train a teacher."""
    target, examples = named_teacher(text, seed) or (draw_teacher(Target.from_text(text), seed), None)
    return normalised(target, seed, draw=None if examples is None else examples.around_train), examples


def widths_of(target: Target) -> tuple[int, ...]:
    """Sharp widths, coded."""
    answer = width(target, method="sharp", density=DENSITY, failure_probability=DELTA, layer0="coded")
    return tuple(int(width or 0) for width in answer.widths)


def train(text: str, widths: tuple[int, ...], seeds: range, budget: Budget, teacher_seed: int = 0) -> Errors:
    """Draw, train and measure students."""
    torch.set_num_threads(1)
    teacher, examples = teacher_of(text, teacher_seed)
    around = (None, None) if examples is None else (examples.around_train, examples.around_test)
    shapes = tuple(zip(widths, (teacher.inputs, *widths), strict=False))
    students = Students(student_masks(shapes, (DENSITY,) * len(shapes), list(seeds)), list(seeds))
    train_students(teacher, students, budget, draw=around[0])
    return errors_of(students, teacher, draw=around[1])


def rates(text: str, budget: Budget, count: int, repeats: int) -> None:
    """Print trainings per minute: alone, together, and together in two processes."""
    widths = widths_of(Target.from_text(text))
    alone, together = [], []
    train(text, widths, range(1), replace(budget, steps=50))  # what is imported late
    for repeat in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        train(text, widths, range(repeat, repeat + 1), budget)
        alone.append((time.process_time() - used, time.perf_counter() - start))
        start, used = time.perf_counter(), time.process_time()
        train(text, widths, range(count), budget)
        together.append((time.process_time() - used, time.perf_counter() - start))
    (cpu_alone, clock_alone), (cpu_together, clock_together) = min(alone), min(together)
    with worker_processes(2) as parallel:
        parallel(delayed(train)(text, widths, range(1), replace(budget, steps=50)) for _ in range(2))
        start = time.perf_counter()
        parallel(delayed(train)(text, widths, range(n * count, (n + 1) * count), budget) for n in range(2))
        both = time.perf_counter() - start
    name = f"{text}, widths {'-'.join(map(str, widths[:-1]))}, {budget.steps} steps of {budget.batch}"
    print(f"| {name} | {60 / clock_alone:.1f} | {60 * count / clock_together:.0f} | {120 * count / both:.0f} ", end="")
    print(f"| {count * cpu_alone / cpu_together:.1f} | {60 * count / cpu_together:.0f} |", flush=True)


def choose(budget: Budget) -> None:
    """Print errors on the validation teachers."""
    print("| validation teacher, widths | learning rate | median rms | 95 % rms | median largest | learnt |")
    print("| --- | --- | --- | --- | --- | --- |")
    for text, seed, hidden in VALIDATION:
        teacher, _ = teacher_of(text, seed)
        widths = widths_of(teacher) if hidden is None else (*hidden, teacher.widths[-1])
        name = f"{text}, {'-'.join(map(str, widths[:-1]))}"
        for rate in (0.003, 0.01, 0.03, 0.1):
            errors = train(text, widths, range(STUDENTS), replace(budget, learning_rate=rate), seed)
            middle, high = errors.rms.nanquantile(torch.tensor([0.5, 0.95])).tolist()
            largest = errors.largest.nanmedian().item()
            learnt = int(TOLERANCE.met(errors.rms, errors.largest).sum())
            print(
                f"| {name} | {rate} | {middle:.4f} | {high:.4f} | {largest:.3f} | {learnt} of {STUDENTS} |", flush=True
            )


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
