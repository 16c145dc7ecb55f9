"""Residual networks: ResNet-20 for small images, ResNet18 and ResNet50 with a stem for CIFAR or for ImageNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_numbers
from ertrain.arguments import check_sizes

__all__ = ["ResNet"]

_MOST_BLOCKS = 1000


class _Block(nn.Module):
    """Convolutions with a shortcut around them: two of 3 x 3, or 1 x 1, 3 x 3 and 1 x 1 to four times the width."""

    def __init__(self, channels: int, inner: int, stride: int, *, bottleneck: bool, projection: bool) -> None:
        super().__init__()
        outer = 4 * inner if bottleneck else inner
        if bottleneck:
            shapes = [(channels, inner, 1, 1), (inner, inner, 3, stride), (inner, outer, 1, 1)]
        else:
            shapes = [(channels, inner, 3, stride), (inner, outer, 3, 1)]
        self.depth = len(shapes)
        for number, (before, after, kernel, step) in enumerate(shapes, start=1):
            convolution = nn.Conv2d(before, after, kernel, step, padding=kernel // 2, bias=False)
            self.add_module(f"conv{number}", convolution)
            self.add_module(f"bn{number}", nn.BatchNorm2d(after))
        self.stride, self.padding = stride, outer - channels
        self.downsample: nn.Module | None = None
        if projection:
            convolution = nn.Conv2d(channels, outer, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(outer))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = inputs
        for number in range(1, self.depth + 1):
            hidden = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(hidden))
            hidden = hidden.relu() if number < self.depth else hidden
        return (hidden + self._shortcut(inputs)).relu()

    def _shortcut(self, inputs: Tensor) -> Tensor:
        if self.downsample is not None:
            projected: Tensor = self.downsample(inputs)
            return projected
        if self.stride == 1 and not self.padding:
            return inputs
        # Without weights: every second pixel, and zeros for the new channels on either side.
        kept = inputs[:, :, :: self.stride, :: self.stride]
        left = self.padding // 2
        return nn.functional.pad(kept, (0, 0, 0, 0, left, self.padding - left))


class ResNet(nn.Module):
    """A residual network.

    Parameters
    ----------
    blocks
        Residual blocks per stage. Every stage but the first halves the resolution and doubles the width.
    channels
        They are those of the images.
    classes
        Number of outputs.
    scaled
        Turns a width into the one to use; in bottlenecks it acts on the inner width.
    narrowest
        Width of the first stage.
    bottleneck
        Whether a block has three convolutions, the outer width being four times the inner one.
    projection
        Whether shortcuts that change the shape are convolutions, or else zeros are filled in, as in ResNet-20.
    imagenet
        Whether the stem is a 7 x 7 convolution of stride 2 and a pooling, or else one 3 x 3 convolution.

    Notes
    -----
    He, Zhang, Ren and Sun (CVPR 2016); in bottlenecks the stride sits in the 3 x 3 convolution, as in most programs.

    Raises
    ------
    InvalidInput
        If a number lies outside of its domain.

    Examples
    --------
    >>> network = ResNet((2, 2, 2, 2))
    >>> sum(weight.numel() for weight in network.parameters() if weight.dim() > 1)
    11164352
    """

    def __init__(
        self,
        blocks: Sequence[int],
        channels: int = 3,
        classes: int = 10,
        scaled: Callable[[int], int] = int,
        *,
        narrowest: int = 64,
        bottleneck: bool = False,
        projection: bool = True,
        imagenet: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(channels=channels, classes=classes, narrowest=narrowest)
        if not whole_numbers("blocks", blocks, least=1, most=_MOST_BLOCKS):
            raise InvalidInput("blocks", "residual blocks of at least one stage", tuple(blocks))
        width = scaled(narrowest)
        size, stride = (7, 2) if imagenet else (3, 1)
        self.conv1 = nn.Conv2d(channels, width, size, stride, padding=size // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, 2, padding=1) if imagenet else nn.Identity()
        self.stages = len(blocks)
        for stage, repeats in enumerate(blocks):
            inner, layers = scaled(narrowest * 2**stage), []
            for block in range(repeats):
                first = block == 0 and (stage > 0 or bottleneck)
                step = 2 if block == 0 and stage > 0 else 1
                layers.append(_Block(width, inner, step, bottleneck=bottleneck, projection=projection and first))
                width = 4 * inner if bottleneck else inner
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, channels, height, width) to logits (batch, classes)."""
        hidden: Tensor = self.pool(torch.relu(self.bn1(self.conv1(images))))
        for stage in range(1, self.stages + 1):
            hidden = self.get_submodule(f"layer{stage}")(hidden)
        logits: Tensor = self.fc(hidden.mean((2, 3)))
        return logits
