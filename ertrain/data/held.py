"""Images that fit into memory: held as bytes on the device, shuffled and augmented there, batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertrain.data.augmentation import augment
from ertrain.streams import generator

__all__ = ["Batch", "Held"]

Batch = tuple[Tensor, Tensor]  # uint8 (batch, channels, height, width), int64 (batch,)


@dataclass(frozen=True, eq=False)
class Held:
    """Images with their labels.

    Parameters
    ----------
    images
        uint8 (n, channels, height, width).
    labels
        int64 (n,), from 0.

    Raises
    ------
    InvalidInput
        If they are of another kind, or their numbers differ.

    Examples
    --------
    >>> held = Held(torch.zeros(10, 1, 8, 8, dtype=torch.uint8), torch.arange(10) % 2)
    >>> [len(labels) for _, labels in held.in_order(4)]
    [4, 4, 2]
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dim() != 4 or self.images.dtype != torch.uint8 or self.labels.dtype != torch.int64:
            raise InvalidInput(
                "images", "bytes of shape (n, channels, height, width), 64-bit labels", self.images.shape
            )
        if self.labels.shape != self.images.shape[:1]:
            raise InvalidInput("labels", f"{len(self.images)} of them, one per image", tuple(self.labels.shape))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> Held:
        """Hold the same images on another device."""
        return Held(self.images.to(device), self.labels.to(device))

    def part(self, places: Tensor) -> Held:
        """Select images by their places."""
        return Held(self.images[places], self.labels[places])

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, augmentation: str = "none", rank: int = 0, processes: int = 1
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch; images that do not fill a last one are left out, other ones every time.

        Parameters
        ----------
        batch
            Images of a batch, over all processes together: at most n, and a multiple of the processes.
        seed, epoch
            Order and augmentation are a function of these, whatever the number of processes.
        augmentation
            One of `AUGMENTATIONS`.
        rank, processes
            Which process asks, and how many share each batch: every one gets a slice of it.

        Raises
        ------
        InvalidInput
            If the batch can not be filled or shared out.
        """
        if not 1 <= batch <= len(self) or batch % processes:
            shared = f", a multiple of the {processes} processes" if processes > 1 else ""
            raise InvalidInput("batch", f"a whole number from 1 to {len(self)}{shared}", batch)
        order = torch.randperm(len(self), generator=generator(seed, "order", epoch))
        order = order.to(self.labels.device, non_blocking=True)
        share = batch // processes
        for step in range(len(self) // batch):
            places = order[step * batch : (step + 1) * batch]
            if augmentation == "none":  # a process takes up nothing but its own slice
                places = places[rank * share : (rank + 1) * share]
                yield self.images[places], self.labels[places]
            else:  # the random shifts are those of the whole batch
                moved = augment(self.images[places], augmentation, generator(seed, "augmentation", epoch, step))
                mine = slice(rank * share, (rank + 1) * share)
                yield moved[mine], self.labels[places[mine]]

    def in_order(self, batch: int) -> Iterator[Batch]:
        """Yield all images as they lie, the last batch being smaller where it must."""
        for start in range(0, len(self), batch):
            yield self.images[start : start + batch], self.labels[start : start + batch]

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (channels,) of the pixels, in units of 0 to 255."""
        means, deviations = [], []
        values = torch.arange(256, dtype=torch.float64)
        for channel in range(self.images.shape[1]):
            counts = torch.bincount(self.images[:, channel].flatten().cpu(), minlength=256).double()
            mean = (counts @ values) / counts.sum()
            means.append(mean)
            deviations.append((counts @ (values - mean).square() / counts.sum()).sqrt())
        return torch.stack(means).float(), torch.stack(deviations).float().clamp(min=1e-3)

    def checksum(self) -> str:
        """sha256 of all images and labels."""
        digest = hashlib.sha256()
        for part in (self.images, self.labels):
            digest.update(str(tuple(part.shape)).encode())
            digest.update(part.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
