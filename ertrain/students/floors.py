"""Lower bounds in practice: no student's largest error is below the floor that its mask sets.

Students with one hidden layer and a linear output learn a single ReLU, as in Theorem 2.3.
`ertheory.bounds.necessary.error_floor` gives every mask its floor. Both the floor and the error of the trained student
at the corners that show the floor are computed in rationals, so that "never below" needs no tolerance.
"""

from __future__ import annotations

import copy
import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ertheory.bounds import univariate_width
from ertheory.bounds.necessary.error_floor import ErrorFloor, error_floor
from ertheory.errors import InvalidInput
from ertheory.montecarlo.intervals import Interval, binomial_interval
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability
from ertheory.results import Explained, Step
from ertrain.students.batched import Students, errors_of, student_masks, train_students
from ertrain.students.teacher import TOLERANCE, Tolerance, draw_teacher, evaluate, normalised
from ertrain.students.widths import SCALES, Scale, trial_seeds
from ertrain.training.threads import one_thread

__all__ = ["FloorStudy", "FloorWidth", "StudentError", "essential_inputs", "study_floors"]

_PARTS = (8, 4, 2)  # of the necessary width: students are narrower by these factors, and then as wide as that
_MOST_INPUTS = 8


@dataclass(frozen=True, kw_only=True)
class StudentError:
    """One trained student, in units of the spread of the teacher's outputs.

    Parameters
    ----------
    seed
        It is that of its mask and start.
    floor
        It is that of its mask, 0 if the target is on it.
    unseen
        t, inputs in the set that shows the floor; 0 without one.
    at_corners
        Largest error at the corners that show the floor, in rationals; 0 without a floor.
    largest, rms
        Largest error seen at all, at those corners, at those of the box and at random points; and root mean square
        error at the random points.
    """

    seed: int
    floor: Fraction
    unseen: int
    at_corners: Fraction
    largest: float
    rms: float


@dataclass(frozen=True, kw_only=True)
class FloorWidth:
    """All students of one width.

    Parameters
    ----------
    width
        n, hidden neurons.
    predicted
        Probability of a mask without the target, (1 - p_2 p_1^k)^n, exactly.
    interval
        An interval for that probability, from the masks that were drawn.
    students
        They stand in the order of their trials.
    tolerance
        It says when a student has learnt its teacher.
    """

    width: int
    predicted: Fraction
    interval: Interval
    students: tuple[StudentError, ...]
    tolerance: Tolerance

    @property
    def with_floor(self) -> tuple[StudentError, ...]:
        """Students whose masks have a floor."""
        return tuple(student for student in self.students if student.floor)

    @property
    def below(self) -> int:
        """How many students are below their floor; the theory says none."""
        return sum(student.at_corners < student.floor for student in self.with_floor)

    @property
    def agrees(self) -> bool:
        """Whether no student is below its floor, and as many masks have one as the exact law says."""
        return not self.below and self.interval.low <= float(self.predicted) <= self.interval.high

    def steps(self) -> tuple[str, ...]:
        """Give the numbers of this width: the law's, the interval's, and those of the student nearest to its floor."""
        found, interval = self.with_floor, self.interval
        lines = [
            f"n = {self.width}: P = {float(self.predicted):.6g}; m = {len(self.students)}, k = {len(found)}, "
            f"level = {interval.level:.6g}: low = {interval.low:.6g}, high = {interval.high:.6g}"
        ]
        if found:
            near = min(found, key=lambda one: one.largest / float(one.floor))
            lines.append(
                f"n = {self.width}: nearest to its floor, t = {near.unseen}: floor {float(near.floor):.6g} <= "
                f"{near.largest:.6g}, its largest error"
            )
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single students, in types that JSON knows."""
        bound, free = self.with_floor, tuple(student for student in self.students if not student.floor)
        return {
            "width": self.width,
            "students": len(self.students),
            "with_floor": len(bound),
            "predicted": float(self.predicted),
            "interval": [self.interval.low, self.interval.high],
            "level": self.interval.level,
            "below_floor": self.below,
            "closest_to_floor": min((one.largest / float(one.floor) for one in bound), default=None),
            "median_floor": statistics.median(float(one.floor) for one in bound) if bound else None,
            "median_error_with_floor": statistics.median(one.largest for one in bound) if bound else None,
            "median_error_without_floor": statistics.median(one.largest for one in free) if free else None,
            "learnt_with_floor": self._learnt(bound),
            "learnt_without_floor": self._learnt(free),
        }

    def _learnt(self, students: Sequence[StudentError]) -> int:
        numbers = torch.tensor([[one.rms, one.largest] for one in students]).reshape(-1, 2)
        return int(self.tolerance.met(numbers[:, 0], numbers[:, 1]).sum())


@dataclass(frozen=True, kw_only=True)
class FloorStudy(Explained):
    """Trained errors beside floors.

    Parameters
    ----------
    teacher
        The single ReLU, scaled so that the spread of its outputs is 1.
    densities
        p_1 and p_2.
    failure_probability
        delta.
    necessary
        Smallest width that holds the target on a share 1 - delta of the masks, by the exact law for linear outputs.
    results
        One per width, ascending.
    seed
        It is that of teacher, masks, starts and points.
    """

    teacher: Target
    densities: tuple[Fraction, Fraction]
    failure_probability: Fraction
    necessary: int
    results: tuple[FloorWidth, ...]
    seed: int

    @property
    def agrees(self) -> bool:
        """Whether floors hold, and are as frequent as the exact law says, at all widths."""
        return all(result.agrees for result in self.results)

    @property
    def heading(self) -> str:
        """The statement, and the ReLU that is learnt."""
        return f"Theorem 2.3 by its exact law, linear output, target {self.teacher}"

    def steps(self) -> tuple[Step, ...]:
        """Give the law of masks with a floor, its numbers and the intervals beside them, width by width."""
        into, out = self.densities
        essential = essential_inputs(self.teacher)
        law = {"d": essential, "delta": self.failure_probability, "p1": into, "p2": out}
        return (
            f"d = {essential}, the inputs that the target depends on",
            ("law-b-width", law),
            "a mask has a floor where no hidden neuron sees all of them: P = (1 - p_2 p_1^d)^n",
            "floor = |D f| / 2^t at a set of t inputs that no neuron sees together",
            "P(Bin(m, low) >= k) = P(Bin(m, high) <= k) = (1 - level)/2 (Clopper and Pearson), k floors in m masks",
            *(line for result in self.results for line in result.steps()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single students, in types that JSON knows."""
        return {
            "statement": "Theorem 2.3 by its exact law",
            "kind": "necessary",
            "necessary": self.necessary,
            "seed": self.seed,
            "results": [result.to_dict() for result in self.results],
            "agrees": self.agrees,
        }


def study_floors(
    target: Target,
    *,
    densities: tuple[Rational, Rational],
    failure_probability: Rational,
    scale: Scale = SCALES["quick"],
    tolerance: Tolerance = TOLERANCE,
    level: Rational = Fraction(999, 1000),
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int], object] = lambda *_: None,
) -> FloorStudy:
    """Train students of widths up to the necessary one, and put their errors beside the floors of their masks.

    Parameters
    ----------
    target
        d-1-1 with 2 <= d <= 8; one without weights stands for one of `ertrain.students.teacher.draw_teacher`.
    densities
        p_1 (inputs to hidden neurons) and p_2 (hidden neurons to the output), in (0, 1].
    failure_probability
        delta in (0, 1): the widths are 1/8, 1/4, 1/2 and all of that which is necessary for it.
    scale
        Budget of the students, and as `least` how many there are at every width.
    tolerance
        It says when a student has learnt its teacher.
    level
        It is that of the intervals at all widths together.
    seed
        It is that of teacher, masks, starts and points.
    device
        Where students learn.
    progress
        It is told of every width that is done, and its students.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    """
    if target.depth != 2 or target.widths[1:] != (1, 1) or not 2 <= target.inputs <= _MOST_INPUTS:
        raise InvalidInput("target", f"a single ReLU d-1-1 with 2 <= d <= {_MOST_INPUTS}", str(target))
    into, out = (probability("density", density, one=True) for density in densities)
    delta = probability("failure_probability", failure_probability)
    teacher = draw_teacher(target, seed) if target.weights is None else normalised(target, seed)
    essential = essential_inputs(teacher)
    necessary = univariate_width(essential, (into, out), delta, output="linear").necessary
    widths = sorted({max(1, -(-necessary // part)) for part in (*_PARTS, 1)})
    share = 1 - (1 - probability("level", level)) / len(widths)
    results = []
    for width in widths:
        seeds = trial_seeds(seed, width, 0, scale.least)  # few weights each: all of them learn at once
        students = _trained(teacher, (into, out), width, seeds, scale, tolerance, seed, device)
        progress(width, len(seeds))
        floors = sum(student.floor > 0 for student in students)
        results.append(
            FloorWidth(
                width=width,
                predicted=(1 - out * into**essential) ** width,
                interval=binomial_interval(floors, len(students), share),
                students=tuple(students),
                tolerance=tolerance,
            )
        )
    return FloorStudy(
        teacher=teacher,
        densities=(into, out),
        failure_probability=delta,
        necessary=necessary,
        results=tuple(results),
        seed=seed,
    )


def essential_inputs(teacher: Target) -> int:
    """Count the inputs of non-zero weight."""
    return 0 if teacher.weights is None else int(np.count_nonzero(teacher.weights[0]))


def _trained(
    teacher: Target,
    densities: tuple[Fraction, Fraction],
    width: int,
    seeds: list[int],
    scale: Scale,
    tolerance: Tolerance,
    seed: int,
    device: str,
) -> list[StudentError]:
    masks = student_masks(((width, teacher.inputs), (1, width)), densities, seeds)
    students = Students(masks, seeds)
    with one_thread():
        train_students(teacher, students, scale.budget, seed=seed, device=device)
        errors = errors_of(students, teacher, tolerance=replace(tolerance, points=4 * tolerance.points), seed=seed)
    students.cpu()
    ends = torch.tensor(list(itertools.product(*np.asarray(teacher.domain).tolist())), dtype=torch.float64)
    with torch.no_grad():
        at_ends = (copy.deepcopy(students).double()(ends) - evaluate(teacher, ends)).abs().amax((1, 2))
    found = []
    for number, one in enumerate(seeds):
        floor = error_floor(teacher, [mask[number].numpy() for mask in masks])
        at_corners = _error_at(floor, teacher, students, number)
        found.append(
            StudentError(
                seed=one,
                floor=floor.value,
                unseen=len(floor.inputs),
                at_corners=at_corners,
                largest=max(errors.largest[number].item(), at_ends[number].item(), float(at_corners)),
                rms=errors.rms[number].item(),
            )
        )
    return found


def _error_at(floor: ErrorFloor, teacher: Target, students: Students, number: int) -> Fraction:
    """Compute the largest error of one student at the corners of its floor, in rationals."""
    layers: list[Any] = list(students.children())
    student = [(layer.weight[number].tolist(), layer.bias[number].tolist()) for layer in layers]
    wanted = list(
        zip((w.tolist() for w in teacher.weights or ()), (b.tolist() for b in teacher.biases or ()), strict=True)
    )
    return max((abs(_exact(student, point) - _exact(wanted, point)) for point in floor.corners), default=Fraction(0))


def _exact(layers: list[tuple[list[list[float]], list[float]]], point: Sequence[Fraction]) -> Fraction:
    hidden = list(point)
    for layer, (weight, bias) in enumerate(layers):
        if layer:
            hidden = [max(x, Fraction(0)) for x in hidden]
        hidden = [
            sum((Fraction(w) * x for w, x in zip(row, hidden, strict=True) if w), Fraction(b))
            for row, b in zip(weight, bias, strict=True)
        ]
    return hidden[0]
