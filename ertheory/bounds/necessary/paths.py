"""The path ceiling: no construction can do better than the chance that every input reaches the output at all.

If the target depends on input i, the source must have a path from i to the output. For one output and hidden layers
of N_0..N_{L-1} neurons, let K_L = 1 and let K_l be the number of neurons of layer l that reach the output. Given
K_{l+1}, each neuron of layer l reaches it with probability 1 - (1 - p_{l+1})^{K_{l+1}}, independently. Hence

    P(every input has a path) = E[(1 - (1 - p_0)^{K_0})^d].

This refutes the literal Theorems 2.1 and 2.2 for a masked layer 0: target 1-1-1 at p = 0.01 and delta = 0.1 asks for
q_0 = 866 and q_1 = 299, where no construction whatever succeeds with a probability above 0.2173.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np
import numpy.typing as npt

from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import whole_numbers

__all__ = ["path_ceiling"]

_MOST_STATES = 10_000_000


def path_ceiling(inputs: int, hidden: tuple[int, ...], densities: tuple[Fraction, ...]) -> float:
    """Probability that each of d inputs has a path to one output.

    Parameters
    ----------
    inputs
        d, the inputs that the target depends on.
    hidden
        N_0..N_{L-1}; neighbouring layers may have ten million pairs of neurons.
    densities
        p_0..p_L.

    Returns
    -------
    float
        The exact law in double precision. Its relative error is below 1e-10 for layers of up to ten thousand neurons
        and grows in proportion to the widths, to about 1e-7 for ten million.

    Raises
    ------
    InvalidInput
        If the numbers of widths and densities do not fit.
    InfeasibleWidth
        If a layer is too wide for the sum.

    Examples
    --------
    >>> percent = Fraction(1, 100)
    >>> round(path_ceiling(1, (866, 299), (percent,) * 3), 5)
    0.21726
    """
    hidden = whole_numbers("hidden", hidden, least=1)
    if len(densities) != len(hidden) + 1:
        raise InvalidInput("densities", f"{len(hidden) + 1} numbers, one per source layer", len(densities))
    if max(map(prod, pairwise((*hidden, 1)))) > _MOST_STATES:
        msg = f"the path law is summed only where two layers in a row have at most {_MOST_STATES} pairs of neurons"
        raise InfeasibleWidth(msg)
    reaching = np.array([0.0, 1.0])  # law of K_L: one output
    for width, density in zip(reversed(hidden), reversed(densities[1:]), strict=True):
        reaching = reaching @ _binomial_rows(width, _hit(density, len(reaching)))
    return float(reaching @ _hit(densities[0], len(reaching)) ** inputs)


def _hit(density: Fraction, states: int) -> npt.NDArray[np.float64]:
    """1 - (1 - p)^k for k = 0..states-1."""
    counts = np.arange(states)
    if density == 1:
        return (counts > 0).astype(np.float64)
    hit: npt.NDArray[np.float64] = -np.expm1(counts * np.log1p(-float(density)))
    return hit


def _binomial_rows(trials: int, chances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """P(Bin(trials, chance) = k), shape (chances, trials + 1)."""
    from scipy.special import gammaln, xlog1py, xlogy

    counts = np.arange(trials + 1)
    log_choose = gammaln(trials + 1) - gammaln(counts + 1) - gammaln(trials - counts + 1)
    column = chances[:, None]
    rows: npt.NDArray[np.float64] = np.exp(log_choose + xlogy(counts, column) + xlog1py(trials - counts, -column))
    return rows
