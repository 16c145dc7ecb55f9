"""Theorems 2.1 and 2.2 and the convolutional statement, by their closed form."""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.blocks.answers import describe, refuse_masked, statement_of
from ertheory.bounds.blocks.certified import printed_certificate
from ertheory.bounds.blocks.closed_form import closed_form
from ertheory.bounds.blocks.explained import printed_steps
from ertheory.bounds.blocks.given import PRINTED_INVERSE
from ertheory.bounds.blocks.laws import LAYER0, Law, Layer0
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Statement
from ertheory.networks.target import Target
from ertheory.numbers import probability

__all__ = ["PRINTED", "printed"]


def printed(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, layer0: Layer0 = "dense"
) -> Width:
    """Widths by the printed closed form, or by the same union bound repaired for a masked layer 0.

    Parameters
    ----------
    target
        Target of depth L, fully connected or convolutional.
    densities
        p_0..p_L, each in (0, 1].
    failure_probability
        delta in (0, 1).
    layer0
        ``dense``: as printed; applies if p_0 = 1. ``preassigned``: 1 - p_1 becomes 1 - p_0 p_1 in the formula of q_0.
        ``matched``: every q_l with delta / (L + 1), and N_0 smallest with Hall sum H(N_0) <= delta / (L + 1).

    Returns
    -------
    Width
        It has the unrounded factors beside the integers; `success_lower` is the exact law at these widths.

    Notes
    -----
    Theorems 2.1 and 2.2 of Gadhikar, Mukherjee, Burkholz, ICML 2023, with q_l = max(1, ceil(.)). Each inequality
    M (1 - p)^q <= delta / L is decided exactly, for q and for q - 1.

    Examples
    --------
    >>> tenth = (Fraction(1), Fraction(1, 10), Fraction(1, 10))
    >>> printed(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (179536, 18048, 10)
    """
    law = Law(target, densities, layer0)
    failure_probability = probability("failure_probability", failure_probability)
    form = closed_form(law, failure_probability)
    return describe(
        PRINTED,
        law,
        failure_probability,
        form.factors,
        form.first_width,
        bits=form.bits,
        real_factors=form.real_factors,
    )


def _widths(question: Question) -> Width:
    layer0 = question.layer0 or "dense"  # as the paper has it
    return printed(question.target, question.densities, question.failure_probability, layer0=layer0)  # type: ignore[arg-type]


PRINTED = Statement(
    name="printed",
    kind="printed",
    variant="printed",
    source="Theorems 2.1 and 2.2",
    title="the paper's closed form: every copy of every target neuron finds all its edges, by a union bound",
    widths=_widths,
    conditions="bounded inputs; layer 0 dense",
    cites=statement_of,
    refuses=refuse_masked,
    readings=LAYER0,
    unreadable={"coded": "inputs are copied"},
    inverse=PRINTED_INVERSE,
    constructions=("blocks",),
    steps=printed_steps,
    checks=("theorem-2.1", "theorem-2.2", "convolution", "preassigned", "matched"),
    certificate=printed_certificate,
    default=True,
)
