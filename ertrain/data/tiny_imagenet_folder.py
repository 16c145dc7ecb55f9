"""Tiny-ImageNet: 200 classes, 100,000 images of 64 x 64 pixels to train with and 10,000 to test with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import InMemory

__all__ = ["tiny_imagenet"]

_NAME = "tiny-imagenet-200"
_URL = f"http://cs231n.stanford.edu/{_NAME}.zip"
_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"


def tiny_imagenet(folder: Path, *, train: bool) -> InMemory:
    """Read the images from a folder, downloading them there if they are missing.

    The labels of the official test images were never published: as everywhere, its validation images are the test.

    Raises
    ------
    InvalidInput
        If the files are neither there nor can be had, or they are damaged.
    """
    root = folder / _NAME
    try:
        from torchvision.datasets.utils import download_and_extract_archive

        if not (root / "wnids.txt").is_file():
            download_and_extract_archive(_URL, str(folder), md5=_MD5)
        numbers = {word: label for label, word in enumerate(sorted((root / "wnids.txt").read_text().split()))}
        if train:
            listed = [
                (path, label)
                for word, label in numbers.items()
                for path in sorted((root / "train" / word / "images").glob("*.JPEG"))
            ]
        else:
            rows = [line.split("\t") for line in (root / "val" / "val_annotations.txt").read_text().splitlines()]
            listed = [(root / "val" / "images" / row[0], numbers[row[1]]) for row in rows]
        return _read(listed)
    except (ImportError, OSError, RuntimeError, KeyError, IndexError) as error:
        allowed = f"a folder with the files of {_NAME}, or a connection to download them ({error})"
        raise InvalidInput("data_dir", allowed, str(folder)) from error


def _read(listed: Sequence[tuple[Path, int]]) -> InMemory:
    from torchvision.datasets.folder import default_loader
    from torchvision.transforms.functional import pil_to_tensor

    images = torch.empty(len(listed), 3, 64, 64, dtype=torch.uint8)
    for place, (path, _) in enumerate(listed):
        images[place] = pil_to_tensor(default_loader(str(path)))
    return InMemory(images, torch.tensor([label for _, label in listed], dtype=torch.int64))
