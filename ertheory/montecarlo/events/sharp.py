"""Events of the sharp constructions and of the necessary widths beside them, decided from drawn masks.

Shapes: a trial's mask of source layer l is (N_l, N_{l-1}); the trials come first. A colouring gives every neuron of the
last hidden layer a class, the target neuron that it copies, or none (-1).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.montecarlo.events.blocks import largest_matching
from ertheory.montecarlo.events.sampling import Bools, Event, draw_mask

__all__ = [
    "class_event",
    "coded_event",
    "colourable_event",
    "counted_event",
    "private_event",
    "reached_event",
    "sequential_event",
    "served_event",
    "sharp_event",
    "sizes_event",
]

Owners = npt.NDArray[np.int64]


def sequential_event(needs: npt.ArrayLike, neurons: int, density: Fraction) -> Event:
    """Every consumer in turn finds a free neuron for each class that it lacks.

    Parameters
    ----------
    needs
        Whether consumer t needs class j, shape (consumers, classes).
    neurons
        N.
    density
        It is that of the mask between the neurons and the consumers.

    Examples
    --------
    >>> sequential_event([[1, 1]], 2, Fraction(1)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    needed: Bools = np.asarray(needs, dtype=np.bool_)

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        _, served = _coloured(draw_mask(rng, (trials, len(needed), neurons), density), needed)
        return served

    return Event(neurons * (len(needed) + 2), occurs)


def private_event(demands: Sequence[int], neurons: int, density: Fraction) -> Event:
    """Each output o can be given c_o adjacent neurons that no other output is given.

    Examples
    --------
    >>> private_event((1, 2), 3, Fraction(1)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        chosen = largest_matching(draw_mask(rng, (trials, neurons, len(demands)), density), demands)
        return _all(chosen >= 0)

    return Event(neurons * (len(demands) + sum(demands)), occurs)


def colourable_event(classes: int, consumers: int, neurons: int, density: Fraction) -> Event:
    """At least one colouring lets every consumer see every class: all of them are tried.

    Examples
    --------
    >>> colourable_event(2, 3, 2, Fraction(1)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    # A class as a set of neurons, the bits of a number. Classes can be exchanged, so neuron 0 gets the first one.
    colourings = np.array([(0, *rest) for rest in itertools.product(range(classes), repeat=neurons - 1)])
    places = 1 << np.arange(neurons, dtype=np.int64)
    sets = np.stack([((colourings == kind) * places).sum(axis=1) for kind in range(classes)], axis=1)

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        seen = (draw_mask(rng, (trials, consumers, neurons), density) * places).sum(axis=2)
        result: Bools = np.zeros(trials, dtype=np.bool_)
        for members in sets:
            result |= _all((seen[:, :, None] & members) != 0)
        return result

    return Event(consumers * (neurons + classes), occurs)


def coded_event(
    used: int, inputs: int, neurons: int, densities: tuple[Fraction, Fraction], *, dual: bool = False
) -> Event:
    """All neurons of layer 1 that are used can have any weights on the inputs, by the matchings of the primal or dual.

    Parameters
    ----------
    used, inputs, neurons
        |V|, d and N_0.
    densities
        p_0 and p_1.
    dual
        The neurons of V are matched into the layer-0 neurons that read an input, for every input. Otherwise the inputs
        are matched into the layer-0 neurons that a neuron of V reads, for every one.

    Examples
    --------
    >>> coded_event(2, 2, 2, (Fraction(1), Fraction(1))).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        first = draw_mask(rng, (trials, neurons, inputs), densities[0])
        second = draw_mask(rng, (trials, used, neurons), densities[1])
        paths = first[:, None] & second[..., None]  # (trials, used, neurons, inputs)
        if dual:
            paths = paths.transpose(0, 3, 2, 1)
        chosen = largest_matching(paths.reshape(-1, *paths.shape[2:]), 1)
        return _all(chosen.reshape(trials, -1) >= 0)

    return Event(2 * used * inputs * neurons, occurs)


def class_event(classes: int, copies: int, widths: tuple[int, int], densities: tuple[Fraction, Fraction]) -> Event:
    """All classes of equally many neurons of layer 1 can have any weights, each the same weights for all its neurons.

    Parameters
    ----------
    classes, copies
        How many classes there are, and neurons in each of them.
    widths, densities
        (d, N_0) and (p_0, p_1).

    Examples
    --------
    >>> class_event(2, 3, (2, 2), (Fraction(1), Fraction(1))).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    inputs, neurons = widths

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        first = draw_mask(rng, (trials, neurons, inputs), densities[0])
        each = draw_mask(rng, (trials, classes, copies, neurons), densities[1])
        second: Bools = np.asarray(each.all(axis=2))
        paths = first.transpose(0, 2, 1)[..., None] & second.transpose(0, 2, 1)[:, None]
        chosen = largest_matching(paths.reshape(-1, neurons, classes), 1)  # for every input, shape (neurons, classes)
        return _all(chosen.reshape(trials, -1) >= 0)

    return Event(neurons * classes * (copies + 2 * inputs), occurs)


def sharp_event(
    needs: npt.ArrayLike, inputs: int, widths: tuple[int, int], densities: tuple[Fraction, Fraction, Fraction]
) -> Event:
    """Every output is served by the greedy, and each neuron that was given a class can be solved for (primal).

    Parameters
    ----------
    needs
        Whether output o reads target neuron j, shape (outputs, classes).
    inputs, widths, densities
        d, (N_0, N_1) and (p_0, p_1, p_2).

    Examples
    --------
    >>> sharp_event([[1, 1]], 2, (2, 2), (Fraction(1),) * 3).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    needed: Bools = np.asarray(needs, dtype=np.bool_)
    below, neurons = widths

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        first = draw_mask(rng, (trials, below, inputs), densities[0])
        second = draw_mask(rng, (trials, neurons, below), densities[1])
        owners, result = _coloured(draw_mask(rng, (trials, len(needed), neurons), densities[2]), needed)
        trial, neuron = np.nonzero(owners >= 0)
        paths = first[trial] & second[trial, neuron][..., None]  # (used, below, inputs)
        if len(trial):
            solved = _all(largest_matching(paths, 1) >= 0)
            result &= np.bincount(trial[~solved], minlength=trials) == 0
        return result

    return Event(neurons * below * (inputs + 2), occurs)


def sizes_event(weights: Sequence[Fraction], classes: int, neurons: int, density: Fraction) -> Event:
    """All weights z_D of the neurons, each adjacent to D outputs, sum to n at least.

    Examples
    --------
    >>> sizes_event((Fraction(0), Fraction(1)), 3, 2, Fraction(1)).occurs(np.random.default_rng(0), 2)
    array([False, False])
    """
    scale = math.lcm(*(weight.denominator for weight in weights))
    places = np.array([int(weight * scale) for weight in weights])

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        sizes = draw_mask(rng, (trials, neurons, len(weights) - 1), density).sum(axis=2)
        result: Bools = np.asarray(places[sizes].sum(axis=1) >= classes * scale)
        return result

    return Event(neurons * len(weights), occurs)


def counted_event(inputs: int, rows: int, widths: tuple[int, int], densities: tuple[Fraction, Fraction]) -> Event:
    """At least one set of n neurons of layer 1 has n d free parameters with layer 0, as the parameter count counts.

    Parameters
    ----------
    inputs, rows
        d and n.
    widths
        N_0 and N_1; all sets of n neurons are tried.
    densities
        p_0 and p_1.

    Examples
    --------
    >>> counted_event(2, 1, (1, 1), (Fraction(1), Fraction(1))).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        reads = draw_mask(rng, (trials, widths[0], inputs), densities[0]).sum(axis=2)
        second = draw_mask(rng, (trials, widths[1], widths[0]), densities[1])
        result: Bools = np.zeros(trials, dtype=np.bool_)
        for chosen in itertools.combinations(range(widths[1]), rows):
            read = second[:, chosen].sum(axis=1)
            free = ((reads + read - 1) * (reads > 0) * (read > 0)).sum(axis=1)
            result |= free >= rows * inputs
        return result

    return Event(widths[0] * (inputs + 2 * widths[1]), occurs)


def reached_event(inputs: int, rows: int, widths: tuple[int, int], densities: tuple[Fraction, Fraction]) -> Event:
    """At least n neurons of layer 1 are reached from all inputs, as the path count asks for.

    Parameters
    ----------
    inputs, rows
        d and n.
    widths
        N_0 and N_1.
    densities
        p_0 and p_1.

    Examples
    --------
    >>> reached_event(2, 1, (1, 1), (Fraction(1), Fraction(1))).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        first = draw_mask(rng, (trials, widths[0], inputs), densities[0])
        second = draw_mask(rng, (trials, widths[1], widths[0]), densities[1])
        read: Bools = np.asarray((second[..., None] & first[:, None]).any(axis=2))  # (trials, layer 1, inputs)
        result: Bools = np.asarray(read.all(axis=2).sum(axis=1) >= rows)
        return result

    return Event(widths[0] * inputs * (1 + widths[1]), occurs)


def served_event(
    inputs: int, rows: int, widths: tuple[int, int, int], densities: tuple[Fraction, Fraction, Fraction]
) -> Event:
    """Every output reads at least n neurons of layer 1 that are reached from all inputs, as coupled layers need.

    Parameters
    ----------
    inputs, rows
        d and n.
    widths
        N_0, N_1 and the outputs.
    densities
        p_0, p_1 and p_2.

    Examples
    --------
    >>> served_event(2, 1, (1, 1, 1), (Fraction(1),) * 3).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        first = draw_mask(rng, (trials, widths[0], inputs), densities[0])
        second = draw_mask(rng, (trials, widths[1], widths[0]), densities[1])
        last = draw_mask(rng, (trials, widths[2], widths[1]), densities[2])
        paths: Bools = np.asarray((second[..., None] & first[:, None]).any(axis=2))  # (trials, layer 1, inputs)
        reached: Bools = np.asarray(paths.all(axis=2))
        result: Bools = np.asarray(((last & reached[:, None]).sum(axis=2) >= rows).all(axis=1))
        return result

    return Event(widths[0] * inputs * (1 + widths[1]) + widths[1] * widths[2], occurs)


def _coloured(mask: Bools, needed: Bools) -> tuple[Owners, Bools]:
    """Run the sequential greedy on masks (trials, consumers, neurons): the classes, and whether all are served."""
    trials, consumers, neurons = mask.shape
    owners: Owners = np.full((trials, neurons), -1, dtype=np.int64)
    served: Bools = np.ones(trials, dtype=np.bool_)
    everyone = np.arange(trials)
    for consumer in range(consumers):
        around = mask[:, consumer]
        for kind in np.flatnonzero(needed[consumer]).tolist():
            lacking = ~(around & (owners == kind)).any(axis=1)
            free = around & (owners < 0)
            first = free.argmax(axis=1)
            found = free[everyone, first]
            served &= found | ~lacking
            given = lacking & found
            owners[everyone[given], first[given]] = kind
    return owners, served


def _all(values: Bools) -> Bools:
    """Whether everything holds, per trial."""
    result: Bools = np.asarray(values.reshape(len(values), -1).all(axis=1))
    return result
