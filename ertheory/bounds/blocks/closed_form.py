"""The union bound of Theorems 2.1 and 2.2 and of the convolutional statement, from the last layer down.

As printed, with integers q_l so that the claim holds (a real q_{l+1} in the formula of q_l would break it):

    q_L = 1,   q_l >= log(L m_{l+1} q_{l+1} / delta) / log(1 / (1 - p_{l+1})),   N_0 = q_0 d,   N_l = q_l n_l.

Theorem 2.1 is L = 2. For convolutions m_l counts non-zero filter entries and widths count channels. The same union
bound gives the repaired statements for a masked layer 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.blocks.hall import hall_guess
from ertheory.bounds.blocks.laws import LAW_BITS, Law
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, ball, decide, enclose, log_sparsity, near_zero, probability, smallest

__all__ = ["ClosedForm", "closed_form", "union_factor"]

_DIGITS = 17  # to which real factors are reported
_LONGEST_MATCHED = 150  # bits of N_0; every bit takes a step of the search
_LONGEST = 14_000  # bits of an integer; Python writes no more than 4300 digits


@dataclass(frozen=True)
class ClosedForm:
    """The integers of the closed form: q_0..q_L before and after rounding, N_0, and the bits that certified them."""

    factors: tuple[int, ...]
    real_factors: tuple[Fraction, ...]
    first_width: int
    bits: int


def closed_form(law: Law, failure_probability: Fraction) -> ClosedForm:
    """Evaluate the printed or repaired inequalities from the last layer down.

    Examples
    --------
    >>> from ertheory.networks.target import Target
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> closed_form(Law(Target.from_text("784-128-10"), half, "dense"), Fraction(1, 1000)).factors
    (33, 22, 1)
    """
    target = law.target
    share = failure_probability / (target.depth + (law.layer0 == "matched"))
    factors: tuple[int, ...] = (1,)
    real_factors: tuple[Fraction, ...] = (Fraction(1),)
    bits = 0
    for layer in reversed(range(target.depth)):
        chance = law.densities[layer + 1]
        if layer == 0 and law.layer0 == "preassigned":
            chance *= law.densities[0]
        factor, real, used = union_factor(chance, target.nonzeros[layer] * factors[0], share)
        factors, real_factors, bits = (factor, *factors), (real, *real_factors), max(bits, used)
    first_width = factors[0] * target.inputs
    if law.layer0 == "matched":
        first_width, used = _smallest_for_hall(law, share, factors[0])
        bits = max(bits, used)
    return ClosedForm(factors, real_factors, first_width, bits)


def _smallest_for_hall(law: Law, share: Fraction, copies: int) -> tuple[int, int]:
    """Smallest N_0 >= q_0 d with Hall sum at most the given share of delta."""

    def holds(neurons: int) -> Decision:
        return decide(
            lambda: law.log_matching(copies, neurons) - log_sparsity(share),
            tie=lambda: law.exact_matching(copies, neurons) == 1 - share,
            undecided=False,
            most_bits=LAW_BITS,
        )

    least = copies * law.target.inputs
    if least.bit_length() > _LONGEST_MATCHED:
        msg = "layer 0 matched would need more neurons than the search can handle; read it as preassigned or dense"
        raise InfeasibleWidth(msg)
    guess = near_zero(
        lambda neurons: (-law.log_matching(copies, neurons)).log() - ball(share).log(),
        hall_guess(law.target.inputs, copies, law.densities[0], share),
        least=least,
    )
    return smallest(holds, guess, least=least)


def union_factor(density: Fraction, links: int | Fraction, failure_probability: Fraction) -> tuple[int, Fraction, int]:
    """Smallest q >= 1 with links (1 - density)^q <= failure_probability.

    Returns
    -------
    tuple
        q; the real number log(links / failure_probability) / log(1 / (1 - density)) that it rounds up, at least 0 and
        to 17 digits; and the bits of precision that the decision took (0: exact integers).

    Examples
    --------
    >>> union_factor(Fraction(1, 2), 1, Fraction(1, 2**29))[0]
    29
    """
    density = probability("density", density, one=True)
    if links <= failure_probability or density == 1:
        return 1, Fraction(0), 0
    sparsity = 1 - density
    excess = links / failure_probability

    def real() -> Ball:
        return ball(excess).log() / -log_sparsity(density)

    def holds(factor: int) -> Decision:
        # (1 - p)^q excess = 1 forces the denominator of (1 - p)^q to divide the numerator of excess, so a tie needs
        # integers no longer than that numerator, and those are compared exactly.
        if factor * (sparsity.denominator.bit_length() - 1) <= excess.numerator.bit_length():
            return Decision(sparsity**factor * excess <= 1, 0)
        return decide(lambda: -factor * log_sparsity(density) - ball(excess).log())

    low, high = enclose(real, digits=_DIGITS)
    length = math.ceil(low).bit_length()
    if length > _LONGEST:
        msg = f"the width has about {length * 3 // 10} digits, more than can be written down"
        raise InfeasibleWidth(msg)
    guess = low if length < 3 * _DIGITS else enclose(real, digits=length // 3 + 2)[0]
    factor, bits = smallest(holds, math.ceil(guess))
    return factor, (low + high) / 2, bits
