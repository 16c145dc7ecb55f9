"""Weight layers of the networks that the experiments use: name and shape of each, in forward order.

A table lists what a mask can cover: convolution and linear weights. Biases and batch normalisation are never masked
and are left out. Names and order are those of the modules in torchvision's ResNet and batch-normalised VGG, so that a
table can be matched with a state dict. Order matters, because the pyramidal ratio counts layers: within a residual
block it is conv1, conv2, (conv3), then the convolution of the shortcut.

>>> sum(layer.weights for layer in architecture("vgg16"))
14715584
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, exact_rational, whole_number, whole_numbers

__all__ = ["ARCHITECTURES", "LayerShape", "architecture"]

_LARGEST_SIZE = 10**15


@dataclass(frozen=True)
class LayerShape:
    """Name and shape of one weight tensor.

    Parameters
    ----------
    name
        Name of the module that owns the weights.
    shape
        (outputs, inputs) of a linear layer, (outputs, inputs, *kernel) of a convolution; inputs are counted per group.
        Every size is at least 1.
    groups
        The number of groups into which a convolution is cut, a divisor of the outputs: 1 for most, and the number of
        channels where it is depthwise.

    Raises
    ------
    InvalidInput
        If there are fewer than two sizes, one is not a whole number from 1 to 10^15, or the groups do not divide the
        outputs.

    Examples
    --------
    >>> LayerShape("conv1", (64, 3, 7, 7)).weights
    9408
    """

    name: str
    shape: tuple[int, ...]
    groups: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Sequence) or len(self.shape) < 2:
            raise InvalidInput(f"shape of {self.name}", "(outputs, inputs, *kernel)", self.shape)
        read = whole_numbers(f"shape of {self.name}", self.shape, least=1, most=_LARGEST_SIZE)
        object.__setattr__(self, "shape", read)
        whole_number(f"groups of {self.name}", self.groups, least=1)
        if read[0] % self.groups:
            raise InvalidInput(f"groups of {self.name}", f"a divisor of the {read[0]} outputs", self.groups)

    @property
    def outputs(self) -> int:
        """Number of output neurons or channels."""
        return self.shape[0]

    @property
    def inputs(self) -> int:
        """Number of input neurons or channels, of one group."""
        return self.shape[1]

    @property
    def depthwise(self) -> bool:
        """Whether each output reads one channel of several; a convolution of images with one channel is none."""
        return self.groups > 1 and self.inputs == 1

    @property
    def kernel(self) -> tuple[int, ...]:
        """Filter size per spatial axis, ``()`` for a linear layer."""
        return self.shape[2:]

    @property
    def fan_in(self) -> int:
        """Weights that lead into one output: inputs times filter taps."""
        return math.prod(self.shape[1:])

    @property
    def weights(self) -> int:
        """m_l, the number of weights."""
        return math.prod(self.shape)


def architecture(name: str, *, classes: int | None = None, width: Rational = 1) -> tuple[LayerShape, ...]:
    """List the weight layers of a network in forward order.

    Parameters
    ----------
    name
        One of `ARCHITECTURES`, or the widths of a fully connected network written as ``784-300-100-10``. The names
        without ``-imagenet`` are the CIFAR forms: VGG16 with one linear layer, ResNets with a 3x3 first convolution.
        ``resnet20`` has shortcuts without weights.
    classes
        Number of outputs, at least 1. By default 10, for ``-imagenet`` 1000, for written widths the last of them.
    width
        Factor on every hidden width, above 0; inputs and outputs keep theirs. A width c becomes the integer nearest
        to c * width, halves rounded up, and at least 1. In ResNet50 the factor acts on the inner width of a block,
        and the outer one stays four times the inner.

    Returns
    -------
    tuple of LayerShape
        All convolution and linear weights.

    Raises
    ------
    InvalidInput
        If the name is unknown or a number lies outside its domain.

    Examples
    --------
    >>> [layer.shape for layer in architecture("784-300-100-10", width=0.5)]
    [(150, 784), (50, 150), (10, 50)]
    >>> architecture("resnet18", classes=100)[-1]
    LayerShape(name='fc', shape=(100, 512), groups=1)
    """
    allowed = f"one of {', '.join(ARCHITECTURES)}, or widths like 784-300-100-10"
    if not isinstance(name, str):
        raise InvalidInput("model", allowed, name)
    if classes is not None:
        classes = whole_number("classes", classes, least=1)
    factor = exact_rational("width", width)
    if factor <= 0:
        raise InvalidInput("width", "a number above 0", width)
    if name in _TABLES:
        return _TABLES[name](classes, factor)
    text = _WRITTEN_AS_WIDTHS.get(name, name)
    if re.fullmatch(r"[0-9]+(-[0-9]+)+", text):
        return _fully_connected(text, classes, factor)
    raise InvalidInput("model", allowed, name)


def _scaled(hidden: int, factor: Fraction) -> int:
    return max(1, math.floor(hidden * factor + Fraction(1, 2)))


def _fully_connected(text: str, classes: int | None, factor: Fraction) -> tuple[LayerShape, ...]:
    # Twenty digits are enough to see that a width is too large, and few enough for int() to accept.
    first, *hidden, last = (int(size[:20]) for size in text.split("-"))
    if not all(1 <= size <= _LARGEST_SIZE for size in (first, *hidden, last)):
        raise InvalidInput("model", "widths from 1 to 10**15", text)
    widths = [first, *(_scaled(size, factor) for size in hidden), last if classes is None else classes]
    return tuple(
        LayerShape(f"fc{number}", (outputs, inputs))
        for number, (inputs, outputs) in enumerate(pairwise(widths), start=1)
    )


def _vgg16(
    classes: int, factor: Fraction, *, linear: tuple[int, ...] = (), positions: int = 1
) -> tuple[LayerShape, ...]:
    layers: list[LayerShape] = []
    channels, module = 3, 0
    for hidden, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            layers.append(LayerShape(f"features.{module}", (_scaled(hidden, factor), channels, 3, 3)))
            channels = _scaled(hidden, factor)
            module += 3  # the convolution, its normalisation, its activation
        module += 1  # the pooling
    widths = [channels * positions, *(_scaled(size, factor) for size in linear), classes]
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        # Activation and dropout stand between two linear layers.
        layers.append(LayerShape(f"classifier.{3 * index}" if linear else "classifier", (outputs, inputs)))
    return tuple(layers)


def _resnet(
    classes: int,
    factor: Fraction,
    *,
    blocks: tuple[int, ...],
    stem: int = 3,
    bottleneck: bool = False,
    narrowest: int = 64,
    projection: bool = True,
) -> tuple[LayerShape, ...]:
    channels = _scaled(narrowest, factor)
    layers = [LayerShape("conv1", (channels, 3, stem, stem))]
    for stage, repeats in enumerate(blocks):
        inner = _scaled(narrowest * 2**stage, factor)
        outer = 4 * inner if bottleneck else inner
        for block in range(repeats):
            prefix = f"layer{stage + 1}.{block}"
            layers.append(LayerShape(f"{prefix}.conv1", (inner, channels, *((1, 1) if bottleneck else (3, 3)))))
            layers.append(LayerShape(f"{prefix}.conv2", (inner, inner, 3, 3)))
            if bottleneck:
                layers.append(LayerShape(f"{prefix}.conv3", (outer, inner, 1, 1)))
            # The first block of a stage halves the resolution or changes the channels, so the identity does not fit.
            if projection and block == 0 and (stage > 0 or bottleneck):
                layers.append(LayerShape(f"{prefix}.downsample.0", (outer, channels, 1, 1)))
            channels = outer
    return (*layers, LayerShape("fc", (classes, channels)))


_Table = Callable[[int | None, Fraction], tuple[LayerShape, ...]]

_WRITTEN_AS_WIDTHS = {"lenet-300-100": "784-300-100-10"}

_TABLES: dict[str, _Table] = {
    "resnet18": lambda n, factor: _resnet(n or 10, factor, blocks=(2, 2, 2, 2)),
    "resnet18-imagenet": lambda n, factor: _resnet(n or 1000, factor, blocks=(2, 2, 2, 2), stem=7),
    "resnet20": lambda n, factor: _resnet(n or 10, factor, blocks=(3, 3, 3), narrowest=16, projection=False),
    "resnet50": lambda n, factor: _resnet(n or 10, factor, blocks=(3, 4, 6, 3), bottleneck=True),
    "resnet50-imagenet": lambda n, factor: _resnet(n or 1000, factor, blocks=(3, 4, 6, 3), bottleneck=True, stem=7),
    "vgg16": lambda n, factor: _vgg16(n or 10, factor),
    "vgg16-imagenet": lambda n, factor: _vgg16(n or 1000, factor, linear=(4096, 4096), positions=49),
}

# The names that `architecture` knows, sorted.
ARCHITECTURES = tuple(sorted((*_TABLES, *_WRITTEN_AS_WIDTHS)))
