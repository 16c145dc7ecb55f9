"""Widths of the construction that drops bad copies: a source may fail some copies, as long as enough are left.

Every copy of every neuron must find its edges in Theorems 2.1 and 2.2, so q_0 pays for all of the m_1 q_1 edges into
layer 1. Here a few copies too many are kept in layer 1 and the bad ones are left out: q_0 need not know delta or m_1.
The law stands in `ertheory.bounds.drop.law`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

from ertheory.bounds.blocks.answers import BlockDesign, certificate, refuse_masked
from ertheory.bounds.blocks.hall import hall_guess
from ertheory.bounds.blocks.laws import LAW_BITS, Law, Layer0
from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.drop.certified import drop_certificate
from ertheory.bounds.drop.explained import drop_steps
from ertheory.bounds.drop.given import DROP_INVERSE
from ertheory.bounds.drop.kept import SHARED, dropped_statement, log_kept
from ertheory.bounds.drop.law import LONGEST_TAIL, exact_drop
from ertheory.bounds.drop.pairs import best_pair, log_goal, log_miss
from ertheory.bounds.drop.thresholds import best_thresholds, threshold_design
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Statement
from ertheory.errors import InfeasibleWidth, TheoremNotApplicable
from ertheory.networks.target import Target
from ertheory.numbers import (
    Ball,
    Decision,
    decide,
    enclose,
    exp_complement,
    log_sparsity,
    near_zero,
    probability,
    smallest,
    working_precision,
)

__all__ = ["DROP", "drop"]

_LARGEST = 10**100  # copies up to which the search in double precision is sure of itself
# Of delta, for the copies where layer 0 is matched and costs something; what is left is for the Hall sum.
_SHARES = (Fraction(999, 1000), Fraction(9, 10), Fraction(2, 3))


def drop(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, layer0: Layer0 = "dense"
) -> Width:
    """Widths that suffice if only good copies are used.

    Parameters
    ----------
    target
        Target of depth L, fully connected or convolutional.
    densities
        p_0..p_L, each in (0, 1].
    failure_probability
        delta in (0, 1).
    layer0
        ``dense`` or ``matched``; for ``matched`` the law is multiplied by 1 - H with the Hall sum H.

    Returns
    -------
    Width
        Certified: the law is at least 1 - delta, and less where any one integer is lowered. The total is never above
        that of `exact`. With one hidden layer and layer 0 dense it is the smallest one that the law allows, where
        there are at most a million q_0 to look at (densities above about 1e-5); otherwise a good one. Deeper, a bound
        with thresholds takes the place of the law, see Notes. Without hidden layers, and where `exact` asks for more
        copies of a neuron than 10^100 (deeper: 10^9), the widths are those of `exact`. Where they are not certainly the
        smallest ones, a question with a smaller delta or sparser layers now and then has a smaller answer; that one
        holds here too, since the law grows with every density.

    Raises
    ------
    TheoremNotApplicable
        If layer 0 is read as ``preassigned``, where copies do not fail independently.
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If no width that can be written down is sufficient.

    Notes
    -----
    Ours, not the paper's; the blocks are those of Theorems 2.1 and 2.2. With one hidden layer the success probability
    is at least prod_j E[(1 - (1 - p_2)^G)^{c_j}] with G ~ Bin(q_1, (1 - (1 - p_1)^{q_0})^{k_j}), k_j the fan-in and c_j
    the fan-out of neuron j. Deeper, it is at least

        prod_{l=1}^{L-2} prod_j P(Bin(q_l, g_lj) >= t_l)  prod_j E[(1 - (1 - p_L)^G)^{c_j}]

    for any integers t_l >= 1, with g_lj = (1 - (1 - p_l)^{t_{l-1}})^{k_lj}, t_0 = q_0 and G ~ Bin(q_{L-1}, g_{L-1,j}).

    Examples
    --------
    >>> tenth = (Fraction(1), Fraction(1, 10), Fraction(1, 10))
    >>> drop(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).factors
    (74, 187, 1)
    """
    if layer0 == "preassigned":
        raise TheoremNotApplicable(f"drop: {SHARED}")
    law = Law(target, densities, layer0)
    failure_probability = probability("failure_probability", failure_probability)
    whole = exact(target, law.densities, failure_probability, layer0=layer0)  # a good copy is one that is not dropped
    if target.depth == 1:
        return _renamed(whole)
    factors, first_width = whole.factors or (), whole.widths[0] or 0
    if max(factors) > (_LARGEST if target.depth == 2 else LONGEST_TAIL):
        return _renamed(whole)
    thresholds = best_thresholds(target, law.densities, factors)
    return _describe(_best(_Design(law, failure_probability, factors, first_width, thresholds)))


@dataclass(frozen=True)
class _Design:
    """Integers for which the law holds, and the bits that certified them."""

    law: Law
    failure_probability: Fraction
    factors: tuple[int, ...]
    first_width: int
    thresholds: tuple[int, ...] = ()
    bits: int = 0
    # Enclosures already computed: layer 0 is searched for with the same copies again and again.
    known: dict[tuple[object, ...], Ball] = field(default_factory=dict, repr=False, compare=False)

    @property
    def total(self) -> int:
        hidden = zip(self.law.target.widths[1:-1], self.factors[1:-1], strict=True)
        return self.first_width + sum(n * q for n, q in hidden)

    def changed(self, layer: int, copies: int) -> _Design:
        """Replace one number of copies; N_0 follows q_0 where layer 0 is dense."""
        factors = (*self.factors[:layer], copies, *self.factors[layer + 1 :])
        first = self.first_width if self.law.layer0 == "matched" else factors[0] * self.law.target.inputs
        return replace(self, factors=factors, first_width=first)

    def widened(self, first_width: int) -> _Design:
        """Replace N_0."""
        return replace(self, first_width=first_width)

    def holds(self) -> Decision:
        """Decide whether the law is at least 1 - delta; what stays undecided counts as no."""

        def tie() -> bool:
            copies = exact_drop(self.law.target, self.law.densities, self.factors, self.thresholds)
            matched = self.law.exact_matching(self.factors[0], self.first_width)
            if copies is None or matched is None:
                return False
            return copies * matched == 1 - self.failure_probability

        return decide(
            lambda: self.log_success() - log_sparsity(self.failure_probability),
            tie=tie,
            undecided=False,
            most_bits=LAW_BITS,
        )

    def log_success(self) -> Ball:
        """Enclose the logarithm of the law."""
        key = (working_precision(), self.factors, self.thresholds)
        if key not in self.known:
            law = self.law
            self.known[key] = log_kept(law.target, law.densities, self.factors, self.thresholds)
        return self.known[key] + self.law.log_matching(self.factors[0], self.first_width)


def _renamed(whole: Width) -> Width:
    """Give the answer of `exact` as one of ours: a good copy is one that is not dropped."""
    design = BlockDesign(construction="drop", factors=whole.factors or ())
    return replace(whole, method=DROP.name, statement=DROP.citation(whole.target), design=design)


def _best(start: _Design) -> _Design:
    """Search from a design for which the law holds; no integer of the answer can be lowered by itself."""
    searched = _searched(start, start.failure_probability)
    free = replace(searched, first_width=searched.factors[0] * start.law.target.inputs)
    if free.total < start.total and free.holds().holds:
        return _lowered(free)
    paid = [
        _with_first_width(_searched(start, share * start.failure_probability), (1 - share) * start.failure_probability)
        for share in (_SHARES if start.law.layer0 == "matched" else ())
    ]
    return _lowered(min([start, *filter(None, paid)], key=lambda design: design.total))


def _searched(start: _Design, share: Fraction) -> _Design:
    """Search for a small total with a share of delta, as if layer 0 were alive."""
    law, target = start.law, start.law.target
    alive = replace(start, law=Law(target, law.densities, "dense"), failure_probability=share)
    price = float(target.inputs)
    if law.layer0 == "matched":  # so many neurons read any input, out of which every input gets its own
        price /= max(1e-300, -math.expm1(target.inputs * log_miss(law.densities[0])))
    goal = log_goal(share)
    if target.depth > 2:
        factors, thresholds = threshold_design(target, law.densities, goal, price=price)
        return replace(start, factors=factors, thresholds=thresholds)

    def at(first: int, second: int) -> _Design:
        return replace(alive, factors=(first, second, 1))

    def smallest_above(first: int, guess: int) -> int | None:
        try:
            return smallest(lambda second: at(first, second).holds(), guess)[0]
        except InfeasibleWidth:
            return None

    pair = best_pair(
        target,
        law.densities,
        goal,
        (start.factors[0], start.factors[1]),
        smallest_above,
        lambda first, second: at(first, second).holds().holds,
        price=price,
    )
    return replace(start, factors=(*pair, 1))


def _with_first_width(design: _Design, share: Fraction) -> _Design | None:
    """Give a matched layer 0 so many neurons that the law holds, or none where that cannot be found."""
    inputs, copies = design.law.target.inputs, design.factors[0]
    neurons = hall_guess(inputs, copies, design.law.densities[0], share)
    try:
        found = smallest(lambda number: design.widened(number).holds(), neurons, least=neurons)
    except InfeasibleWidth:
        return None
    return design.widened(found[0])


def _lowered(design: _Design) -> _Design:
    """Lower N_0, q_0, q_1, ... in turn until the law forbids to lower any of them."""
    bits, before = 0, None
    while before != design:
        before = design
        if design.law.layer0 == "matched":
            neurons, used = _fewest_neurons(design)
            design, bits = design.widened(neurons), max(bits, used)
        for layer in range(design.law.target.depth):
            copies, used = smallest(
                lambda copies, layer=layer, design=design: design.changed(layer, copies).holds(),  # type: ignore[misc]
                design.factors[layer],
            )
            design, bits = design.changed(layer, copies), max(bits, used)
    return replace(design, bits=bits)


def _fewest_neurons(design: _Design) -> tuple[int, int]:
    least = design.factors[0] * design.law.target.inputs
    guess = near_zero(
        lambda neurons: (
            (-design.widened(neurons).log_success()).log() - (-log_sparsity(design.failure_probability)).log()
        ),
        design.first_width,
        least=least,
    )
    return smallest(lambda neurons: design.widened(neurons).holds(), guess, least=least)


def _describe(design: _Design) -> Width:
    law, target, factors = design.law, design.law.target, design.factors
    refusal = refuse_masked(target, law.densities, law.layer0)
    success = None
    if not refusal:
        success = 1 - design.failure_probability
        try:
            failure = enclose(lambda: exp_complement(design.log_success()), digits=6, most_bits=LAW_BITS)
            success = max(success, 1 - failure[1])
        except InfeasibleWidth:
            pass
    drawn = BlockDesign(construction="drop", factors=factors, thresholds=design.thresholds)
    return DROP.answer(
        Question(target=target, densities=law.densities, failure_probability=design.failure_probability),
        (design.first_width, *(n * q for n, q in zip(target.widths[1:], factors[1:], strict=True))),
        layer0=law.layer0,
        refusal=refusal,
        reason=drawn.says(target, law.layer0),
        variant="exact" if target.depth == 2 and law.layer0 == "dense" else "repaired",
        factors=factors,
        success_lower=success,
        certified=certificate(design.bits),
        design=drawn,
    )


def _widths(question: Question) -> Width:
    layer0 = question.copied_layer0
    return drop(question.target, question.densities, question.failure_probability, layer0=layer0)  # type: ignore[arg-type]


DROP = Statement(
    name="drop",
    kind="sufficient",
    variant="exact",
    source="dropped copies (ours), the blocks of Theorems 2.1 and 2.2",
    title="the paper's blocks, where copies that lack an edge are left out",
    widths=_widths,
    conditions="bounded inputs",
    cites=dropped_statement,
    refuses=refuse_masked,
    readings=("dense", "matched"),
    unreadable={"coded": "inputs are copied", "preassigned": SHARED},
    inverse=DROP_INVERSE,
    certificate=drop_certificate,
    constructions=("drop",),
    steps=drop_steps,
    checks=("drop", "drop-deep"),
    default=True,
)
