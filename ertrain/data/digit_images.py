"""The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels, always there, never downloaded."""

from __future__ import annotations

from pathlib import Path

import torch

from ertrain.data.in_memory import InMemory

__all__ = ["digits"]

_EVERY = 5  # the share of the test images is one in five
_CHANNELS, _TIMES = 3, 4  # what makes them as large as the images of CIFAR-10


def digits(folder: Path, *, train: bool, as_cifar: bool = False) -> InMemory:  # noqa: ARG001
    """Read the digits, values 0 to 16 as bytes.

    Every fifth image is for the test. The set lists its writers one after another, and so every writer is in both.

    Parameters
    ----------
    folder
        None is needed.
    train
        Whether the images to train with are read, or those of the test.
    as_cifar
        Whether they get the form of CIFAR-10, three equal channels of 32 x 32 with every pixel drawn 4 x 4 times: for
        networks such as VGG16, which halve an image five times.

    Examples
    --------
    >>> len(digits(Path(), train=True)), len(digits(Path(), train=False))
    (1437, 360)
    >>> digits(Path(), train=False, as_cifar=True).inputs.shape
    torch.Size([360, 3, 32, 32])
    """
    from sklearn.datasets import load_digits

    content = load_digits()
    images = torch.from_numpy(content.images).to(torch.uint8).unsqueeze(1)
    if as_cifar:
        enlarged = images.repeat_interleave(_TIMES, dim=2).repeat_interleave(_TIMES, dim=3)
        images = enlarged.repeat(1, _CHANNELS, 1, 1)
    labels = torch.from_numpy(content.target).to(torch.int64)
    test = torch.arange(len(labels)) % _EVERY == 0
    return InMemory(images, labels).part(~test if train else test)
