"""The first-moment bound: necessary for colourings, in which a neuron copies at most one target neuron.

Class of constructions. Source layer l has N neurons, and each copies at most one of the n_l neurons of target layer l,
chosen with all masks known. In layer l + 1, q copies of every target neuron are to be served, and which neurons these
are does not depend on the mask of layer l + 1. (For the last hidden layer they are the outputs, q = 1, so this is no
restriction.) A copy is served if for each of its non-zero weights it is adjacent to a neuron that copies the neuron
where the weight begins. The blocks of Theorems 2.1 and 2.2, the sequential greedy, private matching and local search
are of this kind for the last hidden layer; those that serve only some of the copies in inner layers are not.

Theorem. Let m of the target neurons in layer l have at least c weights that leave them, R = c q, r = 1 - p_{l+1}. Then

    P(success) <= B(N) = m^N (1 - r^{N / m})^{m R},

and if all weights of target layer l + 1 are non-zero, P(success) <= B(N) / m!.

Proof. Give the neurons that copy none of these m neurons any of their colours; that takes nothing away. If the class
sizes are a_1, .., a_m, a given one of the m^N colourings serves everything with probability at most
prod_j (1 - r^{a_j})^R, since class j has to meet at least R fresh sets of a_j edges, all of them disjoint. As
log(1 - r^a) is concave in a, for sum_j a_j = N the product is largest at a_j = N / m. The union bound over colourings
gives B(N). If all weights are non-zero, permuted colours serve just as well, so m! colourings succeed or fail together,
all of them different as no class is empty; count one of them.  QED

B increases with N: both factors do. So the smallest N with B(N) >= 1 - delta cannot be undercut.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from ertheory.bounds.blocks.laws import LAW_BITS
from ertheory.bounds.necessary.given import ceiling_inverse
from ertheory.bounds.result import Width
from ertheory.bounds.statement import GivenWidths, Question, Reading, Statement, Step
from ertheory.errors import InvalidInput
from ertheory.networks.source import read_densities
from ertheory.networks.target import Layer, Target
from ertheory.numbers import (
    Ball,
    Decision,
    decide,
    log_some,
    log_sparsity,
    near_zero,
    probability,
    smallest,
)

__all__ = ["FIRST_MOMENT", "first_moment", "first_moment_width", "log_first_moment"]


def first_moment(
    target: Target,
    densities: tuple[Fraction, ...],
    failure_probability: Fraction,
    *,
    layer: int | None = None,
    copies: int = 1,
) -> Width:
    """Smallest width of one hidden layer that the first moment does not rule out for colourings.

    Parameters
    ----------
    target
        Target of depth 2 or more.
    densities
        p_0..p_L; only that of the next layer is used.
    failure_probability
        delta in (0, 1).
    layer
        l from 1 to L - 1; by default L - 1.
    copies
        q, how many copies of every neuron of layer l + 1 are to be served; 1 for the outputs.

    Returns
    -------
    Width
        The width is necessary for the class of constructions in the module's docstring, not for every representation.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.

    Examples
    --------
    >>> tenth = (Fraction(1, 10),) * 3
    >>> first_moment(Target.from_text("784-128-10"), tenth, Fraction(1, 1000)).widths
    (None, 425, 10)
    """
    densities = read_densities(target, density=densities)
    failure_probability = probability("failure_probability", failure_probability)
    if target.depth < 2:
        raise InvalidInput("target", "at least one hidden layer", str(target))
    layer = target.depth - 1 if layer is None else layer
    if not 1 <= layer < target.depth:
        raise InvalidInput("layer", f"a hidden layer from 1 to {target.depth - 1}", layer)
    if copies < 1 or (layer == target.depth - 1 and copies != 1):
        raise InvalidInput("copies", "at least 1, and 1 for the outputs", copies)
    above = target.layers[layer]
    dense = above.nonzeros == above.size
    width, bits = 1, 0
    for classes, fan_out in _groups(above):
        found, used = first_moment_width(
            classes, fan_out * copies, densities[layer + 1], failure_probability, exchangeable=dense
        )
        width, bits = max((found, used), (width, bits))
    inner = f"; {copies} copies of each neuron of layer {layer + 1} are served, chosen without its mask"
    return FIRST_MOMENT.answer(
        Question(target=target, densities=densities, failure_probability=failure_probability),
        (*(None,) * layer, width, *(None,) * (target.depth - 1 - layer), target.widths[-1]),
        reason=FIRST_MOMENT.conditions + (inner if layer < target.depth - 1 else ""),
        certified=f"balls, {bits} bits" if bits else "exact integers",
    )


def _groups(layer: Layer) -> Iterator[tuple[int, int]]:
    """Give m for every c: so many neurons have at least c weights that leave them."""
    classes = 0
    for fan_out, count in sorted(layer.fan_out_counts.items(), reverse=True):
        classes += count
        if fan_out:
            yield classes, fan_out


def first_moment_width(
    classes: int, consumers: int, density: Fraction, failure_probability: Fraction, *, exchangeable: bool = True
) -> tuple[int, int]:
    """Smallest N >= m with B(N) >= 1 - delta (B(N) / m! where colours are exchangeable), and the bits that decided.

    Examples
    --------
    >>> first_moment_width(20, 60, Fraction(3, 10), Fraction(1, 1000), exchangeable=False)[0]
    90
    """
    if classes < 1 or consumers < 1:
        raise InvalidInput("classes", "at least one class and one consumer", (classes, consumers))
    if density == 1:
        return classes, 0

    def excess(neurons: int) -> Ball:
        bound = log_first_moment(classes, consumers, neurons, density, exchangeable=exchangeable)
        return bound - log_sparsity(failure_probability)

    def holds(neurons: int) -> Decision:
        return decide(lambda: excess(neurons), undecided=True, most_bits=LAW_BITS)

    start = max(classes, math.ceil(classes / density))
    guess = near_zero(lambda neurons: -excess(neurons), start, least=classes)
    return smallest(holds, guess, least=classes)


def log_first_moment(classes: int, consumers: int, neurons: int, density: Fraction, *, exchangeable: bool) -> Ball:
    """Enclose log B(N), or log(B(N) / m!) where colours are exchangeable.

    Examples
    --------
    >>> from ertheory.numbers import enclose
    >>> low, _ = enclose(lambda: log_first_moment(1, 1, 1, Fraction(1, 2), exchangeable=True))
    >>> round(math.exp(low), 6)
    0.5
    """
    served = classes * consumers * log_some(density, Fraction(neurons, classes))
    choices = neurons * Ball(classes).log() if classes > 1 else Ball(0)
    return served + choices - (Ball(classes + 1).lgamma() if exchangeable else 0)


def _widths(question: Question) -> Width:
    return first_moment(question.target, question.densities, question.failure_probability)


def _refuses(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return "" if target.depth > 1 else "needs at least one hidden layer"


def _ceiling(given: GivenWidths, densities: tuple[Fraction, ...]) -> Ball:
    above, neurons = given.target.layers[-1], given.widths[-2]
    bound = Ball(1)
    for classes, fan_out in _groups(above):
        if neurons < classes:
            return Ball(0)  # some class is empty
        if densities[-1] < 1:
            dense = above.nonzeros == above.size
            log = log_first_moment(classes, fan_out, neurons, densities[-1], exchangeable=dense)
            bound = bound.min(log.min(Ball(0)).exp())
    return bound


def _reason(given: GivenWidths) -> str:  # noqa: ARG001
    return FIRST_MOMENT.conditions


def _steps(answer: Width) -> tuple[Step, ...]:  # noqa: ARG001
    return ("P(a colouring serves all) <= sum over colourings of prod_j (1 - (1 - p)^a_j)^c_j, over n!",)


FIRST_MOMENT = Statement(
    name="first-moment",
    kind="necessary",
    variant="exact",
    source="first-moment bound (ours)",
    title="colourings of the last hidden layer need this many neurons",
    widths=_widths,
    conditions="for colourings only: every neuron copies at most one target neuron",
    refuses=_refuses,
    inverse=ceiling_inverse(_ceiling, _reason),
    steps=_steps,
    checks=("first-moment",),
    scope="colouring",
)
