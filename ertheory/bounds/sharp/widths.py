"""Sharp widths: every layer by the construction that asks for least, with the failure probability split among them.

The statement and its proof stand in `ertheory.bounds.sharp.law`, the search in `ertheory.bounds.sharp.search`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import get_args

import numpy as np

from ertheory.bounds.blocks.answers import BlockDesign
from ertheory.bounds.blocks.minimal import exact
from ertheory.bounds.drop.explained import drop_steps
from ertheory.bounds.drop.widths import drop
from ertheory.bounds.result import Construction, Width
from ertheory.bounds.sharp.coded import coded_width, dual_failure, mean_size, primal_failure
from ertheory.bounds.sharp.given import sharp_inverse
from ertheory.bounds.sharp.law import Colouring, Design, colouring, first_layer_says
from ertheory.bounds.sharp.search import Objective, SharpLayer0, designs
from ertheory.bounds.statement import Question, Reading, Statement, Step
from ertheory.errors import InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Masses, named_numbers, probability

__all__ = ["SHARP_STATEMENT", "matching", "sequential", "sharp"]

SHARP_STATEMENT = "sharp construction (ours)"
_CERTIFIED = "double precision with directed bounds, every rounding counted"
_MASKED = {"dense": "layer 0 is masked", "preassigned": "layer 0 is masked"}
_QUICK_DENSITY = Fraction(1, 1000)  # below, the search takes longer than one cares to wait unasked
_LEAST_FAILURE = Fraction(1, 10**25)  # below, what is left out of the sums would count


def sequential(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer0: SharpLayer0 | None = None,
    objective: Objective = "last",
) -> Width:
    """Widths with the last hidden layer coloured by the sequential greedy; arguments as for `sharp`.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> sequential(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (8551, 1850, 10)
    """
    return _width(SEQUENTIAL, target, densities, failure_probability, layer0, objective)


def matching(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer0: SharpLayer0 | None = None,
    objective: Objective = "last",
) -> Width:
    """Widths with the last hidden layer coloured by private matching; arguments as for `sharp`.

    Examples
    --------
    >>> twentieth = (Fraction(1, 20),) * 3
    >>> matching(Target.from_text("784-128-10"), twentieth, Fraction(1, 1000)).widths
    (17087, 3513, 10)
    """
    return _width(MATCHING, target, densities, failure_probability, layer0, objective)


def sharp(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer0: SharpLayer0 | None = None,
    objective: Objective = "last",
) -> Width:
    """Widths of a coloured last hidden layer or of dropped copies, whichever is smaller, every layer masked.

    Never more neurons than `sequential`, `matching` or `drop` with the same arguments.

    Parameters
    ----------
    target
        Target of depth L, fully connected or convolutional.
    densities
        p_0..p_L, each in (0, 1].
    failure_probability
        delta in (0, 1).
    layer0
        How layer 0 is read, ``coded`` or ``matched``; by default whichever gives the smaller total. Below dropped
        copies it is ``dense`` where p_0 = 1.
    objective
        ``last``: with one hidden layer, N_1 is the smallest that half of delta allows, then N_0 the smallest that the
        rest allows, where some of the N_1 neurons may be left without a class. ``total``: more neurons in layer 1 for a
        smaller N_0 + N_1. Deeper targets are designed for a small total either way.

    Returns
    -------
    Width
        Certified: the bound is at most delta, and above it where N_{L-1}, one of the q_l or (unless matched) N_0 is
        lowered alone. With spare neurons and for deeper targets a good design, not certainly the best one.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If no construction could be certified.

    Notes
    -----
    Ours, not the paper's. Inputs must be bounded for ``coded``. In convolutional targets layer 0 is a 1x1 convolution;
    ``coded`` then also needs layers without zero padding, or inputs and weights of layer 0 of one sign.

    Not offered: rows of layer 0 that all lie in a small space which contains the rows of W_1. At best they would save
    6 % of the neurons for 784-128-10, and 18 % for the other targets of ``benchmarks/row_spaces.py``, for almost every
    W_1 only and without a proof; wherever they could save more than 4 %, a factored source needs fewer still.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> sharp(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (8551, 1850, 10)
    >>> sharp(Target.from_text("784-128-10"), tenth, Fraction(1, 1000), objective="total").total < 8551 + 1850
    True
    >>> sharp(Target.from_text("50-2-1"), (Fraction(1, 100), Fraction(1, 100), Fraction(1)), Fraction(1, 1000)).total
    33017
    """
    return _width(SHARP, target, densities, failure_probability, layer0, objective)


def _width(
    statement: Statement,
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    layer0: SharpLayer0 | None,
    objective: Objective,
) -> Width:
    densities = read_densities(target, density=densities)
    delta = probability("failure_probability", failure_probability)
    if layer0 is not None and layer0 not in get_args(SharpLayer0):
        raise InvalidInput("layer0", "coded or matched", layer0)
    if objective not in get_args(Objective):
        raise InvalidInput("objective", "last or total", objective)
    if delta < _LEAST_FAILURE:
        raise InfeasibleWidth(
            f"{statement.name} is certified for failure probabilities of at least {float(_LEAST_FAILURE)}"
        )
    if refusal := statement.refuses(target, densities, layer0):
        raise TheoremNotApplicable(f"{statement.name}: {refusal}")
    question = Question(target=target, densities=densities, failure_probability=delta)
    if target.depth == 1:
        return _single_layer(statement, question, layer0)
    found = _coloured(statement, question, layer0, objective)
    if "drop" in statement.constructions and layer0 != "coded":
        found += _dropped(statement, question, layer0)
    if not found:
        raise InfeasibleWidth(f"{statement.name}: no widths could be certified for target {target}")
    return min(found, key=lambda answer: answer.total or 0)


def _coloured(
    statement: Statement, question: Question, layer0: SharpLayer0 | None, objective: Objective
) -> list[Width]:
    target, densities, delta = question.target, question.densities, question.failure_probability
    # Which colouring is used must not depend on the mask, so it is settled here: the one with the smaller total.
    known = [colouring(target, densities[-1], name) for name in statement.constructions if name != "drop"]
    found: list[Width] = []
    for colours in sorted(known, key=lambda colours: _width_or_never(colours, delta / 2)):
        least = min((answer.total or 0 for answer in found), default=None)
        if least is not None and _width_or_never(colours, delta) >= least:
            continue
        tried = designs(target, densities, colours, delta, layer0, objective, least)
        best = min(tried, key=lambda design: design.total, default=None)
        if best is not None:
            found.append(_answer(statement, question, best.widths, best.failure()[1], best, best.says()))
    return found


def _width_or_never(colours: Colouring, share: Fraction) -> float:
    try:
        return colours.width(share)[0]
    except InfeasibleWidth:
        return math.inf


def _dropped(statement: Statement, question: Question, layer0: SharpLayer0 | None) -> list[Width]:
    """Leave out bad copies instead of colouring: where the outputs need little, this takes fewer neurons."""
    alive = question.densities[0] == 1 and layer0 is None
    try:
        answer = drop(
            question.target,
            question.densities,
            question.failure_probability,
            layer0="dense" if alive else "matched",
        )
    except InfeasibleWidth:
        return []
    return [replace(answer, method=statement.name, variant=statement.variant)]


def _single_layer(statement: Statement, question: Question, layer0: SharpLayer0 | None) -> Width:
    """Without hidden layers there is nothing to colour: outputs are coded, or the exact law holds."""
    found = [] if layer0 == "matched" else _coded(statement, question)
    if layer0 != "coded":
        plain = exact(question.target, question.densities, question.failure_probability, layer0="matched")
        design = BlockDesign(construction=statement.constructions[0], factors=plain.factors or ())
        found.append(replace(plain, method=statement.name, statement=statement.source, design=design))
    if not found:
        raise InfeasibleWidth(f"{statement.name}: no widths could be certified for target {question.target}")
    return min(found, key=lambda answer: answer.widths[0] or 0)


def _coded(statement: Statement, question: Question) -> list[Width]:
    target, pair = question.target, (question.densities[0], question.densities[1])
    layer = target.layers[0]
    rows = layer.entries_per_pair * sum(n for fan_in, n in layer.fan_in_counts.items() if fan_in)
    used = Masses(rows, np.ones(1), 0)
    try:
        first, kind, _ = coded_width(used, target.inputs, pair, question.failure_probability)
    except InfeasibleWidth:
        return []
    if kind == "dual":
        failure = dual_failure(used, target.inputs, first, pair)[1]
    else:
        failure = primal_failure(mean_size(used), target.inputs, first, pair)[1]
    design = CodedLayer(construction=statement.constructions[0], layer0=kind)
    return [_answer(statement, question, (first, target.widths[-1]), failure, design, design.says(target))]


@dataclass(frozen=True, kw_only=True)
class CodedLayer:
    """A coded layer 0 below the outputs of a target without hidden layers.

    Parameters
    ----------
    construction
        The name under which builders know it, though nothing is coloured.
    layer0
        The side of the matching that the bound counts: ``primal`` or ``dual``.
    """

    construction: Construction
    layer0: str
    copies: int = 0  # of inputs: there are none

    def says(self, target: Target) -> str:
        """Say on what the design rests."""
        return first_layer_says(target, self.layer0)


def _answer(
    statement: Statement,
    question: Question,
    widths: tuple[int, ...],
    failure: Fraction,
    design: Design | CodedLayer,
    reason: str,
) -> Width:
    return statement.answer(
        question,
        widths,
        layer0="matched" if design.layer0 == "matched" else "coded",
        reason=reason,
        success_lower=1 - min(failure, question.failure_probability),
        certified=_CERTIFIED,
        design=design,
    )


def _asked(calculation: Callable[..., Width]) -> Callable[[Question], Width]:
    def widths(question: Question) -> Width:
        layer0 = "matched" if question.layer0 == "dense" else question.layer0  # the same where p_0 = 1
        objective = question.options.get("objective", "last")
        return calculation(
            question.target, question.densities, question.failure_probability, layer0=layer0, objective=objective
        )

    return widths


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return "a layer of the target has no weights; reduce the target first" if min(target.nonzeros) == 0 else ""


def _steps(answer: Width) -> tuple[Step, ...]:
    if isinstance(answer.design, BlockDesign):  # the best one leaves out bad copies, or there is nothing to colour
        return drop_steps(answer)
    lines = (
        "P(failure) <= [layer 0] + sum_l sum_j P(Bin(ql, g_lj) < tl) + P(Bin(N_(L-1), g) < N') + last(N')",
        "[layer 0] = E|V| eps(d, N0, p0, p1) (primal), E[min(1, d eps(|V|, N0, p1, p0))] (dual), E[min(1, d eps(M, N0, "
        "p1^s, p0))] with M parts of s copies (classes) or the Hall sum (matched)",
        "eps(d, N, a, b) = E[min(1, sum_s C(d, s) C(K, s - 1) (1 - a)^(s (K - s + 1)))],  K ~ Bin(N, b)",
    )
    if answer.success_lower is None or answer.design is None:
        return lines
    numbers: dict[str, Fraction | int] = {"d": answer.target.inputs}
    numbers |= {f"p{layer}": density for layer, density in enumerate(answer.densities)}
    numbers |= {f"N{layer}": width or 0 for layer, width in enumerate(answer.widths)}
    terms = ""
    if isinstance(answer.design, Design):
        design = answer.design
        numbers["N'"] = design.served
        numbers |= {f"q{layer}": copies for layer, copies in enumerate(design.factors, start=1)}
        numbers |= {f"t{layer}": threshold for layer, threshold in enumerate(design.thresholds, start=1)}
        first, last = design.first_layer()[1], design.colours.failure(design.served)[1]
        terms = f": [layer 0] <= {float(first):.4g}, last(N') <= {float(last):.4g}"
    total = f"P(failure) <= {float(1 - answer.success_lower):.4g} with {answer.reason}"
    return (*lines, f"{named_numbers(numbers)}{terms}", total)


SEQUENTIAL = Statement(
    name="sequential",
    kind="sufficient",
    variant="repaired",
    source=SHARP_STATEMENT,
    title="the last hidden layer is coloured output by output, layer 0 is coded or matched",
    widths=_asked(sequential),
    conditions="bounded inputs",
    refuses=_refuses,
    readings=("coded", "matched"),
    unreadable=_MASKED,
    inverse=sharp_inverse(("sequential",), _steps),
    constructions=("sequential",),
    steps=_steps,
    checks=("sequential", "coded", "coded-dual", "coded-classes"),
    options=("objective",),
    slow_below=_QUICK_DENSITY,
)
MATCHING = replace(
    SEQUENTIAL,
    name="matching",
    title="every output gets neurons of its own in the last hidden layer, layer 0 is coded or matched",
    widths=_asked(matching),
    inverse=sharp_inverse(("matching",), _steps),
    constructions=("matching",),
    checks=("matching", "coded", "coded-dual", "coded-classes"),
)
SHARP = replace(
    SEQUENTIAL,
    name="sharp",
    title="a coloured last hidden layer, by the colouring that needs fewer neurons there, or dropped copies",
    widths=_asked(sharp),
    inverse=sharp_inverse(("sequential", "matching"), _steps),
    constructions=("sequential", "matching", "drop"),
    checks=("sharp", "coded", "coded-dual", "coded-classes"),
    default=True,
)
