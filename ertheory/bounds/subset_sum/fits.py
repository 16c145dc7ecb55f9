"""Measured: how many variables the random subset sum problem needs, as fits to Monte-Carlo results.

The form is

    n = sharp(p, epsilon, delta) + (a sqrt(ln(1/epsilon) ln(1/delta)) + b sqrt(ln(1/delta))) / p + c / ln(1/(1 - p/2))

with the sharp exponent in front, whose leading coefficient of ln(1/epsilon)/p is 1/ln 2, the least that counting
allows: every live variable brings one bit. The rest is of lower order. Square roots are how far the numbers of live and
of positive variables stray from their means; 1/ln(1/(1 - p/2)) is what one more positive one costs.

The table of measurements is tests/reference/subset_sums.csv; benchmarks/fit_subset_sums.py makes both.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FITS", "Fit"]


@dataclass(frozen=True)
class Fit:
    """One fit, with how good it is and where it was measured.

    Parameters
    ----------
    a, b, c
        Coefficients.
    rms, worst
        Relative errors over the measured points: root mean square, and the largest one.
    epsilon_range, delta_range, density_range
        Smallest and largest epsilon, delta and p that were measured, as exact decimals.
    """

    a: float
    b: float
    c: float
    rms: float
    worst: float
    epsilon_range: tuple[str, str]
    delta_range: tuple[str, str]
    density_range: tuple[str, str]


def _measured(a: float, b: float, c: float, rms: float, worst: float) -> Fit:
    return Fit(a, b, c, rms, worst, ("1e-3", "0.1"), ("1e-3", "0.1"), ("0.05", "1"))


# Law of the variables, target: "1", "1/2", "1/4" for a fixed z, "uniform" for all of [-1, 1].
FITS: dict[tuple[str, str], Fit] = {
    ("uniform", "1"): _measured(1.184, 1.371, 1.656, 0.024, 0.066),
    ("uniform", "1/2"): _measured(1.486, 1.145, -0.452, 0.034, 0.078),
    ("uniform", "1/4"): _measured(1.631, 1.024, -1.096, 0.046, 0.10),
    ("uniform", "uniform"): _measured(1.626, 1.334, 2.908, 0.030, 0.069),
    ("product", "1"): _measured(0.495, 1.976, 7.508, 0.034, 0.075),
    ("product", "1/2"): _measured(0.819, 1.586, 2.488, 0.033, 0.094),
    ("product", "1/4"): _measured(1.230, 1.261, -0.160, 0.031, 0.071),
}
