"""The statements that can be checked by simulation, each on one small case.

The cases are chosen so that the event is neither rare nor almost certain, and so that all sizes and densities differ:
a law that mixed up two layers would be off by far more than the interval is wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds.blocks.laws import Law, Layer0
from ertheory.bounds.drop.kept import drop_success
from ertheory.bounds.necessary.degree import degree_ceiling
from ertheory.bounds.necessary.univariate import path_failure
from ertheory.bounds.subset_sum import failure_lower, failure_upper
from ertheory.bounds.subset_sum.limited import limited_upper
from ertheory.bounds.subset_sum.locked import locked_upper
from ertheory.bounds.subset_sum.problem import read_problem
from ertheory.bounds.subset_sum.quantised import quantised_upper
from ertheory.bounds.tickets import ticket_widths
from ertheory.montecarlo.events.beyond_blocks import drop_event, residual_event
from ertheory.montecarlo.events.blocks import block_event, covering_event, degree_event, path_event
from ertheory.montecarlo.events.built import built_event, chain_of, residual_chain, shapes_of
from ertheory.montecarlo.events.subset_sums import limited_event, locked_event, quantised_event, subset_sum_event
from ertheory.montecarlo.events.tickets import ticket_event
from ertheory.montecarlo.statements.case import Case
from ertheory.montecarlo.statements.factored import FACTORED_CASES
from ertheory.montecarlo.statements.sharp import SHARP_CASES
from ertheory.networks.target import Target
from ertheory.numbers import Ball, ball, enclose, log_sparsity, lower_tail

__all__ = ["ALIASES", "CHECKS", "case_of"]

_HALF, _THIRD = Fraction(1, 2), Fraction(1, 3)
_CROSS = ((0, 1, 0), (1, 1, 1), (0, 1, 0))


def case_of(statement: str) -> Case:
    """Make the case of a statement, one of `CHECKS`.

    Examples
    --------
    >>> case = case_of("path-ceiling")
    >>> str(case.target), case.widths
    ('2-1-1', (7, 4, 1))
    """
    return _CASES[ALIASES.get(statement, statement)]()


def _theorem_2_1() -> Case:
    return _block([np.ones((4, 3)), np.ones((2, 4))], (8, 7), (Fraction(1), _HALF, Fraction(2, 5)))


def _theorem_2_2() -> Case:
    first = [[1, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 1]]
    second = [[1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]]
    densities = (Fraction(1), Fraction(3, 5), _HALF, Fraction(2, 5))
    return _block([first, second, np.ones((2, 3))], (6, 7, 5), densities)


def _convolution() -> Case:
    first = np.multiply.outer([[1], [1]], np.array(_CROSS))  # (2, 1, 3, 3)
    second = np.ones((2, 2, 3))[..., None]  # (2, 2, 3, 1)
    return _block([first, second], (7, 5), (Fraction(1), _HALF, Fraction(3, 5)))


def _preassigned() -> Case:
    densities = (Fraction(2, 5), Fraction(3, 5), _HALF)
    return _block([[[1, 1, 0], [0, 1, 1]], [[1, 1]]], (14, 5), densities, layer0="preassigned")


def _matched() -> Case:
    pattern = [[1, 1, 0, 1], [0, 1, 1, 1]]
    densities = (Fraction(3, 10), _HALF, Fraction(3, 5))
    return _block([pattern, [[1, 1]]], (6, 4), densities, layer0="matched", first_width=44)


def _block(
    patterns: Sequence[npt.ArrayLike],
    factors: tuple[int, ...],
    densities: tuple[Fraction, ...],
    *,
    layer0: Layer0 = "dense",
    first_width: int | None = None,
) -> Case:
    target = Target.from_arrays(patterns)
    first = first_width or factors[0] * target.inputs
    law = Law(target, densities, layer0)
    copies = (*factors, 1)
    low, high = enclose(lambda: law.log_success(copies, first).exp())
    predicted: float | tuple[float, float] = _middle(low, high)
    says = "every copy of a target neuron finds an edge to a copy of every neuron that it reads"
    if layer0 == "preassigned":
        says += "; neuron k of layer 0 is a copy of input k mod d if it reads that input, and dead if not"
    if layer0 == "matched":
        says += f"; {factors[0]} neurons of layer 0 could be given to every input after the mask was seen"
        block = Law(target, densities, "dense")
        ceiling = enclose(
            lambda: (
                block.log_success(copies, first).exp()
                * _matching_ceiling(first, target.inputs, factors[0], densities[0])
            )
        )
        predicted = float(low), float(ceiling[1])
    widths = (first, *(n * q for n, q in zip(target.widths[1:], copies[1:], strict=True)))
    network = chain_of(patterns)
    return Case(
        says=says,
        target=target,
        widths=widths,
        densities=densities,
        event=block_event(patterns, factors, densities, layer0=layer0, first_width=first_width),
        predicted=predicted,
        built=built_event(network, shapes_of(network, widths), densities, layer0=layer0, copies=factors[0]),
    )


def _matching_ceiling(neurons: int, inputs: int, copies: int, density: Fraction) -> Ball:
    # Every input must be read by q neurons at least, and different inputs are read independently.
    return (1 - lower_tail(neurons, copies - 1, ball(density))) ** inputs


def _drop() -> Case:
    patterns = [[[1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]], [[1, 1, 0, 1], [1, 0, 1, 1]]]
    return _dropped(patterns, (3, 8), (Fraction(1), _HALF, Fraction(2, 5)))


def _drop_deep() -> Case:
    patterns = [np.ones((3, 2)), np.ones((4, 3)), np.ones((2, 4))]
    return _dropped(patterns, (4, 8, 7), (Fraction(1), Fraction(3, 5), _HALF, Fraction(2, 5)))


def _dropped(patterns: Sequence[npt.ArrayLike], factors: tuple[int, ...], densities: tuple[Fraction, ...]) -> Case:
    target = Target.from_arrays(patterns)
    copies = (*factors, 1)
    low, high = enclose(lambda: drop_success(target, densities, copies))
    predicted: float | tuple[float, float] = _middle(low, high)
    if target.depth > 2:
        # At most as likely as if every copy below the last hidden layer were good, which leaves one hidden layer.
        last = Target(target.layers[-2:])
        ceiling = enclose(lambda: drop_success(last, densities[-3:], copies[-3:]))
        predicted = float(low), float(ceiling[1])
    widths = tuple(n * q for n, q in zip(target.widths, copies, strict=True))
    network = chain_of(patterns)
    return Case(
        says="every output finds an edge to a good copy of each neuron that it reads; a hidden copy is good if it does",
        target=target,
        widths=widths,
        densities=densities,
        event=drop_event(patterns, factors, densities),
        predicted=predicted,
        built=built_event(network, shapes_of(network, widths), densities, construction="drop"),
    )


def _residual() -> Case:
    cross = np.multiply.outer([[1, 1], [0, 1]], [0, 1, 1])  # (hidden 2, stream 2, 3 taps)
    branches = [[np.ones((2, 2, 3)), cross], [cross, np.ones((2, 2, 3))]]
    densities = [(_HALF, Fraction(3, 5)), (Fraction(3, 5), _HALF)]
    stream, inner = 9, 8
    target = Target.from_arrays([weight for branch in branches for weight in branch])
    # The skip ties both ends of a block: as many copies there, in the same places.
    copies = (stream, inner, stream, inner, stream)
    masks = (Fraction(1), *(density for pair in densities for density in pair))
    law = Law(target, masks, "dense")
    low, high = enclose(lambda: law.log_success(copies, target.inputs * stream).exp())
    network = residual_chain(branches)
    # The first and the last layer are dense, so that nothing can fail there.
    widths = (target.inputs, *(n * q for n, q in zip(target.widths, copies, strict=True)), 1)
    built = built_event(network, shapes_of(network, widths), (Fraction(1), *masks, Fraction(1)))
    return Case(
        says="in two residual blocks, every copy inside a branch and on the stream finds an edge to a copy of every "
        "channel, tap by tap, that it reads; the skip ties the copies of the stream",
        target=target,
        widths=tuple(n * q for n, q in zip(target.widths, copies, strict=True)),
        densities=masks,
        event=residual_event(branches, stream, inner, densities),
        predicted=_middle(low, high),
        built=built,
    )


def _theorem_2_3_relu() -> Case:
    inputs, neurons, into, out = 4, 12, _HALF, _THIRD
    failure = enclose(lambda: path_failure(inputs, neurons, into, out))
    return Case(
        says="every input has a path to the output",
        target=Target.from_widths([inputs, 1]),
        widths=(neurons, 1),
        densities=(into, out),
        event=path_event(inputs, (neurons,), (into, out)),
        predicted=1 - _middle(*failure),
    )


def _theorem_2_3_linear() -> Case:
    inputs, neurons, into, out = 3, 15, _HALF, Fraction(2, 3)
    failure = enclose(lambda: (neurons * log_sparsity(out * into**inputs)).exp())
    return Case(
        says="one hidden neuron reads every input and reaches the output",
        target=Target.from_widths([inputs, 1]),
        widths=(neurons, 1),
        densities=(into, out),
        event=covering_event(inputs, neurons, into, out),
        predicted=1 - _middle(*failure),
    )


def _lemma_2_4() -> Case:
    number, density, epsilon, z = 18, _HALF, Fraction(1, 10), Fraction(1)
    # No law is known, but bounds that are proved for every n.
    low, high = (bound(number, density=density, epsilon=epsilon, z=z) for bound in (failure_lower, failure_upper))
    return Case(
        says=f"some of those of {number} weights that the mask keeps add up to the target weight {z}, within {epsilon}",
        target=Target.from_widths([1, 1]),
        widths=(number, 1),
        densities=(Fraction(1), density),
        event=subset_sum_event(number, density, epsilon, z=z),
        predicted=(float(1 - high), float(1 - low)),
    )


def _lemma_2_4_kept() -> Case:
    number, kept, density, epsilon, z = 40, 3, Fraction(3, 4), Fraction(1, 10), Fraction(1, 2)
    problem = read_problem(density=density, epsilon=epsilon, z=z)
    # A sum of j variables is near with probability epsilon at most.
    chance = sum(epsilon * math.comb(number, size) * density**size for size in range(1, kept + 1))
    return Case(
        says=f"at most {kept} of those of {number} weights that the mask keeps add up to the target weight {z}, within "
        f"{epsilon}",
        target=Target.from_widths([1, 1]),
        widths=(number, 1),
        densities=(Fraction(1), density),
        event=limited_event(number, density, epsilon, kept, z=z),
        predicted=(float(1 - limited_upper(problem, number, kept)), min(1.0, float(chance))),
    )


def _lemma_2_4_bits() -> Case:
    number, bits, density, code = 28, 4, _HALF, 11
    upper = quantised_upper(number, density=density, bits=bits, target=code)
    chance = ((1 + density) ** number - 1) / (2 ** (bits + 1) + 1)
    return Case(
        says=f"some of those of {number} weights that the mask keeps, multiples of 1/{2**bits} in [-1, 1], are the "
        f"target weight {Fraction(code, 2**bits)} together, exactly",
        target=Target.from_widths([1, 1]),
        widths=(number, 1),
        densities=(Fraction(1), density),
        event=quantised_event(number, density, bits, target=code),
        predicted=(float(1 - upper), min(1.0, float(chance))),
    )


def _lemma_2_4_locked() -> Case:
    number, free, locked, epsilon, z = 44, _HALF, Fraction(1, 20), Fraction(1, 5), _HALF
    return Case(
        says=f"the locked ones and some of the free ones of {number} weights add up to the target weight {z}, within "
        f"{epsilon}; a weight is locked with probability {locked} and free with probability {free}",
        target=Target.from_widths([1, 1]),
        widths=(number, 1),
        densities=(Fraction(1), free + locked),
        event=locked_event(number, free, locked, epsilon, z=z),
        predicted=(float(1 - locked_upper(number, free=free, locked=locked, epsilon=epsilon)), 1.0),
        trials=500,
    )


def _theorem_2_5() -> Case:
    weights, biases = [[[0.75], [-0.5]], [[0.5, -0.75]]], [[0.25, 0.5], [-0.25]]
    target = Target.from_arrays(weights, biases, domain=[(0, 1)])
    densities, epsilon, delta = (_HALF, Fraction(4, 5), Fraction(3, 5)), Fraction(1, 5), Fraction(1, 4)
    widths = ticket_widths(target, density=densities, epsilon=epsilon, failure_probability=delta).widths
    return Case(
        says=f"a pruned source is found that is certified to be within {epsilon} of the target; for these widths it is "
        f"proved to exist with probability {1 - delta} at least, which leaves room: the bound is no law",
        target=target,
        widths=widths,
        densities=densities,
        event=ticket_event(target, widths, densities, epsilon),
        predicted=(float(1 - delta), 1.0),
        built=ticket_event(target, widths, densities, epsilon, check=True),
        trials=200,
    )


def _degree() -> Case:
    target, neurons, densities = Target.from_text("7-5-3"), 12, (Fraction(1, 10), _HALF, Fraction(3, 5))
    # N_0 = 0 leaves the first term of the bound, which is the law of the degrees alone.
    law = enclose(lambda: degree_ceiling(target, densities, 0, neurons))
    _, needed, outputs = target.widths
    return Case(
        says=f"every output is adjacent to at least {needed} neurons of layer 1",
        target=target,
        widths=(None, neurons, outputs),
        densities=densities,
        event=degree_event(needed, neurons, densities[-1], outputs),
        predicted=_middle(*law),
    )


def _path_ceiling() -> Case:
    from ertheory.bounds.necessary.paths import path_ceiling

    inputs, hidden, densities = 2, (7, 4), (Fraction(2, 5), _HALF, Fraction(3, 5))
    return Case(
        says="every input has a path through both hidden layers to the output",
        target=Target.from_widths([inputs, 1, 1]),
        widths=(*hidden, 1),
        densities=densities,
        event=path_event(inputs, hidden, densities),
        predicted=path_ceiling(inputs, hidden, densities),
    )


def _middle(low: Fraction, high: Fraction) -> float:
    return float((low + high) / 2)


_CASES: dict[str, Callable[[], Case]] = {
    "theorem-2.1": _theorem_2_1,
    "theorem-2.2": _theorem_2_2,
    "convolution": _convolution,
    "preassigned": _preassigned,
    "matched": _matched,
    "drop": _drop,
    "drop-deep": _drop_deep,
    "residual": _residual,
    "theorem-2.3-relu": _theorem_2_3_relu,
    "theorem-2.3-linear": _theorem_2_3_linear,
    "lemma-2.4": _lemma_2_4,
    "lemma-2.4-kept": _lemma_2_4_kept,
    "lemma-2.4-bits": _lemma_2_4_bits,
    "lemma-2.4-locked": _lemma_2_4_locked,
    "theorem-2.5": _theorem_2_5,
    "degree": _degree,
    "path-ceiling": _path_ceiling,
    **SHARP_CASES,
    **FACTORED_CASES,
}

# Short names; the paper's general definition has a ReLU at the output.
ALIASES = {"conv": "convolution", "layer-0": "preassigned", "theorem-2.3": "theorem-2.3-relu"}

# The names that `verify` knows.
CHECKS = (*_CASES, *ALIASES)
