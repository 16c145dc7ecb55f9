"""What no choice of subset can do: lower bounds on the failure probability of the random subset sum problem.

Let z > epsilon, K ~ Bin(n, p) the number of live variables and x = z - epsilon.

dead
    Without a live variable there is the empty sum alone: P(fail) >= (1-p)^n, whatever the law. It is what is left for a
    law of which only a uniform part is known; sign is better for symmetric laws.
sign
    Without a live positive variable all sums are at most 0 < x: P(fail) >= (1 - p/2)^n. For all targets in [-z, z] at
    once, also one of the other sign is needed: P(fail) >= 2 (1 - p/2)^n - (1-p)^n.
range
    The largest sum is that of the live positive variables, which have to reach x. Given that there are j of them they
    are uniform on [0, 1], and P(U_1 + ... + U_j < x) = x^j / j! for x <= 1 (in general the Irwin-Hall law). A variable
    of the product law is at most its factor U[-1,1] if positive, so the same bound holds for it.
counting
    A sum of j variables hits [z - epsilon, z + epsilon] with probability r_j, so P(success) is at most
    E min(1, sum_{j=1}^K C(K, j) r_j). For uniforms r_j is read off the Irwin-Hall law. In general sums of symmetric
    unimodal variables are symmetric unimodal (Wintner): their density f falls on (0, oo), hence y f(y) <= P(0 < S <= y)
    <= 1/2 and r_j <= epsilon / (z - epsilon). For all targets in [-z, z] at once 2^K intervals of length 2 epsilon have
    to cover a length of 2 z, so the problem fails surely if 2^K epsilon < z.
exponential converse
    For U[-1,1]; see `ertheory.bounds.subset_sum.converse`.

All but the last are sums of positive rationals, evaluated in integers and rounded down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import islice, repeat
from math import comb, factorial

from ertheory.bounds.subset_sum.converse import converse
from ertheory.bounds.subset_sum.explicit import checked_variables
from ertheory.bounds.subset_sum.problem import LawLike, SubsetSum, UniformPart, read_problem
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Rational, enclose, log_sparsity, probability

__all__ = ["failure_lower", "lower_of", "n_necessary", "necessary_count", "quick_lower_of"]

_SCALE = 128  # bits kept of each term
_MOST_TERMS = 5_000
_MOST_LIVE = 400  # live variables that are counted
_MOST_EXACT = 64  # variables in a sum whose law is evaluated; beyond, its fractions are too long for what they gain
_HIT_BITS = 1_100  # of a probability of at least 2^-1000, roughly
_MOST_BLOCKS = 200  # targets beyond are not looked at by the Irwin-Hall law
_SMALLEST = Fraction(1, 2**3_000)  # probabilities below are given as 0
_LARGEST = 2**60


def failure_lower(
    n: int,
    *,
    density: Rational,
    epsilon: Rational,
    z: Rational = 1,
    uniform: bool = False,
    law: LawLike = "uniform",
) -> Fraction:
    """Bound the probability that no subset of the live variables comes within epsilon of z, from below.

    Parameters
    ----------
    n, density, epsilon, z, uniform, law
        They are as for `failure_upper`.

    Returns
    -------
    Fraction
        The largest of the bounds by sign, range, counting and the exponential converse, rounded down; (1-p)^n for a law
        of which only a uniform part is known. 0 where epsilon >= |z|.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> round(float(failure_lower(13, density=1, epsilon="0.1")), 6)  # more than 0.01: 14 variables are needed
    0.012984
    """
    return lower_of(read_problem(density=density, epsilon=epsilon, z=z, uniform=uniform, law=law), checked_variables(n))


def n_necessary(
    *,
    density: Rational,
    epsilon: Rational,
    failure_probability: Rational,
    z: Rational = 1,
    uniform: bool = False,
    law: LawLike = "uniform",
) -> int:
    """Find a number of variables below which the failure probability is certainly larger than delta.

    Returns
    -------
    int
        A necessary n: with n - 1 variables or fewer, `failure_lower` is above delta for some number at least as large.

    Examples
    --------
    >>> n_necessary(density="0.5", epsilon="0.01", failure_probability="0.01")
    32
    """
    problem = read_problem(density=density, epsilon=epsilon, z=z, uniform=uniform, law=law)
    return necessary_count(problem, probability("failure_probability", failure_probability))


def necessary_count(problem: SubsetSum, failure_probability: Fraction, *, least: int = 0) -> int:
    """Give a necessary number of variables; the search begins at `least`, which may be known to be necessary."""
    # The failure probability falls with n, so a lower bound above delta rules out all smaller n too.
    low, step = least - 1, 1
    while lower_of(problem, low + step) > failure_probability:
        low += step
        step *= 2
        if low > _LARGEST:
            msg = "more variables are needed than the lower bounds are evaluated for"
            raise InfeasibleWidth(msg)
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        if lower_of(problem, middle) > failure_probability:
            low = middle
        else:
            high = middle
    return high


def lower_of(problem: SubsetSum, variables: int) -> Fraction:
    """Bound the failure probability of a problem whose arguments were read already."""
    quick = quick_lower_of(problem, variables)
    if problem.trivial or problem.law != "uniform":
        return quick
    return max(quick, converse(problem.density, problem.epsilon, problem.z, variables))


def quick_lower_of(problem: SubsetSum, variables: int) -> Fraction:
    """Give the largest of the bounds that take no time: dead, or sign, range and counting."""
    if problem.trivial:
        return Fraction(0)
    if isinstance(problem.law, UniformPart):
        return _dead(problem, variables)
    return max(_sign(problem, variables), _range(problem, variables), _counting(problem, variables))


def _dead(problem: SubsetSum, variables: int) -> Fraction:
    if problem.density == 1:
        return Fraction(0 if variables else 1)
    return _power(problem.density, variables)


def _sign(problem: SubsetSum, variables: int) -> Fraction:
    none = _power(problem.density / 2, variables)
    if not problem.uniform or none == 0:
        return none
    both = problem.density
    dead = Fraction(0 if variables else 1) if both == 1 else _power(both, variables, up=True)
    return max(none, 2 * none - dead)


def _range(problem: SubsetSum, variables: int) -> Fraction:
    reach = problem.z - problem.epsilon
    if reach <= 1:
        shares: Iterator[Fraction] = _simplices(reach)
    elif reach <= _MOST_BLOCKS:
        shares = (_irwin_hall(j, reach) for j in range(_MOST_BLOCKS))
    else:
        shares = repeat(Fraction(1), int(reach))  # fewer variables than that cannot reach it
    return _mixture(variables, problem.density / 2, shares)


def _counting(problem: SubsetSum, variables: int) -> Fraction:
    covering = Fraction(0)
    if problem.uniform:
        ratio = problem.z / problem.epsilon
        most = int(ratio).bit_length() + 1
        sure = [Fraction(1) for live in range(most) if 2**live < ratio]
        covering = _mixture(variables, problem.density, iter(sure))
    misses = _misses(problem.epsilon, problem.z, problem.law == "uniform")
    return max(covering, _mixture(variables, problem.density, iter(misses)))


@lru_cache(maxsize=1024)
def _misses(epsilon: Fraction, z: Fraction, uniform: bool) -> tuple[Fraction, ...]:
    """1 - sum_j C(K, j) r_j for K = 0, 1, ..., rounded down, as long as it is positive."""
    most = epsilon / (z - epsilon)
    hits: list[Fraction] = []
    misses = [Fraction(1)]
    while len(hits) < _MOST_LIVE:
        count = len(hits) + 1
        hits.append(min(most, _irwin_hall_hit(epsilon, z, count)) if uniform and count <= _MOST_EXACT else most)
        miss = 1 - sum((comb(count, j) * hit for j, hit in enumerate(hits, start=1)), Fraction(0))
        if miss <= 0:
            break
        misses.append(miss)
    return tuple(misses)


def _irwin_hall_hit(epsilon: Fraction, z: Fraction, count: int) -> Fraction:
    """P(|S - z| <= epsilon) for the sum of `count` uniforms on [-1, 1], rounded up."""
    if z - epsilon >= count:
        return Fraction(0)
    low, high = ((count + end) / 2 for end in (z - epsilon, z + epsilon))
    hit = _irwin_hall(count, min(high, Fraction(count))) - _irwin_hall(count, low)
    return Fraction(-(-hit.numerator * 2**_HIT_BITS // hit.denominator), 2**_HIT_BITS)


def _simplices(reach: Fraction) -> Iterator[Fraction]:
    share, count = Fraction(1), 0
    for count in range(1, _MOST_TERMS + 1):
        yield share
        share = share * reach / count
        if share.denominator.bit_length() > 4 * _SCALE:  # round down, or the fractions grow without end
            bits = share.denominator.bit_length() - share.numerator.bit_length() + 2 * _SCALE
            share = Fraction((share.numerator << bits) // share.denominator, 1 << bits)


def _irwin_hall(count: int, reach: Fraction) -> Fraction:
    """P(U_1 + ... + U_j < x) for independent uniforms on [0, 1]."""
    if reach >= count:
        return Fraction(1)
    above = range(int(reach) + 1)
    return sum(((-1) ** k * comb(count, k) * (reach - k) ** count for k in above), Fraction(0)) / factorial(count)


def _mixture(variables: int, chance: Fraction, shares: Iterator[Fraction]) -> Fraction:
    """Bound sum_j P(Bin(n, chance) = j) share_j from below; what is left out is positive."""
    if chance == 1:
        return next(islice(shares, variables, None), Fraction(0))
    total, mass = 0, 1 << _SCALE  # in units of 2^-128 P(Bin = 0)
    largest = 0
    for count, share in enumerate(islice(shares, min(variables, _MOST_TERMS) + 1)):
        if count:
            ratio = (variables - count + 1) * chance.numerator, count * (chance.denominator - chance.numerator)
            mass = mass * ratio[0] // ratio[1]
        term = mass * share.numerator // share.denominator
        total += term
        if term < largest >> 64:
            break
        largest = max(largest, term)
    if total == 0:
        return Fraction(0)

    def value() -> Ball:
        return (variables * log_sparsity(chance) + Ball(total).log()).exp()

    return _rounded_down(value, _SCALE)


def _power(chance: Fraction, exponent: int, *, up: bool = False) -> Fraction:
    """(1 - chance)^exponent, rounded down (or up)."""
    if exponent * chance.denominator.bit_length() <= 4_000:
        return (1 - chance) ** exponent
    return _rounded_down(lambda: (exponent * log_sparsity(chance)).exp(), 0, up=up)


def _rounded_down(value: Callable[[], Ball], scale: int, *, up: bool = False) -> Fraction:
    try:
        ends = enclose(value, digits=17, most_bits=4096)
    except InfeasibleWidth:  # too close to 0
        return _SMALLEST if up else Fraction(0)
    return max(ends[1] / 2**scale, _SMALLEST) if up else _floor(ends[0] / 2**scale)


def _floor(value: Fraction) -> Fraction:
    return value if value > _SMALLEST else Fraction(0)
