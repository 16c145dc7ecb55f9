"""The size bound: how many neurons of the last hidden layer suffice to cover all outputs n times over, at most.

A necessary width for generic targets d-n-o with one hidden layer, under the hypotheses of
`ertheory.bounds.necessary.degree`. Their proof gives more than that every output has n neighbours: the neurons that
vanish on the hyperplane of one target neuron near the common point are a class, each output is adjacent to some neuron
of each class, and different classes are disjoint.

Theorem. Let z_0 = 0 and z_1..z_o >= 0 be such that z_{s_1} + z_{s_2} + .. >= 1 whenever s_1 + s_2 + .. >= o. Then

    P(represented) <= P(z_{D_1} + .. + z_{D_N} >= n) + E,

where D_1, D_2, .. are independent, each Bin(o, p_2), N = N_1, and E is the probability that rows of layer 0 are dense
enough to evade the argument, as in the degree bound.

Proof. Let D_v be the number of outputs adjacent to neuron v. A class covers all outputs, so the sizes D_v of its
members sum to o at least, and their z to 1 at least. There are n disjoint classes, so the z_{D_v} of all neurons sum to
n or more.  QED

The theorem holds for every such z. The smallest bound on average is a linear program over z with one constraint for
every multiset of sizes that sum to o; it is solved in double precision, adding violated constraints one by one, and z
is then rounded to rationals. That they satisfy all constraints is checked exactly, as a shortest path over the sizes.
The law of the sum is no expectation but summed itself, with every rounding counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ertheory.bounds.necessary.degree import DEGREE, SAYS_NOTHING, reach_of
from ertheory.bounds.necessary.given import bounded_inverse
from ertheory.bounds.necessary.position import position_of
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement, Step
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import (
    Bounds,
    Decision,
    Masses,
    binomial_masses,
    bounds,
    convolve,
    probability,
    smallest,
)

__all__ = ["SIZE_LP", "cheapest_cover", "cover_weights", "size_ceiling", "size_lp", "size_shortfall"]

_LARGEST_DENOMINATOR = 60
_MOST_OUTPUTS = 100
_LOSS = 1e-60
_TOLERANCE = 1e-9
_LAW = "P(represented) <= P(z_D1 + .. + z_DN >= n) + E,  D_v ~ Bin(o, p2), N = N1"


def size_lp(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    first_width: int | None = None,
) -> Width:
    """Smallest N_1 that the size bound does not rule out.

    Parameters
    ----------
    target
        A fully connected target d-n-o.
    densities
        p_0, p_1, p_2.
    failure_probability
        delta in (0, 1).
    first_width
        N_0 up to which the bound is stated; ``None`` for sources whose layer 0 is affine on the box, which need no such
        limit.

    Returns
    -------
    Width
        The widths are necessary; N_0 is left open. If the target or the densities violate a hypothesis, `applies` is
        false.

    Examples
    --------
    >>> mixed = (Fraction(7, 10),) * 3
    >>> size_lp(Target.from_text("784-128-10"), mixed, Fraction(1, 1000), first_width=15000).widths
    (None, 255, 10)
    """
    densities = read_densities(target, density=densities)
    failure_probability = probability("failure_probability", failure_probability)
    position, refusal = position_of(target), _refuses(target, densities, None)
    width: int | None = None
    if not refusal:
        budget = failure_probability
        if first_width is not None:
            budget += position.evaded(densities[0], first_width)
        if budget >= 1:
            refusal = SAYS_NOTHING.format(first_width)
        else:
            width = _smallest(position.outputs, position.classes, densities[2], budget)
    named = "any N_0 if layer 0 is affine on the box" if first_width is None else f"N_0 up to {first_width}"
    return SIZE_LP.answer(
        Question(target=target, densities=densities, failure_probability=failure_probability),
        (*(None,) * (target.depth - 1), width, target.widths[-1]),
        refusal=refusal,
        reason=f"{position.conditions()}; {named}",
        holds_up_to=(first_width, *(None,) * target.depth),
        certified="rational weights, checked exactly; double precision with directed bounds, every rounding counted",
    )


def _smallest(outputs: int, classes: int, density: Fraction, budget: Fraction) -> int:
    if density == 1:
        return classes
    weights = cover_weights(outputs, density)

    def holds(neurons: int) -> Decision:
        low, high = size_shortfall(weights, neurons, classes, density)
        return Decision(low <= budget, 54 if low <= budget < high else 53)

    mean = sum(
        float(weight) * math.comb(outputs, size) * float(density) ** size * float(1 - density) ** (outputs - size)
        for size, weight in enumerate(weights)
    )
    return smallest(holds, math.ceil(classes / mean))[0]


def size_ceiling(target: Target, densities: tuple[Fraction, ...], first_width: int, neurons: int) -> Fraction:
    """Give an upper bound on the success probability with N_0 = first_width and N_1 = neurons, at most 1.

    Examples
    --------
    >>> half = (Fraction(1, 100), Fraction(1, 2), Fraction(1, 2))
    >>> round(float(size_ceiling(Target.from_text("9-2-1"), half, 1, 2)), 6)
    0.25
    """
    position = position_of(target)
    if densities[2] == 1:
        short = Fraction(neurons < position.classes)
    else:
        weights = cover_weights(position.outputs, densities[2])
        short, _ = size_shortfall(weights, neurons, position.classes, densities[2])
    return min(Fraction(1), 1 - short + position.evaded(densities[0], first_width))


def size_shortfall(weights: Sequence[Fraction], neurons: int, classes: int, density: Fraction) -> Bounds:
    """Enclose P(z_{D_1} + .. + z_{D_N} < n) for D_v ~ Bin(o, p).

    Parameters
    ----------
    weights
        z_0..z_o with z_0 = 0; they must cover, see `cheapest_cover`.
    neurons, classes
        N and n.
    density
        p in (0, 1).

    Raises
    ------
    InvalidInput
        If the weights do not cover.

    Examples
    --------
    >>> low, high = size_shortfall((Fraction(0), Fraction(1)), 3, 1, Fraction(1, 2))
    >>> low < Fraction(1, 8) < high
    True
    """
    if weights[0] != 0 or min(weights) < 0 or cheapest_cover(weights) < 1:
        raise InvalidInput("weights", "z_0 = 0 and at least 1 for every cover", tuple(weights))
    scale = math.lcm(*(weight.denominator for weight in weights))
    places = [int(weight * scale) for weight in weights]
    sizes = binomial_masses(len(weights) - 1, _odds(density))
    values = np.zeros(max(places) + 1)
    for size in range(sizes.first, sizes.last + 1):
        values[places[size]] += sizes.values[size - sizes.first]
    law = Masses(0, values, sizes.roundings + len(places))
    total, power, left, lost = Masses(0, np.ones(1), 0), law, neurons, 0.0
    steps = 0
    while left:
        if left % 2:
            total = convolve(total, power).trimmed(_LOSS)
        left //= 2
        power = convolve(power, power).trimmed(_LOSS)
        steps += 1
    lost = 4 * _LOSS * neurons * (steps + 1)  # every power is used at most `neurons` times over
    inside = total.values[: max(0, classes * scale - total.first)]
    low, high = bounds(float(inside.sum()), total.roundings + len(inside), lost)
    return low, min(high, Fraction(1))


@lru_cache(maxsize=64)
def cover_weights(outputs: int, density: Fraction) -> tuple[Fraction, ...]:
    """Weights z_0..z_o that cover, with a small mean for Bin(o, p): the rounded optimum of the linear program.

    Examples
    --------
    >>> cover_weights(2, Fraction(1, 2))
    (Fraction(0, 1), Fraction(1, 2), Fraction(1, 1))
    """
    from scipy.optimize import linprog

    masses = binomial_masses(outputs, _odds(density))
    price = np.full(outputs, 1e-12)  # of sizes 1..o
    for size in range(max(1, masses.first), masses.last + 1):
        price[size - 1] = max(1e-12, masses.values[size - masses.first])
    covers = [
        [-(-outputs // size) if other == size else 0 for other in range(1, outputs + 1)]
        for size in range(1, outputs + 1)
    ]
    while True:
        found = linprog(price, A_ub=-np.array(covers), b_ub=-np.ones(len(covers)), bounds=(0, 1), method="highs")
        if not found.success:
            msg = "the linear program of the size bound could not be solved"
            raise InfeasibleWidth(msg)
        least, cover = _cheapest([0.0, *found.x.tolist()])
        if least >= 1 - _TOLERANCE:
            break
        covers.append([cover.count(size) for size in range(1, outputs + 1)])
    rounded = [Fraction(0), *(Fraction(z).limit_denominator(_LARGEST_DENOMINATOR) for z in found.x.tolist())]
    least = cheapest_cover(rounded)
    if least < 1:
        if least <= Fraction(1, 2):
            return tuple(Fraction(size, outputs) for size in range(outputs + 1))
        rounded = [z / least for z in rounded]
    return tuple(rounded)


def cheapest_cover(weights: Sequence[Fraction]) -> Fraction:
    """Smallest sum of weights over multisets of sizes 1..o that sum to o at least, exactly.

    Examples
    --------
    >>> cheapest_cover((Fraction(0), Fraction(1, 2), Fraction(2, 3), Fraction(1)))
    Fraction(1, 1)
    """
    return Fraction(_cheapest(weights)[0])


def _cheapest(weights: Sequence[Fraction] | Sequence[float]) -> tuple[Fraction | float, list[int]]:
    outputs = len(weights) - 1
    best: list[Fraction | float] = [0]
    last = [0]
    for covered in range(1, outputs + 1):
        value, size = min((best[max(0, covered - size)] + weights[size], size) for size in range(1, outputs + 1))
        best.append(value)
        last.append(size)
    cover, covered = [], outputs
    while covered > 0:
        cover.append(last[covered])
        covered -= last[covered]
    return best[outputs], cover


def _odds(chance: Fraction) -> float:
    try:
        return float(chance / (1 - chance)) if chance < 1 else math.inf
    except OverflowError:
        return math.inf


def _widths(question: Question) -> Width:
    asked = question.target, question.densities, question.failure_probability
    return size_lp(*asked, first_width=reach_of(position_of(question.target), *asked[1:], question.reach[0]))


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...]) -> Fraction:
    return size_ceiling(given.target, densities, given.widths[0], given.widths[1])


def _reason(given: GivenWidths) -> str:
    return position_of(given.target).conditions()


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:
    many = f"is evaluated for up to {_MOST_OUTPUTS} outputs" if target.widths[-1] > _MOST_OUTPUTS else ""
    return DEGREE.refuses(target, densities, layer0) or many


def _steps(answer: Width) -> tuple[Step, ...]:
    if not answer.applies:
        return (_LAW,)
    first_width = answer.holds_up_to[0]
    evaded = () if first_width is None else position_of(answer.target).evasion_lines(answer.densities[0], first_width)
    return (*_law_steps(answer), *evaded)


def _law_steps(answer: Width) -> tuple[Step, ...]:
    position, density = position_of(answer.target), answer.densities[2]
    if density == 1:
        return (_LAW,)
    return _LAW, f"z_1, z_2, .. = {', '.join(map(str, cover_weights(position.outputs, density)[1:]))}"


def _ceiling_steps(answer: Width) -> tuple[Step, ...]:
    position, first, second = position_of(answer.target), answer.widths[0] or 0, answer.widths[1] or 0
    ceiling = size_ceiling(answer.target, answer.densities, first, second)
    return (
        *_law_steps(answer),
        f"  <= {float(ceiling):.8g} for N = {second}",
        *position.evasion_lines(answer.densities[0], first),
    )


SIZE_LP = Statement(
    name="size-lp",
    kind="necessary",
    variant="exact",
    source="size bound (ours)",
    title="the last hidden layer must cover all outputs as often as the target has hidden neurons",
    widths=_widths,
    conditions=DEGREE.conditions,
    refuses=_refuses,
    limited=(0,),
    inverse=bounded_inverse(_ceiling, _reason, _ceiling_steps),
    steps=_steps,
    checks=("size-lp",),
)
