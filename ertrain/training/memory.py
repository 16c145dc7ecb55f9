"""Memory of training, counted from tensors: a sparse network that is simulated takes more of it than a dense one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ertrain.configuration import Configuration
from ertrain.masks.entries import whole_size
from ertrain.masks.masking import masks_of
from ertrain.masks.sparse.kept import KeptLinear
from ertrain.methods.base import FixedMask

__all__ = ["dense_memory", "memory_there", "peak_memory", "training_memory"]


def dense_memory(model: nn.Module, configuration: Configuration) -> int:
    """Count the bytes that training the network without masks holds from step to step, as `training_memory` does.

    Examples
    --------
    >>> from ertrain.configuration import Configuration
    >>> dense_memory(nn.Linear(30, 10), Configuration(recipe="x", optimiser="adam"))  # weight, gradient, two moments
    4960
    """
    masks = {id(mask) for mask in masks_of(model).values()}
    kept = [layer for layer in model.modules() if isinstance(layer, KeptLinear)]
    places = {id(buffer) for layer in kept for buffer in layer.buffers()}
    buffers = [buffer for buffer in model.buffers() if id(buffer) not in masks | places]
    missing = sum((whole_size(layer) - len(layer.weight)) * layer.weight.itemsize for layer in kept)
    return (_bytes(model.parameters()) + missing) * (2 + _moments(configuration)) + _bytes(buffers)


def training_memory(model: nn.Module, configuration: Configuration, method: FixedMask | None = None) -> int:
    """Count the bytes that training holds from step to step: weights, gradients, masks, what optimiser and method keep.

    Parameters
    ----------
    model
        The model with its masks.
    configuration
        It is that of the run; its optimiser is looked at.
    method
        That the run was trained with; without one, the drawn masks are all that a method keeps.

    Notes
    -----
    Of layers whose zeros are stored, everything is as large as in the dense network: nothing is saved by a mask. Of
    those that hold their kept weights alone, these and their places count. Activations, which depend on the batch
    alone, and what libraries need are left out.

    Examples
    --------
    >>> from ertrain.configuration import Configuration
    >>> from ertrain.masks.masking import attach_masks
    >>> layer = nn.Linear(30, 10)
    >>> attach_masks(layer, {"": torch.rand(10, 30) < 0.1})
    >>> training_memory(layer, Configuration(recipe="x", optimiser="adam"))  # two masks: now, and as they were drawn
    5560
    """
    own = [*model.parameters(), *model.buffers()]
    if method is None:
        drawn, trained = _bytes(masks_of(model).values()), list(model.parameters())
        kept: list[Tensor] = []
    else:
        drawn, trained, kept = 0, method.trainable(), list(_tensors(vars(method)))
    gradients = _bytes(one for one in [*model.parameters(), *trained] if one.requires_grad)
    return _bytes([*own, *trained, *kept]) + drawn + gradients + _moments(configuration) * _bytes(trained)


def peak_memory() -> int | None:
    """Give the most bytes that this process has held in memory so far; None where the system does not say."""
    try:
        import resource
    except ImportError:  # on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_there() -> int | None:
    """Give the bytes of memory that this process may hold, of the machine or its container; None where nobody says."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # on Windows
        return None
    try:
        return min(there, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit
        return there


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Add up tensors, each memory once."""
    return sum({tensor.data_ptr(): tensor.nbytes for tensor in tensors}.values())


def _moments(configuration: Configuration) -> int:
    if configuration.optimiser in ("sgd", "nesterov"):
        return int(configuration.momentum != 0)
    return 2


def _tensors(kept: Any) -> Iterator[Tensor]:
    if isinstance(kept, Tensor):
        yield kept
    elif isinstance(kept, np.ndarray):  # what is compiled works on arrays
        yield torch.from_numpy(kept)
    elif isinstance(kept, dict):
        for each in kept.values():
            yield from _tensors(each)
    elif isinstance(kept, list | tuple):
        for each in kept:
            yield from _tensors(each)
