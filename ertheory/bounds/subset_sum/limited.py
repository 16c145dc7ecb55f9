"""Subset sums of at most k variables: enough of them for a target, so that a ticket has a guaranteed sparsity.

The fixed-size random subset sum problem of Natale, Ferre, Giambartolomei, Giroire and Mallmann-Trenn, "On the Sparsity
of the Strong Lottery Ticket Hypothesis" (NeurIPS 2024, arXiv 2410.14754), asks for subsets of a given size. Their
theorem has constants that are not named; the following one is ours, is explicit, and holds for every k and density.

**Theorem K.** Let X_i be independent U[-1,1], kept with probability p in (0, 1], 0 < epsilon < 1, |z| <= 1 and v as in
Theorem A' (`ertheory.bounds.subset_sum.explicit`). Let n = (k-1) g + s with k >= 1, and v <= a < 1. For every t > 0

    P(no sum of at most k live X_i lies within epsilon of z) <= (a/v)^t f_t(m)^(k-1) + (1 - p a/2)^s,
    f_t(m) = E (1 + N)^-t,  N ~ Poisson(m),  m = ((1-a)/a) (1 - (1 - p a/2)^g).

For k = 1 the first term is dropped and a = v.

*Proof.* By symmetry let z >= 0, B = [-c, 1-c] with c = min(epsilon, 1 - z), and A_0 = [-epsilon, epsilon] cut to B,
which has length v. Let A_i be A_(i-1) with (A_(i-1) + X) cut to B added for every live X of the i-th group of g
variables: every point of A_i is within epsilon of a sum of at most i live variables. Let b = |A_(i-1)| < a.

A point of B outside of A_(i-1) is covered by one shift with probability p b/2, hence by the group with
c(b) = 1 - (1 - p b/2)^g. So Z = (|A_i| - b)/b has mean m(b) = (1-b) c(b)/b, which falls in b because c is concave and
c(0) = 0. Leaving out one variable lowers Z by what it alone covers, at most 1, and these add up to at most Z. Such a
self-bounding Z satisfies E exp(-u Z) <= exp(-(1 - e^-u) E Z) for u >= 0 (Boucheron, Lugosi and Massart, "A sharp
concentration inequality with applications", 2000): what a Poisson variable of the same mean has. As (1+Z)^-t is a
mixture of exp(-u Z), E |A_i|^-t <= b^-t f_t(m(b)) <= b^-t f_t(m(a)).

So as long as A is shorter than a, |A_i|^-t shrinks by f_t(m) in the mean; by Markov's inequality it is still shorter
after k-1 groups with probability at most (a/v)^t f_t(m)^(k-1). Otherwise each of the last s variables takes z into a
shift of A_(k-1) with probability p a/2 at least: P(z - X in A) = |A|/2. Such a sum has at most k terms.  *QED*

Other laws, targets beyond 1 and all targets at once follow as for Theorem A', each block with k/J variables.

**Necessary.** A sum of j variables hits [z - epsilon, z + epsilon] with probability at most epsilon (the density of a
sum of U[-1,1] is at most 1/2), so with epsilon < |z|

    P(success) <= epsilon sum_(j=1)^k C(n, j) p^j.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ertheory.bounds.subset_sum.explicit import explicit_count, potential_of, upper_of
from ertheory.bounds.subset_sum.potential import Potential, log_rational
from ertheory.bounds.subset_sum.problem import SubsetSum
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, ball, decide, enclose, log_fraction, log_sparsity, smallest, whole_number

__all__ = ["Groups", "checked_kept", "limited_count", "limited_upper", "necessary_limited"]

_LENGTHS = tuple(Fraction(1, 2) * Fraction(181, 256) ** step for step in range(24))  # a, about 2^(-1 - step/2)
_POWERS = (1, 2, 3, 4, 6, 8)  # t
_SHARES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)  # of the failure probability, or of the variables, for the last ones
# Numbers of terms that are tried, the same ones whatever k is: a larger k then never asks for more variables.
_TERMS = (*range(1, 65), *(math.ceil(64 * 1.1**step) for step in range(1, 40)))
_MOST_KEPT = 10**9
_LARGEST = 2**62


@dataclass(frozen=True)
class Groups:
    """How variables are divided for the proof, and what is bounded with it.

    Parameters
    ----------
    potential
        The problem: chance, start, blocks and centres.
    kept
        k, for one block.
    size
        g, variables of each of the k-1 groups.
    length
        The length a, from which on A counts as long.
    power
        The exponent t, a whole number.
    """

    potential: Potential
    kept: int
    size: int
    length: Fraction
    power: int

    def total(self, last: int) -> int:
        """Give the variables of all blocks, with s in the last group of each."""
        return self.potential.blocks * ((self.kept - 1) * self.size + last)

    def bound(self, last: int) -> Ball:
        """Enclose the bound of the theorem for s variables in the last group."""
        half = self.potential.chance * self.length / 2
        missed = (last * log_sparsity(half)).exp()
        if self.kept > 1:
            covered = 1 - (self.size * log_sparsity(half)).exp()
            shrunk = _mean_power(ball(1 / self.length - 1) * covered, self.power)
            missed += (
                self.power * log_rational(self.length / self.potential.start) + (self.kept - 1) * shrunk.log()
            ).exp()
        return self.potential.blocks * self.potential.centres * missed

    def within(self, last: int, failure_probability: Fraction) -> Decision:
        """Decide whether the bound is at most delta."""
        return decide(lambda: ball(failure_probability) - self.bound(last), undecided=False, most_bits=512)


@lru_cache(maxsize=65_536)
def limited_count(problem: SubsetSum, failure_probability: Fraction, kept: int) -> int:
    """Give a number of variables of which at most k, by Theorem K, come close to the target but for delta.

    Raises
    ------
    InfeasibleWidth
        If k variables cannot reach the target by any block that the theorem uses.

    Examples
    --------
    >>> from ertheory.bounds.subset_sum.problem import read_problem
    >>> problem = read_problem(density=1, epsilon="0.01")
    >>> [limited_count(problem, Fraction(1, 100), kept) for kept in (1, 2, 4, 8, 100)]
    [919, 283, 156, 110, 33]
    """
    if problem.trivial:
        return 0
    free, _, _ = explicit_count(problem, failure_probability)
    if free <= kept:
        return free
    best: tuple[float, Groups, int] | None = None
    needed = []
    for part in problem.parts:
        potential = potential_of(problem, part)
        needed.append(potential.blocks)
        for total, groups, last in _choices(potential, failure_probability, kept // potential.blocks):
            if best is None or total < best[0]:
                best = total, groups, last
    if best is None:
        msg = f"a target of size {float(problem.z):.4g} needs at least {min(needed)} variables, more than kept = {kept}"
        raise InfeasibleWidth(msg)
    _, groups, last = best
    found, _ = smallest(lambda number: groups.within(number, failure_probability), last, least=0)
    return max(free, groups.total(found))


def limited_upper(problem: SubsetSum, variables: int, kept: int) -> Fraction:
    """Bound the probability that no sum of at most k live variables comes close to the target, from above.

    Examples
    --------
    >>> from ertheory.bounds.subset_sum.problem import read_problem
    >>> problem = read_problem(density=1, epsilon="0.01")
    >>> float(limited_upper(problem, 200, 4)) <= 0.01
    True
    """
    if problem.trivial or variables <= kept:
        return upper_of(problem, variables)
    best: tuple[float, Groups, int] | None = None
    for part in problem.parts:
        potential = potential_of(problem, part)
        each = variables // potential.blocks
        for terms in _numbers(min(each, kept // potential.blocks)):
            for length in (potential.start,) if terms == 1 else _LENGTHS:
                if length < potential.start:
                    continue
                for share in _SHARES if terms > 1 else (1.0,):
                    last = math.floor(each * share)
                    size = (each - last) // (terms - 1) if terms > 1 else 0
                    last = each - (terms - 1) * size
                    for power in _POWERS if terms > 1 else (1,):
                        groups = Groups(potential, terms, size, length, power)
                        value = _estimate(groups, last)
                        if best is None or value < best[0]:
                            best = value, groups, last
    if best is None or best[0] >= 1:
        return Fraction(1)
    _, groups, last = best
    return min(Fraction(1), enclose(lambda: groups.bound(last), digits=12)[1])


def necessary_limited(problem: SubsetSum, failure_probability: Fraction, kept: int) -> int:
    """Give a number of variables below which sums of at most k of them fail more often than delta.

    Examples
    --------
    >>> from ertheory.bounds.subset_sum.problem import read_problem
    >>> necessary_limited(read_problem(density=1, epsilon="0.01"), Fraction(1, 100), 2)
    14
    """
    if problem.trivial or problem.law not in ("uniform", "product"):
        return 0
    # Half of the mass of a symmetric unimodal sum is above 0: at most epsilon/(z - epsilon) of it is near z.
    rate = problem.epsilon if problem.law == "uniform" else problem.epsilon / (problem.z - problem.epsilon)
    goal = (1 - failure_probability) / rate

    def reaches(number: int) -> Decision:
        term, total = Fraction(1), Fraction(0)
        for chosen in range(1, min(kept, number) + 1):
            term = term * (number - chosen + 1) * problem.density / chosen
            total += term
            if total >= goal:
                return Decision(True, 0)
        return Decision(False, 0)

    return smallest(reaches, min(kept, 64), least=0)[0]


def checked_kept(kept: object) -> int:
    """Read k."""
    return whole_number("kept", kept, least=1, most=_MOST_KEPT)


def _numbers(most: int) -> list[int]:
    return [terms for terms in _TERMS if terms <= most]


def _choices(potential: Potential, failure_probability: Fraction, kept: int) -> Iterator[tuple[float, Groups, int]]:
    """Ways to divide variables that hold in double precision: how many of them in all, groups, and s."""
    delta = math.exp(log_fraction(failure_probability)) / (potential.blocks * potential.centres)
    if delta == 0:
        return
    for terms in _numbers(kept):
        for length in (potential.start,) if terms == 1 else _LENGTHS:
            if length < potential.start:
                continue
            rate = -math.log1p(-float(potential.chance * length) / 2)
            if rate == 0:
                continue
            if terms == 1:
                last = math.ceil(-math.log(delta) / rate)
                groups = Groups(potential, 1, 0, length, 1)
                yield float(groups.total(last)), groups, last
                continue
            for power in _POWERS:
                for share in _SHARES:
                    last = math.ceil(-math.log(delta * share) / rate)
                    log_goal = math.log(delta * (1 - share)) - power * log_fraction(length / potential.start)
                    mean = _mean_for(log_goal / (terms - 1), power)
                    covered = mean * float(length / (1 - length))
                    if not covered < 1 - 1e-9:
                        continue
                    size = math.ceil(-math.log1p(-covered) / rate * (1 + 1e-9))
                    groups = Groups(potential, terms, size, length, power)
                    if size < _LARGEST and last < _LARGEST:
                        yield float(groups.total(last)), groups, last


def _estimate(groups: Groups, last: int) -> float:
    """Compute the bound in double precision."""
    half = float(groups.potential.chance * groups.length) / 2
    rate = -math.log1p(-half)
    value = math.exp(-last * rate)
    if groups.kept > 1:
        mean = float(1 / groups.length - 1) * -math.expm1(-groups.size * rate)
        log_means, logs = _table()
        log_mean = float(np.interp(math.log(max(mean, 1e-300)), log_means, logs[groups.power]))
        start = log_fraction(groups.length / groups.potential.start)
        value += math.exp(min(300.0, groups.power * start + (groups.kept - 1) * log_mean))
    return groups.potential.blocks * groups.potential.centres * value


def _mean_power(mean: Ball, power: int) -> Ball:
    """Enclose E (1 + N)^-t for N ~ Poisson(m); what is beyond the sum counts as if N were just there."""
    if power == 1:
        return (1 - (-mean).exp()) / mean
    terms = int(float(mean.upper()) + 12 * math.sqrt(float(mean.upper()))) + 30
    mass, total, left = (-mean).exp(), Ball(0), Ball(1)
    for number in range(terms):
        total += mass / Ball(number + 1) ** power
        left -= mass
        mass = mass * mean / (number + 1)
    return total + (left.union(0) if left > 0 or left.contains(0) else Ball(0)) / Ball(terms + 1) ** power


@lru_cache(maxsize=1)
def _table() -> tuple[npt.NDArray[np.float64], dict[int, npt.NDArray[np.float64]]]:
    """Give ln m and, for every t, ln E (1 + N)^-t, in double precision."""
    means = np.geomspace(1e-6, 20_000, 400)
    numbers = np.arange(23_000)
    logs = np.concatenate([[0.0], np.cumsum(np.log(numbers[1:]))])
    found = {power: np.empty(len(means)) for power in _POWERS}
    for place, mean in enumerate(means):
        most = int(mean + 14 * math.sqrt(mean)) + 40
        masses = np.exp(-mean + numbers[:most] * math.log(mean) - logs[:most])
        for power in _POWERS:
            found[power][place] = math.log(float(masses @ (1.0 + numbers[:most]) ** -power))
    return np.log(means), found


def _mean_for(log_goal: float, power: int) -> float:
    """Give the m at which ln E (1 + N)^-t is as small as asked for, in double precision."""
    log_means, powers = _table()
    logs = powers[power]
    if log_goal >= logs[0]:
        return math.exp(log_means[0])
    return math.inf if log_goal < logs[-1] else math.exp(float(np.interp(log_goal, logs[::-1], log_means[::-1])))
