"""Monte-Carlo checks of the exact laws, and random subset sums by simulation.

The checks draw real masks and read the event off the mask. Nothing there multiplies probabilities: whether the entries
of a mask that an event depends on are independent is what the closed forms claim and the simulation tests.

>>> checked = verify("theorem-2.1", trials=2_000, seed=1)
>>> checked.agrees, round(checked.predicted, 4)
(True, 0.5735)

Subset sums have no exact law. There the number of weights is measured, with an interval.

>>> simulate_subset_sum("1/2", "0.01", "0.1", trials=20_000).n
25
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ertheory._deprecated import other_names
from ertheory._typed import name_wrong_types
from ertheory.montecarlo.anytime import AnytimeTest, anytime_interval, decide_failure_rate
from ertheory.montecarlo.calibration import CALIBRATED, Calibration, calibrate
from ertheory.montecarlo.intervals import Interval, binomial_interval
from ertheory.montecarlo.statements.catalogue import CHECKS
from ertheory.montecarlo.subset_sums.coverage_times import stopping_times, stopping_times_at
from ertheory.montecarlo.subset_sums.draws import draw_weights
from ertheory.montecarlo.subset_sums.failure_curve import FailureEstimate, Required, StoppingTimes
from ertheory.montecarlo.subset_sums.meet_in_the_middle import best_errors
from ertheory.montecarlo.subset_sums.on_torch import torch_best_errors
from ertheory.montecarlo.subset_sums.simulate import SimulatedSubsetSum, simulate_subset_sum
from ertheory.montecarlo.subset_sums.stratification import RareFailure, SignStratified, sign_stratified
from ertheory.montecarlo.verification import Verification, verify

__all__ = [
    "CALIBRATED",
    "CHECKS",
    "AnytimeTest",
    "Calibration",
    "FailureEstimate",
    "Interval",
    "RareFailure",
    "Required",
    "SignStratified",
    "SimulatedSubsetSum",
    "StoppingTimes",
    "Verification",
    "anytime_interval",
    "best_errors",
    "binomial_interval",
    "calibrate",
    "decide_failure_rate",
    "draw_weights",
    "sign_stratified",
    "simulate_subset_sum",
    "stopping_times",
    "stopping_times_at",
    "torch_best_errors",
    "verify",
]

if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__ = other_names(__name__)

name_wrong_types(__name__)
