"""Monte-Carlo checks of the exact laws: real masks are drawn, and the event is read off the mask.

Nothing here multiplies probabilities: whether the entries of a mask that an event depends on are independent is what
the closed forms claim and the simulation tests.

>>> checked = verify("theorem-2.1", trials=2_000, seed=1)
>>> checked.agrees, round(checked.predicted, 4)
(True, 0.5735)
"""

from __future__ import annotations

from ertheory.montecarlo.calibrate import CALIBRATED, Calibration, calibrate
from ertheory.montecarlo.intervals import Interval, binomial_interval
from ertheory.montecarlo.sequential import SequentialTest, anytime_interval, decide_failure_rate
from ertheory.montecarlo.statements import STATEMENTS
from ertheory.montecarlo.verify import Verification, verify

__all__ = [
    "CALIBRATED",
    "STATEMENTS",
    "Calibration",
    "Interval",
    "SequentialTest",
    "Verification",
    "anytime_interval",
    "binomial_interval",
    "calibrate",
    "decide_failure_rate",
    "verify",
]
