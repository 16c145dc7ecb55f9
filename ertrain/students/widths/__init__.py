"""Widths from which on students succeed, beside the widths of the theory, on one line of widths and the same masks."""

from ertheory._typed import name_wrong_types
from ertrain.students.widths.constructions import (
    CONSTRUCTIONS,
    Construction,
    ConstructionName,
    construction_of,
    source_layers,
)
from ertrain.students.widths.line import WidthLine
from ertrain.students.widths.measurement import measure_widths
from ertrain.students.widths.outcomes import Outcomes, trial_seeds
from ertrain.students.widths.plots import draw_widths
from ertrain.students.widths.result import SCALES, Failures, Kind, Measured, Scale, TheoryMeetsTraining

__all__ = [
    "CONSTRUCTIONS",
    "SCALES",
    "Construction",
    "ConstructionName",
    "Failures",
    "Kind",
    "Measured",
    "Outcomes",
    "Scale",
    "TheoryMeetsTraining",
    "WidthLine",
    "construction_of",
    "draw_widths",
    "measure_widths",
    "source_layers",
    "trial_seeds",
]

name_wrong_types(__name__)
