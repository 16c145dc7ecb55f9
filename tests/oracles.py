"""Probabilities by enumerating every mask of a tiny source: slow, plain, exact.

Each function lists all 2^n masks of the n random entries, decides the event for every one of them, and adds up the
exact weights. No product formula is used: whether events are independent is for the closed forms to know. Densities are
``Fraction``, and so is every answer.

A mask is an integer whose bit b says whether entry b is kept, so that "some entry of this set is kept" is one bitwise
operation for all masks at once. Masks of equal weight have as many ones in each layer, and are counted together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

__all__ = [
    "MAX_ENTRIES",
    "b_matching_probability",
    "block_probability",
    "covering_probability",
    "degree_probability",
    "drop_probability",
    "path_probability",
    "preassigned_probability",
]

MAX_ENTRIES = 22

Bits = npt.NDArray[np.int64]
Event = npt.NDArray[np.bool_]
Pattern = npt.ArrayLike
Sizes = int | Sequence[int]


@dataclass(frozen=True)
class _Space:
    """All masks of some layers; `layers[l][index]` is the number of the bit of that entry."""

    layers: tuple[Bits, ...]
    densities: tuple[Fraction, ...]
    masks: npt.NDArray[np.uint32]

    def kept(self, bit: int) -> Event:
        """Masks that keep this entry."""
        result: Event = (self.masks >> np.uint32(bit)) & np.uint32(1) != 0
        return result

    def some(self, bits: Bits) -> Event:
        """Masks that keep at least one of these entries; none, if there are none."""
        word = sum(1 << int(bit) for bit in bits.ravel())
        result: Event = self.masks & np.uint32(word) != 0
        return result

    def everywhere(self) -> Event:
        """The certain event."""
        return np.ones(self.masks.shape, dtype=np.bool_)

    def probability(self, event: Event) -> Fraction:
        """Exact probability of an event."""
        kept = self.masks[event]
        counts = np.zeros(kept.shape, dtype=np.int64)
        for bits in self.layers:
            ones = np.zeros(kept.shape, dtype=np.int64)
            for bit in bits.ravel():
                ones += (kept >> np.uint32(bit)) & np.uint32(1)
            counts = counts * (bits.size + 1) + ones
        ranges = [range(bits.size + 1) for bits in self.layers]
        number = np.bincount(counts, minlength=math.prod(map(len, ranges)))
        total = Fraction(0)
        for cell, ones_per_layer in enumerate(itertools.product(*ranges)):
            weight = Fraction(int(number[cell]))
            for bits, density, one in zip(self.layers, self.densities, ones_per_layer, strict=True):
                weight *= density**one * (1 - density) ** (bits.size - one)
            total += weight
        return total


def _space(shapes: Sequence[tuple[int, ...]], densities: Sequence[Fraction]) -> _Space:
    """Number the entries of the layers one after another and list all masks."""
    sizes = [math.prod(shape) for shape in shapes]
    entries = sum(sizes)
    if entries > MAX_ENTRIES:
        raise ValueError(f"{entries} mask entries are too many to enumerate; at most {MAX_ENTRIES}")
    if len(shapes) != len(densities):
        raise ValueError(f"{len(shapes)} layers of mask entries, {len(densities)} densities")
    if not all(isinstance(density, Fraction) and 0 <= density <= 1 for density in densities):
        raise ValueError(f"densities must be fractions in [0, 1], got {densities!r}")
    starts = itertools.accumulate(sizes, initial=0)
    layers = [
        np.arange(first, first + size).reshape(shape) for first, size, shape in zip(starts, sizes, shapes, strict=False)
    ]
    return _Space(tuple(layers), tuple(densities), np.arange(1 << entries, dtype=np.uint32))


def _patterns(layers: Sequence[Pattern]) -> list[Event]:
    """Non-zero patterns of shape (out, in, taps); a dense layer has one tap."""
    arrays = [np.asarray(layer) != 0 for layer in layers]
    return [array.reshape(*array.shape[:2], -1) for array in arrays]


def _owners(patterns: Sequence[Event], factors: Sequence[Sizes]) -> list[Bits]:
    """For each source layer 0..L, the target neuron that each source neuron is a copy of."""
    widths = [pattern.shape[1] for pattern in patterns]
    owners = [
        np.repeat(np.arange(width), np.broadcast_to(np.asarray(factor), width))
        for width, factor in zip(widths, factors, strict=True)
    ]
    return [*owners, np.arange(patterns[-1].shape[0])]


def block_probability(layers: Sequence[Pattern], factors: Sequence[Sizes], densities: Sequence[Fraction]) -> Fraction:
    """Probability that every copy sees a copy of every neuron that it needs, layer 0 alive.

    Parameters
    ----------
    layers
        Patterns of the target's weights W_1..W_L, shape (out, in), or (out, in, taps...) for a convolution, whose taps
        each need an edge of their own.
    factors
        q_0..q_{L-1}, each an integer, or one integer per neuron of that layer; the output layer has q_L = 1.
    densities
        p_1..p_L. Entries of the mask where the target has no weight are enumerated too.
    """
    patterns = _patterns(layers)
    owners = _owners(patterns, factors)
    shapes = [
        (len(after), len(before), pattern.shape[2])
        for before, after, pattern in zip(owners, owners[1:], patterns, strict=False)
    ]
    space = _space(shapes, densities)
    event = space.everywhere()
    for level, pattern in enumerate(patterns):
        for v, j in enumerate(owners[level + 1]):
            for i, tap in np.argwhere(pattern[j]):
                event &= space.some(space.layers[level][v, owners[level] == i, tap])
    return space.probability(event)


def drop_probability(layers: Sequence[Pattern], factors: Sequence[Sizes], densities: Sequence[Fraction]) -> Fraction:
    """Probability that every output sees a good copy of every neuron that it needs, layer 0 alive.

    A hidden copy is good if it sees a good copy of every neuron that it needs; all copies in layer 0 are good.
    Arguments as for `block_probability`.
    """
    patterns = _patterns(layers)
    owners = _owners(patterns, factors)
    shapes = [
        (len(after), len(before), pattern.shape[2])
        for before, after, pattern in zip(owners, owners[1:], patterns, strict=False)
    ]
    space = _space(shapes, densities)
    good = [space.everywhere() for _ in owners[0]]
    for level, pattern in enumerate(patterns):
        above = []
        for v, j in enumerate(owners[level + 1]):
            event = space.everywhere()
            for i, tap in np.argwhere(pattern[j]):
                copies = np.flatnonzero(owners[level] == i)
                entries = space.layers[level][v, :, tap]
                event &= _union(space, [good[u] & space.kept(int(entries[u])) for u in copies])
            above.append(event)
        good = above
    event = space.everywhere()
    for output in good:
        event &= output
    return space.probability(event)


def preassigned_probability(
    layers: Sequence[Pattern], factors: Sequence[int], densities: Sequence[Fraction]
) -> Fraction:
    """Block event with a masked layer 0 whose neuron k reads input k mod d, and is dead without that one entry.

    As `block_probability`, with p_0 in front of the densities; of layer 0 only the entries (k, k mod d) matter and are
    enumerated. A copy in layer 1 must see a live neuron of every input that it needs.
    """
    patterns = _patterns(layers)
    inputs = patterns[0].shape[1]
    owners = _owners(patterns, factors)
    owners[0] = np.arange(factors[0] * inputs) % inputs
    shapes = [
        (len(after), len(before), pattern.shape[2])
        for before, after, pattern in zip(owners, owners[1:], patterns, strict=False)
    ]
    space = _space([(len(owners[0]),), *shapes], densities)
    event = space.everywhere()
    live = [space.kept(int(bit)) for bit in space.layers[0]]
    for level, pattern in enumerate(patterns):
        bits = space.layers[level + 1]
        for v, j in enumerate(owners[level + 1]):
            for i, tap in np.argwhere(pattern[j]):
                copies = np.flatnonzero(owners[level] == i)
                if level == 0:
                    event &= _union(space, [live[u] & space.kept(int(bits[v, u, tap])) for u in copies])
                else:
                    event &= space.some(bits[v, copies, tap])
    return space.probability(event)


def b_matching_probability(demands: Sequence[int], neurons: int, density: Fraction) -> Fraction:
    """Probability that each input i can be given `demands[i]` neurons of its own among those that read it.

    Follows, for every mask at once, which partial supplies can be reached by handing out the neurons one by one; this
    tries all assignments and uses no theorem on matchings.
    """
    space = _space([(neurons, len(demands))], [density])
    states = list(itertools.product(*(range(demand + 1) for demand in demands)))
    reached = {state: np.zeros(space.masks.shape, dtype=np.bool_) for state in states}
    reached[states[0]] = space.everywhere()
    for reads in space.layers[0]:
        edges = [space.kept(int(bit)) for bit in reads]
        for state in reversed(states):  # larger supplies first, so that a neuron is handed out once
            for i, supply in enumerate(state):
                if supply:
                    fewer = (*state[:i], supply - 1, *state[i + 1 :])
                    reached[state] |= reached[fewer] & edges[i]
    return space.probability(reached[states[-1]])


def path_probability(inputs: int, hidden: Sequence[int], densities: Sequence[Fraction]) -> Fraction:
    """Probability that each input has a path through the hidden layers to the one output.

    With one hidden layer this is the event of Theorem 2.3 for a ReLU output; with two, what a target d-1-1 needs
    when layer 0 is masked. The densities are those of the mask layers, from the inputs to the output.
    """
    widths = [inputs, *hidden, 1]
    space = _space([(after, before) for before, after in itertools.pairwise(widths)], densities)
    alive = [space.everywhere()]  # of the layer above: which of its neurons reach the output
    for bits in reversed(space.layers):
        alive = [
            _union(space, [above & space.kept(int(bit)) for above, bit in zip(alive, column, strict=True)])
            for column in bits.T
        ]
    event = space.everywhere()
    for reaches in alive:
        event &= reaches
    return space.probability(event)


def covering_probability(inputs: int, neurons: int, p1: Fraction, p2: Fraction) -> Fraction:
    """Probability that one hidden neuron sees all inputs and the output: Theorem 2.3 for a linear output."""
    space = _space([(neurons, inputs), (neurons,)], [p1, p2])
    good = []
    for reads, writes in zip(*space.layers, strict=True):
        covers = space.kept(int(writes))
        for bit in reads:
            covers &= space.kept(int(bit))
        good.append(covers)
    return space.probability(_union(space, good))


def degree_probability(neighbours: int, neurons: int, density: Fraction, outputs: int) -> Fraction:
    """Probability that each output has at least so many neighbours among the neurons."""
    space = _space([(outputs, neurons)], [density])
    event = space.everywhere()
    for bits in space.layers[0]:
        degree = np.zeros(space.masks.shape, dtype=np.int64)
        for bit in bits:
            degree += space.kept(int(bit))
        event &= degree >= neighbours
    return space.probability(event)


def evasion_probability(inputs: int, classes: int, density: Fraction, neurons: int) -> Fraction:
    """Probability that rows of a mask have, all together, so many entries beyond d - n that they sum to n or more."""
    row = [math.comb(inputs, size) * density**size * (1 - density) ** (inputs - size) for size in range(inputs + 1)]
    total = {0: Fraction(1)}
    for _ in range(neurons):
        after: dict[int, Fraction] = {}
        for known, weight in total.items():
            for size, chance in enumerate(row):
                reached = min(classes, known + max(0, size - inputs + classes))
                after[reached] = after.get(reached, Fraction(0)) + weight * chance
        total = after
    return total.get(classes, Fraction(0)) if neurons else Fraction(0)


def at_least(count: int, trials: int, chance: Fraction) -> Fraction:
    """Probability of so many successes or more."""
    sizes = range(count, trials + 1)
    return sum((math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in sizes), Fraction(0))


def reached_law(inputs: int, hidden: tuple[int, int], densities: tuple[Fraction, Fraction]) -> list[Fraction]:
    """Law of the number of neurons in the second hidden layer that are reached from all inputs, over all masks."""
    first, second = hidden
    law = [Fraction(0)] * (second + 1)
    for bits in itertools.product((False, True), repeat=first * inputs):
        mask = np.reshape(bits, (first, inputs))
        weight = densities[0] ** int(mask.sum()) * (1 - densities[0]) ** int((~mask).sum())
        # Neurons of the second layer are alike and independent, given the first.
        chance = Fraction(0)
        for row in itertools.product((False, True), repeat=first):
            if mask[np.array(row)].any(axis=0).all():
                chance += densities[1] ** sum(row) * (1 - densities[1]) ** (first - sum(row))
        for number in range(second + 1):
            law[number] += weight * (at_least(number, second, chance) - at_least(number + 1, second, chance))
    return law


def _union(space: _Space, events: Sequence[Event]) -> Event:
    result = ~space.everywhere()
    for event in events:
        result |= event
    return result
