"""Experiments by name: functions that return frozen configurations, at several scales."""

from __future__ import annotations

from ertheory.errors import InvalidInput
from ertrain.recipes.base import SCALES, Recipe
from ertrain.recipes.ratios import RATIOS_RECIPE, ratios
from ertrain.recipes.table1 import TABLE1, table1

__all__ = ["RECIPES", "SCALES", "Recipe", "ratios", "recipe", "table1"]

RECIPES = {one.name: one for one in (RATIOS_RECIPE, TABLE1)}


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
