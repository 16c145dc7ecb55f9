"""How performance falls with sparsity: which function of the density explains a measured error.

The widths of the theory grow with 1 / log(1 / sparsity), which is 1 / p - 1 / 2 - p / 12 - ... in the density p. So
with an intercept it differs from 1 / p only where p is large: data at small densities cannot tell them apart. Which of
the two, or something else, explains the data is answered by residuals, with intervals over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.numbers import probability, whole_number
from ertrain.arguments import taken

__all__ = ["FORMS", "Comparison", "FormFit", "compare_forms"]

Array = npt.NDArray[np.float64]

_MOST_RESAMPLES = 10**7


def _log_sparsity(density: Array) -> Array:
    with np.errstate(divide="ignore"):
        inverse: Array = -1 / np.log1p(-density)  # 0 at density 1
    return np.where(density == 1, 0.0, inverse)


# Of densities (n,): what the error is an affine function of. The last one is no statement of the paper.
FORMS: dict[str, Callable[[Array], Array]] = {
    "1/log(1/sparsity)": _log_sparsity,
    "1/density": lambda density: 1 / density,
    "log(1/density)": lambda density: -np.log(density),
}


@dataclass(frozen=True, kw_only=True)
class FormFit:
    """error = intercept + slope * form(p), by least squares over the means at all densities.

    Parameters
    ----------
    form
        One of `FORMS`.
    intercept, slope
        The coefficients.
    r_squared
        Share of the variance of the means that is explained.
    aic
        n log(RSS / n) + 4, n the number of densities: two coefficients, so differences are all that it says.
    cross_validated
        Root mean square of the errors with which each mean is predicted from those at all other densities.
    interval
        An interval for `cross_validated`, by bootstrap over seeds.
    """

    form: str
    intercept: float
    slope: float
    r_squared: float
    aic: float
    cross_validated: float
    interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All forms beside one another.

    Parameters
    ----------
    fits
        They stand in the order of `FORMS`.
    difference, interval
        Cross-validated error of 1/log(1/sparsity) minus that of 1/density, and its interval by bootstrap over seeds.
    best
        How often each form has the smallest cross-validated error in the resamples.
    count
        n, the seeds.
    level
        It is that of the intervals.
    """

    fits: tuple[FormFit, ...]
    difference: float
    interval: tuple[float, float]
    best: dict[str, float]
    count: int
    level: float

    @property
    def explains(self) -> str | None:
        """Which of the two statements explains the data better, None where the interval holds 0."""
        low, high = self.interval
        if low <= 0 <= high:
            return None
        return "1/density" if low > 0 else "1/log(1/sparsity)"


def compare_forms(
    densities: Sequence[float],
    errors: npt.ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Fit every form to errors measured at several densities.

    Parameters
    ----------
    densities
        p in (0, 1], at least four different ones.
    errors
        Finite, (densities, seeds): column k belongs to seed k at all densities, so columns are resampled whole.
    level
        It is that of the percentile intervals, in (0, 1).
    resamples
        They are those of the bootstrap, at least 100.
    seed
        It is that of the bootstrap.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> densities = [0.1, 0.2, 0.5, 0.8, 0.9, 0.99]
    >>> noise = np.random.default_rng(0).normal(0, 0.01, (6, 20))
    >>> compare_forms(densities, [[1 / p] for p in densities] + noise).explains
    '1/density'
    """
    with taken("densities", "at least four different numbers in (0, 1]", densities):
        places = np.asarray(densities, dtype=np.float64)
    with taken("errors", "numbers (densities, seeds)", type(errors).__name__):
        values = np.asarray(errors, dtype=np.float64)
    if places.ndim != 1 or len(set(places.tolist())) < 4 or not ((places > 0) & (places <= 1)).all():
        raise InvalidInput("densities", "at least four different numbers in (0, 1]", densities)
    if values.ndim != 2 or len(values) != len(places) or values.shape[1] < 2 or not np.isfinite(values).all():
        raise InvalidInput("errors", f"finite numbers ({len(places)}, seeds), two seeds at least", values.shape)
    level = float(probability("level", level))
    resamples = whole_number("resamples", resamples, least=100, most=_MOST_RESAMPLES)
    random = np.random.default_rng(whole_number("seed", seed, least=0))
    if len(set(values.mean(1).tolist())) < 2:
        raise InvalidInput("errors", "means that differ from density to density", float(values[0, 0]))
    columns = random.integers(0, values.shape[1], (resamples, values.shape[1]))
    means = values.mean(1)
    resampled = values[:, columns].mean(2)  # (densities, resamples)
    tails = [(1 - level) / 2, (1 + level) / 2]
    fits, validated = [], []
    for name, form in FORMS.items():
        basis = np.column_stack([np.ones(len(places)), form(places)])
        own, theirs = _cross_validated(basis, means[:, None])[0], _cross_validated(basis, resampled)
        coefficients = np.linalg.lstsq(basis, means, rcond=None)[0]
        residual = float(np.square(means - basis @ coefficients).sum())
        low, high = np.quantile(theirs, tails).tolist()
        fits.append(
            FormFit(
                form=name,
                intercept=float(coefficients[0]),
                slope=float(coefficients[1]),
                r_squared=1 - residual / float(np.square(means - means.mean()).sum()),
                aic=len(places) * math.log(residual / len(places)) + 4,
                cross_validated=float(own),
                interval=(low, high),
            )
        )
        validated.append(theirs)
    shares = np.bincount(np.argmin(validated, axis=0), minlength=len(FORMS)) / resamples
    low, high = np.quantile(validated[0] - validated[1], tails).tolist()
    return Comparison(
        fits=tuple(fits),
        difference=fits[0].cross_validated - fits[1].cross_validated,
        interval=(low, high),
        best=dict(zip(FORMS, shares.tolist(), strict=True)),
        count=values.shape[1],
        level=level,
    )


def _cross_validated(basis: Array, means: Array) -> Array:
    """Root mean square of the errors of predictions without the point itself, for every column of means.

    A residual divided by 1 - its leverage is the error of the prediction from all other points.
    """
    hat = basis @ np.linalg.pinv(basis)
    left_out = (means - hat @ means) / (1 - np.diag(hat))[:, None]
    error: Array = np.sqrt(np.square(left_out).mean(0))
    return error
