"""Wide residual networks, WRN-22-2 among them: normalisation and activation before the convolutions."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.arguments import check_sizes

__all__ = ["WideResNet"]

_DEEPEST = 1000


class _Block(nn.Module):
    """Two convolutions of 3 x 3, each behind normalisation and ReLU, with a shortcut around them."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        changes = channels != width or stride != 1
        self.shortcut = nn.Conv2d(channels, width, 1, stride, bias=False) if changes else None

    def forward(self, inputs: Tensor) -> Tensor:
        before: Tensor = self.bn1(inputs).relu()
        hidden: Tensor = self.conv2(self.bn2(self.conv1(before)).relu())
        return hidden + (inputs if self.shortcut is None else self.shortcut(before))


class WideResNet(nn.Module):
    """A wide residual network, WRN-depth-k.

    Parameters
    ----------
    depth
        6 n + 4 layers: n blocks in each of three stages.
    widening
        k, the factor on the widths 16, 32 and 64 of the stages; the stem keeps 16.
    channels
        They are those of the images.
    classes
        Number of outputs.
    scaled
        Turns a width into the one to use, on top of the widening.

    Notes
    -----
    Zagoruyko and Komodakis (BMVC 2016), without dropout.

    Examples
    --------
    >>> network = WideResNet(22, 2)
    >>> sum(weight.numel() for weight in network.parameters() if weight.dim() > 1)
    1076912
    """

    def __init__(
        self,
        depth: int,
        widening: int,
        channels: int = 3,
        classes: int = 10,
        scaled: Callable[[int], int] = int,
    ) -> None:
        super().__init__()
        check_sizes(depth=depth, widening=widening, channels=channels, classes=classes)
        if depth % 6 != 4 or not 10 <= depth <= _DEEPEST:
            raise InvalidInput("depth", f"6 n + 4 from 10 to {_DEEPEST}", depth)
        width = scaled(16)
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        for stage in range(3):
            layers = []
            for block in range((depth - 4) // 6):
                wide = scaled(16 * widening * 2**stage)
                layers.append(_Block(width, wide, 2 if block == 0 and stage > 0 else 1))
                width = wide
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.bn = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, channels, height, width) to logits (batch, classes)."""
        hidden = self.conv1(images)
        for stage in range(1, 4):
            hidden = self.get_submodule(f"layer{stage}")(hidden)
        logits: Tensor = self.fc(self.bn(hidden).relu().mean((2, 3)))
        return logits
