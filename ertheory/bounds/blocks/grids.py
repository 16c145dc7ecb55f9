"""Widths over whole grids of densities and failure probabilities: numpy in, numpy out.

Real factors are computed in double precision, by formulas that stay accurate where p is tiny, 1 - p is tiny or delta
is tiny. A factor is rounded up in double precision only where it lies clearly between two integers; the few others
are decided exactly, so that every integer of the grid is as certain as one from `ertheory.printed`.

>>> printed_factor(1280, density=[0.5, 0.1], failure_probability=0.0005).round(3)
array([ 21.288, 140.048])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ertheory.bounds.blocks.closed_form import union_factor
from ertheory.errors import InvalidInput
from ertheory.numbers import exact_rational

__all__ = ["exact_factor", "printed_copies", "printed_factor"]

# Far above the rounding error of `printed_factor`, far below the distance of most factors from an integer.
_UNCLEAR = 2e-14

Floats = npt.NDArray[np.float64]


def printed_factor(
    links: npt.ArrayLike,
    *,
    failure_probability: npt.ArrayLike,
    density: npt.ArrayLike | None = None,
    sparsity: npt.ArrayLike | None = None,
) -> Floats:
    """Real factor log(links / failure_probability) / log(1 / (1 - p)) of the union bound, at least 0.

    Parameters
    ----------
    links
        M = m_{l+1} q_{l+1}, at least 1; arrays broadcast against each other.
    failure_probability
        The layer's share of delta (delta / L in Theorem 2.2), in (0, 1).
    density, sparsity
        Exactly one of them is given: p in (0, 1], or 1 - p in [0, 1). Give the one that is small, it keeps its
        precision.

    Returns
    -------
    numpy.ndarray
        The relative error is below 1e-14 times the condition of the logarithms.

    Raises
    ------
    InvalidInput
        If a value lies outside its domain.
    """
    links, delta, rate = _checked(links, failure_probability, density, sparsity)
    with np.errstate(divide="ignore", over="ignore"):
        return np.maximum((np.log(links) - np.log(delta)) / rate, 0.0)


def exact_factor(
    links: npt.ArrayLike,
    *,
    failure_probability: npt.ArrayLike,
    density: npt.ArrayLike | None = None,
    sparsity: npt.ArrayLike | None = None,
) -> Floats:
    """Real factor q with (1 - (1 - p)^q)^links = 1 - failure_probability, the exact law of one layer, at least 0.

    Parameters
    ----------
    links, failure_probability, density, sparsity
        They are as for `printed_factor`.

    Examples
    --------
    >>> exact_factor(1280, density=0.5, failure_probability=0.001).round(3)
    np.float64(20.287)
    """
    links, delta, rate = _checked(links, failure_probability, density, sparsity)
    per_link = -np.log1p(-delta) / links  # -log of the success probability of one link
    log_per_link = np.log(-np.log1p(-delta)) - np.log(links)  # per_link itself may underflow
    log_failure = np.where(
        per_link < 1e-3,
        log_per_link - per_link / 2 + per_link**2 / 24,
        np.log(-np.expm1(-np.maximum(per_link, 1e-3))),
    )
    with np.errstate(divide="ignore", over="ignore"):
        return np.maximum(-log_failure / rate, 0.0)


def printed_copies(
    links: npt.ArrayLike,
    *,
    failure_probability: npt.ArrayLike,
    density: npt.ArrayLike | None = None,
    sparsity: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Smallest integers q >= 1 with links (1 - p)^q <= failure_probability; a float means its shortest decimal.

    Parameters
    ----------
    links, failure_probability, density, sparsity
        They are as for `printed_factor`. Arrays of objects may hold rationals that no short decimal is.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or a factor does not fit into 63 bits.

    Examples
    --------
    >>> from fractions import Fraction
    >>> printed_copies(1, density=0.5, failure_probability=[Fraction(1, 2**28), 2.0**-20, 0.1])
    array([28, 20,  4])
    """
    real = printed_factor(links, failure_probability=failure_probability, density=density, sparsity=sparsity)
    if np.any(real >= 2**62):
        raise InvalidInput("density", "values whose factors stay below 2**62", float(np.max(real)))
    copies = np.maximum(np.ceil(real), 1).astype(np.int64)
    given = np.asarray(density if density is not None else sparsity)
    rate = _checked(links, failure_probability, density, sparsity)[2]
    doubt = _doubt(real, rate, _as_array("density", given), sparse=density is None)
    parts = np.broadcast_arrays(links, failure_probability, given, np.abs(real - np.rint(real)) <= doubt)
    flat = copies.reshape(-1)
    for index in np.flatnonzero(parts[3]):
        count, delta, value = (exact_rational("density", part.reshape(-1)[index]) for part in parts[:3])
        flat[index] = union_factor(value if density is not None else 1 - value, count, delta)[0]
    return flat.reshape(copies.shape)


def _doubt(real: Floats, rate: Floats, value: Floats, *, sparse: bool) -> Floats:
    """Bound how far a real factor may be off: by rounding, and as doubles stand for the decimals next to them."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # A relative 2^-53 of the value, doubled: what it does to log(1 / (1 - p)), relative to that.
        moved = 2.0**-52 * (1 if sparse else value / (1 - value)) / rate
        logarithms = 2.0**-51 / rate  # of links and delta, each a relative 2^-53
    return np.nan_to_num((_UNCLEAR + moved) * np.maximum(real, 1) + logarithms, nan=0.0)  # NaN at density 1


def _checked(
    links: npt.ArrayLike,
    failure_probability: npt.ArrayLike,
    density: npt.ArrayLike | None,
    sparsity: npt.ArrayLike | None,
) -> tuple[Floats, Floats, Floats]:
    """Return links, delta and log(1 / (1 - p)) as arrays of one shape."""
    if (density is None) == (sparsity is None):
        raise InvalidInput("density", "exactly one of density and sparsity", "both" if density is not None else "none")
    count = _as_array("links", links)
    delta = _as_array("failure_probability", failure_probability)
    _require("links", "numbers of at least 1", count, (count >= 1) & (count < np.inf))
    _require("failure_probability", "numbers in (0, 1)", delta, (delta > 0) & (delta < 1))
    with np.errstate(divide="ignore"):
        if density is not None:
            value = _as_array("density", density)
            _require("density", "numbers in (0, 1]", value, (value > 0) & (value <= 1))
            rate = -np.log1p(-value)
        else:
            value = _as_array("sparsity", sparsity)
            _require("sparsity", "numbers in [0, 1)", value, (value >= 0) & (value < 1))
            # 1 - sparsity is exact from one half on, and log1p of it is accurate near sparsity 1.
            rate = np.where(value >= 0.5, -np.log1p(value - 1), -np.log(value))
    try:
        count, delta, rate = np.broadcast_arrays(count, delta, rate)
    except ValueError:
        shapes = (count.shape, delta.shape, rate.shape)
        raise InvalidInput("links", "shapes that broadcast against each other", shapes) from None
    return count, delta, rate


def _as_array(name: str, values: npt.ArrayLike | None) -> Floats:
    try:
        if values is not None and np.iscomplexobj(values):
            raise InvalidInput(name, "real numbers", type(values).__name__)
        array = np.asarray(values)
        if (
            array.dtype.kind == "f" and array.dtype.itemsize < 8
        ):  # the decimals that these print, not their binary values
            array = array.astype(str)
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(name, "real numbers", type(values).__name__) from None


def _require(name: str, allowed: str, values: Floats, good: npt.NDArray[np.bool_]) -> None:
    if not np.all(good):
        raise InvalidInput(name, allowed, np.asarray(values)[~good].reshape(-1)[0].item())
