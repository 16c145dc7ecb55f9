"""Networks in which every layer is a product of masked ones, wide enough to contain every network of their shape.

A linear map of the given network becomes two linear maps in a row, or three, with nothing between them; whatever stands
between the maps of the given network stays. With the widths of `ertheory.bounds.factored`, random masks of the stated
density leave weights for *every* network of the given shape, at once, with the stated probability. Whether training
finds them is another question, and the reason for these networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from ertheory.bounds.factored import (
    ORIENTATIONS,
    FactoredMap,
    Orientation,
    factored_design,
    shapes_of_model,
)
from ertheory.bounds.factored.triple import TripleMap
from ertheory.bounds.factored.triple_network import triple_design
from ertheory.errors import InvalidInput, one_of
from ertheory.numbers import Rational
from ertrain.masks.shapes import layer_shapes
from ertrain.masks.sparse.joined import joined
from ertrain.models.multiplied import multiplied

__all__ = ["FACTORS", "OUTER", "FactoredLayer", "factor_model", "linear_layers"]

FACTORS = (2, 3)
OUTER = ("frozen", "trained")

_DENSE = (nn.Linear, nn.Conv2d)
_NAMES = {2: ("inner", "outer"), 3: ("inner", "middle", "outer")}


class FactoredLayer(nn.Module):
    """Layers in a row in the place of one, without activations between them.

    Parameters
    ----------
    factors
        The layers: ``inner`` reads what the one read, ``outer`` has its outputs and its bias, and with three of them
        ``middle`` is between. What the one was told besides its inputs, such as a graph's edges, the outer one is told.

    Examples
    --------
    >>> import torch
    >>> layer = FactoredLayer([nn.Linear(3, 8, bias=False), nn.Linear(8, 2)])
    >>> layer(torch.ones(5, 3)).shape, [name for name, _ in layer.named_parameters()]
    (torch.Size([5, 2]), ['inner.weight', 'outer.weight', 'outer.bias'])
    """

    def __init__(self, factors: Sequence[nn.Module]) -> None:
        super().__init__()
        if len(factors) not in _NAMES:
            raise InvalidInput("factors", "two layers, or three", f"{len(factors)} of them")
        for name, factor in zip(_NAMES[len(factors)], factors, strict=True):
            self.add_module(name, factor)

    def forward(self, values: Tensor, *others: Any) -> Tensor:
        """Apply the layers one after the other, or two at once where that is sooner done."""
        *first, last = self.children()
        outputs = None
        if not others:
            layers = (*first, last)
            outputs = multiplied(layers, values) if isinstance(last, _DENSE) else joined(layers, values)
        if outputs is None:
            for layer in first:
                values = layer(values)
            outputs = last(values, *others)
        return outputs


def factor_model(
    model: nn.Module,
    *,
    density: Rational,
    failure_probability: Rational = "1/1000",
    factors: int = 2,
    outer: str = "trained",
) -> nn.Module:
    """Replace every linear layer and convolution of a network by its factors, in place.

    Parameters
    ----------
    model
        A network of `ertrain.models.build_model`, or any other whose layers have plain weights of their own, without
        masks; what it holds besides linear layers and convolutions stays as it is. Grouped convolutions, tied weights
        and layers whose weights PyTorch's attention reads itself are refused.
    density
        The density p in (0, 1] of the masks that all factors will get; it decides the inner widths.
    failure_probability
        The probability delta in (0, 1) that such masks have no weights for some network of the given shape.
    factors
        2, or 3.
    outer
        With ``"frozen"`` the outer factors are drawn and never trained, and inner ones are wide enough to carry all
        of their layers alone.

    Returns
    -------
    torch.nn.Module
        The network itself, or the factors if it is a single layer. New weights are those of PyTorch's own rules; see
        `ertrain.models.initialise`.

    Raises
    ------
    InvalidInput
        If a layer cannot be factored, or an argument lies outside its domain.
    InfeasibleWidth
        If more than 10**12 inner neurons were needed.

    Notes
    -----
    Statement ``factored`` of `ertheory`, universal over all weights; the theorem speaks of real weights and of masks,
    whatever training does. Every layer has the same density, as the widths assume.

    With `initialise`, a step of SGD on both factors moves their product by as much more as there are inner neurons for
    each input, N / I: from some tens on, its rate has to be lower than that of the dense network, or it diverges (a
    quarter of ResNet-20 on digits: 0.05 at density 0.5, 0.002 at 0.02, where N / I is up to 294). Adam needed no other.

    Examples
    --------
    >>> from ertrain.models import MLP
    >>> factor_model(MLP((784, 128, 10)), density="0.1").fc1
    FactoredLayer(
      (inner): Linear(in_features=784, out_features=1888, bias=False)
      (outer): Linear(in_features=1888, out_features=128, bias=True)
    )
    """
    one_of("outer", outer, OUTER)
    if factors not in FACTORS:
        raise InvalidInput("factors", "2 or 3", factors)
    if outer == "frozen" and factors == 3:
        raise InvalidInput("outer", "trained with three factors", outer)
    layers = layer_shapes(model)
    _check(model, [layer.name for layer in layers])
    shapes = shapes_of_model(layers)
    found: Sequence[FactoredMap | TripleMap]
    if factors == 2:
        # Dual: one drawn outer factor serves every network, and inner ones are solved for.
        theorems: Sequence[Orientation] = ("dual",) if outer == "frozen" else ORIENTATIONS
        found = factored_design(
            shapes, densities=[density], failure_probability=failure_probability, orientations=theorems
        ).maps
    else:
        found = triple_design(shapes, densities=[density], failure_probability=failure_probability).maps
    for one in found:
        layer = FactoredLayer(_factors(model.get_submodule(one.name), one))
        if outer == "frozen":
            layer.get_parameter("outer.weight").requires_grad_(False)
        if not one.name:
            return layer
        model.set_submodule(one.name, layer)
    return model


def linear_layers(model: nn.Module) -> frozenset[str]:
    """Name the layers whose outputs only another layer reads: those before the last factor.

    Examples
    --------
    >>> sorted(linear_layers(nn.Sequential(FactoredLayer([nn.Linear(3, 8, bias=False), nn.Linear(8, 2)]))))
    ['0.inner']
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, FactoredLayer)]
    names = [[f"{name}.{part}".lstrip(".") for part in layer._modules] for name, layer in layers]
    return frozenset(name for parts in names for name in parts[:-1])


def _check(model: nn.Module, names: Sequence[str]) -> None:
    """Refuse what would not be the layer that it was, before anything is replaced."""
    uses = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    attention = {id(part.out_proj) for part in model.modules() if isinstance(part, nn.MultiheadAttention)}
    for name in names:
        layer = model.get_submodule(name)
        weight = layer._parameters.get("weight")
        obstacles = {
            "grouped convolutions are left out": isinstance(layer, nn.modules.conv._ConvNd) and layer.groups > 1,
            "no masks, no parametrisations": weight is None or bool(dict(layer.named_buffers(recurse=False))),
            "its weight is tied to another": uses[id(weight)] > 1,
            "PyTorch's attention reads its weight": id(layer) in attention,
        }
        for reason, holds in obstacles.items():
            if holds:
                raise InvalidInput(f"layer {name!r}", f"a plain linear layer or convolution ({reason})", layer)


def _factors(layer: Any, one: FactoredMap | TripleMap) -> list[nn.Module]:
    """Make the layers that take the place of one; the taps of a convolution are in the first or in the last."""
    inner = (one.inner,) if isinstance(one, FactoredMap) else one.inner
    sizes = [one.inputs, *(max(1, width) for width in inner), one.outputs]
    pairs = list(pairwise(sizes))
    if isinstance(layer, nn.Linear):
        first = [nn.Linear(inputs, outputs, bias=False) for inputs, outputs in pairs[:-1]]
        return [*first, type(layer)(*pairs[-1], bias=layer.bias is not None)]
    sliding = len(pairs) - 1 if one.form == "spatial-last" else 0
    result: list[nn.Module] = []
    for at, (inputs, outputs) in enumerate(pairs):
        bias = at == len(pairs) - 1 and layer.bias is not None
        slides = (
            {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation,
             "padding_mode": layer.padding_mode}
            if at == sliding
            else {}
        )  # fmt: skip
        kernel = layer.kernel_size if at == sliding else (1,) * len(layer.kernel_size)
        result.append(type(layer)(inputs, outputs, kernel, bias=bias, **slides))
    return result
