"""Data that fit into memory: held on the device, shuffled and augmented there, batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number
from ertrain.data.augmentation import augment
from ertrain.streams import generator

__all__ = ["Batch", "InMemory"]

Batch = tuple[Tensor, Tensor]  # inputs (batch, *shape), labels int64 (batch,)

_NUMBERS = (torch.bool, torch.float32, torch.uint8)


@dataclass(frozen=True, eq=False)
class InMemory:
    """Inputs with their labels.

    Parameters
    ----------
    inputs
        (n, *shape), booleans, bytes or 32-bit floats; the first axis of the shape holds channels, as in images
        (n, channels, height, width), or the features of a row.
    labels
        int64 (n,), from 0.

    Raises
    ------
    InvalidInput
        If they are of another kind, or their numbers differ.

    Examples
    --------
    >>> held = InMemory(torch.zeros(10, 1, 8, 8, dtype=torch.uint8), torch.arange(10) % 2)
    >>> [len(labels) for _, labels in held.in_order(4)]
    [4, 4, 2]
    """

    inputs: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.inputs.dim() < 2 or self.inputs.dtype not in _NUMBERS or self.labels.dtype != torch.int64:
            raise InvalidInput("inputs", "booleans, bytes or floats (n, *shape), 64-bit labels", self.inputs.shape)
        self._check_labels()

    def _check_labels(self) -> None:
        if self.labels.shape != self.inputs.shape[:1]:
            raise InvalidInput("labels", f"{len(self.inputs)} of them, one per input", tuple(self.labels.shape))

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: channels, height and width of an image."""
        return tuple(self.inputs.shape[1:])

    def to(self, device: torch.device) -> Self:
        """Hold the same data on another device."""
        return replace(self, inputs=self.inputs.to(device), labels=self.labels.to(device))

    def part(self, places: Tensor) -> Self:
        """Select inputs by their places."""
        return replace(self, inputs=self.inputs[places], labels=self.labels[places])

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, augmentation: str = "none", rank: int = 0, world_size: int = 1
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch; inputs that do not fill a last one are left out, other ones every time.

        Parameters
        ----------
        batch
            Inputs of a batch, over all processes together: at most n, and a multiple of the processes.
        seed, epoch
            Order and augmentation are a function of these, whatever the number of processes.
        augmentation
            One of `AUGMENTATIONS`; only images have others than ``"none"``.
        rank, world_size
            Which process asks, and how many share each batch: every one gets a slice of it.

        Raises
        ------
        InvalidInput
            If the batch cannot be filled or shared out, or something else than images should be augmented.
        """
        if not 1 <= batch <= len(self) or batch % world_size:
            shared = f", a multiple of the {world_size} processes" if world_size > 1 else ""
            raise InvalidInput("batch", f"a whole number from 1 to {len(self)}{shared}", batch)
        if augmentation != "none" and self.inputs.dim() != 4:
            raise InvalidInput("augmentation", "none for other data than images", augmentation)
        order = torch.randperm(len(self), generator=generator(seed, "order", epoch))
        order = order.to(self.labels.device, non_blocking=True)
        mine = slice(rank, None, world_size)  # in turn, so that parts of a batch hold what those of one process do
        for step in range(len(self) // batch):
            places = order[step * batch : (step + 1) * batch]
            if augmentation == "none":  # a process takes up nothing but its own slice
                places = places[mine]
                yield self.inputs[places], self.labels[places]
            else:  # the random shifts are those of the whole batch
                moved = augment(self.inputs[places], augmentation, generator(seed, "augmentation", epoch, step))
                yield moved[mine], self.labels[places[mine]]

    def in_order(self, batch: int) -> Iterator[Batch]:
        """Yield all inputs as they lie, the last batch being smaller where it must."""
        for start in range(0, len(self), whole_number("batch", batch, least=1)):
            yield self.inputs[start : start + batch], self.labels[start : start + batch]

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (channels,); of pixels in units of 0 to 255, and 0 and 1 of booleans."""
        if self.inputs.dtype == torch.bool:
            return torch.zeros(self.inputs.shape[1]), torch.ones(self.inputs.shape[1])
        if self.inputs.dtype != torch.uint8:
            numbers = self.inputs.transpose(0, 1).flatten(1).double()
            deviation = numbers.std(1, correction=0).float()
            return numbers.mean(1).float(), deviation.where(deviation > 0, 1.0)
        means, deviations = [], []
        values = torch.arange(256, dtype=torch.float64)
        for channel in range(self.inputs.shape[1]):
            counts = torch.bincount(self.inputs[:, channel].flatten().cpu(), minlength=256).double()
            mean = (counts @ values) / counts.sum()
            means.append(mean)
            deviations.append((counts @ (values - mean).square() / counts.sum()).sqrt())
        return torch.stack(means).float(), torch.stack(deviations).float().clamp(min=1e-3)

    def checksum(self) -> str:
        """sha256 of all inputs and labels."""
        digest = hashlib.sha256()
        for part in (self.inputs, self.labels):
            digest.update(str(tuple(part.shape)).encode())
            digest.update(part.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()
