"""Random crops and flips of whole batches, on the device that holds them, by one gather."""

from __future__ import annotations

import torch
from torch import Tensor

from ertheory.errors import InvalidInput

__all__ = ["AUGMENTATIONS", "augment"]

# Those of images that are held in memory.
AUGMENTATIONS = ("none", "crop-flip", "crop-flip-zero", "crop-zero")

_SHIFT = 4


def augment(images: Tensor, name: str, generator: torch.Generator) -> Tensor:
    """Shift every image by up to four pixels in both directions, and mirror half of them.

    Parameters
    ----------
    images
        (batch, channels, height, width), of any type and on any device; both sides at least 5.
    name
        One of `AUGMENTATIONS`. What moves in from outside is the mirror image of the inside, or black in ``zero``;
        ``crop-zero`` does not mirror, for digits and letters.
    generator
        It is that of the stream ``"augmentation"``, on the CPU.

    Returns
    -------
    torch.Tensor
        It is that of the same shape and type; the images themselves under ``"none"``.

    Raises
    ------
    InvalidInput
        If the name is unknown.

    Examples
    --------
    >>> images = torch.arange(64, dtype=torch.uint8).reshape(1, 1, 8, 8)
    >>> augment(images, "crop-flip", torch.Generator().manual_seed(0)).shape
    torch.Size([1, 1, 8, 8])
    """
    if name not in AUGMENTATIONS:
        raise InvalidInput("augmentation", f"one of {', '.join(AUGMENTATIONS)}", name)
    if name == "none":
        return images
    count, channels, height, width = images.shape
    shifts = torch.randint(-_SHIFT, _SHIFT + 1, (2, count, 1), generator=generator)
    flips = torch.randint(2, (count, 1), generator=generator)
    rows = torch.arange(height) + shifts[0]  # (count, height)
    columns = torch.arange(width) + shifts[1]  # (count, width)
    if "flip" in name:
        columns = torch.where(flips.bool(), columns.flip(1), columns)
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None, :]
    places = [
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[None, :, None, None],
        _mirrored(rows, height)[:, None, :, None],
        _mirrored(columns, width)[:, None, None, :],
    ]
    moved = images[tuple(place.to(images.device, non_blocking=True) for place in places)]
    return moved * inside.to(images.device) if "zero" in name else moved


def _mirrored(places: Tensor, size: int) -> Tensor:
    """Reflect at the outermost pixels, which are not repeated."""
    return (size - 1) - ((size - 1) - places.abs()).abs()
