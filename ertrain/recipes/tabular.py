"""Fully connected networks in random masks, on tables."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.tasks import in_fixed_masks

__all__ = ["TABULAR", "tabular"]

_NAME = "tabular"

_PAPER = Configuration(
    recipe=_NAME,
    model="mlp-256-256-256",
    data="acs-employment",
    ratio="balanced",
    optimiser="adam",
    learning_rate=0.01,
    weight_decay=0.0,
    schedule="constant",
    epochs=20,
    batch=64,
)
_SMALL = replace(_PAPER, learning_rate=0.001, schedule="cosine", epochs=50, batch=32)
_QUICK = replace(_SMALL, epochs=20)


def tabular(scale: str) -> tuple[Configuration, ...]:
    """List the runs, with seed 0: dense networks and fixed masks.

    Parameters
    ----------
    scale
        ``"paper"``: ACSEmployment, which needs folktables. ``"small"`` and ``"quick"``: tables that come with
        scikit-learn, and its digits.

    Examples
    --------
    >>> sorted({run.data for run in tabular("quick")}), {run.model for run in tabular("paper")}
    (['breast-cancer', 'digits', 'wine'], {'mlp-256-256-256'})
    """
    if scale == "paper":
        return in_fixed_masks(_PAPER)
    base = _QUICK if scale == "quick" else _SMALL
    return in_fixed_masks(*(replace(base, data=data) for data in ("breast-cancer", "digits", "wine")))


TABULAR = Recipe(
    name=_NAME,
    tests="A fully connected network in a random mask is as accurate on tables as the dense one.",
    make=tabular,
)
