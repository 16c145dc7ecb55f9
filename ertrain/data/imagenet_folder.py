"""ImageNet (ILSVRC 2012) through torchvision, which checks and unpacks the archives; images stay in their files."""

from __future__ import annotations

from pathlib import Path

import torch

from ertheory.errors import InvalidInput
from ertrain.data.streamed import Streamed

__all__ = ["imagenet"]


def imagenet(folder: Path, *, train: bool) -> Streamed:
    """List the images of a folder ``imagenet`` that holds the three official archives, or what they unpack to.

    The labels of the official test images were never published: as everywhere, its validation images are the test.

    Raises
    ------
    InvalidInput
        If the files are not there or are damaged.
    """
    try:
        from torchvision.datasets import ImageNet

        content = ImageNet(folder / "imagenet", split="train" if train else "val")
    except (ImportError, OSError, RuntimeError) as error:
        allowed = f"a folder with the archives of ImageNet in imagenet ({error})"
        raise InvalidInput("data_dir", allowed, str(folder)) from error
    paths, labels = zip(*content.samples, strict=True)
    return Streamed([Path(path) for path in paths], torch.tensor(labels, dtype=torch.int64))
