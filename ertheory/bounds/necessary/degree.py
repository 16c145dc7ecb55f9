"""The degree bound: a necessary width for generic targets with one hidden layer, all source layers masked.

Target d-n-o with n <= d, every entry of W_2 non-zero, and the n hyperplanes W_1 x + b_1 = 0 meeting inside the box.
Source: two masked hidden layers N_0 and N_1, linear output. Then, for almost every W_1,

    P(represented) <= P(Bin(N_1, p_2) >= n)^o + E,    E = P(sum over u of (a_u - d + n)^+ >= n),

with a_u ~ Bin(d, p_0) for the N_0 rows of layer 0. Where it is known that no minor of size n of W_1 is zero, that is
enough, with E = N_0 P(Bin(d, p_0) >= d - n + 1).

Proof. By the chamber theorem (`ertheory.bounds.necessary.chambers`) there is, but for the probability E, a convex open
set that meets all hyperplanes and on which every preactivation of layer 1 is affine. Each hyperplane of each output
needs a neuron adjacent to that output which vanishes exactly there, and different hyperplanes need different neurons.
Hence every output has at least n neighbours; the outputs' degrees are independent.  QED

Deeper targets are refused, since less is true of their hidden layers. Take two hidden layers, of n_1 and n_2 neurons. A
kink of the second one bends where it meets a hyperplane H_j of the first, and the source may make that bend with no
kink along H_j in layer 1: max(0, t, t + y) = relu(t) + relu(t + y - relu(t)) bends at y = 0, and its layer 1 at t = 0
alone. On a box where at most one of y_1, .., y_n is positive unless t is, relu(t + relu(y_1) + .. + relu(y_n)) is
relu(t) plus the sum of the relu(t + y_j - relu(t)): one kink in layer 1 for n hyperplanes. What is left:

Theorem. Let layer 0 be affine on the box, and let H_j have more than N_1 different bends inside the box, at each of
which an output has the kink {h_k = 0} of a second-layer neuron with another normal on either side of H_j, and no other
kink but H_j. Then some neuron of layer 1 vanishes exactly on H_j.

Proof. If no neuron of layer 1 had a kink through a bend, layer 1 would be affine near a point of it, the kinks of layer
2 straight, and that of the output would not end at H_j. A hyperplane other than H_j meets H_j in one set of dimension
d - 2, so it contains one bend of H_j at most, and N_1 of them are too few.  QED

With all H_j like that (there may be n_2 2^(n_1 - 1) bends) layer 1 has n_1 neurons of which every one is reached from
all inputs that its row of W_1 reads, so N_1 >= n_1 and N_0 is bounded as by the path count with p_2 = 1, under that cap
on N_1. Whether masks cost a middle layer any factor beyond n_1 neurons is not known.
"""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.necessary.given import ceiling_inverse
from ertheory.bounds.necessary.position import Position, position_of
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement, Step
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Ball, Decision, ball, decide, enclose, lower_tail, near_zero, rational_text, smallest

__all__ = ["DEGREE", "SAYS_NOTHING", "degree", "degree_ceiling", "degree_refusal", "reach_of"]

_SPARSEST = Fraction(1, 10**30)  # every digit of N_1 takes some steps of the search

_SHARE = Fraction(1, 100)  # of delta that dense rows of layer 0 may take, where the reach is chosen here
_LAW = "P(represented) <= P(Bin(N1, p2) >= n)^o + E"
SAYS_NOTHING = "says nothing: a layer 0 of {} neurons is too likely to have rows with many entries"


def degree(
    target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction, *, first_width: int
) -> Width:
    """Smallest N_1 that the degree bound does not rule out.

    Parameters
    ----------
    target
        A fully connected target d-n-o.
    densities
        p_0, p_1, p_2.
    failure_probability
        delta in (0, 1).
    first_width
        N_0 up to which the bound is stated; a wider layer 0 has more rows that could be dense enough to evade it.

    Returns
    -------
    Width
        The widths are necessary; N_0 is left open. If the target or the densities violate a hypothesis, `applies` is
        false.

    Notes
    -----
    Ours, not the paper's. It is a statement about targets in general position; a particular trained network may need
    fewer neurons.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> degree(Target.from_text("784-128-10"), tenth, Fraction(1, 1000), first_width=179536).widths
    (None, 1720, 10)
    """
    position = position_of(target)
    refusal = position.refusal
    width: int | None = None
    bits = 0
    if not refusal:
        densities = read_densities(target, density=densities)
        n, outputs = position.classes, position.outputs

        def holds(neurons: int) -> Decision:
            return decide(
                lambda: degree_ceiling(target, densities, first_width, neurons) - 1 + ball(failure_probability),
                undecided=True,
            )

        if densities[2] < _SPARSEST:
            refusal = f"is searched for densities of at least {float(_SPARSEST)} only"
        elif holds(n - 1).holds:
            refusal = SAYS_NOTHING.format(first_width)
        elif densities[2] == 1:
            width = n
        else:
            guess = near_zero(
                lambda neurons: (
                    lower_tail(neurons, n - 1, ball(densities[2])).log() - (ball(failure_probability) / outputs).log()
                ),
                max(n, int(n / densities[2])),
                least=n,
            )
            width, bits = smallest(holds, guess, least=n)
    return DEGREE.answer(
        Question(target=target, densities=densities, failure_probability=failure_probability),
        (*(None,) * (target.depth - 1), width, target.widths[-1]),
        refusal=refusal,
        reason=f"{position.conditions()}; N_0 up to {first_width}",
        holds_up_to=(first_width, *(None,) * target.depth),
        certified=f"balls, {bits} bits" if bits else "exact integers",
    )


def degree_ceiling(target: Target, densities: tuple[Fraction, ...], first_width: int, neurons: int) -> Ball:
    """Enclose the upper bound on the success probability with N_0 = first_width and N_1 = neurons.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> half = (Fraction(1, 100), Fraction(1, 2), Fraction(1, 2))
    >>> ceiling = enclose(lambda: degree_ceiling(Target.from_text("9-2-1"), half, 1, 2))
    >>> round(float(ceiling[1]), 6)
    0.25
    """
    position = position_of(target)
    enough = 1 - lower_tail(neurons, position.classes - 1, ball(densities[2]))
    return enough**position.outputs + position.evasion(densities[0], first_width)


def degree_refusal(target: Target) -> str:
    """Name the first hypothesis that the target certainly violates, or return an empty string.

    Examples
    --------
    >>> degree_refusal(Target.from_text("4-8-3"))
    'needs at most as many hidden neurons as inputs (n = 8, d = 4)'
    """
    return position_of(target).refusal


def reach_of(position: Position, densities: tuple[Fraction, ...], failure_probability: Fraction, most: int) -> int:
    """Choose the N_0 up to which a statement about layer 1 shall hold.

    Parameters
    ----------
    position
        That of the target.
    densities, failure_probability
        p_0, p_1, p_2 and delta.
    most
        The N_0 that is wished for.

    Returns
    -------
    int
        That one, unless dense rows of layer 0 would take more than a hundredth of delta there; else the largest N_0 at
        which they do not. Where that is below n, it is again the one that is wished for: nothing can be said.

    Examples
    --------
    >>> fifth = (Fraction(4, 5),) * 3
    >>> reach_of(position_of(Target.from_text("784-128-10")), fifth, Fraction(1, 1000), 10**5)
    2724
    """
    share = _SHARE * failure_probability

    def evades(neurons: int) -> Decision:
        return decide(lambda: position.evasion(densities[0], neurons) - ball(share), undecided=True)

    if position.refusal or not evades(most).holds:
        return most
    if evades(position.classes).holds:
        return most
    return smallest(evades, min(most, 2 * position.classes), least=position.classes)[0] - 1


def _widths(question: Question) -> Width:
    asked = question.target, question.densities, question.failure_probability
    return degree(*asked, first_width=reach_of(position_of(question.target), *asked[1:], question.reach[0]))


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return degree_refusal(target)


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...]) -> Ball:
    return degree_ceiling(given.target, densities, given.widths[0], given.widths[1])


def _reason(given: GivenWidths) -> str:
    return position_of(given.target).conditions()


def _steps(answer: Width) -> tuple[Step, ...]:
    if answer.applies:
        return _ceiling_steps(answer, answer.holds_up_to[0])
    return (_LAW,) if answer.target.depth <= 2 else (_LAW, *_deeper(answer.target))


def _deeper(target: Target) -> tuple[Step, ...]:
    """Say what is known of hidden layers that another one follows."""
    classes = target.widths[1]
    return (
        "does not hold for hidden layers that another one follows: the source may carry their hyperplanes higher up",
        "  relu(t) + relu(t + y - relu(t)) = max(0, t, t + y) bends at y = 0, its first layer at t = 0 alone; so one "
        "neuron",
        f"  there can stand for all n_1 = {classes} hyperplanes y_j = 0 (where at most one y_j > 0 as long as t <= 0)",
        "known, for a layer 0 that is affine on the box: let every hyperplane of layer 1 have more than N_1 bends, at "
        "which",
        "  an output has a kink with another normal on either side; then a neuron of layer 1 vanishes on each, so",
        f"  N_1 >= n_1 = {classes}, and it is reached from all inputs that it reads",
        "not known: whether masks cost a middle layer more than that; no width is claimed",
    )


def _ceiling_steps(answer: Width, first_width: int | None = None) -> tuple[Step, ...]:
    position, (p0, _, p2) = position_of(answer.target), answer.densities
    rows, neurons = first_width or answer.widths[0] or 0, answer.widths[1] or 0
    n, outputs = position.classes, position.outputs
    ceiling = enclose(lambda: 1 + degree_ceiling(answer.target, answer.densities, rows, neurons), digits=16)[1] - 1
    return (
        _LAW,
        f"  = P(Bin({neurons}, {rational_text(p2)}) >= {n})^{outputs} + E ~ {float(ceiling):.8g}",
        *position.evasion_lines(p0, rows),
    )


DEGREE = Statement(
    name="degree",
    kind="necessary",
    variant="exact",
    source="degree bound (ours)",
    title="every output needs as many neighbours in the last hidden layer as the target has hidden neurons",
    widths=_widths,
    conditions="for a target in general position: almost every W_1, hyperplanes that meet inside the box, W_2 without "
    "zeros, linear output",
    refuses=_refuses,
    limited=(0,),
    inverse=ceiling_inverse(_ceiling, _reason, _ceiling_steps),
    steps=_steps,
    checks=("degree",),
    default=True,
)
