"""Memory of training, counted from tensors: a sparse network that is simulated takes more of it than a dense one."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ertrain.configuration import Configuration
from ertrain.masks.entries import whole_size
from ertrain.masks.masking import masks_of
from ertrain.masks.sparse import SparseSGD
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.kept import KeptLinear
from ertrain.masks.sparse.products import HELD_BELOW
from ertrain.masks.uses import tensors_in
from ertrain.methods.base import FixedMask
from ertrain.training.backend import PackedLayers, ShownLayers

__all__ = ["dense_memory", "memory_of_run", "memory_there", "peak_memory", "training_memory"]


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


def training_memory(
    model: nn.Module,
    configuration: Configuration,
    method: FixedMask | None = None,
    *,
    beside: Iterable[Tensor] = (),
    moved: Collection[Tensor] = (),
) -> int:
    """Count the bytes that training holds when it has gone backwards: weights, gradients, masks, what is kept of them.

    Parameters
    ----------
    model
        The model with its masks.
    configuration
        It is that of the run; its optimiser is looked at.
    method
        That the run was trained with; without one, the drawn masks are all that a method keeps.
    beside
        What else is held, such as another form of layers.
    moved
        Parameters that the optimiser moves while their gradients are found, as `SparseSGD` does. Nothing is held of
        the gradients of large layers then, and of the others one at a time.

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
    places = [one for layer in model.modules() if isinstance(layer, SparseConv2d) for one in layer.found()]
    own, at_once = [*model.parameters(), *model.buffers(), *places, *beside], {id(one) for one in moved}
    if method is None:
        drawn, trained = _bytes(masks_of(model).values()), list(model.parameters())
        kept: list[Tensor] = []
    else:
        drawn, trained, kept = 0, method.trainable(), list(_tensors(vars(method)))
    gradients = _bytes(
        one for one in [*model.parameters(), *trained] if one.requires_grad and id(one) not in at_once
    ) + max((one.nbytes for one in moved if one.numel() < HELD_BELOW), default=0)
    return _bytes([*own, *trained, *kept]) + drawn + gradients + _moments(configuration) * _bytes(trained)


def memory_of_run(
    configuration: Configuration,
    model: nn.Module,
    optimiser: Optimizer,
    method: FixedMask,
    layers: PackedLayers | ShownLayers | None,
    inputs: tuple[int, ...],
) -> int:
    """Count the bytes of `training_memory` for layers as they are stored, at a step that holds the most.

    That is one at which masks change, where a method has such steps: layers that are dense then have dense gradients.
    At others, gradients that nobody looks at are not held, as in `ertrain.training.epoch.train_epoch`.
    """
    count = partial(training_memory, model, configuration, method)
    changes = any(method.changes_masks(at) for at in range(method.epochs * method.steps))
    if changes or not isinstance(layers, PackedLayers):
        return count(beside=() if layers is None else layers.tensors())
    layers.pack()
    moved = list[Tensor]()
    if configuration.accumulation == 1 and isinstance(optimiser, SparseSGD):
        moved = optimiser.moved_at_once(_loss(configuration, model, inputs))
    found = count(beside=layers.tensors(), moved=moved)
    layers.unpack()
    return found


def _loss(configuration: Configuration, model: nn.Module, inputs: tuple[int, ...]) -> Tensor:
    """Go forwards through a batch: which layers are computed together depends on its size."""
    weight = next(model.parameters())
    kind = getattr(inputs, "dtype", None) or weight.dtype
    zeros = torch.zeros(configuration.batch, *inputs, device=weight.device, dtype=kind)
    with torch.autocast(weight.device.type, torch.bfloat16, enabled=configuration.precision == "bfloat16"):
        return torch.stack([tensor.sum() for tensor in tensors_in(model.eval()(zeros))]).sum()


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
