"""Teachers: ReLU networks of known size whose outputs students have to learn, and when a student has learnt one.

A teacher is a `Target` with weights, scaled so that its outputs have mean 0 and spread 1 on its box. Errors of students
are relative to that spread without further ado.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.numbers import whole_number
from ertrain.training.threads import one_thread

__all__ = ["TOLERANCE", "Draw", "Tolerance", "draw_teacher", "evaluate", "normalised", "points_of"]

Draw: TypeAlias = Callable[[int, torch.Generator], Tensor]  # of so many points (n, d)

_POINTS = 2**14  # for mean and spread of the outputs
_LARGEST_SEED = 2**63 - 1  # of PyTorch's generators


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far a student may be from its teacher, in units of the spread of the teacher's outputs.

    Parameters
    ----------
    rms
        Largest root mean square error over points and outputs.
    largest
        Largest error at any of the points.
    points
        How many fresh points of the box are looked at.

    Raises
    ------
    InvalidInput
        If a number lies outside of its domain.
    """

    rms: float = 0.05
    largest: float = 0.5
    points: int = 2**12

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("rms", "largest"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(name, "a number of at least 0", getattr(self, name))
        whole_number("points", self.points, least=1)

    def met(self, rms: Tensor, largest: Tensor) -> Tensor:
        """Say of each student whether it has learnt its teacher; an error that is not a number is too large."""
        return (rms <= self.rms) & (largest <= self.largest)


TOLERANCE = Tolerance()


def draw_teacher(target: Target, seed: int = 0) -> Target:
    """Draw generic weights for a target without zeros, on the box [-1, 1]^d.

    Parameters
    ----------
    target
        A target that is fully connected; only its widths are read.
    seed
        It is at least 0.

    Returns
    -------
    Target
        It has weights, normalised as by `normalised`.

    Raises
    ------
    InvalidInput
        If the target is convolutional or has zeros, or the seed lies outside its domain.

    Notes
    -----
    Weights are normal with variance 2 / fan-in. The bias of a hidden neuron puts its bend through what a random point
    of the box becomes in the layer below, so that every neuron bends inside the box: none can be left out.

    Examples
    --------
    >>> teacher = draw_teacher(Target.from_text("4-8-3"), seed=1)
    >>> [weight.shape for weight in teacher.weights], teacher.domain[0].tolist()
    ([(8, 4), (3, 8)], [-1.0, 1.0])
    """
    full = all(layer.nonzeros == layer.outputs * layer.inputs for layer in target.layers)
    if target.is_convolutional or not full:
        raise InvalidInput("target", "widths of a fully connected network such as 4-8-3", str(target))
    seed = whole_number("seed", seed, least=0, most=_LARGEST_SEED)
    random = np.random.default_rng(seed)
    bends = [random.uniform(-1, 1, (width, target.inputs)) for width in target.widths[1:-1]]
    weights: list[npt.NDArray[np.float64]] = []
    biases: list[npt.NDArray[np.float64]] = []
    for number, (inputs, outputs) in enumerate(zip(target.widths, target.widths[1:], strict=False)):
        weights.append(random.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs))
        if number == target.depth - 1:
            biases.append(np.zeros(outputs))
        else:
            hidden = bends[number]
            for weight, bias in zip(weights, biases, strict=False):
                hidden = np.maximum(hidden @ weight.T + bias, 0)
            biases.append(-(weights[-1] * hidden).sum(1))
    return normalised(Target.from_arrays(weights, biases, domain=[(-1, 1)] * target.inputs), seed)


def normalised(target: Target, seed: int = 0, *, draw: Draw | None = None) -> Target:
    """Scale and shift the last layer so that the outputs have mean 0 each, and spread 1 together, on the box.

    Parameters
    ----------
    target
        A target that is fully connected, with weights; its box is [-1, 1]^d where it has none.
    seed
        It is that of the random points at which mean and spread are measured.
    draw
        Draws them; uniformly from the box if left out.

    Raises
    ------
    InvalidInput
        If the target has no weights, is convolutional, or is constant on its box.
    """
    seed = whole_number("seed", seed, least=0, most=_LARGEST_SEED)
    if target.weights is None or target.biases is None or target.is_convolutional:
        raise InvalidInput("target", "a fully connected network with weights", str(target))
    box = [(-1, 1)] * target.inputs if target.domain is None else target.domain
    draw = partial(points_of, box) if draw is None else draw
    with one_thread():  # the same bits on every number of processors
        outputs = evaluate(target, draw(_POINTS, torch.Generator().manual_seed(seed)).double())
        mean = outputs.mean(0)
        spread = float((outputs - mean).square().mean().sqrt())
    if not spread > 0:
        raise InvalidInput("target", "a network that is not constant on its box", str(target))
    weights = (*target.weights[:-1], target.weights[-1] / spread)
    biases = (*target.biases[:-1], (target.biases[-1] - mean.numpy()) / spread)
    return Target.from_arrays(weights, biases, domain=box)


def points_of(box: Any, count: int, generator: torch.Generator) -> Tensor:
    """Draw points (count, d) of a box (d, 2), uniformly, in single precision."""
    ends = torch.as_tensor(np.array(box, dtype=np.float64), dtype=torch.float32)
    return ends[:, 0] + (ends[:, 1] - ends[:, 0]) * torch.rand(count, len(ends), generator=generator)


def evaluate(target: Target, points: Tensor) -> Tensor:
    """Compute what a target with weights gives at points (n, d), in their precision and on their device."""
    hidden = points
    layers = list(zip(target.weights or (), target.biases or (), strict=True))
    for number, (weight, bias) in enumerate(layers):
        if number:
            hidden = hidden.relu()
        hidden = torch.addmm(torch.tensor(bias).to(points), hidden, torch.tensor(weight).to(points).T)
    return hidden
