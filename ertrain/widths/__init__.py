"""Widths from which on students succeed, beside the widths of the theory, on one line of widths and the same masks."""

from ertrain.widths.line import WidthLine
from ertrain.widths.meet import meet
from ertrain.widths.outcomes import Outcomes, trial_seeds
from ertrain.widths.plots import draw_widths
from ertrain.widths.result import SCALES, Failures, Kind, Measured, Scale, TheoryMeetsTraining

__all__ = [
    "SCALES",
    "Failures",
    "Kind",
    "Measured",
    "Outcomes",
    "Scale",
    "TheoryMeetsTraining",
    "WidthLine",
    "draw_widths",
    "meet",
    "trial_seeds",
]
