"""Images that do not fit into memory: read from their files by other processes, batch by batch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import Batch
from ertrain.streams import generator, stream_seed

__all__ = ["RESIZED_CROP", "Streamed"]

RESIZED_CROP = "resized-crop-flip"

_CPU = torch.device("cpu")

_WORKERS = min(16, os.cpu_count() or 1)
_SCALE, _RATIO = (0.08, 1.0), (3 / 4, 4 / 3)  # of random crops: share of the area, and of the height in the width
_MARGIN = 256 / 224  # size that the shorter side has before the middle is cut out

_Asked = tuple[int, int | None]  # which image, and the seed of its crop


@dataclass(frozen=True, eq=False)
class Streamed:
    """Images in files, with their labels; the counterpart of `InMemory`.

    Parameters
    ----------
    paths
        Files of any sizes.
    labels
        int64 (n,), from 0.
    size
        Height and width that an image is brought to.
    device
        Where batches are put.
    """

    paths: Sequence[Path]
    labels: Tensor
    size: int = 224
    device: torch.device = _CPU

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return 3, self.size, self.size

    def to(self, device: torch.device) -> Streamed:
        """Put batches on another device."""
        return replace(self, device=device)

    def part(self, places: Tensor) -> Streamed:
        """Select images by their places."""
        chosen = [self.paths[place] for place in (places.nonzero().flatten() if places.dtype == torch.bool else places)]
        return replace(self, paths=chosen, labels=self.labels[places.cpu()])

    def shuffled(
        self, batch: int, *, seed: int, epoch: int, augmentation: str = "none", rank: int = 0, world_size: int = 1
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch, as `InMemory.shuffled` does.

        The crop of an image is a function of seed, epoch and image, whichever process reads it.

        Raises
        ------
        InvalidInput
            If the batch cannot be filled or shared out, or the augmentation is another than ``"none"`` (the middle)
            or ``"resized-crop-flip"``.
        """
        if not 1 <= batch <= len(self) or batch % world_size:
            raise InvalidInput("batch", f"a multiple of {world_size} from 1 to {len(self)}", batch)
        if augmentation not in ("none", RESIZED_CROP):
            raise InvalidInput("augmentation", f"none or {RESIZED_CROP} for images in files", augmentation)
        order = torch.randperm(len(self), generator=generator(seed, "order", epoch)).tolist()
        batches = []
        for start in range(0, len(self) - batch + 1, batch):
            mine = order[start + rank : start + batch : world_size]
            crops = augmentation == RESIZED_CROP
            batches.append([(at, stream_seed(seed, "augmentation", epoch, at) if crops else None) for at in mine])
        yield from self._read(batches)

    def in_order(self, batch: int) -> Iterator[Batch]:
        """Yield all images as they lie, cut to their middle, the last batch being smaller where it must."""
        places = range(len(self))
        batches: list[list[_Asked]] = [
            [(at, None) for at in places[start : start + batch]] for start in range(0, len(self), batch)
        ]
        yield from self._read(batches)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (channels,) of ImageNet's pixels as all use them, in units of 0 to 255."""
        return 255 * torch.tensor([0.485, 0.456, 0.406]), 255 * torch.tensor([0.229, 0.224, 0.225])

    def checksum(self) -> str:
        """sha256 of the names, sizes and labels of all files: reading them would take hours."""
        digest = hashlib.sha256()
        for path, label in zip(self.paths, self.labels.tolist(), strict=True):
            digest.update(f"{path.parent.name}/{path.name} {path.stat().st_size} {label}\n".encode())
        return digest.hexdigest()

    def _read(self, batches: list[list[_Asked]]) -> Iterator[Batch]:
        cuda = self.device.type == "cuda"
        loader = DataLoader(_Files(self), batch_sampler=batches, num_workers=_WORKERS, pin_memory=cuda)
        for images, labels in loader:
            yield images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)


class _Files(Dataset[tuple[Tensor, int]]):
    """What the reading processes do for one image."""

    def __init__(self, streamed: Streamed) -> None:
        self.paths, self.labels, self.size = streamed.paths, streamed.labels, streamed.size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, asked: _Asked) -> tuple[Tensor, int]:
        from torchvision.datasets.folder import default_loader
        from torchvision.transforms import RandomResizedCrop
        from torchvision.transforms import functional as operations

        place, seed = asked
        image, size = default_loader(str(self.paths[place])), [self.size, self.size]
        if seed is None:
            image = operations.center_crop(operations.resize(image, round(self.size * _MARGIN)), size)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                image = operations.resized_crop(image, *RandomResizedCrop.get_params(image, _SCALE, _RATIO), size)
                image = operations.hflip(image) if torch.rand(()) < 0.5 else image
        return operations.pil_to_tensor(image), int(self.labels[place])
