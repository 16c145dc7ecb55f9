"""Cases for the sharp constructions and for the necessary widths beside them, chosen as in `montecarlo.statements`.

Each bound is put between two others: from below by what is proved of the construction, from above by what every source
needs, or by the exact law where there is one. A builder goes on where a construction gives up, so the bounds on how
often it succeeds are further apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ertheory.bounds.necessary.coupled import coupled_ceiling
from ertheory.bounds.necessary.first_moment import log_first_moment
from ertheory.bounds.necessary.parameter_count import count_ceiling
from ertheory.bounds.necessary.path_count import path_count_ceiling
from ertheory.bounds.necessary.size_lp import cover_weights, size_shortfall
from ertheory.bounds.necessary.univariate import path_failure
from ertheory.bounds.sharp.classes import Classes, rows_of
from ertheory.bounds.sharp.coded import dual_failure
from ertheory.bounds.sharp.law import Design, colouring
from ertheory.bounds.sharp.matched import coding_failure
from ertheory.bounds.sharp.private import private_failure
from ertheory.bounds.sharp.sequential import dense_stages, sequential_failure, stages_of
from ertheory.bounds.sharp.sequential_law import sequential_law
from ertheory.bounds.statement import Reading
from ertheory.builders import Construction
from ertheory.montecarlo.events.built import built_event, shapes_of
from ertheory.montecarlo.events.sampling import Event
from ertheory.montecarlo.events.sharp import (
    class_event,
    coded_event,
    colourable_event,
    counted_event,
    private_event,
    reached_event,
    sequential_event,
    served_event,
    sharp_event,
)
from ertheory.montecarlo.statements.case import Case
from ertheory.networks.network import Network
from ertheory.networks.target import Target, network_of
from ertheory.numbers import Ball, Masses, ball, enclose, lower_tail

__all__ = ["SHARP_CASES"]

_ONE, _HALF = Fraction(1), Fraction(1, 2)
_TWO_FIFTHS, _THREE_FIFTHS = Fraction(2, 5), Fraction(3, 5)


def _sequential() -> Case:
    needs = [[True] * 4, [True, False, True, True], [True, True, False, True]]
    neurons, density = 10, _HALF
    failure = sequential_failure(stages_of(needs), neurons, density)[1]
    network = _generic(np.ones((4, 2)), np.array(needs))
    return Case(
        says="serving the outputs one after another, every target neuron that one lacks finds a free neuron beside it",
        target=_target(network),
        widths=(None, neurons, 3),
        densities=(_ONE, _ONE, density),
        event=sequential_event(needs, neurons, density),
        predicted=(float(1 - failure), float(sequential_law(needs, neurons, density))),
        built=_built(network, (2, neurons, 3), (_ONE, _ONE, density), "sequential"),
        predicted_built=(float(1 - failure), _neighbours((4, 3, 3), neurons, density)),
    )


def _matching() -> Case:
    demands, neurons, density = (4, 3, 2), 14, _TWO_FIFTHS
    needs = np.array([[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 0]])
    failure = private_failure(demands, neurons, density)[1]
    network = _generic(np.ones((4, 2)), needs)
    return Case(
        says="every output is given as many neurons of its own, adjacent to it, as it reads target neurons",
        target=_target(network),
        widths=(None, neurons, 3),
        densities=(_ONE, _ONE, density),
        event=private_event(demands, neurons, density),
        predicted=(float(1 - failure), _neighbours(demands, neurons, density)),
        built=_built(network, (2, neurons, 3), (_ONE, _ONE, density), "matching"),
    )


def _coded() -> Case:
    return _coded_case(dual=False)


def _coded_dual() -> Case:
    return _coded_case(dual=True)


def _coded_case(*, dual: bool) -> Case:
    inputs, used, neurons, (first, second) = 4, 3, 12, (_HALF, _THREE_FIFTHS)
    if dual:
        failure = inputs * coding_failure(used, neurons, second, first)[1]
        matched, columns = "for every input, the neurons of layer 1 can be matched to neurons that read it", first
    else:
        failure = used * coding_failure(inputs, neurons, first, second)[1]
        matched, columns = "for every neuron of layer 1, the inputs can be matched to neurons that it reads", second
    # Of the columns of every matching there must be as many as rows.
    least, matchings = (used, inputs) if dual else (inputs, used)
    network = _generic(np.ones((used, inputs)), np.ones((2, used)))
    paths = enclose(lambda: path_failure(inputs, neurons, first, second))[0]
    return Case(
        says=f"{matched}, along edges into layer 0",
        target=_target(network),
        widths=(neurons, used, 2),
        densities=(first, second, _ONE),
        event=coded_event(used, inputs, neurons, (first, second), dual=dual),
        predicted=(float(1 - failure), _neighbours((least,) * matchings, neurons, columns)),
        built=_built(network, (neurons, used, 2), (first, second, _ONE), "blocks"),
        predicted_built=(float(1 - failure), float(1 - paths)),
    )


def _coded_classes() -> Case:
    inputs, classes, copies, neurons, (first, second) = 8, 3, 2, 8, (_THREE_FIFTHS, Fraction(9, 10))
    parts = rows_of(Classes(((classes, Masses(copies, np.ones(1), 0)),)), copies)
    failure = dual_failure(parts, inputs, neurons, (first, second**copies))[1]
    network = _generic(np.ones((classes, inputs)), np.ones((2, classes)))
    paths = enclose(lambda: path_failure(inputs, neurons, first, second))[0]
    widths, densities = (neurons, classes * copies, 2), (first, second, _ONE)
    return Case(
        says="for every input, the target neurons can be matched to neurons of layer 0 that read it and that all their "
        "copies read",
        target=_target(network),
        widths=widths,
        densities=densities,
        event=class_event(classes, copies, (inputs, neurons), (first, second)),
        predicted=(float(1 - failure), _neighbours((classes,) * inputs, neurons, first)),
        built=_built(network, widths, densities, "blocks"),
        predicted_built=(float(1 - failure), float(1 - paths)),
    )


def _sharp() -> Case:
    widths, densities = (12, 8, 2), (_HALF, _THREE_FIFTHS, Fraction(2, 3))
    network = _generic(np.ones((3, 3)), np.ones((2, 3)))
    target = Target.from_text("3-3-2")
    colours = colouring(target, densities[-1], "sequential")
    failure = Design(target, densities, colours, "primal", widths[0], widths[1], widths[1]).failure()[1]
    needs = [[True] * 3] * 2
    return Case(
        says="the outputs are served one after another, and for every neuron of layer 1 that is given a target neuron, "
        "the inputs can be matched to neurons that it reads",
        target=target,
        widths=widths,
        densities=densities,
        event=sharp_event(needs, 3, widths[:2], densities),
        predicted=(float(1 - failure), float(sequential_law(needs, widths[1], densities[-1]))),
        built=_built(network, widths, densities, "sequential"),
        predicted_built=(float(1 - failure), _neighbours((3, 3), widths[1], densities[-1])),
    )


def _size_lp() -> Case:
    classes, outputs, neurons, density = 3, 4, 5, Fraction(4, 5)
    shortfall = size_shortfall(cover_weights(outputs, density), neurons, classes, density)[0]
    return _colourable(classes, outputs, neurons, density, float(1 - shortfall))


def _first_moment() -> Case:
    classes, outputs, neurons, density = 2, 6, 3, Fraction(3, 4)
    bound = enclose(lambda: log_first_moment(classes, outputs, neurons, density, exchangeable=True))[1]
    return _colourable(classes, outputs, neurons, density, math.exp(float(bound)))


def _colourable(classes: int, outputs: int, neurons: int, density: Fraction, ceiling: float) -> Case:
    failure = sequential_failure(dense_stages(classes, outputs), neurons, density)[1]
    network = _generic(np.ones((classes, 4)), np.ones((outputs, classes)))
    return Case(
        says="some choice of the target neuron that every neuron of layer 1 copies lets every output find them all",
        target=_target(network),
        widths=(None, neurons, outputs),
        densities=(_ONE, _ONE, density),
        event=colourable_event(classes, outputs, neurons, density),
        predicted=(float(1 - failure), ceiling),
        built=_built(network, (4, neurons, outputs), (_ONE, _ONE, density), "sequential"),
    )


def _parameter_count() -> Case:
    inputs, used, neurons, densities = 4, 2, 4, (_TWO_FIFTHS, _HALF, _ONE)
    network = _generic(np.ones((used, inputs)), np.ones((1, used)))
    ceiling = count_ceiling(_target(network), densities, neurons, used, affine=True)
    return Case(
        says="layers 0 and 1 have as many free parameters as the first layer of the target has weights",
        target=_target(network),
        widths=(neurons, used, 1),
        densities=densities,
        event=counted_event(inputs, used, (neurons, used), densities[:2]),
        predicted=(0.0, float(ceiling)),
        built=_built(network, (neurons, used, 1), densities, "blocks"),
    )


def _path_count() -> Case:
    inputs, used, widths, densities = 3, 2, (6, 4, 1), (_HALF, _TWO_FIFTHS, _ONE)
    network = _generic(np.ones((used, inputs)), np.ones((1, used)))
    ceiling = float(path_count_ceiling(_target(network), densities, *widths[:2], affine=True))
    missed = enclose(lambda: path_failure(inputs, widths[0], *densities[:2]))[1]
    # Given layer 0, neurons of layer 1 are alike and independent: n of them are reached with probability P_A^n at
    # least, by Jensen's inequality.
    return Case(
        says="as many neurons of layer 1 are reached from every input as the target has neurons",
        target=_target(network),
        widths=widths,
        densities=densities,
        event=reached_event(inputs, used, widths[:2], densities[:2]),
        predicted=(float((1 - missed) ** used), ceiling),
        built=_built(network, widths, densities, "blocks"),
        predicted_built=(0.0, ceiling),
    )


def _coupled() -> Case:
    inputs, used, widths, densities = 3, 2, (5, 6, 2), (_HALF, _HALF, _THREE_FIFTHS)
    network = _generic(np.ones((used, inputs)), np.ones((widths[2], used)))
    ceiling = float(coupled_ceiling(_target(network), densities, *widths[:2], affine=True))
    return Case(
        says="every output reads as many neurons that are reached from all inputs as the target has neurons",
        target=_target(network),
        widths=widths,
        densities=densities,
        event=served_event(inputs, used, widths, densities),
        predicted=(0.0, ceiling),
        built=_built(network, widths, densities, "sequential"),
    )


def _built(
    network: Network, widths: tuple[int, ...], densities: tuple[Fraction, ...], construction: Construction
) -> Event:
    layer0: Reading = "coded" if densities[0] < 1 else "dense"
    return built_event(network, shapes_of(network, widths), densities, construction=construction, layer0=layer0)


def _neighbours(demands: tuple[int, ...], neurons: int, density: Fraction) -> float:
    """Probability that every output is adjacent to as many neurons as it needs."""
    one = Ball(1)
    law = enclose(lambda: math.prod((1 - lower_tail(neurons, n - 1, ball(density)) for n in demands), start=one))
    return float(law[1])


def _generic(*patterns: np.ndarray) -> Network:
    """Make a target with these non-zeros and no relation between its weights, whose kinks are inside the box."""
    rng = np.random.default_rng(0)
    weights = [np.where(pattern, rng.normal(size=pattern.shape), 0.0) for pattern in patterns]
    biases = [rng.normal(size=after) / 8 for _, after in pairwise((patterns[0].shape[1], *map(len, patterns)))]
    return network_of(Target.from_arrays(weights, biases, domain=[(-1, 1)] * patterns[0].shape[1]))


def _target(network: Network) -> Target:
    return Target.from_arrays([step.weight.toarray() for step in network.affine])


SHARP_CASES: dict[str, Callable[[], Case]] = {
    "sequential": _sequential,
    "matching": _matching,
    "coded": _coded,
    "coded-dual": _coded_dual,
    "coded-classes": _coded_classes,
    "sharp": _sharp,
    "size-lp": _size_lp,
    "first-moment": _first_moment,
    "parameter-count": _parameter_count,
    "path-count": _path_count,
    "coupled": _coupled,
}
