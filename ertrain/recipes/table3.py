"""Table 3: learned thresholds (STR) inside a random mask."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import DIGITS, FASHION, from_starts, in_fewer_epochs

__all__ = ["TABLE3", "table3"]

_NAME = "table3"

# As in the paper's programs, but for the density: there it followed from the weight decay, here it is reached.
_PAPER = Configuration(
    recipe=_NAME,
    method="str",
    model="resnet18",
    data="cifar10",
    augmentation="crop-zero",
    initialisation="kaiming",
    ratio="balanced",
    optimiser="sgd",
    learning_rate=0.1,
    weight_decay=1e-3,
    schedule="cosine",
    warmup=5,
    epochs=100,
    batch=256,
    label_smoothing=0.1,
)
_DIGITS = replace(DIGITS, recipe=_NAME, method="str", update_every=20)
_FASHION = replace(FASHION, recipe=_NAME, method="str", update_every=100)


def table3(scale: str) -> tuple[Configuration, ...]:
    """List the runs of Table 3, with seed 0.

    Parameters
    ----------
    scale
        ``"paper"``: ResNet18 on CIFAR-10. ``"small"``: in a fraction of the epochs. ``"quick"``: LeNet-300-100 on
        digits and Fashion-MNIST.

    Examples
    --------
    >>> table3("paper")[1].density, table3("paper")[1].final_density
    ('0.5', '0.1')
    """
    if scale == "quick":
        return (*from_starts(_DIGITS, ("0.1", "0.02")), *from_starts(_FASHION, ("0.1", "0.02")))
    return from_starts(in_fewer_epochs(_PAPER, 16) if scale == "small" else _PAPER, ("0.1", "0.05", "0.007"))


TABLE3 = Recipe(
    name=_NAME,
    tests="STR from a random mask of density 0.3 is as accurate as from a dense network.",
    make=table3,
)
