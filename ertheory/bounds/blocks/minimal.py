"""Smallest widths of the block construction by its exact law, not by the union bound."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import prod

from ertheory.bounds.blocks.closed_form import closed_form, describe
from ertheory.bounds.blocks.laws import LAW_BITS, Law, Layer0
from ertheory.bounds.result import Width
from ertheory.networks.target import Target
from ertheory.numbers import Decision, decide, log_sparsity, near_zero, probability, smallest

__all__ = ["exact", "law_holds", "lower_together"]


def exact(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, layer0: Layer0 = "dense"
) -> Width:
    """Smallest integers that satisfy the exact law of the block construction.

    Every layer first gets an equal share of the logarithm of the success probability; then factors are lowered, layer
    0 first, as long as the whole law allows. No single one of the resulting integers can be lowered any further.

    Parameters
    ----------
    target
        Target of depth L, fully connected or convolutional.
    densities
        p_0..p_L, each in (0, 1].
    failure_probability
        delta in (0, 1).
    layer0
        How layer 0 is read; for ``matched`` the law is the lower bound (1 - H) P_block.

    Returns
    -------
    Width
        At most the printed one in every layer.

    Examples
    --------
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> exact(Target.from_text("784-128-10"), half, Fraction(1, 1000)).factors
    (32, 22, 1)
    """
    law = Law(target, densities, layer0)
    failure_probability = probability("failure_probability", failure_probability)
    start = closed_form(law, failure_probability)
    factors, used = _equal_shares(law, failure_probability, start.factors)
    factors, first_width, bits = lower_together(law, failure_probability, factors, start.first_width)
    return describe("exact", law, failure_probability, factors, first_width, bits=max(bits, used))


def law_holds(law: Law, failure_probability: Fraction, factors: tuple[int, ...], first_width: int) -> Decision:
    """Decide whether the success probability is at least 1 - delta; what stays undecided counts as no.

    Examples
    --------
    >>> law = Law(Target.from_text("1-1"), (Fraction(1), Fraction(1, 2)), "dense")
    >>> law_holds(law, Fraction(1, 8), (3, 1), 3), law_holds(law, Fraction(1, 9), (3, 1), 3).holds
    (Decision(holds=True, bits=0), False)
    """

    def tie() -> bool:
        pairs = enumerate(pairwise(factors))
        values = [law.exact_layer(layer, copies, above) for layer, (copies, above) in pairs]
        values.append(law.exact_matching(factors[0], first_width))
        known = [value for value in values if value is not None]
        return len(known) == len(values) and prod(known) == 1 - failure_probability

    return decide(
        lambda: law.log_success(factors, first_width) - log_sparsity(failure_probability),
        tie=tie,
        undecided=False,
        most_bits=LAW_BITS,
    )


def lower_together(
    law: Law, failure_probability: Fraction, factors: tuple[int, ...], first_width: int
) -> tuple[tuple[int, ...], int, int]:
    """Lower q_0, q_1, ... and N_0 in turn until the law forbids to lower any of them.

    Returns
    -------
    tuple
        q_0..q_L, N_0 and the bits of precision that certified them.
    """
    settled, bits = False, 0
    while not settled:
        before = factors, first_width
        for layer in range(law.target.depth):
            factors, used = _lower_factor(law, failure_probability, factors, first_width, layer)
            bits = max(bits, used)
        if law.layer0 == "matched":
            first_width, used = _lower_first_width(law, failure_probability, factors, first_width)
            bits = max(bits, used)
        else:
            first_width = factors[0] * law.target.inputs
        settled = before == (factors, first_width)
    return factors, first_width, bits


def _lower_factor(
    law: Law, failure_probability: Fraction, factors: tuple[int, ...], first_width: int, layer: int
) -> tuple[tuple[int, ...], int]:
    def holds(copies: int) -> Decision:
        return law_holds(law, failure_probability, _replaced(factors, layer, copies), first_width)

    copies, bits = smallest(holds, factors[layer])
    return _replaced(factors, layer, copies), bits


def _lower_first_width(
    law: Law, failure_probability: Fraction, factors: tuple[int, ...], first_width: int
) -> tuple[int, int]:
    least = factors[0] * law.target.inputs
    guess = near_zero(
        lambda neurons: (-law.log_success(factors, neurons)).log() - (-log_sparsity(failure_probability)).log(),
        first_width,
        least=least,
    )
    return smallest(lambda neurons: law_holds(law, failure_probability, factors, neurons), guess, least=least)


def _equal_shares(law: Law, failure_probability: Fraction, factors: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Smallest q_l from the last hidden layer down such that each layer keeps its share of the success probability."""
    shares = law.target.depth + (law.layer0 == "matched")
    bits = 0
    for layer in reversed(range(law.target.depth)):
        copies, used = _smallest_share(law, failure_probability, shares, layer, factors[layer], factors[layer + 1])
        factors = _replaced(factors, layer, copies)
        bits = max(bits, used)
    return factors, bits


def _smallest_share(
    law: Law, failure_probability: Fraction, shares: int, layer: int, start: int, above: int
) -> tuple[int, int]:
    def holds(copies: int) -> Decision:
        def tie() -> bool:
            value = law.exact_layer(layer, copies, above)
            return value is not None and value**shares == 1 - failure_probability

        return decide(
            lambda: shares * law.log_layer(layer, copies, above) - log_sparsity(failure_probability),
            tie=tie,
            undecided=False,
            most_bits=LAW_BITS,
        )

    guess = near_zero(
        lambda copies: (
            (-shares * law.log_layer(layer, copies, above)).log() - (-log_sparsity(failure_probability)).log()
        ),
        start,
    )
    return smallest(holds, guess)


def _replaced(factors: tuple[int, ...], layer: int, copies: int) -> tuple[int, ...]:
    return (*factors[:layer], copies, *factors[layer + 1 :])
