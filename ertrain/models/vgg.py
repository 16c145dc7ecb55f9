"""VGG16 with batch normalisation: thirteen convolutions in five groups, then one linear layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ertrain.arguments import check_sizes

__all__ = ["VGG16"]

_GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


class VGG16(nn.Module):
    """VGG16-BN in its CIFAR form, with one linear layer behind the convolutions.

    Parameters
    ----------
    channels
        They are those of the images.
    classes
        Number of outputs.
    scaled
        Turns a width into the one to use.

    Notes
    -----
    The network halves the resolution five times and averages over what is left, so images of 32 x 32 end as one
    position. Images must have at least 32 x 32 pixels.

    Examples
    --------
    >>> sum(weight.numel() for name, weight in VGG16().named_parameters() if weight.dim() > 1)
    14715584
    """

    def __init__(self, channels: int = 3, classes: int = 10, scaled: Callable[[int], int] = int) -> None:
        super().__init__()
        check_sizes(channels=channels, classes=classes)
        layers: list[nn.Module] = []
        for hidden, repeats in _GROUPS:
            for _ in range(repeats):
                width = scaled(hidden)
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, channels, height, width) to logits (batch, classes)."""
        logits: Tensor = self.classifier(self.features(images).mean((2, 3)))
        return logits
