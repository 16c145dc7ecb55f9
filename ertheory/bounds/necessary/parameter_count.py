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

    P(represented) <= C(N_1, n) P(X_1 + .. + X_{N_0} >= n d) + N_0 P(Bin(d, p_0) >= d - n + 1),

where X_u comes from a_u ~ Bin(d, p_0) and b_u ~ Bin(n, p_1), all independent. For every t > 0 the first probability is
at most M(t)^{N_0} exp(-t n d) with

    M(t) = E exp(t X_u) = 1 + exp(-t) ((r_0 + p_0 e^t)^d - r_0^d) ((r_1 + p_1 e^t)^n - r_1^n) - (1 - r_0^d) (1 - r_1^n)

and r = 1 - p. Both terms increase with N_0, so the smallest N_0 at which the bound is 1 - delta cannot be undercut.

Proof. The second term is the probability that some row of layer 0 has d - n + 1 entries or more. If there is none, then
as in the degree bound there is a point inside the box on all n hyperplanes of the target, near which every neuron of
layer 0 is affine: near it the preactivations of layer 1 are A B x + c, with B on the mask of layer 0 (rows of inactive
neurons are zero). For every j some neuron v_j of layer 1 vanishes exactly on the hyperplane of target neuron j, hence
row v_j of A B is a multiple of row j of W_1, and not zero; different j need different v_j. Divide the rows of A by
these factors: W_1 = A' B with A' on the mask of V = {v_1, .., v_n}. By the lemma X_1 + .. + X_{N_0} >= n d for this V,
unless W_1 lies in a null set that belongs to the mask, V and its order. Of these there are finitely many, so their
union is a null set too. For a given V the X_u are independent and distributed as stated; sum over the C(N_1, n) sets.
The bound with t is Markov's inequality for exp(t X), and M(t) follows from E[e^(t a); a > 0] = (r + p e^t)^d - r^d.
QED

With a layer 0 that is affine on the box the second term is not needed: there is no kink in it to evade the argument. So
it is where layer 0 is coded, and where it shifts the inputs into the affine piece of the activation. In sparse layers,
where there are parameters enough but not in the right places, `ertheory.bounds.necessary.path_count` asks for more.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.necessary.first_layer import first_layer_refusal, first_width
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Statement, Step
from ertheory.networks.target import Target
from ertheory.numbers import Ball, Decision, ball, decide, enclose, log_choose, lower_tail, smallest

__all__ = ["PARAMETER_COUNT", "count_ceiling", "log_count", "parameter_count"]

_SPARSEST = Fraction(1, 10**12)  # below, the search for t in double precision is not to be trusted
_SMALLEST = -1000  # logarithms of probabilities below are not followed
_GENERIC = (
    "for a target in general position (assumed, not checked): almost every W_1, W_2 without zeros, hyperplanes that "
    "meet inside the box; linear output"
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
        p_0, p_1, p_2; the last one is not used.
    failure_probability
        delta in (0, 1).
    second_width
        N_1 up to which the bound is stated, at least n; a wider layer 1 has more sets of n neurons.
    affine
        Whether only sources are meant whose layer 0 is affine on the box.

    Returns
    -------
    Width
        Necessary; N_1 is left open. If the target or the densities violate a hypothesis, `applies` is false.

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
    (967, None, 10)
    """

    def search(read: tuple[Fraction, ...], delta: Fraction) -> tuple[int | None, int]:
        width, bits = _smallest(target, read, delta, second_width, affine=affine)
        return (None if width == 1 and not affine else width), bits

    return first_width(
        target,
        densities,
        failure_probability,
        search,
        statement=PARAMETER_COUNT,
        nothing="says nothing: layer 0 is too likely to have a row with many entries",
        sparsest=_SPARSEST,
        second_width=second_width,
        affine=affine,
    )


def _smallest(
    target: Target, densities: tuple[Fraction, ...], delta: Fraction, second_width: int, *, affine: bool
) -> tuple[int, int]:
    """Find N_0 for the t that rules out most, which is chosen in floats: nothing rests on its being the best."""
    tilt, guess = _best_tilt(target, densities, second_width, 1 - float(delta))

    def holds(neurons: int) -> Decision:
        return decide(
            lambda: _ceiling(target, densities, (neurons, second_width), tilt, affine=affine) - ball(1 - delta),
            undecided=True,
            most_bits=LAW_BITS,
        )

    return smallest(holds, max(1, guess))


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
    tilt, _ = _best_tilt(target, densities, second_width, 1.0, neurons=neurons)
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
    inputs, n, _ = target.widths
    neurons, second_width = widths
    counted = log_count((inputs, n), densities[:2], neurons, tilt) + log_choose(second_width, n)
    # Beyond 1 a bound says nothing; its exponential may be too large to be written down, or too small.
    bound = counted.max(Ball(_SMALLEST)).exp() if counted < 1 else Ball(2)
    if affine:
        return bound
    dense_row = lower_tail(inputs, n - 1, ball(1 - densities[0]))
    return bound + neurons * dense_row


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


def _best_tilt(
    target: Target, densities: tuple[Fraction, ...], second_width: int, goal: float, *, neurons: int | None = None
) -> tuple[Fraction, int]:
    """Give t, and about how many N_0 it rules out; or the t with the least bound for a given N_0."""
    from scipy.optimize import minimize_scalar

    inputs, n, _ = target.widths
    sizes = [(inputs, float(densities[0])), (n, float(densities[1]))]
    choices = math.lgamma(second_width + 1) - math.lgamma(n + 1) - math.lgamma(second_width - n + 1)

    def log_moment(tilt: float) -> float:
        log_mean, some = -tilt, 1.0
        for size, density in sizes:
            grown = size * math.log1p(density * math.expm1(tilt))
            reads = -math.expm1(size * math.log1p(-density)) if density < 1 else 1.0
            log_mean += math.log(math.expm1(grown) + reads) if grown < 30 else grown
            some *= reads
        return math.log1p(math.exp(log_mean) - some) if log_mean < 30 else log_mean

    def ruled_out(log_tilt: float) -> float:
        tilt = math.exp(log_tilt)
        gain = tilt * n * inputs + math.log(goal) - choices
        return gain / log_moment(tilt) if neurons is None else gain - neurons * log_moment(tilt)

    found = minimize_scalar(lambda log_tilt: -ruled_out(log_tilt), bounds=(-30, 5), method="bounded")
    tilt = math.exp(float(found.x))
    return Fraction(tilt), 0 if neurons is not None else max(0, math.ceil(ruled_out(float(found.x))))


def _widths(question: Question) -> Width:
    asked = question.target, question.densities, question.failure_probability
    return parameter_count(*asked, second_width=question.reach[1])


def _steps(answer: Width) -> tuple[Step, ...]:  # noqa: ARG001
    return (
        "P(represented) <= C(N1, n) P(X_1 + .. + X_N0 >= n d) + N0 P(Bin(d, p0) >= d - n + 1)",
        "X_u = (a_u + b_u - 1) [a_u > 0] [b_u > 0],  a_u ~ Bin(d, p0),  b_u ~ Bin(n, p1)",
    )


PARAMETER_COUNT = Statement(
    name="parameter-count",
    kind="necessary",
    variant="exact",
    source="parameter count (ours)",
    title="layers 0 and 1 need as many free parameters as the first layer of the target has weights",
    widths=_widths,
    conditions=_GENERIC,
    refuses=first_layer_refusal,
    limited=(1,),
    steps=_steps,
    checks=("parameter-count",),
)
