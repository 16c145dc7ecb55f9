"""Students: many ER networks that learn one teacher at once, as one batched model.

Every student has its own mask and start and learns as if it were alone; all see the same points, fresh ones at every
step, so that given the points the students are independent of one another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.masks import DrawnMask
from ertheory.networks.target import Target
from ertheory.numbers import whole_number
from ertrain.arguments import device_of
from ertrain.masks.guarding import guard
from ertrain.models import BatchedLinear, BatchedMLP
from ertrain.streams import generator
from ertrain.students.teacher import TOLERANCE, Draw, Tolerance, evaluate, points_of
from ertrain.training import cosine_decay, set_learning_rate

__all__ = ["Budget", "Errors", "Students", "errors_of", "student_masks", "train_students"]

_POINTS_AT_ONCE = 2**16


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long and how fast students learn.

    Parameters
    ----------
    steps
        They are those of Adam, each on a batch of fresh points.
    batch
        Points in a step.
    learning_rate
        The rate at the start; it falls to 0 along half a cosine.

    Raises
    ------
    InvalidInput
        If a number lies outside of its domain.
    """

    steps: int
    batch: int = 64
    learning_rate: float = 0.03

    def __post_init__(self) -> None:
        """Check the numbers."""
        whole_number("steps", self.steps, least=1)
        whole_number("batch", self.batch, least=1)
        if not 0 < self.learning_rate < math.inf:
            raise InvalidInput("learning_rate", "a number above 0", self.learning_rate)


@dataclass(frozen=True)
class Errors:
    """How far students are from their teacher, relative to the spread of its outputs; tensors (students,)."""

    rms: Tensor
    largest: Tensor


class Students(BatchedMLP):
    """ReLU networks of one shape, side by side, every layer of each with a mask of its own.

    Parameters
    ----------
    masks
        They are those of the layers 0..L, booleans (students, outputs, inputs).
    seeds
        They are those of the starts, one per student.
    factors
        A ReLU stands behind every so many layers; those between are factors of one linear map, without biases.
    start
        Weights (students, outputs, inputs) and biases (students, outputs) of every layer, 0 outside of the masks, in
        place of drawn ones.

    Notes
    -----
    Weights start normal with variance 2 / (kept inputs) of their neuron, hidden biases uniform in [-1/2, 1/2], and
    biases of the outputs at 0. Factors that only another factor reads have half of the variance.

    Inner neurons of a pair of factors that read nothing or that nothing reads stay 0, and no weight of theirs has a
    gradient, so they are left out: of sparse pairs hardly any neuron is left. They count as no kept input either.

    Raises
    ------
    InvalidInput
        If masks, seeds and start do not fit together.

    Examples
    --------
    >>> students = Students(student_masks(((5, 2), (3, 5)), (Fraction(1, 2),) * 2, seeds=[7, 8]), seeds=[7, 8])
    >>> students(torch.zeros(10, 2)).shape
    torch.Size([2, 10, 3])
    """

    def __init__(
        self,
        masks: Sequence[Tensor],
        seeds: Sequence[int],
        *,
        factors: int = 1,
        start: Sequence[tuple[Tensor, Tensor]] | None = None,
    ) -> None:
        streams = [generator(seed, "weights") for seed in seeds]
        _check_shapes(masks, len(streams), factors)
        if start is not None and [tuple(map(tuple, map(_shape, pair))) for pair in start] != [
            (tuple(mask.shape), tuple(mask.shape[:2])) for mask in masks
        ]:
            raise InvalidInput("start", "a weight and a bias for every mask, of their shapes", f"{len(start)} others")
        layers = {}
        masks, living = _living_inner(masks) if factors == 2 else (masks, [None] * (len(masks) + 1))
        for number, mask in enumerate(masks):
            normal = torch.stack([torch.randn(mask.shape[1:], generator=stream) for stream in streams])
            uniform = torch.stack([torch.rand(mask.shape[1], generator=stream) for stream in streams]) - 0.5
            normal, mask = (_chosen(_chosen(one, living[number], 2), living[number + 1], 1) for one in (normal, mask))
            kept = mask.sum(2, keepdim=True).clamp(min=1)
            rectified = (number + 1) % factors == 0  # the outputs are read as if they were
            bias = uniform if rectified and number < len(masks) - 1 else torch.zeros(mask.shape[:2])
            weight = normal * ((2 if rectified else 1) / kept).sqrt()
            if start is not None:
                weight, bias = start[number]
                weight = _chosen(_chosen(weight, living[number], 2), living[number + 1], 1)
                bias = bias if rectified else torch.zeros(mask.shape[:2])
            weight = weight.masked_fill(~mask, 0)
            layers[f"layer{number}"] = BatchedLinear(weight, bias, mask)
            layers[f"layer{number}"].bias.requires_grad_(rectified)
        super().__init__(layers, factors=factors)


def _check_shapes(masks: Sequence[Tensor], students: int, factors: int) -> None:
    """Refuse masks that are not those of so many students' layers, one behind the other."""
    whole_number("factors", factors, least=1)
    if students == 0:
        raise InvalidInput("seeds", "one seed at least", [])
    shapes = [tuple(mask.shape) for mask in masks]
    plain = all(mask.dtype == torch.bool and mask.layout == torch.strided and not mask.is_meta for mask in masks)
    if not plain or any(len(shape) != 3 or shape[0] != students or 0 in shape for shape in shapes):
        raise InvalidInput("masks", f"booleans ({students} students, outputs, inputs), one student per seed", shapes)
    fit = all(one[1] == other[2] for one, other in pairwise(shapes))
    if not shapes or len(shapes) % factors or not fit:
        raise InvalidInput("masks", f"layers that read what the one before gives, in groups of {factors}", shapes)


def _shape(one: Any) -> tuple[int, ...]:
    return tuple(getattr(one, "shape", ()))


def _living_inner(masks: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor | None]]:
    """Clear dead inner neurons, and say which to keep of those that a layer reads, and of the outputs; None for all.

    As many are kept in each student as in the one with most, so that the others are filled up with some that are dead.
    """
    cleared, kept = list(masks), cast("list[Tensor | None]", [None] * (len(masks) + 1))
    for number in range(0, len(masks), 2):
        first, last = masks[number : number + 2]
        alive = first.any(2) & last.any(1)
        cleared[number : number + 2] = first & alive[:, :, None], last & alive[:, None, :]
        most = int(alive.sum(1).max())
        kept[number + 1] = alive.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]
    return cleared, kept


def _chosen(values: Tensor, neurons: Tensor | None, dim: int) -> Tensor:
    if neurons is None:
        return values
    index = neurons.unsqueeze(3 - dim)
    shape = list(values.shape)
    shape[dim] = neurons.shape[1]
    return values.gather(dim, index.expand(shape))


def student_masks(
    shapes: Sequence[tuple[int, int]], densities: Sequence[Fraction], seeds: Sequence[int]
) -> list[Tensor]:
    """Draw the masks of the layers 0..L for students: those of `ertheory.masks.DrawnMask`, entry by entry.

    Parameters
    ----------
    shapes
        They are those of the layers, (outputs, inputs).
    densities
        p_0..p_L.
    seeds
        One per student, 0 <= seed < 2^128.

    Returns
    -------
    list
        A boolean tensor (students, outputs, inputs) per layer.

    Raises
    ------
    InvalidInput
        If there is no seed, or not a density for every shape.
    """
    if len(densities) != len(shapes):
        raise InvalidInput("densities", f"{len(shapes)} of them, one per layer", tuple(densities))
    if not seeds:
        raise InvalidInput("seeds", "one seed at least", seeds)
    return [
        torch.stack([torch.from_numpy(DrawnMask(shape, density, seed, layer).to_csr().toarray()) for seed in seeds])
        for layer, (shape, density) in enumerate(zip(shapes, densities, strict=True))
    ]


def train_students(
    teacher: Target,
    students: Students,
    budget: Budget,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    draw: Draw | None = None,
) -> Students:
    """Train students in place, and return them.

    Parameters
    ----------
    teacher
        A target with weights and a box, as by `ertrain.students.teacher.draw_teacher`.
    students
        They are those of any number and shape that fits the teacher.
    budget
        How long and how fast.
    seed
        It is that of the points.
    device
        The device that computes; the points do not depend on it.
    draw
        Draws the points; uniformly from the box if left out.

    Raises
    ------
    InvalidInput
        If the device is not there.
    """
    students.to(device_of(device))
    optimiser = torch.optim.Adam(students.parameters(), lr=budget.learning_rate, fused=True)
    guard(optimiser, students)
    draw = partial(points_of, teacher.domain) if draw is None else draw
    stream = generator(seed, "points")
    block = min(budget.steps, max(1, _POINTS_AT_ONCE // budget.batch))
    for step in range(budget.steps):
        if step % block == 0:  # many points at once: single batches would cost as much as the step
            points = draw(block * budget.batch, stream).to(device)
            wanted = evaluate(teacher, points)
        here = slice(step % block * budget.batch, (step % block + 1) * budget.batch)
        set_learning_rate(optimiser, cosine_decay(step / budget.steps, budget.learning_rate))
        # The sum over students: each has the gradient that it would have alone.
        loss = (students(points[here]) - wanted[here]).square().sum() / wanted[here].numel()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return students


@torch.no_grad()
def errors_of(
    students: Students,
    teacher: Target,
    *,
    tolerance: Tolerance = TOLERANCE,
    seed: int = 0,
    draw: Draw | None = None,
) -> Errors:
    """Measure students at fresh points of the box, which no step has seen.

    Parameters
    ----------
    students, teacher
        They are as for `train_students`.
    tolerance
        Says how many points.
    seed
        It is that of the points.
    draw
        Draws them; uniformly from the box if left out.
    """
    draw = partial(points_of, teacher.domain) if draw is None else draw
    device = next(students.parameters()).device
    points = draw(tolerance.points, generator(seed, "test")).to(device)
    wanted = evaluate(teacher, points)
    off = students(points) - wanted
    return Errors(off.square().mean((1, 2)).sqrt().cpu(), off.abs().amax((1, 2)).cpu())
