"""The parameter count: a layer 0 with too few edges cannot supply all first layers of a target.

A necessary N_0 for generic targets d-n-o with one hidden layer, all source layers masked, under the hypotheses of
`ertheory.bounds.necessary.degree`. A source has as many parameters as its masks have edges, and what it represents is
an image of these parameters. Where they are fewer than the weights of the target, almost every target is left out.

Setting. Layer 0 has N_0 neurons that read each of d inputs with probability p_0; the N_1 neurons of layer 1 read each
of those with probability p_1. For a set V of n neurons of layer 1 and a neuron u of layer 0, let a_u be the number of
inputs that u reads, b_u the number of neurons of V that read u, and X_u = a_u + b_u - 1 if both are positive, else 0.

Lemma. For fixed masks, the matrices W = A B with A of shape (n, N_0) on the mask of V and B of shape (N_0, d) on the
mask of layer 0 lie in a finite union of images of R^k under polynomials, with k = sum_u X_u. If k < n d, these W are a
null set. Proof: A B is the sum over u of a column of A times a row of B. Drop the u of which either is zero. Of the
others, multiply the column and divide the row by one and the same number, so that the first non-zero entry of the row
becomes 1; the sum stays the same. There are finitely many choices of the u that are left and of the places of the 1s.
Each choice leaves at most X_u entries of u free, and A B is a polynomial of the free entries. A smooth map from R^k to
R^(n d) has an image of measure zero if k < n d.

Theorem. For every W_1 outside of a null set that does not depend on the masks,

    P(represented) <= C(N_1, n) p_2^n P(X_1 + .. + X_{N_0} >= n d) + E,

where X_u comes from a_u ~ Bin(d, p_0) and b_u ~ Bin(n, p_1), all independent, and E = P(sum (a_u - d + n)^+ >= n); the
first term is 0 if N_0 < n. For every t > 0 the first probability is at most M(t)^{N_0} exp(-t n d) with

    M(t) = E exp(t X_u) = 1 + exp(-t) ((r_0 + p_0 e^t)^d - r_0^d) ((r_1 + p_1 e^t)^n - r_1^n) - (1 - r_0^d) (1 - r_1^n)

and r = 1 - p. Both terms increase with N_0, so the smallest N_0 at which the bound is 1 - delta cannot be undercut.

Proof. By the chamber theorem (`ertheory.bounds.necessary.chambers`) there is, but for the probability E, a convex open
set that meets all n hyperplanes of the target and on which every neuron of layer 0 is affine: there the preactivations
of layer 1 are A B x + c, with B on the mask of layer 0 (rows of inactive neurons are zero). For every j some neuron v_j
of layer 1, adjacent to output 1, vanishes exactly on the hyperplane of target neuron j, hence row v_j of A B is a
multiple of row j of W_1, and not zero; different j need different v_j. Divide the rows of A by these factors: W_1 =
A' B with A' on the mask of V = {v_1, .., v_n}, so N_0 is at least the rank of W_1, which is n for almost every W_1. By
the lemma X_1 + .. + X_{N_0} >= n d for this V, unless W_1 lies in a null set that belongs to the mask, V and its order.
Of these there are finitely many, so their union is a null set too. For a given V the X_u are independent and
distributed as stated, and output 1 reads all of V with probability p_2^n; sum over the C(N_1, n) sets. The bound with t
is Markov's inequality for exp(t X), and M(t) follows from E[e^(t a); a > 0] = (r + p e^t)^d - r^d.  QED

With a layer 0 that is affine on the box E is not needed: there is no kink in it to evade the argument. So it is where
layer 0 is coded, and where it shifts the inputs into the affine piece of the activation. Where E is too large to say
anything about every source, the answer is for these alone, and says so. In sparse layers,
where there are parameters enough but not in the right places, `ertheory.bounds.necessary.path_count` asks for more.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.necessary.chambers import evasion
from ertheory.bounds.necessary.first_layer import Beside, first_layer_reason, first_layer_refusal, first_width
from ertheory.bounds.necessary.given import bounded_inverse
from ertheory.bounds.necessary.position import Position, position_of
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Statement, Step
from ertheory.networks.target import Target
from ertheory.numbers import Ball, Decision, Floats, at_precision, ball, decide, enclose, ends, log_choose, smallest

__all__ = ["COUNT_LAWS", "PARAMETER_COUNT", "count_ceiling", "log_count", "parameter_count"]

_SPARSEST = Fraction(1, 10**12)  # below, the search for t in double precision is not to be trusted
_POINTS, _REFINEMENTS = 48, 6  # of the grids on which a tilt is looked for
_SMALLEST = -1000  # logarithms of probabilities below are not followed
COUNT_LAWS = (
    "P(represented) <= C(N1, n) p2^n P(X_1 + .. + X_N0 >= n d) + E",
    "X_u = (a_u + b_u - 1) [a_u > 0] [b_u > 0], a_u ~ Bin(d, p0), b_u ~ Bin(n, p1)",
)


def parameter_count(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    second_width: int,
    affine: bool = False,
) -> Width:
    """Smallest N_0 that the parameter count does not rule out.

    Parameters
    ----------
    target
        A fully connected target d-n-o without zeros.
    densities
        p_0, p_1, p_2.
    failure_probability
        delta in (0, 1).
    second_width
        N_1 up to which the bound is stated, at least n; a wider layer 1 has more sets of n neurons.
    affine
        Whether only sources are meant whose layer 0 is affine on the box.

    Returns
    -------
    Width
        The widths are necessary; N_1 is left open. If the target or the densities violate a hypothesis, `applies` is
        false.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Notes
    -----
    Ours, not the paper's. A statement about almost every target: single ones, with a W_1 of low rank or with equal
    rows, need fewer neurons.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> parameter_count(Target.from_text("784-128-10"), tenth, Fraction(1, 1000), second_width=180480).widths
    (988, None, 10)
    """
    return first_width(
        Beside(target, densities, failure_probability, second_width, affine),
        _smallest,
        statement=PARAMETER_COUNT,
        nothing="says nothing: layer 0 is too likely to have a row with many entries",
        sparsest=_SPARSEST,
        generic=True,
    )


def _smallest(asked: Beside) -> tuple[int | None, int]:
    """Find N_0; for each one t is chosen in floats: nothing rests on its being the best."""
    position, densities, second_width = position_of(asked.target), asked.densities, asked.second_width
    shape, choices = (position.inputs, position.classes), _choices(position, densities[2], second_width)
    _, guess = _best_tilt(shape, densities, choices, math.log1p(-float(asked.failure_probability)))

    def margin(neurons: int, tilt: Fraction) -> Ball:
        widths = neurons, second_width
        bound = _ceiling(asked.target, densities, widths, tilt, affine=asked.affine)
        return bound - ball(1 - asked.failure_probability)

    def holds(neurons: int) -> Decision:
        tilt, _ = _best_tilt(shape, densities, 0.0, 0.0, neurons=neurons)
        return decide(lambda: margin(neurons, tilt), undecided=True, most_bits=LAW_BITS)

    width, bits = smallest(holds, max(guess, position.classes))
    return (None if width == 1 and not asked.affine else width), bits


def count_ceiling(
    target: Target, densities: tuple[Fraction, ...], neurons: int, second_width: int, *, affine: bool = False
) -> Fraction:
    """Give an upper bound on the success probability with N_0 = neurons and N_1 = second_width, at most 1.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> float(count_ceiling(Target.from_text("784-128-10"), tenth, 960, 180480)) < 1e-30
    True
    """
    position = position_of(target)
    tilt, _ = _best_tilt((position.inputs, position.classes), densities, 0.0, 0.0, neurons=neurons)
    high = enclose(lambda: _ceiling(target, densities, (neurons, second_width), tilt, affine=affine), digits=6)[1]
    return min(Fraction(1), high)


def _ceiling(
    target: Target,
    densities: tuple[Fraction, ...],
    widths: tuple[int, int],
    tilt: Fraction,
    *,
    affine: bool,
) -> Ball:
    position = position_of(target)
    inputs, n = position.inputs, position.classes
    neurons, second_width = widths
    if neurons < n or second_width < n:  # less than the rank of W_1, or than its rows
        return _evaded(target, densities, neurons, affine=affine)
    counted = log_count((inputs, n), densities[:2], neurons, tilt) + log_choose(second_width, n)
    counted += n * ball(densities[2]).log()
    # Beyond 1 a bound says nothing; its exponential may be too large to be written down, or too small.
    bound = counted.max(Ball(_SMALLEST)).exp() if counted < 1 else Ball(2)
    return bound + _evaded(target, densities, neurons, affine=affine)


def _evaded(target: Target, densities: tuple[Fraction, ...], neurons: int, *, affine: bool) -> Ball:
    """Enclose E. The count needs almost every W_1, and for these the chamber theorem holds."""
    if affine:
        return Ball(0)
    position = position_of(target)
    return evasion(position.inputs, position.classes, densities[0], neurons)


def log_count_above(shape: tuple[int, int], densities: tuple[Fraction, ...], neurons: int) -> Fraction:
    """Give an upper bound on log P(X_1 + .. + X_{N_0} >= n d), for the t that seems best.

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> math.log(1 / 4) <= log_count_above((1, 1), half, 1) < -1.38
    True
    """
    tilt, _ = _best_tilt(shape, densities, 0.0, 0.0, neurons=neurons)
    return ends(at_precision(128, lambda: log_count(shape, densities, neurons, tilt)))[1]


def log_count(shape: tuple[int, int], densities: tuple[Fraction, ...], neurons: int, tilt: Fraction) -> Ball:
    """Enclose N_0 log M(t) - t n d, a bound on the logarithm of P(X_1 + .. + X_{N_0} >= n d).

    Parameters
    ----------
    shape
        d and n.
    densities
        p_0 and p_1.
    neurons
        N_0.
    tilt
        t > 0.

    Examples
    --------
    >>> half = (Fraction(1, 2), Fraction(1, 2))  # d = n = 1: X = 1 if both edges are there
    >>> low, high = enclose(lambda: log_count((1, 1), half, 1, Fraction(3)))
    >>> round(math.exp(high), 4) == round((3 / 4 + math.exp(3) / 4) / math.exp(3), 4)
    True
    """
    rate = ball(tilt).exp()
    mean, some = 1 / rate, Ball(1)
    for size, density in zip(shape, densities, strict=True):
        none = ball(1 - density) ** size
        mean *= (ball(1 - density) + ball(density) * rate) ** size - none
        some *= 1 - none
    return neurons * (1 + mean - some).log() - ball(tilt) * shape[0] * shape[1]


def _choices(position: Position, density: Fraction, second_width: int) -> float:
    """Estimate log(C(N_1, n) p_2^n)."""
    n = position.classes
    choices = math.lgamma(second_width + 1) - math.lgamma(n + 1) - math.lgamma(second_width - n + 1)
    return choices + n * math.log(density)


def _best_tilt(
    shape: tuple[int, int],
    densities: tuple[Fraction, ...],
    choices: float,
    log_goal: float,
    *,
    neurons: int | None = None,
) -> tuple[Fraction, int]:
    """Give t, and about how many N_0 it rules out; or the t with the least bound for a given N_0."""
    inputs, n = shape
    sizes = [(inputs, float(densities[0])), (n, float(densities[1]))]

    def log_moment(tilt: Floats) -> Floats:
        log_mean, some = -tilt, np.ones_like(tilt)
        for size, density in sizes:
            grown = size * np.log1p(density * np.expm1(tilt))
            reads = -math.expm1(size * math.log1p(-density)) if density < 1 else 1.0
            log_mean = log_mean + np.where(grown < 30, np.log(np.expm1(np.minimum(grown, 30)) + reads), grown)
            some = some * reads
        small = np.log1p(np.exp(np.minimum(log_mean, 30)) - some)
        return np.where(log_mean < 30, small, log_mean)

    def ruled_out(tilt: Floats) -> Floats:
        gain = tilt * n * inputs + log_goal - choices
        return gain / log_moment(tilt) if neurons is None else gain - neurons * log_moment(tilt)

    # From a coarse grid to fine ones: the best tilt of one is between its neighbours.
    low, high = -30.0, 5.0
    for _ in range(_REFINEMENTS):
        grid = np.linspace(low, high, _POINTS)
        with np.errstate(all="ignore"):
            values = np.nan_to_num(ruled_out(np.exp(grid)), nan=-math.inf)
        best = int(values.argmax())
        low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    tilt, value = math.exp(float(grid[best])), float(values[best])
    return Fraction(tilt), 0 if neurons is not None or not math.isfinite(value) else max(0, math.ceil(value))


def _widths(question: Question) -> Width:
    asked = question.target, question.densities, question.failure_probability
    found, position = parameter_count(*asked, second_width=question.reach[1]), position_of(question.target)
    if position.refusal or (found.widths[0] or 0) >= position.classes:
        return found
    return parameter_count(*asked, second_width=question.reach[1], affine=True)


def _ceiling_of(given: GivenWidths, densities: tuple[Fraction, ...]) -> Fraction:
    return count_ceiling(given.target, densities, given.widths[0], given.widths[1])


def _steps(answer: Width) -> tuple[Step, ...]:  # noqa: ARG001
    return (*COUNT_LAWS, "E = P(sum over u of (a_u - d + n)^+ >= n), 0 if layer 0 is affine on the box")


def _ceiling_steps(answer: Width) -> tuple[Step, ...]:
    first, second = answer.widths[0] or 0, answer.widths[1] or 0
    ceiling = count_ceiling(answer.target, answer.densities, first, second)
    return (
        *COUNT_LAWS,
        f"  <= {float(ceiling):.8g} for N0 = {first}, N1 = {second}",
        *position_of(answer.target).evasion_lines(answer.densities[0], first),
    )


PARAMETER_COUNT = Statement(
    name="parameter-count",
    kind="necessary",
    variant="exact",
    source="parameter count (ours)",
    title="layers 0 and 1 need as many free parameters as the first layer of the target has weights",
    widths=_widths,
    conditions="as for degree: almost every W_1",
    refuses=first_layer_refusal,
    limited=(1,),
    inverse=bounded_inverse(_ceiling_of, first_layer_reason(generic=True), _ceiling_steps),
    steps=_steps,
    checks=("parameter-count",),
)
