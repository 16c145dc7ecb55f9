"""Fully connected networks, written by their widths: 784-300-100-10."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ertrain.arguments import check_widths
from ertrain.masks.sparse import SparseLinear
from ertrain.masks.sparse.chain import chained

__all__ = ["MLP"]

_RELU = nn.ReLU()


class MLP(nn.Module):
    """Linear layers ``fc1``, ``fc2``, ... with ReLU between them.

    Parameters
    ----------
    widths
        Inputs, hidden widths, outputs. Inputs of any shape (batch, ...) are flattened.

    Examples
    --------
    >>> MLP((784, 300, 100, 10)).fc3
    Linear(in_features=100, out_features=10, bias=True)
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        check_widths(widths)
        self.depth = len(widths) - 1
        for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            self.add_module(f"fc{number}", nn.Linear(inputs, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, ...) to logits (batch, outputs)."""
        hidden: Tensor = images.flatten(1)
        layers = [self.get_submodule(f"fc{number}") for number in range(1, self.depth + 1)]
        if any(isinstance(layer, SparseLinear) for layer in layers):
            steps = [step for layer in layers for step in (layer, _RELU)]
            return chained(steps[:-1], hidden)
        for layer in layers[:-1]:
            hidden = layer(hidden).relu()
        return layers[-1](hidden)  # type: ignore[no-any-return]
