"""Addition modulo a number: a table of which a part is shown, and the rest has to be inferred."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import one_hot

from ertrain.data.in_memory import InMemory

__all__ = ["MODULI", "modular_addition"]

MODULI = (31, 97)

_SEED = 2023  # of the pairs for the test: the same for all runs
_EVERY = 4  # one in four is for the test


def modular_addition(modulus: int, folder: Path, *, train: bool) -> InMemory:  # noqa: ARG001
    """List pairs (a, b) of numbers below the modulus, each as two rows of marks at their numbers, and (a + b) mod it.

    Every pair stands for (b, a) too and is there once, with a <= b: a network that treats its terms alike would know
    the sum of a pair from that of the other.

    Examples
    --------
    >>> pairs = modular_addition(31, Path(), train=True)
    >>> len(pairs), len(modular_addition(31, Path(), train=False)), pairs.shape
    (372, 124, (2, 31))
    >>> terms = pairs.inputs.int().argmax(2)
    >>> bool((terms.sum(1) % 31 == pairs.labels).all())
    True
    """
    pairs = torch.combinations(torch.arange(modulus), with_replacement=True)
    order = torch.from_numpy(np.random.default_rng(_SEED).permutation(len(pairs)))
    test = order % _EVERY == 0
    whole = InMemory(one_hot(pairs, modulus).bool(), pairs.sum(1) % modulus)
    return whole.part(~test if train else test)
