"""Data that somebody brings along: arrays, a `Dataset`, or a `DataLoader`, used as they are, without normalisation.

Batches are functions of seed and epoch, so that a run which was stopped sees what it would have seen: the numbers that
a data set draws on the way, from PyTorch, NumPy or Python, are drawn from streams of the run.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import Batch, InMemory
from ertrain.masks.flops import InputShape
from ertrain.streams import generator, stream_seed

__all__ = ["Given", "GivenArrays", "GivenBatches", "GivenItems"]

_LOOKED_AT = 16  # items of a Dataset that its checksum is made of
_CPU = torch.device("cpu")


class Given:
    """What the three kinds have in common: nothing is known of their labels beyond how many inputs there are."""

    def __len__(self) -> int:
        raise NotImplementedError

    def statistics(self) -> tuple[Tensor, Tensor]:
        """0 and 1: inputs stay as they are."""
        return torch.zeros(1), torch.ones(1)


@dataclass(frozen=True, eq=False)
class GivenArrays(InMemory, Given):
    """Inputs (n, *shape) and labels (n, ...) of any types.

    Examples
    --------
    >>> rows = GivenArrays(torch.zeros(4, 2), torch.tensor([0.5, 1.0, 1.5, 2.0]))
    >>> len(rows), rows.shape
    (4, (2,))
    """

    def __post_init__(self) -> None:
        if self.inputs.dim() < 1 or self.labels.shape[:1] != self.inputs.shape[:1] or len(self.inputs) == 0:
            got = f"{tuple(self.inputs.shape)} and {tuple(self.labels.shape)}"
            raise InvalidInput("data", "inputs (n, *shape) and labels (n, ...), n of at least 1", got)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return InputShape.of(self.inputs)


@dataclass(frozen=True, eq=False)
class GivenItems(Given):
    """Items of a `Dataset` with ``__getitem__`` and ``__len__``: pairs of an input and a label.

    Parameters
    ----------
    dataset
        Where they are.
    places
        Which of them, in this order.
    collate
        Makes a batch of items.
    device
        Where batches are put.
    """

    dataset: Any
    places: Tensor
    collate: Callable[[list[Any]], Any] = default_collate
    device: torch.device = _CPU

    def __len__(self) -> int:
        return len(self.places)

    @property
    def labels(self) -> Tensor:
        """Numbers of classes, where the data set has ``targets``, and zeros where it has none."""
        known = getattr(self.dataset, "targets", None)
        numbers = torch.zeros(len(self.dataset)) if known is None else torch.as_tensor(known)
        fits = numbers.shape == (len(self.dataset),) and not numbers.is_floating_point()
        return numbers[self.places].long() if fits else torch.zeros(len(self), dtype=torch.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        with _drawing(0):
            return InputShape.of(self._batch(self.places[:1])[0])

    def to(self, device: torch.device) -> Self:
        """Put batches on another device."""
        return replace(self, device=device)

    def part(self, places: Tensor) -> Self:
        """Select items by their places."""
        return replace(self, places=self.places[places.cpu()])

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, augmentation: str = "none", rank: int = 0, world_size: int = 1
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch, as `InMemory.shuffled` does."""
        _refuse_augmentation(augmentation)
        if not 1 <= batch <= len(self) or batch % world_size:
            raise InvalidInput("batch", f"a multiple of {world_size} from 1 to {len(self)}", batch)
        order = torch.randperm(len(self), generator=generator(seed, "order", epoch))
        for step in range(len(self) // batch):
            places = order[step * batch + rank : (step + 1) * batch : world_size]
            with _drawing(stream_seed(seed, "augmentation", epoch, step, rank)):
                made = self._batch(self.places[places])
            yield made

    def in_order(self, batch: int) -> Iterator[Batch]:
        """Yield all items as they lie."""
        for number, places in enumerate(self.places.split(batch)):  # type: ignore[no-untyped-call]
            with _drawing(number):
                made = self._batch(places)
            yield made

    def checksum(self) -> str:
        """sha256 of the type, the length, and a few items."""
        digest = hashlib.sha256(f"{type(self.dataset).__qualname__} {len(self)}".encode())
        spread = torch.linspace(0, len(self) - 1, min(_LOOKED_AT, len(self))).long()
        with _drawing(0):
            for part in self._batch(self.places[spread]):
                digest.update(_bytes(part))
        return digest.hexdigest()

    def _batch(self, places: Tensor) -> Batch:
        return _pair(self.collate([self.dataset[place] for place in places.tolist()]), self.device)


@dataclass(frozen=True, eq=False)
class GivenBatches(Given):
    """Batches of a `DataLoader`, as it makes them.

    Parameters
    ----------
    loader
        A loader with a length, and without workers that live from epoch to epoch.
    device
        Where batches are put.
    """

    loader: DataLoader[Any]
    device: torch.device = _CPU

    def __post_init__(self) -> None:
        if self.loader.persistent_workers:
            allowed = "a DataLoader without persistent_workers, whose random numbers nobody can take up again"
            raise InvalidInput("train", allowed, "persistent_workers=True")
        dataset: Any = self.loader.dataset
        if isinstance(dataset, IterableDataset) or not isinstance(dataset, Sized):
            allowed = "a DataLoader of a Dataset with a length whose items have places, such as list(dataset)"
            raise InvalidInput("train", allowed, f"one of {type(dataset).__name__}")
        if self.loader.batch_size is None:
            allowed = "a DataLoader with a batch_size, and a sampler where the order is your own"
            got = "one without" if self.loader.batch_sampler is None else "one with a batch_sampler"
            raise InvalidInput("train", allowed, got)

    def __len__(self) -> int:
        """Give the number of inputs of an epoch, its last batch counted as full."""
        return len(self.loader) * (self.loader.batch_size or 1)

    @property
    def smallest(self) -> int:
        """Number of inputs in the smallest batch, as far as the sampler says how many there are."""
        batch, sampler = self.loader.batch_size or 1, self.loader.sampler
        left = len(sampler) % batch if isinstance(sampler, Sized) and not self.loader.drop_last else 0
        return left or batch

    @property
    def labels(self) -> Tensor:
        """Zeros: of labels in a loader nothing is known."""
        return torch.zeros(len(self), dtype=torch.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self._items(torch.zeros(1, dtype=torch.int64)).shape

    def to(self, device: torch.device) -> Self:
        """Put batches on another device."""
        return replace(self, device=device)

    def part(self, places: Tensor) -> GivenItems:
        """Select items of the data set by their places, whatever the loader's sampler."""
        return self._items(places[places < len(self.loader.dataset)])  # type: ignore[arg-type]

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, augmentation: str = "none", rank: int = 0, world_size: int = 1
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch; what the loader draws is a function of seed and epoch."""
        _refuse_augmentation(augmentation)
        if batch != self.loader.batch_size:
            raise InvalidInput("batch", f"{self.loader.batch_size}, as the DataLoader has it", batch)
        if world_size != 1 or rank != 0:
            raise InvalidInput("train", "a Dataset or arrays, for several processes", "a DataLoader")
        return self._iterate(stream_seed(seed, "order", epoch))

    def in_order(self, batch: int) -> Iterator[Batch]:  # noqa: ARG002
        """Yield the batches of the loader, the same every time."""
        return self._iterate(0)

    def checksum(self) -> str:
        """sha256 of what is known of the data set, and of how it is sampled."""
        sampled = type(self.loader.sampler).__qualname__
        return hashlib.sha256(f"{self.part(torch.arange(len(self))).checksum()} {sampled}".encode()).hexdigest()

    def _iterate(self, seed: int) -> Iterator[Batch]:
        torch.manual_seed(seed)  # also of what a network draws, such as dropout: loader and network take turns
        for part in (self.loader, self.loader.sampler):
            own = getattr(part, "generator", None)
            if isinstance(own, torch.Generator):
                own.manual_seed(seed)
        states = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            for made in self.loader:
                yield _pair(made, self.device)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002

    def _items(self, places: Tensor) -> GivenItems:
        return GivenItems(self.loader.dataset, places.cpu(), self.loader.collate_fn, self.device)


def _pair(made: Any, device: torch.device) -> Batch:
    if not isinstance(made, list | tuple) or len(made) != 2 or not all(isinstance(part, Tensor) for part in made):
        allowed = "pairs of one input and one label, which become two tensors; a DataLoader's collate_fn may make them"
        raise InvalidInput("train", allowed, type(made).__name__)
    return made[0].to(device), made[1].to(device)


def _refuse_augmentation(augmentation: str) -> None:
    if augmentation != "none":
        raise InvalidInput("augmentation", "none for a Dataset or DataLoader, which augments for itself", augmentation)


def _bytes(numbers: Tensor) -> bytes:
    return bytes(numbers.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())


@contextlib.contextmanager
def _drawing(seed: int) -> Iterator[None]:
    """Let what is drawn in the block be a function of a seed, and leave everybody else's random numbers alone."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
