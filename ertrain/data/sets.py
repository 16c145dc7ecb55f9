"""Data sets by name: inputs to train with, inputs that select, and inputs for the test, which are read once.

A validation split is always made, the same for every run, so that runs can be compared input by input.
Most are sets of images; a table of rows and a graph of nodes are held and split alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, probability
from ertrain.data.augmentation import AUGMENTATIONS as HELD_AUGMENTATIONS
from ertrain.data.digit_images import digits
from ertrain.data.given import GivenBatches, GivenItems
from ertrain.data.graphs import PLANETOID, block_model, planetoid
from ertrain.data.imagenet_folder import imagenet
from ertrain.data.in_memory import InMemory
from ertrain.data.modular_sums import MODULI, modular_addition
from ertrain.data.streamed import RESIZED_CROP, Streamed
from ertrain.data.tabular import TABLES, employment, table
from ertrain.data.tiny_imagenet_folder import tiny_imagenet
from ertrain.data.torchvision_sets import VISION, vision, vision_is_there

__all__ = [
    "AUGMENTATIONS",
    "DATA",
    "Data",
    "Images",
    "is_there",
    "load_data",
    "split",
]

Images = InMemory | Streamed | GivenItems | GivenBatches
AUGMENTATIONS = (*HELD_AUGMENTATIONS, RESIZED_CROP)

# Number of classes, and what reads the data of a folder.
_SOURCES: dict[str, tuple[int, Callable[..., Images]]] = {
    "acs-employment": (2, employment),
    "block-model": (5, block_model),
    "digits": (10, digits),
    "digits-32": (10, partial(digits, as_cifar=True)),
    "imagenet": (1000, imagenet),
    "tiny-imagenet": (200, tiny_imagenet),
    **{name: (classes, partial(planetoid, name)) for name, classes in PLANETOID.items()},
    **{name: (classes, partial(table, name)) for name, (_, classes) in TABLES.items()},
    **{f"modular-addition-{modulus}": (modulus, partial(modular_addition, modulus)) for modulus in MODULI},
    **{name: (100 if name == "cifar100" else 10, partial(vision, name)) for name in VISION},
}

# The names that `load_data` knows, sorted.
DATA = tuple(sorted(_SOURCES))

_SPLIT_SEED = 2023  # of the validation inputs: the same for all runs


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
        Inputs to train with.
    validation
        Inputs that select, taken from those that the set offers for training.
    read_test
        Reads the inputs of the test.
    checksum
        sha256 of the inputs that are taken of those that the set offers for training.
    mean, deviation
        They are those of the channels of `train`, in a shape that goes with its inputs: (channels, 1, 1) for images.
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

    def normalised(self, inputs: Tensor) -> Tensor:
        """Turn inputs (batch, *shape) into numbers whose channels have mean 0 and standard deviation 1."""
        return (inputs.float() - self.mean).div_(self.deviation)


def is_there(name: str, folder: Path) -> bool:
    """Whether the files of a data set are found in a folder, or none are needed, as for ``"digits"``.

    Examples
    --------
    >>> [is_there(name, Path("nowhere")) for name in ("digits", "cifar10", "imagenet")]
    [True, False, False]
    """
    if name in VISION:
        return vision_is_there(name, folder)
    if name in ("imagenet", "tiny-imagenet"):
        return (folder / ("imagenet" if name == "imagenet" else "tiny-imagenet-200")).is_dir()
    if name in PLANETOID:
        return (folder / "planetoid").is_dir()
    return name != "acs-employment"


def load_data(name: str, folder: Path, *, examples: int = 0, validation: Rational = "1/10") -> Data:
    """Read a data set and split it.

    Parameters
    ----------
    name
        One of `DATA`.
    folder
        Where the files are, or are downloaded to; not needed for ``digits`` and others that are always there.
    examples
        How many inputs are taken of those that are offered for training, every class in its share of them, as `split`
        draws them; 0 takes all. The test stays whole.
    validation
        Share of what is taken that is set apart, in (0, 1).

    Raises
    ------
    InvalidInput
        If the name is unknown, there are not so many inputs, the share lies outside or takes nothing, or the files
        cannot be had.

    Examples
    --------
    >>> data = load_data("digits", Path())
    >>> len(data.train), len(data.validation), len(data.read_test()), data.train.shape
    (1294, 143, 360, (1, 8, 8))
    >>> data = load_data("digits", Path(), examples=500)
    >>> len(data.train), len(data.validation), len(data.read_test())
    (450, 50, 360)
    """
    if name not in _SOURCES:
        raise InvalidInput("data", f"one of {', '.join(DATA)}", name)
    classes, read = _SOURCES[name]
    whole = read(folder, train=True)
    if examples:
        whole = _some(whole, examples)
    train, selecting = split(whole, validation)
    mean, deviation = (numbers.reshape(-1, *(1 for _ in train.shape[1:])) for numbers in train.statistics())
    read_test = partial(read, folder, train=False)
    return Data(name, classes, train, selecting, read_test, whole.checksum(), mean, deviation)


def _some(whole: Images, examples: int) -> Images:
    """Take so many inputs, the same share of every class."""
    offered = int((whole.labels >= 0).sum())
    if not 1 <= examples <= offered:
        raise InvalidInput("examples", f"0, or a whole number from 1 to {offered}", examples)
    return whole if examples == offered else split(whole, Fraction(examples, offered))[1]


def split(whole: Images, validation: Rational) -> tuple[Images, Images]:
    """Set the same share of every class apart, up to one input; of a graph, nodes.

    Returns
    -------
    tuple of InMemory, Nodes or Streamed
        What is left to train with, and what is set apart.

    Raises
    ------
    InvalidInput
        If the share lies outside (0, 1), or nothing would be set apart.
    """
    share = probability("validation", validation)
    rng = np.random.default_rng(_SPLIT_SEED)
    labels = whole.labels.flatten()
    apart = torch.zeros(len(labels), dtype=torch.bool)
    owed = 0 * share  # fractions of inputs, handed on from class to class
    for label in torch.unique(labels[labels >= 0]):
        places = np.flatnonzero((labels == label).numpy())
        owed += share * len(places)
        count = int(owed)
        owed -= count
        apart[rng.permutation(places)[:count]] = True
    if not apart.any():
        raise InvalidInput("validation", f"a share that takes some of {int((labels >= 0).sum())}", validation)
    apart = apart.reshape(whole.labels.shape)
    return whole.part(~apart), whole.part(apart)
