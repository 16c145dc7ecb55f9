"""Table 4: iterative magnitude pruning inside a random mask."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import DIGITS, FASHION, from_starts, in_fewer_epochs

__all__ = ["TABLE4", "table4"]

_NAME = "table4"

# As in the paper's programs, which go back to the start after 150 epochs and leave 80 % of the weights each time.
_PAPER = Configuration(
    recipe=_NAME,
    method="imp",
    model="resnet18",
    data="cifar10",
    augmentation="crop-zero",
    initialisation="kaiming",
    ratio="balanced",
    optimiser="sgd",
    learning_rate=0.1,
    weight_decay=1e-4,
    schedule="cosine",
    final_rate=0.01,
    epochs=150,
    batch=256,
    round_keep=0.8,
)
_DIGITS = replace(DIGITS, recipe=_NAME, method="imp", round_keep=0.5)
_FASHION = replace(FASHION, recipe=_NAME, method="imp", round_keep=0.5, epochs=3)


def table4(scale: str) -> tuple[Configuration, ...]:
    """List the runs of Table 4, with seed 0.

    Parameters
    ----------
    scale
        ``"paper"``: ResNet18 on CIFAR-10. ``"small"``: short rounds that leave half of the weights. ``"quick"``:
        LeNet-300-100 on digits and Fashion-MNIST.

    Examples
    --------
    >>> {run.rewind for run in table4("paper")}, len(table4("paper"))
    ({'weights'}, 9)
    """
    if scale == "quick":
        return (*from_starts(_DIGITS, ("0.1", "0.02")), *from_starts(_FASHION, ("0.1", "0.02")))
    small = replace(in_fewer_epochs(_PAPER, 8), round_keep=0.5)
    return from_starts(small if scale == "small" else _PAPER, ("0.1", "0.01"))


TABLE4 = Recipe(
    name=_NAME,
    tests="IMP from a random mask of density 0.3 is as accurate as from a dense network.",
    make=table4,
)
