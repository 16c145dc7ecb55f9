"""Does training find what is there? Factored networks that certainly contain every dense one, beside plain masks.

Five arms, the last four at every density. The dense network; a mask of its width, as in the paper; a plain network
widened until its mask keeps as many weights as the factored one, and works as much on fully connected layers; the
factored network, all factors trained; and with its outer factors drawn and frozen, wider, since the inner ones have to
carry all of a layer then. Where there are convolutions, whose weights do not all work as often, a sixth one: a plain
network widened until its training takes as many operations as that of the factored one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import torch

from ertheory.bounds.result import rational_text
from ertrain.configuration import Configuration
from ertrain.masks.flops import forward_flops
from ertrain.masks.shapes import layer_shapes
from ertrain.models import build_model, factor_model
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import DIGITS, FASHION, in_fewer_epochs

__all__ = ["ARMS", "DENSE", "EQUAL_WORK", "FACTORED", "arms_at", "equal_width", "factored"]

ARMS = ("dense", "same width", "widened", "factored", "frozen")
EQUAL_WORK = "as much work"  # the arm that convolutional networks have beside

_NAME = "factored"
_STEP = 200  # widths are multiples of 1 / 200
_DENSITIES = ("0.5", "0.2", "0.1", "0.05")
_SPARSER = (*_DENSITIES, "0.02")

# Sizes of inputs and classes by data set: networks are counted before any data are read.
_SHAPES = {
    "cifar10": ((3, 32, 32), 10),
    "digits": ((1, 8, 8), 10),
    "fashion-mnist": ((1, 28, 28), 10),
    "modular-addition-97": ((2, 97), 97),
}

_BASE = replace(DIGITS, recipe=_NAME, ratio="uniform", density="1")

# The dense network of every task.
DENSE = {
    "digits": _BASE,
    "digits-resnet20": replace(_BASE, model="resnet20", width="1/4", learning_rate=0.1, epochs=10),
    "fashion-mnist": replace(_BASE, data="fashion-mnist", epochs=4, batch=FASHION.batch),
    "fashion-mnist-resnet20": replace(
        _BASE, data="fashion-mnist", examples=1000, model="resnet20", width="1/4", learning_rate=0.1, epochs=6, batch=32
    ),
    "modular-addition": replace(
        _BASE,
        data="modular-addition-97",
        model="transformer",
        width="1/2",
        optimiser="adamw",
        learning_rate=0.003,
        weight_decay=1.0,
        epochs=60,
        batch=256,
    ),
    "cifar10": in_fewer_epochs(replace(_BASE, data="cifar10", model="resnet18", augmentation="crop-flip"), 30),
}

# Widths at which plain networks have as many weights as factored ones, as `equal_width` finds them; kept here, so that
# the runs of a recipe stay the same runs.
_WIDENED = {
    ("digits", "0.5"): "2.04",
    ("digits", "0.2"): "3.87",
    ("digits", "0.1"): "6.81",
    ("digits", "0.05"): "13.97",
    ("digits", "0.02"): "35.45",
    ("fashion-mnist", "0.5"): "2.51",
    ("fashion-mnist", "0.2"): "5.21",
    ("fashion-mnist", "0.1"): "8.67",
    ("fashion-mnist", "0.05"): "16.67",
    ("fashion-mnist", "0.02"): "46.68",
    ("digits-resnet20", "0.5"): "0.61625",
    ("digits-resnet20", "0.2"): "1.55375",
    ("digits-resnet20", "0.1"): "3.1475",
    ("digits-resnet20", "0.05"): "6.30375",
    ("digits-resnet20", "0.02"): "15.7725",
    ("fashion-mnist-resnet20", "0.5"): "0.61625",
    ("fashion-mnist-resnet20", "0.2"): "1.55375",
    ("fashion-mnist-resnet20", "0.1"): "3.1475",
    ("fashion-mnist-resnet20", "0.05"): "6.30375",
    ("fashion-mnist-resnet20", "0.02"): "15.7725",
    ("modular-addition", "0.5"): "1.14",
    ("modular-addition", "0.2"): "1.915",
    ("modular-addition", "0.1"): "3.5775",
    ("modular-addition", "0.05"): "7.265",
    ("modular-addition", "0.02"): "18.2475",
    ("cifar10", "0.5"): "1.55",
    ("cifar10", "0.2"): "2.485",
    ("cifar10", "0.1"): "3.665",
}

# The same for as many operations, where these are not in proportion to the weights.
_AS_MUCH_WORK = {
    ("digits-resnet20", "0.5"): "0.77625",
    ("digits-resnet20", "0.2"): "2.03875",
    ("digits-resnet20", "0.1"): "4.11375",
    ("digits-resnet20", "0.05"): "8.26125",
    ("digits-resnet20", "0.02"): "20.655",
    ("fashion-mnist-resnet20", "0.5"): "0.77625",
    ("fashion-mnist-resnet20", "0.2"): "2.03625",
    ("fashion-mnist-resnet20", "0.1"): "4.10875",
    ("fashion-mnist-resnet20", "0.05"): "8.2575",
    ("fashion-mnist-resnet20", "0.02"): "20.655",
    ("cifar10", "0.5"): "1.665",
    ("cifar10", "0.2"): "2.77",
    ("cifar10", "0.1"): "4.6",
}

# Optimiser, learning rate, weight decay by task and arm, where they were searched: benchmarks/factored_training.py.
_CHOSEN: dict[tuple[str, str], tuple[str, float, float]] = {
    ("digits", "dense"): ("sgd", 0.02, 5e-4),
    ("digits", "same width"): ("adam", 0.004, 0.0),
    ("digits", "widened"): ("sgd", 0.1, 5e-4),
    ("digits", "factored"): ("sgd", 0.05, 5e-4),
    ("digits", "frozen"): ("sgd", 0.1, 5e-4),
    ("fashion-mnist", "dense"): ("adam", 0.002, 0.0),
    ("fashion-mnist", "same width"): ("sgd", 0.1, 5e-4),
    ("fashion-mnist", "widened"): ("adam", 0.004, 0.0),
    ("fashion-mnist", "factored"): ("adam", 0.002, 0.0),
    ("fashion-mnist", "frozen"): ("adam", 0.004, 0.0),
    ("digits-resnet20", "dense"): ("sgd", 0.05, 5e-4),
    ("digits-resnet20", "same width"): ("sgd", 0.2, 5e-4),
    ("digits-resnet20", "widened"): ("sgd", 0.2, 5e-4),
    ("digits-resnet20", "factored"): ("sgd", 0.05, 5e-4),
    ("digits-resnet20", "frozen"): ("sgd", 0.05, 5e-4),
    ("digits-resnet20", EQUAL_WORK): ("sgd", 0.1, 5e-4),
    ("modular-addition", "dense"): ("adamw", 0.003, 1.0),
    ("modular-addition", "same width"): ("adamw", 0.03, 1.0),
    ("modular-addition", "widened"): ("adamw", 0.01, 1.0),
    ("modular-addition", "factored"): ("adamw", 0.003, 1.0),
    ("modular-addition", "frozen"): ("adamw", 0.01, 1.0),
    ("fashion-mnist-resnet20", "dense"): ("adam", 0.01, 0.0),
    ("fashion-mnist-resnet20", "same width"): ("sgd", 0.1, 5e-4),
    ("fashion-mnist-resnet20", "widened"): ("sgd", 0.2, 5e-4),
    ("fashion-mnist-resnet20", "factored"): ("adam", 0.004, 0.0),
    ("fashion-mnist-resnet20", "frozen"): ("adam", 0.01, 0.0),
    ("fashion-mnist-resnet20", EQUAL_WORK): ("adam", 0.01, 0.0),
}

# The same where they were searched at a density: the more inner neurons move a layer together, the lower the rate.
_CHOSEN_AT: dict[tuple[str, str, str], tuple[str, float, float]] = {
    ("digits-resnet20", "same width", "0.1"): ("sgd", 0.1, 5e-4),
    ("digits-resnet20", "factored", "0.1"): ("adam", 0.01, 0.0),
    ("digits-resnet20", "frozen", "0.1"): ("sgd", 0.2, 5e-4),
    ("digits-resnet20", "same width", "0.05"): ("sgd", 0.1, 5e-4),
    ("digits-resnet20", "factored", "0.05"): ("adam", 0.01, 0.0),
    ("digits-resnet20", "frozen", "0.05"): ("sgd", 0.1, 5e-4),
    ("digits-resnet20", "factored", "0.02"): ("sgd", 0.002, 5e-4),
    ("digits-resnet20", "frozen", "0.02"): ("adam", 0.01, 0.0),
    ("fashion-mnist-resnet20", "same width", "0.1"): ("sgd", 0.2, 5e-4),
    ("fashion-mnist-resnet20", "same width", "0.05"): ("sgd", 0.2, 5e-4),
    ("fashion-mnist-resnet20", "factored", "0.05"): ("sgd", 0.01, 5e-4),
}


def arms_at(task: str, density: str) -> dict[str, Configuration]:
    """List the arms of a density, with the settings of the dense network.

    Parameters
    ----------
    task
        One of `DENSE`.
    density
        It is that of all masks.

    Examples
    --------
    >>> arms = arms_at("fashion-mnist", "0.1")
    >>> list(arms), arms["widened"].width, arms["factored"].factored
    (['same width', 'widened', 'factored', 'frozen'], '8.67', 2)
    """
    same = replace(DENSE[task], density=density)
    works = _AS_MUCH_WORK.get((task, density))
    convolutions = DENSE[task].model.startswith("resnet")
    if convolutions and works is None:
        works = equal_width(DENSE[task], density, of="operations")
    return {
        "same width": same,
        "widened": replace(same, width=_WIDENED.get((task, density)) or equal_width(DENSE[task], density)),
        "factored": replace(same, factored=2),
        "frozen": replace(same, factored=2, outer="frozen"),
        **({EQUAL_WORK: replace(same, width=works)} if works else {}),
    }


def equal_width(dense: Configuration, density: str, *, of: Literal["weights", "operations"] = "weights") -> str:
    """Find the width at which a plain network has as many weights as the factored one, or a few less.

    Parameters
    ----------
    dense
        The dense network.
    density
        It is that of the masks.
    of
        What shall be as many: weights, or operations of a forward pass, of which training takes three times as many.

    Examples
    --------
    >>> equal_width(DENSE["digits"], "0.5")
    '2.04'
    """
    inputs, classes = _SHAPES[dense.data]

    def counted(factor: Fraction, *, factored: bool = False) -> int:
        with torch.device("meta"):
            model = build_model(dense.model, inputs=inputs, classes=classes, width=factor)
            if factored:
                model = factor_model(model, density=density)
        if of == "operations":
            return forward_flops(model, inputs, dense=True)
        return sum(layer.weights for layer in layer_shapes(model))

    wanted, unit = counted(Fraction(dense.width), factored=True), Fraction(dense.width) / _STEP
    found, seen = _STEP, set[int]()
    while found not in seen:  # weights grow a little slower than the square of the width
        seen.add(found)
        found = max(_STEP, round(found * math.sqrt(wanted / counted(unit * found))))
    while counted(unit * found) > wanted:
        found -= 1
    return rational_text(unit * found)


def factored(scale: str) -> tuple[Configuration, ...]:
    """List the runs, with seed 0: the dense networks, and four arms at every density.

    Parameters
    ----------
    scale
        ``"quick"``: LeNet-300-100 on digits and Fashion-MNIST. ``"small"``: more densities, ResNet-20 of a quarter of
        its width on digits and on 1,000 images of Fashion-MNIST, and a transformer on sums modulo 97. ``"paper"``, for
        GPUs: the wider ones, and ResNet18 on CIFAR-10.

    Notes
    -----
    Optimiser and learning rate of every arm are those that were best on validation images in one search, the same for
    all arms of a task, with other seeds (benchmarks/factored_training.py). Factored ResNets at densities up to 0.1, and
    masks of the dense width, have those of a search there; plain networks that are widened have not. ResNet18 has the
    settings of the dense start, without a search.

    Examples
    --------
    >>> runs = factored("quick")
    >>> sorted({run.data for run in runs}), sum(run.density == "1" for run in runs), len(runs)
    (['digits', 'fashion-mnist'], 2, 34)
    """
    tasks: dict[str, dict[str, tuple[str, ...]]] = {
        "quick": {"digits": _DENSITIES, "fashion-mnist": _DENSITIES},
        "small": {
            "digits": _SPARSER,
            "fashion-mnist": _SPARSER,
            "digits-resnet20": _SPARSER,
            "fashion-mnist-resnet20": _DENSITIES,
            "modular-addition": _SPARSER,
        },
        # Some arms of ResNet-20 take many GB there, and all together hours of one core.
        "paper": {"cifar10": ("0.5", "0.2", "0.1"), "fashion-mnist-resnet20": ("0.02",)},
    }
    return tuple(
        _with_settings(task, arm, run)
        for task, densities in tasks[scale].items()
        for arm, run in _of_task(task, densities)
    )


def _of_task(task: str, densities: tuple[str, ...]) -> Iterator[tuple[str, Configuration]]:
    yield "dense", DENSE[task]
    for density in densities:
        yield from arms_at(task, density).items()


def _with_settings(task: str, arm: str, run: Configuration) -> Configuration:
    chosen = _CHOSEN_AT.get((task, arm, run.density)) or _CHOSEN.get((task, arm))
    if chosen is None:
        return run
    optimiser, rate, decay = chosen
    return replace(run, optimiser=optimiser, learning_rate=rate, weight_decay=decay)


FACTORED = Recipe(
    name=_NAME,
    tests="A random sparse network that contains every dense one of a shape is trained to what the dense one reaches.",
    make=factored,
)
