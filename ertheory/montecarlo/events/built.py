"""The same laws put to the builder: a source is really built in every mask, and proved to be the target."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np
import numpy.typing as npt

from ertheory.bounds.statement import Reading
from ertheory.builders import Construction, embed_target
from ertheory.check import prove
from ertheory.errors import ConstructionFailed
from ertheory.masks import DrawnMask
from ertheory.montecarlo.events.sampling import Bools, Event
from ertheory.networks.network import Activation, Affine, Network, Residual, Step

__all__ = ["built_event", "chain_of", "residual_chain", "shapes_of"]


_NEAR = 1e-6  # on the whole box, on which the targets are about 1


def built_event(
    network: Network,
    shapes: Sequence[tuple[int, int]],
    densities: Sequence[Fraction],
    *,
    construction: Construction = "blocks",
    layer0: Reading = "dense",
    copies: int | None = None,
) -> Event:
    """Decide whether the builder finds the target in a mask, and whether what it built is proved to be the target.

    With a coded layer 0: up to less than 1e-6.

    Parameters
    ----------
    network
        The target.
    shapes, densities
        They are those of the masks of source layers 0..L.
    construction, layer0, copies
        They are as for `ertheory.embed_target`.

    Examples
    --------
    >>> event = built_event(chain_of([[[1, 1]]]), [(4, 2), (1, 4)], [Fraction(1), Fraction(1)])
    >>> event.occurs(np.random.default_rng(0), 2)
    array([ True,  True])
    """

    def found(seed: int) -> bool:
        layers = enumerate(zip(shapes, densities, strict=True))
        masks = [DrawnMask(shape, density, seed, layer) for layer, (shape, density) in layers]
        try:
            built = embed_target(network, masks, construction=construction, layer0=layer0, copies=copies, workers=1)
        except ConstructionFailed:
            return False
        proof = prove(built.target, built.source)
        # Weights that are solved for are no doubles, so that the two functions are proved to be close, not the same.
        return proof.exact or (layer0 == "coded" and proof.equal and (proof.difference_bound or 0.0) < _NEAR)

    def occurs(rng: np.random.Generator, trials: int) -> Bools:
        seeds = rng.integers(2**63, size=trials).tolist()
        return np.array([found(seed) for seed in seeds], dtype=np.bool_)

    # Masks are built one by one; a block of some hundred is enough to keep a progress bar moving.
    return Event(max(sum(map(prod, shapes)), 2**14), occurs)


def chain_of(patterns: Sequence[npt.ArrayLike], *, low: float = -1.0) -> Network:
    """Make a target with these non-zeros, whose weights all differ, on the box [low, 1]^d; ReLU in between.

    Examples
    --------
    >>> chain_of([[[1, 0, 1]]]).affine[0].weight.toarray().tolist()
    [[0.125, 0.0, -0.25]]
    """
    steps: list[Step] = []
    for pattern in patterns:
        steps += [Affine.from_dense(_weights(pattern)), Activation("relu")]
    inputs = np.shape(patterns[0])[1]
    return Network(tuple(steps[:-1]), np.tile([low, 1.0], (inputs, 1)))


def residual_chain(branches: Sequence[Sequence[npt.ArrayLike]]) -> Network:
    """Make a target of residual blocks y = relu(x + F(x)) between a first and a last layer, 1-d and zero-padded.

    Examples
    --------
    >>> len(residual_chain([[np.ones((2, 1, 3)), np.ones((1, 2, 3))]]).affine)
    4
    """
    channels = np.shape(branches[0][0])[1]
    steps: list[Step] = [Affine.from_dense(np.eye(channels)[..., None] + 0.5), Activation("relu")]
    for into, back in branches:
        layers = [Affine.from_dense(_weights(weight), padding=(1,)) for weight in (into, back)]
        steps += [Residual((layers[0], Activation("relu"), layers[1])), Activation("relu")]
    steps.append(Affine.from_dense(np.ones((1, channels, 1))))
    return Network(tuple(steps), np.tile([0.0, 1.0], (channels, 1)))


def shapes_of(network: Network, widths: Sequence[int]) -> list[tuple[int, int]]:
    """Give the shapes of the masks of source layers 0..L from N_0..N_L; every layer is read as a whole, no flatten."""
    layers = zip(pairwise(widths), network.affine, strict=True)
    return [(widths[0], network.inputs), *((above, below * step.taps) for (below, above), step in layers)]


def _weights(pattern: npt.ArrayLike) -> npt.NDArray[np.float64]:
    kept = np.asarray(pattern, dtype=np.float64) != 0
    numbers = np.cumsum(kept).reshape(kept.shape)
    weights: npt.NDArray[np.float64] = np.where(kept, (-1.0) ** (numbers + 1) * numbers / 8, 0.0)
    return weights
