"""Small failure probabilities of random subset sums, by counting signs exactly.

Most failures that are rare have few weights of the sign of the target, and how likely that is needs no simulation. A
trial draws magnitudes of positive and of negative weights and records b(a), the number of negative ones that are needed
beside a positive ones; b never increases in a. Of n weights under a mask the numbers of live positive and negative ones
are trinomial, so that

    F(n, p) = E sum over a and b < b(a) of Trinomial(n; p/2, p/2, 1 - p)(a, b),

an exact identity in which every trial has a say at every sign pattern. The law of a trial's share is far from normal
where F is tiny: a few trials then carry the sum, and the estimate is more often too low than too high. Below one in a
million the explicit theorem says more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.montecarlo.subset_sums.coverage_times import check_target
from ertheory.montecarlo.subset_sums.draws import Law, check_law, stream_key
from ertheory.montecarlo.subset_sums.failure_curve import FEWEST_FAILURES
from ertheory.montecarlo.subset_sums.spread import check_trials, spread
from ertheory.numbers import Rational, probability, whole_number

__all__ = ["RareFailure", "SignStratified", "sign_stratified"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_POSITIVE, _NEGATIVE = 32, 48  # most weights of either sign; what is not covered by them counts as a failure
_BLOCK = 512
_MOST_WEIGHTS = 100_000
_FINEST = 1e-4


@dataclass(frozen=True, kw_only=True)
class RareFailure:
    """A small failure probability that was measured.

    Parameters
    ----------
    value
        Mean of the trials' shares.
    standard_error
        It is that of that mean, from the shares themselves.
    effective_failures
        (value / standard_error)^2: as many failures in a plain count would be as precise.
    """

    value: float
    standard_error: float
    effective_failures: float


@dataclass(frozen=True, kw_only=True)
class SignStratified:
    """What every trial needs.

    Parameters
    ----------
    epsilon, z, law, seed
        They are as for `ertheory.montecarlo.StoppingTimes`.
    needed
        b(a) of every trial for a = 0..32, 49 where 48 negative weights are not enough; shape (trials, 33).
    """

    epsilon: float
    z: float | None
    law: Law
    needed: Integers
    seed: int

    def failure(self, n: int, density: Rational) -> RareFailure:
        """Estimate the failure probability of n weights under a mask.

        Parameters
        ----------
        n
            0 to 100,000.
        density
            p in (0, 1].

        Raises
        ------
        InvalidInput
            If a number is out of range, or the estimate is less precise than a count of 10 failures.

        Examples
        --------
        >>> rare = sign_stratified("0.1", trials=2_000, seed=1).failure(25, 1)
        >>> 1e-6 < rare.value < 1e-4, rare.standard_error < rare.value / 4
        (True, True)
        """
        n = whole_number("n", n, least=0, most=_MOST_WEIGHTS)
        table = _sign_probabilities(n, float(probability("density", density, one=True)))
        shares = table[np.arange(table.shape[0]), self.needed].sum(axis=1)
        value, error = float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares)))
        if value == 0 or (error > 0 and (value / error) ** 2 < FEWEST_FAILURES):
            raise InvalidInput("trials", "more: fewer than 10 failures support the estimate", len(shares))
        return RareFailure(
            value=value, standard_error=error, effective_failures=(value / error) ** 2 if error else float("inf")
        )


def sign_stratified(
    epsilon: Rational,
    *,
    z: Rational = 1,
    uniform: bool = False,
    law: Law = "uniform",
    trials: int,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> SignStratified:
    """Draw magnitudes of weights of either sign, and record how many it takes.

    Parameters
    ----------
    epsilon
        It lies in (0, 1), at least 10^-4.
    z, uniform, law, seed, workers, progress
        They are as for `ertheory.montecarlo.subset_sums.coverage_times`.
    trials
        2 to 10^9; each keeps 33 numbers.

    Raises
    ------
    InvalidInput
        If an argument is out of range.

    Examples
    --------
    >>> run = sign_stratified("0.1", trials=100)
    >>> run.needed.shape, bool((np.diff(run.needed, axis=1) <= 0).all())
    ((100, 33), True)
    """
    product, key = check_law(law), stream_key(seed)
    goal = check_target(z, uniform=uniform)
    tolerance = float(probability("epsilon", epsilon))
    if tolerance < _FINEST:
        raise InvalidInput("epsilon", f"at least {_FINEST:g}", epsilon)
    if check_trials(trials) == 1:
        raise InvalidInput("trials", "at least 2", trials)
    # The law is symmetric, and counting positive weights is what pays for a positive target.
    low, high = (-1.0, 1.0) if goal is None else (abs(goal), abs(goal))

    def block(start: int, trials: int) -> Integers:
        from ertheory.montecarlo.subset_sums.union_kernel import sign_rows

        needed = np.empty((trials, _POSITIVE + 1), dtype=np.int64)
        sign_rows(start, needed, _NEGATIVE, low, high, tolerance, product, key)
        return needed

    needed = np.concatenate(list(spread(block, 0, trials, size=_BLOCK, workers=workers, progress=progress)))
    needed.flags.writeable = False
    return SignStratified(epsilon=tolerance, z=goal, law=law, needed=needed, seed=seed)


def _sign_probabilities(number: int, density: float) -> Floats:
    """Compute P(a positive and fewer than b negative live weights) for a = 0..32 and b = 0..49.

    The last row has all larger a too, the last column any number of negative weights.
    """
    from scipy.special import gammaln, xlog1py, xlogy

    positive, negative = np.arange(number + 1)[:, None], np.arange(min(number, _NEGATIVE) + 1)[None, :]
    dead = number - positive - negative
    possible = dead >= 0
    dead = np.maximum(dead, 0)
    logs = gammaln(number + 1) - gammaln(positive + 1) - gammaln(negative + 1) - gammaln(dead + 1)
    logs = logs + xlogy(positive + negative, density / 2) + xlog1py(dead, -density)
    masses = np.where(possible, np.exp(logs), 0.0)
    table = np.zeros((number + 1, _NEGATIVE + 2))
    table[:, 1 : masses.shape[1] + 1] = np.cumsum(masses, axis=1)
    table[:, masses.shape[1] + 1 :] = table[:, masses.shape[1], None]
    rest = number - positive[:, 0]
    logs = gammaln(number + 1) - gammaln(positive[:, 0] + 1) - gammaln(rest + 1)
    table[:, -1] = np.exp(logs + xlogy(positive[:, 0], density / 2) + xlog1py(rest, -density / 2))
    rows = np.zeros((_POSITIVE + 1, _NEGATIVE + 2))
    rows[: min(number, _POSITIVE) + 1] = table[: _POSITIVE + 1]
    rows[-1] += table[_POSITIVE + 1 :].sum(axis=0)
    return rows
