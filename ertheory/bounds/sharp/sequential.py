r"""The sequential greedy: outputs served one after another by neurons that no target neuron has claimed yet.

Setting. The last hidden source layer has N neurons, and each is adjacent to each of R consumers (the outputs, or pairs
of an output and a filter tap) with probability p, independently; r = 1 - p. A neuron copies at most one of n target
neurons, its class. Consumer t needs an adjacent neuron of every class in a set D_t.

Construction. At first no neuron has a class. For t = 1..R in turn, M_t is the number of classes of D_t that have no
neuron adjacent to t. The M_t adjacent neurons of smallest index that are without a class get these classes, one each.
If there are fewer than M_t of them, the construction fails.

Theorem. Let a_j(0) = 0 for j = 1..n be n independent chains; at step t, if j is in D_t, chain j rises by 1 with
probability r^{a_j(t-1)} and stays otherwise. Let U_t = sum_j a_j(t), and let M_t be the number of chains that rise at
step t. Then

    P(failure) <= sum_{t=1}^{R} E[ P(Bin(max(N - U_{t-1}, 0), p) < M_t | U_{t-1}, M_t) ],

and with probability at least 1 minus the right-hand side the construction succeeds and U_R neurons have a class.

Proof. Let a_j(t) be the number of neurons of class j after consumer t. Which neurons have which class by then is a
function of the edges to consumers 1..t, so given these the edges to t + 1 are still independent with probability p.
Class j of D_{t+1} has no neuron adjacent to t + 1 with probability r^{a_j}, independently of the other classes, whose
neurons are different ones. If it has none it gains one neuron, else none. So up to the first failure the sizes move as
the chains do; let the chains go on by coins of their own after it. The N - U_t neurons without a class are different
from all those, so given the past and M_{t+1} the number of them adjacent to t + 1 is Bin(N - U_t, p). Hence

    P(first failure at t + 1) = E[1{no failure before} P(Bin(N - U_t, p) < M_{t+1})],

which does not become smaller without the indicator; where U_t > N, which cannot happen before a failure, no neuron is
left and the term is P(0 < M_{t+1}). Sum over t. Before a failure the used neurons number U_R.  QED

U_{t-1} and M_t are dependent (classes of many neurons rise rarely), so their joint law is used: given that m of the
chains rise, U_{t-1} is a sum of m independent variables with the law of a chain that rises and n - m with that of one
that stays. It does not suffice to choose the neurons with regard to edges to later consumers: these would not be
independent any more.

Where the joint law is too long, a weaker bound stands in. Markov's inequality for r^{-U} bounds U_{R-1}:
E[r^{-a(t+1)} | a(t)] = r^{-a(t)} (1 - r^a + r^{a-1}) with a = a(t), which is r^{-a(t)} + p / r, so that
E[r^{-U_t}] = (1 + t p / r)^n by independence, and P(U_{R-1} > u) <= (1 + (R - 1) p / r)^n r^{u + 1}. With N - u for
N - U_{t-1}, only the law of M_t remains, which is Bin(n, E[r^{a(t-1)}]).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.bounds.sharp.chains import LOSS, added, chain, powers, split
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import (
    Ball,
    Bounds,
    Floats,
    Masses,
    ball,
    binomial_masses,
    bounds,
    convolve,
    decided,
    enclose,
    log_fraction,
    log_sparsity,
    near_zero,
    probability,
    smallest,
)

__all__ = ["Stage", "dense_stages", "sequential_failure", "sequential_used", "sequential_width", "stages_of"]

# Of a consumer: how many classes have been through so many steps, and whether the consumer needs them.
Stage = tuple[tuple[int, bool, int], ...]
Stages = tuple[Stage, ...]

_NEVER = 1e-250  # chances of a rise below this are among what is left out
_MOST_CLASSES = 1_000
_LONGEST = 10_000  # classes times consumers, up to which the joint law is summed
_MOST_CONSUMERS = 4_000
_LEVELS = range(4, 120, 4)  # -log of what Markov's inequality leaves


def dense_stages(classes: int, consumers: int) -> Stages:
    """Every consumer needs every class.

    Examples
    --------
    >>> dense_stages(3, 2)
    (((0, True, 3),), ((1, True, 3),))
    """
    return tuple(((step, True, classes),) for step in range(consumers))


def stages_of(needs: Sequence[Sequence[bool]]) -> Stages:
    """Count the classes of every consumer by how many earlier consumers needed them.

    Parameters
    ----------
    needs
        Whether consumer t needs class j, shape (consumers, classes).

    Examples
    --------
    >>> stages_of([[True, False], [True, True]])
    (((0, False, 1), (0, True, 1)), ((0, True, 1), (1, True, 1)))
    """
    pattern = np.asarray(needs, dtype=bool)
    steps = np.zeros(pattern.shape[1], dtype=np.int64)
    found = []
    for row in pattern:
        counted = Counter(zip(steps.tolist(), row.tolist(), strict=True))
        found.append(tuple((step, needed, counted[step, needed]) for step, needed in sorted(counted)))
        steps += row
    return tuple(found)


def sequential_failure(stages: Stages, neurons: int, density: Fraction) -> Bounds:
    """Enclose the bound on the probability that the construction fails.

    Parameters
    ----------
    stages
        What the consumers need, as `dense_stages` or `stages_of` count it.
    neurons
        N >= 0.
    density
        p in (0, 1].

    Returns
    -------
    tuple
        Rationals below and above the sum of the theorem; the upper one also covers what was left out, and is at most 1.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If a sum is too long.

    Examples
    --------
    >>> low, high = sequential_failure(dense_stages(1, 1), 3, Fraction(1, 2))
    >>> low < Fraction(1, 8) < high < Fraction(1, 8) + Fraction(1, 10**10)
    True
    """
    probability("density", density, one=True)
    if neurons < 0:
        raise InvalidInput("neurons", "a number of at least 0", neurons)
    if density == 1:  # one neuron for every class that is needed at all
        classes = sum(count for step, needed, count in stages[-1] if step or needed) if stages else 0
        return (Fraction(0), Fraction(0)) if neurons >= classes else (Fraction(1), Fraction(1))
    if _is_long(stages):
        return _closed_failure(stages, neurons, density)
    return _joint_failure(stages, neurons, density)


def sequential_used(stages: Stages, density: Fraction) -> Masses:
    """Law of U_R, how many neurons have a class in the end; at most 1e-50 of it is left out.

    Examples
    --------
    >>> sequential_used(dense_stages(1, 2), Fraction(1, 2)).values.tolist()
    [0.5, 0.5]
    """
    final: Counter[int] = Counter()
    for step, needed, count in stages[-1] if stages else ():
        final[step + needed] += count
    total = Masses(0, np.ones(1), 0)
    for steps, count in final.items():
        total = convolve(total, powers(chain(density, steps), count)[count])
    return total


def sequential_width(stages: Stages, density: Fraction, failure_probability: Fraction) -> tuple[int, int]:
    """Smallest N for which the bound on the failure is at most a given probability.

    Returns
    -------
    tuple
        N, and the bits of `decided` for N and N - 1.

    Examples
    --------
    >>> sequential_width(dense_stages(128, 10), Fraction(1, 10), Fraction(1, 2000))[0]
    1850
    """
    needed = max((sum(count for _, needed, count in stage if needed) for stage in stages), default=0)
    start = max(needed, math.ceil(needed / density))

    def log_excess(neurons: int) -> Ball:
        return Ball(float(sequential_failure(stages, neurons, density)[1])).log() - ball(failure_probability).log()

    # From twice as many neurons, where the bound is below 1 and its logarithm nearly straight.
    guess = near_zero(log_excess, 2 * start, least=start)
    return smallest(
        lambda neurons: decided(sequential_failure(stages, neurons, density), failure_probability), guess, least=needed
    )


def _is_long(stages: Stages) -> bool:
    classes = sum(count for _, _, count in stages[-1]) if stages else 0
    return classes > _MOST_CLASSES or classes * len(stages) > _LONGEST


def _lost(stages: Stages) -> float:
    """At most this much is left out: two ends of a law at every step of every chain, and of every sum of chains."""
    return 4 * LOSS * sum(count * (step + 2) for stage in stages for step, _, count in stage)


@lru_cache(maxsize=256)  # one search after another asks for the same widths
def _joint_failure(stages: Stages, neurons: int, density: Fraction) -> Bounds:
    """Enclose the sum of the theorem."""
    joint, taken = _joint_sum(stages, density)
    total, roundings = _too_few(joint, neurons, density)
    low, high = bounds(total, taken + roundings, _lost(stages))
    return low, min(high, Fraction(1))


@lru_cache(maxsize=8)
def _joint_sum(stages: Stages, density: Fraction) -> tuple[Floats, int]:
    """Sum P(U_{t-1} = u, M_t = m) over the consumers t, and say how many roundings that took.

    No more of the laws is needed: a consumer fails given u and m with a probability that does not depend on t. Shape
    (u, m), from 0 up to the largest ones.
    """
    laws = [(demand, law) for stage in stages for demand, law in _joint_law(stage, density).items()]
    spent, most = (max(values, default=0) for values in ((law.last for _, law in laws), (demand for demand, _ in laws)))
    total = np.zeros((spent + 1, most + 1))
    for demand, law in laws:
        total[law.first : law.last + 1, demand] += law.values
    total.setflags(write=False)
    return total, max((law.roundings for _, law in laws), default=0) + len(stages)


def _joint_law(stage: Stage, density: Fraction) -> dict[int, Masses]:
    rows = {0: Masses(0, np.ones(1), 0)}
    for steps, needed, count in stage:
        law = chain(density, steps)
        groups = _risen(law, count, density) if needed else {0: powers(law, count)[count]}
        products: dict[int, list[Masses]] = {}
        for demand, first in rows.items():
            for more, second in groups.items():
                products.setdefault(demand + more, []).append(convolve(first, second))
        rows = {demand: added(parts) for demand, parts in products.items()}
    return rows


def _risen(law: Masses, count: int, density: Fraction) -> dict[int, Masses]:
    """Masses of the sum of `count` chains of a law before a step at which m of them rise, for every m."""
    if law.last == 0:
        return {count: Masses(0, np.ones(1), 0)}
    rising, staying, taken = split(law, density)
    up, down = float(rising.sum()), float(staying.sum())
    taken = 2 * (taken + len(rising)) + 1
    if up < _NEVER:
        return {0: powers(Masses(law.first, staying / down, taken), count)[count]}
    rose = powers(Masses(law.first, rising / up, taken), count)
    stayed = powers(Masses(law.first, staying / down, taken), count)
    weights = binomial_masses(count, up / down, roundings=taken).trimmed(LOSS)
    rows = {}
    for demand in range(weights.first, weights.last + 1):
        used = convolve(rose[demand], stayed[count - demand])
        weight = weights.values[demand - weights.first]
        rows[demand] = Masses(used.first, used.values * weight, used.roundings + weights.roundings + 1)
    return rows


def _too_few(joint: Floats, neurons: int, density: Fraction) -> tuple[float, int]:
    """Sum joint[u, m] P(Bin(max(N - u, 0), p) < m) over all u and m, and say how many roundings that took.

    Since P(Bin(T + 1, p) < m) = p P(Bin(T, p) < m - 1) + (1 - p) P(Bin(T, p) < m), the factors of the tails of T + 1
    become factors of those of T. So only the tails for the fewest free neurons are needed, and no table of all.
    """
    chance, miss = float(density), float(1 - density)
    fewest = max(0, neurons - len(joint) + 1)
    factors, moved = np.zeros(joint.shape[1]), np.empty(joint.shape[1] - 1)
    for row in joint[: neurons - fewest + 1]:
        np.multiply(factors[1:], chance, out=moved)
        factors *= miss
        factors[:-1] += moved
        factors += row
    factors += joint[neurons - fewest + 1 :].sum(axis=0)  # more than all are used: no neuron is free
    masses = binomial_masses(fewest, float(density / (1 - density)))
    below = np.concatenate([[0.0], np.cumsum(masses.values)])
    tails = below[np.clip(np.arange(len(factors)) - masses.first, 0, len(masses.values))]
    # Four roundings a row: the constant, its product, and two sums.
    taken = 4 * len(joint) + masses.roundings + len(masses.values) + len(factors) + 1
    return float(factors @ tails), taken


def _closed_failure(stages: Stages, neurons: int, density: Fraction) -> Bounds:
    """Enclose the weaker bound, with the best of some values of u."""
    if len(stages) > _MOST_CONSUMERS:
        raise InfeasibleWidth(f"the sequential construction is evaluated up to {_MOST_CONSUMERS} consumers")
    classes = sum(count for _, _, count in stages[-1])
    blocks = _demand_masses(stages, density)
    best = Fraction(1), Fraction(1)
    for level in _LEVELS:
        parts = [_closed_block(demands, (classes, steps, level), neurons, density) for steps, demands in blocks]
        low, high = (sum(ends, start=Fraction(0)) for ends in zip(*parts, strict=True))
        best = min(best[0], low), min(best[1], high + Fraction(_lost(stages)))
        if high >= 1:
            break
    return best


def _closed_block(demands: Masses, spent: tuple[int, int, int], neurons: int, density: Fraction) -> Bounds:
    """Enclose what consumers contribute that find at most so many steps done, with u chosen by the level."""
    classes, steps, level = spent
    used, over = 0, (Fraction(0), Fraction(0))
    if steps:
        odds = density / (1 - density)
        used = math.ceil((classes * math.log1p(steps * float(odds)) + level) / -log_fraction(1 - density))
        over = enclose(
            lambda: (classes * (1 + steps * ball(odds)).log() + (used + 1) * log_sparsity(density)).exp(),
            digits=6,
        )
    masses = binomial_masses(max(0, neurons - used), float(density / (1 - density)))
    below = np.concatenate([[0.0], np.cumsum(masses.values)])
    short = below[np.clip(np.arange(demands.first, demands.last + 1) - masses.first, 0, len(masses.values))]
    low, high = bounds(
        float(demands.values @ short), demands.roundings + masses.roundings + len(below) + len(demands.values)
    )
    return low + over[0], high + over[1]


@lru_cache(maxsize=8)
def _demand_masses(stages: Stages, density: Fraction) -> list[tuple[int, Masses]]:
    """Sum P(M_t = m) over blocks of consumers, each with the most steps that one of the block has behind it.

    The blocks grow by a quarter, which costs little: the bound on U grows with the logarithm of the number of steps.
    """
    blocks, start = [], 0
    while start < len(stages):
        stop = max(start + 1, start * 5 // 4)
        parts = [_demands(stage, density) for stage in stages[start:stop]]
        blocks.append((min(stop, len(stages)) - 1, added(parts)))
        start = stop
    return blocks


def _demands(stage: Stage, density: Fraction) -> Masses:
    """Law of M_t."""
    total = Masses(0, np.ones(1), 0)
    for steps, needed, count in stage:
        if not needed:
            continue
        law = chain(density, steps)
        if law.last == 0:
            total = convolve(total, Masses(count, np.ones(1), 0))
            continue
        rising, staying, taken = split(law, density)
        odds = float(rising.sum()) / float(staying.sum())
        more = binomial_masses(count, odds, roundings=2 * (taken + len(rising)) + 1)
        total = convolve(total, more.trimmed(LOSS))
    return total
