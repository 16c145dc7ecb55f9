"""Graph convolutional networks in random masks, on the classes of a graph's nodes."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.tasks import in_fixed_masks

__all__ = ["GCN_RECIPE", "gcn"]

_NAME = "gcn"

# 800 steps, ten an epoch, at a constant rate. Of Planetoid's 640 labelled nodes, 500 select and 140 train.
_PAPER = Configuration(
    recipe=_NAME,
    model="gcn-8",
    data="cora",
    validation="25/32",
    ratio="balanced",
    optimiser="adam",
    learning_rate=0.005,
    weight_decay=5e-4,
    schedule="constant",
    epochs=80,
    batch=1,
)
_SMALL = replace(_PAPER, data="block-model", model="gcn-16", validation="1/2")
_QUICK = replace(_SMALL, learning_rate=0.02, epochs=20)


def gcn(scale: str) -> tuple[Configuration, ...]:
    """List the runs, with seed 0: dense networks and fixed masks.

    Parameters
    ----------
    scale
        ``"paper"``: eight hidden features on the three graphs of Planetoid, which need PyTorch Geometric. ``"small"``
        and ``"quick"``: sixteen on a graph that is drawn, for 800 and 200 steps.

    Examples
    --------
    >>> [(run.data, run.density) for run in gcn("quick")][:2], len(gcn("paper"))
    ([('block-model', '1'), ('block-model', '0.5')], 18)
    """
    if scale == "quick":
        return in_fixed_masks(_QUICK)
    if scale == "small":
        return in_fixed_masks(_SMALL)
    return in_fixed_masks(*(replace(_PAPER, data=data) for data in ("cora", "citeseer", "pubmed")))


GCN_RECIPE = Recipe(
    name=_NAME,
    tests="A graph convolutional network in a random mask classifies nodes as well as the dense one.",
    make=gcn,
)
