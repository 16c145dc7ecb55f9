"""Table 2: rewiring by RiGL inside a random mask, beside the fixed mask of the final density."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import DIGITS, FASHION, PAPER_VGG16, beside_fixed, in_fewer_epochs

__all__ = ["AS_IN_PAPER", "AS_IN_REFERENCE", "TABLE2", "table2"]


class Rewiring(TypedDict):
    """When and how much RiGL rewires."""

    drop_share: float
    update_every: int
    update_until: float


# Evci et al. (ICML 2020), and the programs of the paper: more at once, ten times less often, nearly to the end.
AS_IN_REFERENCE: Rewiring = {"drop_share": 0.3, "update_every": 100, "update_until": 0.75}
AS_IN_PAPER: Rewiring = {"drop_share": 0.5, "update_every": 1000, "update_until": 0.99}

_NAME = "table2"
_PAPER = replace(PAPER_VGG16, recipe=_NAME, method="rigl", ratio="erk", **AS_IN_PAPER)
_SMALL = replace(in_fewer_epochs(_PAPER, 16), **AS_IN_REFERENCE)
_DIGITS = replace(DIGITS, recipe=_NAME, method="rigl", ratio="erk", update_every=20)
_FASHION = replace(FASHION, recipe=_NAME, method="rigl", ratio="erk", update_every=100)


def table2(scale: str) -> tuple[Configuration, ...]:
    """List the runs of Table 2, with seed 0: RiGL inside masks of several densities, and the fixed mask.

    Parameters
    ----------
    scale
        ``"paper"``: VGG16 on CIFAR-10 with the settings of the paper's programs. ``"small"``: in a tenth of the epochs
        with the settings of RiGL's authors. ``"quick"``: LeNet-300-100 on digits and Fashion-MNIST.

    Examples
    --------
    >>> runs = table2("quick")
    >>> sorted({run.method for run in runs}), sorted({run.data for run in runs})
    (['fixed', 'rigl'], ['digits', 'fashion-mnist'])
    """
    if scale == "quick":
        return (*beside_fixed(_DIGITS, ("0.05", "0.02", "0.01")), *beside_fixed(_FASHION, ("0.05", "0.02", "0.01")))
    return beside_fixed(_SMALL if scale == "small" else _PAPER, ("0.1", "0.05", "0.01"))


TABLE2 = Recipe(
    name=_NAME,
    tests="Rewiring by RiGL improves on the fixed mask, and may be confined to a random mask from the start.",
    make=table2,
)
