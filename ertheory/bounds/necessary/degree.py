"""The degree bound: a necessary width for generic targets with one hidden layer, all source layers masked.

Target d-n-o with n <= d, every entry of W_2 non-zero, W_1 of rank n such that every non-zero vector of its row span
has at least d - n + 1 non-zeros (true for almost every W_1), and the n hyperplanes W_1 x + b_1 = 0 meeting inside the
box. Source: two masked hidden layers N_0 and N_1, linear output. Then

    P(represented) <= P(Bin(N_1, p_2) >= n)^o + N_0 P(Bin(d, p_0) >= d - n + 1).

Proof. If no layer-0 row has d - n + 1 entries, no layer-0 kink contains the intersection of the target's hyperplanes.
Near a point of that intersection off all layer-0 kinks, every layer-1 preactivation is affine, so each hyperplane of
each output needs a neuron adjacent to that output which vanishes exactly there, and different hyperplanes need
different neurons. Hence every output has at least n neighbours; the outputs' degrees are independent.
"""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.necessary.given import ceiling_inverse
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement, Step
from ertheory.networks.target import Target
from ertheory.numbers import Ball, Decision, ball, decide, lower_tail, near_zero, smallest

__all__ = ["DEGREE", "GENERIC", "degree", "degree_ceiling", "degree_refusal"]

_SPARSEST = Fraction(1, 10**30)  # every digit of N_1 takes some steps of the search

GENERIC = (
    "for a target in general position (assumed, not checked): W_2 without zeros, W_1 of rank n whose row span has no "
    "vector with d - n or fewer non-zeros, hyperplanes that meet inside the box; linear output"
)


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
        Necessary; N_0 is left open. If the target or the densities violate a hypothesis, `applies` is false.

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
    refusal = degree_refusal(target)
    width: int | None = None
    bits = 0
    if not refusal:
        n, outputs = target.widths[1:]

        def holds(neurons: int) -> Decision:
            return decide(
                lambda: degree_ceiling(target, densities, first_width, neurons) - 1 + ball(failure_probability),
                undecided=True,
            )

        if densities[2] < _SPARSEST:
            refusal = f"is searched for densities of at least {float(_SPARSEST)} only"
        elif holds(n - 1).holds:
            refusal = f"says nothing: a layer 0 of {first_width} neurons is too likely to have a row with many entries"
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
        reason=f"{GENERIC}; N_0 up to {first_width}",
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
    inputs, n, outputs = target.widths
    enough = 1 - lower_tail(neurons, n - 1, ball(densities[2]))
    dense_row = lower_tail(inputs, n - 1, ball(1 - densities[0]))
    return enough**outputs + first_width * dense_row


def degree_refusal(target: Target) -> str:
    """Name the first hypothesis that the target certainly violates, or return an empty string.

    Examples
    --------
    >>> degree_refusal(Target.from_text("4-8-3"))
    'needs at most as many hidden neurons as inputs (n = 8, d = 4)'
    """
    if target.depth != 2 or target.is_convolutional or target.layers[1].positions > 1:
        return "speaks of fully connected targets with one hidden layer"
    inputs, n, _ = target.widths
    first, second = target.layers
    if n > inputs:
        return f"needs at most as many hidden neurons as inputs (n = {n}, d = {inputs})"
    if second.nonzeros < second.size:
        return "needs W_2 without zeros"
    if min(first.fan_in_counts) < inputs - n + 1:
        return "needs rows of W_1 with at least d - n + 1 non-zeros"
    return _violated_by_weights(target) if target.weights is not None else ""


def _violated_by_weights(target: Target) -> str:
    import numpy as np

    assert target.weights is not None
    assert target.biases is not None
    # A hyperplane stays the same when its row is multiplied: by a power of two, exactly, so that no tolerance of a
    # solver sees the scale of the weights.
    exponents = np.frexp(np.abs(target.weights[0]).max(axis=1))[1]
    with np.errstate(over="ignore"):
        first = np.ldexp(target.weights[0], -exponents[:, None])
        bias = np.ldexp(target.biases[0], -exponents)
    if np.linalg.matrix_rank(first) < first.shape[0]:
        return "needs W_1 of full rank"
    if target.domain is None:
        return ""
    if not np.isfinite(bias).all():
        return "needs the hyperplanes W_1 x + b_1 = 0 to meet inside the box"
    from scipy.optimize import linprog

    # Largest margin t with W_1 x = -b_1 and a + t <= x <= b - t.
    inputs = first.shape[1]
    eye, ones = np.eye(inputs), np.ones((inputs, 1))
    low, high = target.domain.T
    found = linprog(
        np.append(np.zeros(inputs), -1.0),
        A_ub=np.block([[-eye, ones], [eye, ones]]),
        b_ub=np.concatenate([-low, high]),
        A_eq=np.hstack([first, np.zeros((first.shape[0], 1))]),
        b_eq=-bias,
        bounds=[(None, None)] * (inputs + 1),
    )
    if found.success and found.x[-1] > 0:
        return ""
    return "needs the hyperplanes W_1 x + b_1 = 0 to meet inside the box"


def _widths(question: Question) -> Width:
    return degree(question.target, question.densities, question.failure_probability, first_width=question.reach[0])


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return degree_refusal(target)


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...]) -> Ball:
    return degree_ceiling(given.target, densities, given.widths[0], given.widths[1])


def _reason(given: GivenWidths) -> str:  # noqa: ARG001
    return "for a target with weights in general position; linear output"


def _steps(answer: Width) -> tuple[Step, ...]:
    return _ceiling_steps(answer, answer.holds_up_to[0]) if answer.applies else ()


def _ceiling_steps(answer: Width, first_width: int | None = None) -> tuple[Step, ...]:
    d, n1, n2 = answer.target.widths
    values = {"d": d, "n1": n1, "n2": n2, "p0": answer.densities[0], "p2": answer.densities[2]}
    return (("degree", {**values, "N0": first_width or answer.widths[0], "N1": answer.widths[1]}),)


DEGREE = Statement(
    name="degree",
    kind="necessary",
    variant="exact",
    source="degree bound (ours)",
    title="every output needs as many neighbours in the last hidden layer as the target has hidden neurons",
    widths=_widths,
    conditions=GENERIC,
    refuses=_refuses,
    limited=(0,),
    inverse=ceiling_inverse(_ceiling, _reason, _ceiling_steps),
    steps=_steps,
    checks=("degree",),
    default=True,
)
