"""Cells of a study: students of given widths and layer-wise densities, all on the same teacher.

Students of one shape learn as one batched model, whatever their densities. Student k of every cell has the k-th seed:
of two cells of one shape, the masks of the sparser one lie inside those of the denser one, layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import whole_number, whole_numbers
from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students
from ertrain.students.teacher import TOLERANCE, Tolerance
from ertrain.training.threads import one_thread

__all__ = ["Cell", "Trained", "dead_hidden", "expected_dead", "train_cells"]


@dataclass(frozen=True)
class Cell:
    """Students of one kind.

    Parameters
    ----------
    widths
        N_0..N_L, the outputs last.
    densities
        p_0..p_L.

    Raises
    ------
    InvalidInput
        If there is no width, one lies outside of its domain, or there is not a density for each.

    Examples
    --------
    >>> cell = Cell((10, 10, 3), (Fraction(1, 2),) * 3)
    >>> cell.shapes(4), cell.expected_weights(4)
    (((10, 4), (10, 10), (3, 10)), Fraction(85, 1))
    """

    widths: tuple[int, ...]
    densities: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        """Check the widths, and that each has a density."""
        if not whole_numbers("widths", self.widths, least=1) or len(self.densities) != len(self.widths):
            raise InvalidInput("densities", f"{len(self.widths)} of them, at least one", self.densities)

    def shapes(self, inputs: int) -> tuple[tuple[int, int], ...]:
        """Give the shapes (outputs, inputs) of the layers, for so many inputs of the network."""
        inputs = whole_number("inputs", inputs, least=1)
        return tuple(zip(self.widths, (inputs, *self.widths), strict=False))

    def expected_weights(self, inputs: int) -> Fraction:
        """Give the expected number of weights that are kept."""
        shapes = self.shapes(inputs)
        return sum((p * n * m for p, (n, m) in zip(self.densities, shapes, strict=True)), Fraction(0))


@dataclass(frozen=True)
class Trained:
    """Students of one cell after training, arrays (students,).

    Parameters
    ----------
    rms, largest
        Errors relative to the spread of the teacher's outputs.
    learnt
        Whether they are within tolerance.
    dead
        Hidden neurons on no path from an input to an output, of all hidden layers.
    """

    rms: tuple[float, ...]
    largest: tuple[float, ...]
    learnt: tuple[bool, ...]
    dead: tuple[int, ...]


def train_cells(
    teacher: Target,
    cells: Sequence[Cell],
    *,
    seeds: Sequence[int],
    budget: Budget,
    tolerance: Tolerance = TOLERANCE,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int], object] = lambda _: None,
) -> dict[Cell, Trained]:
    """Train all students of all cells.

    Parameters
    ----------
    teacher
        It is what `ertrain.students.teacher.draw_teacher` gives.
    cells
        What to train; equal ones once.
    seeds
        They are those of masks and starts, one per student of a cell.
    budget, tolerance
        How long students learn, and when they have learnt.
    seed
        It is that of the points.
    device
        Where they learn.
    progress
        It is told of every number of students that is done.
    """
    groups: dict[tuple[int, ...], list[Cell]] = {}
    for cell in dict.fromkeys(cells):
        groups.setdefault(cell.widths, []).append(cell)
    found = {}
    with one_thread():
        for group in groups.values():
            drawn = [student_masks(cell.shapes(teacher.inputs), cell.densities, seeds) for cell in group]
            masks = [torch.cat(layers) for layers in zip(*drawn, strict=True)]
            students = Students(masks, [*seeds] * len(group))
            train_students(teacher, students, budget, seed=seed, device=device)
            errors = errors_of(students, teacher, tolerance=tolerance, seed=seed)
            learnt, dead = tolerance.met(errors.rms, errors.largest), dead_hidden(masks)
            for number, cell in enumerate(group):
                here = slice(number * len(seeds), (number + 1) * len(seeds))
                numbers = (errors.rms, errors.largest, learnt, dead)
                found[cell] = Trained(*(tuple(one[here].tolist()) for one in numbers))
            progress(len(group) * len(seeds))
    return found


def dead_hidden(masks: Sequence[Tensor]) -> Tensor:
    """Count the hidden neurons on no whole path, (students,), for masks (students, outputs, inputs) of the layers.

    Examples
    --------
    >>> first, last = torch.tensor([[[1, 0], [0, 0], [0, 1]]]).bool(), torch.tensor([[[1, 1, 0]]]).bool()
    >>> dead_hidden([first, last])
    tensor([2])
    """
    reached, leading = [masks[0].any(2)], [masks[-1].any(1)]
    for mask in masks[1:-1]:
        reached.append((mask & reached[-1][:, None, :]).any(2))
    for mask in reversed(masks[1:-1]):
        leading.append((mask & leading[-1][:, :, None]).any(1))
    pairs = zip(reached, reversed(leading), strict=True)
    return sum((~(one & other)).sum(1) for one, other in pairs) + torch.zeros(len(masks[0]), dtype=torch.int64)


def expected_dead(cell: Cell, inputs: int) -> float:
    """Predict the number of hidden neurons without any edge in or without any edge out: exactly its expectation.

    Neurons that are cut off further away are not counted, so the number of all dead ones is at least this on average.

    Examples
    --------
    >>> expected_dead(Cell((10, 1), (Fraction(1, 2), Fraction(1))), 1)
    5.0
    """
    shapes = cell.shapes(inputs)
    total = 0.0
    for layer in range(len(shapes) - 1):
        none_in = (1 - float(cell.densities[layer])) ** shapes[layer][1]
        none_out = (1 - float(cell.densities[layer + 1])) ** shapes[layer + 1][0]
        total += shapes[layer][0] * (1 - (1 - none_in) * (1 - none_out))
    return total
