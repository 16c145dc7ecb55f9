"""The best error itself: how near a subset sum of given weights comes to a number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, exact_rational

__all__ = ["best_errors", "read_rows"]

_MOST_WEIGHTS = 52  # each half then has 2^26 sums, half a gigabyte


def best_errors(
    weights: npt.ArrayLike, *, z: Rational = 1, kept: npt.ArrayLike | None = None
) -> npt.NDArray[np.float64]:
    """Find the smallest distance of a subset sum from z, row by row.

    Parameters
    ----------
    weights
        Finite, shape (trials, n).
    z
        Any number.
    kept
        Which weights the mask leaves, the same shape; all if left out. At most 52 in a row.

    Returns
    -------
    ndarray
        Shape (trials,), at most |z| because the empty sum is 0.

    Raises
    ------
    InvalidInput
        If the shapes do not agree, a weight is not finite or too many are kept.

    Notes
    -----
    n kept weights take about 2^(n/2) steps. Sums are formed in double precision.

    Examples
    --------
    >>> best_errors([[0.5, 0.75, -0.25], [0.5, 0.125, 2.0]]).tolist()
    [0.0, 0.375]
    """
    from ertheory.montecarlo.subset_sums.meet_kernel import best_errors as nearest

    values, mask, most = read_rows(weights, kept)
    errors = np.empty(len(values))
    nearest(values, mask, float(exact_rational("z", z)), most, errors)
    return errors


def read_rows(
    weights: npt.ArrayLike, kept: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], int]:
    """Check the rows of `best_errors`, and say how many weights are kept in one of them, at most."""
    values = np.array(weights, dtype=np.float64, ndmin=2)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise InvalidInput("weights", "finite numbers, shape (trials, n)", np.shape(weights))
    mask = np.ones(values.shape, dtype=np.bool_) if kept is None else np.array(kept, dtype=np.bool_, ndmin=2)
    if mask.shape != values.shape:
        raise InvalidInput("kept", f"shape {values.shape}", mask.shape)
    most = int(np.count_nonzero(mask, axis=1).max(initial=0))
    if most > _MOST_WEIGHTS:
        raise InvalidInput("kept", f"at most {_MOST_WEIGHTS} weights in a row", most)
    return values, mask, most
