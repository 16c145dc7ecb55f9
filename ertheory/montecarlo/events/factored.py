"""Pairs of masks, one for each map of a target: whether matchings make them universal, and the builder finds it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np

from ertheory.builders.factored.chain import embed_factored
from ertheory.check import check_embedding
from ertheory.errors import ConstructionFailed
from ertheory.masks import DrawnMask
from ertheory.montecarlo.events.sampling import Bools, Event
from ertheory.montecarlo.events.sharp import coded_event
from ertheory.networks.network import Network

__all__ = ["built_pairs_event", "pairs_event"]


def pairs_event(
    sizes: Sequence[int], inner: Sequence[int], densities: Sequence[Fraction], *, dual: Sequence[bool]
) -> Event:
    """All maps are universal: by the matchings of the dual, or by those of the primal.

    Parameters
    ----------
    sizes
        n_0..n_L.
    inner
        The inner widths, L numbers.
    densities
        They are those of source layers 0..2L-1.
    dual
        Which of the two matchings is looked for, map by map.

    Examples
    --------
    >>> pairs_event((2, 2), (2,), (Fraction(1),) * 2, dual=(True,)).occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    maps = zip(sizes, sizes[1:], inner, densities[::2], densities[1::2], dual, strict=False)
    events = [
        coded_event(outputs, inputs, neurons, (first, second), dual=by_dual)
        for inputs, outputs, neurons, first, second, by_dual in maps
    ]

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        found: Bools = np.logical_and.reduce([event.occurs(rng, trials) for event in events])
        return found

    return Event(sum(event.entries for event in events), occurs)


def built_pairs_event(network: Network, inner: Sequence[int], densities: Sequence[Fraction]) -> Event:
    """Decide whether the builder finds a chain in masks, and whether it is proved to be the chain exactly.

    Parameters
    ----------
    network
        The target.
    inner, densities
        They are as for `pairs_event`.

    Examples
    --------
    >>> from ertheory.montecarlo.events.built import chain_of
    >>> event = built_pairs_event(chain_of([[[1, 1]]]), (3,), (Fraction(1),) * 2)
    >>> event.occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """
    pairs = zip(network.affine, inner, strict=True)
    shapes = [shape for step, neurons in pairs for shape in ((neurons, step.inputs), (step.outputs, neurons))]

    def found(seed: int) -> bool:
        layers = enumerate(zip(shapes, densities, strict=True))
        masks = [DrawnMask(shape, density, seed, layer) for layer, (shape, density) in layers]
        try:
            built = embed_factored(network, masks, exact=True, workers=1)
        except ConstructionFailed:
            return False
        checked = check_embedding(network, built.source, masks, rationals=built.rationals)
        return checked.passed and checked.exact

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        return np.array([found(seed) for seed in rng.integers(2**63, size=trials).tolist()], dtype=np.bool_)

    return Event(max(sum(map(prod, shapes)), 2**14), occurs)
