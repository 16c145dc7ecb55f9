"""From dense families to masked ones: of n weights a binomial number is live.

If f(k) is the failure probability of k live weights, that of n masked ones is F(n, p) = sum_k P(Bin(n, p) = k) f(k):
the mask is independent of the weights, and which weights are live does not matter, only how many. So one run without a
mask answers every n and every p, and no mask is drawn.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDING", "live_probabilities", "mix"]

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-11  # more than the relative error of what is computed here


def live_probabilities(number: int, density: float, longest: int) -> Floats:
    """Compute the law of the number of live weights.

    Parameters
    ----------
    number
        n, at least 0.
    density
        p in (0, 1].
    longest
        Largest number that is told apart.

    Returns
    -------
    ndarray
        P(K = 0), .., P(K = longest), P(K > longest) for K ~ Bin(n, p).

    Examples
    --------
    >>> live_probabilities(2, 0.5, 1).round(6).tolist()
    [0.25, 0.5, 0.25]
    """
    from scipy.special import bdtrc, xlog1py, xlogy

    counts = np.arange(min(longest, number) + 1)
    ratios = (number - counts[:-1]) / counts[1:]
    logs = np.append(0.0, np.cumsum(np.log(ratios))) + xlogy(counts, density) + xlog1py(number - counts, -density)
    masses = np.zeros(longest + 1)
    masses[: len(counts)] = np.exp(logs)
    beyond = bdtrc(longest, number, density) if number > longest else 0.0
    return np.append(masses, beyond)


def mix(masses: Floats, failures: Floats, beyond: float) -> float:
    """Compute F(n, p) from the law of K, the failure probabilities f(0), .., f(longest) and one for more weights.

    Examples
    --------
    >>> mix(live_probabilities(2, 0.5, 1), np.array([1.0, 0.5]), 0.0)
    0.5
    """
    return float(masses[:-1] @ failures + masses[-1] * beyond)
