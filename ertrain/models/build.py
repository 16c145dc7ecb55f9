"""Networks by name, each with a factor on its hidden widths; one family a file.

Names, and the names and shapes of the layers, are those of `ertheory.layerwise.architectures`, so that a table of
densities belongs to a module without further ado.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, exact_rational
from ertrain.arguments import check_inputs, check_sizes
from ertrain.models.encoder_decoder import EncoderDecoder
from ertrain.models.gcn import GCN
from ertrain.models.mlp import MLP
from ertrain.models.resnet import ResNet
from ertrain.models.transformer import Transformer
from ertrain.models.vgg import VGG16
from ertrain.models.wide_resnet import WideResNet

__all__ = ["MODELS", "build_model", "check_model_name", "width_factor"]

_CONVOLUTIONAL: dict[str, Callable[..., nn.Module]] = {
    "resnet18": partial(ResNet, (2, 2, 2, 2)),
    "resnet18-imagenet": partial(ResNet, (2, 2, 2, 2), imagenet=True),
    "resnet20": partial(ResNet, (3, 3, 3), narrowest=16, projection=False),
    "resnet50": partial(ResNet, (3, 4, 6, 3), bottleneck=True),
    "resnet50-imagenet": partial(ResNet, (3, 4, 6, 3), bottleneck=True, imagenet=True),
    "vgg16": VGG16,
    "wrn-22-2": partial(WideResNet, 22, 2),
}

# For terms of one number at every place.
_OF_TERMS: dict[str, Callable[..., nn.Module]] = {"encoder-decoder": EncoderDecoder, "transformer": Transformer}

# Hidden widths by name; any others can be written, as in "mlp-300-100".
_LENET = "mlp-300-100"

# The names that `build_model` knows for images, sorted.
MODELS = tuple(sorted((*_CONVOLUTIONAL, "lenet-300-100")))

_ALLOWED = (
    f"one of {', '.join(MODELS)}, mlp-300-100 with any hidden widths, {' or '.join(_OF_TERMS)} for terms, "
    "or gcn-16 with any hidden widths for a graph"
)


def check_model_name(name: str) -> None:
    """Refuse a name that `build_model` does not know, for whatever inputs.

    Raises
    ------
    InvalidInput
        If it is none.

    Examples
    --------
    >>> check_model_name("mlp-300-100")
    """
    if name not in (*MODELS, *_OF_TERMS) and re.fullmatch(r"(mlp|gcn)(-[1-9][0-9]{0,5})+", name) is None:
        raise InvalidInput("model", _ALLOWED, name)


def width_factor(width: Rational) -> Fraction:
    """Read a factor on hidden widths.

    Raises
    ------
    InvalidInput
        If it is no number in (0, 1000].

    Examples
    --------
    >>> width_factor("1/2")
    Fraction(1, 2)
    """
    factor = exact_rational("width", width)
    if not 0 < factor <= 1000:
        raise InvalidInput("width", "a number in (0, 1000]", width)
    return factor


def build_model(
    name: str, *, inputs: tuple[int, ...], classes: int, width: Rational = 1, edges: Tensor | None = None
) -> nn.Module:
    """Build a network for given inputs and classes.

    Parameters
    ----------
    name
        One of `MODELS` for images, ``mlp-300-100`` with any hidden widths for all but graphs, ``encoder-decoder`` or
        ``transformer`` for terms, or ``gcn-16`` with any hidden widths for a graph.
    inputs
        Shape of one input: channels, height and width of an image, terms and values, features and nodes of a graph.
    classes
        Number of outputs.
    width
        Factor on every hidden width, above 0: a width c becomes the integer nearest to c * width, and at least 1.
    edges
        They are those of a graph, int64 (2, m).

    Returns
    -------
    torch.nn.Module
        A network with weights that PyTorch's own rules gave it; see `ertrain.models.initialisation`.

    Raises
    ------
    InvalidInput
        If the name is unknown, the network is for other inputs, or a number lies outside its domain.

    Examples
    --------
    >>> build_model("lenet-300-100", inputs=(1, 28, 28), classes=10, width=0.5)
    MLP(
      (fc1): Linear(in_features=784, out_features=150, bias=True)
      (fc2): Linear(in_features=150, out_features=50, bias=True)
      (fc3): Linear(in_features=50, out_features=10, bias=True)
    )
    """
    if not isinstance(name, str):
        raise InvalidInput("model", _ALLOWED, name)
    factor = width_factor(width)
    check_inputs(inputs)
    check_sizes(classes=classes)
    if edges is not None and not name.startswith("gcn"):
        raise InvalidInput("model", "gcn-16 with any hidden widths for a graph", name)
    if name in _OF_TERMS and len(inputs) == 2:
        return _OF_TERMS[name](values=inputs[1], classes=classes, scaled=partial(_scaled, factor))
    if name in _CONVOLUTIONAL:
        if len(inputs) != 3:
            raise InvalidInput("inputs", f"channels, height and width of an image for {name}", inputs)
        return _CONVOLUTIONAL[name](channels=inputs[0], classes=classes, scaled=partial(_scaled, factor))
    text = _LENET if name == "lenet-300-100" else name
    kind = "mlp" if edges is None else "gcn"
    if re.fullmatch(rf"{kind}(-[1-9][0-9]{{0,5}})+", text) is None:
        raise InvalidInput("model", _ALLOWED, name)
    hidden = [_scaled(factor, int(size)) for size in text.split("-")[1:]]
    if edges is not None:
        if len(inputs) != 2:
            raise InvalidInput("inputs", f"features and nodes of a graph for {name}", inputs)
        return GCN((inputs[0], *hidden, classes), edges, nodes=inputs[1])
    return MLP((math.prod(inputs), *hidden, classes))


def _scaled(factor: Fraction, hidden: int) -> int:
    return max(1, math.floor(hidden * factor + Fraction(1, 2)))
