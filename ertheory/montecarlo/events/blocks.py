"""The events that the laws speak of, decided from drawn masks.

Shapes: a trial's mask of source layer l is (N_l, N_{l-1}), with filter taps as a last axis where there are any; the
trials come first. Copy c of neuron j in a layer with q copies per neuron is source neuron j q + c; only layer 0 of the
preassigned reading is numbered otherwise, its neuron k reading input k mod d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ertheory.bounds.blocks.laws import Layer0
from ertheory.errors import InvalidInput
from ertheory.montecarlo.events.sampling import Bools, Event, draw_mask

__all__ = [
    "block_event",
    "covering_event",
    "degree_event",
    "largest_matching",
    "matching_event",
    "path_event",
]


def block_event(
    patterns: Sequence[npt.ArrayLike],
    factors: tuple[int, ...],
    densities: tuple[Fraction, ...],
    *,
    layer0: Layer0 = "dense",
    first_width: int | None = None,
) -> Event:
    """Every copy of every target neuron sees a copy of each neuron that it needs (Theorems 2.1 and 2.2).

    Parameters
    ----------
    patterns
        W_1..W_L or their zero patterns, shape (out, in) or (out, in, *taps); every tap needs an edge of its own.
    factors
        q_0..q_{L-1} copies per neuron; outputs have one.
    densities
        p_0..p_L; p_0 = 1 for the reading ``dense``, which does not draw layer 0.
    layer0
        ``preassigned``: neuron k of layer 0 is a copy of input k mod d if the mask lets it read that input, and dead
        otherwise. ``matched``: copies are given out by a largest matching; if one is missing, the trial has failed.
    first_width
        N_0 for ``matched``; q_0 d otherwise.

    Raises
    ------
    InvalidInput
        If layer 0 is ``dense``, but p_0 is not 1.

    Examples
    --------
    >>> event = block_event([[[1, 1]]], (3,), (Fraction(1), Fraction(1)))
    >>> event.occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    if layer0 == "dense" and densities[0] != 1:
        raise InvalidInput("densities", "p_0 = 1 where layer 0 is read as dense", densities[0])
    needs = [_by_tap(pattern) for pattern in patterns]
    copies = (*factors, 1)
    inputs = needs[0].shape[1]
    neurons = first_width if layer0 == "matched" and first_width is not None else factors[0] * inputs

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        result = _everywhere(trials)
        for level, (need, (below, above)) in enumerate(zip(needs, pairwise(copies), strict=True)):
            outs, ins, taps = need.shape
            into = neurons if level == 0 else ins * below
            if level == 0 and layer0 != "dense":
                first = draw_mask(rng, (trials, neurons, inputs), densities[0])
            mask = draw_mask(rng, (trials, outs * above, into, taps), densities[level + 1])
            if level == 0 and layer0 == "preassigned":
                reads = np.arange(neurons) % inputs
                mask &= first[:, np.arange(neurons), reads][:, None, :, None]
                mask = mask[:, :, np.argsort(reads, kind="stable")]
            elif level == 0 and layer0 == "matched":
                chosen = largest_matching(first, below)  # (trials, inputs * below)
                result &= _all(chosen >= 0)
                mask = np.take_along_axis(mask, np.maximum(chosen, 0)[:, None, :, None], axis=2)
            seen = _some(mask.reshape(trials, outs, above, ins, below, taps), axis=4)
            result &= _all(seen | ~need[:, None])
        return result

    drawn = [need.size * above * below for need, (below, above) in zip(needs, pairwise(copies), strict=True)]
    matching = neurons * inputs * factors[0] + neurons * needs[0].size * copies[1] if layer0 == "matched" else 0
    return Event(sum(drawn) + neurons * inputs + matching, occurs)


def matching_event(inputs: int, copies: int, neurons: int, density: Fraction) -> Event:
    """Each of d inputs can be given q neurons of its own, of N, that read it.

    Examples
    --------
    >>> matching_event(2, 2, 4, Fraction(1)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        chosen = largest_matching(draw_mask(rng, (trials, neurons, inputs), density), copies)
        return _all(chosen >= 0)

    return Event(neurons * inputs * (copies + 1), occurs)


def path_event(inputs: int, hidden: tuple[int, ...], densities: tuple[Fraction, ...]) -> Event:
    """Each of d inputs has a path through the hidden layers to the one output.

    With one hidden layer this is the event of Theorem 2.3 for a ReLU output.

    Parameters
    ----------
    inputs
        d.
    hidden
        Widths of the hidden layers, the one next to the inputs first.
    densities
        They are those of the mask layers in the same order, one more than hidden layers.

    Examples
    --------
    >>> path_event(2, (3, 1), (Fraction(1),) * 3).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    shapes = [(after, before) for before, after in pairwise((inputs, *hidden, 1))]

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        reaching = _everywhere(trials, 1)
        for shape, density in zip(reversed(shapes), reversed(densities), strict=True):
            mask = draw_mask(rng, (trials, *shape), density)
            reaching = _some(mask & reaching[:, :, None], axis=1)
        return _all(reaching)

    return Event(sum(map(math.prod, shapes)), occurs)


def covering_event(inputs: int, neurons: int, into: Fraction, out: Fraction) -> Event:
    """One hidden neuron reads all d inputs and reaches the output: Theorem 2.3 for a linear output.

    Examples
    --------
    >>> covering_event(2, 3, Fraction(1), Fraction(1)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        reads = draw_mask(rng, (trials, neurons, inputs), into)
        writes = draw_mask(rng, (trials, neurons), out)
        covers = ~_some(~reads, axis=2)
        return _some(covers & writes, axis=1)

    return Event(neurons * (inputs + 1), occurs)


def degree_event(neighbours: int, neurons: int, density: Fraction, outputs: int) -> Event:
    """Every output is adjacent to at least n of N neurons: what the degree bound asks for.

    Examples
    --------
    >>> degree_event(4, 3, Fraction(1), 2).occurs(np.random.default_rng(0), 2)
    array([False, False])
    """

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        degrees = np.count_nonzero(draw_mask(rng, (trials, outputs, neurons), density), axis=2)
        return _all(degrees >= neighbours)

    return Event(outputs * neurons, occurs)


def _everywhere(*shape: int) -> Bools:
    return np.ones(shape, dtype=np.bool_)


def _some(values: Bools, *, axis: int) -> Bools:
    result: Bools = np.asarray(values.any(axis=axis))
    return result


def _all(values: Bools) -> Bools:
    """Whether everything holds, per trial."""
    result: Bools = np.asarray(values.reshape(len(values), -1).all(axis=1))
    return result


def _by_tap(pattern: npt.ArrayLike) -> Bools:
    """Which weights are not zero, shape (out, in, taps)."""
    weights: Bools = np.asarray(np.asarray(pattern) != 0)
    return weights.reshape(*weights.shape[:2], -1)


def largest_matching(reads: Bools, copies: int | Sequence[int]) -> npt.NDArray[np.int64]:
    """Give the inputs as many neurons of their own as can be, so many at most to each.

    Parameters
    ----------
    reads
        Mask of layer 0, shape (trials, neurons, inputs).
    copies
        q, or one number per input.

    Returns
    -------
    ndarray
        Neuron of copy c of input i at column i q + c, shape (trials, inputs * q); -1 where there is none.
        With one number per input, the copies of each follow those of the one before.
    """
    from ertheory.builders.sharp.matching_kernel import match_columns  # numba takes half a second to load

    trials, neurons, _ = reads.shape
    # The trials are the components of one bipartite graph, in which a largest matching is largest on each of them.
    cloned = np.repeat(reads.transpose(0, 2, 1), copies, axis=1)
    open_to = cloned.reshape(-1, neurons)
    rows, columns = np.nonzero(open_to)
    columns += rows // cloned.shape[1] * neurons
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(open_to, axis=1))])
    owner = match_columns(starts, columns, trials * neurons)
    chosen = np.full(len(open_to), -1, dtype=np.int64)
    taken = np.flatnonzero(owner >= 0)
    chosen[owner[taken]] = taken % neurons
    return chosen.reshape(trials, -1)
