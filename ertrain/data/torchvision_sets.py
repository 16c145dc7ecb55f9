"""Sets of small images from torchvision, which brings their files, checksums and downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ertheory.errors import InvalidInput, one_line, shortened
from ertrain.data.idx_files import idx_folder, read_idx
from ertrain.data.in_memory import InMemory

__all__ = ["VISION", "vision", "vision_is_there"]

# Our name, and the class in torchvision.datasets.
VISION = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "fashion-mnist": "FashionMNIST", "mnist": "MNIST"}

_FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}  # that torchvision unpacks to
_COMMANDS = {"fashion-mnist": "apt-get install dataset-fashion-mnist"}  # where there is one beside torchvision's
_LONGEST_REASON = 100


def vision_is_there(name: str, folder: Path) -> bool:
    """Whether the files of a set are found without a download.

    Examples
    --------
    >>> vision_is_there("cifar10", Path("nowhere"))
    False
    """
    if name in _FOLDERS:
        return (folder / _FOLDERS[name]).is_dir()
    return idx_folder(name, folder) is not None


def vision(name: str, folder: Path, *, train: bool) -> InMemory:
    """Read one of the sets from a folder, downloading it there if it is missing.

    Parameters
    ----------
    name
        One of `VISION`.
    folder
        Where torchvision keeps its files, or one that `ertrain.data.idx_files.idx_folder` knows.
    train
        Whether the training images are wanted, or else those of the test.

    Raises
    ------
    InvalidInput
        If the files are neither there nor can be had, or they are damaged.
    """
    held = idx_folder(name, folder)
    if held is not None:
        return read_idx(held, train=train)
    try:
        from torchvision import datasets

        content: Any = getattr(datasets, VISION[name])(folder, train=train, download=True)
    except (ImportError, OSError, RuntimeError) as error:
        kind = VISION[name]
        download = f"python -c \"from torchvision.datasets import {kind} as s; s('data', download=True)\""
        why = shortened(one_line(str(error)), _LONGEST_REASON)
        command = _COMMANDS.get(name, download)
        allowed = f"a folder with the files of {name}; to get them: {command} (a download failed: {why})"
        raise InvalidInput("data_dir", allowed, str(folder)) from error
    images = torch.from_numpy(content.data) if isinstance(content.data, np.ndarray) else content.data
    # torchvision holds (n, height, width), or (n, height, width, channels) where there are colours.
    images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return InMemory(images.contiguous(), torch.as_tensor(content.targets, dtype=torch.int64))
