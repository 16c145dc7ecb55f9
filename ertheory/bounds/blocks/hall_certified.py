"""Hall's sum, bounded as Coq bounds it: by Chernoff's bound with y a power of 1/2, one for each number of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ertheory.bounds import coq
from ertheory.errors import TheoremNotApplicable

__all__ = ["HallBound", "hall_bound", "hall_exponents"]

_MOST_INPUTS = 2_000  # Coq takes some ten milliseconds for each number of inputs, and has long binomials to compute
_MARGIN = 1 + 1e-6  # far above the rounding errors, here and inside Coq
_LEAST = 1e-40  # sums that are smaller count as this
_DIGITS = 12
_SMALLEST_POWER = 512


@dataclass(frozen=True)
class HallBound:
    """An upper bound on Hall's sum, and the powers of 1/2 that show it.

    Parameters
    ----------
    failure
        The bound.
    exponents
        t_1..t_d: P(Bin(N, 1 - mu) <= n) <= (y + mu (1 - y))^N / y^n with y = 2^-t_s, where mu = (1 - p)^s, n = q s - 1.
    """

    failure: Fraction
    exponents: tuple[int, ...]


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
    >>> f"{float(bound.failure):.2g}", bound.exponents[:2], len(bound.exponents)
    ('9.3e-06', (3, 3), 20)
    """
    if inputs > _MOST_INPUTS:
        msg = f"certificate: more than {_MOST_INPUTS} inputs, whose Hall sum would take Coq too long"
        raise TheoremNotApplicable(msg)
    from scipy.special import gammaln  # slow to load

    sizes = np.arange(1, inputs + 1, dtype=np.float64)
    missed = np.exp(sizes * np.log1p(-float(density)))
    wanted = copies * sizes - 1
    best, exponents = np.zeros(inputs), np.zeros(inputs, dtype=int)
    for exponent in range(1, _SMALLEST_POWER):
        power = 2.0**-exponent
        bound = neurons * np.log(power + missed * (1 - power)) + wanted * exponent * np.log(2)
        exponents = np.where(bound < best, exponent, exponents)
        best = np.minimum(bound, best)
    choices = gammaln(inputs + 1) - gammaln(sizes + 1) - gammaln(inputs - sizes + 1)
    total = float(np.exp(np.minimum(choices + best, 1.0)).sum()) * _MARGIN + _LEAST
    scale = 10 ** max(0, _DIGITS - int(np.floor(np.log10(total))))
    return HallBound(Fraction(int(Fraction(total) * scale) + 1, scale), tuple(int(one) for one in exponents))


def hall_exponents(bound: HallBound) -> str:
    """Write the choices as a list ``exponents`` of Coq.

    Examples
    --------
    >>> print(hall_exponents(HallBound(Fraction(1, 9), (4, 3))).splitlines()[-1])
    Definition exponents : seq N := [:: 4; 3]%bin.
    """
    listed = "; ".join(map(str, bound.exponents))
    return "\n".join(
        [
            "(* Hall's sum is bounded by Chernoff's bound with these powers of 1/2 *)",
            coq.definition("exponents", "seq N", f"[:: {listed}]%bin"),
        ]
    )
