"""Layers 0 and 1 coupled: few neurons of layer 1 are reached from all inputs, and these alone must serve every output.

A necessary N_0 for targets d-n-o with one hidden layer, all source layers masked, under the hypotheses of
`ertheory.bounds.necessary.degree` and for a W_1 without zeros. It is asked for sources of a given N_1, or fewer.

Theorem. Let g(N) = P(Bin(N, p_2) >= n)^o, let P_A(N_0) be the probability that a neuron of layer 1 is reached from all
d inputs, and let E be the probability that rows of layer 0 are dense enough to evade. Then, for every s >= 0,

    P(represented) <= max over N <= N_1 of (g(N) - s N) + s N_1 P_A(N_0) + E.

With the best s that is the least concave function above g, taken at N_1 P_A(N_0). The bound grows with N_0 and N_1.

Proof. But for the probability E there is, by the chamber theorem, a convex open set on which the preactivations of
layer 1 are affine, and for every output and every hyperplane of the target a neuron of layer 1 that this output reads
and that vanishes exactly on that hyperplane, different ones for different hyperplanes. Each of these neurons is reached
from all inputs, because W_1 has no zeros. So every output reads n or more of the K neurons that are reached from all
inputs. K depends on layers 0 and 1 alone, so given K that has the probability g(K), and E g(K) is bounded as in
`ertheory.bounds.necessary.envelope`, with E K = N_1 P_A(N_0).  QED

What is asked for is the larger of this N_0 and that of `ertheory.bounds.necessary.parameter_count` for the same N_1,
which is n at least. The statement speaks of sources whose layer 1 is no wider than the narrowest that we can prove to
be enough, by a colouring with half of delta as in `sharp`, unless a construction of ours with a wider layer 1 needs
fewer neurons in layer 0: then it speaks of that one too. Where rows of layer 0 are so dense that nothing can be said of
every source, it speaks of those whose layer 0 is affine on the box.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.necessary.envelope import envelope_of, reached_above
from ertheory.bounds.necessary.first_layer import (
    AFFINE_ONLY,
    Beside,
    first_layer_reason,
    first_layer_refusal,
    first_width,
)
from ertheory.bounds.necessary.given import bounded_inverse
from ertheory.bounds.necessary.parameter_count import COUNT_LAWS, count_ceiling, parameter_count
from ertheory.bounds.necessary.path_count import path_count_ceiling
from ertheory.bounds.necessary.position import Position, position_of
from ertheory.bounds.region import copied
from ertheory.bounds.result import Width
from ertheory.bounds.sharp.private import private_width
from ertheory.bounds.sharp.sequential import dense_stages, sequential_width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement, Step
from ertheory.errors import InfeasibleWidth
from ertheory.networks.target import Target
from ertheory.numbers import Decision, smallest

__all__ = ["COUPLED", "coupled", "coupled_ceiling", "narrowest"]

_SPARSEST = Fraction(1, 10_000)
_LAWS = (
    "P(represented) <= max_N (g(N) - s N) + s N1 P_A + E for every s >= 0,  N <= N1",
    "g(N) = P(Bin(N, p2) >= n)^o,  P_A = E[(1 - (1 - p0)^K)^d],  K ~ Bin(N0, p1)",
)


def coupled(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    second_width: int,
    affine: bool = False,
) -> Width:
    """Smallest N_0 that is not ruled out beside an N_1 of at most `second_width`; arguments as for `parameter_count`.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> coupled(Target.from_text("784-128-10"), tenth, Fraction(1, 1000), second_width=1850).widths
    (1053, None, 10)
    """
    counted = parameter_count(target, densities, failure_probability, second_width=second_width, affine=affine)

    def search(asked: Beside) -> tuple[int | None, int]:
        width = max(_smallest(asked), counted.widths[0] or 0)
        return (None if width < position_of(target).classes else width), 53

    found = first_width(
        Beside(target, densities, failure_probability, second_width, affine),
        search,
        statement=COUPLED,
        nothing="says nothing: rows of layer 0 too likely have many entries",
        sparsest=_SPARSEST,
        generic=True,
    )
    return replace(found, certified="double precision with directed bounds, every rounding counted, and balls")


def coupled_ceiling(
    target: Target, densities: tuple[Fraction, ...], neurons: int, second_width: int, *, affine: bool = False
) -> Fraction:
    """Give the upper bound of the theorem on the success probability with N_0 = neurons and N_1 = second_width.

    Examples
    --------
    >>> half = (Fraction(1, 2),) * 3
    >>> round(float(coupled_ceiling(Target.from_text("1-1-1"), half, 1, 1, affine=True)), 6)
    0.125
    """
    return _ceiling(position_of(target), densities, neurons, second_width, affine=affine)


def _ceiling(
    position: Position, densities: tuple[Fraction, ...], neurons: int, second_width: int, *, affine: bool
) -> Fraction:
    mean = second_width * reached_above(position.inputs, neurons, densities[0], densities[1])
    served = envelope_of(position.classes, position.outputs, densities[2]).above(mean, second_width)
    return served if affine else min(Fraction(1), served + position.evaded(densities[0], neurons))


def _smallest(asked: Beside) -> int:
    position, densities, second_width = position_of(asked.target), asked.densities, asked.second_width

    def holds(neurons: int) -> Decision:
        bound = _ceiling(position, densities, neurons, second_width, affine=asked.affine)
        return Decision(bound >= 1 - asked.failure_probability, 53)

    # As if paths were independent: exp(-d (1 - p_0 p_1)^N_0) = n / (N_1 p_2).
    path = float(densities[0] * densities[1])
    spared = max(1e-3, math.log(max(1.0, second_width * float(densities[2]) / position.classes)))
    start = math.log(max(2.0, position.inputs / spared)) / -math.log1p(-path) if path < 1 else 1.0
    return smallest(holds, max(1, int(start)))[0]


@lru_cache(maxsize=32)
def narrowest(classes: int, outputs: int, density: Fraction, failure_probability: Fraction) -> int:
    """Give the N_1 of `sharp`: the smallest for which half of delta is enough to colour it.

    Examples
    --------
    >>> narrowest(128, 10, Fraction(1, 10), Fraction(1, 1000))
    1850
    """
    half = failure_probability / 2
    sequential, _ = sequential_width(dense_stages(classes, outputs), density, half)
    return min(sequential, private_width((classes,) * outputs, density, half)[0])


def _widths(question: Question) -> Width:
    target, densities, delta = question.target, question.densities, question.failure_probability
    if _refuses(target, densities, None) or min(densities) < _SPARSEST:
        return coupled(target, densities, delta, second_width=target.widths[-2])
    position = position_of(target)
    second = min(narrowest(position.classes, position.outputs, densities[2], delta), question.reach[1])
    found = _of_every_source(target, densities, delta, second)
    for method in ("drop", "exact"):
        if (found.widths[0] or 0) <= target.inputs:
            break  # they copy every input
        first, wider = copied(method, target.layers, densities, delta) or (math.inf, 0)
        if wider > second and first < (found.widths[0] or 0):
            second = wider
            found = _of_every_source(target, densities, delta, second)
    return found


def _of_every_source(target: Target, densities: tuple[Fraction, ...], delta: Fraction, second_width: int) -> Width:
    """Answer for every source, or else for those whose layer 0 is affine on the box."""
    found = coupled(target, densities, delta, second_width=second_width)
    if found.applies:
        return found
    return coupled(target, densities, delta, second_width=second_width, affine=True)


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:
    return first_layer_refusal(target, densities, layer0)


def _ceiling_of(given: GivenWidths, densities: tuple[Fraction, ...]) -> Fraction:
    """Take the smaller of the two bounds; where the layers are too sparse for the first, that of the paths."""
    asked = given.target, densities, given.widths[0], given.widths[1]
    try:
        served = coupled_ceiling(*asked)
    except InfeasibleWidth:
        served = path_count_ceiling(*asked)
    return min(served, count_ceiling(*asked))


def _steps(answer: Width) -> tuple[Step, ...]:
    return _laws(answer, answer.holds_up_to[1] or 0) if answer.applies else _LAWS


def _ceiling_steps(answer: Width) -> tuple[Step, ...]:
    return _laws(answer, answer.widths[1] or 0)


def _laws(answer: Width, second: int) -> tuple[Step, ...]:
    position, first = position_of(answer.target), answer.widths[0] or 0
    p0, p1, _ = answer.densities
    reached = reached_above(position.inputs, first, p0, p1)
    return (
        *_LAWS,
        f"  N1 P_A = {second} * {float(reached):.8g} at N0 = {first}",
        f"and {COUNT_LAWS[0]},",
        *COUNT_LAWS[1:],
        *(() if AFFINE_ONLY in answer.reason else position.evasion_lines(p0, first)),
    )


COUPLED = Statement(
    name="coupled",
    kind="necessary",
    variant="exact",
    source="coupled layers (ours)",
    title="enough neurons of layer 1 must be reached from every input to serve every output",
    widths=_widths,
    conditions="as for degree: almost every W_1, and W_1 without zeros",
    refuses=_refuses,
    limited=(1,),
    inverse=bounded_inverse(_ceiling_of, first_layer_reason(generic=True), _ceiling_steps),
    steps=_steps,
    checks=("coupled",),
    scope="narrow",
    default=True,
    slow_below=Fraction(1, 1000),
)
