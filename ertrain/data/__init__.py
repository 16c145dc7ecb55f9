"""Data sets by name: images to train with, images that select, and images for the test, which are read once.

A validation split is always made, the same for every run, so that runs can be compared image by image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.exact import Rational, probability
from ertrain.data.augmentation import AUGMENTATIONS as HELD_AUGMENTATIONS
from ertrain.data.augmentation import augment
from ertrain.data.digits import digits
from ertrain.data.held import Batch, Held
from ertrain.data.imagenet import imagenet
from ertrain.data.streamed import RESIZED_CROP, Streamed
from ertrain.data.tiny_imagenet import tiny_imagenet
from ertrain.data.vision import VISION, vision

__all__ = [
    "AUGMENTATIONS",
    "DATA",
    "HELD_AUGMENTATIONS",
    "Batch",
    "Data",
    "Held",
    "Images",
    "Streamed",
    "augment",
    "load_data",
    "split",
]

Images = Held | Streamed
AUGMENTATIONS = (*HELD_AUGMENTATIONS, RESIZED_CROP)

# Number of classes, and what reads the images of a folder.
_SOURCES: dict[str, tuple[int, Callable[..., Images]]] = {
    "digits": (10, digits),
    "imagenet": (1000, imagenet),
    "tiny-imagenet": (200, tiny_imagenet),
    **{name: (100 if name == "cifar100" else 10, partial(vision, name)) for name in VISION},
}

# The names that `load_data` knows, sorted.
DATA = tuple(sorted(_SOURCES))

_SPLIT_SEED = 2023  # of the validation images: the same for all runs


@dataclass(frozen=True, eq=False)
class Data:
    """A data set, split in three.

    Parameters
    ----------
    name
        Name of the set.
    classes
        Number of classes.
    train
        Images to train with.
    validation
        Images that select, taken from those that the set offers for training.
    read_test
        Reads the images of the test.
    checksum
        sha256 of the images that the set offers for training.
    mean, deviation
        (channels,) of the pixels of `train`.
    """

    name: str
    classes: int
    train: Images
    validation: Images
    read_test: Callable[[], Images]
    checksum: str
    mean: Tensor
    deviation: Tensor

    def to(self, device: torch.device) -> Data:
        """Hold all but the test on another device."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            mean=self.mean.to(device),
            deviation=self.deviation.to(device),
        )

    def normalised(self, images: Tensor) -> Tensor:
        """Turn bytes (batch, channels, height, width) into numbers of mean 0 and standard deviation 1."""
        return images.float().sub_(self.mean[:, None, None]).div_(self.deviation[:, None, None])


def load_data(name: str, folder: Path, *, validation: Rational = "1/10") -> Data:
    """Read a data set and split it.

    Parameters
    ----------
    name
        One of `DATA`.
    folder
        Where the files are, or are downloaded to; not needed for ``digits``.
    validation
        Share of the training images that is set apart, in (0, 1).

    Raises
    ------
    InvalidInput
        If the name is unknown, the share lies outside or takes no image, or the files can not be had.

    Examples
    --------
    >>> data = load_data("digits", Path())
    >>> len(data.train), len(data.validation), len(data.read_test()), data.train.shape
    (1294, 143, 360, (1, 8, 8))
    """
    if name not in _SOURCES:
        raise InvalidInput("data", f"one of {', '.join(DATA)}", name)
    classes, read = _SOURCES[name]
    whole = read(folder, train=True)
    train, selecting = split(whole, validation)
    mean, deviation = train.statistics()
    read_test = partial(read, folder, train=False)
    return Data(name, classes, train, selecting, read_test, whole.checksum(), mean, deviation)


def split(whole: Images, validation: Rational) -> tuple[Images, Images]:
    """Set the same share of every class apart, up to one image.

    Returns
    -------
    tuple of Held or Streamed
        What is left to train with, and what is set apart.

    Raises
    ------
    InvalidInput
        If the share lies outside (0, 1), or no image would be set apart.
    """
    share = probability("validation", validation)
    rng = np.random.default_rng(_SPLIT_SEED)
    apart = torch.zeros(len(whole), dtype=torch.bool)
    owed = 0 * share  # fractions of images, handed on from class to class
    for label in torch.unique(whole.labels):
        places = np.flatnonzero((whole.labels == label).numpy())
        owed += share * len(places)
        count = int(owed)
        owed -= count
        apart[rng.permutation(places)[:count]] = True
    if not apart.any():
        raise InvalidInput("validation", f"a share that takes some of {len(whole)} images", validation)
    return whole.part(~apart), whole.part(apart)
