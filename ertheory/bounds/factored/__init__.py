"""Factored sources: every linear map of the target becomes two masked maps in a row."""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertheory.bounds.factored.given import pair_failure
from ertheory.bounds.factored.least import ORIENTATIONS, Orientation, Split, map_failure
from ertheory.bounds.factored.network import (
    FactoredDesign,
    MapShape,
    Objective,
    factored_design,
    shapes_of_model,
    shapes_of_target,
)
from ertheory.bounds.factored.one_map import FORMS, FactoredMap, Form, factored_map

__all__ = [
    "FORMS",
    "ORIENTATIONS",
    "FactoredDesign",
    "FactoredMap",
    "Form",
    "MapShape",
    "Objective",
    "Orientation",
    "Split",
    "factored_design",
    "factored_map",
    "map_failure",
    "pair_failure",
    "shapes_of_model",
    "shapes_of_target",
]

name_wrong_types(__name__)
