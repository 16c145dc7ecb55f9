"""Table 5: edge-popup inside a random mask."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import DIGITS, FASHION, from_starts, in_fewer_epochs

__all__ = ["TABLE5", "table5"]

_NAME = "table5"

# As the paper's programs mean it: five densities on the way, a hundred epochs each, no augmentation.
_PAPER = Configuration(
    recipe=_NAME,
    method="edge-popup",
    model="resnet18",
    data="cifar10",
    initialisation="signed-constant",
    ratio="uniform",
    optimiser="sgd",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="steps",
    milestones=(30, 60, 90),
    epochs=100,
    batch=128,
    levels=5,
)
_DIGITS = replace(
    DIGITS,
    recipe=_NAME,
    method="edge-popup",
    initialisation="signed-constant",
    ratio="uniform",
    learning_rate=0.1,
    levels=2,
)
_FASHION = replace(_DIGITS, data=FASHION.data, epochs=FASHION.epochs, batch=FASHION.batch)


def table5(scale: str) -> tuple[Configuration, ...]:
    """List the runs of Table 5, with seed 0.

    Parameters
    ----------
    scale
        ``"paper"``: ResNet18 on CIFAR-10. ``"small"``: two densities of few epochs. ``"quick"``: LeNet-300-100 on
        digits and Fashion-MNIST.

    Examples
    --------
    >>> {run.initialisation for run in table5("small")}, {run.levels for run in table5("small")}
    ({'signed-constant'}, {2})
    """
    if scale == "quick":
        return (*from_starts(_DIGITS, ("0.1", "0.05")), *from_starts(_FASHION, ("0.1", "0.05")))
    small = replace(in_fewer_epochs(_PAPER, 16), levels=2)
    return from_starts(small if scale == "small" else _PAPER, ("0.2", "0.1", "0.05"))


TABLE5 = Recipe(
    name=_NAME,
    tests="Edge-popup from a random mask of density 0.2 or more comes close to edge-popup in a dense network.",
    make=table5,
)
