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
        The relative errors over the measured points: root mean square, and the largest one.
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


def _measured(a: float, b: float, c: float, rms: float, worst: float, finest: str) -> Fit:
    return Fit(a, b, c, rms, worst, (finest, "0.1"), ("1e-3", "0.1"), ("0.05", "1"))


# Law of the variables, target: "1", "1/2", "1/4" for a fixed z, "uniform" for all of [-1, 1].
FITS: dict[tuple[str, str], Fit] = {
    ("uniform", "1"): _measured(-0.7230, 4.2279, -2.1324, 0.0195, 0.0589, "1e-8"),
    ("uniform", "1/2"): _measured(-0.2280, 1.5653, -1.5734, 0.0160, 0.0457, "1e-8"),
    ("uniform", "1/4"): _measured(-0.0224, 0.2578, -1.0221, 0.0191, 0.0551, "1e-8"),
    ("uniform", "uniform"): _measured(0.0102, 2.2266, 0.1769, 0.0142, 0.0559, "1e-5"),
    ("product", "1"): _measured(-2.2317, 12.0881, -3.6420, 0.0278, 0.0807, "1e-8"),
    ("product", "1/2"): _measured(-1.2928, 6.7766, -3.3318, 0.0291, 0.0824, "1e-8"),
    ("product", "1/4"): _measured(-0.6138, 2.9875, -2.3301, 0.0242, 0.0669, "1e-8"),
    ("product", "uniform"): _measured(-1.8986, 10.5091, -0.9618, 0.0173, 0.0683, "1e-5"),
}
