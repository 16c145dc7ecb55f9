"""The path count: neurons of layer 1 that some input cannot reach are of no use.

A necessary N_0 for targets d-n-o with one hidden layer, all source layers masked, under the hypotheses of
`ertheory.bounds.necessary.degree`, if W_1 has no zeros. Where layers are sparse it asks for more than
`ertheory.bounds.necessary.parameter_count`: there parameters are many enough, but not in the right places.

Theorem. Let P_A(N_0) = E[(1 - r_0^K)^d] with K ~ Bin(N_0, p_1) and r_0 = 1 - p_0, the probability that a given neuron
of layer 1 is reached from all d inputs. Then

    P(represented) <= N_1 p_2 P_A(N_0) / n + E

with E as in the degree bound. Both terms increase with N_0, so the smallest N_0 at which the bound is 1 - delta cannot
be undercut.

Proof. But for the probability E there is a convex open set that meets all n hyperplanes of the target and on which the
preactivations of layer 1 are affine, A B x + c with B on the mask of layer 0, and n different neurons v_j of layer 1,
all adjacent to output 1, vanish exactly on these hyperplanes. So row v_j of A B is a multiple of row j of W_1, not
zero, and has no zeros: a path leads from every input to v_j. A neuron of layer 1 reads K neurons of layer 0, and each
input is read by one of these with probability 1 - r_0^K, independently; output 1 reads it with probability p_2. Hence
N_1 p_2 P_A(N_0) neurons on average are reached from all inputs and read by output 1, and by Markov's inequality there
are n of them with probability N_1 p_2 P_A(N_0) / n at most.  QED

With a layer 0 that is affine on the box E is not needed, as for the parameter count. What all outputs need together is
used by `ertheory.bounds.necessary.coupled`, which asks for more where N_1 is known.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.necessary.envelope import reached_above
from ertheory.bounds.necessary.first_layer import Beside, first_layer_reason, first_layer_refusal, first_width
from ertheory.bounds.necessary.given import bounded_inverse
from ertheory.bounds.necessary.position import position_of
from ertheory.bounds.necessary.univariate import path_failure
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Statement, Step
from ertheory.networks.target import Target
from ertheory.numbers import Ball, Decision, ball, decide, near_zero, smallest

__all__ = ["PATH_COUNT", "path_count", "path_count_ceiling"]

_SPARSEST = Fraction(1, 1000)  # below, the sums are longer than one cares to wait for
_LAW = "P(represented) <= N1 p2 E[(1 - (1 - p0)^K)^d] / n + E,  K ~ Bin(N0, p1)"
_TINY = 2.0**-40  # below, low precision need not tell a bound from 0


def path_count(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    second_width: int,
    affine: bool = False,
) -> Width:
    """Smallest N_0 that the path count does not rule out; arguments as for `parameter_count`.

    Examples
    --------
    >>> percent = (Fraction(1, 100),) * 3
    >>> path_count(Target.from_text("784-128-10"), percent, Fraction(1, 1000), second_width=17656).widths
    (77827, None, 10)
    """
    return first_width(
        Beside(target, densities, failure_probability, second_width, affine),
        _smallest,
        statement=PATH_COUNT,
        nothing="says nothing: layer 1 is too wide, or rows of layer 0 too likely have many entries",
        sparsest=_SPARSEST,
    )


def path_count_ceiling(
    target: Target, densities: tuple[Fraction, ...], neurons: int, second_width: int, *, affine: bool = False
) -> Fraction:
    """Give an upper bound on the success probability with N_0 = neurons and N_1 = second_width, at most 1.

    Examples
    --------
    >>> half = (Fraction(1, 2),) * 3
    >>> round(float(path_count_ceiling(Target.from_text("1-1-1"), half, 1, 1, affine=True)), 6)
    0.125
    """
    position = position_of(target)
    reached = reached_above(position.inputs, neurons, densities[0], densities[1])
    bound = densities[2] * Fraction(second_width, position.classes) * reached
    return min(Fraction(1), bound if affine else bound + position.evaded(densities[0], neurons))


def _smallest(asked: Beside) -> tuple[int | None, int]:
    densities, delta, second_width = asked.densities, asked.failure_probability, asked.second_width

    def ceiling(neurons: int) -> Ball:
        return _ceiling(asked.target, densities, (neurons, second_width), affine=asked.affine)

    def holds(neurons: int) -> Decision:
        return decide(
            lambda: ceiling(neurons) - ball(1 - delta),
            undecided=True,
            most_bits=LAW_BITS,
        )

    # As if paths were independent: exp(-d (1 - p_0 p_1)^N_0) = n / (N_1 p_2).
    position = position_of(asked.target)
    path = float(densities[0] * densities[1])
    spared = max(1e-3, math.log(max(1.0, second_width * float(densities[2]) / position.classes)))
    start = math.log(max(2.0, position.inputs / spared)) / -math.log1p(-path) if path < 1 else 1.0
    guess = near_zero(
        lambda neurons: ball(1 - delta).log() - ceiling(neurons).max(Ball(_TINY)).log(),
        max(1, int(start)),
    )
    width, bits = smallest(holds, guess)
    return (None if width == 1 else width), bits


def _ceiling(target: Target, densities: tuple[Fraction, ...], widths: tuple[int, int], *, affine: bool) -> Ball:
    position = position_of(target)
    neurons, second_width = widths
    reached = 1 - path_failure(position.inputs, neurons, densities[0], densities[1])
    bound = ball(densities[2] * Fraction(second_width, position.classes)) * reached
    return bound if affine else bound + position.evasion(densities[0], neurons)


def _widths(question: Question) -> Width:
    asked = question.target, question.densities, question.failure_probability
    return path_count(*asked, second_width=question.reach[1])


def _ceiling_of(given: GivenWidths, densities: tuple[Fraction, ...]) -> Fraction:
    return path_count_ceiling(given.target, densities, given.widths[0], given.widths[1])


def _steps(answer: Width) -> tuple[Step, ...]:
    if not answer.applies:
        return (_LAW,)
    return (_LAW, *position_of(answer.target).evasion_lines(answer.densities[0], answer.widths[0] or 0))


def _ceiling_steps(answer: Width) -> tuple[Step, ...]:
    first, second = answer.widths[0] or 0, answer.widths[1] or 0
    ceiling = path_count_ceiling(answer.target, answer.densities, first, second)
    line = f"  <= {float(ceiling):.8g} for N0 = {first}, N1 = {second}"
    return (_LAW, line, *position_of(answer.target).evasion_lines(answer.densities[0], first))


PATH_COUNT = Statement(
    name="path-count",
    kind="necessary",
    variant="exact",
    source="path count (ours)",
    title="as many neurons of layer 1 must be reached from every input as the target has hidden neurons",
    widths=_widths,
    conditions="as for degree, and W_1 without zeros",
    refuses=first_layer_refusal,
    limited=(1,),
    inverse=bounded_inverse(_ceiling_of, first_layer_reason(generic=False), _ceiling_steps),
    steps=_steps,
    checks=("path-count",),
)
