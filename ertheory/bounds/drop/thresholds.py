"""Where `drop` looks for the widths and thresholds of deeper targets, in double precision.

Layer l fails if some neuron has fewer than t_l good copies, given t_{l-1} of every neuron below. With equal shares of
the failure for all layers, q_0 = t_0 and t_1..t_{L-2} decide the widths; they are moved one after another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from ertheory.bounds.descent import coordinate_descent
from ertheory.bounds.drop.law import Fans, read_neurons
from ertheory.bounds.drop.pairs import log_miss
from ertheory.networks.target import Target

__all__ = ["best_thresholds", "threshold_design"]

_FEW_KINDS = 8
_LARGEST = 2**62


@dataclass(frozen=True)
class _Stages:
    """Estimated log failure of each layer of hidden copies, given the good copies below."""

    kinds: tuple[Fans, ...]  # of layers 1..L-1
    misses: tuple[float, ...]  # log(1 - p_1)..log(1 - p_L)

    @classmethod
    def of(cls, target: Target, densities: tuple[Fraction, ...]) -> _Stages:
        kinds = tuple(_coarse(read_neurons(target, layer)) for layer in range(1, target.depth))
        return cls(kinds, tuple(log_miss(density) for density in densities[1:]))

    def log_failure(self, layer: int, sources: int, copies: int, threshold: int) -> float:
        """Of layer 1..L-2: some neuron has fewer good copies than its threshold; of layer L-1, which has none."""
        logs = []
        for fan_in, fan_out, count in self.kinds[layer - 1]:
            log_good = fan_in * _log1mexp(sources * self.misses[layer - 1]) if fan_in else 0.0
            if layer < len(self.kinds):
                logs.append(math.log(count) + _log_tail(copies, log_good, threshold))
            else:
                log_none = _log1mexp(log_good + _log1mexp(self.misses[layer]))
                logs.append(math.log(count) + math.log(fan_out) + copies * log_none)
        return _log_sum(logs)

    def copies(self, layer: int, sources: int, threshold: int, share: float) -> int:
        """Fewest copies for which the estimate stays below a share of the failure."""
        low, high = threshold - 1, max(1, threshold)
        while self.log_failure(layer, sources, high, threshold) > share:
            low, high = high, 2 * high
            if high > _LARGEST:
                return high
        while high - low > 1:
            middle = (low + high) // 2
            fits = self.log_failure(layer, sources, middle, threshold) <= share
            low, high = (low, middle) if fits else (middle, high)
        return high


def threshold_design(
    target: Target, densities: tuple[Fraction, ...], goal: float, *, price: float
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose q_0..q_L and t_1..t_{L-2} for a target of depth 3 or more: a good design, not certainly the best one.

    Parameters
    ----------
    target, densities, goal, price
        They are as for `best_pair`.
    """
    stages = _Stages.of(target, densities)
    depth, share = target.depth, goal - math.log(target.depth - 1)

    @cache
    def copies(layer: int, sources: int, threshold: int) -> int:
        return stages.copies(layer, sources, threshold, share)

    def factors(levels: tuple[int, ...]) -> tuple[int, ...]:
        above = (copies(layer, levels[layer - 1], (*levels, 1)[layer]) for layer in range(1, depth))
        return (levels[0], *above, 1)

    def total(levels: tuple[int, ...]) -> float:
        found = factors(levels)
        return price * found[0] + sum(n * q for n, q in zip(target.widths[1:-1], found[1:-1], strict=True))

    start = tuple(_sources_for(stages, layer) for layer in range(1, depth))
    levels = coordinate_descent(total, start, finest=0.002)
    return factors(levels), levels[1:]


def best_thresholds(target: Target, densities: tuple[Fraction, ...], factors: tuple[int, ...]) -> tuple[int, ...]:
    """Choose t_1..t_{L-2} for given q_0..q_L; any choice gives a valid bound.

    Examples
    --------
    >>> half = (Fraction(1),) + (Fraction(1, 2),) * 3
    >>> best_thresholds(Target.from_text("4-5-5-3"), half, (6, 14, 12, 1))
    (9,)
    """
    stages = _Stages.of(target, densities)
    levels = [factors[0], *(max(1, factors[layer] // 2) for layer in range(1, target.depth - 1))]

    def value(place: int, threshold: int) -> float:
        own = stages.log_failure(place, levels[place - 1], factors[place], threshold)
        after = (*levels, 1)[place + 1]
        return _log_sum([own, stages.log_failure(place + 1, threshold, factors[place + 1], after)])

    for _ in range(4):
        before = list(levels)
        for place in range(1, target.depth - 1):
            low, high = 1, factors[place]
            while high - low > 2:  # the failure falls, then rises
                left, right = low + (high - low) // 3, high - (high - low) // 3
                low, high = (low, right) if value(place, left) <= value(place, right) else (left, high)
            levels[place] = min(range(low, high + 1), key=lambda t, place=place: value(place, t))  # type: ignore[misc]
        if levels == before:
            break
    return tuple(levels[1:])


def _sources_for(stages: _Stages, layer: int) -> int:
    """Good copies below that make a copy in this layer good with probability 0.85."""
    fan_in, miss = max(kind[0] for kind in stages.kinds[layer - 1] or ((1, 1, 1),)), stages.misses[layer - 1]
    if not fan_in or miss == -math.inf or miss == 0:
        return 1
    return max(1, min(_LARGEST, math.ceil(_log1mexp(math.log(0.85) / fan_in) / miss)))


def _coarse(kinds: Fans) -> Fans:
    """Put all neurons on the largest fan-in and the mean fan-out where there are many kinds of them."""
    if len(kinds) <= _FEW_KINDS:
        return kinds
    number = sum(count for _, _, count in kinds)
    readers = sum(fan_out * count for _, fan_out, count in kinds)
    return ((max(fan_in for fan_in, _, _ in kinds), -(-readers // number), number),)


def _log_tail(copies: int, log_good: float, threshold: int) -> float:
    """log P(Bin(q, g) < t)."""
    if threshold > copies:
        return 0.0
    if log_good == 0:
        return -math.inf
    count = threshold - 1
    log_bad = _log1mexp(log_good)
    if count >= copies * math.exp(log_good):
        return 0.0  # above the mean: of no use
    log_mass = math.lgamma(copies + 1) - math.lgamma(count + 1) - math.lgamma(copies - count + 1)
    log_mass += count * log_good + (copies - count) * log_bad
    odds, term, total = math.exp(log_bad - log_good), 1.0, 1.0
    while count and term > 1e-12 * total:
        term *= odds * count / (copies - count + 1)
        total += term
        count -= 1
    return min(0.0, log_mass + math.log(total))


def _log1mexp(value: float) -> float:
    """log(1 - e^y) for y <= 0."""
    if value >= 0:
        return -math.inf
    return math.log(-math.expm1(value)) if value > -0.7 else math.log1p(-math.exp(value))


def _log_sum(logs: list[float]) -> float:
    top = max(logs, default=-math.inf)
    return top if math.isinf(top) else top + math.log(sum(math.exp(value - top) for value in logs))
