"""Experiments by name: functions that return frozen configurations, at several scales."""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertheory.errors import InvalidInput
from ertrain.recipes.base import SCALES, Cost, Recipe
from ertrain.recipes.factored import FACTORED
from ertrain.recipes.gcn import GCN_RECIPE
from ertrain.recipes.imagenet import IMAGENET
from ertrain.recipes.modular_addition import MODULAR_ADDITION
from ertrain.recipes.ratios import RATIOS_RECIPE
from ertrain.recipes.table1 import TABLE1
from ertrain.recipes.table2 import TABLE2
from ertrain.recipes.table3 import TABLE3
from ertrain.recipes.table4 import TABLE4
from ertrain.recipes.table5 import TABLE5
from ertrain.recipes.table28 import TABLE28
from ertrain.recipes.tabular import TABULAR

__all__ = ["RECIPES", "SCALES", "Cost", "Recipe", "recipe"]

RECIPES = {
    one.name: one
    for one in (
        FACTORED,
        GCN_RECIPE,
        IMAGENET,
        MODULAR_ADDITION,
        RATIOS_RECIPE,
        TABLE1,
        TABLE2,
        TABLE28,
        TABLE3,
        TABLE4,
        TABLE5,
        TABULAR,
    )
}


def recipe(name: str) -> Recipe:
    """Look up a recipe.

    Raises
    ------
    InvalidInput
        If there is none of that name.

    Examples
    --------
    >>> len(recipe("table1").configurations("quick", seeds=2)) % 2
    0
    """
    if name not in RECIPES:
        raise InvalidInput("recipe", f"one of {', '.join(sorted(RECIPES))}", name)
    return RECIPES[name]


name_wrong_types(__name__)
