"""Networks by name, each with a factor on its hidden widths; one family a file.

Names, and the names and shapes of the layers, are those of `ertheory.architectures`, so that a table of densities
belongs to a module without further ado.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from torch import nn

from ertheory.errors import InvalidInput
from ertheory.exact import Rational, exact_rational
from ertrain.models.mlp import MLP
from ertrain.models.resnet import ResNet
from ertrain.models.vgg import VGG16
from ertrain.models.wide_resnet import WideResNet

__all__ = ["MLP", "MODELS", "VGG16", "ResNet", "WideResNet", "build_model"]

_CONVOLUTIONAL: dict[str, Callable[..., nn.Module]] = {
    "resnet18": partial(ResNet, (2, 2, 2, 2)),
    "resnet18-imagenet": partial(ResNet, (2, 2, 2, 2), imagenet=True),
    "resnet20": partial(ResNet, (3, 3, 3), narrowest=16, projection=False),
    "resnet50": partial(ResNet, (3, 4, 6, 3), bottleneck=True),
    "resnet50-imagenet": partial(ResNet, (3, 4, 6, 3), bottleneck=True, imagenet=True),
    "vgg16": VGG16,
    "wrn-22-2": partial(WideResNet, 22, 2),
}

# Hidden widths by name; any others can be written, as in "mlp-300-100".
_LENET = "mlp-300-100"

# The names that `build_model` knows, sorted.
MODELS = tuple(sorted((*_CONVOLUTIONAL, "lenet-300-100")))


def build_model(name: str, *, inputs: tuple[int, int, int], classes: int, width: Rational = 1) -> nn.Module:
    """Build a network for given images and classes.

    Parameters
    ----------
    name
        One of `MODELS`, or ``mlp-300-100`` with any hidden widths.
    inputs
        Channels, height and width of an image.
    classes
        Number of outputs.
    width
        Factor on every hidden width, above 0: a width c becomes the integer nearest to c * width, and at least 1.

    Returns
    -------
    torch.nn.Module
        With weights that PyTorch's own rules gave it; see `ertrain.initialisation`.

    Raises
    ------
    InvalidInput
        If the name is unknown, or a number lies outside its domain.

    Examples
    --------
    >>> build_model("lenet-300-100", inputs=(1, 28, 28), classes=10, width=0.5)
    MLP(
      (fc1): Linear(in_features=784, out_features=150, bias=True)
      (fc2): Linear(in_features=150, out_features=50, bias=True)
      (fc3): Linear(in_features=50, out_features=10, bias=True)
    )
    """
    allowed = f"one of {', '.join(MODELS)}, or mlp-300-100 with any hidden widths"
    if not isinstance(name, str):
        raise InvalidInput("model", allowed, name)
    factor = exact_rational("width", width)
    if not 0 < factor <= 1000:
        raise InvalidInput("width", "a number in (0, 1000]", width)
    if name in _CONVOLUTIONAL:
        return _CONVOLUTIONAL[name](channels=inputs[0], classes=classes, scaled=partial(_scaled, factor))
    text = _LENET if name == "lenet-300-100" else name
    if re.fullmatch(r"mlp(-[1-9][0-9]{0,5})+", text) is None:
        raise InvalidInput("model", allowed, name)
    hidden = [_scaled(factor, int(size)) for size in text.split("-")[1:]]
    return MLP((math.prod(inputs), *hidden, classes))


def _scaled(factor: Fraction, hidden: int) -> int:
    return max(1, math.floor(hidden * factor + Fraction(1, 2)))
