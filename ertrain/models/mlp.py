"""Fully connected networks, written by their widths: 784-300-100-10."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

__all__ = ["MLP"]


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
        self.depth = len(widths) - 1
        for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            self.add_module(f"fc{number}", nn.Linear(inputs, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Map images (batch, ...) to logits (batch, outputs)."""
        hidden: Tensor = images.flatten(1)
        for number in range(1, self.depth + 1):
            hidden = self.get_submodule(f"fc{number}")(hidden)
            hidden = hidden.relu() if number < self.depth else hidden
        return hidden
