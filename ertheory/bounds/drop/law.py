"""How likely a mask contains the construction that drops bad copies.

Theorems 2.1 and 2.2 ask that every copy of a target neuron find an edge to a copy of each neuron that it reads. Here
copies that do not are left out. With layer 0 alive, a copy of neuron j of target layer 1 is good with probability
g_j = (1 - (1 - p_1)^{q_0})^{k_j}, where k_j is its fan-in, and its neuron has G_j ~ Bin(q_1, g_j) good ones. With one
hidden layer and fan-outs c_j,

    P_drop = prod_j E[(1 - (1 - p_2)^{G_j})^{c_j}].

Deeper, thresholds t_1..t_{L-2} say how many good copies every neuron that is read must have. Given t_{l-1} good copies
of every neuron below (t_0 = q_0), the copies of neuron j in layer l are good independently, each with probability
g_lj = (1 - (1 - p_l)^{t_{l-1}})^{k_lj} or more. Hence, for any thresholds,

    P >= prod_{l=1}^{L-2} prod_j P(Bin(q_l, g_lj) >= t_l)  prod_j E[(1 - (1 - p_L)^G)^{c_j}]

with G ~ Bin(q_{L-1}, g_{L-1,j}). All this needs copies that fail independently, so layer 0 must be dense or matched.
Copies that share preassigned neurons of a masked layer 0 also share the dead ones among them.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import lru_cache
from itertools import repeat
from math import comb

from ertheory.bounds.blocks.laws import Law
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Layer, Target
from ertheory.numbers import (
    Ball,
    below,
    ends,
    exp_complement,
    expectation,
    hull,
    log_complement,
    log_some,
    log_sparsity,
    lower_tail,
    working_precision,
)

__all__ = ["LONGEST_TAIL", "Fans", "exact_drop", "log_drop", "read_neurons", "unmet"]

Fans = tuple[tuple[int, int, int], ...]

_MOST_ORDERS = 256  # of the alternating sum
_LONGEST_SUM = 20_000  # copies up to which the law is summed copy by copy
LONGEST_TAIL = 10**9  # copies up to which thresholds are counted on
_LONGEST_POWER = 20_000
_SMALLEST_EXPONENT = -10_000  # binary; smaller chances are put at 0 where a rational is made of them


@lru_cache(maxsize=64)
def read_neurons(target: Target, layer: int) -> Fans:
    """Fan-in, fan-out and number of the neurons of target layer 1..L-1 that are read by the next layer.

    Examples
    --------
    >>> read_neurons(Target.from_arrays([[[1, 1], [0, 1]], [[1, 0], [1, 0]]]), 1)
    ((2, 2, 1),)
    """
    below, above = target.layers[layer - 1 : layer + 1]
    fan_in, fan_out = _full(below.row_nonzeros, below.inputs, below), _full(above.column_nonzeros, above.outputs, above)
    if isinstance(fan_in, int) and isinstance(fan_out, int):
        return ((fan_in, fan_out, below.outputs),)
    pairs = zip(
        repeat(fan_in) if isinstance(fan_in, int) else fan_in,
        repeat(fan_out) if isinstance(fan_out, int) else fan_out,
        strict=False,  # one of them may go on for ever
    )
    counts = Counter(pair for pair in pairs if pair[1])
    return tuple((k, c, counts[k, c]) for k, c in sorted(counts))


def _full(counts: tuple[int, ...] | None, others: int, layer: Layer) -> tuple[int, ...] | int:
    return others * layer.entries_per_pair if counts is None else counts


def log_drop(
    target: Target,
    densities: tuple[Fraction, ...],
    factors: tuple[int, ...],
    thresholds: tuple[int, ...] = (),
) -> Ball:
    """Enclose the logarithm of the law (one hidden layer) or of its lower bound (deeper), layer 0 alive.

    Parameters
    ----------
    target
        Target of depth L.
    densities
        p_0..p_L; p_0 is not used.
    factors
        q_0..q_L.
    thresholds
        t_1..t_{L-2}, each at least 1; none up to depth 2.

    Raises
    ------
    InfeasibleWidth
        If a sum is too long.

    Examples
    --------
    >>> from math import exp
    >>> from ertheory.numbers import enclose
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> law = enclose(lambda: log_drop(Target.from_text("4-8-3"), half, (5, 9, 1)))
    >>> round(exp(law[0]), 4)
    0.8791
    """
    if target.depth == 1:
        return Law(target, densities, "dense").log_layer(0, factors[0], 1)
    total = Ball(0)
    sources = (factors[0], *thresholds)
    for layer in range(1, target.depth):
        for fan_in, fan_out, count in read_neurons(target, layer):
            good, bad = _chances(densities[layer], sources[layer - 1], fan_in)
            if layer < target.depth - 1:
                failure = _too_few(factors[layer], thresholds[layer - 1], good)
            else:
                failure = unmet(factors[layer], good, bad, densities[layer + 1], fan_out)
            total += count * log_complement(failure)
    return total


def _chances(density: Fraction, sources: int, fan_in: int) -> tuple[Ball, Ball]:
    """Enclose g and 1 - g, each with its own relative precision."""
    if density == 1 or fan_in == 0:
        return Ball(1), Ball(0)
    log_good = fan_in * log_some(density, sources)
    return log_good.exp(), exp_complement(log_good)


def _too_few(copies: int, threshold: int, good: Ball) -> Ball:
    if copies > LONGEST_TAIL:
        msg = f"the thresholds of a deep target are summed up to {LONGEST_TAIL} copies of a neuron only"
        raise InfeasibleWidth(msg)
    return lower_tail(copies, threshold - 1, good)


def unmet(copies: int, good: Ball, bad: Ball, density: Fraction, fan_out: int) -> Ball:
    """Enclose 1 - E[(1 - (1 - p)^G)^c] for G ~ Bin(q, g): some reader of a neuron finds no good copy of it.

    Parameters
    ----------
    copies
        q >= 1.
    good, bad
        g and 1 - g.
    density
        p in (0, 1].
    fan_out
        c >= 1.

    Notes
    -----
    Given G, the c readers fail independently, so by inclusion and exclusion the probability is

        sum_{i=1}^{c} (-1)^{i+1} C(c, i) (1 - g (1 - (1 - p)^i))^q,

    whose partial sums lie above and below the truth in turn. Where they do not close in, the terms are summed over G.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> low, high = enclose(lambda: unmet(3, Ball(1), Ball(0), Fraction(1, 2), 2))
    >>> low <= Fraction(15, 64) <= high
    True
    """
    if density == 1:
        return bad**copies if bad > 0 else below(bad.upper() ** copies)
    log_miss = log_sparsity(density)
    low, high = Ball(0), Ball(1)
    total, coefficient = Ball(0), 1
    for order in range(1, min(fan_out, _MOST_ORDERS) + 1):
        coefficient = coefficient * (fan_out - order + 1) // order
        hit = good * exp_complement(order * log_miss)
        if 2 * hit < 1:
            log_none = log_complement(hit)
        else:
            log_none = (bad + good * (order * log_miss).exp()).log()
        term = coefficient * (copies * log_none).exp()
        total = total + term if order % 2 else total - term
        if order % 2 or order == fan_out:
            high = min(high, total.upper())
        if not order % 2 or order == fan_out:
            low = max(low, total.lower())
        if (high - low) * 2 ** (working_precision() // 2) < low:
            return hull(low, high)
    if copies > _LONGEST_SUM:
        return hull(low, high)
    return _summed(copies, bad, density, fan_out)


def _summed(copies: int, bad: Ball, density: Fraction, fan_out: int) -> Ball:
    def loss(alive: int) -> Ball:
        if alive == 0:
            return Ball(1)
        return exp_complement(fan_out * log_some(density, alive))

    def at(chance: Fraction) -> Ball:
        return expectation(copies, chance, loss) if chance else Ball(1)

    # More good copies never hurt, so the two ends of g enclose the rest.
    low, high = _probabilities(bad)
    return hull(at(1 - low).lower(), at(1 - high).upper())


def _probabilities(chance: Ball) -> tuple[Fraction, Fraction]:
    if chance < Ball(2) ** _SMALLEST_EXPONENT:
        return Fraction(0), Fraction(1, 2**-_SMALLEST_EXPONENT)
    low, high = ends(chance)
    return max(Fraction(0), low), min(Fraction(1), high)


def exact_drop(
    target: Target, densities: tuple[Fraction, ...], factors: tuple[int, ...], thresholds: tuple[int, ...] = ()
) -> Fraction | None:
    """Give what `log_drop` encloses as an exact rational where that is short enough to write down, to settle ties.

    Examples
    --------
    >>> exact_drop(Target.from_text("1-1-1"), (Fraction(1),) * 2 + (Fraction(1, 2),), (1, 3, 1))
    Fraction(7, 8)
    """
    if target.depth == 1:
        return Law(target, densities, "dense").exact_layer(0, factors[0], 1)
    sources = (factors[0], *thresholds)
    product = Fraction(1)
    for layer in range(1, target.depth):
        copies, below = factors[layer], sources[layer - 1]
        for fan_in, fan_out, count in read_neurons(target, layer):
            if count * copies * (below * fan_in + fan_out) > _LONGEST_POWER:
                return None
            good = (1 - (1 - densities[layer]) ** below) ** fan_in
            masses = [comb(copies, alive) * good**alive * (1 - good) ** (copies - alive) for alive in range(copies + 1)]
            if layer < target.depth - 1:
                product *= sum(masses[thresholds[layer - 1] :], Fraction(0)) ** count
            else:
                miss = 1 - densities[layer + 1]
                product *= sum(mass * (1 - miss**alive) ** fan_out for alive, mass in enumerate(masses)) ** count
    return product
