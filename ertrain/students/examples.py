"""Teachers with a name: a trained classifier of handwritten digits, and the single ReLU of Theorem 2.3."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ertheory.montecarlo.intervals import binomial_interval
from ertheory.networks.readers.targets import target_from_sklearn
from ertheory.networks.target import Target
from ertheory.numbers import whole_number
from ertrain.students.teacher import Draw, evaluate, points_of

__all__ = ["Examples", "digits_teacher", "named_teacher", "relu_teacher"]

_LEVEL = Fraction(19, 20)
_HIDDEN = 16


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Labelled points of a box, by which a classifier is judged.

    Parameters
    ----------
    box
        Ends (d, 2).
    train
        Points (n, d) around which students learn.
    test, labels
        Points (m, d) that no student sees, and their classes (m,).
    """

    box: npt.NDArray[np.float64]
    train: Tensor
    test: Tensor
    labels: Tensor

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        parts = (self.box, *(part.numpy() for part in (self.train, self.test, self.labels)))
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

    @property
    def around_train(self) -> Draw:
        """Draws points around those to learn from."""
        return partial(_around, self.box, self.train)

    @property
    def around_test(self) -> Draw:
        """Draws points around those that no student sees."""
        return partial(_around, self.box, self.test)

    @torch.no_grad()
    def as_accurate(self, students: nn.Module, teacher: Target) -> Tensor:
        """Say of each student whether it is as often right as its teacher, up to what so few points can tell.

        Parameters
        ----------
        students
            Give (students, m, classes) of points (m, d).
        teacher
            A target with weights.

        Returns
        -------
        Tensor
            True where the accuracy at the test points is not below the 95 % interval of Clopper and Pearson for that
            of the teacher, booleans (students,).
        """
        device = next(students.parameters()).device
        right = (students(self.test.to(device)).argmax(2).cpu() == self.labels).double().mean(1)
        taught = int((evaluate(teacher, self.test).argmax(1) == self.labels).sum())
        enough: Tensor = right >= binomial_interval(taught, len(self.labels), _LEVEL).low
        return enough


def named_teacher(text: str, seed: int = 0) -> tuple[Target, Examples | None] | None:
    """Give the teacher with this name: ``digits`` or ``digits-H`` with H hidden neurons, or ``relu-D`` of D inputs.

    Parameters
    ----------
    text
        A name; None is returned if it is none.
    seed
        It is that of the training of a classifier, at least 0.

    Examples
    --------
    >>> teacher, examples = named_teacher("relu-5")
    >>> str(teacher), examples, named_teacher("4-8-3")
    ('5-1-1', None, None)
    """
    name, _, number = text.partition("-")
    size = int(number) if number.isdecimal() and len(number) < 6 else None
    if name == "relu" and size:
        return relu_teacher(size), None
    if name == "digits" and (size or text == name):
        return digits_teacher(size or _HIDDEN, seed)
    return None


def relu_teacher(inputs: int) -> Target:
    """Give the ReLU of the sum of all inputs on the box [-1, 1]^d, a target d-1-1.

    Notes
    -----
    Its bend passes through the middle of the box. On a small cube there of which one corner alone is on the active
    side, its d-fold mixed difference, the sum over the corners with the signs of the parity, is not 0; that of a sum of
    functions that each miss an input is. So every input has to reach some neuron together with all others.

    Examples
    --------
    >>> relu_teacher(3).weights[0].tolist()
    [[1.0, 1.0, 1.0]]
    """
    inputs = whole_number("inputs", inputs, least=1)
    return Target.from_arrays([[[1.0] * inputs], [[1.0]]], [[0.0], [0.0]], domain=[(-1, 1)] * inputs)


def digits_teacher(hidden: int, seed: int = 0) -> tuple[Target, Examples]:
    """Train a classifier 64-hidden-10 of scikit-learn's digits, pixels in [0, 1].

    Parameters
    ----------
    hidden
        Neurons, at least 1.
    seed
        It is that of its start and batches, at least 0.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    from ertrain.data.digit_images import digits

    seed = whole_number("seed", seed, least=0, most=2**32 - 1)
    train, test = (digits(Path(), train=part) for part in (True, False))
    points, held = (part.inputs.flatten(1).float() / 16 for part in (train, test))
    learner = MLPClassifier((hidden,), alpha=1.0, learning_rate_init=0.01, max_iter=100, random_state=seed)
    with warnings.catch_warnings():  # a teacher need not have converged
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = target_from_sklearn(learner.fit(points.double().numpy(), train.labels.numpy()))
    box = np.array([[0.0, 1.0]] * points.shape[1])
    target = Target.from_arrays(fitted.weights or (), fitted.biases, domain=box)
    return target, Examples(box=box, train=points, test=held, labels=test.labels)


def _around(box: npt.NDArray[np.float64], points: Tensor, count: int, stream: torch.Generator) -> Tensor:
    """Draw points anywhere between one of these and a uniform one of the box."""
    chosen = points[torch.randint(len(points), (count,), generator=stream)]
    share = torch.rand(count, 1, generator=stream)
    return chosen.lerp(points_of(box, count, stream), share)
