"""The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels, always there, never downloaded."""

from __future__ import annotations

from pathlib import Path

import torch

from ertrain.data.in_memory import InMemory

__all__ = ["digits"]

_EVERY = 5  # the share of the test images is one in five


def digits(folder: Path, *, train: bool) -> InMemory:  # noqa: ARG001
    """Read the digits, values 0 to 16 as bytes.

    Every fifth image is for the test. The set lists its writers one after another, and so every writer is in both.

    Examples
    --------
    >>> len(digits(Path(), train=True)), len(digits(Path(), train=False))
    (1437, 360)
    """
    from sklearn.datasets import load_digits

    content = load_digits()
    images = torch.from_numpy(content.images).to(torch.uint8).unsqueeze(1)
    labels = torch.from_numpy(content.target).to(torch.int64)
    test = torch.arange(len(labels)) % _EVERY == 0
    return InMemory(images, labels).part(~test if train else test)
