"""Sets of small images from torchvision, which brings their files, checksums and downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import InMemory

__all__ = ["VISION", "vision"]

# Our name, and the class in torchvision.datasets.
VISION = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "fashion-mnist": "FashionMNIST", "mnist": "MNIST"}


def vision(name: str, folder: Path, *, train: bool) -> InMemory:
    """Read one of the sets from a folder, downloading it there if it is missing.

    Parameters
    ----------
    name
        One of `VISION`.
    folder
        Where torchvision keeps its files.
    train
        Whether the training images are wanted, or else those of the test.

    Raises
    ------
    InvalidInput
        If the files are neither there nor can be had, or they are damaged.
    """
    try:
        from torchvision import datasets

        content: Any = getattr(datasets, VISION[name])(folder, train=train, download=True)
    except (ImportError, OSError, RuntimeError) as error:
        allowed = f"a folder with the files of {name}, or a connection to download them ({error})"
        raise InvalidInput("data_dir", allowed, str(folder)) from error
    images = torch.from_numpy(content.data) if isinstance(content.data, np.ndarray) else content.data
    # torchvision holds (n, height, width), or (n, height, width, channels) where there are colours.
    images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return InMemory(images.contiguous(), torch.as_tensor(content.targets, dtype=torch.int64))
