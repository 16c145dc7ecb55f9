"""Factored sources: every linear map of the target becomes two masked maps in a row."""

from __future__ import annotations

from ertheory.bounds.factored.least import ORIENTATIONS, Orientation, Split, map_failure
from ertheory.bounds.factored.one_map import FORMS, FactoredMap, Form, factored_map

__all__ = ["FORMS", "ORIENTATIONS", "FactoredMap", "Form", "Orientation", "Split", "factored_map", "map_failure"]
