"""Smallest widths of the block construction by its exact law, not by the union bound."""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.blocks.answers import describe, refuse_masked, statement_of
from ertheory.bounds.blocks.certified import block_certificate
from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.blocks.explained import law_steps
from ertheory.bounds.blocks.given import EXACT_INVERSE
from ertheory.bounds.blocks.laws import LAW_BITS, LAYER0, Law, Layer0, law_holds
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Statement
from ertheory.networks.target import Target
from ertheory.numbers import Decision, decide, log_sparsity, near_zero, probability, smallest

__all__ = ["EXACT", "exact", "lower_together"]


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
        It is at most the printed one in every layer.

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
    return describe(EXACT, law, failure_probability, factors, first_width, bits=max(bits, used))


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


def _widths(question: Question) -> Width:
    layer0 = question.copied_layer0
    return exact(question.target, question.densities, question.failure_probability, layer0=layer0)  # type: ignore[arg-type]


EXACT = Statement(
    name="exact",
    kind="sufficient",
    variant="exact",
    source="Theorems 2.1 and 2.2 by their exact law",
    title="the smallest integers by the exact law of the paper's construction",
    widths=_widths,
    conditions="bounded inputs",
    cites=statement_of,
    refuses=refuse_masked,
    readings=LAYER0,
    unreadable={"coded": "inputs are copied"},
    inverse=EXACT_INVERSE,
    constructions=("blocks",),
    steps=law_steps,
    checks=("theorem-2.1", "theorem-2.2", "convolution", "preassigned", "matched", "residual"),
    certificate=block_certificate,
    default=True,
)
