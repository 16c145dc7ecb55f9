"""Whether a network trains as soon as it is wide enough to contain the target.

Along one line of widths, from the necessary to the printed ones, two smallest totals are measured on the same masks:
that at which the construction of the theory succeeds, and that at which training does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput, one_of
from ertheory.montecarlo.anytime import AnytimeTest, decide_failure_rate
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability, whole_number
from ertheory.processes import worker_processes
from ertrain.students.batched import Students, errors_of, student_masks, train_students
from ertrain.students.examples import Examples
from ertrain.students.teacher import TOLERANCE, Tolerance, draw_teacher, normalised
from ertrain.students.widths.constructions import (
    CONSTRUCTIONS,
    ConstructionName,
    Shapes,
    construction_of,
    source_layers,
)
from ertrain.students.widths.outcomes import Outcomes
from ertrain.students.widths.result import SCALES, Failures, Kind, Scale, TheoryMeetsTraining
from ertrain.students.widths.search import most_tests, search
from ertrain.training.memory import memory_there
from ertrain.training.threads import one_thread

__all__ = ["measure_widths"]

_TEACHER_BYTES = 8  # of a weight in double precision
_STUDENT_BYTES = 17  # of a weight, its gradient and two moments in single precision, and its mask

Work: TypeAlias = Callable[[Shapes, list[int]], list[bool]]


def measure_widths(
    target: Target,
    *,
    density: Rational | tuple[Rational, ...] | None = None,
    sparsity: Rational | tuple[Rational, ...] | None = None,
    failure_probability: Rational,
    scale: Scale = SCALES["quick"],
    tolerance: Tolerance = TOLERANCE,
    examples: Examples | None = None,
    construction: ConstructionName = "copies",
    seed: int = 0,
    path: Path | None = None,
    workers: int | None = 1,
    device: str = "cpu",
    progress: Callable[[Kind, int, int], object] = lambda *_: None,
) -> TheoryMeetsTraining:
    """Measure from which width on constructions and students succeed, along one line, on the same masks.

    Parameters
    ----------
    target
        The teacher, fully connected; one without weights stands for one of `ertrain.students.teacher.draw_teacher`.
    density, sparsity, failure_probability
        They are as for `ertheory.width`.
    scale
        How much is computed.
    tolerance
        It says when a student has learnt its teacher.
    examples
        They are those of a classifier, as by `ertrain.students.examples.named_teacher`: students learn and are measured
        around them, and have to be as accurate too.
    construction
        What is looked for in masks, and the shape of the students, as in
        `ertrain.students.widths.constructions.construction_of`.
    seed
        It is that of teacher, masks, starts and points; at least 0.
    path
        File for the outcomes of trials, from which a later call goes on.
    workers
        Processes. ``None`` leaves it to joblib, that is one, or what a surrounding `joblib.parallel_config` says, whose
        back end may be a Dask cluster. The result does not depend on it.
    device
        Where students learn.
    progress
        It is told of the kind of test, its total and new trials.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or teacher and students do not fit into memory.
    TheoremNotApplicable, InfeasibleWidth
        If there are no printed widths, or no construction.
    RunFolderError
        If the file cannot be used.

    Notes
    -----
    For copies the line begins at the necessary widths, and in layers of which no necessary statement says anything at
    the width of the target; it goes through the sharp ones to the printed ones, or stays where those are smaller. For
    factored maps it goes from the necessary widths of the pairs to the proved ones, and on to those proved for a
    failure probability a hundred times smaller. `ertrain.students.widths.search` looks for the totals, from that on for
    which the construction is proved. The number of tests is limited beforehand, and each has its share of 1 - level.
    The teacher and the points are drawn once; masks and starts are drawn anew in every trial, and the trials at a total
    are the same for constructions and for students.
    """
    from joblib import effective_n_jobs

    seed = whole_number("seed", seed, least=0, most=2**63 - 1)
    one_of("construction", construction, CONSTRUCTIONS)
    layers = source_layers(construction, target)
    densities = read_densities(target, density=density, sparsity=sparsity, layers=layers)
    delta = probability("failure_probability", failure_probability)
    _check_memory(target, scale)
    draw = None if examples is None else examples.around_train
    if examples is not None:
        scale = replace(scale, budget=replace(scale.budget, learning_rate=scale.classifier_rate))
    teacher = draw_teacher(target, seed) if target.weights is None else normalised(target, seed, draw=draw)
    made = construction_of(construction, teacher, densities, delta)
    line = made.line
    inputs = {
        "target": str(target),
        "weights": _digest(teacher),
        "densities": list(map(rational_text, densities)),
        "budget": asdict(scale.budget),
        "tolerance": [tolerance.rms, tolerance.largest, tolerance.points],
        "line": list(map(list, line.corners)),
        "seed": seed,
        "chunk": scale.students,
    }
    if examples is not None:
        inputs["examples"] = examples.digest
    if construction != "copies":
        inputs["construction"] = construction
    outcomes = Outcomes(path, inputs, seed=seed, chunk=scale.students, wave=effective_n_jobs(workers))
    works: dict[Kind, Work] = {
        "construction": made.missing,
        "training": partial(_not_learnt, teacher, densities, made.factors, scale, tolerance, examples, seed, device),
    }

    def failed(kind: Kind, total: int, start: int, stop: int) -> npt.NDArray[np.bool_]:
        return outcomes.failed(kind, total, start, stop, partial(_in_processes, works[kind], made.shapes_at, workers))

    def test(kind: Kind, total: int) -> AnytimeTest:
        done = 0

        def fails(trials: int) -> npt.NDArray[np.bool_]:
            nonlocal done
            done += trials
            return failed(kind, total, done - trials, done)

        return decide_failure_rate(
            fails,
            limit=delta,
            level=1 - (1 - scale.level) / (len(works) * most_tests(line)),
            most_trials=scale.most_trials(delta),
            least_trials=scale.least,
            progress=partial(progress, kind, total),
        )

    built, training = (
        search(kind, line, made.proved, partial(test, kind), resolution=scale.resolution) for kind in works
    )
    below = [one for one in training.tests if training.total is None or one[0] < training.total]
    split = Failures(total=None, trials=0, mask=0, optimiser=0)
    if below:
        too_small = [one for one in below if one[1].verdict == "above"]
        total, widest = max(too_small or below, key=lambda one: one[0])
        unlearnt, unbuilt = (failed(kind, total, 0, widest.trials) for kind in ("training", "construction"))
        split = Failures(
            total=total,
            trials=widest.trials,
            mask=int((unlearnt & unbuilt).sum()),
            optimiser=int((unlearnt & ~unbuilt).sum()),
        )
    return TheoryMeetsTraining(
        bounds=made.bounds,
        necessary=made.necessary,
        line=line,
        construction=built,
        training=training,
        failures=split,
        tolerance=tolerance,
        scale=scale,
        seed=seed,
    )


def _in_processes(
    work: Work, shapes_at: Callable[[int], Shapes], workers: int | None, total: int, chunks: list[list[int]]
) -> list[list[bool]]:
    from joblib import delayed

    shapes = shapes_at(total)
    with worker_processes(workers) as parallel:
        found: list[list[bool]] = parallel(delayed(work)(shapes, seeds) for seeds in chunks)
    return found


def _not_learnt(
    teacher: Target,
    densities: tuple[Fraction, ...],
    factors: int,
    scale: Scale,
    tolerance: Tolerance,
    examples: Examples | None,
    seed: int,
    device: str,
    shapes: Shapes,
    seeds: list[int],
) -> list[bool]:
    with one_thread():
        students = Students(student_masks(shapes, densities, seeds), seeds, factors=factors)
        learn, test = (None, None) if examples is None else (examples.around_train, examples.around_test)
        train_students(teacher, students, scale.budget, seed=seed, device=device, draw=learn)
        errors = errors_of(students, teacher, tolerance=tolerance, seed=seed, draw=test)
        learnt = tolerance.met(errors.rms, errors.largest)
        if examples is not None:
            learnt &= examples.as_accurate(students, teacher)
    return [not one for one in learnt.tolist()]


def _check_memory(target: Target, scale: Scale) -> None:
    """Refuse what cannot fit, before anything of it is made: students are no smaller than their teacher."""
    weights = sum(layer.outputs * layer.inputs for layer in target.layers)
    bends = sum(target.widths[1:-1]) * target.inputs
    needed = _TEACHER_BYTES * (weights + bends) + _STUDENT_BYTES * weights * scale.students
    there = memory_there()
    if there is not None and needed > there:
        sizes = f"{needed / 2**30:,.0f} GiB, and there are {there / 2**30:,.0f}"
        allowed = f"a network that fits into memory; its students, {scale.students} at a time, need at least {sizes}"
        raise InvalidInput("target", allowed, str(target))


def _digest(target: Target) -> str:
    numbers = [*(target.weights or ()), *(target.biases or ()), np.asarray(target.domain)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in numbers)).hexdigest()
