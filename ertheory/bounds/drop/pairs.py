"""Where `drop` looks for the widths of a target with one hidden layer.

Every q_0 is looked at, except where there are very many of them; then some are, and after that those around the best.
One question settles a q_0: does the law hold for the largest q_1 that would still make the total smaller than the best
one so far? Double precision answers it by bounds on the law, and hands over to intervals where it cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds.drop.law import Fans, read_neurons
from ertheory.networks.target import Target
from ertheory.numbers import log_sparsity, midpoint

__all__ = ["Pair", "best_pair", "log_goal", "log_miss"]

Floats = npt.NDArray[np.float64]
Pair = tuple[int, int]

_ALL_AT_ONCE = 1_000_000  # factors q_0 times kinds of neurons
_SOME = 4_096  # factors q_0, where there are too many to look at all of them
_MOST_ASKED = 100
_ORDERS = 12
_LARGEST = 2**50  # doubles do not tell larger integers apart


def log_goal(failure_probability: Fraction) -> float:
    """Estimate log(-log(1 - delta))."""
    return midpoint(lambda: (-log_sparsity(failure_probability)).log())


def best_pair(
    target: Target,
    densities: tuple[Fraction, ...],
    goal: float,
    start: Pair,
    smallest_above: Callable[[int, int], int | None],
    holds: Callable[[int, int], bool],
    *,
    price: float,
) -> Pair:
    """Look for the q_0 and q_1 of a target with one hidden layer whose total width is smallest.

    Parameters
    ----------
    target, densities
        A target of depth 2, and p_0..p_2.
    goal
        log(-log(1 - delta)).
    start
        A pair for which the law holds.
    smallest_above
        Smallest q_1 for which the law holds with this q_0, given a guess; ``None`` if it cannot be found.
    holds
        Whether the law holds for a pair.
    price
        Neurons of layer 0 per copy of an input: d if layer 0 is dense.
    """
    kinds, hidden = read_neurons(target, 1), target.widths[1]
    estimate = _Estimate(kinds, log_miss(densities[1]), log_miss(densities[2]))

    def total(pair: Pair) -> float:
        return price * pair[0] + hidden * pair[1]

    low, high, best = 1, max(1, int(total(start) / price)), start
    if high * max(1, len(kinds)) > _ALL_AT_ONCE:
        near = _narrowed(estimate, goal, start, high, price, hidden)
        found = smallest_above(*near)
        if found is not None and total((near[0], found)) < total(best):
            best = near[0], found
        if max(best) > _LARGEST:
            return best
        low, high = max(1, best[0] - _SOME), best[0] + _SOME
    first = np.arange(low, high + 1, dtype=np.float64)
    for _ in range(_MOST_ASKED):
        first, second, slack = _unsettled(estimate, goal, first, total(best), price, hidden)
        if not first.size:
            break
        winner = int(np.argmax(slack))
        copies, most = int(first[winner]), int(second[winner])
        if slack[winner] >= 0 or holds(copies, most):
            found = smallest_above(copies, estimate.guess(copies, most, goal))
            if found is not None and total((copies, found)) < total(best):
                best = copies, found
        first = np.delete(first, winner)
    return best


def _unsettled(
    estimate: _Estimate, goal: float, first: Floats, best: float, price: float, hidden: int
) -> tuple[Floats, Floats, Floats]:
    """Keep the q_0 with which a smaller total is not ruled out, each with q_1 and the slack of Jensen's bound."""
    second = np.ceil((best - price * first) / hidden) - 1
    first, second = first[second >= 1], second[second >= 1]
    slack = goal - estimate.upper(first, second)
    kept = (slack >= 0) | (estimate.lower(first, second) <= goal + 1e-9 * max(1.0, abs(goal)))
    return first[kept], second[kept], slack[kept]


def _narrowed(estimate: _Estimate, goal: float, start: Pair, high: int, price: float, hidden: int) -> Pair:
    """Find the best q_0 among some thousands, then among those around it, by Jensen's bound alone."""
    low, best, least = 1, start, float(price * start[0] + hidden * start[1])
    while True:
        stride = -(-(high - low + 1) // _SOME)
        first = low + stride * np.arange(_SOME, dtype=np.float64)
        for _ in range(_MOST_ASKED):
            second = np.ceil((least * (1 - 1e-9) - price * first) / hidden) - 1
            first, second = first[second >= 1], second[second >= 1]
            slack = goal - estimate.upper(first, second)
            first, second, slack = first[slack >= 0], second[slack >= 0], slack[slack >= 0]
            if not first.size:
                break
            winner = int(np.argmax(slack))
            copies = int(first[winner])
            best = copies, estimate.guess(copies, int(second[winner]), goal)
            least = min(least, price * best[0] + hidden * best[1])
            first = np.delete(first, winner)
        if stride == 1:
            return best
        low, high = max(1, best[0] - 2 * stride), best[0] + 2 * stride


@dataclass(frozen=True)
class _Estimate:
    """Bounds on log(-log P_drop) in double precision."""

    kinds: Fans
    into: float  # log(1 - p_1)
    out: float  # log(1 - p_2)

    def upper(self, first: Floats, second: Floats) -> Floats:
        """Jensen's inequality: E[(1 - r^G)^c] >= (1 - (1 - p_2 g)^q_1)^c."""
        total = np.full(first.shape, -np.inf)
        for fan_in, fan_out, count in self.kinds:
            term = second * self._log_none(first, fan_in, 1)
            total = np.logaddexp(total, math.log(count) + math.log(fan_out) + _log_loss(term))
        return total

    def lower(self, first: Floats, second: Floats) -> Floats:
        """Partial sums of the alternating series, and a single reader."""
        total = np.full(first.shape, -np.inf)
        for fan_in, fan_out, count in self.kinds:
            lead = second * self._log_none(first, fan_in, 1)
            sums, best = np.ones(first.shape), np.full(first.shape, 1 / fan_out)
            coefficient, usable = 1.0, np.ones(first.shape, dtype=np.bool_)
            for order in range(2, min(fan_out, _ORDERS) + 1):
                coefficient *= (fan_out - order + 1) / order
                with np.errstate(invalid="ignore", over="ignore"):
                    term = coefficient * np.exp(second * self._log_none(first, fan_in, order) - lead)
                usable &= term < 1000  # beyond, partial sums cancel
                sums = np.where(usable, sums - term if order % 2 == 0 else sums + term, sums)
                if order % 2 == 0 or order == fan_out:
                    best = np.where(usable, np.maximum(best, sums), best)
            failure = lead + math.log(fan_out) + np.log(best)
            total = np.logaddexp(total, math.log(count) + _log_loss(np.minimum(failure, 0.0)))
        return total

    def guess(self, first: int, most: int, goal: float) -> int:
        """Smallest q_1 that Jensen's inequality allows, at most `most`."""
        low, high = 0, most
        at = np.array([float(first)])
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.upper(at, np.array([float(middle)]))[0] <= goal else (middle, high)
        return high

    def _log_none(self, first: Floats, fan_in: int, order: int) -> Floats:
        """log(1 - g (1 - (1 - p_2)^i)): a copy is bad, or not read by any of i readers."""
        with np.errstate(divide="ignore"):  # copies that are certainly bad, or certainly read
            log_good = fan_in * np.log1p(-np.exp(first * self.into)) if fan_in else np.zeros(first.shape)
            hit = np.exp(log_good) * -math.expm1(order * self.out)
            many = np.log(-np.expm1(log_good) + np.exp(log_good) * math.exp(order * self.out))
            return np.where(hit < 0.5, np.log1p(-np.minimum(hit, 0.5)), many)


def _log_loss(log_failure: Floats) -> Floats:
    """log(-log(1 - x)) from log x."""
    with np.errstate(divide="ignore"):
        return np.where(log_failure < -37, log_failure, np.log(-np.log1p(-np.exp(np.maximum(log_failure, -37)))))


def log_miss(density: Fraction) -> float:
    """Estimate log(1 - p)."""
    return -math.inf if density == 1 else midpoint(lambda: log_sparsity(density))
