"""Many fully connected networks of one shape as one module: a step of all takes little longer than a step of one.

Layers are batched products of matrices. `torch.func.vmap` over one network gives the same numbers, and takes up to
twice as long where networks are small, which is what they are batched for.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number

__all__ = ["BatchedLinear", "BatchedMLP"]


class BatchedLinear(nn.Module):
    """The same linear layer of all networks.

    Parameters
    ----------
    weight
        Their weights, shape (networks, outputs, inputs).
    bias
        Their biases, shape (networks, outputs).
    mask
        Their masks, booleans of the shape of the weights; without them the layers are dense. Weights outside the mask
        must be 0.

    Raises
    ------
    InvalidInput
        If the shapes do not fit together.
    """

    def __init__(self, weight: Tensor, bias: Tensor, mask: Tensor | None = None) -> None:
        super().__init__()
        if weight.dim() != 3 or bias.shape != weight.shape[:2] or not (_floats(weight) and _floats(bias)):
            got = f"{weight.dtype} of shape {tuple(weight.shape)} and {bias.dtype} of shape {tuple(bias.shape)}"
            raise InvalidInput("weight", "floats (networks, outputs, inputs), with a bias (networks, outputs)", got)
        if mask is not None and (mask.dtype != torch.bool or mask.shape != weight.shape):
            got = f"{mask.dtype} of shape {tuple(mask.shape)}"
            raise InvalidInput("mask", f"booleans of shape {tuple(weight.shape)}", got)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        if mask is not None:
            self.register_buffer("weight_mask", mask)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (networks, batch, inputs) to outputs (networks, batch, outputs)."""
        return torch.baddbmm(self.bias[:, None], inputs, self.weight.transpose(1, 2))


def _floats(given: Tensor) -> bool:
    return given.is_floating_point() and given.layout == torch.strided


class BatchedMLP(nn.Module):
    """ReLU networks with linear outputs.

    Parameters
    ----------
    layers
        The layers by their names, from the inputs to the outputs.
    factors
        A ReLU stands behind every so many layers; those between are factors of one linear map, of which the last alone
        has a bias. The factors of a network are multiplied before they meet its inputs: for maps that are smaller than
        a batch, and however many neurons stand between, that is far less to compute.

    Raises
    ------
    InvalidInput
        If there are no layers, or they do not fit together.

    Examples
    --------
    >>> layers = {"fc1": BatchedLinear(torch.ones(3, 5, 2), torch.zeros(3, 5))}
    >>> BatchedMLP(layers)(torch.ones(4, 2)).shape
    torch.Size([3, 4, 5])
    """

    def __init__(self, layers: Mapping[str, BatchedLinear], *, factors: int = 1) -> None:
        super().__init__()
        whole_number("factors", factors, least=1)
        shapes = [tuple(layer.weight.shape) for layer in layers.values()]
        fit = all(one[:2] == (other[0], other[2]) for one, other in pairwise(shapes))
        if not shapes or len(shapes) % factors or not fit:
            allowed = "layers of equally many networks, each of which reads what the one before gives"
            raise InvalidInput("layers", f"{allowed}, in groups of {factors}", shapes)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.count, self.factors = len(next(self.parameters())), factors

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (networks, batch, inputs), or (batch, inputs) for all alike, to (networks, batch, outputs)."""
        layers = [layer for layer in self.children() if isinstance(layer, BatchedLinear)]
        hidden = inputs.expand(self.count, *inputs.shape[-2:])
        for number in range(0, len(layers), self.factors):
            *inner, last = layers[number : number + self.factors]
            weight: Tensor = last.weight
            for factor in reversed(inner):
                weight = weight @ factor.weight
            hidden = torch.baddbmm(last.bias[:, None], hidden, weight.transpose(1, 2))
            if number + self.factors < len(layers):
                hidden = hidden.relu_()
        return hidden
