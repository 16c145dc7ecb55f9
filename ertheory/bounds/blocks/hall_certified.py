"""Hall's sum, bounded as Coq bounds it: the last terms of a binomial tail one by one, and Chernoff for those before.

Chernoff's bound, with sixteenths of a power of 1/2 for y, is some ten times a tail. The tails that matter most in the
sum are added up instead, by so many terms that what is left to Chernoff does not count; but only tails with a short
C(N, k). The choice cannot make a wrong answer right: where it is too coarse Coq refuses the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds import coq
from ertheory.errors import TheoremNotApplicable

__all__ = ["HallBound", "hall_bound", "hall_exponents"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int_]

_MOST_INPUTS = 2_000  # Coq takes some ten milliseconds for each number of inputs, and has long binomials to compute
_MARGIN = 1 + 1e-6  # far above the rounding errors, here and inside Coq
_LEAST = 1e-40  # sums that are smaller count as this
_DIGITS = 12
_MOST_HALVINGS = 512
_PARTS = 16
_NEGLIGIBLE = 1e-6  # of the sum, for what Chernoff bounds
_MOST_WORK = 20_000_000  # binary digits of all C(N, k) on the way to those that are needed


@dataclass(frozen=True)
class HallBound:
    """An upper bound on Hall's sum, and the choices that show it.

    Parameters
    ----------
    failure
        The bound.
    exponents
        t_1..t_d: P(Bin(N, 1 - mu) <= n) <= (y + mu (1 - y))^N / y^n, where mu = (1 - p)^s, n is q s - 1 less the terms
        that are added up, and y is number t_s of 1, 15/16, ..., 1/16, 1/2, 15/32, ..., 1/32, 1/4, ...
    terms
        How many of them, for 1..d inputs.
    chernoff_share
        What Chernoff contributes to the bound, about: the tails of which no term is added up.
    """

    failure: Fraction
    exponents: tuple[int, ...]
    terms: tuple[int, ...]
    chernoff_share: float = 0.0


def hall_bound(neurons: int, inputs: int, copies: int, density: Fraction) -> HallBound:
    """Choose what Coq is to compute.

    Parameters
    ----------
    neurons, inputs, copies, density
        N, d, q and p, as in `ertheory.bounds.blocks.hall.hall_sum`; p below 1.

    Raises
    ------
    TheoremNotApplicable
        If there are more than 2000 inputs.

    Examples
    --------
    >>> bound = hall_bound(907, 20, 45, Fraction(3, 10))
    >>> f"{float(bound.failure):.2g}", bound.exponents[:2], bound.terms[-3:], len(bound.exponents)
    ('9.6e-07', (49, 51), (0, 0, 6), 20)
    """
    if inputs > _MOST_INPUTS:
        msg = f"certificate: more than {_MOST_INPUTS} inputs, whose Hall sum would take Coq too long"
        raise TheoremNotApplicable(msg)
    from scipy.special import gammaln  # slow to load

    sizes = np.arange(1, inputs + 1, dtype=np.float64)
    log_missed = sizes * np.log1p(-float(density))
    choices = gammaln(inputs + 1) - gammaln(sizes + 1) - gammaln(inputs - sizes + 1)
    exponents, logs = _chernoff(neurons, np.exp(log_missed), copies * sizes - 1)
    shares = np.exp(np.minimum(choices + logs, 1.0))
    terms, work = np.zeros(inputs, dtype=int), 0
    for index in np.argsort(-shares):
        wanted = copies * (int(index) + 1)
        others = float(np.where(terms > 0, 0.0, shares).sum())
        longest = min(wanted, neurons // 2)
        work += wanted * int(1.5 * (gammaln(neurons + 1) - gammaln(longest + 1) - gammaln(neurons - longest + 1)))
        if others <= _NEGLIGIBLE * float(shares.sum()) or work > _MOST_WORK or wanted > neurons:
            break
        terms[index], exponents[index], shares[index] = _added(
            neurons, wanted, float(log_missed[index]), float(choices[index])
        )
    total = float(shares.sum()) * _MARGIN + _LEAST
    scale = 10 ** max(0, _DIGITS - int(np.floor(np.log10(total))))
    chosen, added = (tuple(int(one) for one in values) for values in (exponents, terms))
    failure = Fraction(int(Fraction(total) * scale) + 1, scale)
    return HallBound(failure, chosen, added, float(shares[terms == 0].sum()))


def _chernoff(neurons: int, missed: Floats, least: Floats) -> tuple[Counts, Floats]:
    """Choose y near its best value n mu / ((1 - mu) (N - n)), and compute the logarithms of the bounds."""
    best = least * missed / np.maximum((1 - missed) * np.maximum(neurons - least, 0), 1e-300)
    best = np.clip(best, 2.0**-_MOST_HALVINGS, 1.0)
    halvings = np.floor(-np.log2(best)).astype(int)
    parts = np.clip(np.rint(best * 2.0**halvings * _PARTS).astype(int), 1, _PARTS)
    power = parts / _PARTS * 2.0**-halvings
    bound = neurons * np.log(power + missed * (1 - power)) - least * np.log(power)
    return np.where(bound < 0, _PARTS * halvings + _PARTS - parts, 0), np.minimum(bound, 0.0)


def _added(neurons: int, wanted: int, log_missed: float, choices: float) -> tuple[int, int, float]:
    """Choose how many terms below `wanted` are added up: their number, the y for the rest, and the share of all."""
    from scipy.special import gammaln

    counts = np.arange(wanted - 1, -1, -1, dtype=np.float64)
    logs = gammaln(neurons + 1) - gammaln(counts + 1) - gammaln(neurons - counts + 1)
    logs += counts * np.log(-np.expm1(log_missed)) + (neurons - counts) * log_missed + choices
    sums = np.cumsum(np.exp(logs))
    for added in [*range(1, min(wanted, 64)), *range(64, wanted, 16)]:
        powers, rest = _chernoff(neurons, np.array([np.exp(log_missed)]), np.array([wanted - added - 1.0]))
        if np.exp(min(1.0, choices + rest[0])) <= _NEGLIGIBLE * sums[-1]:
            return added, int(powers[0]), float(sums[added - 1] + np.exp(choices + rest[0]))
    return wanted, 0, float(sums[-1])


def hall_exponents(bound: HallBound) -> str:
    """Write the choices as a list ``exponents`` of Coq.

    Examples
    --------
    >>> print(hall_exponents(HallBound(Fraction(1, 9), (4, 3), (9, 0))).splitlines()[-1])
    Definition exponents : seq (N * N) := [:: (4, 9); (3, 0)]%bin.
    """
    listed = "; ".join(f"({exponent}, {terms})" for exponent, terms in zip(bound.exponents, bound.terms, strict=True))
    return "\n".join(
        [
            "(* (t, n): n terms of this tail of Hall's sum are added up; Chernoff bounds the rest with the t-th y *)",
            coq.definition("exponents", "seq (N * N)", f"[:: {listed}]%bin"),
        ]
    )
