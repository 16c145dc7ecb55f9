"""Table 28: pruning and rewiring (GraNet) inside random masks, from dense to sparse starts."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import DIGITS, FASHION, PAPER_VGG16, beside_fixed, in_fewer_epochs
from ertrain.recipes.table2 import AS_IN_PAPER, AS_IN_REFERENCE

__all__ = ["TABLE28", "table28"]

_NAME = "table28"

# As in the paper's programs: weights are pruned in the first 110 of 160 epochs, and rewired nearly to the end.
_PAPER = replace(PAPER_VGG16, recipe=_NAME, method="granet", ratio="erk", prune_until=110 / 160, **AS_IN_PAPER)
_SMALL = replace(in_fewer_epochs(_PAPER, 16), prune_until=0.5, **AS_IN_REFERENCE)
_DIGITS = replace(DIGITS, recipe=_NAME, method="granet", ratio="erk", update_every=20)
_FASHION = replace(FASHION, recipe=_NAME, method="granet", ratio="erk", update_every=100)


def table28(scale: str) -> tuple[Configuration, ...]:
    """List the runs of Table 28, with seed 0: GraNet inside masks of several densities, and the fixed mask.

    Parameters
    ----------
    scale
        ``"paper"``: VGG16 on CIFAR-10 with the settings of the paper's programs. ``"small"``: in a tenth of the epochs
        with those of GraNet's and RiGL's authors. ``"quick"``: LeNet-300-100 on digits and Fashion-MNIST.

    Examples
    --------
    >>> runs = table28("quick")
    >>> [(run.method, run.density, run.final_density) for run in runs[:3]]
    [('fixed', '0.05', ''), ('fixed', '0.02', ''), ('fixed', '0.01', '')]
    """
    if scale == "quick":
        return (*beside_fixed(_DIGITS, ("0.05", "0.02", "0.01")), *beside_fixed(_FASHION, ("0.05", "0.02", "0.01")))
    return beside_fixed(_SMALL if scale == "small" else _PAPER, ("0.1", "0.05", "0.01"))


TABLE28 = Recipe(
    name=_NAME,
    tests="Pruning and rewiring can start from a random mask of density 0.1 as well as from a dense network.",
    make=table28,
)
