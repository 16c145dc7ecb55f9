"""How far from the construction training still comes back: students that start from its weights with noise on them.

A random mask that holds a teacher holds it at many places, and a student that starts at one of them has nothing left to
learn. Noise moves it away; whether it learns the teacher again says how wide the basin of the construction is, and
whether a student fails for want of a way there or for want of a place to go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.solve import factor_map
from ertheory.errors import ConstructionFailed
from ertheory.masks import DrawnMask
from ertheory.networks.target import Target
from ertrain.streams import generator
from ertrain.students.batched import Budget, Errors, Students, errors_of, student_masks, train_students
from ertrain.students.teacher import TOLERANCE, Tolerance
from ertrain.training.threads import one_thread

__all__ = ["Returned", "Start", "constructed", "return_rates", "with_noise"]

Start = list[tuple[Tensor, Tensor]]  # weights (students, outputs, inputs) and biases (students, outputs) of all layers


@dataclass(frozen=True)
class Returned:
    """Students that started at one distance from the construction, arrays (students,).

    Parameters
    ----------
    noise
        Standard deviation of the noise over the root mean square of a layer's constructed weights; None for starts that
        were drawn as always, without any construction.
    before, after
        Root mean square errors before and after training, in units of the spread of the teacher's outputs.
    learnt
        Whether the teacher is learnt at the end.
    """

    noise: float | None
    before: tuple[float, ...]
    after: tuple[float, ...]
    learnt: tuple[bool, ...]


def constructed(
    teacher: Target, shapes: Sequence[tuple[int, int]], densities: Sequence[Fraction], seeds: Sequence[int]
) -> tuple[list[int], Start]:
    """Put a teacher into the masks of factored students, as `ertheory` constructs it.

    Parameters
    ----------
    teacher
        A target with weights.
    shapes, densities, seeds
        They are those of the masks, as for `ertrain.students.batched.student_masks`, two for each map of the teacher.

    Returns
    -------
    tuple
        The seeds of the masks that hold the teacher by the construction, and weights and biases for them.

    Examples
    --------
    >>> from ertrain.students.teacher import draw_teacher
    >>> teacher, shapes = draw_teacher(Target.from_text("2-3-1")), ((30, 2), (3, 30), (30, 3), (1, 30))
    >>> seeds, start = constructed(teacher, shapes, (Fraction(1, 2),) * 4, [1, 2])
    >>> seeds, [tuple(weight.shape) for weight, _ in start]
    ([1, 2], [(2, 30, 2), (2, 3, 30), (2, 30, 3), (2, 1, 30)])
    """
    found: list[int] = []
    students: list[list[tuple[Tensor, Tensor]]] = []
    for seed in seeds:
        masks = [
            DrawnMask(shape, density, seed, layer).to_csr()
            for layer, (shape, density) in enumerate(zip(shapes, densities, strict=True))
        ]
        pairs = zip(masks[::2], masks[1::2], teacher.weights or (), teacher.biases or (), strict=True)
        layers: list[tuple[Tensor, Tensor]] = []
        try:
            for number, (first, second, weight, bias) in enumerate(pairs):
                factors = factor_map(weight, MaskPair(first, second), seed=seed, stream=number)
                layers.append((_single(factors.first.toarray()), torch.zeros(first.shape[0])))
                layers.append((_single(factors.second.toarray()), _single(bias)))
        except ConstructionFailed:
            continue
        found.append(seed)
        students.append(layers)
    start = [
        (torch.stack([w for w, _ in layer]), torch.stack([b for _, b in layer]))
        for layer in zip(*students, strict=True)
    ]
    return found, start


def with_noise(start: Start, masks: Sequence[Tensor], noise: float, seeds: Sequence[int]) -> Start:
    """Add normal noise to weights inside their masks, and to the biases behind which there is a ReLU.

    Parameters
    ----------
    start, masks
        They are those of all layers.
    noise
        Standard deviation over the root mean square of the layer's kept weights in the student, or of its biases.
    seeds
        They are those of the noise, one per student.
    """
    streams = [generator(seed, "noise") for seed in seeds]
    moved: Start = []
    for number, ((weight, bias), mask) in enumerate(zip(start, masks, strict=True)):
        both = []
        for values, kept in ((weight, mask), (bias, torch.full_like(bias, number % 2, dtype=torch.bool))):
            drawn = torch.stack([torch.randn(values.shape[1:], generator=stream) for stream in streams])
            count = kept.flatten(1).sum(1).clamp(min=1)
            size = (values.square().flatten(1).sum(1) / count).sqrt()
            size = size.reshape(-1, *[1] * (values.dim() - 1))
            both.append(values + (noise * size * drawn).masked_fill(~kept, 0))
        moved.append((both[0], both[1]))
    return moved


def return_rates(
    teacher: Target,
    shapes: Sequence[tuple[int, int]],
    densities: Sequence[Fraction],
    seeds: Sequence[int],
    noises: Sequence[float | None],
    budget: Budget,
    *,
    tolerance: Tolerance = TOLERANCE,
    seed: int = 0,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Returned]:
    """Train students from the construction with noise of every size, all in the same masks.

    Parameters
    ----------
    teacher
        A target with weights and a box, as by `ertrain.students.teacher.draw_teacher`.
    shapes, densities, seeds
        They are those of the masks; those that do not hold the teacher by the construction are left out.
    noises
        They are as for `with_noise`; None for starts that are drawn as always.
    budget, tolerance
        How long students learn, and when they have learnt.
    seed
        It is that of the points.
    progress
        It is told of every number of students that is done.
    """
    found: list[Returned] = []
    with one_thread():
        held, start = constructed(teacher, shapes, densities, seeds)
        masks = student_masks(shapes, densities, held)
        for noise in noises:
            begun = None if noise is None else with_noise(start, masks, noise, held)
            students = Students(masks, held, factors=2, start=begun)
            before = errors_of(students, teacher, tolerance=tolerance, seed=seed)
            train_students(teacher, students, budget, seed=seed)
            after: Errors = errors_of(students, teacher, tolerance=tolerance, seed=seed)
            learnt = tolerance.met(after.rms, after.largest)
            found.append(Returned(noise, *(tuple(one.tolist()) for one in (before.rms, after.rms, learnt))))
            progress(len(held))
    return found


def _single(values: object) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
