"""The four files of MNIST and of the sets made like it, gzipped or not, wherever they lie."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import InMemory

__all__ = ["idx_folder", "read_idx"]

# Where Debian's package dataset-fashion-mnist puts its files.
DEBIAN = Path("/usr/share/datasets/fashion-mnist")

# Folders below the one that was named; the files of Fashion-MNIST may also lie in it itself.
_PLACES = {"fashion-mnist": ("", "FashionMNIST/raw", "fashion-mnist"), "mnist": ("MNIST/raw", "mnist")}
_BYTES = 0x0800  # the first two bytes of a file of bytes; the number of its axes is added


def idx_folder(name: str, folder: Path) -> Path | None:
    """Find the folder with the files of ``"mnist"`` or ``"fashion-mnist"``.

    Parameters
    ----------
    name
        Name of the set; for others there is no such folder.
    folder
        The folder that is looked into: in it (for ``"fashion-mnist"``), in torchvision's folder or one with the name of
        the set inside of it, and at last where Debian's package ``dataset-fashion-mnist`` puts its files.

    Examples
    --------
    >>> idx_folder("cifar10", Path()) is None
    True
    """
    folders = [folder / place for place in _PLACES.get(name, ())]
    if name == "fashion-mnist":
        folders.append(DEBIAN)
    wanted = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    return next((one for one in folders if all(_file(one, start) is not None for start in wanted)), None)


def read_idx(folder: Path, *, train: bool) -> InMemory:
    """Read images and labels from the files of a folder that `idx_folder` found.

    Raises
    ------
    InvalidInput
        If a file cannot be read, or is none of that format.
    """
    part = "train" if train else "t10k"
    images, labels = _numbers(folder, f"{part}-images-idx3", 3), _numbers(folder, f"{part}-labels-idx1", 1)
    return InMemory(images.unsqueeze(1), labels.to(torch.int64))


def _file(folder: Path, start: str) -> Path | None:
    paths = (folder / f"{start}-ubyte", folder / f"{start}-ubyte.gz")
    return next((path for path in paths if path.is_file()), None)


def _numbers(folder: Path, start: str, axes: int) -> Tensor:
    path = _file(folder, start) or folder / start
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        kind, *shape = struct.unpack_from(f">{1 + axes}I", content)
        if kind != _BYTES + axes:
            raise InvalidInput("data_dir", f"a file of bytes with {axes} axes at {path}", f"the kind {kind:#x}")
        numbers = np.frombuffer(content, np.uint8, offset=4 * (1 + axes)).reshape(shape)
    except (EOFError, OSError, ValueError, struct.error, zlib.error) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput("data_dir", f"whole files of images and labels ({error})", str(path)) from error
    return torch.from_numpy(numbers.copy())
